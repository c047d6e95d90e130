"""The standard deviation over neighbours of a batch, as a channel."""

import keras
import tensorflow as tf

from keras_gan import _checks


@keras.saving.register_keras_serializable("keras_gan")
class MinibatchStdDev(keras.layers.Layer):
    """Adds a channel with the standard deviation over a group of samples.

    For groups of `group_size` samples, the standard deviation of each feature over the group,
    averaged over all features: `mean_f sqrt(var_group(x_f) + 1e-8)`. It lets a discriminator detect
    that samples are too similar. Takes `(batch, ..., channels)` to
    `(batch, ..., channels + 1)`.

    Args:
        group_size: samples in a group, at least 2; the whole batch where that is smaller or no
            multiple of it. Default 4.

    Raises:
        ValueError: if `group_size` is below 2.

    Source: Karras et al., "Progressive Growing of GANs", ICLR 2018 (arXiv:1710.10196).
    """

    def __init__(self, group_size=4, **kwargs):
        super().__init__(**kwargs)
        self.group_size = _checks.positive_int(group_size, "group_size")
        _checks.check(group_size >= 2, "`group_size` must be at least 2.", group_size=group_size)

    def call(self, inputs):
        x = tf.cast(inputs, "float32")
        batch = tf.shape(x)[0]
        whole = tf.equal(batch % self.group_size, 0) & (batch >= self.group_size)
        size = tf.where(whole, self.group_size, batch)
        # Members of a group are neighbours, and not batch / size apart as in the authors' code: so
        # the groups are the same however many replicas share the batch.
        groups = tf.reshape(x, tf.concat([[batch // size, size], tf.shape(x)[1:]], axis=0))
        deviation = tf.sqrt(tf.math.reduce_variance(groups, axis=1) + 1e-8)
        statistic = tf.reduce_mean(deviation, axis=range(1, len(x.shape)))
        statistic = tf.reshape(tf.repeat(statistic, size), [-1] + [1] * (len(x.shape) - 1))
        channel = tf.broadcast_to(statistic, tf.concat([tf.shape(x)[:-1], [1]], axis=0))
        return tf.concat([inputs, tf.cast(channel, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
