"""Convolutional networks after DCGAN, for images of any height and width."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import packing, policies
from keras_gan.layers import ImageConv2D, LeakyReLU
from keras_gan.networks import _attention, _heads, _images, _labels


@_checks.suggesting
def dcgan(
    image_shape,
    latent_dim=64,
    *,
    generator_filters=32,
    discriminator_filters=64,
    max_filters=512,
    kernel_size=4,
    batch_norm=True,
    attention=None,
    num_classes=None,
    conditional_norm=False,
    heads=None,
    pack=1,
    precision=None,
):
    """A pair of strided convolutional networks.

    The discriminator halves the image (stride 2, leaky ReLU 0.2), doubling its filters, until the
    smaller side is at most 4 (at most 2 for images of up to 8 pixels), and ends in one dense
    logit. The generator mirrors it with transposed convolutions, BatchNorm, ReLU, a last 3x3
    convolution and tanh. Odd sizes are rounded up on the way down and cropped on the way up, so
    any height and width will do.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        latent_dim: size of a latent. Default 64.
        generator_filters: of the generator's layer nearest to the image. Default 32.
        discriminator_filters: likewise of the discriminator. Default 64.
        max_filters: bound of the doubling. Default 512.
        kernel_size: of all strided convolutions. Default 4, which stride 2 divides, so that
            transposed convolutions leave no checkerboard.
        batch_norm: BatchNorm in the generator. The discriminator has none: a sample's gradient,
            which penalties read, would depend on the batch. Default `True`.
        attention: height of the maps that attend to themselves, in both networks: half of the
            image's (rounded up), half of that, and so on (`layers.SelfAttention`). Its cost grows
            with the fourth power. Default `None`: none do.
        num_classes: makes both networks conditional: they take `[inputs, labels]`, the generator
            beside its latent, the discriminator by projection.
        conditional_norm: whether the generator takes the label by the scales and shifts of its
            BatchNorms instead (`layers.ConditionalAffine`). Default `False`.
        heads: `dict` of sizes by name. The discriminator then returns a `dict` for
            `AdversarialModel`: "logits", a dense layer of that size for each name, and "features",
            the values that these are computed from. Default `None`: a logit alone.
        pack: samples that the discriminator judges at a time, for `GAN(..., pack=pack)`.
            Default 1.
        precision: a Keras dtype policy, such as "mixed_bfloat16"; "auto" for bfloat16 where the
            machine multiplies it faster (on processors from 16 pixels a side on), unless another
            policy than "float32" is set; `None` for the policy that is set. The last layers of
            both networks compute in float32. Default `None`.

    Returns:
        `(generator, discriminator)`, built Keras models.

    Raises:
        ValueError: if an argument is out of range.

    Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional GANs",
    ICLR 2016 (arXiv:1511.06434). Departures: no BatchNorm in the discriminator, a last convolution
    of stride 1, Glorot and He initialisation, and fewer filters. Attention: Zhang et al.,
    "Self-Attention Generative Adversarial Networks", ICML 2019 (arXiv:1805.08318), with one
    convolution of the values where the paper has two. Projection and conditional BatchNorm: Miyato
    and Koyama, "cGANs with Projection Discriminator", ICLR 2018 (arXiv:1802.05637).
    """
    image_shape = _images.image_shape_of(image_shape)
    latent_dim, generator_filters, discriminator_filters = _checks.positive_ints(
        latent_dim=latent_dim,
        generator_filters=generator_filters,
        discriminator_filters=discriminator_filters,
    )
    max_filters, kernel_size = _checks.positive_ints(
        max_filters=max_filters, kernel_size=kernel_size
    )
    batch_norm = _checks.boolean(batch_norm, "batch_norm")
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    conditional_norm = _labels.checked_norm(conditional_norm, num_classes)
    _checks.check(
        batch_norm or not conditional_norm,
        "`conditional_norm=True` needs `batch_norm=True`.",
        batch_norm=batch_norm,
    )
    heads = _heads.checked(heads)
    pack = packing.checked(pack, num_classes)
    maps = _images.map_sizes(*image_shape[:2])
    attention = _attention.checked(attention, maps[1:])
    stages = len(maps) - 1
    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        generator = _generator(
            image_shape,
            latent_dim,
            maps,
            _images.widths(generator_filters, max_filters, stages),
            kernel_size,
            batch_norm,
            attention,
            num_classes,
            conditional_norm,
        )
        discriminator = _discriminator(
            packing.packed_shape(image_shape, pack),
            _images.widths(discriminator_filters, max_filters, stages),
            kernel_size,
            attention,
            num_classes,
            heads,
        )
        return generator, discriminator


def _generator(
    image_shape,
    latent_dim,
    maps,
    widths,
    kernel_size,
    batch_norm,
    attention,
    num_classes,
    conditional_norm,
):
    inputs = keras.Input((latent_dim,), name="latents")
    labels = _labels.label_input(num_classes)
    beside, of_norms = (None, labels) if conditional_norm else (labels, None)
    x = _labels.join_label(inputs, beside, num_classes, min(latent_dim, 32), "generator")

    def activate(x, number):
        if batch_norm:
            x = _images.normed(x, of_norms, num_classes, f"generator_norm_{number}")
        x = layers.ReLU(name=f"generator_activation_{number}")(x)
        return _attention.attended(x, attention, "generator_attention")

    options = {"use_bias": not batch_norm}
    # Twice as many channels as the first stage makes, as in DCGAN.
    first = (*maps[-1], 2 * widths[-1])
    x = layers.Dense(first[0] * first[1] * first[2], name="generator_dense", **options)(x)
    x = layers.Reshape(first, name="generator_reshape")(x)
    x = activate(x, 0)
    stages = zip(reversed(maps[:-1]), reversed(widths), strict=True)
    for number, (size, channels) in enumerate(stages, start=1):
        x = layers.Conv2DTranspose(
            channels,
            kernel_size,
            strides=2,
            padding="same",
            name=f"generator_up_{number}",
            **options,
        )(x)
        x = activate(_images.cropped(x, size, f"generator_crop_{number}"), number)
    image = ImageConv2D(image_shape[-1], 3, padding="same", dtype="float32", name="generator_image")
    x = image(x)
    images = layers.Activation("tanh", dtype="float32", name="generator_tanh")(x)
    return _labels.model(inputs, labels, images, "generator")


def _discriminator(image_shape, widths, kernel_size, attention, num_classes, heads):
    inputs = keras.Input(image_shape, name="images")
    labels = _labels.label_input(num_classes)
    x = halved(inputs, widths, kernel_size, "discriminator", attention)
    features = layers.Flatten(name="discriminator_flatten")(x)
    logit = layers.Dense(1, dtype="float32", name="discriminator_score")(features)
    logit = _labels.project_label(logit, features, labels, num_classes, "discriminator")
    outputs = _heads.outputs(logit, features, heads, "discriminator")
    return _labels.model(inputs, labels, outputs, "discriminator")


def halved(x, widths, kernel_size, prefix, attention=None):
    """Strided convolutions with leaky ReLU, one for each of `widths`: the discriminator's."""
    for number, channels in enumerate(widths, start=1):
        x = layers.Conv2D(
            channels,
            kernel_size,
            strides=2,
            padding="same",
            kernel_initializer="he_normal",
            name=f"{prefix}_conv_{number}",
        )(x)
        x = LeakyReLU(0.2, name=f"{prefix}_activation_{number}")(x)
        x = _attention.attended(x, attention, f"{prefix}_attention")
    return x
