"""What counts as progress: trends, updates, and what it costs to know."""

import dataclasses
import sys

import numpy as np
import pytest
from scipy import stats

from histories import PACE, RULES, first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    DiscriminatorFailed,
    trends,
)

# === Trends ===


def falls(values):
    """Whether the trend test finds a fall in values that are the second half of a series."""
    trend = trends.SlidingTrend()
    return [trend.add(value) for value in (*[np.nan] * len(values), *values)][-1]


def test_a_trend_is_told_from_noise():
    random = np.random.default_rng(3)
    noise = random.standard_normal((1_000, 24))
    slope = 0.2 * np.arange(24)
    # One side beyond three standard deviations of a normal distribution: 0.135 %.
    assert np.mean([falls(values) for values in noise]) < 0.005
    assert np.mean([falls(values - slope) for values in noise]) > 0.95
    assert not any(falls(values + slope) for values in noise[:100])
    # The statistic is that of SciPy's Kendall.
    for values in noise[:20] - slope / 4:
        tau = stats.kendalltau(np.arange(24), values).statistic
        z = -tau * 24 * 23 / 2 / np.sqrt(24 * 23 * 53 / 18)
        assert falls(values) == (z > 3.0)


def test_a_trend_needs_numbers_and_enough_of_them():
    falling = list(range(20, 0, -1))
    assert falls(falling)
    assert falls([np.nan, *falling[:8], np.inf])
    assert not falls(falling[:7])
    assert not falls([np.nan] * 20)
    assert not falls([1.0] * 20)


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


# === Cost ===


@pytest.mark.slow
def test_an_epoch_of_a_long_run_costs_what_one_of_a_short_run_costs():
    random = np.random.default_rng(8)
    count = 1_000
    fields = {"coverage": list(random.normal(0.8, 0.01, count)), "density": 0.8, "spread": 0.9}
    fields |= {"num_covered": 500, "real_coverage": 0.97, "quality_floor": 0.1, "d_loss": 1.0}
    chances = [0.9] * 100 + [0.5] * (count - 100)
    history = run(random.normal(1.0, 0.01, count), chances, fresh=0.9, **fields)
    known, calls = [], []
    for signals_of_epoch in history:
        known.append(signals_of_epoch)
        calls.append(calls_made_by(lambda: convergence.judge(known, RULES)))
    assert np.median(calls[-250:]) < 1.5 * np.median(calls[200:450])
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
    trend, found = trends.SlidingTrend(), []
    for end, value in enumerate(values, 1):
        window = values[max(min(end // 2, end - 8), end - 64, 0) : end]
        window = window[np.isfinite(window)]
        n, later = window.size, np.triu_indices(window.size, 1)
        score = np.sign(window[:, None] - window)[later].sum()
        found.append(trend.add(value))
        expected = n >= 8 and score > 3.0 * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
        assert found[-1] == expected, end
    assert 0 < sum(found) < len(found)
