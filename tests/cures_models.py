"""Data, generators and models that ask for a cure, and the complaints about them."""

import functools
import pathlib
import re
import types
import warnings

import keras
import numpy as np
import tensorflow as tf

import helpers
from keras_gan import data, evaluate_generator, metrics
from keras_gan.feeding import fit_data
from keras_gan.feeding.sample_spec import SampleSpec
from keras_gan.model.gan import GAN

TFDS = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data" / "tfds"


POINTS, CLASSES = helpers.points(64), np.arange(64) % 3
IMAGES = helpers.images(16)  # uint8
FLOATS = IMAGES / np.float32(127.5) - 1.0
UNIT = IMAGES / np.float32(255.0)
SAME = "sliced_wasserstein"


def complaint(call, *arguments, **settings):
    """The text of the error or warning of a call, or `None`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            call(*arguments, **settings)
        except (ValueError, UserWarning) as error:
            return str(error)
    return None


def codes(text):
    """The code in the cure of an error, or anywhere in a warning."""
    return re.findall(r"`([^`]+)`", text.split("Received: ", 1)[-1])


def code(text, begins=""):
    """The first code in a cure that begins so."""
    return next(found for found in codes(text) if found.startswith(begins))


def identity(latents):
    return latents


def as_images(latents, low=-1.0, high=1.0):
    return low + (high - low) * tf.sigmoid(tf.reshape(latents, (-1, 8, 8, 1)))


def evaluated(generator=identity, real=POINTS, metric=SAME, latent_dim=2, **settings):
    return evaluate_generator(generator, real, metric, latent_dim=latent_dim, verbose=0, **settings)


def fed(x, y=None, *, spec=None, group=1, steps=None, split=0.0, batch_size=None):
    """The feeds of a `fit`, with its arguments by their names."""
    feed, _ = fit_data.training_feed(
        x,
        y,
        spec=spec or SampleSpec((2,), None),
        batch_size=batch_size,
        group=group,
        parts=1,
        shuffle=False,
        seed=0,
        position=lambda: 0,
        steps_per_epoch=steps,
        split=split,
    )
    return feed


def validated(x, y=None, **settings):
    return fit_data.evaluation_feed(x, y, spec=SampleSpec((2,), None), batch_size=None, **settings)


def mnist(**settings):
    return data.from_tfds("mnist", data_dir=TFDS, download=False, **settings)


def unit_images(latents):
    return as_images(latents, 0.0)


def unit_classes(latents, classes):
    return unit_images(latents)


@functools.cache
def unit_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((64,)), keras.layers.Reshape((8, 8, 1)), Unit()])


@functools.cache
def unit_gan():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1)), Unit()]
    return GAN(keras.Sequential([keras.Input((64,)), *layers]), helpers.discriminator((8, 8, 1)))


class Unit(keras.layers.Layer):
    def call(self, latents):
        return tf.sigmoid(latents)


def complex_names():
    return {"tf": tf, "generator": lambda latents: tf.complex(latents, latents)}


def not_finite():
    values = POINTS.copy()
    values[2] = np.nan
    return values


def scored(logits):
    metric = metrics.InceptionScore(lambda x: x + 0.5, logits=logits)
    metric.update_state(None, POINTS)
    return metric.result()


def circle(endpoint):
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=endpoint)
    return np.c_[np.cos(angles), np.sin(angles)]


def floor_under_a_strategy():
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        return metrics.SlicedWasserstein().floor(POINTS)


def compared(metric, *sets):
    for samples in sets:
        metric.update_state(samples, samples)
    return metric.result()


def named(names):
    dataset = data.from_arrays(POINTS, np.arange(64) % 2, class_names=list(names))
    assert dataset.class_names == list(names)
    return dataset


def of_classes(names):
    return types.SimpleNamespace(class_names=tuple(names))


def without_labels():
    import tensorflow_datasets as tfds

    made = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(8, 8, 3))})
    return tfds, types.SimpleNamespace(features=made, supervised_keys=None, name="toys")
