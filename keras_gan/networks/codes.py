"""Networks from images to codes, and of both together."""

import keras
from keras import layers, ops

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.layers import LeakyReLU
from keras_gan.networks import _heads, _images
from keras_gan.networks.dcgan import halved


@_checks.suggesting
def encoder(
    image_shape,
    heads,
    *,
    filters=64,
    max_filters=512,
    kernel_size=4,
    noise=0.0,
    dropout=0.0,
    precision=None,
):
    """A network from images to vectors: the convolutions of `dcgan`'s discriminator, and heads.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        heads: `dict` of sizes by name: a dense layer each, linear, of the flat last map.
        filters: of the convolution nearest to the image; they double with each halving. Default 64.
        max_filters: bound of the doubling. Default 512.
        kernel_size: of the convolutions. Default 4.
        noise: standard deviation of normal noise on the images, in training. Default 0.
        dropout: share of the flat last map that heads do not see in training, in [0, 1). Default 0.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Heads compute in float32.
            Default `None`.

    Returns:
        A built Keras model from images to a `dict` of the heads, `(batch, size)`, and "features",
        the flat last map before dropout.

    Raises:
        ValueError: if an argument is out of range.

    Source: Radford et al., ICLR 2016 (arXiv:1511.06434); for the noise: Salimans et al., NeurIPS
    2016 (arXiv:1606.03498).
    """
    image_shape = _images.image_shape_of(image_shape, drawn=False)
    heads = _heads.checked(heads)
    _checks.check(bool(heads), "`heads` must have a name at least.", heads=heads)
    noise = _checks.number(noise, "noise", minimum=0.0)
    dropout = _checks.number(dropout, "dropout", minimum=0.0, below=1.0)
    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        x = images = keras.Input(image_shape, name="images")
        if noise:
            x = layers.GaussianNoise(noise, seed=0, name="encoder_noise")(x)
        x = _flat_map(x, filters, max_filters, kernel_size, "encoder")
        features = x
        if dropout:
            x = layers.Dropout(dropout, seed=1, name="encoder_dropout")(x)
        outputs = {**_heads.dense(x, heads, "encoder"), "features": features}
        return keras.Model(images, outputs, name="encoder")


@_checks.suggesting
def joint_discriminator(
    image_shape,
    code_dim,
    *,
    filters=64,
    max_filters=512,
    kernel_size=4,
    width=256,
    precision=None,
):
    """A discriminator of pairs of an image and a code (BiGAN).

    The convolutions of `dcgan`'s discriminator see the image, a dense layer sees the code, and
    another dense layer both; all with leaky ReLU 0.2.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        code_dim: size of a code.
        filters: see `encoder`. Default 64.
        max_filters: see `encoder`. Default 512.
        kernel_size: see `encoder`. Default 4.
        width: units of the two dense layers. Default 256.
        precision: see `encoder`. Default `None`.

    Returns:
        A built Keras model from `[images, codes]` to a `dict` of "logits" `(batch, 1)` and
        "features" `(batch, width)`, what they are computed from.

    Raises:
        ValueError: if an argument is out of range.

    Source: Donahue et al., "Adversarial Feature Learning", ICLR 2017 (arXiv:1605.09782).
    Departures: no BatchNorm, no dropout, as in `dcgan`.
    """
    image_shape = _images.image_shape_of(image_shape, drawn=False)
    code_dim, width = _checks.positive_ints(code_dim=code_dim, width=width)

    def dense(x, name):
        x = layers.Dense(width, kernel_initializer="he_normal", name=f"discriminator_{name}")(x)
        return LeakyReLU(0.2, name=f"discriminator_{name}_activation")(x)

    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        images = keras.Input(image_shape, name="images")
        codes = keras.Input((code_dim,), name="codes")
        of_images = _flat_map(images, filters, max_filters, kernel_size, "discriminator")
        pair = [of_images, dense(codes, "codes")]
        features = dense(layers.Concatenate(name="discriminator_pair")(pair), "features")
        logits = layers.Dense(1, dtype="float32", name="discriminator_score")(features)
        outputs = {"logits": logits, "features": features}
        return keras.Model([images, codes], outputs, name="discriminator")


@lambda function: _checks.suggesting(function, encoder)
def classifying_discriminator(image_shape, num_classes, **options):
    """A discriminator that is a classifier: generated samples are the class after the last.

    An `encoder` whose head "classes" has a logit `l_k` for each class of real samples, and 0 for
    the generated ones. The logit of "real" is then `log sum_k exp(l_k)`.

    Args:
        image_shape: `(height, width, channels)`, each side at least 4, 1, 3 or 4 channels.
        num_classes: classes of real samples.
        **options: of `encoder`.

    Returns:
        A built Keras model from images to a `dict` of "logits" `(batch, 1)`, "classes" and
        "features".

    Raises:
        ValueError: if an argument is out of range.

    Source: Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016
    (arXiv:1606.03498).
    """
    num_classes = _checks.positive_int(num_classes, "num_classes")
    inner = encoder(image_shape, {"classes": num_classes}, **options)
    outputs = inner.output
    logits = ops.logsumexp(outputs["classes"], axis=-1, keepdims=True)
    return keras.Model(inner.input, {"logits": logits, **outputs}, name="discriminator")


def _flat_map(x, filters, max_filters, kernel_size, prefix):
    filters, max_filters, kernel_size = _checks.positive_ints(
        filters=filters, max_filters=max_filters, kernel_size=kernel_size
    )
    stages = len(_images.map_sizes(*x.shape[1:3])) - 1
    widths = _images.widths(filters, max_filters, stages)
    return layers.Flatten(name=f"{prefix}_flatten")(halved(x, widths, kernel_size, prefix))
