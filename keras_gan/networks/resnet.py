"""Residual networks after SNGAN, for images of any height and width."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import packing, policies
from keras_gan.layers import ImageConv2D
from keras_gan.networks import _attention, _images, _labels


@_checks.suggesting
def resnet(
    image_shape,
    latent_dim=128,
    *,
    generator_filters=32,
    discriminator_filters=32,
    max_filters=1024,
    widening=2,
    attention=None,
    num_classes=None,
    conditional_norm=False,
    pack=1,
    precision=None,
):
    """A pair of residual networks, the discriminator with spectral normalisation.

    The generator's blocks are BatchNorm, ReLU, nearest upsampling, 3x3 convolution, BatchNorm,
    ReLU, 3x3 convolution, added to an upsampled 1x1 convolution; after the last one BatchNorm,
    ReLU, a 3x3 convolution and tanh. The discriminator's blocks are ReLU, 3x3 convolution, ReLU,
    3x3 convolution, average pooling, added to a pooled 1x1 convolution, until the smaller side is
    at most 4 (at most 2 for images of up to 8 pixels); then one block that keeps the size, ReLU,
    the sum over all positions, and one dense logit. Every layer of the discriminator is divided
    by its spectral norm. Odd sizes are rounded up on the way down and cropped on the way up.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        latent_dim: size of a latent. Default 128.
        generator_filters: of the generator's block nearest to the image. Default 32.
        discriminator_filters: likewise of the discriminator. Default 32.
        max_filters: bound of the widening. Default 1024.
        widening: by what filters grow from one block to the next one further from the image.
            Default 2, as in the paper for images above 32x32, with 64 filters. For 32x32 it has 1,
            with 256 filters in the generator and 128 in the discriminator.
        attention: height of the maps that attend to themselves, in both networks, see `dcgan`.
            Default `None`: none do.
        num_classes: for conditional networks, see `dcgan`.
        conditional_norm: whether the generator takes the label by the scales and shifts of its
            BatchNorms, as in the paper on projection, instead of beside its latent. Default
            `False`.
        pack: samples that the discriminator judges at a time, see `dcgan`. Default 1.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.

    Returns:
        `(generator, discriminator)`, built Keras models.

    Raises:
        ValueError: if an argument is out of range.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018
    (arXiv:1802.05957), after Gulrajani et al., NeurIPS 2017 (arXiv:1704.00028); projection: Miyato
    and Koyama, ICLR 2018 (arXiv:1802.05637); attention: Zhang et al., ICML 2019
    (arXiv:1805.08318). Departures: fewer filters; the sizes of the maps follow from the image,
    where the paper ends 32x32 with two blocks at 8x8; without `conditional_norm` the generator
    takes the label beside its latent; attention's layers are divided by their spectral norm in the
    discriminator alone.
    """
    image_shape = _images.image_shape_of(image_shape)
    latent_dim, generator_filters, discriminator_filters = _checks.positive_ints(
        latent_dim=latent_dim,
        generator_filters=generator_filters,
        discriminator_filters=discriminator_filters,
    )
    max_filters, widening = _checks.positive_ints(max_filters=max_filters, widening=widening)
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    conditional_norm = _labels.checked_norm(conditional_norm, num_classes)
    pack = packing.checked(pack, num_classes)
    maps = _images.map_sizes(*image_shape[:2])
    attention = _attention.checked(attention, maps[1:])

    def widths(filters, number):
        return _images.widths(filters, max_filters, number, widening)

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        generator = _generator(
            image_shape,
            latent_dim,
            maps,
            widths(generator_filters, len(maps) - 1),
            attention,
            num_classes,
            conditional_norm,
        )
        discriminator = _discriminator(
            packing.packed_shape(image_shape, pack),
            widths(discriminator_filters, len(maps)),
            attention,
            num_classes,
        )
        return generator, discriminator


def _conv(filters, size, name, *, gain=1.0, dtype=None, kind=layers.Conv2D):
    # The paper's own code: Glorot's, twice the variance in front of a sum with a shortcut.
    initializer = keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")
    return kind(
        filters, size, padding="same", kernel_initializer=initializer, dtype=dtype, name=name
    )


# === Generator ===


def _generator(image_shape, latent_dim, maps, widths, attention, num_classes, conditional_norm):
    inputs = keras.Input((latent_dim,), name="latents")
    labels = _labels.label_input(num_classes)
    beside, of_norms = (None, labels) if conditional_norm else (labels, None)
    x = _labels.join_label(inputs, beside, num_classes, min(latent_dim, 32), "generator")

    def norm_relu(x, name):
        x = _images.normed(x, of_norms, num_classes, f"{name}_norm")
        return layers.ReLU(name=f"{name}_relu")(x)

    first = (*maps[-1], widths[-1])
    x = layers.Dense(first[0] * first[1] * first[2], name="generator_dense")(x)
    x = layers.Reshape(first, name="generator_reshape")(x)
    x = _attention.attended(x, attention, "generator_attention")
    stages = zip(reversed(maps[:-1]), reversed(widths), strict=True)
    for number, (size, filters) in enumerate(stages, start=1):
        x = _up_block(x, filters, size, norm_relu, f"generator_block_{number}")
        x = _attention.attended(x, attention, "generator_attention")
    x = norm_relu(x, "generator_end")
    x = _conv(image_shape[-1], 3, "generator_image", dtype="float32", kind=ImageConv2D)(x)
    images = layers.Activation("tanh", dtype="float32", name="generator_tanh")(x)
    return _labels.model(inputs, labels, images, "generator")


def _up_block(x, filters, size, norm_relu, name):
    def doubled(x, branch):
        x = layers.UpSampling2D(2, name=f"{name}_{branch}_up")(x)
        return _images.cropped(x, size, f"{name}_{branch}_crop")

    # A convolution of single pixels and doubling may change places, and so it is cheaper.
    shortcut = doubled(_conv(filters, 1, f"{name}_shortcut")(x), "shortcut")
    x = doubled(norm_relu(x, f"{name}_1"), "1")
    x = _conv(filters, 3, f"{name}_conv_1", gain=2.0)(x)
    x = norm_relu(x, f"{name}_2")
    x = _conv(filters, 3, f"{name}_conv_2", gain=2.0)(x)
    return layers.Add(name=f"{name}_sum")([x, shortcut])


# === Discriminator ===


def _discriminator(image_shape, widths, attention, num_classes):
    inputs = keras.Input(image_shape, name="images")
    labels = _labels.label_input(num_classes)
    x = inputs
    for number, filters in enumerate(widths, start=1):
        x = _down_block(
            x,
            filters,
            f"discriminator_block_{number}",
            activate=number > 1,  # pixels are no features yet
            halve=number < len(widths),
        )
        if number < len(widths):
            x = _attention.attended(x, attention, "discriminator_attention", wrap=_images.spectral)
    x = layers.ReLU(name="discriminator_end_relu")(x)
    features = layers.GlobalAveragePooling2D(name="discriminator_mean")(x)
    positions = x.shape[1] * x.shape[2]
    features = layers.Rescaling(float(positions), name="discriminator_sum")(features)
    score = layers.Dense(1, dtype="float32", name="discriminator_score")
    logit = _images.spectral(score)(features)
    logit = _labels.project_label(
        logit, features, labels, num_classes, "discriminator", wrap=_images.spectral
    )
    return _labels.model(inputs, labels, logit, "discriminator")


def _down_block(x, filters, name, *, activate, halve):
    def halved(x, branch):
        if not halve:
            return x
        return layers.AveragePooling2D(2, padding="same", name=f"{name}_{branch}_down")(x)

    shortcut = x
    if halve or x.shape[-1] != filters:
        # As in the generator, and as the paper has it where pixels come in.
        shortcut = _images.spectral(_conv(filters, 1, f"{name}_shortcut"))(halved(x, "shortcut"))
    if activate:
        x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _images.spectral(_conv(filters, 3, f"{name}_conv_1", gain=2.0))(x)
    x = layers.ReLU(name=f"{name}_2_relu")(x)
    x = halved(_images.spectral(_conv(filters, 3, f"{name}_conv_2", gain=2.0))(x), "2")
    return layers.Add(name=f"{name}_sum")([x, shortcut])
