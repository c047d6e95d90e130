"""A run that crashed and was started again is, bit for bit, the run that never crashed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import backups, data, images
from keras_gan.callbacks import (
    AlternatingPeriods,
    ConvergenceStopping,
    ImageGrid,
    StopOnNonFinite,
    TrainingBackup,
    training_backup,
)

# Runs of some steps have learned nothing yet.
pytestmark = pytest.mark.filterwarnings("ignore:This GAN cannot start")

ROOT = pathlib.Path(__file__).parents[2]
EPOCHS = 4
# Easily told from the samples of an untrained generator, so that no warning is in the way.
POINTS = 0.8 + 0.2 * helpers.points(70)
PLAYERS = ("generator", "discriminator")
HELD_OUT = 0.8 + 0.2 * helpers.points(30, seed=1)


# === Runs ===


def busy():
    """A GAN with a bit of everything that has a state."""
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 5, 0.7)
    parts = [keras.Input((helpers.LATENT,)), helpers.generator(batch_norm=True)]
    generator = keras.Sequential([*parts, keras.layers.GaussianNoise(0.1)], name="generator")
    gan = helpers.GAN(generator, helpers.discriminator(dropout=0.3))
    gan.compile(
        loss="relativistic_paired",
        regularizers=["gradient_penalty", "lecam"],
        generator_optimizer=keras.optimizers.Adam(schedule, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(4e-3, beta_1=0.5, use_ema=True),
        discriminator_steps=2,
        steps_per_execution=1,
    )
    return gan


def plain():
    return helpers.gan(dropout=0.3, steps_per_execution=1)


def pictures():
    return helpers.gan((8, 8, 1), num_classes=3, steps_per_execution=1)


class Stage:
    """One compiled model, put back to its start for each run, and elsewhere for each resume."""

    def __init__(self, build):
        keras.utils.set_random_seed(0)
        self.gan = build()
        self._start = helpers.snapshot(self.gan)

    def first(self):
        helpers.restore(self._start)
        return self.gan

    def again(self):
        """As in a new process: other initial weights, nothing done yet."""
        helpers.restore(self._start)
        for variable in self.gan.weights:
            variable.assign(variable.value * 2.0 + 0.5)
        self.gan.verdict = "none of this run"
        return self.gan


@pytest.fixture(scope="module")
def stages():
    made = {}
    return lambda build: (
        made.setdefault(build, None) or made.update({build: Stage(build)}) or made[build]
    )


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


def assert_same_run(gan, history, state, other):
    now = gan.run_state()
    different = [name for name in state if not np.array_equal(state[name], now[name])]
    assert state.keys() == now.keys() and not different, f"differ: {different}"
    assert history.epoch == other.epoch
    assert history.history == other.history
    assert gan.history is history


CRASHES = {
    "epoch begin": [Crash("epoch_begin", 2)],
    "first epoch": [Crash("batch_end", 0, 1)],
    "mid-epoch": [Crash("batch_end", 2, 2)],
    "after the last batch": [Crash("batch_end", 1, 3)],
    "validation": [Crash("test_begin", 2)],
    "epoch end": [Crash("epoch_end", 3)],
    "after training": [Crash("train_end", None)],
    "thrice": [Crash("batch_end", 0, 0), Crash("epoch_begin", 2), Crash("epoch_end", 2)],
}


@pytest.fixture(scope="module")
def straight(stages, tmp_path_factory):
    stage = stages(busy)
    history = fit(stage.first(), tmp_path_factory.mktemp("straight"), validation_data=HELD_OUT)
    return stage, stage.gan.run_state(), history


@pytest.mark.parametrize("crashes", CRASHES.values(), ids=CRASHES)
def test_a_crash_leaves_no_trace(straight, tmp_path, crashes):
    stage, state, history = straight
    gan = stage.first()
    for crash in crashes:
        assert fit(gan, tmp_path, crash, validation_data=HELD_OUT) is None
        gan = stage.again()
    assert_same_run(gan, fit(gan, tmp_path, validation_data=HELD_OUT), state, history)


def test_watching_changes_nothing(straight):
    stage, state, history = straight
    gan = stage.first()
    alone = gan.fit(POINTS, batch_size=8, epochs=EPOCHS, verbose=0, validation_data=HELD_OUT)
    assert_same_run(gan, alone, state, history)


def test_another_object_goes_on_where_steps_are_executed_together(tmp_path):
    def build():
        return helpers.gan(dropout=0.3, regularizers=["lecam"], steps_per_execution=3)

    keras.utils.set_random_seed(0)
    whole = build()
    expected = fit(whole, tmp_path / "whole")
    keras.utils.set_random_seed(0)
    assert fit(build(), tmp_path / "cut", Crash("batch_end", 1, 5)) is None
    keras.utils.set_random_seed(5)
    gan = build()
    assert_same_run(gan, fit(gan, tmp_path / "cut"), whole.run_state(), expected)


def test_the_same_object_goes_on_after_an_interrupt(straight, tmp_path):
    stage, state, history = straight
    gan, backup = stage.first(), TrainingBackup(tmp_path)
    for crash in CRASHES["thrice"]:
        fit(gan, None, crash, backup=backup, validation_data=HELD_OUT)
    last = fit(gan, None, backup=backup, validation_data=HELD_OUT)
    assert_same_run(gan, last, state, history)


RUN = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import os, signal, keras, numpy as np
from callbacks import test_training_backup as runs

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if "--kill" in sys.argv and self.model.steps_seen == 10:
            os.kill(os.getpid(), signal.SIGKILL)

keras.utils.set_random_seed(int(sys.argv[2]))
gan = runs.busy()
history = runs.fit(gan, sys.argv[1], Kill(), validation_data=runs.HELD_OUT)
np.savez(sys.argv[1] + "/result.npz", **gan.run_state())
"""


def test_a_killed_process_goes_on_in_another(straight, tmp_path):
    _, state, _ = straight
    code = RUN.format(tests=str(ROOT / "tests"), root=str(ROOT))

    def run(*arguments):
        command = [sys.executable, "-c", code, str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ)

    assert run("0", "--kill").returncode == -signal.SIGKILL
    done = run("1")
    assert done.returncode == 0, done.stderr
    assert "Resumed after epoch 2 of 4" in done.stdout
    with np.load(tmp_path / "result.npz") as result:
        assert not [name for name in state if not np.array_equal(state[name], result[name])]


# === Data ===


class Order(keras.layers.Layer):
    """Notes what passes through in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, x, training=False):
        if training:
            tf.numpy_function(
                lambda x: self.seen.append(x[:, 0].copy()) or np.int64(0), [x], "int64"
            )
        return x

    def get_config(self):
        return {}


@pytest.fixture(scope="module")
def noting():
    """A model, and the list of the real batches that it trains on."""
    order, inputs = Order(), keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(1)(order(inputs)), name="discriminator")
    gan = helpers.GAN(helpers.generator(), network)
    gan.compile(steps_per_execution=1)
    start = helpers.snapshot(gan)

    def run(folder, *callbacks, **settings):
        helpers.restore(start)
        order.seen.clear()
        fit(gan, folder, *callbacks, **settings)
        # Of each step: the real batch, the fake one, the fake one again.
        return [tuple(batch) for batch in order.seen[::3]]

    return run


@pytest.mark.parametrize(
    "settings",
    [{}, {"steps_per_epoch": 3}, {"steps_per_epoch": 11, "epochs": 3}],
    ids=["passes", "cut passes", "passes joined"],
)
def test_each_batch_comes_once_and_in_its_order(noting, tmp_path, settings):
    whole = noting(tmp_path / "whole", **settings)
    steps = settings.get("steps_per_epoch", 8)
    assert len(whole) == steps * settings.get("epochs", EPOCHS) == len(set(whole))
    before = noting(tmp_path / "cut", Crash("batch_end", 2, 1), **settings)
    after = noting(tmp_path / "cut", **settings)
    # What was trained of the third epoch is not in the backup, and comes again.
    assert before == whole[: 2 * steps + 2]
    assert after == whole[2 * steps :]


def test_a_folder_goes_on_with_the_next_batch(stages, tmp_path):
    for number, picture in enumerate(helpers.images(21, (8, 8, 1))):
        images.save_png(tmp_path / "images" / str(number % 3) / f"{number}.png", picture)

    def load():
        return data.from_folder(
            tmp_path / "images",
            image_size=8,
            channels=1,
            batch_size=4,
            labels=True,
            memory_limit_gib=0.0,
        )

    settings = {"steps_per_epoch": 3, "validation_data": load(), "validation_steps": 2}
    stage = stages(pictures)
    whole = fit(stage.first(), tmp_path / "whole", x=load(), **settings)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path / "cut", Crash("epoch_end", 2), x=load(), **settings)
    settings["validation_data"] = load()
    last = fit(stage.again(), tmp_path / "cut", x=load(), **settings)
    assert_same_run(stage.gan, last, state, whole)


def test_a_pipeline_begins_its_pass_anew_and_the_line_says_so(stages, tmp_path, capsys):
    stage = stages(plain)
    pipeline = tf.data.Dataset.from_tensor_slices(POINTS).batch(8)
    fit(stage.first(), tmp_path / "whole", x=pipeline, validation_data=pipeline)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path, Crash("batch_end", 2, 1), x=pipeline, validation_data=pipeline)
    assert capsys.readouterr().out == ""
    fit(stage.again(), tmp_path, x=pipeline, validation_data=pipeline)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Resumed after epoch 2 of 4 from {tmp_path / 'epoch_0002.npz'}. ")
    assert "The pipeline of data and validation_data starts its pass anew" in line
    now = stage.gan.run_state()  # this one has the same order in each pass
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_arrays_need_no_such_words(stages, tmp_path, capsys):
    stage = stages(plain)
    fit(stage.first(), tmp_path, Crash("epoch_end", 1))
    fit(stage.again(), tmp_path)
    where = tmp_path / "epoch_0001.npz"
    assert capsys.readouterr().out == f"Resumed after epoch 1 of 4 from {where}.\n"


# === Other callbacks ===


class Wave(keras.callbacks.Callback):
    """A quality that goes down and up again."""

    def __init__(self, heights=(3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8)):
        super().__init__()
        self.heights = heights

    def on_epoch_end(self, epoch, logs=None):
        logs["wave"] = float(self.heights[epoch])


def watchers(folder):
    """Every callback with a state, each with something to remember across epochs."""
    low = {"monitor": "wave", "mode": "min"}
    return [
        Wave(),
        keras.callbacks.EarlyStopping(**low, patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(**low, patience=2, factor=0.5, cooldown=1),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", **low, save_best_only=True),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.TensorBoard(folder / "logs", update_freq="batch"),
        AlternatingPeriods(1, 2),
        StopOnNonFinite(),
        ConvergenceStopping(patience=20, directory=folder),
        ImageGrid(folder, rows=2, columns=2, every_epochs=3),
    ]


def plain_pictures():
    return helpers.gan((8, 8, 1), steps_per_execution=1, dropout=0.2)


PICTURES = {
    "x": helpers.images(32) // 4,
    "validation_data": helpers.images(24, seed=1) // 4,
    "epochs": 12,
}


def remembered(callbacks):
    """What callbacks know in the end, as text."""
    states = {}
    for callback in callbacks:
        if hasattr(callback, "get_state"):
            states[type(callback).__name__] = callback.get_state()
        else:
            states[type(callback).__name__] = {
                name: value
                for name, value in vars(callback).items()
                if name in ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
                or name in ("_global_train_batch", "_global_test_batch", "best_weights")
            }
    return json.dumps(states, default=lambda array: [str(array.dtype), array.tolist()])


def written(folder):
    """The files that must be the same, and their bytes."""
    names = [path for path in folder.iterdir() if path.suffix in (".png", ".gif", ".csv", ".json")]
    return {path.name: path.read_bytes() for path in names}


def steps_of_curves(folder):
    """The steps of the batch curves, over all of a run's event files."""
    steps = []
    for path in (folder / "logs" / "train").glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            steps += [event.step for value in event.summary.value if value.tag == "batch_d_loss"]
    return sorted(steps)


@pytest.fixture(scope="module")
def watched(stages, tmp_path_factory):
    folder, stage = tmp_path_factory.mktemp("watched"), stages(plain_pictures)
    callbacks = watchers(folder)
    history = fit(stage.first(), folder / "backup", *callbacks, **PICTURES)
    return stage, stage.gan.run_state(), history, callbacks, folder


def test_the_watched_run_is_worth_watching(watched):
    stage, _, history, callbacks, folder = watched
    assert history.epoch == list(range(8)), "stopped by EarlyStopping"
    assert len(set(history.history["learning_rate_generator_optimizer"])) > 4
    assert {"epoch_0003.png", "epoch_0006.png", "training.gif", "log.csv"} <= set(written(folder))


@pytest.mark.parametrize(
    "crashes",
    [
        [Crash("epoch_end", 3)],
        [Crash("batch_end", 1, 0), Crash("epoch_begin", 5), Crash("test_begin", 7)],
        [Crash("train_end", None)],
    ],
    ids=["once", "thrice", "at the end"],
)
def test_callbacks_go_on(watched, tmp_path, crashes):
    stage, state, history, expected, folder = watched
    gan = stage.first()
    for crash in crashes:
        assert fit(gan, tmp_path / "backup", *watchers(tmp_path), crash, **PICTURES) is None
        (tmp_path / "epoch_0099.png").write_bytes(b"")  # not of this run
        gan = stage.again()
    callbacks = watchers(tmp_path)
    last = fit(gan, tmp_path / "backup", *callbacks, **PICTURES)
    assert_same_run(gan, last, state, history)
    (tmp_path / "epoch_0099.png").unlink()
    assert written(tmp_path) == written(folder)
    assert remembered(callbacks) == remembered(expected)
    best, other = (keras.saving.load_model(f / "best.keras") for f in (tmp_path, folder))
    assert helpers.same(best.get_weights(), other.get_weights())
    assert set(steps_of_curves(tmp_path)) == set(steps_of_curves(folder))


def test_a_finished_run_comes_back_as_it_ended(watched, tmp_path, capsys):
    stage, state, history, _, folder = watched
    before = written(folder)
    for name in ("verdict.json", "training.gif"):
        (folder / name).unlink(missing_ok=True)
    for epochs in (12, 30):  # it was stopped by a callback
        last = fit(
            stage.again(), folder / "backup", *watchers(folder), **{**PICTURES, "epochs": epochs}
        )
        assert_same_run(stage.gan, last, state, history)
        assert written(folder) == before
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("This run is finished: it ended after epoch 8 (")
        assert "more epochs would change nothing" in line


def test_what_ends_a_run_does_not_end_it_twice(stages, tmp_path):
    class Halve(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.set_weights([w / 2 for w in self.model.get_weights()])

    stage = stages(plain)
    history = fit(stage.first(), tmp_path, Halve())
    state = stage.gan.run_state()
    assert_same_run(stage.gan, fit(stage.again(), tmp_path, Halve()), state, history)


def test_a_game_that_cannot_start_is_told_of_once_and_in_time(tmp_path):
    def build():
        still = {f"{player}_optimizer": keras.optimizers.SGD(0.0) for player in PLAYERS}
        gan = helpers.gan(steps_per_execution=1, **still)
        gan.discriminator.layers[-1].kernel.assign(np.zeros((8, 1)))
        return gan

    stage, many = Stage(build), {"x": np.repeat(POINTS, 4, axis=0)}
    fit(stage.first(), tmp_path, Crash("epoch_begin", 2), **many)
    with pytest.warns(UserWarning, match="cannot start: after 3 epochs"):
        fit(stage.again(), tmp_path, Crash("epoch_begin", 3), **many)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(stage.again(), tmp_path, **many)


def test_a_verdict_comes_back(stages, tmp_path):
    stage = stages(plain)

    def run(gan, *callbacks):
        stopping = ConvergenceStopping(
            patience=2, min_epochs=2, directory=tmp_path, monitor="d_loss", mode="max"
        )
        history = fit(gan, tmp_path / "backup", stopping, *callbacks, epochs=30)
        return history, gan.verdict, stopping

    history, verdict, stopping = run(stage.first())
    text, state = (tmp_path / "verdict.json").read_bytes(), stage.gan.run_state()
    assert verdict.kind == "stalled" and len(history.epoch) < 30
    again, same, callback = run(stage.again())
    assert_same_run(stage.gan, again, state, history)
    assert same == verdict and callback.history == stopping.history
    assert (tmp_path / "verdict.json").read_bytes() == text


def test_a_run_that_is_to_stop_trains_no_further_epoch(stages, tmp_path):
    stage = stages(plain)

    class Enough(keras.callbacks.Callback):
        ended = 0

        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs=None):
            self.ended += 1

    fit(stage.first(), tmp_path, Enough(), Crash("train_end", None))
    state, enough = stage.gan.run_state(), Enough()
    history = fit(stage.again(), tmp_path, enough)
    assert history.epoch == [0, 1] and enough.ended == 1
    assert not [n for n, v in stage.gan.run_state().items() if not np.array_equal(v, state[n])]
    assert backups.read(tmp_path / "finished.npz")["stopped"] is True


def test_averages_of_keras_go_on(stages, tmp_path):
    stage = stages(busy)

    def run(gan, folder, *callbacks, **settings):
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        return fit(gan, folder, swap, *callbacks, validation_data=HELD_OUT, **settings)

    whole = run(stage.first(), tmp_path / "whole")
    state = stage.gan.run_state()
    run(stage.first(), tmp_path / "cut", Crash("test_begin", 2))
    assert_same_run(stage.gan, run(stage.again(), tmp_path / "cut"), state, whole)
    assert_same_run(stage.gan, run(stage.again(), tmp_path / "cut"), state, whole)


@pytest.mark.parametrize("earlier", [True, False])
def test_a_table_that_was_appended_to_goes_on(stages, tmp_path, earlier):
    stage = stages(plain)
    for name in ("whole", "cut") if earlier else ():
        (tmp_path / f"{name}.csv").write_text("epoch,another run\r\n0,1\r\n")

    def run(gan, name, *callbacks):
        logger = keras.callbacks.CSVLogger(tmp_path / f"{name}.csv", separator=";", append=True)
        fit(gan, tmp_path / name, logger, *callbacks)

    run(stage.first(), "whole")
    run(stage.first(), "cut", Crash("epoch_end", 0))
    run(stage.again(), "cut", Crash("batch_end", 3, 0))
    with open(tmp_path / "cut.csv", "a") as file:
        file.write("half a ro")  # killed while it was written
    run(stage.again(), "cut")
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


class Counting(keras.callbacks.Callback):
    """Knows what it has seen, and nothing of backups."""

    def on_train_begin(self, logs=None):
        self.seen = 0

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1


class GoingOn(Counting):
    def get_state(self):
        return {"seen": self.seen, "table": [np.full(2, self.seen)]}

    def set_state(self, state):
        assert (state["table"][0] == state["seen"]).all()
        self.seen = state["seen"]


def test_callbacks_of_ones_own_go_on_or_are_named(stages, tmp_path, capsys):
    stage = stages(plain)
    fit(
        stage.first(),
        tmp_path,
        GoingOn(),
        GoingOn(),
        Counting(),
        keras.callbacks.EarlyStopping("d_loss", mode="min", patience=9),
        Crash("epoch_begin", 3),
    )
    first, second, counting = GoingOn(), GoingOn(), Counting()
    added = [keras.callbacks.TerminateOnNaN(), AlternatingPeriods(5), ConvergenceStopping()]
    fit(stage.again(), tmp_path, first, second, counting, *added)
    assert (first.seen, second.seen, counting.seen) == (4, 4, 1)
    line = capsys.readouterr().out
    assert "nothing to go on from: Counting, ConvergenceStopping. " in line
    assert "not used: EarlyStopping." in line


def test_no_second_callback_may_restore(stages, tmp_path):
    gan = stages(plain).first()
    for other in (TrainingBackup(tmp_path / "b"), keras.callbacks.BackupAndRestore(tmp_path)):
        with pytest.raises(ValueError, match=f"(?s)only callback.*{type(other).__name__}"):
            fit(gan, tmp_path / "a", other)
    assert gan.steps_seen == 0


def test_it_acts_last_and_history_before_it(stages, tmp_path):
    calls = []

    class Late(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append("other")

    class Backup(TrainingBackup):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            calls.append(f"backup {len(self.model.history.epoch)}")

    fit(stages(plain).first(), None, [Late()], backup=Backup(tmp_path), epochs=2)
    assert calls == ["other", "backup 1", "other", "backup 2"]


def test_it_needs_a_gan_and_its_fit(stages, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    with pytest.raises(ValueError, match="needs a `keras_gan.GAN`"):
        model.fit(POINTS, POINTS[:, :1], verbose=0, callbacks=[TrainingBackup(tmp_path)])
    ready = keras.callbacks.CallbackList([TrainingBackup(tmp_path)], model=stages(plain).first())
    with pytest.raises(ValueError, match="in a list"):
        ready.model.fit(POINTS, verbose=0, callbacks=ready)


# === Longer and shorter ===


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(stages, tmp_path):
    stage = stages(plain_pictures)

    def run(gan, name, epochs):
        stop = ConvergenceStopping("wave", mode="min", patience=20)
        grid = ImageGrid(tmp_path / name, rows=1, columns=2, every_epochs=2)
        wave = Wave([3, 1, 2, 4, 0, 1])
        history = fit(
            gan, tmp_path / name / "backup", wave, stop, grid, **{**PICTURES, "epochs": epochs}
        )
        return history, stop

    whole, stop = run(stage.first(), "whole", 6)
    state = stage.gan.run_state()
    run(stage.first(), "cut", 3)
    short = stage.gan.run_state()
    last, again = run(stage.again(), "cut", 6)
    assert_same_run(stage.gan, last, state, whole)
    assert again.history == stop.history
    gif = [(tmp_path / name / "training.gif").read_bytes() for name in ("whole", "cut")]
    assert gif[0] == gif[1]
    # The best weights were restored at the end of the shorter run: there was something to undo.
    assert not np.array_equal(short["generator/0"], state["generator/0"])
    assert stop.best_epoch == 5
    # Asked for fewer than were made, it is what it was.
    fewer, _ = run(stage.again(), "cut", 2)
    assert_same_run(stage.gan, fewer, state, whole)


def test_every_epochs_and_keep(stages, tmp_path):
    stage = stages(plain)
    fit(stage.first(), None, backup=TrainingBackup(tmp_path, every_epochs=3, keep=3), epochs=8)
    assert backups.epochs(tmp_path) == [3, 6, 8]
    state = stage.gan.run_state()
    fit(
        stage.first(),
        tmp_path / "cut",
        Crash("epoch_begin", 7),
        backup=TrainingBackup(tmp_path / "cut", 3),
        epochs=8,
    )
    assert backups.epochs(tmp_path / "cut") == [3, 6]
    fit(stage.again(), None, backup=TrainingBackup(tmp_path / "cut", 3), epochs=8)
    now = stage.gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_an_initial_epoch_is_kept(stages, tmp_path):
    stage = stages(plain)
    fit(stage.first(), tmp_path, Crash("batch_end", 5, 1), epochs=7, initial_epoch=5)
    assert backups.epochs(tmp_path) == [5]
    assert fit(stage.again(), tmp_path, epochs=7, initial_epoch=5).epoch == [5, 6]


def test_a_fit_after_a_resumed_one_begins_at_its_own_epoch(stages, tmp_path):
    stage = stages(plain)
    fit(stage.first(), tmp_path, Crash("epoch_begin", 2))
    fit(stage.again(), tmp_path)
    history = stage.gan.fit(POINTS, batch_size=8, epochs=1, verbose=0)
    assert history.epoch == [0]


def test_a_shorter_run_comes_back_though_a_longer_one_was_begun(stages, tmp_path):
    stage = stages(plain)
    history = fit(stage.first(), tmp_path, epochs=2)
    state = stage.gan.run_state()
    fit(stage.again(), tmp_path, Crash("epoch_begin", 3), epochs=6)
    assert_same_run(stage.gan, fit(stage.again(), tmp_path, epochs=2), state, history)
    assert fit(stage.again(), tmp_path, Crash("epoch_begin", 3), epochs=6) is None


# === Writing beside training ===


@pytest.fixture
def slow_disk(monkeypatch):
    """Each file takes longer than an epoch."""
    write = backups.write
    monkeypatch.setattr(backups, "write", lambda *given: time.sleep(0.5) or write(*given))


def test_what_comes_while_a_backup_is_written_is_not_in_it(stages, tmp_path, slow_disk):
    gan = stages(plain).first()
    gan.fit(POINTS, verbose=0, epochs=3, callbacks=[TrainingBackup(tmp_path, keep=9)])
    for epochs in range(4):
        found = backups.read(backups.epoch_path(tmp_path, epochs))
        assert found["epoch"] == found["model"]["state/steps_seen"] == epochs
        history = found["callbacks"]["History"]
        assert history["epoch"] == list(range(epochs))
        assert all(len(values) == epochs for values in history["history"].values())


def test_the_next_fit_waits_for_what_is_still_being_written(stages, tmp_path, slow_disk, capsys):
    gan = stages(plain).first()
    with pytest.raises(Killed):
        gan.fit(
            POINTS, verbose=0, epochs=3, callbacks=[TrainingBackup(tmp_path), Crash("epoch_end", 2)]
        )
    gan.fit(POINTS, verbose=0, epochs=3, callbacks=[TrainingBackup(tmp_path)])
    assert "Resumed after epoch 2 of 3" in capsys.readouterr().out


# === What goes wrong ===


@pytest.fixture
def cut(stages, tmp_path):
    """A run that was cut off in its fourth epoch, and the folder of its backups."""
    stage = stages(plain)
    fit(stage.first(), tmp_path / "whole")
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path / "cut", Crash("epoch_begin", 3))
    assert backups.epochs(tmp_path / "cut") == [2, 3]
    return stage, state, tmp_path / "cut"


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "no archive"])
def test_a_damaged_backup_is_passed_over(cut, damage, capsys):
    stage, state, folder = cut
    newest = folder / "epoch_0003.npz"
    content = newest.read_bytes()
    place = content.index(backups.read(newest)["model"]["discriminator/0"].tobytes())
    newest.write_bytes(
        {
            "empty": b"",
            "truncated": content[:-100],
            "flipped": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
            "no archive": b"x" * 1000,
        }[damage]
    )
    with pytest.warns(UserWarning, match="epoch_0003.npz: .* goes on from epoch_0002.npz"):
        fit(stage.again(), folder, Crash("epoch_begin", 2))
    assert backups.epochs(folder) == [2] and (folder / "epoch_0003.unreadable").exists()
    fit(stage.again(), folder)  # without a further warning
    now = stage.gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]
    assert "Resumed after epoch 2 of 4" in capsys.readouterr().out


def test_nothing_starts_anew_where_no_backup_can_be_read(cut):
    stage, _, folder = cut
    for number in (2, 3):
        backups.epoch_path(folder, number).write_bytes(b"")
    listing = sorted(os.listdir(folder))
    with pytest.raises(ValueError, match="epoch_0003.npz: .*epoch_0002.npz: .*choose another"):
        fit(stage.again(), folder)
    assert stage.gan.steps_seen == 0 and sorted(os.listdir(folder)) == listing


def test_a_finished_run_without_backups_of_epochs(cut, capsys):
    stage, state, folder = cut
    fit(stage.again(), folder)
    capsys.readouterr()
    for number in backups.epochs(folder):
        backups.epoch_path(folder, number).unlink()
    fit(stage.again(), folder)
    now = stage.gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]
    assert "To train on, ask for more epochs" in capsys.readouterr().out
    with pytest.raises(ValueError, match="only from the backup of an epoch"):
        fit(stage.again(), folder, epochs=9)
    (folder / "finished.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="finished.npz: "):
        fit(stage.again(), folder)


def test_a_damaged_end_is_made_again(cut):
    stage, state, folder = cut
    fit(stage.again(), folder)
    (folder / "finished.npz").write_bytes(b"PK")
    with pytest.warns(UserWarning, match="finished.npz: .* goes on from epoch_0004.npz"):
        fit(stage.again(), folder)
    now = backups.read(folder / "finished.npz")["model"]
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_another_run_is_refused_before_anything_is_touched(cut, tmp_path):
    stage, _, folder = cut
    (tmp_path / "verdict.json").write_text("{}")
    (tmp_path / "log.csv").write_text("kept")
    other = helpers.gan(loss="hinge", regularizers=["r1"], discriminator_steps=2)
    before = other.run_state()
    with pytest.raises(ValueError) as caught:
        fit(
            other,
            folder,
            ConvergenceStopping(directory=tmp_path),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            x=POINTS[:60],
        )
    message = str(caught.value)
    assert "epoch_0003.npz' must be a backup of this very run. Received: " in message
    assert "discriminator.layers[4]" in message and "; and " in message
    assert message.endswith("Put the old settings back, or choose another directory.")
    assert (tmp_path / "verdict.json").exists() and (tmp_path / "log.csv").read_text() == "kept"
    now = other.run_state()
    assert not [name for name in before if not np.array_equal(before[name], now[name])]


def test_the_difference_is_named(cut):
    stage, _, folder = cut
    with pytest.raises(ValueError, match="Received: data.num_samples: 70 in the backup, 60 now; "):
        fit(stage.again(), folder, x=POINTS[:60])
    with pytest.raises(ValueError, match="Received: data.shuffle: True in the backup, False now."):
        fit(stage.again(), folder, shuffle=False)
    fit(stage.again(), folder)  # a refusal leaves all as it was


def test_other_versions_are_warned_of(cut, monkeypatch):
    stage, _, folder = cut
    monkeypatch.setattr(keras, "__version__", "99.0")
    with pytest.warns(UserWarning, match="perhaps not bit for bit: keras: '3.* now"):
        fit(stage.again(), folder)


def full(*arguments, **named):
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_and_the_next_epoch_tries_again(stages, tmp_path, monkeypatch):
    stage = stages(plain)
    fit(stage.first(), tmp_path / "whole")
    state = stage.gan.run_state()

    class Disk(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                monkeypatch.setattr(np, "savez", full)
            if epoch == 2:
                monkeypatch.undo()

    # The second epoch's is written while the disk is full, or after there is room again.
    class Wait(TrainingBackup):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self._job[1].exception()

    with pytest.warns(UserWarning, match="epoch_0002.npz' could not be written .No space left"):
        fit(stage.first(), None, Disk(), Crash("epoch_begin", 3), backup=Wait(tmp_path / "cut"))
    assert backups.epochs(tmp_path / "cut") == [1, 3]
    fit(stage.again(), tmp_path / "cut")
    now = stage.gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_a_full_disk_at_the_end_is_told(stages, tmp_path, monkeypatch):
    class Disk(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            training_backup._WRITER.submit(int).result()  # the epoch's own is there
            monkeypatch.setattr(np, "savez", full)

    with pytest.warns(UserWarning, match="finished.npz' could not be written"):
        fit(stages(plain).first(), tmp_path, Disk(), epochs=1)


def test_a_folder_that_goes_away_is_made_again(stages, tmp_path):
    class Remove(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                for path in (tmp_path / "backup").iterdir():
                    path.unlink()
                (tmp_path / "backup").rmdir()

    class Wait(TrainingBackup):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self._job[1].exception()

    fit(stages(plain).first(), None, Remove(), backup=Wait(tmp_path / "backup"))
    assert backups.epochs(tmp_path / "backup") == [3, 4]


def test_no_run_begins_that_cannot_be_backed_up(stages, tmp_path, monkeypatch):
    gan = stages(plain).first()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="`directory` must be a folder that can be written to"):
        fit(gan, tmp_path / "file" / "backup")
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ValueError, match="No space left .*not begun"):
        fit(gan, tmp_path / "backup")
    assert gan.steps_seen == 0


def test_only_the_chief_of_several_workers_writes(stages, tmp_path, monkeypatch):
    stage = stages(plain)
    chief = type(stage.gan.distribute_strategy.extended).should_checkpoint
    monkeypatch.setattr(
        type(stage.gan.distribute_strategy.extended), "should_checkpoint", property(lambda _: False)
    )
    fit(stage.first(), tmp_path / "cut", Crash("epoch_begin", 2))
    assert not (tmp_path / "cut").exists()
    monkeypatch.undo()
    assert chief is not None
    fit(stage.first(), tmp_path / "cut", Crash("epoch_begin", 2))
    listing = sorted(os.listdir(tmp_path / "cut"))
    monkeypatch.setattr(
        type(stage.gan.distribute_strategy.extended), "should_checkpoint", property(lambda _: False)
    )
    assert fit(stage.again(), tmp_path / "cut").epoch == [0, 1, 2, 3]
    assert sorted(os.listdir(tmp_path / "cut")) == listing


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3,), "`directory`"),
        (("a", 0), "`every_epochs`"),
        (("a", 1, 0), "`keep`"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        TrainingBackup(*arguments)


# === The model's part ===


def test_a_state_that_does_not_fit_changes_nothing(stages):
    gan = stages(plain).first()
    state = gan.run_state()
    for wrong in (
        {k: v for k, v in state.items() if k != "generator/1"},
        {**state, "generator/1": np.zeros(3)},
        {**state, "more": np.zeros(3)},
    ):
        wrong["generator/0"] = wrong["generator/0"] + 1.0
        with pytest.raises(ValueError, match="same variables"):
            gan.set_run_state(wrong)
    now = gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_sixteen_bits_go_through_a_file(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    try:
        gan = helpers.gan()
    finally:
        keras.config.set_dtype_policy("float32")
    state = gan.run_state()
    assert str(state["generator/0"].dtype) == "bfloat16"
    backups.write(tmp_path / "state.npz", state)
    for variable in gan.generator.weights:
        variable.assign(variable.value * 0.0)
    gan.set_run_state(backups.read(tmp_path / "state.npz"))
    now = gan.run_state()
    assert not [name for name in state if not np.array_equal(state[name], now[name])]


def test_draws_without_a_seed_go_on(stages, tmp_path):
    stage = stages(plain)
    gan = stage.first()
    drawn = [gan.generate(3) for _ in range(4)]
    gan = stage.first()
    gan.generate(3)
    fit(gan, tmp_path, Crash("epoch_begin", 1), epochs=2)
    gan = stage.again()
    fit(gan, tmp_path, epochs=2)
    networks = gan.get_weights()
    assert not np.array_equal(drawn[0], drawn[1])
    gan.set_weights([w for w in stage.first().get_weights()])
    for variable in (gan._state.draws,):
        variable.assign(1)
    assert np.array_equal(gan.generate(3), drawn[1])
    assert len(networks) == len(gan.get_weights())
