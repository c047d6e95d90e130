"""What a killed process leaves is cleared away; nothing of a living one, or of others, ever is."""

import errno
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from keras_gan.storage import files, work_folders

fcntl = pytest.importorskip("fcntl")

PACKAGE = pathlib.Path(files.__file__).parents[1]
# The package's part that knows no Keras: a process that starts at once.
LIGHT = """
import os, pathlib, signal, sys, time, types
package = types.ModuleType("keras_gan")
package.__path__ = [sys.argv[1]]
sys.modules["keras_gan"] = package
from keras_gan import images
from keras_gan.storage import backups, files, work_folders
assert not {"keras", "tensorflow"} & set(sys.modules)
folder = pathlib.Path(sys.argv[2])
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)\n"


def run(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", LIGHT + code, PACKAGE, *arguments], **options)


def tree(folder):
    """All paths below a folder, with the contents of files."""
    paths = sorted(folder.rglob("*"))
    return {str(p): p.read_bytes() if p.is_file() else os.path.islink(p) for p in paths}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The work folder of a process that was killed while it wrote."""
    folder = tmp_path_factory.mktemp("killed")
    code = "with files.replacing(folder / 'a.txt') as t:\n    t.write_text('half')\n    " + DIE
    assert run(code, folder).wait() == -signal.SIGKILL
    (found,) = folder.iterdir()
    assert work_folders._NAME.fullmatch(found.name)
    assert (found / "new" / "a.txt").read_text() == "half"
    return found


@pytest.fixture
def left(killed, tmp_path):
    """The same in a test's own folder."""
    return shutil.copytree(killed, tmp_path / killed.name)


def named(folder, name):
    """The same work folder under a name in which some part is another one."""
    renamed = folder.with_name(name)
    folder.rename(renamed)
    return renamed


def test_what_a_killed_process_left_is_removed(left, tmp_path):
    files.writable_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_dies_before_it_has_written_leaves_nothing(tmp_path):
    name = ".keras_gan-writing-{}-{}-1-0123456{}"
    for number, parts in enumerate(([], ["lock"], ["lock", "new"])):
        folder = tmp_path / name.format(work_folders._machine(), os.getpid(), number)
        folder.mkdir()
        for part in parts:
            (folder / part).mkdir() if part == "new" else (folder / part).touch()
    work_folders.remove_dead(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_whatever_only_looks_alike_is_left_alone(left, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for name in (
        ".20231224.archive/thesis.tex",
        ".20240115.notes.txt",
        ".deadbeef.old.cfg",
        ".00000000.old.export/saved_model.pb",  # of an earlier version
        ".keras_gan-writing/a",
        ".keras_gan-writing-notes/a",
        ".keras_gan/a",
        "keras_gan-writing.txt",
        f"x{left.name}/a",
        f"{left.name}x/a",
        f"{left.name[:-1]}/lock",
        left.name,  # a file
    ):
        path = foreign / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    victim = tmp_path / "victim"
    (victim / "new").mkdir(parents=True)
    (victim / "new" / "a").touch()
    (victim / "lock").touch()
    (foreign / (left.name[:-8] + "0" * 8)).symlink_to(victim)
    before = tree(foreign), tree(victim)
    files.writable_directory(foreign)
    with files.replacing(foreign / "a.txt", tidy=True) as temporary:
        temporary.touch()
    (foreign / "a.txt").unlink()
    assert (tree(foreign), tree(victim)) == before


HOLD = """
with files.replacing(folder / "a.txt") as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with run(HOLD, tmp_path, **pipes) as other:
        assert other.stdout.readline() == "ready\n"
        files.writable_directory(tmp_path)
        other.stdin.close()
        assert other.wait() == 0
    assert tree(tmp_path) == {str(tmp_path / "a.txt"): b"half"}


def test_threads_leave_each_other_alone(tmp_path):
    written, cleared = threading.Event(), threading.Event()

    def write():
        with files.replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("whole")
            written.set()
            cleared.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    written.wait(10)
    files.writable_directory(tmp_path)
    cleared.set()
    thread.join()
    assert tree(tmp_path) == {str(tmp_path / "a.txt"): b"whole"}


def test_a_lock_that_is_held_is_enough(left, tmp_path):
    """As by what a dead process has forked."""
    with open(left / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        work_folders.remove_dead(tmp_path)
        assert left.exists()
    work_folders.remove_dead(tmp_path)
    assert not left.exists()


def test_who_writes_holds_the_lock(tmp_path, monkeypatch):
    """Whatever the number in the name says: another machine may have processes of its own."""
    monkeypatch.setattr(work_folders, "_is_alive", lambda pid, began: False)
    with files.replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        work_folders.remove_dead(tmp_path)
        assert temporary.read_text() == "whole"
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_process_that_lives_is_enough(left, tmp_path):
    """Where locks do not reach from one process to another."""
    _, began = work_folders._status(os.getpid())
    mine = named(left, re.sub(r"-\d+-\d+-", f"-{os.getpid()}-{began}-", left.name))
    work_folders.remove_dead(tmp_path)
    assert mine.exists()
    # The same number, which another process had before.
    named(mine, mine.name.replace(f"-{began}-", "-1-"))
    work_folders.remove_dead(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_zombie_is_dead(tmp_path):
    zombie = run("with work_folders.opened(folder):\n    " + DIE, tmp_path)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert len(list(tmp_path.iterdir())) == 1
    work_folders.remove_dead(tmp_path)
    assert list(tmp_path.iterdir()) == []
    zombie.wait()


@pytest.mark.parametrize("other", ["host", "start", "container"])
def test_what_is_of_another_machine_is_left_alone(left, tmp_path, monkeypatch, other):
    here = work_folders._machine()
    if other == "host":
        monkeypatch.setattr(work_folders.socket, "gethostname", lambda: "other")
    elif other == "container":
        monkeypatch.setattr(os, "readlink", lambda path: "pid:[1]")
    else:
        monkeypatch.setattr(pathlib.Path, "read_text", lambda *args, **kwargs: "another")
    assert work_folders._machine() != here
    monkeypatch.setattr(work_folders, "_is_alive", lambda pid, began: False)
    work_folders.remove_dead(tmp_path)
    assert left.exists()


@pytest.mark.parametrize("kind", ["no fcntl", "no locks"])
def test_without_locks_files_are_written_and_nothing_is_removed(left, monkeypatch, kind):
    def refuse(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if kind == "no fcntl":
        monkeypatch.setattr(work_folders, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", refuse)
    folder = files.writable_directory(left.parent)
    with files.replacing(folder / "b.txt") as temporary:
        temporary.write_text("whole")
    assert sorted(folder.iterdir()) == sorted([left, folder / "b.txt"])


def test_a_forked_process_does_not_clear_up(tmp_path):
    code = """
with files.replacing(folder / "a.txt") as temporary:
    temporary.write_text("whole")
    if os.fork():
        os.wait()
    else:
        sys.exit()
"""
    assert run(code, tmp_path).wait() == 0
    assert tree(tmp_path) == {str(tmp_path / "a.txt"): b"whole"}


# === Folders that are replaced ===

EXPORT = """
def export(text):
    with files.replacing(folder / "export", tidy=True) as temporary:
        for part in ("a", "b", "c"):
            (temporary / part).mkdir(parents=True)
            (temporary / part / "text").write_text(text)

export("old")
replace, count = os.replace, 0
def counted(*args):
    global count
    count += 1
    if count == 3:
        DIE
    replace(*args)
os.replace = counted
export("new")
""".replace("DIE", DIE)


def export(path, text):
    with files.replacing(path, tidy=True) as temporary:
        for part in ("a", "b", "c"):
            (temporary / part).mkdir(parents=True)
            (temporary / part / "text").write_text(text)


def texts(path):
    return [(path / part / "text").read_text() for part in ("a", "b", "c")]


@pytest.mark.parametrize("how", ["a run starts", "by a link", "another export", "the same export"])
def test_a_folder_comes_back_if_it_was_killed_between_two_renames(tmp_path, how):
    (tmp_path / "latest").symlink_to("export")
    code = EXPORT.replace('"export"', '"latest"') if how == "by a link" else EXPORT
    assert run(code, tmp_path).wait() == -signal.SIGKILL
    assert not (tmp_path / "export").exists()
    if how in ("a run starts", "by a link"):
        files.writable_directory(tmp_path)
    else:
        export(tmp_path / ("export" if how.startswith("the") else "other"), "newest")
    assert texts(tmp_path / "export") == ["newest" if how.startswith("the") else "new"] * 3
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_folder_stays_if_it_cannot_be_replaced(tmp_path, monkeypatch):
    export(tmp_path / "export", "old")
    replace = os.replace

    def refuse(old, new):
        if pathlib.Path(new).name == "export" and "new" in pathlib.Path(old).parts:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(old))
        replace(old, new)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(files.NotWritten, match="Input/output error"):
        export(tmp_path / "export", "new")
    assert texts(tmp_path / "export") == ["old"] * 3
    assert os.listdir(tmp_path) == ["export"]


def test_of_two_folders_for_one_place_one_is_whole_in_the_end(tmp_path):
    export(tmp_path / "export", "first")
    errors = []

    def repeat(text):
        try:
            for _ in range(40):
                export(tmp_path / "export", text)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(text,)) for text in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert texts(tmp_path / "export") in (["one"] * 3, ["other"] * 3)
    assert os.listdir(tmp_path) == ["export"]
