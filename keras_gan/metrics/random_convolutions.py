"""A fixed random network that embeds samples of any size."""

import math

import numpy as np
import tensorflow as tf

_WIDTHS = (16, 32, 64)


class RandomConvolutions:
    """An untrained convolutional network with fixed weights, read out at every level.

    3x3 convolutions with stride 2 and leaky ReLU 0.2, of 16, 32 and then 64 filters, until no
    side is longer than 4. Weights are normal with variance `2 / fan_in` (He et al., 2015), drawn
    by NumPy from `seed` alone: the same everywhere, and no global random state is touched. Each
    level gives the mean of each filter over each quarter of the image, so that both texture and
    layout count. Sequences `(time, channels)` are convolved along time; further leading axes, as
    of videos, are taken as channels.

    Untrained networks are a fair judge of GANs where no pretrained one fits the data, see Naeem
    et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020
    (arXiv:2002.09797).

    Args:
        sample_shape: `(..., height, width, channels)` or `(time, channels)`.
        seed: integer seed. Default 0.
    """

    def __init__(self, sample_shape, *, seed=0):
        self.sample_shape = tuple(sample_shape)
        self.seed = seed
        height, width, channels = self._grid()
        random, self._kernels = np.random.default_rng(seed), []
        while max(height, width) > 4:
            filters = _WIDTHS[min(len(self._kernels), len(_WIDTHS) - 1)]
            kernel = random.standard_normal((3, 3, channels, filters))
            self._kernels.append((kernel * math.sqrt(2.0 / (9 * channels))).astype("float32"))
            height, width, channels = -(-height // 2), -(-width // 2), filters

    def _grid(self):
        if len(self.sample_shape) == 2:
            return self.sample_shape[0], 1, self.sample_shape[1]
        *leading, height, width, channels = self.sample_shape
        return height, width, math.prod(leading) * channels

    def __call__(self, samples):
        """Float32 `(batch, dimension)` of a batch of samples."""
        values = tf.cast(samples, "float32")
        if len(self.sample_shape) > 3:
            values = tf.reshape(values, (-1, math.prod(self.sample_shape[:-3]), *values.shape[-3:]))
            values = tf.transpose(values, (0, 2, 3, 1, 4))
        values = tf.reshape(values, (-1, *self._grid()))
        levels = []
        for kernel in self._kernels:
            values = tf.nn.conv2d(values, kernel, strides=2, padding="SAME")
            values = tf.nn.leaky_relu(values, alpha=0.2)
            levels.extend(quarters(values))
        # An image of one large pixel row of channels has no level to read: take it as it is.
        if not levels:
            return tf.reshape(values, (-1, math.prod(self.sample_shape)))
        return tf.concat(levels, axis=-1)


def quarters(values):
    """The means over each quarter of the rows and columns: tensors `(batch, channels)`."""
    rows = tf.split(values, _halves(values.shape[1]), axis=1)
    parts = [part for row in rows for part in tf.split(row, _halves(values.shape[2]), axis=2)]
    return [tf.reduce_mean(part, axis=(1, 2)) for part in parts]


def _halves(size):
    return [size // 2, size - size // 2] if size > 1 else [size]
