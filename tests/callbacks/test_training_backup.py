"""A run that crashed and was started again is, bit for bit, the run that never crashed."""

import functools
import os
import pathlib
import signal
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

import helpers
from keras_gan import metrics
from keras_gan.callbacks import TrainingBackup
from keras_gan.model.gan import GAN
from keras_gan.storage import backups
from runs import (
    EPOCHS,
    HELD_OUT,
    POINTS,
    Crash,
    Killed,
    Stage,
    assert_same_run,
    assert_same_state,
    busy,
    fit,
    plain,
    stage_of,
)

# Runs of some steps have learned nothing yet.
pytestmark = [
    pytest.mark.filterwarnings("ignore:This GAN cannot start"),
]

ROOT = pathlib.Path(__file__).parents[2]
few = functools.partial(fit, x=POINTS[:16])  # two steps an epoch

MID_EPOCH = Crash("batch_end", 2, 2)
CRASHES = {
    "thrice": [Crash("batch_end", 0, 0), Crash("test_begin", 1), Crash("epoch_end", 2)],
    "elsewhere": [
        *(Crash("batch_end", 0, 7), Crash("epoch_begin", 1), Crash("batch_end", 1, 7)),
        *(MID_EPOCH, Crash("train_end", None)),
    ],
}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    stage = stage_of(busy)
    history = fit(stage.first(), tmp_path_factory.mktemp("straight"), validation_data=HELD_OUT)
    return stage, stage.gan.run_state(), history


@pytest.mark.parametrize(
    "when",
    ["thrice", pytest.param("elsewhere", marks=pytest.mark.slow)],
)
def test_a_crash_leaves_no_trace(straight, tmp_path, when):
    stage, state, history = straight
    gan = stage.first()
    for crash in CRASHES[when]:
        assert fit(gan, tmp_path, crash, validation_data=HELD_OUT) is None
        gan = stage.again()
    assert_same_run(gan, fit(gan, tmp_path, validation_data=HELD_OUT), state, history)


def test_watching_changes_nothing(straight):
    stage, state, history = straight
    gan = stage.first()
    alone = gan.fit(POINTS, batch_size=8, epochs=EPOCHS, verbose=0, validation_data=HELD_OUT)
    assert_same_run(gan, alone, state, history)


@pytest.mark.slow  # another object goes on in the tests of games, too
def test_another_object_goes_on_where_steps_are_executed_together(tmp_path):
    def build():
        settings = {"steps_per_execution": 2, "run_eagerly": True}  # for a few steps
        return helpers.gan(dropout=0.3, **settings, **helpers.by_sgd(momentum=0.5))

    stage, settings = Stage(build), {"x": POINTS[:16], "epochs": 2}
    expected = fit(stage.first(), tmp_path / "whole", **settings)
    state = stage.gan.run_state()
    assert fit(stage.first(), tmp_path / "cut", Crash("batch_end", 1, 1), **settings) is None
    keras.utils.set_random_seed(5)
    gan = build()
    assert_same_run(gan, fit(gan, tmp_path / "cut", **settings), state, expected)


def test_the_same_object_goes_on_after_an_interrupt(straight, tmp_path):
    stage, state, history = straight
    gan, backup = stage.first(), TrainingBackup(tmp_path)
    fit(gan, None, MID_EPOCH, backup=backup, validation_data=HELD_OUT)
    last = fit(gan, None, backup=backup, validation_data=HELD_OUT)
    assert_same_run(gan, last, state, history)


RUN = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import lean
lean.import_tensorflow()
import os, signal, keras
import runs

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps_seen == 5:
            os.kill(os.getpid(), signal.SIGKILL)

keras.utils.set_random_seed(0)
gan = runs.plain()
gan.run_eagerly = True  # for a few steps
runs.fit(gan, sys.argv[1], Kill(), x=runs.POINTS[:16])
"""


@pytest.mark.slow
def test_a_killed_process_goes_on_in_another(tmp_path, capsys):
    stage = Stage(plain)
    stage.gan.run_eagerly = True
    history = few(stage.first(), tmp_path / "straight")
    state = stage.gan.run_state()
    code = RUN.format(tests=str(ROOT / "tests"), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    gan = stage.again()
    assert_same_run(gan, few(gan, tmp_path), state, history)
    assert "Resumed after epoch 2 of 3" in capsys.readouterr().out


# === Longer and shorter ===


def test_every_epochs_and_keep(tmp_path):
    stage = stage_of(plain)
    few(stage.first(), None, backup=TrainingBackup(tmp_path, every_epochs=2, keep=3), epochs=5)
    assert backups.epochs(tmp_path) == [2, 4, 5]
    state = stage.gan.run_state()
    few(
        stage.first(),
        None,
        Crash("batch_end", 4, 1),
        backup=TrainingBackup(tmp_path / "cut", 2),
        epochs=5,
    )
    assert backups.epochs(tmp_path / "cut") == [2, 4]
    few(stage.again(), None, backup=TrainingBackup(tmp_path / "cut", 2), epochs=5)
    assert_same_state(stage.gan, state)


def test_an_initial_epoch_is_kept(tmp_path):
    stage = stage_of(plain)
    few(stage.first(), tmp_path, Crash("batch_end", 5, 1), epochs=7, initial_epoch=5)
    assert backups.epochs(tmp_path) == [5]
    assert few(stage.again(), tmp_path, epochs=7, initial_epoch=5).epoch == [5, 6]
    after = stage.gan.fit(POINTS[:8], batch_size=8, epochs=1, verbose=0)
    assert after.epoch == [0], "a fit after a resumed one begins at its own"


def test_a_shorter_run_comes_back_though_a_longer_one_was_begun(tmp_path):
    stage = stage_of(plain)
    history = few(stage.first(), tmp_path, epochs=2)
    state = stage.gan.run_state()
    few(stage.again(), tmp_path, Crash("epoch_begin", 3), epochs=5)
    assert_same_run(stage.gan, few(stage.again(), tmp_path, epochs=2), state, history)
    assert few(stage.again(), tmp_path, Crash("epoch_begin", 3), epochs=5) is None


def test_fewer_epochs_than_were_trained_are_told(tmp_path, capsys):
    stage = stage_of(plain)
    few(stage.first(), tmp_path, Crash("epoch_begin", 2), epochs=5)
    state = stage.gan.run_state()
    few(stage.again(), tmp_path, epochs=1)
    told = capsys.readouterr().out
    assert "had come to epoch 2 " in told and "nothing is trained with `epochs=1`" in told
    assert_same_state(stage.gan, state)


# === Writing beside training ===


@pytest.fixture
def late(monkeypatch):
    """A `TrainingBackup` whose file of an epoch is written at the end of the next one."""
    write, ended = backups.write, threading.Event()
    ended.set()
    # After a crash there is no next one.
    monkeypatch.setattr(backups, "write", lambda *given: ended.wait(0.5) and 0 or write(*given))

    class Late(TrainingBackup):
        def on_epoch_end(self, epoch, logs=None):
            ended.set()
            self._settle()
            ended.clear()
            super().on_epoch_end(epoch, logs)

        def on_train_end(self, logs=None):
            ended.set()
            super().on_train_end(logs)

    return Late


def test_what_comes_while_a_backup_is_written_is_not_in_it(tmp_path, late):
    gan = stage_of(plain).first()
    fit(gan, None, backup=late(tmp_path, keep=9), x=POINTS[:8], epochs=3)
    for epochs in range(4):
        found = backups.read(backups.epoch_path(tmp_path, epochs))
        assert found["epoch"] == found["model"]["state/steps_seen"] == epochs
        history = found["callbacks"]["History"]
        assert history["epoch"] == list(range(epochs))
        assert all(len(values) == epochs for values in history["history"].values())


def test_the_next_fit_waits_for_what_is_still_being_written(tmp_path, late, capsys):
    gan = stage_of(plain).first()
    settings = {"batch_size": 8, "epochs": 3, "verbose": 0}
    with pytest.raises(Killed):
        gan.fit(POINTS[:8], callbacks=[late(tmp_path), Crash("epoch_end", 2)], **settings)
    gan.fit(POINTS[:8], callbacks=[late(tmp_path)], **settings)
    assert "Resumed after epoch 2 of 3" in capsys.readouterr().out


# === The model's part ===


def test_a_state_that_does_not_fit_changes_nothing():
    gan = stage_of(plain).first()
    state = gan.run_state()
    for wrong in (
        {k: v for k, v in state.items() if k != "generator/1"},
        {**state, "generator/1": np.zeros(3)},
        {**state, "more": np.zeros(3)},
    ):
        wrong["generator/0"] = wrong["generator/0"] + 1.0
        with pytest.raises(ValueError, match="same variables"):
            gan.set_run_state(wrong)
    assert_same_state(gan, state)


def measured():
    """A GAN with a metric of unseeded features."""
    features = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    gan = GAN(helpers.generator(), helpers.discriminator())
    both = [metrics.FrechetDistance(features=features), metrics.KernelDistance(features=features)]
    gan.compile(metrics=both, run_eagerly=True)
    return gan


def test_a_resumed_run_is_in_the_phase_that_a_callback_had_set(tmp_path):
    class GeneratorAlone(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_phase("generator")

    stage = Stage(plain)
    stage.gan.run_eagerly = True
    few(stage.first(), tmp_path / "straight", GeneratorAlone())
    state = stage.gan.run_state()
    assert few(stage.first(), tmp_path / "cut", GeneratorAlone(), Crash("batch_end", 2, 0)) is None
    few(stage.again(), tmp_path / "cut", GeneratorAlone())
    assert_same_state(stage.gan, state)
    assert stage.gan.phase == "both"


def test_a_resumed_run_measures_by_the_same_features(tmp_path):
    gan = measured()
    state = gan.run_state()
    assert [name for name in state if name.startswith("metric")] == [
        *("metric_networks/0", "metric_networks/1")  # of both metrics, once
    ]
    data = {"x": POINTS[:16], "validation_data": HELD_OUT}
    expected = fit(gan, tmp_path / "whole", epochs=2, **data)
    gan.set_run_state(state)
    assert fit(gan, tmp_path / "cut", Crash("batch_end", 1, 1), epochs=2, **data) is None
    gan = measured()  # with other initial weights
    history = fit(gan, tmp_path / "cut", epochs=2, **data)
    assert history.history == expected.history


def test_networks_of_metrics_that_cannot_be_restored_are_told(recwarn):
    gan = measured()
    state = gan.run_state()
    metric = gan.quality_metrics[0]
    metric.set_reference(POINTS)
    gan.set_run_state(state)
    assert not recwarn.list
    other = {name: value + 1 if "metric" in name else value for name, value in state.items()}
    with pytest.warns(UserWarning, match="not restored: `set_reference` has used them"):
        gan.set_run_state(other)
    assert_same_state(gan, state)
    old = {name: value for name, value in state.items() if "metric" not in name}
    with pytest.warns(UserWarning, match="not restored: the state has none"):
        gan.set_run_state(old)
    assert_same_state(gan, state)


def test_sixteen_bits_go_through_a_file(tmp_path):
    generator = keras.Sequential(
        [
            keras.Input((helpers.LATENT,)),
            keras.layers.Dense(8, dtype="bfloat16", trainable=False),
            keras.layers.Dense(2, activation="tanh"),
        ]
    )
    gan = GAN(generator, helpers.discriminator())
    gan.compile()
    state = gan.run_state()
    assert str(state["generator/0"].dtype) == "bfloat16"
    backups.write(tmp_path / "state.npz", state)
    for variable in gan.generator.weights:
        variable.assign(variable.value * 0.0)
    gan.set_run_state(backups.read(tmp_path / "state.npz"))
    assert_same_state(gan, state)


def test_draws_without_a_seed_go_on(tmp_path):
    stage = stage_of(plain)
    gan = stage.first()
    gan.generate(2)
    fit(gan, tmp_path, epochs=1)
    drawn = [gan.generate(2) for _ in range(2)]
    assert not np.array_equal(*drawn)
    again = stage.again()
    fit(again, tmp_path, epochs=1)
    assert np.array_equal(drawn, [again.generate(2) for _ in range(2)])


# === Among other callbacks ===


def test_no_second_callback_may_restore(tmp_path):
    gan = stage_of(plain).first()
    for other in (TrainingBackup(tmp_path / "b"), keras.callbacks.BackupAndRestore(tmp_path)):
        with pytest.raises(ValueError, match=f"(?s)only callback.*{type(other).__name__}"):
            fit(gan, tmp_path / "a", other)
    assert gan.steps_seen == 0


def test_it_acts_last_and_history_before_it(tmp_path):
    calls = []

    class Late(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append("other")

    class Backup(TrainingBackup):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            calls.append(f"backup {len(self.model.history.epoch)}")

    fit(stage_of(plain).first(), None, [Late()], backup=Backup(tmp_path), epochs=2)
    assert calls == ["other", "backup 1", "other", "backup 2"]


def test_it_needs_a_gan_and_its_fit(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    with pytest.raises(ValueError, match="needs a model of `keras_gan`"):
        model.fit(POINTS, POINTS[:, :1], verbose=0, callbacks=[TrainingBackup(tmp_path)])
    ready = keras.callbacks.CallbackList([TrainingBackup(tmp_path)], model=stage_of(plain).first())
    with pytest.raises(ValueError, match="in a list"):
        ready.model.fit(POINTS, verbose=0, callbacks=ready)
