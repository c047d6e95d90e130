"""Losses and gradients that grow by orders of magnitude are told from those that vary."""

import json

import numpy as np
import pytest

from benchmarks import records
from benchmarks.zoo import (
    kinds,
)
from keras_gan import convergence, losses
from keras_gan.convergence import Signals, explosion

# Colour pictures at a learning rate that is too high, in six epochs of 40 steps.
LOGGED = {
    "d_loss": [0.46, 0.5, 1.1, 4.0, 9.3, 8.8],
    "g_loss": [11.8, 12.0, 15.0, 21.0, 27.0, 28.0],
    "d_gradient_norm": [5.8, 6.1, 12.0, 30.0, 70.0, 66.0],
    "g_gradient_norm": [20.0, 25.0, 22.0, 30.0, 41.0, 44.0],
}
SETTINGS = {"loss": "RelativisticPaired", "penalties": ["R1", "R2"]}


def history(logged=LOGGED, **fields):
    count = len(next(iter(logged.values())))
    return [
        Signals(epoch=i + 1, **{key: values[i] for key, values in logged.items()}, **fields)
        for i in range(count)
    ]


def test_what_grew_is_told_with_what_it_was_before():
    run = history()
    assert [bool(convergence.exploding(run[:n])) for n in range(1, 7)] == [False] * 5 + [True]
    found = convergence.exploding(run)
    assert found == {
        "exploding_epoch": 5,
        "d_loss": 9.3,
        "d_loss_before": 0.46,
        "d_gradient_norm": 70.0,
        "d_gradient_norm_before": 5.8,
    }
    words = "the discriminator's loss is 9.3 after 0.46, the discriminator's gradient norm is 70"
    assert words in explosion.describe(found)


def test_what_each_loss_is_at_logits_of_0_is_known():
    flat = np.zeros((4, 1), "float32")
    # Minus the loss of a Wasserstein critic estimates a distance, which has no scale.
    of_losses = {
        kind.__name__: pytest.approx(
            float(np.mean(kind().discriminator_loss(flat, flat))), abs=0.01
        )
        for kind in losses._KNOWN.values()
        if kind is not losses.Wasserstein
    }
    assert explosion._AT_CHANCE == of_losses


@pytest.mark.parametrize("without", [("d_loss",), ("d_gradient_norm",)])
def test_a_loss_or_a_gradient_alone_explodes_not(without):
    logged = {k: v if k not in without else v[:1] * 6 for k, v in LOGGED.items()}
    assert convergence.exploding(history(logged)) is None
    assert convergence.exploding([]) is None and convergence.exploding([Signals(epoch=1)]) is None


def test_a_tiny_loss_may_grow_and_a_recovered_run_is_left_alone():
    small = {**LOGGED, "d_loss": [0.01, 0.02, 0.4, 0.9, 1.3, 1.3]}
    assert convergence.exploding(history(small)) is None
    recovered = history({k: v + [v[0]] * 4 for k, v in LOGGED.items()})
    assert convergence.exploding(recovered[:9]) is not None
    assert convergence.exploding(recovered) is None
    for_one_epoch = {k: [*v[:5], v[0]] for k, v in LOGGED.items()}
    assert convergence.exploding(history(for_one_epoch)) is None
    broken = {k: [*v[:5], float("nan")] for k, v in LOGGED.items()}
    assert convergence.exploding(history(broken)) is not None


@pytest.mark.parametrize(
    ("loss", "found"), [("Hinge", True), ("Wasserstein", False), (None, False)]
)
def test_nothing_need_be_before_where_the_loss_has_a_scale(loss, found):
    settings = {"loss": loss} if loss else {}
    first = history({"d_loss": [21.0, 23.0]}, settings=settings)
    assert (convergence.exploding(first) is not None) == found
    assert convergence.exploding(history({"d_loss": [4.0, 4.5]}, settings=settings)) is None


def test_a_loss_that_begins_high_and_falls_does_not_explode():
    def found(*losses):
        return convergence.exploding(history({"d_loss": losses}, settings={"loss": "Hinge"}))

    falls = [400.0, 300.0, 120.0, 60.0, 30.0, 2.0]
    assert all(found(*falls[:n]) is None for n in range(1, 7))
    assert found(1.0, 400.0, 300.0)["exploding_epoch"] == 2
    assert found(*falls[:3], 150.0)["exploding_epoch"] == 3
    assert found(400.0, float("nan"))["exploding_epoch"] == 1


@pytest.mark.parametrize(
    ("settings", "rates", "words"),
    [
        (SETTINGS, (1e-3, 1e-3), "learning rates of 0.0002 in place of 0.001"),
        ({**SETTINGS, "penalties": []}, (1e-3, 1e-3), "add an R1 penalty"),
        ({**SETTINGS, "generator_steps": 5}, (1e-3, 1e-3), "generator_steps=5"),
        (SETTINGS, (None, None), "a fifth as high"),
        ({}, (None, None), "a fifth as high"),
    ],
)
def test_the_change_most_likely_to_help(settings, rates, words):
    run = history(settings=settings, discriminator_rate=rates[0], generator_rate=rates[1])
    assert words in explosion.cure(run)


def test_a_verdict_has_it_as_evidence():
    failure = {"step": 200, "player": "discriminator", "variable": "kernel"}
    run = [*history()[:5], Signals(epoch=6, first_failure=failure)]
    verdict = convergence.judge(run, convergence.default_rules())
    assert verdict.kind == "diverged" and verdict.evidence["d_loss_before"] == 0.46
    assert "; the run explodes: in epoch 5 the discriminator's loss is 9.3" in verdict.message
    json.loads(verdict.to_json())
    calm = [*history()[:3], Signals(epoch=4, first_failure=failure)]
    assert "explodes" not in convergence.judge(calm, convergence.default_rules()).message


@pytest.mark.slow
def test_no_healthy_run_that_is_recorded_explodes():
    exploded, healthy = set(), 0
    for record in records.summary("zoo").values():
        run = [Signals.from_dict(fields) for fields in record["signals"]]
        # Four epochs are judged at a time: every fourth look judges all of them.
        for n in sorted({*range(5, len(run), 4), len(run)}):
            if convergence.exploding(run[:n]) or explosion.exploding_within(run[:n]):
                exploded.add(record["kind"])
        healthy += kinds.KINDS[record["kind"]].healthy
    assert healthy > 30 and "generator_rate_high" in exploded
    assert not any(kinds.KINDS[kind].healthy for kind in exploded)
