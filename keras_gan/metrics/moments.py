"""Mean and covariance of a stream, in float64, without keeping its samples."""

import numpy as np
import tensorflow as tf

from keras_gan.backend import replicas


class Moments:
    """Running count, mean and scatter of vectors, merged batch by batch.

    The scatter is taken about the mean of each batch and corrected for the shift between means:
    sums of plain squares would lose all digits where the mean is large beside the spread. The
    variables belong to `metric`.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979.
    """

    def __init__(self, metric, name, *, dimension):
        # Keras adds the replicas' copies of a metric's variables. Scatters are sums; of counts and
        # means each replica has a row of its own, and the rows are merged at the end.
        rows = tf.distribute.get_strategy().num_replicas_in_sync
        each = {"initializer": "zeros", "dtype": "float64"}
        self._counts = metric.add_variable((rows,), name=f"{name}_counts", **each)
        self._means = metric.add_variable((rows, dimension), name=f"{name}_means", **each)
        shape = (dimension, dimension)
        self._scatter = metric.add_variable(shape, name=f"{name}_scatter", **each)

    def add(self, rows):
        """Add a batch `(count, dimension)`, inside a graph."""
        rows = tf.cast(rows, "float64")
        number = replicas.number()
        before, mean = (tf.convert_to_tensor(v)[number] for v in (self._counts, self._means))
        count = tf.cast(tf.shape(rows)[0], "float64")
        total = before + count
        # A replica's share of the last batch may be empty.
        own_mean = tf.reduce_sum(rows, axis=0) / tf.maximum(count, 1.0)
        share = count / tf.maximum(total, 1.0)
        shift, centred = own_mean - mean, rows - own_mean
        scatter = tf.matmul(centred, centred, transpose_a=True)
        scatter += before * share * shift[:, None] * shift
        own_row = tf.one_hot(number, self._counts.shape[0], dtype="float64")
        self._counts.assign(own_row * total)
        self._means.assign(own_row[:, None] * (mean + share * shift))
        self._scatter.assign(tf.convert_to_tensor(self._scatter) + scatter)

    def value(self):
        """`(mean, covariance)`, with `n - 1` in the denominator. Call it outside of graphs."""
        parts = (self._counts, self._means, self._scatter)
        counts, means, scatter = (tf.convert_to_tensor(v).numpy() for v in parts)
        total = max(counts.sum(), 1.0)
        mean = counts @ means / total
        shifts = means - mean
        scatter = scatter + (shifts.T * counts) @ shifts
        return mean, scatter / max(total - 1.0, 1.0)

    def count(self):
        """The number of vectors."""
        return int(np.sum(tf.convert_to_tensor(self._counts).numpy()))

    seen = count
