"""Samples of all kinds of values, and the first batch that `fit` makes of them."""

import functools

import numpy as np
import tensorflow as tf

import helpers
from keras_gan.feeding import fit_data, sample_spec, values
from keras_gan.feeding.sample_spec import SampleSpec

CLASSES = 3
IMAGE = (8, 8, 1)


@functools.cache
def reach(activation):
    """What a generator that ends in this activation can reach."""
    return values.reach(helpers.generator((2,), activation=activation))


def fed(x, y=None, *, shape=None, num_classes=None, activation="leaky_relu"):
    """The first batch that `fit` would train on, as floats, and its labels."""
    spec = SampleSpec(shape or np.shape(x)[1:], num_classes, reach(activation))
    feed, _ = fit_data.training_feed(
        x,
        y,
        spec=spec,
        batch_size=None if isinstance(x, tf.data.Dataset) else 4,
        group=1,
        parts=1,
        shuffle=False,
        seed=0,
        position=lambda: 0,
        steps_per_epoch=None,
    )
    batch = list(feed.dataset.take(1))
    feed.check_epoch()
    batch, labels = sample_spec.unpack(batch[0])
    return sample_spec.to_float(batch).numpy(), labels


def pixels(*shape, seed=0):
    found = np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")
    found.flat[:2] = 0, 255
    return found


def pipeline(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(4)
