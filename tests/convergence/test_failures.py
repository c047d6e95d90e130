"""Mode collapse, oscillation, and numbers that are not finite."""

import json

import numpy as np
import pytest

from histories import ALIKE, PACE, RULES, first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    Diverged,
    ModeCollapse,
    Oscillating,
    Signals,
)

# === Mode collapse ===


def covering(coverage, density=1.0, spread=1.0, epochs=12, **fields):
    fields = {"num_covered": 500, "real_coverage": 0.97, **fields}
    return run([1.0] * epochs, coverage=coverage, density=density, spread=spread, **fields)


def test_dropped_modes():
    verdict = first_verdict(covering(0.3), restored=True)
    assert (verdict.kind, verdict.epoch) == ("mode_collapse", 9)
    assert "cover 30% of the data against 97% for reals" in verdict.message
    assert "discriminator_steps=2" in verdict.message


@pytest.mark.parametrize(
    ("history", "found"),
    [
        (covering(0.42), True),
        (covering(0.46), False),  # within two standard errors of a half
        (covering(0.46, num_covered=5000), True),
        (covering(0.42, real_coverage=0.8), False),
        (covering(0.3, density=0.1), False),  # far from all data: 1 - 1.1^-5 = 38 % are possible
        (covering(0.1, density=0.1), True),
        (covering(0.9, spread=0.4), True),
        (covering(0.9, spread=0.6), False),
        (covering(0.0, density=0.0, spread=0.4), False),  # like none of the data
        (covering(0.0, density=0.0, spread=0.05), True),
        (covering([0.3] * 11 + [0.9]), False),
        (covering([0.3] * 12, epochs=3), False),
        (covering(None), False),
    ],
)
def test_what_is_a_collapse(history, found):
    assert (ModeCollapse()(history) is not None) == found


def test_a_collapse_that_mends_is_none():
    fields = {"density": 1.0, "real_coverage": 0.97, "num_covered": 500, "spread": 1.0}
    history = run([1.0] * 30, coverage=[0.1 + 0.01 * n for n in range(30)], **fields)
    assert first_verdict(history) is None
    getting_better = run(list(2.0 - 0.05 * np.arange(30)), **{**fields, "coverage": 0.1})
    assert first_verdict(getting_better) is None


def test_samples_that_are_all_alike_are_named_however_the_distance_creeps():
    creeping = list(1.0 - 0.03 * np.arange(30))
    history = run(creeping, [0.0] * 30, **ALIKE, **PACE)
    assert convergence.epochs_without_improvement(history) == 0
    verdict = first_verdict(history, min_epochs=5)
    assert (verdict.kind, verdict.epoch) == ("mode_collapse", 8)
    assert "have 9% of their spread;" in verdict.message
    warned = [bool(convergence.early_warnings(history[:n], RULES)) for n in range(1, 9)]
    assert warned == [False] * 5 + [True] * 3, "after four epochs, and 300 updates"
    assert "All samples are similar" in convergence.early_warnings(history, RULES)["mode_collapse"]
    # The rule waits as long as it is told to, and not before the updates were many.
    assert first_verdict(history, [ModeCollapse(patience=12)]).epoch == 12
    few = run(creeping, [0.0] * 30, **ALIKE, discriminator_updates=15, generator_updates=150)
    assert first_verdict(few).epoch == 20


@pytest.mark.parametrize(
    "changes",
    [
        {"spread": 0.25},
        {"spread": [0.02 * 1.1**n for n in range(20)]},  # it finds out of it
        {"density": 0.0, "coverage": 0.0},  # it has not begun: the discriminator is ahead
        {"density": [0.0, 2.0] * 10},
    ],
)
def test_a_run_that_is_slow_to_begin_has_not_collapsed(changes):
    creeping = list(1.0 - 0.03 * np.arange(20))
    history = run(creeping, [0.99] * 20, **{**ALIKE, **changes}, **PACE)
    assert first_verdict(history) is None
    assert not convergence.early_warnings(history, RULES)


# === Oscillating ===


def test_cycles_without_progress():
    angle = np.arange(60) * 2 * np.pi / 9
    quality, d_loss = list(1.0 + 0.3 * np.cos(angle)), list(1.3 + 0.2 * np.sin(angle))
    verdict = first_verdict(run(quality, d_loss=d_loss))
    assert verdict.kind == "oscillating" and verdict.epoch < 30
    assert verdict.evidence["signal"] == "d_loss" and verdict.evidence["swings"] >= 3
    # A loss that stays says that it is no game of two.
    assert first_verdict(run(quality, d_loss=1.3)).kind == "stalled"
    # Small beside what has been gained.
    gained = [10.0, 5.0, *quality]
    assert Oscillating()(run(gained, d_loss=[1.0, 1.0, *d_loss])) is None
    # Within the noise.
    assert Oscillating()(run(quality, d_loss=d_loss, noise=0.2)) is None


def test_cycles_that_come_nearer_are_progress():
    epochs = np.arange(60)
    angle = epochs * 2 * np.pi / 9
    fields = {"d_loss": list(1.3 + 0.2 * np.sin(angle))}
    assert first_verdict(run(list(3 - 0.04 * epochs + 0.1 * np.cos(angle)), **fields)) is None


def test_noise_is_no_cycle():
    random = np.random.default_rng(6)
    kinds = [
        first_verdict(
            run(list(random.normal(1, 0.01, 60)), d_loss=list(random.normal(1.3, 0.1, 60)))
        ).kind
        for _ in range(50)
    ]
    assert kinds.count("oscillating") <= 2


# === Diverged ===


def test_diverged_names_step_player_and_variable_at_once():
    failure = {"step": 412, "player": "discriminator", "variable": "d_conv_2/kernel"}
    history = [*run([1.0, 0.9]), Signals(epoch=3, first_failure=failure)]
    verdict = convergence.judge(history, RULES, min_epochs=50, restored=True)
    assert (verdict.kind, verdict.epoch, verdict.best_epoch) == ("diverged", 3, 2)
    assert verdict.evidence == failure
    for words in ("discriminator", "step 412", "d_conv_2/kernel", "weights of epoch 2 restored"):
        assert words in verdict.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"d_loss": np.nan}, "d_loss is nan"),
        ({"g_loss": -np.inf}, "g_loss is -inf"),
        ({"first_failure": {"step": 1, "player": "generator", "variable": None}}, "its loss"),
        ({"broken_weight": {"player": "averaged_generator", "variable": "w"}}, "averaged generat"),
        (
            {"first_failure": {"step": 1, "player": "generator", "learning_rate": 1e38}},
            "skipped, at a learning rate of 1e+38",
        ),
    ],
)
def test_diverged_tells_what_is_not_finite(fields, words):
    verdict = convergence.judge([Signals(epoch=1, **fields)], RULES)
    assert verdict.kind == "diverged" and words in verdict.message
    assert verdict.best_epoch is None and "no best weights to restore" in verdict.message
    json.loads(verdict.to_json())


def test_finite_numbers_do_not_diverge():
    history = [Signals(epoch=1, d_loss=1e30, g_loss=-5.0, d_gradient_norm=np.inf)]
    assert convergence.judge(history, [Diverged()]) is None
