"""Hidden folders in which files are written before they are renamed to their final path.

A killed process leaves its work folder behind. Another process must not remove the folder of a
running process. Therefore the name of a folder contains the machine with its boot, the process and
its start time, and a file in it is locked while the folder is in use. The system releases the lock
when the process ends.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import socket
import uuid

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_NAME = re.compile(r"\.keras_gan-writing-([0-9a-f]{12})-(\d{1,10})-(\d{1,20})-[0-9a-f]{8}")
_LOCK, _NEW, _OLD = "lock", "new", "old"
_UNKNOWN = "0"


@contextlib.contextmanager
def opened(parent):
    """Create a work folder in an existing one, and remove it afterwards.

    Yields `pathlib.Path`s of two empty folders in it, for the new and the replaced files.
    """
    folder, lock = _made(pathlib.Path(parent))
    pid = os.getpid()
    try:
        for name in (_NEW, _OLD):
            (folder / name).mkdir()
        yield folder / _NEW, folder / _OLD
    finally:
        if os.getpid() == pid:  # not in a process forked within the block
            _remove(folder)
            os.close(lock)


def remove_dead(parent):
    """Remove the work folders in `parent` of processes that are certainly dead.

    Nothing else is removed: no other names, nothing of other machines, of containers with their own
    processes or from before the last boot, and nothing on file systems without locks. If a process
    died between the two renames that replace a folder, the second rename is completed. A folder
    that cannot be read is skipped.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        with os.scandir(parent) as entries:
            dead = [pathlib.Path(entry.path) for entry in entries if _is_of_dead(entry)]
        for folder in dead:
            with contextlib.suppress(OSError):
                _clear(folder)


# === Folders ===


def _made(parent):
    """A new folder and the descriptor of its lock, safe against removal by other processes."""
    owner = "-".join((_machine(), str(os.getpid()), _status(os.getpid())[1]))
    while True:
        folder = parent / f".keras_gan-writing-{owner}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            lock = _locked(folder, os.O_CREAT)
        except OSError:
            folder.rmdir()
            raise
        if lock is not None:
            return folder, lock


def _locked(folder, flags=0):
    """A descriptor of the lock, or `None` if another process holds it or removed the folder.

    Where the file system knows no locks, of a lock that is only being made.
    """
    path = folder / _LOCK
    try:
        lock = os.open(path, os.O_RDWR | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():  # and was not removed before it was locked
            return lock
    except BlockingIOError:
        pass
    except OSError:
        if flags:
            return lock
    os.close(lock)
    return None


def _clear(folder):
    """Complete the replacement of a dead process, if possible, and remove its folder."""
    lock = _locked(folder)
    if lock is None:
        with contextlib.suppress(OSError):
            folder.rmdir()  # it died before it created the lock, or this folder is not empty
        return
    try:
        new, replaced = os.listdir(folder / _NEW), os.listdir(folder / _OLD)
        if new and replaced and not os.path.lexists(folder.parent / new[0]):
            with contextlib.suppress(OSError):
                os.rename(folder / _NEW / new[0], folder.parent / new[0])
        _remove(folder)
    except FileNotFoundError:  # it died before it created the two folders
        _remove(folder)
    finally:
        os.close(lock)


def _remove(folder):
    # First the replaced files: while they exist, the new ones are complete.
    for name in (_OLD, _NEW):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


# === Owners ===


def _is_of_dead(entry):
    match = _NAME.fullmatch(entry.name)
    if not match or match[1] != _machine() or not entry.is_dir(follow_symlinks=False):
        return False
    return not _is_alive(int(match[2]), match[3])


def _is_alive(pid, began):
    """Whether a process is alive; `True` in doubt."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    state, now = _status(pid)
    # A zombie has closed its files. Another start time means another process with this number.
    return state not in ("Z", "X") and (now == began or _UNKNOWN in (now, began))


def _status(pid):
    """`(state, start time)` of a process from Linux, in ticks since boot."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return _UNKNOWN, _UNKNOWN
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def _machine():
    """A short text that is equal only where process numbers refer to the same processes."""
    try:
        start = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
        numbers = os.readlink("/proc/self/ns/pid")  # containers have their own process numbers
    except OSError:
        start, numbers = str(uuid.getnode()), ""
    parts = "|".join((socket.gethostname(), start, numbers))
    return hashlib.sha256(parts.encode()).hexdigest()[:12]
