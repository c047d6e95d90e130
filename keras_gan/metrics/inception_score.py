"""The inception score: confidence and diversity of a classifier's predictions."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.metrics import applications
from keras_gan.metrics.features import numbers
from keras_gan.metrics.quality_metric import FeatureMetric

# Tolerance of the sum of probabilities, for half precision.
TOLERANCE = 5e-3
_RULE = "Probabilities must be at least 0, and those of a sample sum to one."
_CURE = "If the classifier gives logits, take their softmax, or pass `logits=True`."

# === Pure functions ===


def inception_score(probabilities, *, splits=10):
    """The inception score, its mean and standard deviation over parts of the samples.

    `exp(mean_i KL(p_i || mean_j p_j))` in each of `splits` consecutive parts: 1 if all predictions
    are equal, at most the number of classes. Shuffle sorted samples first.

    Args:
        probabilities: array `(n, classes)`, rows of at least 0 that sum to one.
        splits: number of parts, at most n of which are made. Default 10.

    Returns:
        `(mean, std)`, floats; `std` with `splits` in the denominator.

    Raises:
        ValueError: if rows are not probabilities.
    """
    probabilities = numbers(probabilities, "probabilities")
    _checks.check(
        probabilities.ndim == 2 and len(probabilities) > 0,
        "`probabilities` must be an array `(n, classes)` with at least one row.",
        shape=probabilities.shape,
    )
    check_rows(probabilities)
    splits = min(_checks.positive_int(splits, "splits"), len(probabilities))
    ends = [i * len(probabilities) // splits for i in range(splits + 1)]
    parts = [probabilities[a:b] for a, b in zip(ends, ends[1:], strict=False)]
    scores = scores_of_sums(
        np.array([len(part) for part in parts], "float64"),
        np.array([part.sum(axis=0) for part in parts]),
        np.array([_x_log_x(part).sum() for part in parts]),
    )
    return float(scores.mean()), float(scores.std())


def scores_of_sums(counts, sums, x_log_x):
    """The score of each part, `(parts,)`, from sums over its samples.

    Args:
        counts: array `(parts,)`, samples in each.
        sums: array `(parts, classes)`, sums of the probabilities.
        x_log_x: array `(parts,)`, sums of `p log p` over samples and classes.
    """
    means = sums / counts[:, None]
    return np.exp(x_log_x / counts - _x_log_x(means).sum(axis=1))


def check_rows(probabilities):
    sums = probabilities.sum(axis=-1)
    right = (np.abs(sums - 1.0) <= TOLERANCE) & (probabilities >= 0.0).all(axis=-1)
    _checks.check(
        bool(right.all()),
        _RULE,
        cure=_CURE,
        smallest=float(probabilities.min()),
        sums=(float(sums.min()), float(sums.max())),
    )


def _x_log_x(values):
    return values * np.log(np.where(values > 0.0, values, 1.0))


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class InceptionScore(FeatureMetric):
    """The inception score of fakes under any classifier, see `inception_score`.

    Higher is better: from 1 to the number of classes. It uses fakes only, and detects neither blur
    that does not mislead the classifier nor a lack of variety within a class. The i-th sample
    belongs to part `i mod splits`; sums are kept per part, in float64, without the samples.

    Args:
        features: the classifier: Keras model or callable from `(batch, *sample_shape)` to
            probabilities `(batch, classes)`; or the name of a network of `keras.applications`, such
            as "inception" (InceptionV3), and the 1,000 classes of ImageNet, a download, whose
            values compare only among those of that network and not with published ones.
        logits: whether the classifier gives logits, whose softmax is taken. Default `False`.
        splits: number of parts whose scores are averaged. Default 10.
        name: the log key, after `val_`. Default `"inception_score"`.

    Raises:
        ValueError: if there is no classifier or a number is not positive; in `build` and in
            `result`, if the outputs of the classifier are not probabilities.

    Source: Salimans et al., "Improved techniques for training GANs", NeurIPS 2016
    (arXiv:1606.03498).
    """

    needs_real = False

    def __init__(self, features, *, logits=False, splits=10, name="inception_score"):
        super().__init__(features=features, seed=0, name=name)
        _checks.check(
            features is not None,
            "`InceptionScore` needs a classifier.",
            cure='Pass a Keras model of your data\'s classes, or "inception".',
            features=features,
        )
        self.logits = _checks.boolean(logits, "logits")
        self.splits = _checks.positive_int(splits, "splits")

    def build(self, sample_shape):
        """Make the sums, and try the classifier; `sample_shape` has no batch axis."""
        super().build(sample_shape)
        with tf.init_scope():
            check_rows(self._rows(tf.zeros((1, *sample_shape))).numpy())

    def _extractor(self, sample_shape):
        if isinstance(self.features, str):
            return applications.extractor(self.features, sample_shape, classifier=True)
        return super()._extractor(sample_shape)

    def _rows(self, samples):
        found = super()._rows(samples)
        return tf.nn.softmax(tf.cast(found, "float64")) if self.logits else found

    def _make_side(self, name):
        return _Sums(self, name, splits=self.splits, classes=self._dimension)

    def _compare(self, real, fake):
        counts, sums, x_log_x, wrong = fake
        _checks.check(wrong == 0, _RULE, cure=_CURE, samples_whose_are_not=int(wrong))
        return scores_of_sums(*(part[counts > 0] for part in (counts, sums, x_log_x)))

    def _result_of(self, outcome):
        return float("nan") if outcome is None else float(outcome.mean())

    def standard_error(self):
        """The standard error of `result`, from the spread over the parts; NaN of one part."""
        scores = self._compared()
        if scores is None or len(scores) < 2:
            return float("nan")
        return float(scores.std(ddof=1) / np.sqrt(len(scores)))


class _Sums:
    """Sums of probabilities and of `p log p` in each part; all of them add up over replicas."""

    def __init__(self, metric, name, *, splits, classes):
        shapes = {"counts": (splits,), "sums": (splits, classes), "x_log_x": (splits,), "wrong": ()}
        self._parts = [
            metric.add_variable(shape, "zeros", dtype="float64", name=f"{name}_{part}")
            for part, shape in shapes.items()
        ]

    def add(self, rows):
        rows, counts = tf.cast(rows, "float64"), tf.convert_to_tensor(self._parts[0])
        first = tf.cast(tf.reduce_sum(counts), "int32")
        parts = (first + tf.range(tf.shape(rows)[0])) % counts.shape[0]
        chosen = tf.one_hot(parts, counts.shape[0], axis=0, dtype="float64")
        positive = tf.maximum(rows, 0.0)
        x_log_x = tf.reduce_sum(tf.math.xlogy(positive, positive), axis=1)
        far = tf.abs(tf.reduce_sum(rows, axis=1) - 1.0) > TOLERANCE
        wrong = tf.logical_or(far, tf.reduce_any(rows < 0.0, axis=1))
        values = (
            tf.reduce_sum(chosen, axis=1),
            tf.matmul(chosen, rows),
            tf.linalg.matvec(chosen, x_log_x),
            tf.reduce_sum(tf.cast(wrong, "float64")),
        )
        for variable, value in zip(self._parts, values, strict=True):
            variable.assign(tf.convert_to_tensor(variable) + value)

    def value(self):
        return tuple(tf.convert_to_tensor(part).numpy() for part in self._parts)

    def count(self):
        return int(self.value()[0].sum())

    seen = count
