"""Disks that are full, folders that cannot be written to, weights that break: no run is lost.

Other tests let a function raise what the system would; here the system itself does.
"""

import contextlib
import functools
import os
import pathlib
import resource
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import helpers
import runs
from keras_gan.callbacks import ConvergenceStopping, ImageGrid, StopOnNonFinite, training_backup
from keras_gan.storage import backups, files
from runs import assert_same_state, plain, stage_of

pytestmark = [
    pytest.mark.slow,
    # Runs of some steps have learned nothing yet.
    pytest.mark.filterwarnings("ignore:This GAN cannot start"),
]

POINTS = runs.POINTS[:20]  # two steps an epoch
fit = functools.partial(runs.fit, epochs=4, x=POINTS)
FULL = "No space left|File too large"
CLOSED = "Read-only|Permission denied"


class Disk:
    """A folder on a file system of its own, where one may be mounted; else of limited files."""

    def __init__(self, folder, kibibytes):
        self.folder = folder
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
        self._mounted = (
            shutil.which("mount")
            and not subprocess.run(["mount", *options], capture_output=True).returncode
        )

    def fill(self):
        """Nothing can be written any more."""
        if not self._mounted:
            return self._limit(64)
        with contextlib.suppress(OSError), (self.folder / ".balloon").open("wb") as opened:
            while True:
                opened.write(bytes(1_024))
                opened.flush()

    def empty(self):
        if not self._mounted:
            return self._limit(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        (self.folder / ".balloon").unlink(missing_ok=True)

    def close(self):
        """Nothing may be written."""
        if self._mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)
        elif os.geteuid() == 0:
            pytest.skip("permissions do not bind an administrator")
        else:
            self.folder.chmod(0o500)

    def remove(self):
        if self._mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)
        else:
            self.empty()
            self.folder.chmod(0o700)

    @staticmethod
    def _limit(size):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path / "disk", 2_000)
    yield disk
    training_backup._WRITER.submit(int).result()
    disk.remove()


def at_epochs(begin):
    return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begin(epoch))


def written():
    """Wait for the backup that is being written."""
    training_backup._WRITER.submit(int).result()


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The state at the end of a run that nothing disturbs."""
    stage = stage_of(plain)
    fit(stage.first(), tmp_path_factory.mktemp("straight"))
    return stage.gan.run_state()


# === What is saved ===

WRITES = {
    "gan.keras": lambda gan, path: gan.save(path),
    "gan.weights.h5": lambda gan, path: gan.save_weights(path),
    "generator": lambda gan, path: gan.export(path),
}


def contents(path):
    """The bytes of a file, or of all files of a folder."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(each): each.read_bytes() for each in files if each.is_file()}


@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk_keeps_what_stood_there(disk, name):
    gan, path = stage_of(plain).first(), disk.folder / name
    WRITES[name](gan, path)
    before, state = contents(path), helpers.state(gan)
    disk.fill()
    with pytest.raises(files.NotWritten, match=FULL):
        WRITES[name](gan, path)
    disk.empty()
    assert before and contents(path) == before
    assert [each.name for each in disk.folder.iterdir()] == [name]
    helpers.assert_same(state, helpers.state(gan))


def test_nothing_is_saved_into_a_closed_folder(disk):
    disk.close()
    with pytest.raises(files.NotWritten, match=CLOSED):
        stage_of(plain).first().save(disk.folder / "gan.keras")


@pytest.mark.parametrize("what", ["pictures", "verdict", "backups"])
def test_no_run_begins_that_cannot_write(disk, what):
    disk.close()
    if what == "pictures":
        gan, x, callbacks = image_gan(), helpers.images(), [ImageGrid(disk.folder)]
    else:
        gan, x = stage_of(plain).first(), POINTS
        backup = training_backup.TrainingBackup(disk.folder)
        callbacks = [ConvergenceStopping(directory=disk.folder) if what == "verdict" else backup]
    with pytest.raises(ValueError, match=f"folder that can be written to.*({CLOSED})"):
        gan.fit(x, batch_size=8, verbose=0, callbacks=callbacks)
    assert gan.steps_seen == 0


def test_an_export_replaces_no_file(tmp_path):
    (tmp_path / "generator").write_text("precious")
    with pytest.raises(ValueError, match="must be a folder, or not be there yet"):
        stage_of(plain).first().export(tmp_path / "generator")
    assert (tmp_path / "generator").read_text() == "precious"


# === Pictures ===


def image_gan():
    keras.utils.set_random_seed(0)
    return helpers.gan((8, 8, 1), run_eagerly=True, **helpers.by_sgd())


@pytest.mark.parametrize("fault", ["full", "removed", "damaged"])
def test_pictures_that_cannot_be_written_or_read_end_no_run(disk, fault):
    states = []
    for disturbed in (False, True):
        gan, place = image_gan(), disk.folder / str(disturbed)

        def disturb(epoch, place=place):
            disk.empty()
            if fault == "full" and epoch == 1:
                disk.fill()
            if fault == "removed" and epoch == 2:
                shutil.rmtree(place)
            if fault == "damaged" and epoch == 3:
                path = place / "epoch_0002.png"
                path.write_bytes(path.read_bytes()[:60])

        grid = ImageGrid(place, rows=2, columns=2)
        callbacks = [grid, *[at_epochs(disturb)] * disturbed]
        context = pytest.warns(UserWarning) if disturbed else contextlib.nullcontext()
        with context as caught:
            gan.fit(helpers.images(), batch_size=16, epochs=4, verbose=0, callbacks=callbacks)
        told = [str(warning.message) for warning in caught or ()]
        states.append(helpers.state(gan))
        assert (place / "training.gif").exists()
    helpers.assert_same(*states)
    said = {"full": FULL, "removed": "2 of 4 frames cannot", "damaged": "1 of 4 frames cannot"}
    assert any(part in " ".join(told) for part in said[fault].split("|"))


# === Backups ===


def test_a_disk_that_is_full_for_a_while_loses_no_run(disk, straight):
    def begin(epoch):
        written()
        disk.fill() if epoch in (1, 2) else disk.empty()

    gan, folder = stage_of(plain).first(), disk.folder / "run"
    with pytest.warns(UserWarning, match=f"could not be written .({FULL})"):
        fit(gan, folder, at_epochs(begin))
    assert_same_state(gan, straight)
    assert (folder / "finished.npz").exists()


def test_a_run_does_not_begin_on_a_full_disk(disk):
    disk.fill()
    gan = stage_of(plain).first()
    with pytest.raises(ValueError, match=f"({FULL}).*Training does not start"):
        fit(gan, disk.folder)
    assert gan.steps_seen == 0


# === Weights ===


def nan_in(network):
    def poison(gan):
        variable = getattr(gan, network).trainable_variables[0]
        variable.assign(np.full(variable.shape, np.nan, "float32"))

    return poison


def huge(gan):
    variable = gan.discriminator.trainable_variables[0]
    variable.assign(np.full(variable.shape, 3e38, "float32"))


@pytest.mark.parametrize("poison", [nan_in("generator"), nan_in("discriminator"), huge])
def test_a_run_whose_weights_break_goes_on_from_the_last_sound_epoch(
    tmp_path, straight, poison, capsys
):
    stage, steps = stage_of(plain), []

    class Break(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            steps.append(batch)
            if len(steps) == 6:
                poison(stage.gan)

    with pytest.warns(UserWarning, match="Training stopped in epoch 3"):
        fit(stage.first(), tmp_path, Break(), StopOnNonFinite())
    written()
    sound = backups.read(tmp_path / "epoch_0002.npz")["model"]
    now = stage.gan.run_state()
    weights = [  # seeds of dropout go on
        name
        for name, value in sound.items()
        if name.split("/")[0] in ("generator", "discriminator") and value.dtype.kind == "f"
    ]
    assert len(weights) == 8 and all(np.array_equal(sound[name], now[name]) for name in weights)
    fit(stage.again(), tmp_path, StopOnNonFinite())
    written()
    said = capsys.readouterr().out
    for name in ("finished.npz", "epoch_0003.npz"):  # what the sentence says to remove
        if name in said:
            (tmp_path / name).unlink()
    fit(stage.again(), tmp_path, StopOnNonFinite())
    assert_same_state(stage.gan, straight)


# === Packages ===


def test_an_export_names_the_packages_that_it_lacks(tmp_path, monkeypatch):
    for name in ("onnx", "tf2onnx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"missing=\['onnx', 'tf2onnx'\].*keras-gan\[onnx\]"):
        stage_of(plain).first().export(pathlib.Path(tmp_path, "g.onnx"), format="onnx")
    assert not list(tmp_path.iterdir())
