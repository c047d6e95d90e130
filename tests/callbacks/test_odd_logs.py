"""Callbacks that log what is no number, and a list of callbacks of a user's own."""

import os

import keras
import numpy as np
import pytest

import helpers
from keras_gan import convergence
from keras_gan.callbacks import (
    ConvergenceStopping,
    ImageGrid,
    RunBoard,
    RunReport,
    StopOnNonFinite,
    TrainingBackup,
)

POINTS = helpers.points()
pytestmark = pytest.mark.usefixtures("one_panel", "blank_plots")


@pytest.fixture(scope="module")
def gan():
    return helpers.gan(steps_per_execution=1, **helpers.by_sgd())


# A word, and others that `--slow` tries.
VALUES = ["text", *(pytest.param(v, marks=pytest.mark.slow) for v in (None, [1, [2, 3]]))]


class Odd(keras.callbacks.Callback):
    """Logs a value that is no number, once under a name of the model's own."""

    def __init__(self, value, name="odd"):
        super().__init__()
        self.value, self.name = value, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.value


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_log_that_is_no_number_harms_none_who_does_not_need_it(gan, tmp_path, value):
    watching = [ConvergenceStopping(directory=tmp_path / "c"), StopOnNonFinite()]
    odd = [Odd(value), Odd(value, "d_loss")]
    backup = TrainingBackup(tmp_path / "backup")
    gan.fit(POINTS, verbose=1, callbacks=[*odd, *watching, backup])
    (last,) = watching[0].history
    assert last.d_loss is None and "odd" not in last.logs and last.g_loss > 0


@pytest.mark.parametrize("stops", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_key_that_is_no_text_is_read_as_text(gan, tmp_path, stops):
    board = RunBoard(tmp_path / "board")
    stopping = [ConvergenceStopping(directory=tmp_path)] if stops else []
    report, backup = RunReport(tmp_path), TrainingBackup(tmp_path / "backup")
    odd = [Odd(1.0, 3), Odd(2.0, "\udcff")]
    gan.fit(POINTS, verbose=1, callbacks=[*odd, *stopping, board, report, backup])
    last = board._following.history[-1]
    assert last.logs["3"] == 1.0
    for file in (tmp_path / "board").iterdir():
        assert b"terms/3" in file.read_bytes() and b"terms/\\udcff" in file.read_bytes()


def test_names_of_classes_that_are_no_unicode_are_escaped(tmp_path):
    gan = helpers.gan(num_classes=2, run_eagerly=True, **helpers.by_sgd())
    gan.class_names = ["a", "\udcff"]
    callbacks = [ConvergenceStopping(), RunBoard(tmp_path)]
    gan.fit(POINTS, np.arange(len(POINTS)) % 2, verbose=0, callbacks=callbacks)
    assert all(b"a, \\udcff" in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("form", [RunBoard, lambda path: ImageGrid(path + "x", log_dir=path)])
def test_a_folder_for_tensorboard_must_be_unicode(tmp_path, form):
    gan = helpers.gan((8, 8, 1), run_eagerly=True)
    callback = form(os.path.join(tmp_path, os.fsdecode(b"\xff")))
    with pytest.raises(ValueError, match="`log_dir` must be of Unicode.*Received: log_dir="):
        gan.fit(helpers.images(8), batch_size=4, verbose=0, callbacks=[callback])


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_monitor_must_be_a_number(gan, value):
    stopping = ConvergenceStopping("odd", mode="min")
    with pytest.raises(ValueError, match="must be the name of a number in the logs. Received: mo"):
        gan.fit(POINTS, verbose=0, callbacks=[Odd(value), stopping])


@pytest.mark.parametrize("returned", [True, False, "text", 1.5, [1]])
def test_a_rule_must_return_evidence(returned):
    class Rule:
        kind = "mine"

        def __call__(self, history):
            return returned

    with pytest.raises(ValueError, match="`dict`, or a `Verdict`. Received: kind='mine', returned"):
        convergence.judge([convergence.Signals(epoch=1)], [Rule()])


def test_a_list_of_ones_own_need_not_have_a_history(gan):
    gan.history = None
    own = keras.callbacks.CallbackList([], model=gan)
    history = gan.fit(POINTS, epochs=2, verbose=0, callbacks=own)
    assert history.epoch == [0, 1] and len(history.history["d_loss"]) == 2
    with_one = keras.callbacks.CallbackList([], add_history=True, model=gan)
    history = gan.fit(POINTS, epochs=1, verbose=0, callbacks=with_one)
    assert [history] == with_one.callbacks and history.epoch == [0]
