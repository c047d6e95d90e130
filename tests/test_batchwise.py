"""Callbacks that work by batches are called with each; the bar counts the steps there are."""

import re
import sys
import time
import types

import keras
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan import terminal
from keras_gan.backend.batchwise import works_by_batches
from keras_gan.model.gan import GAN
from keras_gan.model.progress import Progress, ValidationProgress

STEPS = 6


class Counting(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.calls += 1


class Legacy(keras.callbacks.Callback):
    def on_batch_end(self, batch, logs=None):
        pass


class CountingTests(keras.callbacks.Callback):
    calls = 0

    def on_test_batch_end(self, batch, logs=None):
        self.calls += 1


class Checkpoint(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)


CALLBACKS = {
    "own hook": (lambda folder: Counting(), True),
    "own legacy hook": (lambda folder: Legacy(), True),
    "own hook of tests": (lambda folder: CountingTests(), True),
    "a lambda": (
        lambda folder: keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_: None),
        True,
    ),
    "a lambda by epochs": (
        lambda folder: keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: None),
        False,
    ),
    "checkpoint by steps": (
        lambda folder: keras.callbacks.ModelCheckpoint(folder / "a.keras", save_freq=3),
        True,
    ),
    "checkpoint by epochs": (
        lambda folder: keras.callbacks.ModelCheckpoint(folder / "a.keras"),
        False,
    ),
    "subclass of a checkpoint": (lambda folder: Checkpoint(folder / "a.keras"), True),
    "board by batches": (
        lambda folder: keras.callbacks.TensorBoard(folder, update_freq="batch"),
        True,
    ),
    "board by steps": (lambda folder: keras.callbacks.TensorBoard(folder, update_freq=5), True),
    "board with a profile": (
        lambda folder: keras.callbacks.TensorBoard(folder, profile_batch=2),
        True,
    ),
    "board": (lambda folder: keras.callbacks.TensorBoard(folder), False),
    "Keras's backup by steps": (
        lambda folder: keras.callbacks.BackupAndRestore(folder, save_freq=2),
        True,
    ),
    "Keras's backup": (lambda folder: keras.callbacks.BackupAndRestore(folder), False),
    "stopping": (lambda folder: keras.callbacks.EarlyStopping("g_loss", mode="min"), False),
    "NaN": (lambda folder: keras.callbacks.TerminateOnNaN(), False),
    "rates": (lambda folder: keras.callbacks.LearningRateScheduler(lambda e, r: r), False),
    "ours": (lambda folder: keras_gan.callbacks.StopOnNonFinite(), False),
    "our verdicts": (lambda folder: keras_gan.callbacks.ConvergenceStopping(), False),
}


@pytest.mark.parametrize("kind", CALLBACKS)
def test_which_callbacks_work_by_batches(kind, tmp_path):
    make, by_batches = CALLBACKS[kind]
    assert works_by_batches(make(tmp_path)) is by_batches


def test_each_batch_is_told_and_no_call_is_longer_than_an_epoch(capsys):
    gan, x = helpers.watched(steps_per_execution="auto"), helpers.points(8 * STEPS)
    callback = Counting()
    gan.fit(x, batch_size=8, verbose=0)
    assert gan.steps_per_execution == STEPS
    gan.evaluate(x, batch_size=8, callbacks=[tests := CountingTests()], verbose=0)
    assert gan.steps_per_execution == STEPS and tests.calls == STEPS
    gan.fit(x, batch_size=8, epochs=2, callbacks=[callback], verbose=0)
    assert gan.steps_per_execution == 1 and callback.calls == 2 * STEPS
    # What was asked for stays.
    gan.compile(steps_per_execution=4)
    gan.fit(x, batch_size=8, callbacks=[Counting()], validation_data=x)
    assert gan.steps_per_execution == 4
    gan.evaluate(x, batch_size=8)
    counts = re.findall(r"(\d+)/(\d+)", capsys.readouterr().out)
    assert counts and {counted for _, counted in counts} == {str(STEPS)}
    assert max(int(done) for done, _ in counts) == STEPS


def test_steps_are_counted_where_only_reading_tells_how_many_there_are(capsys):
    x = helpers.points(8 * STEPS)
    batches = tf.data.Dataset.from_generator(
        lambda: (x[8 * i : 8 * i + 8] for i in range(STEPS)),
        output_signature=tf.TensorSpec((None, 2), "float32"),
    )

    class Idle(helpers.Watched):  # whose training step is soon traced
        test_step = GAN.test_step

    gan = Idle(helpers.generator(), helpers.discriminator())
    gan.batches = []
    gan.compile(steps_per_execution=4)
    gan.fit(batches, epochs=2, verbose=2)
    gan.evaluate(batches, verbose=2)
    assert re.findall(r"(\d+)/(\d+) - ", capsys.readouterr().out) == [(str(STEPS),) * 2] * 3


def test_a_long_validation_is_counted_once_and_to_its_end(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_DELAY", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = ValidationProgress()
    progress.set_params({"verbose": 1})
    progress.set_model(types.SimpleNamespace(_held_out_feed=types.SimpleNamespace(steps=3)))
    progress.on_test_begin()
    for batch in (1, 3):  # two steps in each call
        time.sleep(0.12)  # lines are written at most so often
        progress.on_test_batch_end(batch)
    progress.on_test_end()
    told = capsys.readouterr().err
    assert "2/3" in told and "4/3" not in told
    # Keras's bar stands still meanwhile, and has no line of its own for it.
    bar = Progress()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": STEPS})
    bar.on_train_begin()
    bar.on_test_begin()
    bar.on_test_batch_end(0)
    bar.on_test_end()
    assert capsys.readouterr().err == ""
