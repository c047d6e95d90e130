"""One run at a time writes to a folder: another one is refused and changes nothing."""

import gc
import os

import keras
import pytest

import helpers
from keras_gan.callbacks import ConvergenceStopping, ImageGrid, RunReport
from keras_gan.storage import claims

pytestmark = pytest.mark.skipif(claims.fcntl is None, reason="needs locks")
FIT = {"batch_size": 8, "steps_per_epoch": 2, "verbose": 0}


@pytest.fixture
def of_another_process(tmp_path):
    """A folder that another process has locked: locks are those of open files."""
    (tmp_path / "kept").write_text("mine")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    claims.fcntl.flock(descriptor, claims.fcntl.LOCK_EX)
    yield tmp_path
    os.close(descriptor)


@pytest.fixture(scope="module")
def images():
    gan = helpers.gan((8, 8, 1), run_eagerly=True, **helpers.by_sgd())
    return gan, helpers.images(16, (8, 8, 1))


def is_free(folder):
    """Whether another run may write to a folder."""
    claims.Claim(folder, object()).release()
    return True


def test_callbacks_of_one_run_share_a_folder_and_leave_it(tmp_path):
    run, other = object(), object()
    first, second = claims.Claim(tmp_path, run), claims.Claim(tmp_path, run)
    first.release()
    first.release()
    with pytest.raises(ValueError, match="Only one `fit` at a time"):
        claims.Claim(tmp_path, other)
    second.release()
    assert is_free(tmp_path) and not list(tmp_path.iterdir())


def test_a_run_that_nobody_ended_and_that_is_forgotten_leaves_its_folder(tmp_path):
    claim = claims.Claim(tmp_path, object())
    del claim
    gc.collect()
    assert is_free(tmp_path)


def test_a_folder_of_another_process_is_refused(of_another_process):
    with pytest.raises(ValueError, match="Only one process at a time"):
        claims.Claim(of_another_process, object())


@pytest.mark.parametrize("made", [ImageGrid, RunReport, lambda d: ConvergenceStopping(directory=d)])
def test_a_run_in_the_folder_of_another_process_does_not_begin(images, of_another_process, made):
    gan, data = images
    steps = gan.steps_seen
    with pytest.raises(ValueError, match="Only one process at a time"):
        gan.fit(data, callbacks=[made(of_another_process)], **FIT)
    assert gan.steps_seen == steps
    assert [path.name for path in of_another_process.iterdir()] == ["kept"]


class Within(keras.callbacks.Callback):
    """Trains once more within an epoch, in a folder."""

    def __init__(self, folder, data):
        super().__init__()
        self.folder, self.data = folder, data

    def on_epoch_end(self, epoch, logs=None):
        self.model.fit(self.data, callbacks=[ImageGrid(self.folder, gif=False)], **FIT)


def test_a_fit_within_another_one_takes_a_folder_of_its_own(images, tmp_path):
    gan, data = images
    grid = ImageGrid(tmp_path / "outer", gif=False)
    with pytest.raises(ValueError, match="Only one `fit` at a time"):
        gan.fit(data, callbacks=[Within(tmp_path / "outer", data), grid], **FIT)
    gan.fit(data, callbacks=[Within(tmp_path / "inner", data), grid], **FIT)
    assert (tmp_path / "inner" / "epoch_0001.png").exists()
    assert is_free(tmp_path / "outer") and is_free(tmp_path / "inner")


class Refuses(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise RuntimeError("not today")


def test_a_run_that_does_not_begin_leaves_the_files_of_the_one_before(images, tmp_path):
    gan, data = images
    stopping = ConvergenceStopping(directory=tmp_path)
    watching = [stopping, RunReport(tmp_path)]
    gan.fit(data, epochs=1, callbacks=watching, **FIT)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RuntimeError, match="not today"):
        gan.fit(data, epochs=1, callbacks=[Refuses(), *watching], **FIT)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
