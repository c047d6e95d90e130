"""Papers' games: each trains, goes on from files and backups, is exported, and is used."""

import contextlib

import keras
import numpy as np
import pytest

import exported
import games
from keras_gan.callbacks import TrainingBackup
from runs import assert_same_state

# Toys of some steps.
pytestmark = [
    pytest.mark.usefixtures("unoptimized_graphs"),
    pytest.mark.filterwarnings("ignore:This GAN cannot start"),
    pytest.mark.filterwarnings("ignore:This model cannot start"),
]

# One is played at once, without a graph; all of them begin compiled with `--slow`.
EVERY = [
    *(pytest.param(name, True, id=f"{name}-eager") for name in games.QUICK),
    *(pytest.param(name, False, id=name, marks=pytest.mark.slow) for name in games.GAMES),
]


def played(name, eager):
    keras.utils.set_random_seed(0)
    game = games.GAMES[name]()
    game.model.run_eagerly = eager
    return game


def fit(game, model=None, epochs=1, **options):
    model = game.model if model is None else model
    return model.fit(
        game.data,
        epochs=epochs,
        batch_size=game.batch_size,
        steps_per_epoch=1,
        verbose=0,
        **options,
    )


@pytest.mark.parametrize("name, eager", EVERY)
def test_it_trains_goes_on_and_is_used(name, eager, tmp_path):
    game = played(name, eager=eager)
    start = game.model.run_state()
    logs = fit(game, callbacks=[TrainingBackup(tmp_path / "backup")]).history
    assert all(np.isfinite(values).all() for values in logs.values()), logs
    game.model.save(tmp_path / "model.keras")
    # The graph has been run: steps without one need no second and third to be traced.
    game.model.run_eagerly = True
    game.model.make_train_function(force=True)
    fit(game)
    state = game.model.run_state()

    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.run_eagerly = True
    fit(game, loaded)
    assert_same_state(loaded, state)

    # As in a new process: nothing done yet, other initial weights.
    game.model.set_run_state(start)
    for weight in game.model.weights:
        if "float" in weight.dtype:
            weight.assign(0.5 * weight.value + 0.1)
    told = contextlib.nullcontext() if eager else pytest.warns(UserWarning, match="run_eagerly")
    with told:  # The first epoch was one of a graph.
        fit(game, epochs=2, callbacks=[TrainingBackup(tmp_path / "backup")])
    assert_same_state(game.model, state)

    exported.check(game.model, tmp_path / "exported", draws_in_use=name == "ctgan")
    game.use(game.model)
