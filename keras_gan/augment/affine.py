"""Small affine changes: another view of the same thing."""

import math

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.augment.augmentation import Augmentation, uniform
from keras_gan.augment.warping import sizes, warped


@keras.saving.register_keras_serializable("keras_gan")
class Affine(Augmentation):
    """Small turns, scalings, shears and shifts of every image, which leave what it shows.

    Each row has its own: a rotation by `U(-turn, turn)` degrees, a shear by `U(-shear, shear)`, a
    factor `(1 + scale)^U(-1, 1)` for the height and another for the width, and a shift by
    `U(-shift, shift)` of the height and of the width. All is one bilinear map, reflected at the
    borders. Any height, width and number of channels; images of conditions are changed alike.

    Args:
        turn: the largest rotation in degrees, from 0 to 180. Default 10.
        scale: how much larger or smaller a side becomes at most, at least 0. Default 0.1.
        shear: columns that a row moves at most, by its distance from the centre. Default 0.15.
        shift: the largest shift, as a part of the height and of the width. Default 0.05.

    Raises:
        ValueError: if an argument is out of range; in `compile`, if no critic is shown images.

    Source: Ji et al., "Invariant Information Clustering for Unsupervised Image Classification and
    Segmentation", ICCV 2019 (arXiv:1807.06653), for affine views of an image; the sizes of the
    changes are this package's.
    """

    def __init__(self, *, turn=10.0, scale=0.1, shear=0.15, shift=0.05):
        self.turn = _checks.number(turn, "turn", minimum=0.0, maximum=180.0)
        self.scale = _checks.number(scale, "scale", minimum=0.0)
        self.shear = _checks.number(shear, "shear", minimum=0.0)
        self.shift = _checks.number(shift, "shift", minimum=0.0)

    def draws(self, seed, rows):
        return [2.0 * number - 1.0 for number in uniform(seed, rows, 6)]

    def changed(self, images, drawn, *, colors):
        turn, shear, high, wide, down, right = drawn
        turn, shear = math.radians(self.turn) * turn, self.shear * shear
        high, wide = ((1.0 + self.scale) ** exponent for exponent in (high, wide))
        cosine, sine = tf.cos(turn), tf.sin(turn)
        # From new places to old ones: scaled, then sheared, then turned.
        linear = tf.stack(
            [
                tf.stack([(cosine - sine * shear) * high, -sine * wide], axis=1),
                tf.stack([(sine + cosine * shear) * high, cosine * wide], axis=1),
            ],
            axis=1,
        )
        moves = [
            self.shift * tf.cast(size, "float32") * move
            for size, move in zip(sizes(images), (down, right), strict=True)
        ]
        return warped(images, linear, tf.stack(moves, axis=1))
