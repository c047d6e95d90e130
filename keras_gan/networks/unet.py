"""U-Nets after pix2pix, from images to images of any height and width."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.layers import LeakyReLU
from keras_gan.networks import _images

# Stages of the way up that have dropout.
_DROPPED = 3


@_checks.suggesting
def unet(
    image_shape,
    output_channels=None,
    *,
    filters=64,
    max_filters=512,
    kernel_size=4,
    normalization="instance",
    dropout=0.5,
    precision=None,
    name="unet",
):
    """A network from images to images of the same height and width.

    The way down halves the maps (stride 2, leaky ReLU 0.2), doubling the filters, until the smaller
    side is 1. The way up (transposed convolutions of stride 2, ReLU) gets beside each map the one
    of the same size from the way down, and ends in tanh. Odd sizes are rounded up on the way down
    and cropped on the way up.

    Args:
        image_shape: `(height, width, channels)` of the inputs, each side at least 4, of any number
            of channels.
        output_channels: of the images that are made. Default `None`: those of the inputs.
        filters: of the first convolution. Default 64.
        max_filters: bound of the doubling. Default 512.
        kernel_size: of all convolutions. Default 4.
        normalization: "instance" (default): each map of each sample by its own mean and variance;
            "batch": BatchNorm; `None`: no normalisation.
        dropout: rate in the first three stages of the way up, in training only; 0 for none. Small
            images have fewer such stages: the last two never drop. Default 0.5.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.
        name: of the network. Default "unet".

    Returns:
        A built Keras model.

    Raises:
        ValueError: if an argument is out of range.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
    2017 (arXiv:1611.07004). With the defaults, images of 256x256 have the 54.4 million parameters
    of the authors' network. Departures: "instance" in place of "batch", which is the same in
    batches of one, the paper's size, and knows no difference between training and use; no dropout
    in use, so that an input has one output.
    """
    image_shape = _images.maps_shape_of(image_shape)
    filters, max_filters, kernel_size = _checks.positive_ints(
        filters=filters, max_filters=max_filters, kernel_size=kernel_size
    )
    output_channels = _checks.positive_int(output_channels, "output_channels", optional=True)
    _checks.one_of(normalization, "normalization", _images.NORMALIZATIONS)
    dropout = _checks.number(dropout, "dropout", minimum=0.0, below=1.0)
    maps = _images.map_sizes(*image_shape[:2], smallest=1)
    stages = len(maps) - 1
    widths = _images.widths(filters, max_filters, stages)
    # Without its biases, which a normalisation would cancel.
    options = {
        "kernel_size": kernel_size,
        "strides": 2,
        "padding": "same",
        "use_bias": normalization is None,
    }

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        x = inputs = keras.Input(image_shape, name="images")
        skips = []
        for number, channels in enumerate(widths, start=1):
            if skips:
                x = LeakyReLU(0.2, name=f"{name}_down_{number}_activation")(x)
            conv = layers.Conv2D(
                channels,
                kernel_initializer=_images.normal(),
                name=f"{name}_down_{number}",
                **options,
            )
            x = conv(x)
            # The last map may be a single pixel, which a normalisation would make nothing of.
            if skips and number < stages:
                x = _images.norm(x, normalization, f"{name}_down_{number}_norm")
            skips.append(x)
        sides = zip(reversed(maps[1:-1]), reversed(skips[:-1]), strict=True)
        for number, (size, skip) in enumerate(sides, start=1):
            x = layers.ReLU(name=f"{name}_up_{number}_activation")(x)
            conv = layers.Conv2DTranspose(
                skip.shape[-1],
                kernel_initializer=_images.normal(),
                name=f"{name}_up_{number}",
                **options,
            )
            x = _images.cropped(conv(x), size, f"{name}_up_{number}_crop")
            x = _images.norm(x, normalization, f"{name}_up_{number}_norm")
            if dropout and number <= min(_DROPPED, stages - 2):
                x = layers.Dropout(dropout, name=f"{name}_up_{number}_dropout")(x)
            x = layers.Concatenate(name=f"{name}_up_{number}_skip")([x, skip])
        x = layers.ReLU(name=f"{name}_end_activation")(x)
        image = layers.Conv2DTranspose(
            output_channels or image_shape[-1],
            kernel_initializer=_images.normal(),
            dtype="float32",
            name=f"{name}_image",
            **{**options, "use_bias": True},
        )
        x = _images.cropped(image(x), maps[0], f"{name}_crop")
        images = layers.Activation("tanh", dtype="float32", name=f"{name}_tanh")(x)
        return keras.Model(inputs, images, name=name)
