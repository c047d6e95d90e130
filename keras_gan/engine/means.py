"""Means of an epoch: of several numbers, in one variable."""

import keras
import tensorflow as tf


class Means:
    """Weighted means of scalars by name.

    Totals and weights are one variable, shape (2, names): a step adds to all of them at once, where
    a `keras.metrics.Mean` for each would add to two variables.

    Attributes:
        metrics: list of one Keras metric for each name, which has its result.
    """

    def __init__(self, names):
        self._names = tuple(names)
        self._sums = keras.Variable(
            tf.zeros((2, len(self._names))),
            dtype="float32",
            trainable=False,
            aggregation="sum",
            synchronization="on_read",
            name="means",
        )
        self.metrics = [_Mean(self, name) for name in self._names]

    def add(self, values):
        """Add to the means.

        Args:
            values: `dict` from names to `(total, weight)`, float32 scalars: a sum of values, each
                times its weight, and that of the weights. Other means stay as they are.
        """
        nothing = tf.zeros([]), tf.zeros([])
        pairs = [values.get(name, nothing) for name in self._names]
        self._sums.assign_add(tf.stack([tf.stack(row) for row in zip(*pairs, strict=True)]))

    def results(self):
        """`dict` from names to means; 0 where nothing was added."""
        totals, weights = tf.unstack(tf.convert_to_tensor(self._sums))
        means = tf.unstack(tf.math.divide_no_nan(totals, weights))
        return dict(zip(self._names, means, strict=True))

    def reset(self):
        self._sums.assign(tf.zeros_like(self._sums.value))


class _Mean(keras.metrics.Metric):
    """One of several means, for Keras."""

    def __init__(self, means, name):
        super().__init__(name=name)
        self._means = means

    def result(self):
        return self._means.results()[self.name]

    def reset_state(self):
        self._means.reset()


def pair(values, weights=None):
    """`(total, weight)` of one scalar or more, for `Means.add`.

    Args:
        values: list of scalars.
        weights: list of scalars; each value counts once by default.
    """
    if weights is None:
        return total(values), tf.constant(float(len(values)))
    weights = [tf.cast(weight, "float32") for weight in weights]
    return total([v * weight for v, weight in zip(values, weights, strict=True)]), total(weights)


def total(values):
    """The sum of a list of scalars."""
    # Stacked: where scalars are added, TensorFlow may fuse the sums, and adds three terms or more
    # in the order in which they are ready, which makes the last bit a matter of chance.
    return values[0] if len(values) == 1 else tf.reduce_sum(tf.stack(values))
