"""How many samples an update takes where nobody says it."""

import math

import tensorflow as tf

from keras_gan import _checks

USUAL = 64
# From a side of so many pixels on, fewer: in a given time, small batches of large images make more
# updates, and learn more.
_OF_LARGE = ((96, 16), (48, 32))


def chosen(batch_size, element_spec):
    """What was given, or what suits the largest images of a sample.

    Args:
        batch_size: a positive integer, or `None`.
        element_spec: `tf.TensorSpec` of a sample, or a structure of them, without a batch axis.

    Raises:
        ValueError: for another `batch_size`.
    """
    if batch_size is not None:
        return _checks.positive_int(batch_size, "batch_size")
    return min(suited(spec.shape) for spec in tf.nest.flatten(element_spec))


def suited(sample_shape):
    """Samples of an update by the shape of one: 64; of images from 48 pixels a side on 32, from 96
    on 16."""
    if None in sample_shape:
        return USUAL
    return next((count for least, count in _OF_LARGE if side(sample_shape) >= least), USUAL)


def side(shape):
    """The side of a square of as many pixels as an image of this shape; 1 of other samples."""
    return math.sqrt(shape[0] * shape[1]) if len(shape) == 3 else 1.0
