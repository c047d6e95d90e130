"""Shared parts of networks for images of any size."""

import keras
import tensorflow as tf
from keras import layers

from keras_gan import _checks
from keras_gan.backend import inspection
from keras_gan.layers import BatchNormalization, ConditionalAffine, SpectralNormalization
from keras_gan.networks.mlp import sizes

# Between a convolution and its activation.
NORMALIZATIONS = ("instance", "batch", None)

# Halving stops once the smaller side is no longer than this. DCGAN's own maps start at 4x4, but
# 8x8 digits need a second stage to look right.
_SMALLEST_SIDE = 4
_SMALLEST_SIDE_OF_TINY = 2
_TINY = 8
# Side from which processors gain from bfloat16: a DCGAN step took 0.99 of the time at 8 pixels,
# 0.84 at 16 and 0.76 at 28.
_LARGE = 16


def image_shape_of(image_shape, *, drawn=True):
    """`(height, width, channels)` as a tuple, if these are the sizes of an image.

    `drawn` says whether such images are made from noise, for which there are other networks, too.
    """
    image_shape = sizes(image_shape, "image_shape")
    _checks.check(
        inspection.is_image(image_shape),
        "`image_shape` must be (height, width, channels) with 1, 3 or 4 channels.",
        cure=_cure_of_shape(image_shape, drawn),
        image_shape=image_shape,
    )
    return maps_shape_of(image_shape, drawn=drawn)


def maps_shape_of(image_shape, *, drawn=False):
    """Likewise of an input that may have any number of channels, such as one for each label."""
    image_shape = sizes(image_shape, "image_shape")
    _checks.check(
        len(image_shape) == 3,
        "`image_shape` must be (height, width, channels).",
        cure=_cure_of_shape(image_shape, drawn),
        image_shape=image_shape,
    )
    larger = tuple(max(side, 4) for side in image_shape[:2])
    _checks.check(
        min(image_shape[:2]) >= 4,
        "Images must be at least 4 pixels wide and high.",
        cure=f"Use `keras_gan.recipes.mlp({image_shape})`."
        if drawn
        else f"Enlarge them: `keras.ops.image.resize(images, {larger})`.",
        image_shape=image_shape,
    )
    return image_shape


def _cure_of_shape(shape, drawn):
    others = (
        f"For samples that are no images use `keras_gan.recipes.mlp({shape})`, or "
        "`keras_gan.GAN(generator, discriminator)` with networks of your own."
    )
    if not drawn:
        others = "For other data use `keras_gan.AdversarialModel` with networks of your own."
    if inspection.is_image(shape[1:]):
        return f"If the first number counts the images, pass `images.shape[1:]`. {others}"
    if len(shape) == 2:
        return f"Did you mean {(*shape, 1)}? Give the images a channel axis: `images[..., None]`."
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return f"Did you mean {(*shape[1:], shape[0])}? The channels go last."
    return others


def are_large(image_shape):
    """Whether images are large enough for bfloat16 to be faster on processors."""
    return min(image_shape[:2]) >= _LARGE


def map_sizes(height, width, smallest=None):
    """Sizes of the maps from the image down to the smallest, each half of the last, rounded up."""
    maps = [(height, width)]
    if smallest is None:
        smallest = _SMALLEST_SIDE if min(height, width) > _TINY else _SMALLEST_SIDE_OF_TINY
    while min(maps[-1]) > smallest:
        maps.append(tuple(-(-side // 2) for side in maps[-1]))
    return maps


def widths(filters, max_filters, number, widening=2):
    """Filters of the stages, from the image on."""
    return [min(filters * widening**k, max_filters) for k in range(number)]


def cropped(x, size, name):
    """Crop the extra row and column after doubling an odd size."""
    bottom, right = x.shape[1] - size[0], x.shape[2] - size[1]
    if not (bottom or right):
        return x
    return layers.Cropping2D(((0, bottom), (0, right)), name=name)(x)


def batch_norm(name, **options):
    """BatchNorm for a generator; with several replicas, over the samples of all of them."""
    synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return BatchNormalization(momentum=0.9, synchronized=synchronized, name=name, **options)


def normed(x, labels, num_classes, name):
    """BatchNorm of a map; with labels, one whose scale and shift are those of the class."""
    if labels is None:
        return batch_norm(name)(x)
    x = batch_norm(name, center=False, scale=False)(x)
    return ConditionalAffine(num_classes, name=f"{name}_of_class")([x, labels])


def norm(x, kind, name):
    """Maps, normalised: "instance", each map of each sample by itself, "batch", or not (`None`)."""
    if kind is None:
        return x
    if kind == "batch":
        return batch_norm(name)(x)
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, name=name)(x)


def spectral(layer):
    """A layer with spectral normalisation."""
    return SpectralNormalization(layer, name=f"{layer.name}_normalised", dtype=layer.dtype_policy)


def normal():
    """The initial kernels of DCGAN, pix2pix and CycleGAN."""
    return keras.initializers.RandomNormal(stddev=0.02)
