"""Keras's InceptionV3 with ImageNet weights, as a place to compare images in."""

import functools

import keras
import tensorflow as tf

from keras_gan import _checks

NAME = "inception"
SIZE, FILTER = 299, "bilinear"
RESIZE = f"{FILTER} with antialiasing, to {SIZE} x {SIZE}"
TEXT = "Keras InceptionV3 with ImageNet weights; values compare only among themselves"


def extractor(sample_shape, *, classifier=False):
    """A function from images to Inception features.

    The weights are Keras's, downloaded once, not those of published FIDs: values compare only
    among themselves. Images are resized to 299 x 299 with the bilinear filter and antialiasing,
    and grey ones repeated to three channels.

    Args:
        sample_shape: `(height, width, channels)` with 1 or 3 channels.
        classifier: whether the result is the probabilities of the 1,000 classes of ImageNet, and
            not the 2,048 pooled features.

    Returns:
        A callable from images `(batch, height, width, channels)` in [-1, 1] to float32
        `(batch, 2048)` or `(batch, 1000)`.

    Raises:
        ValueError: if samples are no such images.
    """
    _checks.check(
        len(sample_shape) == 3 and sample_shape[-1] in (1, 3),
        '`features="inception"` needs images of one or three channels.',
        cure="Pass a model of your own.",
        sample_shape=tuple(sample_shape),
    )
    with tf.init_scope():
        network = _network(classifier)

    def extract(images):
        images = tf.image.resize(images, (SIZE, SIZE), method=FILTER, antialias=True)
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        return tf.cast(network(images, training=False), "float32")

    return extract


@functools.cache
def _network(classifier):
    # One for all metrics. Its own preprocessing is the range [-1, 1], which images have here.
    return keras.applications.InceptionV3(
        include_top=classifier,
        weights="imagenet",
        input_shape=(SIZE, SIZE, 3),
        pooling=None if classifier else "avg",
    )
