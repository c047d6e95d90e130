"""The other callbacks go on too, or are named."""

import json
import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan.callbacks import (
    AlternatingPeriods,
    ConvergenceStopping,
    ImageGrid,
    StopOnNonFinite,
    _states,
)
from keras_gan.storage import backups
from runs import (
    HELD_OUT,
    POINTS,
    Crash,
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
    pytest.mark.usefixtures("blank_plots"),
]


class Wave(keras.callbacks.Callback):
    """A quality that goes down and up again."""

    def __init__(self, heights=(1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)):
        super().__init__()
        self.heights = heights

    def on_epoch_end(self, epoch, logs=None):
        logs["wave"] = float(self.heights[epoch])


def watchers(folder):
    """Every callback with a state, each with something to remember across epochs."""
    low = {"monitor": "wave", "mode": "min"}
    return [
        Wave(),
        keras.callbacks.EarlyStopping(**low, patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(**low, patience=2, factor=0.5, cooldown=1),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", **low, save_best_only=True),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.TensorBoard(folder / "logs", update_freq="batch", write_graph=False),
        AlternatingPeriods(1, 2),
        StopOnNonFinite(),
        ConvergenceStopping(patience=20, directory=folder),
        ImageGrid(folder, rows=2, columns=2, every_epochs=2),
    ]


def plain_pictures():
    return helpers.gan((8, 8, 1), dropout=0.2, steps_per_execution=1, **helpers.by_sgd(0.5))


PICTURES = {
    "x": helpers.images(24) // 4,
    "validation_data": helpers.images(16, seed=1) // 4,
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
def watched(tmp_path_factory):
    folder, stage = tmp_path_factory.mktemp("watched"), stage_of(plain_pictures)
    callbacks = watchers(folder)
    history = fit(stage.first(), folder / "backup", *callbacks, **PICTURES)
    return stage, stage.gan.run_state(), history, callbacks, folder


def test_the_watched_run_is_worth_watching(watched):
    stage, _, history, callbacks, folder = watched
    assert history.epoch == list(range(4)), "stopped by EarlyStopping"
    assert len(set(history.history["learning_rate_generator_optimizer"])) > 3
    assert {"epoch_0002.png", "epoch_0004.png", "training.gif", "log.csv"} <= set(written(folder))


def test_what_callbacks_of_this_package_set_is_not_taken_for_an_addition(watched):
    own = [callback for callback in watched[3] if type(callback).__module__.startswith("keras_gan")]
    assert len(own) == 4
    for callback in own:
        twin = object.__new__(type("Sub", (type(callback),), {}))
        vars(twin).update(vars(callback))
        assert (_states._own(twin), _states._unkept(twin)) == ({}, [])


@pytest.mark.parametrize(
    "crashes",
    [
        [Crash("batch_end", 1, 0), Crash("test_begin", 3)],
        pytest.param(
            [Crash("epoch_begin", 2), Crash("epoch_end", 2), Crash("train_end", None)],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["twice", "thrice"],
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
        assert line.startswith("This run is finished: it ended after epoch 4 (")
        assert "more epochs would change nothing" in line


def test_what_ends_a_run_does_not_end_it_twice(tmp_path):
    class Halve(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.set_weights([w / 2 for w in self.model.get_weights()])

    stage = stage_of(plain)
    history = fit(stage.first(), tmp_path, Halve(), epochs=1)
    state = stage.gan.run_state()
    again = fit(stage.again(), tmp_path, Halve(), epochs=1)
    assert_same_run(stage.gan, again, state, history)


@pytest.mark.slow
def test_a_game_that_cannot_start_is_told_of_once_and_in_time(tmp_path):
    def build():
        still = {
            f"{player}_optimizer": keras.optimizers.SGD(0.0)
            for player in ("generator", "discriminator")
        }
        gan = helpers.gan(steps_per_execution=1, **still)
        gan.discriminator.layers[-1].kernel.assign(np.zeros((8, 1)))
        return gan

    stage, many = Stage(build), {"x": np.repeat(POINTS, 12, axis=0), "epochs": 4}
    fit(stage.first(), tmp_path, Crash("epoch_begin", 2), **many)
    with pytest.warns(UserWarning, match="cannot start: after 3 epochs"):
        fit(stage.again(), tmp_path, Crash("epoch_begin", 3), **many)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(stage.again(), tmp_path, **many)


@pytest.mark.slow
def test_a_verdict_comes_back(tmp_path):
    # With Adam: by plain SGD, samples fall together in so many epochs, and that is the verdict.
    stage = Stage(lambda: helpers.gan(dropout=0.3, steps_per_execution=1))

    def run(gan, *callbacks):
        stopping = ConvergenceStopping(
            patience=2, min_epochs=2, directory=tmp_path, monitor="wave", mode="max"
        )
        # It improves, and then rests: nothing that swings, so that no other verdict fits.
        wave = Wave([1, 2, 3, *[3] * 27])
        settings = {"x": np.repeat(POINTS, 2, axis=0), "epochs": 30}
        history = fit(gan, tmp_path / "backup", wave, stopping, *callbacks, **settings)
        return history, gan.verdict, stopping

    history, verdict, stopping = run(stage.first())
    text, state = (tmp_path / "verdict.json").read_bytes(), stage.gan.run_state()
    assert verdict.kind == "stalled" and len(history.epoch) < 30
    again, same, callback = run(stage.again())
    assert_same_run(stage.gan, again, state, history)
    assert same == verdict and callback.history == stopping.history
    assert (tmp_path / "verdict.json").read_bytes() == text


def test_a_run_that_is_to_stop_trains_no_further_epoch(tmp_path):
    stage = stage_of(plain)

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
    assert_same_state(stage.gan, state)
    assert backups.read(tmp_path / "finished.npz")["stopped"] is True


@pytest.mark.slow
def test_averages_of_keras_go_on(tmp_path):
    stage = stage_of(busy)

    def run(gan, folder, *callbacks, **settings):
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        return fit(gan, folder, swap, *callbacks, validation_data=HELD_OUT, **settings)

    whole = run(stage.first(), tmp_path / "whole")
    state = stage.gan.run_state()
    run(stage.first(), tmp_path / "cut", Crash("test_begin", 2))
    assert_same_run(stage.gan, run(stage.again(), tmp_path / "cut"), state, whole)
    assert_same_run(stage.gan, run(stage.again(), tmp_path / "cut"), state, whole)


@pytest.mark.parametrize("earlier", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_table_that_was_appended_to_goes_on(tmp_path, earlier):
    stage = stage_of(plain)
    for name in ("whole", "cut") if earlier else ():
        (tmp_path / f"{name}.csv").write_text("epoch,another run\r\n0,1\r\n")

    def run(gan, name, *callbacks):
        logger = keras.callbacks.CSVLogger(tmp_path / f"{name}.csv", separator=";", append=True)
        fit(gan, tmp_path / name, logger, *callbacks, x=POINTS[:16], epochs=3)

    run(stage.first(), "whole")
    run(stage.first(), "cut", Crash("epoch_end", 0))
    run(stage.again(), "cut", Crash("batch_end", 2, 0))
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


def test_callbacks_of_ones_own_go_on_or_are_named(tmp_path, capsys):
    stage = stage_of(plain)
    fit(
        stage.first(),
        tmp_path,
        GoingOn(),
        GoingOn(),
        Counting(),
        keras.callbacks.EarlyStopping("d_loss", mode="min", patience=9),
        Crash("epoch_begin", 1),
        epochs=2,
    )
    first, second, counting = GoingOn(), GoingOn(), Counting()
    added = [keras.callbacks.TerminateOnNaN(), AlternatingPeriods(5), ConvergenceStopping()]
    fit(stage.again(), tmp_path, first, second, counting, *added, epochs=2)
    assert (first.seen, second.seen, counting.seen) == (2, 2, 2)
    line = capsys.readouterr().out
    assert "no saved state: ConvergenceStopping. " in line
    assert "not used: Crash, EarlyStopping." in line


@pytest.mark.slow
def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(tmp_path):
    stage = stage_of(plain_pictures)

    def run(gan, name, epochs):
        stop = ConvergenceStopping("wave", mode="min", patience=20)
        grid = ImageGrid(tmp_path / name, rows=1, columns=2, every_epochs=2)
        wave = Wave([3, 1, 2, 4, 0, 9])
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


class CountedRate(keras.callbacks.LearningRateScheduler):
    """Goes by a counter of its own, not by the epoch."""

    def __init__(self):
        super().__init__(lambda epoch, rate: rate * 0.9**self.calls)
        self.calls, self.seen = 0, {}
        self.lost, self.setting = None, "as given"
        self.folder = pathlib.Path("runs")  # which does not change

    def on_epoch_begin(self, epoch, logs=None):
        self.calls += 1
        self.seen[self.calls] = float(epoch)
        self.made_later = epoch
        super().on_epoch_begin(epoch, logs)


@pytest.mark.slow  # without a model: test_held.py
def test_what_subclasses_of_keras_callbacks_keep_goes_on_or_is_named(tmp_path, capsys):
    stage = stage_of(plain)
    whole = CountedRate()
    fit(stage.first(), tmp_path / "whole", whole, epochs=3)
    state = stage.gan.run_state()
    cut, resumed = CountedRate(), CountedRate()
    cut.lost = resumed.lost = object()
    with pytest.warns(UserWarning, match="CountedRate.lost cannot be kept: if this run is inter"):
        fit(stage.first(), tmp_path / "cut", cut, Crash("epoch_begin", 2), epochs=3)
    resumed.setting = "another"
    fit(stage.again(), tmp_path / "cut", resumed, epochs=3)
    assert resumed.setting == "another"
    assert (resumed.calls, resumed.seen) == (whole.calls, whole.seen)
    assert_same_state(stage.gan, state)
    told = capsys.readouterr().out
    assert "CountedRate.lost cannot be kept: the run may differ" in told
    assert told.count("CountedRate") == 1
