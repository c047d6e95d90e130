"""Fully connected networks, for points, rows and small images."""

import math
import numbers

import keras
import numpy as np
from keras import layers

from keras_gan import _checks
from keras_gan.backend import inspection, packing, policies
from keras_gan.layers import LeakyReLU
from keras_gan.networks import _labels


@_checks.suggesting
def mlp(
    sample_shape,
    latent_dim=64,
    *,
    width=128,
    depth=3,
    num_classes=None,
    pack=1,
    precision=None,
):
    """A pair of fully connected networks.

    Both have `depth` hidden layers of `width` units with leaky ReLU (slope 0.2). The generator
    ends linear for vectors and in tanh, in [-1, 1], for images (rank 3, last axis 1, 3 or 4).

    Args:
        sample_shape: shape of a sample, for example `(2,)` or `(28, 28, 1)`.
        latent_dim: size of a latent. Default 64.
        width: units of a hidden layer. Default 128.
        depth: hidden layers, at least 1. Default 3.
        num_classes: for conditional networks, see `dcgan`.
        pack: samples that the discriminator judges at a time, see `dcgan`. Default 1.
        precision: a Keras dtype policy, such as "mixed_bfloat16"; "auto" or `None` for the policy
            that is set, since so small products gain nothing from less than float32. The last
            layers of both networks compute in float32. Default `None`.

    Returns:
        `(generator, discriminator)`, built Keras models.

    Raises:
        ValueError: if an argument is out of range.
    """
    sample_shape = sizes(sample_shape, "sample_shape")
    latent_dim, width, depth = _checks.positive_ints(
        latent_dim=latent_dim, width=width, depth=depth
    )
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    pack = packing.checked(pack, num_classes)
    with policies.scope(None if precision == "auto" else precision):
        generator = _generator(sample_shape, latent_dim, width, depth, num_classes)
        judged = packing.packed_shape(sample_shape, pack)
        return generator, _discriminator(judged, width, depth, num_classes)


def sizes(shape, name):
    """A shape as a tuple of positive integers."""
    if getattr(shape, "ndim", 1) > 1:  # the samples themselves, of which an error must not show all
        shown = f"{type(shape).__name__} of shape {tuple(shape.shape)}"
        cure = "Pass `samples.shape[1:]`."
        raise _checks.error(f"`{name}` must be a shape.", cure=cure, **{name: shown})
    parts = tuple(shape) if np.iterable(shape) and not isinstance(shape, str) else (shape,)
    _checks.check(
        bool(parts) and all(isinstance(n, numbers.Integral) and n > 0 for n in parts),
        f"`{name}` must be a tuple of positive integers, a sample's shape without a batch axis.",
        **{name: shape},
    )
    return tuple(map(int, parts))


def _generator(sample_shape, latent_dim, width, depth, num_classes):
    inputs = keras.Input((latent_dim,), name="latents")
    labels = _labels.label_input(num_classes)
    x = _labels.join_label(inputs, labels, num_classes, min(latent_dim, 32), "generator")
    x = _hidden(x, width, depth, "generator")
    image = inspection.is_image(sample_shape)
    x = layers.Dense(
        math.prod(sample_shape),
        activation="tanh" if image else None,
        dtype="float32",
        name="generator_samples",
    )(x)
    if len(sample_shape) > 1:
        x = layers.Reshape(sample_shape, name="generator_reshape")(x)
    return _labels.model(inputs, labels, x, "generator")


def _discriminator(sample_shape, width, depth, num_classes):
    inputs = keras.Input(sample_shape, name="samples")
    labels = _labels.label_input(num_classes)
    x = inputs
    if len(sample_shape) > 1:
        x = layers.Flatten(name="discriminator_flatten")(x)
    features = _hidden(x, width, depth, "discriminator")
    logit = layers.Dense(1, dtype="float32", name="discriminator_score")(features)
    logit = _labels.project_label(logit, features, labels, num_classes, "discriminator")
    return _labels.model(inputs, labels, logit, "discriminator")


def _hidden(x, width, depth, prefix):
    for number in range(1, depth + 1):
        x = layers.Dense(width, kernel_initializer="he_normal", name=f"{prefix}_dense_{number}")(x)
        x = LeakyReLU(0.2, name=f"{prefix}_activation_{number}")(x)
    return x
