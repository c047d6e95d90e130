"""The simplest generators and metrics to compare samples with."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan.evaluation.scoring import evaluate_generator


class Recorder(keras.metrics.Metric):
    """Keeps what it is fed; its figure is the mean of the samples."""

    def __init__(self, name="recorder"):
        super().__init__(name=name)
        self.reset_state()

    def update_state(self, real, fake):
        assert real.dtype == fake.dtype == tf.float32
        self.pairs.append((real.numpy(), fake.numpy()))

    def result(self):
        return float(np.mean(self.fake))

    def reset_state(self):
        self.pairs = []

    @property
    def real(self):
        return np.concatenate([real for real, _ in self.pairs])

    @property
    def fake(self):
        return np.concatenate([fake for _, fake in self.pairs])


def identity(latents):
    """The simplest generator: its samples are the latents."""
    return latents


def compared(generator, real, *arguments, **settings):
    """`(real, fake)` as the metric got them."""
    recorder = Recorder()
    evaluate_generator(generator, real, recorder, *arguments, **settings)
    return recorder.real, recorder.fake


def points(count=200, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 2)).astype("float32")


def rows(array):
    """The samples in an order of their own."""
    array = np.reshape(array, (len(array), -1))
    return array[np.lexsort(array.T)]
