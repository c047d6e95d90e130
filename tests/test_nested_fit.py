"""Callbacks that train the model that is being trained, or change how."""

import threading

import keras
import numpy as np
import pytest

import helpers
from keras_gan.callbacks import TrainingBackup
from runs import Crash, Killed

POINTS, OTHERS = helpers.points(16), helpers.points(8, seed=1)


@pytest.fixture(scope="module")
def model():
    return helpers.gan(steps_per_execution=1, **helpers.by_sgd())


def within(model, **settings):
    """A callback that trains the model on other data, in half as many steps as an epoch has."""
    settings = {"batch_size": 8, "verbose": 0, **settings}
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: model.fit(OTHERS, **settings))


def fit(model, *callbacks, **settings):
    settings = {"batch_size": 8, "epochs": 3, "verbose": 0, **settings}
    return model.fit(POINTS, callbacks=list(callbacks), **settings)


def test_the_outer_run_keeps_its_steps_and_data():
    model, seen = helpers.gan(**helpers.by_sgd()), []
    counts = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: seen.append(int(model.steps_seen)),
        on_epoch_end=lambda *_: seen.append(int(model.steps_seen)),
    )
    held_out = helpers.points(16, seed=2)
    fit(model, counts, within(model), validation_data=held_out, epochs=2)
    assert np.diff(seen).tolist() == [2, 1, 2]  # an epoch, the inner run, an epoch
    np.testing.assert_array_equal(np.sort(model.reference_samples, 0), np.sort(POINTS, 0))
    np.testing.assert_array_equal(np.sort(model.held_out_samples, 0), np.sort(held_out, 0))
    assert model.run_description()["data.num_samples"] == len(POINTS)


@pytest.mark.slow
def test_the_end_of_an_inner_run_is_its_own(model):
    def stops(*_):
        model.stop_training = True

    stop = keras.callbacks.LambdaCallback(on_epoch_end=stops)
    assert len(fit(model, within(model, callbacks=[stop])).epoch) == 3
    assert len(fit(model, stop, within(model)).epoch) == 1


@pytest.mark.slow
def test_a_run_with_inner_runs_is_resumed(tmp_path):
    def trained(name, *callbacks):
        keras.utils.set_random_seed(0)
        model = helpers.gan(run_eagerly=True, **helpers.by_sgd())
        try:
            fit(model, within(model), TrainingBackup(tmp_path / name), *callbacks, epochs=2)
        except Killed:
            return trained(name)
        return helpers.state(model)

    helpers.assert_same(trained("whole"), trained("cut", Crash("epoch_begin", 1)))


def test_after_an_inner_run_that_fails_all_is_as_before(model):
    with pytest.raises(ValueError, match="batch_size"):
        fit(model, within(model, batch_size=1_000))
    assert len(fit(model).epoch) == 3
    np.testing.assert_array_equal(np.sort(model.reference_samples, 0), np.sort(POINTS, 0))


def test_compiling_within_fit_is_refused(model):
    compiles = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: model.compile())
    with pytest.raises(ValueError, match="cannot be compiled by a callback of its `fit`"):
        fit(model, compiles)
    assert len(fit(model).epoch) == 3


def test_another_thread_may_not_train_the_same_model_meanwhile():
    gan, told = helpers.gan(run_eagerly=True, **helpers.by_sgd()), []

    class Elsewhere(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            thread = threading.Thread(target=self.train)
            thread.start()
            thread.join()

        def train(self):
            try:
                gan.fit(helpers.points(16), batch_size=8, verbose=0)
            except ValueError as error:
                told.append(str(error))

    gan.fit(helpers.points(16), batch_size=8, verbose=0, callbacks=[Elsewhere()])
    assert gan.steps_seen == 2 and "Only one thread at a time may train a model" in told[0]
    gan.fit(helpers.points(16), batch_size=8, verbose=0)
    assert gan.steps_seen == 4
