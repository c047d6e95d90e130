"""Gradient histograms: a fixed embedding of images, without weights."""

import math

import numpy as np
import tensorflow as tf

from keras_gan.metrics.random_convolutions import quarters

# Added to means and to mean squares below the root: far below the gradients of images.
_FLAT, _FLAT_SQUARED = 1e-3, 1e-6


class GradientHistograms:
    """How strongly images change, in which direction and at which scale, and their colours.

    The levels of an image are a pyramid: each has the means of 2x2 pixels of the one before, until
    no side is longer than 4. Colour is taken as luminance `(r + g + b) / sqrt(3)`,
    `(r - b) / sqrt(2)` and `(r - 2 g + b) / sqrt(6)`; transparency, the fourth channel, as it is.
    With `d` the central differences of luminance, across and down, and `u` eight unit vectors of
    45 degrees apart, each level gives, with means over all of the image,

    - `sqrt(mean(max(0, d . u)) + 0.001)` for each `u`;
    - `sqrt(mean(|d|) + 0.001)` of the differences of other channels, across and down;
    - `(mean((d . u)^2) + 1e-6)^(1/4)` for four of the `u`, and likewise for the other channels.

    The means of each channel over each quarter of the image are added once. So texture counts by
    its scale and direction, and colour by its rough place.

    Args:
        sample_shape: `(height, width, channels)` with 1, 3 or 4 channels.

    Sources: Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
    `docs/embedding.md` compares it with other embeddings.
    """

    def __init__(self, sample_shape):
        self.sample_shape = tuple(sample_shape)

    def __call__(self, samples):
        """Float32 `(batch, dimension)` of a batch of samples."""
        values = tf.reshape(tf.cast(samples, "float32"), (-1, *self.sample_shape))
        parts = quarters(values)
        if self.sample_shape[-1] > 1:
            values = tf.tensordot(values, _opponents(self.sample_shape[-1]), 1)
        while True:
            parts += _histograms(values)
            if max(values.shape[1:3]) <= 4:
                return tf.concat(parts, axis=-1)
            values = tf.nn.avg_pool2d(values, 2, 2, "SAME")


def _opponents(channels):
    """The matrix from red, green, blue and other channels to luminance and two colours."""
    matrix = np.eye(channels, dtype="float32")
    matrix[:3, 0] = np.array([1.0, 1.0, 1.0]) / math.sqrt(3.0)
    matrix[:3, 1] = np.array([1.0, 0.0, -1.0]) / math.sqrt(2.0)
    matrix[:3, 2] = np.array([1.0, -2.0, 1.0]) / math.sqrt(6.0)
    return matrix


def _histograms(level):
    """What a level gives: the eight directions, the other channels, and the mean squares."""
    padded = tf.pad(level, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2.0
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2.0
    x, y = across[..., :1], down[..., :1]
    along = [x, (x + y) * math.sqrt(0.5), y, (y - x) * math.sqrt(0.5)]
    changes = tf.concat([*along, across[..., 1:], down[..., 1:]], axis=-1)
    sizes, means, squares = map(_means, (tf.abs(changes), changes, tf.square(changes)))
    # max(0, a) = (|a| + a) / 2, and -a is the opposite direction.
    sizes, others, means = sizes[:, :4], sizes[:, 4:], means[:, :4]
    found = [(sizes + means) / 2.0, (sizes - means) / 2.0, others]
    return [*(tf.sqrt(each + _FLAT) for each in found), (squares + _FLAT_SQUARED) ** 0.25]


def _means(values):
    """Means over all pixels, by a product of matrices, which is several times faster here."""
    count = values.shape[1] * values.shape[2]
    pixels = tf.reshape(values, (-1, count, values.shape[3]))
    return tf.matmul(tf.fill((1, count), 1.0 / count), pixels)[:, 0]
