"""What goes wrong with backups is told, and loses nothing."""

import functools
import os
import shutil

import keras
import numpy as np
import pytest

import helpers
import runs
from keras_gan import convergence
from keras_gan.callbacks import ConvergenceStopping, TrainingBackup, _resuming, training_backup
from keras_gan.storage import backups
from runs import Crash, assert_same_state, plain, stage_of

# Runs of some steps have learned nothing yet.
pytestmark = pytest.mark.filterwarnings("ignore:This GAN cannot start")

POINTS = runs.POINTS[:20]  # two steps an epoch
fit = functools.partial(runs.fit, epochs=4, x=POINTS)


@pytest.fixture(scope="module")
def cut_once(tmp_path_factory):
    folder, stage = tmp_path_factory.mktemp("cut"), stage_of(plain)
    fit(stage.first(), folder / "whole")
    state = stage.gan.run_state()
    fit(stage.first(), folder / "cut", Crash("epoch_begin", 3))
    assert backups.epochs(folder / "cut") == [2, 3]
    return stage, state, folder / "cut"


@pytest.fixture
def cut(cut_once, tmp_path):
    """A run that was cut off in its fourth epoch, and a folder with its backups."""
    stage, state, folder = cut_once
    shutil.copytree(folder, tmp_path / "cut")
    return stage, state, tmp_path / "cut"


@pytest.mark.parametrize(
    "damage",
    [
        *("truncated", "no key"),
        *(pytest.param(damage, marks=pytest.mark.slow) for damage in ("empty", "flipped")),
    ],
)
def test_a_damaged_backup_is_passed_over(cut, damage, capsys):
    stage, state, folder = cut
    newest = folder / "epoch_0003.npz"
    content = newest.read_bytes()
    place = content.index(backups.read(newest)["model"]["discriminator/0"].tobytes())
    tree = backups.read(newest)
    del tree["callbacks"]
    backups.write(folder / "no_key.npz", tree)
    no_key = (folder / "no_key.npz").read_bytes()
    newest.write_bytes(
        {
            "no key": no_key,
            "empty": b"",
            "truncated": content[:-100],
            "flipped": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        }[damage]
    )
    with pytest.warns(UserWarning, match="epoch_0003.npz: .* goes on from epoch_0002.npz"):
        fit(stage.again(), folder, Crash("epoch_begin", 2))
    assert backups.epochs(folder) == [2] and (folder / "epoch_0003.unreadable").exists()
    fit(stage.again(), folder)  # without a further warning
    assert_same_state(stage.gan, state)
    assert "Resumed after epoch 2 of 4" in capsys.readouterr().out


def test_what_is_not_certainly_a_backup_is_left_alone(cut):
    stage, state, folder = cut
    strange = folder / "epoch_0003.npz"
    strange.write_bytes(b"x" * 1000)
    with pytest.warns(UserWarning) as caught:
        fit(stage.again(), folder)
    first, second = [str(w.message) for w in caught]
    assert "goes on from epoch_0002.npz" in first
    assert "left where it is (epoch_0003.npz), and nothing is written in its place" in first
    assert "epoch_0003.npz' could not be written (another file has this name: move it" in second
    assert strange.read_bytes() == b"x" * 1000
    assert backups.epochs(folder) == [2, 3, 4], "it counts not among those that are kept"
    assert_same_state(stage.gan, state)


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
    assert_same_state(stage.gan, state)
    assert "To train on, ask for more epochs" in capsys.readouterr().out
    with pytest.raises(ValueError, match="readable backup of an epoch"):
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
    verdict = convergence.Verdict("stalled", 3, None, {}, "It stalled.").to_json()
    (tmp_path / "verdict.json").write_text(verdict)
    (tmp_path / "log.csv").write_text("kept")
    other = helpers.gan(loss="hinge", regularizers=["r1"], discriminator_steps=2)
    before = other.run_state()
    with pytest.raises(ValueError) as caught:
        fit(
            other,
            folder,
            ConvergenceStopping(directory=tmp_path),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            x=POINTS[:18],
        )
    message = str(caught.value)
    assert "epoch_0003.npz' must be a backup of the same run. Received: " in message
    assert "discriminator.layers[4]" in message and "; and " in message
    assert message.endswith("Put the old settings back, or choose another directory.")
    assert (tmp_path / "verdict.json").read_text() == verdict
    assert (tmp_path / "log.csv").read_text() == "kept"
    assert_same_state(other, before)


def test_the_difference_is_named(cut):
    stage, _, folder = cut
    with pytest.raises(ValueError, match="Received: data.num_samples: 20 in the backup, 18 now; "):
        fit(stage.again(), folder, x=POINTS[:18])
    with pytest.raises(ValueError, match="Received: data.shuffle: True in the backup, False now."):
        fit(stage.again(), folder, shuffle=False)
    fit(stage.again(), folder)  # a refusal leaves all as it was


def test_other_versions_are_warned_of(cut, monkeypatch):
    stage, _, folder = cut
    monkeypatch.setattr(keras, "__version__", "99.0")
    with pytest.warns(UserWarning, match="may differ in the last bits: keras: '3.* now"):
        fit(stage.again(), folder)


def test_another_processor_is_warned_of_unless_the_backup_is_older(cut, monkeypatch, recwarn):
    stage, _, folder = cut
    path = backups.epoch_path(folder, 3)
    found = backups.read(path)
    monkeypatch.setattr(_resuming, "_processor", lambda: "Another")
    other = str(1 - int(found["surroundings"]["TF_ENABLE_ONEDNN_OPTS"]))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", other)
    known = ("keras_gan", "keras", "tensorflow", "replicas")
    few = {name: found["surroundings"][name] for name in known}
    backups.write(path, {**found, "surroundings": few})
    fit(stage.again(), folder, Crash("epoch_begin", 3))
    assert not recwarn.list
    backups.write(path, found)
    words = "processor: '.*' in the backup, 'Another' now; TF_ENABLE_ONEDNN_OPTS: '.' in"
    with pytest.warns(UserWarning, match=words):
        fit(stage.again(), folder)


def full(*arguments, **named):
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_and_the_next_epoch_tries_again(tmp_path, monkeypatch):
    stage = stage_of(plain)
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
    assert_same_state(stage.gan, state)


def test_a_full_disk_at_the_end_is_told(tmp_path, monkeypatch):
    class Disk(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            training_backup._WRITER.submit(int).result()  # the epoch's own is there
            monkeypatch.setattr(np, "savez", full)

    with pytest.warns(UserWarning, match="finished.npz' could not be written"):
        fit(stage_of(plain).first(), tmp_path, Disk(), epochs=1)


def test_a_folder_that_goes_away_is_made_again(tmp_path):
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

    with pytest.warns(UserWarning, match="and its backups were removed") as caught:
        fit(stage_of(plain).first(), None, Remove(), backup=Wait(tmp_path / "backup"))
    assert len(caught) == 1
    assert backups.epochs(tmp_path / "backup") == [3, 4]


def test_a_folder_that_cannot_be_made_again_ends_no_run(tmp_path):
    place = tmp_path / "backup"

    class Replace(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                training_backup._WRITER.submit(int).result()  # what is written is there
                shutil.rmtree(place)
                place.write_text("a file")
            if epoch == 3:
                place.unlink()

    with pytest.warns(UserWarning, match="its backups were removed") as caught:
        history = fit(stage_of(plain).first(), None, Replace(), backup=TrainingBackup(place))
    assert len(history.epoch) == 4
    first, *_, last = (str(each.message) for each in caught)
    assert "cannot be created again (File exists)" in first and "It is created again" in last
    assert backups.epochs(place) == [4]


def test_another_process_that_takes_a_removed_folder_keeps_it(tmp_path, monkeypatch):
    place = tmp_path / "backup"

    class Lose(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                training_backup._WRITER.submit(int).result()
                shutil.rmtree(place)
                monkeypatch.setattr(backups, "lock", taken)

    def taken(folder):
        raise ValueError("Only one process at a time")

    with pytest.warns(UserWarning, match="another process trains with it now"):
        history = fit(stage_of(plain).first(), None, Lose(), backup=TrainingBackup(place))
    assert len(history.epoch) == 4
    assert not list(place.iterdir())


def test_a_fit_within_another_leaves_its_folder_alone(tmp_path):
    gan, place = stage_of(plain).first(), tmp_path / "backup"

    def again(*_):
        with pytest.raises(ValueError, match="Only one `fit` at a time may train with a folder"):
            fit(gan, None, backup=TrainingBackup(place))
        assert backups.stands(place) and os.path.realpath(place) in backups._LOCKS

    fit(gan, None, keras.callbacks.LambdaCallback(on_epoch_end=again), backup=TrainingBackup(place))
    assert backups.epochs(place)[-1] == 4


def test_a_run_that_was_interrupted_lets_others_have_its_folder(tmp_path):
    fit(stage_of(plain).first(), tmp_path / "backup", Crash("epoch_end", 1))
    backups.lock(tmp_path / "backup")  # as another process would
    backups.unlock(tmp_path / "backup")


def test_no_run_begins_that_cannot_be_backed_up(tmp_path, monkeypatch):
    gan = stage_of(plain).first()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="`directory` must be a folder that can be written to"):
        fit(gan, tmp_path / "file" / "backup")
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ValueError, match="No space left .*Training does not start"):
        fit(gan, tmp_path / "backup")
    assert gan.steps_seen == 0


def test_only_the_chief_of_several_workers_writes(tmp_path, monkeypatch):
    stage = stage_of(plain)
    extended = type(stage.gan.distribute_strategy.extended)

    def as_another_worker():
        monkeypatch.setattr(extended, "should_checkpoint", property(lambda _: False))

    as_another_worker()
    fit(stage.first(), tmp_path, epochs=1)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    fit(stage.first(), tmp_path, Crash("epoch_begin", 1), epochs=2)
    listing = sorted(os.listdir(tmp_path))
    as_another_worker()
    assert fit(stage.again(), tmp_path, epochs=2).epoch == [0, 1]
    assert sorted(os.listdir(tmp_path)) == listing


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
