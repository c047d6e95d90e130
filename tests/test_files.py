"""Files are whole or not there, and what the system refuses is told in one sentence."""

import errno
import os
import pathlib

import keras
import pytest

import helpers
from keras_gan import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_another(tmp_path):
    path = tmp_path / "new" / "a.txt"
    for text in ("first", "second"):
        with files.replacing(path) as temporary:
            temporary.write_text(text)
            assert temporary.suffix == ".txt" and temporary.parent == path.parent
        assert path.read_text() == text
    assert names(path.parent) == ["a.txt"]


def refusal(number, where):
    """What different libraries make of the system's refusal to write at `where`."""
    words = os.strerror(number)
    return {
        "python": OSError(number, words),
        "python with a name": OSError(number, words, str(where)),
        "hdf5": RuntimeError(f"Can't decrement (file write failed: {where}, message = '{words}')"),
        "tensorflow": ValueError(f"{where}/part-00000; {words} [Op:SaveV2]"),
    }


@pytest.mark.parametrize("kind", refusal(1, ""))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_what_the_system_refuses_is_told_in_one_sentence(tmp_path, kind, number):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(files.NotWritten) as caught:
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise refusal(number, temporary)[kind]
    assert (caught.value.errno, caught.value.strerror) == (number, os.strerror(number))
    message = f"can be written to.*{os.strerror(number)}. Received: path='.*a.txt'.*Free some"
    assert caught.match(message)
    assert names(tmp_path) == ["a.txt"] and path.read_text() == "old"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a bug"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/other/frame.png"),
        OSError("cannot identify image file"),
        ValueError("No space left on device, said somebody else"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_are_left_alone(tmp_path, error):
    with pytest.raises(type(error)) as caught:
        with files.replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise error
    assert caught.value is error
    assert names(tmp_path) == []


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(files.NotWritten, match="can be written to.*path='.*file/a.txt'"):
        with files.replacing(tmp_path / "file" / "a.txt"):
            pass


@pytest.fixture
def full():
    path = pathlib.Path("/dev/full")
    if not path.exists():
        pytest.skip("needs a device that is always full")
    return path


def test_a_full_disk_is_told_by_what_saves(tmp_path, full, monkeypatch):
    """Keras opens the temporary; here that is a link to a device that is full."""
    model = helpers.gan()
    model.save(tmp_path / "gan.keras")
    good = (tmp_path / "gan.keras").read_bytes()
    save = keras.Model.save

    def onto_full_disk(self, filepath, **kwargs):
        os.symlink(full, filepath)
        save(self, filepath, **kwargs)

    monkeypatch.setattr(keras.Model, "save", onto_full_disk)
    with pytest.raises(files.NotWritten, match="No space left"):
        model.save(tmp_path / "gan.keras")
    assert (tmp_path / "gan.keras").read_bytes() == good
    assert names(tmp_path) == ["gan.keras"]
