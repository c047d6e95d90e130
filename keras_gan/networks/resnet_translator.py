"""Residual translators after CycleGAN, from images to images of any height and width."""

import keras
from keras import layers, ops

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.networks import _images

_HALVINGS = 2
# Residual blocks, and those of images from this side on.
_BLOCKS, _MORE_BLOCKS, _LARGE = 6, 9, 256


@_checks.suggesting
def resnet_translator(
    image_shape,
    output_channels=None,
    *,
    filters=64,
    blocks=None,
    normalization="instance",
    precision=None,
    name="resnet_translator",
):
    """A network from images to images of the same height and width, which keeps what it sees.

    A 7x7 convolution, two 3x3 convolutions of stride 2 that double the filters, residual blocks of
    two 3x3 convolutions at a quarter of the resolution, two transposed convolutions of stride 2,
    and a last 7x7 convolution with tanh. All but the transposed ones reflect the image at its
    border. Images of up to 14 pixels are halved once, and of up to 7 not at all. Odd sizes are
    rounded up on the way down and cropped on the way up.

    Args:
        image_shape: `(height, width, channels)` of the inputs, each side at least 4, of any number
            of channels.
        output_channels: of the images that are made. Default `None`: those of the inputs.
        filters: of the first convolution. Default 64.
        blocks: residual blocks. Default `None`: 6, and 9 from 256 pixels a side on.
        normalization: "instance" (default), "batch" or `None`, see `unet`.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.
        name: of the network. Default "resnet_translator".

    Returns:
        A built Keras model.

    Raises:
        ValueError: if an argument is out of range.

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", ICCV 2017 (arXiv:1703.10593), after Johnson et al., ECCV 2016 (arXiv:1603.08155).
    Departures: small images are halved less often; convolutions of stride 2 reflect the border,
    too; normalised maps have a scale and a shift.
    """
    image_shape = _images.maps_shape_of(image_shape)
    filters = _checks.positive_int(filters, "filters")
    blocks = _checks.positive_int(blocks, "blocks", optional=True)
    output_channels = _checks.positive_int(output_channels, "output_channels", optional=True)
    _checks.one_of(normalization, "normalization", _images.NORMALIZATIONS)
    if blocks is None:
        blocks = _MORE_BLOCKS if min(image_shape[:2]) >= _LARGE else _BLOCKS
    # Reflection needs a map larger than its margin.
    maps = _images.map_sizes(*image_shape[:2], smallest=7)[: _HALVINGS + 1]

    def convolved(x, channels, size, layer, *, strides=1, activate=True):
        x = _reflected(x, size // 2)
        conv = layers.Conv2D(
            channels,
            size,
            strides=strides,
            use_bias=normalization is None,
            kernel_initializer=_images.normal(),
            name=f"{name}_{layer}",
        )
        return finished(conv(x), layer, activate)

    def finished(x, layer, activate=True):
        x = _images.norm(x, normalization, f"{name}_{layer}_norm")
        return layers.ReLU(name=f"{name}_{layer}_relu")(x) if activate else x

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        inputs = keras.Input(image_shape, name="images")
        x = convolved(inputs, filters, 7, "start")
        for number in range(1, len(maps)):
            x = convolved(x, filters * 2**number, 3, f"down_{number}", strides=2)
        for number in range(1, blocks + 1):
            layer = f"block_{number}"
            branch = convolved(x, x.shape[-1], 3, f"{layer}_conv_1")
            branch = convolved(branch, x.shape[-1], 3, f"{layer}_conv_2", activate=False)
            x = layers.Add(name=f"{name}_{layer}_sum")([x, branch])
        for number, size in enumerate(reversed(maps[:-1]), start=1):
            up = layers.Conv2DTranspose(
                x.shape[-1] // 2,
                3,
                strides=2,
                padding="same",
                use_bias=normalization is None,
                kernel_initializer=_images.normal(),
                name=f"{name}_up_{number}",
            )
            x = finished(_images.cropped(up(x), size, f"{name}_crop_{number}"), f"up_{number}")
        image = layers.Conv2D(
            output_channels or image_shape[-1],
            7,
            kernel_initializer=_images.normal(),
            dtype="float32",
            name=f"{name}_image",
        )
        x = image(_reflected(x, 3))
        images = layers.Activation("tanh", dtype="float32", name=f"{name}_tanh")(x)
        return keras.Model(inputs, images, name=name)


def _reflected(x, margin):
    sides = [[margin, margin]] * 2
    return ops.pad(x, [[0, 0], *sides, [0, 0]], mode="reflect")
