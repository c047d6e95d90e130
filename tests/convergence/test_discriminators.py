"""Discriminators that are too weak or too strong."""

import dataclasses

import numpy as np
import pytest

from histories import PACE, first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    DiscriminatorFailed,
    DiscriminatorWon,
    Equilibrium,
)

# === The discriminator ===


def test_a_discriminator_that_never_began():
    history = run([1.0] * 8, [0.52] * 8, first_samples_auc=0.55, num_first_samples=256)
    verdict = first_verdict(history)
    assert (verdict.kind, verdict.epoch) == ("discriminator_failed", 4)
    assert "could not even tell data from the untrained" in verdict.message
    # One epoch in which it knew either is enough.
    rule = DiscriminatorFailed()
    began = run([1.0] * 8, [0.52] * 8, first_samples_auc=[0.55] * 7 + [0.7], num_first_samples=256)
    assert rule(began) is None
    assert (
        rule(run([1.0] * 8, [0.9] + [0.5] * 7, first_samples_auc=0.5, num_first_samples=256))
        is None
    )
    # Of few samples, more is chance.
    few = run([1.0] * 8, [0.52] * 8, first_samples_auc=0.7, num_first_samples=10)
    assert rule(few) is not None


def test_a_discriminator_that_died_far_from_the_data():
    qualities = [1.0] + [0.7] * 19
    history = run(qualities, [0.9] * 5 + [0.5] * 15, quality_floor=0.1, fresh=0.99)
    verdict = first_verdict(history)
    # The mean of four shows the gain until 5.
    assert (verdict.kind, verdict.epoch) == ("discriminator_failed", 13)
    assert verdict.evidence["floor"] == 0.1
    near = run([1.0] + [0.5] * 19, [0.9] * 5 + [0.5] * 15, quality_floor=0.1, fresh=0.99)
    assert first_verdict(near).kind == "stalled"
    alive = run(qualities, [0.9] * 20, quality_floor=0.1)
    assert first_verdict(alive).kind == "stalled"
    upwards = run([0.0] + [0.3] * 19, [0.5] * 20, quality_floor=0.9, direction="max")
    assert DiscriminatorFailed()(upwards) is not None
    upwards = run([0.0] + [0.6] * 19, [0.5] * 20, quality_floor=0.9, direction="max")
    assert DiscriminatorFailed()(upwards) is None


def test_a_discriminator_too_weak_to_see_what_is_missing():
    chances = [0.9] * 5 + [0.5] * 15
    fields = {"quality_floor": 0.1, "real_coverage": 0.97, "num_covered": 500, "fresh": 0.5}
    # The quality is near the floor, measured by where it began.
    qualities = [9.0] + [0.7] * 19
    verdict = first_verdict(run(qualities, chances, coverage=0.1, **fields))
    assert verdict.kind == "discriminator_failed"
    assert "chance level, while samples cover 10% of the data against 97%" in verdict.message
    assert first_verdict(run(qualities, chances, coverage=0.6, **fields)).kind == "equilibrium"
    # Within two standard errors of a half nothing is sure.
    assert Equilibrium()(run(qualities, chances, coverage=0.46, **fields)) is not None


def test_a_coin_may_jump_where_all_samples_are_alike():
    fields = {"coverage": 0.1, "real_coverage": 0.97, "num_covered": 500}
    rule = DiscriminatorFailed()  # 0.076 from 1/2 are allowed
    chances = [0.9] * 8 + [0.48, 0.4, 0.5, 0.45]
    assert rule(run([1.0] * 12, chances, **fields)) is not None
    assert rule(run([1.0] * 12, [*chances[:-3], 0.34, 0.6, 0.5], **fields)) is None
    assert rule(run([1.0] * 12, [*chances[:-4], 0.4, 0.4, 0.4, 0.45], **fields)) is None


def test_a_discriminator_that_won():
    norms = [1.0, 2.0] + [0.1] * 10
    verdict = first_verdict(run([1.0] * 12, [0.999] * 12, g_gradient_norm=norms))
    assert (verdict.kind, verdict.epoch) == ("discriminator_won", 9)
    assert "0.1, after up to 2" in verdict.message
    rule = DiscriminatorWon()
    assert rule(run([1.0] * 12, [0.996] * 12, g_gradient_norm=norms)) is None
    assert rule(run([1.0] * 12, [0.999] * 12, g_gradient_norm=[1.0] + [0.3] * 11)) is None
    assert rule(run([1.0] * 12, [0.999] * 12)) is None
    learning = list(2.0 - 0.05 * np.arange(12))
    assert rule(run(learning, [0.999] * 12, g_gradient_norm=norms)) is None


# A distance that creeps down by fits and starts, so that nothing ever stops to improve.
CREEPING = list(1.0 - 0.012 * np.arange(40))
DEAD = {"chances": [0.9] * 3 + [0.5] * 37, "quality_floor": 0.1, "fresh": 0.99}
WON = {"chances": [0.9999] * 40, "g_gradient_norm": [1.0, 2.0, 1.0] + [0.1] * 37}


@pytest.mark.parametrize(
    ("kind", "fields"), [("discriminator_failed", DEAD), ("discriminator_won", WON)]
)
def test_creeping_progress_hides_no_discriminator_that_teaches_nothing(kind, fields):
    history = run(CREEPING, **fields, **PACE)
    assert convergence.epochs_without_improvement(history) == 0
    verdict = first_verdict(history, min_epochs=5)
    assert (verdict.kind, verdict.epoch, verdict.evidence["epochs"]) == (kind, 11, 8)
    assert first_verdict(history, convergence.default_rules(patience=12)).epoch == 15
    few = {"discriminator_updates": 20, "generator_updates": 200}
    assert first_verdict(run(CREEPING, **fields, **few)).epoch == 18, "300 updates of each player"
    rising = {"generator_rate": [1e-5 * min(epoch, 20) for epoch in range(1, 41)]}
    assert first_verdict(run(CREEPING, **fields, **PACE, **rising)).epoch == 26
    alternating = [
        dataclasses.replace(s, generator_trained=s.epoch % 2 == 0)
        for s in run(list(1.0 - 0.006 * np.arange(40)), **fields, **PACE)
    ]
    assert first_verdict(alternating).epoch == 18


@pytest.mark.parametrize("fields", [DEAD, WON])
def test_a_run_that_comes_nearer_in_earnest_goes_on(fields):
    fields = {k: v[:16] if isinstance(v, list) else v for k, v in fields.items()} | PACE
    fast = list(0.1 + 0.9 * 0.97 ** np.arange(16))
    assert first_verdict(run(fast, **fields)) is None
    up = {**fields, "direction": "max", "quality_floor": -0.1}
    assert first_verdict(run([-quality for quality in fast], **up)) is None
    filling = {"coverage": list(np.linspace(0.1, 0.9, 16)), "real_coverage": 0.97}
    filling |= {"num_covered": 500, "density": 1.0, "spread": 1.0}
    assert first_verdict(run(CREEPING[:16], **fields, **filling)) is None
    # The check is alive.
    assert first_verdict(run(CREEPING[:16], **fields)) is not None
    # One epoch in which it does not hold begins the count anew.
    fields["chances"][8] = 0.7
    assert first_verdict(run(CREEPING[:16], **fields)) is None
