"""Measures against independent formulas, and records of them in files."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from histories import first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    Signals,
    Verdict,
    signals,
    trends,
)

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
