"""Files are whole or not there; links and modes stay; what the system refuses is one sentence."""

import errno
import io
import os
import pathlib
import shutil
import stat
import types

import keras
import numpy as np
import pytest

import helpers
import keras_gan
from keras_gan import convergence, images
from keras_gan.callbacks import _report
from keras_gan.storage import backups, files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_another(tmp_path):
    path = tmp_path / "new" / "a.txt"
    for text in ("first", "second"):
        with files.replacing(path) as temporary:
            temporary.write_text(text)
            assert temporary.name == path.name and path.parent in temporary.parents
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
    message = f"can be written to.*{os.strerror(number)}. Received: path='.*a.txt'.*unchanged. "
    message += {errno.EACCES: "Permit writing", errno.EROFS: "Choose"}.get(
        number, "Free some space"
    )
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


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_cannot_be_replaced_gets_the_cure_of_its_cause(
    tmp_path, monkeypatch, read_only
):
    path = tmp_path / "gan.keras"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    flags = types.SimpleNamespace(f_flag=os.ST_RDONLY if read_only else 0)
    monkeypatch.setattr(os, "statvfs", lambda path: flags)
    told = "Read-only.* Choose another" if read_only else "Permission denied.* Permit writing to it"
    with pytest.raises(files.NotWritten, match=told):
        write(path)


def test_a_folder_in_place_of_a_file_is_told(tmp_path, gan):
    (tmp_path / "gan.keras").mkdir()
    (tmp_path / "gan.keras" / "notes.txt").write_text("precious")
    with pytest.raises(files.NotWritten, match="Is a directory.* Name a file in it, or choose"):
        gan.save(tmp_path / "gan.keras")
    assert names(tmp_path / "gan.keras") == ["notes.txt"]


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(files.NotWritten, match="can be written to.*path='.*file/a.txt'"):
        with files.replacing(tmp_path / "file" / "a.txt"):
            pass


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_nothing_can_be_made_in_is_told(tmp_path, monkeypatch, number):
    """The system names the folder that was to be made, which no user knows of."""

    def refused(self, *args, **kwargs):
        if not self.exists():
            raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(pathlib.Path, "mkdir", refused)
    with pytest.raises(files.NotWritten, match=f"{os.strerror(number)}. Received: path='.*a.txt'"):
        write(tmp_path / "a.txt")


@pytest.fixture
def full():
    path = pathlib.Path("/dev/full")
    if not path.exists():
        pytest.skip("needs a device that is always full")
    return path


def test_a_full_disk_is_told_by_what_saves(tmp_path, full, gan, monkeypatch):
    """Keras opens the temporary; here that is a link to a device that is full."""
    gan.save(tmp_path / "gan.keras")
    good = (tmp_path / "gan.keras").read_bytes()
    save = keras.Model.save

    def onto_full_disk(self, filepath, **kwargs):
        os.symlink(full, filepath)
        save(self, filepath, **kwargs)

    monkeypatch.setattr(keras.Model, "save", onto_full_disk)
    with pytest.raises(files.NotWritten, match="No space left"):
        gan.save(tmp_path / "gan.keras")
    assert (tmp_path / "gan.keras").read_bytes() == good
    assert names(tmp_path) == ["gan.keras"]


# === Links and modes ===


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def write(path, text="new"):
    with files.replacing(path) as temporary:
        temporary.write_text(text)


@pytest.mark.parametrize("kind", ["absolute", "relative", "chain", "of a folder", "to nothing yet"])
def test_what_a_link_leads_to_is_written(tmp_path, kind):
    target = tmp_path / "disk" / "b.txt"
    target.parent.mkdir()
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "a.txt"
    if kind != "to nothing yet":
        target.write_text("old")
    if kind == "of a folder":
        (tmp_path / "here" / "folder").symlink_to(target.parent)
        link = tmp_path / "here" / "folder" / "b.txt"
    elif kind == "chain":
        (tmp_path / "between").symlink_to(target)
        link.symlink_to(tmp_path / "between")
    else:
        link.symlink_to("../disk/b.txt" if kind == "relative" else target)
    was = os.readlink(link) if link.is_symlink() else None
    write(link)
    assert target.read_text() == link.read_text() == "new"
    assert not target.is_symlink()
    assert (os.readlink(link) if link.is_symlink() else None) == was
    assert names(target.parent) == ["b.txt"] and len(names(link.parent)) == 1


@pytest.mark.parametrize("old", [0o600, 0o644, 0o640, 0o755, 0o444])
def test_the_mode_of_what_is_replaced_stays(tmp_path, old):
    (tmp_path / "a.txt").touch()
    os.chmod(tmp_path / "a.txt", old)
    write(tmp_path / "a.txt")
    assert mode(tmp_path / "a.txt") == old


def test_new_files_and_folders_have_the_usual_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.txt")
        with files.replacing(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / "part").touch()
    finally:
        os.umask(before)
    found = [mode(tmp_path / name) for name in ("a.txt", "folder", "folder/part")]
    assert found == [0o640, 0o750, 0o640]


def test_a_folder_and_what_is_in_it_keep_their_modes(tmp_path):
    def export(path, *parts):
        with files.replacing(path) as temporary:
            (temporary / "variables").mkdir(parents=True)
            for part in parts:
                (temporary / "variables" / part).touch()

    export(tmp_path / "real", "old", "index")
    os.chmod(tmp_path / "real", 0o700)
    os.chmod(tmp_path / "real" / "variables" / "index", 0o600)
    (tmp_path / "latest").symlink_to("real")
    export(tmp_path / "latest", "index", "another")
    assert os.readlink(tmp_path / "latest") == "real"
    assert names(tmp_path / "real" / "variables") == ["another", "index"]
    assert (mode(tmp_path / "real"), mode(tmp_path / "real/variables/index")) == (0o700, 0o600)
    assert mode(tmp_path / "real/variables/another") == mode(tmp_path / "real/variables") & 0o666


def test_a_folder_that_another_process_takes_away_meanwhile_is_replaced(tmp_path, monkeypatch):
    """Between two looks at it, and between the look and the renaming."""
    export, elsewhere = tmp_path / "export", tmp_path / "elsewhere"
    (export / "old").mkdir(parents=True)
    access, replace = os.access, os.replace

    def access_of_nothing(path, mode):
        monkeypatch.setattr(os, "access", access)
        replace(export, elsewhere)
        allowed = os.access(path, mode)
        (export / "of another").mkdir(parents=True)
        return allowed

    def replace_too_late(old, new):
        monkeypatch.setattr(os, "replace", replace)
        try:
            return replace(old, new)
        finally:
            shutil.rmtree(export)

    monkeypatch.setattr(os, "access", access_of_nothing)
    monkeypatch.setattr(os, "replace", replace_too_late)
    with files.replacing(export) as temporary:
        (temporary / "new").mkdir(parents=True)
    assert os.listdir(export) == ["new"]


def test_the_owner_of_what_is_replaced_stays_where_it_may(tmp_path):
    (tmp_path / "a.txt").touch()
    try:
        os.chown(tmp_path / "a.txt", 12345, 23456)
    except PermissionError:
        pytest.skip("needs an administrator")
    write(tmp_path / "a.txt")
    told = os.stat(tmp_path / "a.txt")
    assert (told.st_uid, told.st_gid) == (12345, 23456)


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    path = tmp_path / "a.txt"
    if kind == "pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    elif kind == "loop":
        path.symlink_to("a.txt")
    else:
        path.mkdir()
    before = os.lstat(path).st_ino
    with pytest.raises(files.NotWritten, match="must be one that can be written to"):
        write(path)
    assert os.lstat(path).st_ino == before
    assert [name for name in names(tmp_path) if name.startswith(".")] == []


def report(path, gan):
    verdict = convergence.Verdict("stalled", 3, None, {}, "It stalled.")
    _report.Report(path.parent, None)._update([], verdict, None)


WRITERS = {
    "gan.keras": lambda path, gan: gan.save(path),
    "gan.weights.h5": lambda path, gan: gan.save_weights(path),
    "generator": lambda path, gan: gan.export(path),
    "a.png": lambda path, gan: images.save_png(path, np.zeros((4, 4), "uint8")),
    "a.gif": lambda path, gan: images.save_gif(path, [path.parent / "frame.png"]),
    "epoch_0001.npz": lambda path, gan: backups.write(path, {"a": np.zeros(3)}),
    "verdict.json": report,
}


@pytest.fixture(scope="module")
def gan():
    return helpers.gan()


@pytest.mark.parametrize("name", WRITERS)
def test_whatever_is_written_keeps_links_modes_and_neighbours(tmp_path, gan, name):
    folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    elsewhere.mkdir()
    images.save_png(folder / "frame.png", np.zeros((4, 4), "uint8"))
    WRITERS[name](folder / name, gan)
    target = elsewhere / "0123abc"  # as tools that keep files by their content name them
    (folder / name).rename(target)
    (folder / name).symlink_to(target)
    private = 0o700 if target.is_dir() else 0o600
    os.chmod(target, private)
    before = os.stat(target)
    WRITERS[name](folder / name, gan)
    after = os.stat(target)
    assert after.st_ino != before.st_ino and mode(target) == private
    assert (folder / name).is_symlink()
    assert names(folder) == sorted(["frame.png", name]) and names(elsewhere) == [target.name]


# === Paths ===


def as_bytes(path):
    return os.fsencode(path)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize(
    "name, form",
    [
        pytest.param(
            name, form, marks=() if form is as_bytes or name == "a.png" else pytest.mark.slow
        )
        for name in ("gan.keras", "gan.weights.h5", "generator", "a.png")
        for form in (str, pathlib.Path, as_bytes)
    ],
)
def test_the_home_folder_may_be_written_as_a_tilde(home, gan, name, form):
    WRITERS[name](form(f"~/new/{name}"), gan)
    assert names(home / "new") == [name] and names(home.parent) == ["home"]
    if name == "gan.weights.h5":
        gan.load_weights(form(f"~/new/{name}"))
    if name in ("gan.keras", "generator"):
        real = helpers.points(64)
        figures = keras_gan.evaluate_generator(form(f"~/new/{name}"), real, "sliced_wasserstein")
        assert figures["sliced_wasserstein"] > 0


def test_what_is_no_path_is_told(gan):
    with pytest.raises(ValueError, match="file that ends in `.keras`"):
        gan.save(io.BytesIO())


@pytest.mark.parametrize("form", [str, pathlib.Path, as_bytes])
def test_folders_may_be_written_with_a_tilde(home, form):
    images.save_png(form("~/pictures/a.png"), np.full((4, 4), 99, "uint8"))
    images.save_gif(form("~/pictures/a.gif"), [form("~/pictures/a.png")])
    (home / "pictures" / "a.gif").unlink()
    assert len(keras_gan.data.from_folder(form("~/pictures"), image_size=4).source.samples) == 1
    for callback in (
        keras_gan.callbacks.ImageGrid(form("~/run"), log_dir=form("~/run")),
        keras_gan.callbacks.ConvergenceStopping(directory=form("~/run"), log_dir=form("~/run")),
        keras_gan.callbacks.TrainingBackup(form("~/run")),
    ):
        for name in ("directory", "log_dir"):
            assert getattr(callback, name, home / "run") == home / "run"


def test_names_that_are_no_characters(tmp_path, gan):
    folder = pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfc\xdfe"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system knows characters alone")
    gan.save(folder / "gan.keras")
    keras.saving.load_model(folder / "gan.keras")
    images.save_png(folder / "rose" / "a.png", np.full((4, 4), 99, "uint8"))
    (folder / "rose").rename(folder / os.fsdecode(b"ros\xe9"))
    (folder / "bad.png").touch()
    with pytest.warns(UserWarning, match="1 of 2 images cannot be read"):
        dataset = keras_gan.data.from_folder(folder, image_size=4)
    assert dataset.source.num_samples == 1
    assert files.writable_directory(folder) == folder
