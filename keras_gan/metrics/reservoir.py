"""A random subset of the rows of a stream, kept in variables."""

import numpy as np
import tensorflow as tf

from keras_gan.backend import replicas, seeds


class Reservoir:
    """A uniform random subset of up to `max_samples` rows of a stream, of all replicas together.

    The stream may be sorted. Two reservoirs with the same seed and batch sizes keep the same
    positions. The variables belong to `metric`; `width` is the length of a row.
    """

    def __init__(self, metric, name, *, max_samples, width, seed):
        self.max_samples, self.width, self.seed = max_samples, width, seed
        shape = (max_samples, width)
        self._rows = metric.add_variable(shape, "zeros", dtype="float32", name=name)
        # A positive key for each kept row, 0 for empty rows.
        shape = (max_samples,)
        self._keys = metric.add_variable(shape, "zeros", dtype="int32", name=f"{name}_keys")
        self._seen = metric.add_variable((), "zeros", dtype="int64", name=f"{name}_seen")

    def add(self, rows):
        """Add a batch `(count, width)`, inside a graph."""
        count = tf.shape(rows)[0]
        part = self.max_samples // replicas.count()
        keys = tf.concat([self._own_part(self._keys, part), self._draw_keys(count)], axis=0)
        rows = tf.concat([self._own_part(self._rows, part), tf.cast(rows, "float32")], axis=0)
        # The rows with the largest random keys are a uniform sample.
        kept, places = tf.math.top_k(keys, k=part, sorted=False)
        self._write_part(self._keys, kept)
        self._write_part(self._rows, tf.gather(rows, places))
        self._seen.assign(tf.convert_to_tensor(self._seen) + tf.cast(count, "int64"))

    def value(self):
        """The kept rows: a NumPy array `(n, width)`. Call it outside of graphs."""
        rows, keys = (tf.convert_to_tensor(v).numpy() for v in (self._rows, self._keys))
        return rows[keys > 0]

    def count(self):
        """How many rows are kept."""
        return int(np.count_nonzero(tf.convert_to_tensor(self._keys).numpy()))

    def seen(self):
        """How many rows came."""
        return int(tf.convert_to_tensor(self._seen))

    def _draw_keys(self, count):
        # Integers, since only these are the same with and without XLA.
        seen = tf.cast(tf.convert_to_tensor(self._seen), "int32")
        seed = seeds.fold(tf.stack([self.seed % 2**31, seen]), replicas.number())
        return tf.random.stateless_uniform(
            (count,), seed, minval=1, maxval=2**31 - 1, dtype="int32"
        )

    # Keras adds the replicas' copies of a metric's variables. Each replica keeps to its own part
    # and leaves zeros elsewhere, so that the sum is all parts side by side.

    def _own_part(self, variable, part):
        value = tf.convert_to_tensor(variable)
        return value if replicas.count() == 1 else value[replicas.number() * part :][:part]

    def _write_part(self, variable, value):
        if replicas.count() > 1:
            before = replicas.number() * value.shape[0]
            after = self.max_samples - before - value.shape[0]
            value = tf.pad(value, [[before, after]] + [[0, 0]] * (len(value.shape) - 1))
        variable.assign(value)
