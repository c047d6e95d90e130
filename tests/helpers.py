"""What several tests build: a tiny model, its data, comparisons of weights."""

import zipfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_gan.model import state_parts
from keras_gan.model.gan import GAN

LATENT = 4


def generator(shape=(2,), *, batch_norm=False, num_classes=None, activation="tanh"):
    """A generator of some dozen weights."""
    inputs = x = keras.Input((LATENT,), name="latents")
    labels = None
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        x = layers.Concatenate()([x, layers.Embedding(num_classes, 2)(labels)])
    x = layers.Dense(8, activation="relu")(x)
    if batch_norm:
        x = layers.BatchNormalization()(x)
    x = layers.Dense(int(np.prod(shape)), activation=activation)(x)
    x = layers.Reshape(shape)(x)
    return keras.Model(inputs if labels is None else [inputs, labels], x, name="generator")


def discriminator(shape=(2,), *, batch_norm=False, dropout=0.0, num_classes=None):
    """A discriminator of some dozen weights."""
    inputs = keras.Input(shape, name="samples")
    labels = None
    x = layers.Flatten()(inputs)
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        x = layers.Concatenate()([x, layers.Embedding(num_classes, 2)(labels)])
    x = layers.Dense(8)(x)
    if batch_norm:
        x = layers.BatchNormalization()(x)
    x = layers.LeakyReLU(0.2)(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(1)(x)
    return keras.Model(inputs if labels is None else [inputs, labels], x, name="discriminator")


def gan(shape=(2,), *, batch_norm=False, dropout=0.0, num_classes=None, seed=0, **settings):
    """A compiled tiny GAN; `settings` go to `compile`."""
    model = GAN(
        generator(shape, batch_norm=batch_norm, num_classes=num_classes),
        discriminator(shape, dropout=dropout, num_classes=num_classes),
        num_classes=num_classes,
        seed=seed,
    )
    model.compile(**settings)
    return model


class Watched(GAN):
    """A GAN whose step only notes what it is given, so that its graph is made at once."""

    batches = ()

    def train_step(self, data):
        parts = [part for part in tf.nest.flatten(data) if part is not None]
        with tf.control_dependencies([tf.numpy_function(self._note, parts, tf.int64)]):
            self._count_step(data)
        return self.get_metrics_result()

    def test_step(self, data):
        with tf.control_dependencies(tf.nest.flatten(data)):
            return {"loss": tf.constant(0.0)}

    def _note(self, samples, labels=None):
        self.batches.append((samples, labels))
        return np.int64(0)


def watched(shape=(2,), *, num_classes=None, n=1, seed=0, activation=None, **settings):
    """A compiled `Watched`; points may be numbers beyond the reach of a bounded activation."""
    activation = activation or ("tanh" if len(shape) == 3 else "leaky_relu")
    model = Watched(
        generator(shape, num_classes=num_classes, activation=activation),
        discriminator(shape, num_classes=num_classes),
        num_classes=num_classes,
        seed=seed,
    )
    model.batches = []
    model.compile(discriminator_steps=n, **{"steps_per_execution": 1, **settings})
    return model


def sgd():
    """An optimizer for either player, without a state."""
    return keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05)


def by_sgd(momentum=0.0):
    """Settings of `compile` for optimizers that are traced sooner than Adam."""
    players = ("generator_optimizer", "discriminator_optimizer")
    return {player: keras.optimizers.SGD(0.05, momentum=momentum) for player in players}


def updates(model):
    """How often the discriminator and the generator of a GAN have been updated."""
    generator, discriminator = model.generator_optimizer, model.discriminator_optimizer
    return int(discriminator.iterations.numpy()), int(generator.iterations.numpy())


def each_once(*names):
    """Pairs of two lists of names, sorted, in which each name comes up; the shorter one repeats."""
    first, second = map(sorted, names)
    count = max(len(first), len(second))
    return [(first[i % len(first)], second[i % len(second)]) for i in range(count)]


def points(count=64, seed=0):
    """Float32 points in [-1, 1]^2."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype("float32")


def images(count=32, shape=(8, 8, 1), seed=0):
    """Random uint8 images."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype("uint8")


def values(variables):
    """NumPy copies of variables."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def state(model):
    """Everything a run consists of, as NumPy copies by name."""
    result = {}
    for name in ("generator", "discriminator", "averaged_generator"):
        for number, value in enumerate(values(getattr(model, name).weights)):
            result[f"{name}/{number}"] = value
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for number, value in enumerate(values(getattr(model, name).variables)):
            result[f"{name}/{number}"] = value
    for name, variable in state_parts.own(model).items():
        result[name] = np.array(keras.ops.convert_to_numpy(variable))
    return result


def assert_same(first, second):
    """Two `state`s agree bit by bit."""
    assert first.keys() == second.keys()
    different = [name for name in first if not np.array_equal(first[name], second[name])]
    assert not different, f"differ: {different}"


def same(first, second):
    """Whether two lists of arrays agree bit by bit."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def snapshot(model):
    """All that training changes, to be given to `restore`."""
    parts = (model.generator, model.discriminator, model.averaged_generator)
    parts += (model.generator_optimizer, model.discriminator_optimizer)
    variables = [variable for part in parts for variable in part.variables]
    variables += state_parts.own(model).values()
    return list(zip(variables, values(variables), strict=True))


def restore(saved):
    """Put a model back where it was, without making its graph anew."""
    for variable, value in saved:
        variable.assign(value)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
