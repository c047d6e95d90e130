"""The inception score against its definition, closed forms and a stream of batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.metrics import InceptionScore
from keras_gan.metrics.inception_score import inception_score


def softmax(values):
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def draw(count, classes=7, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (count, classes)).astype("float32")


def slowly(parts):
    scores = []
    for part in parts:
        mean = part.mean(axis=0)
        divergences = [np.sum(p[p > 0] * np.log(p[p > 0] / mean[p > 0])) for p in part]
        scores.append(np.exp(np.mean(divergences)))
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("splits", [1, 4, 10])
def test_it_is_the_definition(splits):
    probabilities = softmax(draw(43).astype("float64"))
    probabilities[5] = np.eye(7)[2]  # zeros add nothing
    edges = [i * 43 // splits for i in range(splits + 1)]
    parts = [probabilities[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    expected = slowly(parts)
    assert inception_score(probabilities, splits=splits) == pytest.approx(expected, rel=1e-12)


def test_the_two_ends():
    even = np.eye(5)[np.arange(50) % 5]
    assert inception_score(even, splits=2) == pytest.approx((5.0, 0.0))
    assert inception_score(even[:3] * 0 + 0.2, splits=10) == pytest.approx((1.0, 0.0))
    assert inception_score(np.eye(5)[[1] * 9]) == pytest.approx((1.0, 0.0))


@pytest.mark.parametrize(
    ("rows", "received"),
    [
        ([[0.5, 0.4]], r"sums=\(0.9, 0.9\)"),
        ([[1.5, -0.5]], "smallest=-0.5"),
    ],
)
def test_what_is_no_probability_is_refused(rows, received):
    with pytest.raises(ValueError, match=f"sum to one.*{received}.*logits=True"):
        inception_score(rows)
    with pytest.raises(ValueError, match="at least one row.*shape"):
        inception_score(np.zeros((0, 3)))


@pytest.mark.parametrize("logits", [True, False])
def test_the_metric_deals_samples_out_to_parts(logits):
    values = draw(50)
    features = (lambda x: x) if logits else tf.nn.softmax
    metric = InceptionScore(features, logits=logits, splits=4)
    for i in range(0, 50, 9):
        metric.update_state(None, tf.constant(values[i : i + 9]))
    probabilities = softmax(values.astype("float64"))
    mean, std = slowly([probabilities[i::4] for i in range(4)])
    assert metric.result() == pytest.approx(mean, rel=1e-6)
    assert metric.standard_error() == pytest.approx(std / np.sqrt(3), rel=1e-4)
    assert np.isnan(InceptionScore(features, logits=logits).standard_error())


def test_fewer_samples_than_parts():
    metric = InceptionScore(tf.nn.softmax)
    metric.update_state(None, tf.constant(draw(3)))
    assert metric.result() == pytest.approx(1.0)


def test_a_classifier_is_needed_and_tried():
    with pytest.raises(ValueError, match="needs a classifier.*Received: features=None"):
        InceptionScore(None)
    inputs = keras.Input((4,))
    logits = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    with pytest.raises(ValueError, match="sum to one.*logits=True"):
        InceptionScore(logits).build((4,))
    InceptionScore(logits, logits=True).build((4,))


def test_what_is_no_probability_only_for_some_samples_is_told_at_the_end():
    metric = InceptionScore(lambda x: tf.concat([x, 1.0 - x], axis=1), splits=1)
    metric.update_state(None, tf.constant([[0.5], [0.25]]))
    assert metric.result() > 1.0
    metric.update_state(None, tf.constant([[0.5], [1.25]]))
    with pytest.raises(ValueError, match="sum to one.*samples_whose_are_not=1"):
        metric.result()
