"""Callbacks that log what is no number, and a list of callbacks of a user's own."""

import keras
import pytest

import helpers
from keras_gan import convergence
from keras_gan.callbacks import ConvergenceStopping, StopOnNonFinite, TrainingBackup

POINTS = helpers.points()
pytestmark = pytest.mark.usefixtures("one_panel")


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
