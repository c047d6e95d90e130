"""Runs that end at equilibrium or without progress."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from histories import first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    Equilibrium,
    Stalled,
)

# === Stalled ===


@pytest.mark.parametrize(("auc", "weak"), [(0.0, True), (0.04, True), (0.4, False), (0.6, False)])
def test_a_discriminator_that_takes_samples_for_data_is_too_weak(auc, weak):
    text = first_verdict(run([1.0] * 30, [auc] * 30, fresh=None), [Stalled()]).message
    assert (convergence.DiscriminatorFailed.cure in text) is weak
    assert (Stalled.cure in text) is not weak
    # Not one that was ahead a few epochs ago.
    text = first_verdict(run([1.0] * 9, [0.9] * 8 + [auc], fresh=None), [Stalled()]).message
    assert Stalled.cure in text


def test_a_healthy_run_is_never_stopped():
    random = np.random.default_rng(3)
    epochs = np.arange(100)
    for _ in range(6):
        qualities = 2.0 - 0.005 * epochs + random.normal(0, 0.01, 100)
        chances = 0.6 + 0.3 * np.exp(-epochs / 30)
        assert first_verdict(run(qualities, chances)) is None


def test_a_gain_of_half_the_noise_an_epoch_shows_in_means():
    qualities = 1.0 - 0.005 * np.arange(40) + 0.012 * (-1) ** np.arange(40)
    assert convergence.epochs_without_improvement(run(qualities)) <= 2


def test_noise_does_not_count_as_improvement():
    random = np.random.default_rng(4)
    stops = []
    for _ in range(100):
        verdict = first_verdict(run(random.normal(1.0, 0.01, 60)))
        stops.append(verdict.epoch if verdict else 999)
    # Nine epochs are the least; the records of pure noise may delay it a little.
    assert min(stops) == 9 and np.median(stops) <= 12 and max(stops) < 40
    # The same numbers, were they exact, would look like progress for longer.
    exact = [first_verdict(run(random.normal(1.0, 0.01, 60), noise=0.0)).epoch for _ in range(100)]
    assert np.mean(exact) > np.mean(stops) + 2


def test_a_slow_gain_adds_up():
    slow = run(1.0 - 0.004 * np.arange(40))
    assert first_verdict(slow) is None
    slower = run(1.0 - 0.0005 * np.arange(40))
    assert first_verdict(slower).kind == "stalled"


def test_stalled_names_the_best_epoch_and_the_cure():
    history = run([1.0, 0.5, 0.2] + [0.3] * 12)
    verdict = first_verdict(history, min_epochs=5, restored=True)
    assert (verdict.kind, verdict.epoch, verdict.best_epoch) == ("stalled", 14, 3)
    assert verdict.evidence["epochs"] == 8
    for words in ("stalled at epoch 14", "weights of epoch 3 restored", "0.2", "try "):
        assert words in verdict.message
    assert "training data" not in verdict.message
    assert "best epoch 3" in first_verdict(history, restored=False).message


def test_the_weights_of_the_verdicts_own_epoch_are_not_called_restored():
    history = run([1.0 - 0.0005 * n for n in range(40)])
    verdict = first_verdict(history, restored=True)
    assert verdict.kind == "stalled" and verdict.best_epoch == verdict.epoch
    assert "restored" not in verdict.message
    assert "as good as the best, and its weights are kept" in verdict.message


def test_quality_may_grow():
    growing = run(np.arange(30.0), direction="max")
    assert first_verdict(growing) is None
    assert first_verdict(run(-np.arange(30.0), direction="max")).best_epoch == 1


def test_patience_and_min_epochs_hold_back():
    flat = run([1.0] * 40)
    assert first_verdict(flat, [Stalled(patience=3)]).epoch == 4
    assert first_verdict(flat, [Stalled(patience=3)], min_epochs=20).epoch == 20
    assert first_verdict(flat, [Stalled(patience=39)]).epoch == 40


def test_epochs_of_the_discriminator_alone_do_not_count():
    flat = [dataclasses.replace(s, generator_trained=s.epoch % 2 == 0) for s in run([1.0] * 40)]
    assert first_verdict(flat).epoch == 18  # nine of the generator's, the first not counted


def test_without_quality_nothing_stalls():
    assert first_verdict(run([None] * 30)) is None
    assert "not been finite" in first_verdict(run([np.nan] * 30)).message


# === Equilibrium ===


def test_equilibrium_after_separation():
    chances = [0.98, 0.9, 0.8, 0.7, 0.62, 0.53, 0.49, 0.52, 0.5, 0.51, 0.5, 0.5]
    qualities = [1.0, 0.8, 0.6, 0.4, 0.3] + [0.295] * 7
    verdict = first_verdict(run(qualities, chances), min_epochs=5)
    assert (verdict.kind, verdict.epoch) == ("equilibrium", 12)
    assert verdict.evidence["discriminator_auc"] == 0.5
    assert verdict.evidence["highest_before"] == 0.98
    assert "0.98" in verdict.message


def test_a_dead_discriminator_is_no_equilibrium():
    rules = [Equilibrium()]
    assert first_verdict(run([1.0] * 30, [0.5] * 30), rules) is None
    # Nor is one that never knew much better than chance.
    assert first_verdict(run([1.0] * 30, [0.6] * 10 + [0.5] * 20), rules) is None
    # The check is alive: the same run after a clear separation is one.
    assert first_verdict(run([1.0] * 30, [0.9] * 10 + [0.5] * 20), rules).epoch == 14


def test_equilibrium_waits_for_quality():
    chances = [0.9] * 5 + [0.5] * 25
    assert first_verdict(run(2.0 - 0.05 * np.arange(30), chances)) is None
    assert first_verdict(run([1.0] * 30, chances)).kind in ("equilibrium", "stalled")


@pytest.mark.parametrize("broken", [0.9, 0.1, np.nan, None])
def test_equilibrium_needs_epochs_in_a_row(broken):
    chances = [0.9] * 5 + ([0.5] * 3 + [broken]) * 6
    verdict = first_verdict(run([1.0] * 29, chances), [Equilibrium()])
    # An epoch that was not measured breaks no row.
    assert (verdict is None) == (broken in (0.9, 0.1))


def test_few_samples_are_given_more_room():
    rule = Equilibrium(margin=0.05)
    tolerances = [
        rule.tolerance(dataclasses.replace(run([1.0])[0], num_real=n, num_fake=n))
        for n in (50, 5000)
    ]
    spread = stats.norm.ppf(0.975) * np.sqrt((2 * 50 + 1) / (12 * 50 * 50))
    assert tolerances[0] == pytest.approx(spread + 0.05, rel=0.02)
    assert tolerances[1] < 0.065


def test_training_data_as_reals_are_mentioned():
    verdict = first_verdict(run([1.0] * 30, held_out=False))
    assert "no validation data" in verdict.message


@pytest.mark.parametrize(
    ("fresh", "found"), [(0.5, True), (0.3, True), (0.57, True), (0.6, False), (None, False)]
)
def test_a_fresh_discriminator_decides(fresh, found):
    history = run([1.0] * 14, [0.9] * 10 + [0.5] * 4, fresh=fresh)
    assert (Equilibrium()(history) is not None) == found
    assert Equilibrium(fresh=False)(history) is not None


def test_a_fresh_discriminator_is_asked_for_where_all_else_holds_and_seldom():
    rule = Equilibrium()
    history = run([1.0] * 60, [0.9] * 10 + [0.5] * 50, fresh=None)
    asked = []
    for epoch in range(1, 61):
        if rule.wants_fresh(history[:epoch]):
            asked.append(epoch)
            last = history[epoch - 1]
            history[epoch - 1] = dataclasses.replace(last, fresh_discriminator_auc=0.9)
    assert asked == [14, 21, 32, 48]
    assert not Equilibrium(fresh=False).wants_fresh(history)
    assert not rule.wants_fresh(run([1.0] * 60, [0.9] * 60, fresh=None))
    assert not rule.wants_fresh(run([1.0] * 60, [0.9] * 10 + [0.5] * 49 + [None], fresh=None))


# === Coverage ===


def test_a_growing_coverage_is_progress_where_the_distance_is_lost_in_noise():
    jitter = 0.004 * (-1.0) ** np.arange(40)
    growing = list(np.linspace(0.5, 0.9, 40) + jitter)
    fields = {"num_covered": 500, "real_coverage": 0.97}
    assert first_verdict(run([1.0] * 40, coverage=growing, **fields)) is None
    assert first_verdict(run([1.0] * 40, coverage=[0.7] * 40, **fields)).kind == "stalled"
    # Nor does it count beyond what reals reach.
    fields["real_coverage"] = 0.5
    assert first_verdict(run([1.0] * 40, coverage=growing, **fields)).epoch == 9


def test_noise_of_the_coverage_is_no_progress():
    random = np.random.default_rng(5)
    stops = []
    for _ in range(50):
        coverage = list(random.binomial(500, 0.7, 60) / 500)
        history = run([1.0] * 60, coverage=coverage, num_covered=500, real_coverage=0.97)
        stops.append(first_verdict(history).epoch)
    assert np.median(stops) <= 13


def test_a_growing_density_is_progress_up_to_that_of_reals():
    jitter = 0.004 * (-1.0) ** np.arange(40)
    growing = list(np.linspace(0.3, 0.8, 40) + jitter)
    assert first_verdict(run([1.0] * 40, density=growing)) is None
    assert first_verdict(run([1.0] * 40, density=[0.5] * 40)).kind == "stalled"
    assert first_verdict(run([1.0] * 40, density=list(1.0 + np.array(growing)))).epoch == 9
