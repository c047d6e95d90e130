"""All quality metrics in a table, and batches to try them on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import metrics

DIMENSION = 4
MODES = 4.0 * np.eye(DIMENSION)


def classifier(shape=(DIMENSION,)):
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    return keras.Sequential(layers)


METRICS = {
    "DensityCoverage": metrics.DensityCoverage,
    "FrechetDistance": metrics.FrechetDistance,
    "InceptionScore": lambda **options: metrics.InceptionScore(classifier(), **options),
    "KernelDistance": metrics.KernelDistance,
    "ModeCoverage": lambda **options: metrics.ModeCoverage(MODES, 1.0, **options),
    "PrecisionRecall": metrics.PrecisionRecall,
    "SlicedWasserstein": metrics.SlicedWasserstein,
}
WITH_REALS = sorted(set(METRICS) - {"InceptionScore", "ModeCoverage"})
every_metric = pytest.mark.parametrize("name", METRICS)


def normal(count, seed, mean=0.0, std=1.0, shape=(DIMENSION,)):
    return np.random.default_rng(seed).normal(mean, std, (count, *shape)).astype("float32")


REAL, FAKE = normal(100, 0), normal(100, 1, mean=0.3, std=1.2)


def fill(metric, real=REAL, fake=FAKE, batch_size=32, compiled=False, **options):
    update = metric.update_state
    if compiled:
        update = tf.function(update, autograph=False, **options)
    for i in range(0, len(fake), batch_size):
        update(tf.constant(real[i : i + batch_size]), tf.constant(fake[i : i + batch_size]))
    return metric


def numbers(result):
    return np.array(list(result.values()) if isinstance(result, dict) else [result])


def assert_close(first, second, rtol=1e-5):
    np.testing.assert_allclose(numbers(first), numbers(second), rtol=rtol)
