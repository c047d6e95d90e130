"""Augmentation of fixed strength."""

import keras
import tensorflow as tf

from keras_gan.augment.augmentation import Augmentation, names_of_policy, of_rows, uniform
from keras_gan.augment.warping import shifted, sizes

_KNOWN = ("color", "translation", "cutout")


@keras.saving.register_keras_serializable("keras_gan")
class DiffAugment(Augmentation):
    """Colour, translation and cutout of every image that critics see (DiffAugment).

    For images in [-1, 1], whose grey is 0. In the order of the policy, with numbers drawn for each
    row:

    - "color": brightness, `x + b` with `b ~ U(-0.5, 0.5)`; saturation, `m + s (x - m)` with
      `m` each pixel's mean over its channels and `s ~ U(0, 2)`, which leaves images of one channel
      as they are; contrast, `m + c (x - m)` with `m` the image's mean and `c ~ U(0.5, 1.5)`. Values
      may leave [-1, 1].
    - "translation": by whole pixels, up to an eighth of height and width; what comes in is 0.
    - "cutout": a rectangle of half the height and width at a random place, which may reach beyond
      the border, is 0.

    Images of conditions are moved and cut out in the same way. Any height, width and number of
    channels.

    Args:
        policy: names of these changes, with commas between them. Default all of them:
            "color,translation,cutout".

    Raises:
        ValueError: for an unknown name; in `compile`, if no critic is shown images.

    Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
    2020 (arXiv:2006.10738).
    """

    def __init__(self, policy="color,translation,cutout"):
        self.policy = ",".join(names_of_policy(policy, _KNOWN))

    def draws(self, seed, rows):
        # All of them, so that what is drawn for a change does not depend on the others.
        return uniform(seed, rows, 7)

    def changed(self, images, drawn, *, colors):
        for part in self.policy.split(","):
            if part == "translation":
                images = _translated(images, *drawn[3:5])
            elif part == "cutout":
                images = _cut_out(images, *drawn[5:7])
            elif colors:
                images = _colored(images, *drawn[:3])
        return images


def _colored(images, brightness, saturation, contrast):
    images = images + of_rows(brightness - 0.5)
    if images.shape[-1] > 1:  # of a single channel, the mean is the value itself
        images = _scaled(images, 2.0 * saturation, axes=(3,))
    return _scaled(images, contrast + 0.5, axes=(1, 2, 3))


def _scaled(images, factors, axes):
    """Images with their distance from the mean over some axes multiplied."""
    mean = tf.reduce_mean(images, axis=axes, keepdims=True)
    return mean + of_rows(factors) * (images - mean)


def _translated(images, *draws):
    moves = [
        _whole(draw, 2 * _eighth(size) + 1) - _eighth(size)
        for draw, size in _by_axis(images, draws)
    ]
    return shifted(images, *moves)


def _cut_out(images, *draws):
    hidden = []
    for draw, size in _by_axis(images, draws):
        length = (size + 1) // 2
        first = _whole(draw, size + 1 - length % 2) - length // 2
        places = tf.range(size)[None] - first[:, None]
        hidden.append((places >= 0) & (places < length))
    rows, columns = hidden
    return tf.where(
        (rows[:, :, None] & columns[:, None, :])[..., None], tf.zeros_like(images), images
    )


def _by_axis(images, draws):
    return list(zip(draws, sizes(images), strict=True))


def _eighth(size):
    return (size + 4) // 8


def _whole(draw, count):
    """Whole numbers from 0 to below `count`, from random numbers in (0, 1)."""
    return tf.cast(draw * tf.cast(count, "float32"), "int32")
