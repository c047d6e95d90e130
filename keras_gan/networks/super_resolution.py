"""Residual networks after SRResNet, from small images to large ones."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.networks import _images

_SCALES = (2, 4, 8)


@_checks.suggesting
def super_resolution(
    image_shape,
    scale=4,
    *,
    filters=64,
    blocks=16,
    normalization=None,
    precision=None,
    name="super_resolution",
):
    """A network from images to images of twice, four or eight times their height and width.

    A 9x9 convolution, residual blocks of two 3x3 convolutions at the resolution of the inputs, a
    3x3 convolution and a sum with what the blocks began with; then for each doubling a 3x3
    convolution to four times the channels, which become pixels; a last 9x9 convolution and tanh.
    Activations are PReLU, with a slope for each channel.

    Args:
        image_shape: `(height, width, channels)` of the small images, each side at least 4, with 1,
            3 or 4 channels.
        scale: 2, 4 (default) or 8.
        filters: of all convolutions but the last. Default 64.
        blocks: residual blocks. Default 16.
        normalization: "batch", "instance", or `None` (default): no normalisation.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.
        name: of the network. Default "super_resolution".

    Returns:
        A built Keras model.

    Raises:
        ValueError: if an argument is out of range.

    Source: Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative
    Adversarial Network", CVPR 2017 (arXiv:1609.04802). With `normalization="batch"` it has the
    paper's layers, 1.5 million parameters. Departures: none of the paper's BatchNorms by default,
    which cost sharpness and make stripes (Lim et al., CVPRW 2017, arXiv:1707.02921; Wang et al.,
    ECCVW 2018, arXiv:1809.00219): each residual block starts as the identity instead.
    """
    image_shape = _images.image_shape_of(image_shape, drawn=False)
    _checks.one_of(scale, "scale", _SCALES)
    filters, blocks = _checks.positive_ints(filters=filters, blocks=blocks)
    _checks.one_of(normalization, "normalization", _images.NORMALIZATIONS)

    def convolved(x, channels, layer, size=3, norm=False, **options):
        kind = normalization if norm else None
        options |= {"use_bias": kind is None, "name": f"{name}_{layer}"}
        x = layers.Conv2D(channels, size, padding="same", **options)(x)
        return _images.norm(x, kind, f"{name}_{layer}_norm")

    def activated(x, layer):
        return layers.PReLU(shared_axes=(1, 2), name=f"{name}_{layer}_activation")(x)

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        inputs = keras.Input(image_shape, name="images")
        x = start = activated(convolved(inputs, filters, "start", size=9), "start")
        last = {"kernel_initializer": "zeros"} if normalization is None else {}
        for number in range(1, blocks + 1):
            layer = f"block_{number}"
            branch = convolved(x, filters, f"{layer}_conv_1", norm=True)
            branch = activated(branch, layer)
            branch = convolved(branch, filters, f"{layer}_conv_2", norm=True, **last)
            x = layers.Add(name=f"{name}_{layer}_sum")([x, branch])
        x = convolved(x, filters, "body", norm=True)
        x = layers.Add(name=f"{name}_body_sum")([x, start])
        for number in range(1, _SCALES.index(scale) + 2):
            x = convolved(x, 4 * filters, f"up_{number}")
            x = activated(_pixels(x, f"{name}_up_{number}"), f"up_{number}")
        x = convolved(x, image_shape[-1], "image", size=9, dtype="float32")
        images = layers.Activation("tanh", dtype="float32", name=f"{name}_tanh")(x)
        return keras.Model(inputs, images, name=name)


def _pixels(x, name):
    """Each four channels as 2x2 pixels (Shi et al., CVPR 2016, arXiv:1609.05158)."""
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, 2, 2, channels // 4), name=f"{name}_parts")(x)
    x = layers.Permute((1, 3, 2, 4, 5), name=f"{name}_order")(x)
    return layers.Reshape((2 * height, 2 * width, channels // 4), name=f"{name}_pixels")(x)
