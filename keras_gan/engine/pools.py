"""A pool of generated samples: critics see older ones beside the newest."""

import keras
import tensorflow as tf

from keras_gan.backend import replicas, seeds


class Pool:
    """The last generated samples that a critic was shown, with what belongs to them.

    A batch with NaN or infinity, whose update is not applied, does not get into it. While the pool
    fills, critics see the newest samples. From then on each is exchanged with probability 1/2 for
    one of the pool, and takes its place. One pool serves all replicas.

    Args:
        size: samples that it holds, at least 1.
        shapes: `dict` of the shapes of one row by name.
        dtypes: `dict` of types by name.
        name: of the critic, for the names of variables.

    Source: Shrivastava et al., CVPR 2017 (arXiv:1612.07828), as in CycleGAN, Zhu et al., ICCV 2017
    (arXiv:1703.10593).
    """

    def __init__(self, size, shapes, dtypes, name):
        self.size = size
        self._held = {
            key: keras.Variable(
                lambda shape, dtype: keras.ops.zeros(shape, dtype),
                shape=(size, *shape),
                dtype=dtypes[key],
                trainable=False,
                name=f"{name}_pool_{key}",
            )
            for key, shape in shapes.items()
        }
        self._count = keras.Variable(0, dtype="int64", trainable=False, name=f"{name}_pool_count")

    @property
    def variables(self):
        """What a run must remember: a list."""
        return [*self._held.values(), self._count]

    def exchanged(self, fresh, seed):
        """The samples to show, and an update of the pool.

        Args:
            fresh: this replica's newest samples, a `dict` of tensors by name.
            seed: int32 `(2,)`, the same on all replicas.

        Returns:
            A `dict` of tensors of the same shapes.
        """
        own_rows = tf.shape(next(iter(fresh.values())))[0]
        everyone = {name: replicas.gathered(tensor) for name, tensor in fresh.items()}
        rows = tf.shape(next(iter(everyone.values())))[0]
        # In a batch larger than the pool, the rest of the rows has no place of its own.
        places = tf.minimum(rows, self.size)
        count = tf.cast(self._count.value, "int32")
        number = tf.range(rows)
        # XLA draws other floats than TensorFlow, and splits negative seeds in another way.
        coin, order = seeds.fold(seed, 0), seeds.fold(seed, 1)
        heads = tf.random.stateless_uniform([rows], coin, 0, 2, "int32", alg="philox") > 0
        enters = (number < places) & _are_finite(everyone.values())
        fills = enters & (count + number < self.size)
        trades = enters & tf.equal(count, self.size) & heads
        ranks = tf.random.stateless_uniform([self.size], order, None, None, "int32", alg="philox")
        chosen = tf.argsort(ranks, stable=True)
        slots = tf.where(fills, count + number, tf.gather(chosen, tf.minimum(number, places - 1)))
        shown = {}
        for name, tensor in everyone.items():
            held = self._held[name]
            new = tf.cast(tensor, held.dtype)
            old = tf.gather(held.value, slots)
            mask = tf.reshape(trades, tf.concat([[rows], tf.ones_like(tf.shape(new)[1:])], 0))
            picked = tf.where(mask, old, new)
            shown[name] = tf.ensure_shape(
                replicas.own_rows(tf.cast(picked, tensor.dtype), own_rows), fresh[name].shape
            )
            # Rows without a place go to one behind the last, which is cut off again.
            target = tf.where(fills | trades, slots, self.size)
            longer = tf.concat([held.value, tf.zeros_like(held.value[:1])], axis=0)
            held.assign(tf.tensor_scatter_nd_update(longer, target[:, None], new)[: self.size])
        entered = tf.reduce_sum(tf.cast(enters, "int32"))
        self._count.assign(tf.cast(tf.minimum(count + entered, self.size), "int64"))
        return shown


def _are_finite(tensors):
    finite = tf.constant(True)
    for tensor in tensors:
        if tensor.dtype.is_floating:
            finite &= tf.reduce_all(tf.math.is_finite(tensor))
    return finite
