"""Mode coverage against the published protocol, written out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_gan.metrics import ModeCoverage
from keras_gan.metrics.mode_coverage import mode_coverage, truncated_std

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = (np.c_[np.cos(ANGLES), np.sin(ANGLES)], 0.01)
GRID = (np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], "float64"), 0.05)


def draw(mixture, count, seed, *, scale=1.0, only=None):
    modes, std = mixture
    random = np.random.default_rng(seed)
    chosen = modes[random.integers(0, only or len(modes), count)]
    return (chosen + random.normal(0, scale * std, chosen.shape)).astype("float32")


@pytest.mark.parametrize(("mixture", "divergence"), [(RING, 0.0013), (GRID, 0.0051)])
def test_a_perfect_sampler_has_the_published_figures(mixture, divergence):
    trials = [mode_coverage(draw(mixture, 2500, seed), *mixture) for seed in range(40)]
    mean = {key: np.mean([trial[key] for trial in trials]) for key in trials[0]}
    assert mean["modes"] == len(mixture[0])
    assert mean["high_quality"] == pytest.approx(0.9889, abs=0.001)
    # The published figures are means of ten trials, of which each spreads by 0.0008 and 0.0014.
    assert mean["reverse_kl"] == pytest.approx(divergence, abs=0.0005)
    assert mean["reverse_kl"] == pytest.approx((len(mixture[0]) - 1) / 5000, rel=0.12)
    assert mean["relative_std"] == pytest.approx(1.0, abs=0.005)


def test_lost_modes_and_bad_samples_are_counted():
    found = mode_coverage(draw(RING, 20_000, 0, only=4), *RING)
    assert found["modes"] == 4
    assert found["reverse_kl"] == pytest.approx(np.log(2), abs=0.001)
    wide = mode_coverage(draw(RING, 20_000, 0, scale=1.18), *RING)
    assert wide["high_quality"] == pytest.approx(1 - np.exp(-4.5 / 1.18**2), abs=0.004)
    assert wide["relative_std"] > 1.05
    narrow = mode_coverage(draw(RING, 20_000, 0, scale=0.5), *RING)
    assert narrow["high_quality"] == pytest.approx(1.0, abs=1e-4)
    assert narrow["relative_std"] == pytest.approx(0.5 / 0.974, rel=0.01)


def test_the_definitions_on_a_few_points():
    modes = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]
    # Two on the first mode's disc, its rim included; two near the second, both outside its disc.
    samples = np.array([[0.6, 0.8], [0.0, 3.0], [10.0, 3.1], [14.0, 0.0]])
    found = mode_coverage(samples, modes, 1.0)
    assert found["modes"] == 1 and found["high_quality"] == 0.5
    assert found["reverse_kl"] == pytest.approx(2 * 0.5 * np.log(0.5 * 3))
    assert found["relative_std"] == pytest.approx(np.sqrt((1.0 + 9.0) / 4) / 0.974)


def test_no_sample_of_high_quality():
    found = mode_coverage(np.full((10, 2), 7.0), *RING)
    assert found["modes"] == 0 and found["high_quality"] == 0 and np.isnan(found["relative_std"])


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_cut_normals_spread(dimension):
    radii = stats.chi2(dimension).ppf(np.linspace(0, stats.chi2(dimension).cdf(9.0), 200_001)[:-1])
    assert truncated_std(dimension) == pytest.approx(np.sqrt(radii.mean() / dimension), abs=6e-4)
    assert truncated_std(2) == 0.974


def test_the_metric_sums_over_batches():
    metric = ModeCoverage(*GRID)
    metric.build((2,))
    assert all(keras.backend.standardize_dtype(v.dtype) == "float64" for v in metric.variables)
    samples = draw(GRID, 1000, 0)
    assert np.isnan(metric.result()["modes"])
    update = tf.function(metric.update_state, autograph=False, jit_compile=True)
    for i in range(0, 1000, 300):
        update(None, tf.constant(samples[i : i + 300]))
    assert metric.result() == pytest.approx(mode_coverage(samples, *GRID), rel=1e-9)
    assert tuple(metric.result()) == metric.result_keys
    metric.reset_state()
    assert np.isnan(metric.result()["high_quality"])


def test_the_config_makes_the_same_metric():
    metric = ModeCoverage(*RING, name="ring")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert (again.modes, again.std, again.name) == (metric.modes, 0.01, "ring")
    assert metric.primary_key in metric.result_keys and metric.direction == "max"


def test_modes_that_coincide_are_refused():
    angles = np.linspace(0, 2 * np.pi, 8)
    with pytest.raises(ValueError, match="further apart.*endpoint=False"):
        ModeCoverage(np.c_[np.cos(angles), np.sin(angles)], 0.01)


@pytest.mark.parametrize("modes", [[1.0, 2.0], [[np.nan, 0.0]], []])
def test_modes_of_another_form_are_refused(modes):
    with pytest.raises(ValueError, match="`modes` must be.*Received"):
        ModeCoverage(modes, 0.1)


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match="`std`.*Received: std=0"):
        ModeCoverage(RING[0], 0)
    with pytest.raises(ValueError, match="as long as the modes"):
        ModeCoverage(*RING).build((3,))
