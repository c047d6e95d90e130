"""Settings of the recipes that follow from the size of a sample."""

import math

from keras_gan import _checks
from keras_gan.feeding.batch_sizes import side

LEARNING_RATE = 1e-3
# Units of each hidden layer of fully connected networks.
WIDTH = 128
# A layer as large as the image has `_CHANNELS / side` filters: what a step costs then grows with
# the side of the image, where it would grow with its cube.
_CHANNELS, _FEWEST_FILTERS = 1024, 8
# R1 and R2 are tuned on images of this side, and grow with the number of pixels from there on.
_TUNED_SIDE = 28


def filters(image_shape, most):
    """Filters of the layer nearest to an image: `1024 / side`, as a power of two in [8, most]."""
    wanted = 2 ** round(math.log2(_CHANNELS / side(image_shape)))
    return max(_FEWEST_FILTERS, min(most, wanted))


def convolutions(image_shape):
    """Filters of `networks.dcgan`: a `dict` of its arguments."""
    return {
        "generator_filters": filters(image_shape, 32),
        "discriminator_filters": filters(image_shape, 64),
    }


def narrow(image_shape, generator_filters, discriminator_filters):
    """Filters of both networks where they are not given: of the second half as many as usual."""
    usual = convolutions(image_shape)
    if generator_filters is None:
        generator_filters = usual["generator_filters"]
    if discriminator_filters is None:
        discriminator_filters = usual["discriminator_filters"] // 2
    return _checks.positive_ints(
        generator_filters=generator_filters, discriminator_filters=discriminator_filters
    )


def latent_dim(image_shape, given=None):
    """Size of a latent where none is given: 32, and 64 of images above 48 pixels a side."""
    if given is not None:
        return given
    return 64 if side(image_shape) > 48 else 32


def gamma(image_shape, tuned):
    """The weight of R1 and of R2: `tuned` up to 28 pixels a side, then as the number of pixels.

    The gradient of a score is a vector of as many values as the image, and what one pixel should
    add to its norm falls as their number grows.

    Source: Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS
    2020 (arXiv:2006.06676), where gamma is proportional to the number of pixels.
    """
    return tuned * max(1.0, (side(image_shape) / _TUNED_SIDE) ** 2)
