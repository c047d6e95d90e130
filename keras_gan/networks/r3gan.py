"""Residual networks without normalisation, after R3GAN, for images of any height and width."""

import math

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import packing, policies
from keras_gan.layers import Basis, GroupedConv2D, LeakyReLU, LowPass
from keras_gan.networks import _images, _labels

_SLOPE = 0.2
# The largest small map, as in the paper: it makes no smaller one of 8x8 digits.
_SMALLEST_SIDE = 4


@_checks.suggesting
def r3gan(
    image_shape,
    latent_dim=64,
    *,
    filters=32,
    max_filters=128,
    blocks=1,
    expansion=2,
    group_size=16,
    num_classes=None,
    pack=1,
    precision=None,
):
    """A pair of residual networks, each the other's mirror.

    A block is a 1x1 convolution to `expansion` times the filters, leaky ReLU 0.2, a 3x3
    convolution in groups, leaky ReLU, a 1x1 convolution back, added to the block's input. Each
    stage has `blocks` of them. From stage to stage the size is doubled or halved by bilinear
    interpolation, without aliases, with a 1x1 convolution where the number of filters changes. The
    generator starts from a learned map whose channels the latent scales, and ends in a 1x1
    convolution and tanh. The discriminator starts with a 1x1 convolution and ends in a learned
    weighting of each channel's map and one dense logit.

    Initialisation (Fixup): the last convolution of each block is 0, so that at the start blocks
    pass on what they get; their first two keep variances, divided by the square root of the
    number of all blocks, so that an update changes deep and shallow networks equally; all others
    keep variances.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        latent_dim: size of a latent. Default 64, as in the paper.
        filters: of the stage at the image's size; they double with each halving. Default 32.
        max_filters: bound of the doubling. Default 128.
        blocks: in each stage. Default 1.
        expansion: of the filters within a block. Default 2, as in the paper.
        group_size: channels in a group of the 3x3 convolutions. Default 16, as in the paper.
        num_classes: makes both networks conditional: they take `[inputs, labels]`, the generator
            beside its latent; the discriminator's logit is then the product of its features with
            the label's embedding.
        pack: samples that the discriminator judges at a time, see `dcgan`. Default 1.
        precision: a Keras dtype policy, such as "mixed_bfloat16"; "auto" for bfloat16 where an
            accelerator multiplies it faster, unless another policy than "float32" is set
            (processors gain nothing in grouped convolutions); `None` for the policy that is set.
            The last layers of both networks compute in float32. Default `None`.

    The paper's networks have `blocks=2` and `max_filters=768`, with `filters=768` at 32x32, 384 at
    64x64 and 96 at 256x256.

    Returns:
        `(generator, discriminator)`, built Keras models.

    Raises:
        ValueError: if an argument is out of range.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    Departures: fewer filters and blocks; tanh; images of any size; interpolation repeats the
    border on the way up, where the paper's takes zeros.
    """
    image_shape = _images.image_shape_of(image_shape)
    latent_dim, filters, max_filters = _checks.positive_ints(
        latent_dim=latent_dim, filters=filters, max_filters=max_filters
    )
    blocks, expansion, group_size = _checks.positive_ints(
        blocks=blocks, expansion=expansion, group_size=group_size
    )
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    pack = packing.checked(pack, num_classes)
    maps = _images.map_sizes(*image_shape[:2], smallest=_SMALLEST_SIDE)
    widths = _images.widths(filters, max_filters, len(maps))
    _checks.check(
        all(width * expansion % group_size == 0 for width in widths),
        "`group_size` must divide `expansion` times the filters of each stage.",
        group_size=group_size,
        filters=widths,
        expansion=expansion,
    )

    def stage(x, name):
        for number in range(1, blocks + 1):
            x = _block(x, expansion, group_size, blocks * len(maps), f"{name}_block_{number}")
        return x

    with policies.scope(precision, on_processors=False):
        generator = _generator(image_shape, latent_dim, maps, widths, stage, num_classes)
        judged = packing.packed_shape(image_shape, pack)
        return generator, _discriminator(judged, widths, stage, num_classes)


def _normal(gain=1.0):
    """What keeps the variance of what a layer gets, times `gain**2`; with 0, what gives 0."""
    if not gain:
        return "zeros"
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def _block(x, expansion, group_size, all_blocks, name):
    # Keeps variances through a leaky ReLU, with the share of one of all blocks in the whole: for
    # the two convolutions of a branch that do not start at 0, a fourth root each.
    gain = math.sqrt(2.0 / (1.0 + _SLOPE**2)) * all_blocks**-0.25
    inner = x.shape[-1] * expansion
    branch = layers.Conv2D(inner, 1, kernel_initializer=_normal(gain), name=f"{name}_expand")(x)
    branch = LeakyReLU(_SLOPE, name=f"{name}_1_activation")(branch)
    branch = GroupedConv2D(
        inner,
        3,
        padding="same",
        groups=inner // group_size,
        kernel_initializer=_normal(gain),
        name=f"{name}_grouped",
    )(branch)
    branch = LeakyReLU(_SLOPE, name=f"{name}_2_activation")(branch)
    branch = _pointwise(branch, x.shape[-1], f"{name}_project", gain=0.0)
    return layers.Add(name=f"{name}_sum")([x, branch])


def _pointwise(x, filters, name, *, gain=1.0, dtype=None):
    return layers.Conv2D(
        filters, 1, use_bias=False, kernel_initializer=_normal(gain), dtype=dtype, name=name
    )(x)


def _dense(x, units, name, **options):
    return layers.Dense(units, use_bias=False, kernel_initializer=_normal(), name=name, **options)(
        x
    )


# === Generator ===


def _generator(image_shape, latent_dim, maps, widths, stage, num_classes):
    inputs = keras.Input((latent_dim,), name="latents")
    labels = _labels.label_input(num_classes)
    x = _labels.join_label(
        inputs,
        labels,
        num_classes,
        latent_dim,
        "generator",
        initializer=keras.initializers.RandomNormal(stddev=(num_classes or 1) ** -0.5),
    )
    x = _dense(x, widths[-1], "generator_dense")
    x = Basis(maps[-1], name="generator_basis")(x)
    x = stage(x, "generator_stage_1")
    steps = zip(reversed(maps[:-1]), reversed(widths[:-1]), strict=True)
    for number, (size, filters) in enumerate(steps, start=2):
        name = f"generator_stage_{number}"
        if x.shape[-1] != filters:
            x = _pointwise(x, filters, f"{name}_width")
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_up")(x)
        x = stage(_images.cropped(x, size, f"{name}_crop"), name)
    x = _pointwise(x, image_shape[-1], "generator_image", dtype="float32")
    images = layers.Activation("tanh", dtype="float32", name="generator_tanh")(x)
    return _labels.model(inputs, labels, images, "generator")


# === Discriminator ===


def _discriminator(image_shape, widths, stage, num_classes):
    inputs = keras.Input(image_shape, name="images")
    labels = _labels.label_input(num_classes)
    x = stage(_pointwise(inputs, widths[0], "discriminator_pixels"), "discriminator_stage_1")
    for number, filters in enumerate(widths[1:], start=2):
        name = f"discriminator_stage_{number}"
        x = LowPass(name=f"{name}_down")(x)
        if x.shape[-1] != filters:
            x = _pointwise(x, filters, f"{name}_width")
        x = stage(x, name)
    size = x.shape[1:3]
    x = layers.DepthwiseConv2D(
        size,
        use_bias=False,
        # Of each output's own inputs, which are those of one channel.
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.prod(size) ** -0.5),
        name="discriminator_basis",
    )(x)
    x = layers.Flatten(name="discriminator_flatten")(x)
    if labels is None:
        logit = _dense(x, 1, "discriminator_score", dtype="float32")
    else:
        features = _dense(x, widths[-1], "discriminator_features", dtype="float32")
        stddev = (num_classes * widths[-1]) ** -0.5
        embedding = layers.Embedding(
            num_classes,
            widths[-1],
            embeddings_initializer=keras.initializers.RandomNormal(stddev=stddev),
            dtype="float32",
            name="discriminator_label_embedding",
        )(labels)
        logit = layers.Dot(axes=1, dtype="float32", name="discriminator_label_match")(
            [features, embedding]
        )
    return _labels.model(inputs, labels, logit, "discriminator")
