"""Rules on synthetic histories, and measures against independent formulas."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from keras_gan import convergence
from keras_gan.convergence import (
    DiscriminatorFailed,
    DiscriminatorWon,
    Diverged,
    Equilibrium,
    ModeCollapse,
    Oscillating,
    Signals,
    Stalled,
    Verdict,
    signals,
    trends,
)

RULES = convergence.default_rules()


def run(qualities, chances=None, *, noise=0.01, fresh=0.5, **fields):
    """A history of given qualities and chances that a real scores above a fake.

    Of other `fields`, a list holds one value an epoch.
    """
    chances = [0.9] * len(qualities) if chances is None else chances
    return [
        Signals(
            epoch=epoch,
            quality=quality,
            quality_noise=noise,
            discriminator_auc=chance,
            num_real=1000,
            num_fake=1000,
            fresh_discriminator_auc=fresh,
            num_fresh=1000,
            **{k: v[epoch - 1] if isinstance(v, list) else v for k, v in fields.items()},
        )
        for epoch, (quality, chance) in enumerate(zip(qualities, chances, strict=True), start=1)
    ]


def first_verdict(history, rules=RULES, **options):
    """What a run that is watched from its first epoch would be told."""
    for epoch in range(1, len(history) + 1):
        verdict = convergence.judge(history[:epoch], rules, **options)
        if verdict is not None:
            return verdict
    return None


# === Measures ===


def test_discriminator_auc_is_the_area_under_the_roc_curve():
    random = np.random.default_rng(0)
    # Rounded, so that there are ties within and between both sides.
    real, fake = random.normal(0.7, 1, 311).round(1), random.normal(0, 1, 173).round(1)
    labels = np.r_[np.ones(311), np.zeros(173)]
    expected = roc_auc_score(labels, np.r_[real, fake])
    assert convergence.discriminator_auc(real, fake) == pytest.approx(expected, abs=1e-12)
    assert convergence.discriminator_auc(fake, real) == pytest.approx(1 - expected, abs=1e-12)


@pytest.mark.parametrize(
    ("real", "fake", "expected"),
    [([1, 1], [0, 0], 1.0), ([0], [1, 2], 0.0), ([3, 3], [3], 0.5)],
)
def test_discriminator_auc_at_its_ends(real, fake, expected):
    assert convergence.discriminator_auc(real, fake) == expected


@pytest.mark.parametrize("scores", [[np.nan, 1.0], []])
def test_discriminator_auc_of_no_numbers_is_nan(scores):
    assert np.isnan(convergence.discriminator_auc(scores, [0.0]))


def test_discriminator_auc_error_is_the_spread_of_drawn_scores():
    random = np.random.default_rng(1)
    drawn = [
        convergence.discriminator_auc(random.normal(size=60), random.normal(size=90))
        for _ in range(2000)
    ]
    assert convergence.discriminator_auc_error(60, 90) == pytest.approx(np.std(drawn), rel=0.05)


def test_fluctuation_is_the_noise_about_a_trend():
    random = np.random.default_rng(2)
    found = [
        convergence.fluctuation(5 - 0.3 * np.arange(16) + random.normal(0, 0.2, 16))
        for _ in range(500)
    ]
    assert np.mean(found) == pytest.approx(0.2, rel=0.1)
    assert convergence.fluctuation(5 - 0.3 * np.arange(16)) == pytest.approx(0.0, abs=1e-12)
    assert convergence.fluctuation([1.0, 5.0, 2.0, 7.0]) == 0.0
    assert np.isfinite(convergence.fluctuation([1, 2, np.nan, 1, 2, 1, np.inf]))


def test_best_follows_the_direction_and_skips_what_is_not_finite():
    history = run([3.0, 1.0, np.nan, 2.0, 1.02])
    assert convergence.best(history).epoch == 2
    upwards = [dataclasses.replace(s, direction="max") for s in history]
    assert convergence.best(upwards).epoch == 1
    assert convergence.best(run([np.nan, np.nan])) is None


def test_of_what_noise_alone_tells_apart_the_latest_is_the_best():
    # The noise of a difference is 0.0141.
    assert convergence.best(run([1.0, 1.005, 1.014])).epoch == 3
    assert convergence.best(run([1.0, 1.005, 1.015])).epoch == 2
    assert convergence.best(run([1.0, 0.995, 0.985], direction="max")).epoch == 2
    assert convergence.best(run([1.0, 1.005, 1.0], noise=0.0)).epoch == 3


def test_qualities_against_other_reals_are_not_compared():
    early = run([0.1, 0.1], held_out=False)
    late = [dataclasses.replace(s, epoch=s.epoch + 2) for s in run([0.5, 0.4])]
    assert convergence.best([*early, *late]).epoch == 4
    assert convergence.epochs_without_improvement([*early, *late]) == 0


def test_swings_are_counted_from_side_to_side():
    assert trends.swings([1, -1, 1, -1], 0.5) == 3
    assert trends.swings([1, 1, 0.1, -0.1, 1, -1, -1], 0.5) == 1  # noise in between is none
    assert trends.swings([1, -1, 1, -1], 1.5) == 0
    assert trends.swings([0.0] * 5, 0.0) == 0


def test_noise_is_the_smaller_bound():
    jumping = [1.0, 2.0] * 5
    assert trends.noise(jumping, 0.1) == 0.1
    assert trends.noise(jumping, None) == trends.noise(jumping, 99.0) == trends.fluctuation(jumping)
    assert trends.noise([1.0], None) == 0.0


def test_relative_spread_is_the_root_of_the_variances():
    random = np.random.default_rng(3)
    real = random.normal(size=(500, 3))
    assert convergence.relative_spread(real, 7 + 0.5 * real) == pytest.approx(0.5)
    assert convergence.relative_spread(real, np.ones((5, 3))) == 0.0
    assert np.isnan(convergence.relative_spread(np.ones((5, 3)), real))


@pytest.mark.parametrize("p", [0.5, 0.8, 1.0])
def test_jensen_shannon_is_that_of_the_best_discriminator(p):
    # Data is 1 with chance p, samples are with chance 1 - p: the best D says p to 1, 1 - p to 0.
    real, fake = np.array([p, 1 - p]), np.array([1 - p, p])
    middle = (real + fake) / 2
    divergence = (stats.entropy(real, middle) + stats.entropy(fake, middle)) / 2
    loss = 2 * stats.entropy(real)
    assert convergence.jensen_shannon(loss) == pytest.approx(divergence)


# === Stalled ===


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


# === Trends ===


def test_a_trend_is_told_from_noise():
    random = np.random.default_rng(3)
    noise = random.standard_normal((2_000, 24))
    slope = 0.2 * np.arange(24)
    # One side beyond three standard deviations of a normal distribution: 0.135 %.
    assert np.mean([trends.falls(values) for values in noise]) < 0.005
    assert np.mean([trends.falls(values - slope) for values in noise]) > 0.95
    assert not any(trends.falls(values + slope) for values in noise[:100])
    # The statistic is that of SciPy's Kendall.
    for values in noise[:20] - slope / 4:
        tau = stats.kendalltau(np.arange(24), values).statistic
        z = -tau * 24 * 23 / 2 / np.sqrt(24 * 23 * 53 / 18)
        assert trends.falls(values) == (z > 3.0)


def test_a_trend_needs_numbers_and_enough_of_them():
    falling = list(range(20, 0, -1))
    assert trends.falls(falling)
    assert trends.falls([np.nan, *falling[:8], np.inf])
    assert not trends.falls(falling[:7])
    assert not trends.falls([np.nan] * 20)
    assert not trends.falls([1.0] * 20)


@pytest.mark.parametrize("outlier", [1, 2, 5])
@pytest.mark.parametrize("jitter", [0.0, 0.003])
def test_a_steady_gain_below_an_early_outlier_is_no_stall(outlier, jitter):
    qualities = 0.99 ** np.arange(60) + np.random.default_rng(11).normal(0, jitter, 60)
    qualities[outlier - 1] = 0.5
    assert first_verdict(run(list(qualities)), min_epochs=5) is None
    # Without the gain it is one.
    flat = [0.5 if epoch == outlier else 1.0 for epoch in range(1, 61)]
    assert first_verdict(run(flat), min_epochs=5).kind == "stalled"


@pytest.mark.parametrize(("gain", "stopped"), [(0.0, True), (0.15, False)])
def test_the_longer_a_run_the_slower_it_may_gain(gain, stopped):
    random = np.random.default_rng(7)
    epochs, stops = np.arange(1, 61), []
    for _ in range(20):
        density = 0.2 + gain * np.log(epochs) + 0.02 * random.standard_normal(60)
        verdict = first_verdict(run([1.0] * 60, density=list(density)), min_epochs=12)
        stops.append(60 if verdict is None else verdict.epoch)
    assert (np.median(stops) < 30) == stopped
    assert stopped or min(stops) == 60  # where 60 epochs gain six times as much as the noise


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


PACE = {"discriminator_updates": 50, "generator_updates": 50}
ALIKE = {"spread": 0.09, "density": 3.0, "num_covered": 500, "real_coverage": 0.97, "coverage": 0.1}


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


# === Updates ===


@pytest.mark.parametrize(("updates", "epoch"), [(9, 35), (30, 11), (100, 9), (None, 9)])
def test_a_stall_takes_updates_not_epochs_alone(updates, epoch):
    pace = {"discriminator_updates": updates, "generator_updates": updates}
    assert first_verdict(run([1.0] * 60, **pace), min_epochs=5).epoch == epoch
    # Of each player.
    pace["discriminator_updates"] = updates and 5 * updates
    assert first_verdict(run([1.0] * 60, **pace), min_epochs=5).epoch == epoch


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_epochs_in_which_a_rate_rises_do_not_count(player):
    rates = [1e-3 * min(1.0, epoch / 20) for epoch in range(1, 61)]
    warming = run([1.0] * 60, [0.5] * 60, **{f"{player}_rate": rates}, **PACE)
    verdict = first_verdict(warming, min_epochs=5)
    assert verdict.epoch == 28  # eight epochs since the twentieth, the first at the full rate
    falling = run([1.0] * 60, **{f"{player}_rate": rates[::-1]}, **PACE)
    assert first_verdict(falling, min_epochs=5).epoch == 9
    # Nor is a game called impossible.
    noise = {"first_samples_auc": 0.5, "num_first_samples": 256}
    warming = run([1.0] * 60, [0.5] * 60, **{f"{player}_rate": rates}, **PACE, **noise)
    assert first_verdict(warming, [DiscriminatorFailed()]).epoch == 26


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


# === Advice ===


def test_a_discriminator_that_knows_its_data_by_heart_is_named():
    heart = run([1.0] * 12, train_vs_held_out_auc=0.85, num_train=1000)
    verdict = first_verdict(heart)
    assert (
        verdict.kind == "stalled" and "training against held-out reals is 0.85" in verdict.message
    )
    assert "more data" in verdict.message and "ema_halflife" not in verdict.message
    plain = run([1.0] * 12, train_vs_held_out_auc=0.6, num_train=1000, fresh=None)
    assert "ema_halflife" in first_verdict(plain).message


@pytest.mark.parametrize(
    ("chance", "fresh", "words"),
    [
        (0.97, None, "the discriminator is too strong (AUC 0.97): try an R1"),
        (0.97, 0.99, "too strong"),
        (
            0.6,
            0.75,
            "too weak (the AUC of a freshly trained one is 0.75): try discriminator_steps=2",
        ),
        (0.6, None, "ema_halflife"),
        (None, None, "ema_halflife"),
    ],
)
def test_the_advice_at_a_stall_follows_from_who_is_ahead(chance, fresh, words):
    verdict = first_verdict(run([1.0] * 12, [chance] * 12, fresh=fresh))
    assert verdict.kind == "stalled" and words in verdict.message


USUAL = {
    "loss": "NonSaturating",
    "penalties": [],
    "batch_size": 64,
    "discriminator_steps": 1,
    "generator_steps": 1,
    "discriminator_optimizer": "Adam",
    "generator_optimizer": "Adam",
}


@pytest.mark.parametrize(
    ("settings", "rates", "words"),
    [
        ({"generator_steps": 10}, (1e-3, 1e-3), "generator_steps=10 with discriminator_steps=1"),
        ({"discriminator_steps": 20}, (1e-3, 1e-3), "lets the discriminator become too strong"),
        ({}, (1e-2, 1e-4), "the generator's learning rate (0.01) is 100 times"),
        ({}, (1e-3, 0.0), "the discriminator's learning rate is 0"),
        ({}, (2e-2, 2e-2), "learning rate (0.02) is high"),
        ({"loss": "Wasserstein"}, (1e-4, 1e-4), "needs a penalty"),
        ({"batch_size": 2}, (1e-3, 1e-3), "batch_size=2 is small"),
        ({"discriminator_steps": 5}, (1e-4, 4e-4), None),
        ({"generator_optimizer": "SGD"}, (1e-1, 1e-3), None),
    ],
)
def test_advice_names_the_setting_that_is_out_of_the_ordinary(settings, rates, words):
    history = run([1.0] * 12, generator_rate=rates[0], discriminator_rate=rates[1], fresh=None)
    history[0] = dataclasses.replace(history[0], settings={**USUAL, **settings})
    message = first_verdict(history).message
    if words is None:
        assert "ema_halflife" in message
    else:
        assert words in message and "ema_halflife" not in message
    collapsed = run([1.0] * 12, **ALIKE, generator_rate=rates[0], discriminator_rate=rates[1])
    collapsed[0] = dataclasses.replace(collapsed[0], settings={**USUAL, **settings})
    (sentence,) = convergence.early_warnings(collapsed, RULES).values()
    assert (words or "R1 penalty") in sentence


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_rules_bear_what_was_not_measured(rule):
    bare = [Signals(epoch=epoch) for epoch in range(1, 41)]
    assert rule(bare) is None
    broken = run([np.nan] * 40, [np.nan] * 40, coverage=np.nan, density=np.nan, spread=np.nan)
    assert rule(broken) is None or rule.kind == "stalled"
    assert rule.cure and type(rule).__doc__


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
    ],
)
def test_diverged_tells_what_is_not_finite(fields, words):
    verdict = convergence.judge([Signals(epoch=1, **fields)], RULES)
    assert verdict.kind == "diverged" and words in verdict.message
    assert verdict.best_epoch is None and "weights are unchanged" in verdict.message
    json.loads(verdict.to_json())


def test_finite_numbers_do_not_diverge():
    history = [Signals(epoch=1, d_loss=1e30, g_loss=-5.0, d_gradient_norm=np.inf)]
    assert convergence.judge(history, [Diverged()]) is None


# === Cost ===


def test_an_epoch_of_a_long_run_costs_what_one_of_a_short_run_costs():
    random = np.random.default_rng(8)
    count = 2_000
    fields = {"coverage": list(random.normal(0.8, 0.01, count)), "density": 0.8, "spread": 0.9}
    fields |= {"num_covered": 500, "real_coverage": 0.97, "quality_floor": 0.1, "d_loss": 1.0}
    chances = [0.9] * 100 + [0.5] * (count - 100)
    history = run(random.normal(1.0, 0.01, count), chances, fresh=0.9, **fields)
    known, calls = [], []
    for signals_of_epoch in history:
        known.append(signals_of_epoch)
        calls.append(calls_made_by(lambda: convergence.judge(known, RULES)))
    assert np.median(calls[-500:]) < 1.5 * np.median(calls[200:700])
    # From nothing, too: no more than all epochs one after the other.
    others = [dataclasses.replace(s, epoch=s.epoch + 1) for s in history]
    assert calls_made_by(lambda: convergence.judge(others, RULES)) < sum(calls)


def calls_made_by(function):
    """How many functions a call calls: what it costs, whatever else the machine does."""
    count = 0

    def count_call(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_progress_is_the_same_however_a_history_has_grown():
    random = np.random.default_rng(9)
    history = run(1.0 - 0.002 * np.arange(90) + random.normal(0, 0.01, 90))
    history[40] = dataclasses.replace(history[40], quality=np.nan)
    grown = []
    for epoch in range(1, 91):
        grown.append(convergence.epochs_without_improvement(history[:epoch]))
    copies = [dataclasses.replace(s) for s in history]
    assert grown == [convergence.epochs_without_improvement(copies[:n]) for n in range(1, 91)]
    alone = [dataclasses.replace(s, num_fake=999) for s in history]
    assert grown[::-1] == [
        convergence.epochs_without_improvement(alone[:n]) for n in range(90, 0, -1)
    ]
    # What is decided in the middle is not confused with what came before.
    other = [*history[:30], *run([5.0] * 10)]
    assert convergence.epochs_without_improvement(other) >= 10


def test_a_sliding_trend_is_the_test_of_the_latter_half():
    random = np.random.default_rng(10)
    values = np.round(random.normal(0, 1, 200) - 0.05 * np.arange(200), 1)
    values[[30, 31, 90]] = np.nan, np.inf, np.nan
    trend = trends.SlidingTrend()
    for end, value in enumerate(values, 1):
        window = values[max(min(end // 2, end - 8), end - 64, 0) : end]
        assert trend.add(value) == trends.falls(window), end


# === Composition and form ===


class GoodEnough:
    kind = "good_enough"

    def __call__(self, history):
        quality = history[-1].quality
        return {"quality": quality} if quality < 0.5 else None


def test_a_rule_of_ones_own():
    history = run([1.0, 0.8, 0.4])
    verdict = first_verdict(history, [*RULES, GoodEnough()])
    assert (verdict.kind, verdict.epoch) == ("good_enough", 3)
    assert verdict.message.startswith("good enough at epoch 3: quality 0.4")
    assert first_verdict(history, [*RULES, GoodEnough()], min_epochs=4) is None


def test_the_first_rule_in_the_list_wins():
    history = run([0.1] * 20)
    assert first_verdict(history, [GoodEnough(), Stalled(patience=1)]).kind == "good_enough"
    assert convergence.judge(history, [Stalled(patience=1), GoodEnough()]).kind == "stalled"


def test_a_rule_may_word_its_own_verdict():
    own = Verdict("own", 1, None, {}, "mine")

    def rule(history):
        return own

    rule.kind = "own"
    assert convergence.judge(run([1.0]), [rule]) is own


@pytest.mark.parametrize("rules", [[], "stalled", [Stalled], [lambda history: None], [3]])
def test_what_is_no_rule_is_refused(rules):
    with pytest.raises(ValueError, match="rule"):
        convergence.check_rules(rules)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stalled(patience=0), "patience"),
        (lambda: Equilibrium(epochs=1.5), "epochs"),
        (lambda: Equilibrium(margin=0.3), "margin"),
        (lambda: Equilibrium(fresh=1), "fresh"),
        (lambda: ModeCollapse(epochs=0), "epochs"),
        (lambda: ModeCollapse(patience=0), "patience"),
        (lambda: DiscriminatorFailed(epochs=0), "epochs"),
        (lambda: DiscriminatorWon(fraction=0.0), "fraction"),
        (lambda: Oscillating(patience=0), "patience"),
    ],
)
def test_settings_are_checked(make, words):
    with pytest.raises(ValueError, match=f"`{words}`.*Received: {words}="):
        make()


def test_records_survive_json():
    history = run([1.0, 0.5], logs={"r1": 0.25}, first_failure={"step": 1})
    text = json.dumps([signals.to_dict() for signals in history])
    assert [Signals.from_dict(fields) for fields in json.loads(text)] == history
    assert Signals(epoch=3).to_dict() == {"epoch": 3}, "what was not measured takes no space"
    verdict = first_verdict(run([1.0] * 20))
    assert Verdict.from_json(verdict.to_json()) == verdict
    odd = dataclasses.replace(verdict, evidence={"a": float("nan"), "b": np.float32(2)})
    assert json.loads(odd.to_json())["evidence"] == {"a": "nan", "b": 2.0}


def test_a_history_in_columns_comes_back():
    history = [
        Signals(epoch=1, quality=0.5, logs={"d_loss": 1.0}),
        Signals(epoch=2, first_failure={"step": 3}, logs={"d_loss": 2.0, "val_d_loss": 3.0}),
    ]
    table = signals.columns(history)
    assert table["fields"]["quality"] == [0.5, None]
    assert signals.from_columns(json.loads(json.dumps(table))) == history
    assert signals.from_columns(signals.columns([])) == []


OLD_NAMES = {
    "real_above_fake": "discriminator_auc",
    "fresh_real_above_fake": "fresh_discriminator_auc",
    "real_above_noise": "first_samples_auc",
    "train_above_held_out": "train_vs_held_out_auc",
    "num_noise": "num_first_samples",
}


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_records_of_earlier_versions_are_read(old, new):
    now = Signals(epoch=1, **{new: 7})
    assert Signals.from_dict({"epoch": 1, old: 7}) == now
    table = signals.columns([now])
    table["fields"][old] = table["fields"].pop(new)
    assert signals.from_columns(table) == [now]
