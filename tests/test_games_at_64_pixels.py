"""Games of pictures at 64 pixels: the same bits in one process, in several, and after a kill."""

import signal

import keras
import numpy as np
import pytest

import games
import killed
from processes import python
from runs import assert_same_state

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This model cannot start"),
]


def run(name, seed=0):
    """A model, and a function that trains it for two epochs of three steps with callbacks."""
    keras.utils.set_random_seed(seed)
    game = games.GAMES[name](size=64)

    def fit(callbacks):
        return game.model.fit(
            game.data,
            batch_size=game.batch_size,
            epochs=2,
            steps_per_epoch=3,
            callbacks=callbacks,
            verbose=0,
        )

    return game.model, fit


@pytest.fixture(scope="module")
def straight():
    """The states of runs that never stopped, by name."""
    states = {}
    for name in games.PICTURES:
        model, fit = run(name)
        fit([])
        states[name] = model.run_state()
    return states


@pytest.mark.parametrize("name", games.PICTURES)
def test_twice_in_one_process(straight, name):
    model, fit = run(name)
    fit([])
    assert_same_state(model, straight[name])


def test_in_another_process(straight, tmp_path):
    done = python("killed.py", f"{__name__}:whole", tmp_path, *games.PICTURES)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, state in straight.items():
        with np.load(tmp_path / f"{name}.npz") as other:
            assert all(np.array_equal(other[key], value) for key, value in state.items()), name


def test_after_a_kill(straight, tmp_path):
    done = python("killed.py", __name__, tmp_path, *games.PICTURES)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    for name, state in straight.items():
        model, fit = run(name, seed=1)  # other initial weights
        history = fit([killed.backup(tmp_path, name)])
        assert history.epoch == [0, 1], name
        assert_same_state(model, state)
