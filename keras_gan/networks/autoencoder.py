"""Convolutional autoencoders for images of any height and width."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.layers import ImageConv2D, LeakyReLU
from keras_gan.networks import _images


@_checks.suggesting
def autoencoder(
    image_shape,
    latent_dim=64,
    *,
    filters=32,
    max_filters=512,
    kernel_size=4,
    normalization="batch",
    precision=None,
):
    """An encoder from images to codes, and a decoder from codes to images.

    The encoder halves the image (stride 2, leaky ReLU 0.2), doubling its filters, until the smaller
    side is at most 4 (at most 2 for images of up to 8 pixels), and ends in one dense layer without
    activation. The decoder mirrors it with transposed convolutions, a last 3x3 convolution and
    tanh. Odd sizes are rounded up on the way down and cropped on the way up.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        latent_dim: size of a code. For a variational autoencoder, which encodes a mean and a
            variance, build the decoder with it and take the encoder of a second call with twice the
            size. Default 64.
        filters: of the layers nearest to the image. Default 32.
        max_filters: bound of the doubling. Default 512.
        kernel_size: of all strided convolutions. Default 4.
        normalization: "batch" (default), "instance" or `None`, before all activations.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.

    Returns:
        `(encoder, decoder)`, built Keras models.

    Raises:
        ValueError: if an argument is out of range.

    Source: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", ICML 2016
    (arXiv:1512.09300). Departures: kernels of 4 in place of 5; the sizes of the maps follow from
    the image; no dense layer of 1,024 units in the encoder; a last convolution of stride 1.
    """
    image_shape = _images.image_shape_of(image_shape, drawn=False)
    latent_dim, filters = _checks.positive_ints(latent_dim=latent_dim, filters=filters)
    max_filters, kernel_size = _checks.positive_ints(
        max_filters=max_filters, kernel_size=kernel_size
    )
    _checks.one_of(normalization, "normalization", _images.NORMALIZATIONS)
    maps = _images.map_sizes(*image_shape[:2])
    widths = _images.widths(filters, max_filters, len(maps) - 1)
    options = {"kernel_size": kernel_size, "strides": 2, "padding": "same"}
    options["use_bias"] = normalization is None

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        x = images = keras.Input(image_shape, name="images")
        for number, channels in enumerate(widths, start=1):
            name = f"encoder_down_{number}"
            x = layers.Conv2D(channels, kernel_initializer="he_normal", name=name, **options)(x)
            x = _images.norm(x, normalization, f"{name}_norm")
            x = LeakyReLU(0.2, name=f"{name}_activation")(x)
        last_map = x.shape[1:]
        x = layers.Flatten(name="encoder_flatten")(x)
        codes = layers.Dense(latent_dim, dtype="float32", name="encoder_codes")(x)
        encoder = keras.Model(images, codes, name="encoder")

        x = codes = keras.Input((latent_dim,), name="codes")
        x = layers.Dense(last_map[0] * last_map[1] * last_map[2], name="decoder_dense")(x)
        x = layers.Reshape(last_map, name="decoder_reshape")(x)
        x = _images.norm(x, normalization, "decoder_dense_norm")
        x = layers.ReLU(name="decoder_activation")(x)
        sides = zip(reversed(maps[:-1]), reversed(widths), strict=True)
        for number, (size, channels) in enumerate(sides, start=1):
            name = f"decoder_up_{number}"
            x = layers.Conv2DTranspose(
                channels, kernel_initializer="he_normal", name=name, **options
            )(x)
            x = _images.cropped(x, size, f"{name}_crop")
            x = _images.norm(x, normalization, f"{name}_norm")
            x = layers.ReLU(name=f"{name}_activation")(x)
        image = ImageConv2D(
            image_shape[-1], 3, padding="same", dtype="float32", name="decoder_image"
        )
        images = layers.Activation("tanh", dtype="float32", name="decoder_tanh")(image(x))
        return encoder, keras.Model(codes, images, name="decoder")
