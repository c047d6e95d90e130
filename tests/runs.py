"""Runs that are cut off and started again, and the run that they must be equal to."""

import functools

import keras
import numpy as np
import tensorflow as tf

import helpers
from keras_gan.callbacks import TrainingBackup, training_backup
from keras_gan.model.gan import GAN

EPOCHS = 3
# Easily told from the samples of an untrained generator, so that no warning is in the way.
POINTS = 0.8 + 0.2 * helpers.points(70)
HELD_OUT = 0.8 + 0.2 * helpers.points(30, seed=1)


def busy():
    """A GAN with a bit of everything that has a state."""
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 5, 0.7)
    parts = [keras.Input((helpers.LATENT,)), helpers.generator(batch_norm=True)]
    generator = keras.Sequential([*parts, keras.layers.GaussianNoise(0.1)], name="generator")
    gan = GAN(generator, helpers.discriminator(dropout=0.3))
    gan.compile(
        loss="relativistic_paired",
        regularizers=["lecam"],
        generator_optimizer=keras.optimizers.SGD(schedule, momentum=0.5),
        discriminator_optimizer=keras.optimizers.Adam(4e-3, beta_1=0.5, use_ema=True),
        steps_per_execution=1,
    )
    return gan


def plain():
    """A small one."""
    return helpers.gan(dropout=0.3, steps_per_execution=1, **helpers.by_sgd())


class Stage:
    """One compiled model, put back to its start for each run, and elsewhere for each resume."""

    def __init__(self, build):
        keras.utils.set_random_seed(0)
        self.gan = build()
        self._start = helpers.snapshot(self.gan)

    def first(self):
        helpers.restore(self._start)
        self.gan.verdict = None
        return self.gan

    def again(self):
        """As in a new process: other initial weights, nothing done yet."""
        helpers.restore(self._start)
        for variable in self.gan.weights:
            variable.assign(variable.value * 2.0 + 0.5)
        self.gan.verdict = "none of this run"
        return self.gan


@functools.cache
def stage_of(build):
    """The stage of a function that builds a model, made once a process."""
    return Stage(build)


class Killed(BaseException):
    """What no `except Exception` catches, as little as a kill."""


class Crash(keras.callbacks.Callback):
    """Raises at a hook of an epoch, counted from 0."""

    def __init__(self, hook, epoch, batch=None):
        super().__init__()
        self.hook, self.epoch, self.batch = hook, epoch, batch

    def _at(self, hook, batch=None):
        if (hook, self._now, batch) == (self.hook, self.epoch, self.batch):
            raise Killed

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch
        self._at("epoch_begin")

    def on_train_batch_end(self, batch, logs=None):
        self._at("batch_end", batch)

    def on_test_begin(self, logs=None):
        self._at("test_begin")

    def on_epoch_end(self, epoch, logs=None):
        self._at("epoch_end")

    def on_train_end(self, logs=None):
        self._now = None
        self._at("train_end")


def fit(gan, folder, *callbacks, x=POINTS, epochs=EPOCHS, backup=None, **settings):
    """Train; `None` if it was killed."""
    backup = backup or TrainingBackup(folder)
    settings = {"batch_size": None if isinstance(x, tf.data.Dataset) else 8, **settings}
    try:
        return gan.fit(x, epochs=epochs, verbose=0, callbacks=[backup, *callbacks], **settings)
    except Killed:
        # As at the end of a process.
        training_backup._WRITER.submit(int).result()
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                callback.csv_file.close()
        return None


def assert_same_state(gan, state):
    """A model has come to what another one's `run_state` is."""
    now = gan.run_state()
    different = [name for name in state if not np.array_equal(state[name], now[name])]
    assert state.keys() == now.keys() and not different, f"differ: {different}"


def assert_same_run(gan, history, state, other):
    """Likewise, and the `History` of `fit` is the same."""
    assert_same_state(gan, state)
    assert history.epoch == other.epoch
    assert history.history == other.history
    assert gan.history is history
