"""Hidden folders in which files are written before they are put in their place.

A killed process leaves its work folder behind, and another process that shares the place must not
take a living one's for that. So the name of each says whose it is: the machine since its start, the
process and when this began; and in it lies a file that is locked while the folder is used. The
system releases the lock when the process ends, however it ends.
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
    """Make a work folder in `parent`; it is gone afterwards.

    Args:
        parent: an existing folder.

    Yields:
        `(new, old)`: `pathlib.Path`s of two empty folders, for what is written and for what it
        replaces.

    Raises:
        OSError: whatever the file system refuses.
    """
    folder, lock = _made(pathlib.Path(parent))
    pid = os.getpid()
    try:
        for name in (_NEW, _OLD):
            (folder / name).mkdir()
        yield folder / _NEW, folder / _OLD
    finally:
        if os.getpid() == pid:  # and not one that was forked within the block
            _remove(folder)
            os.close(lock)


def remove_dead(parent):
    """Clear away the work folders in `parent` of processes that are certainly dead.

    Nothing else is touched: no other name, nothing of another machine, of a container with
    processes of its own or from before the last start of this machine, and nothing where the file
    system knows no locks. Where a process died between the two renames that replace a folder, the
    new one, which is complete, is put in its place.

    Args:
        parent: a folder; that it cannot be read is no error.
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
    """A new folder and the descriptor of its lock, which no other process has taken for dead."""
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
    """A descriptor of the lock, or `None` if another one has it or has removed the folder.

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
        if path.exists():  # and has not been removed before it was locked
            return lock
    except BlockingIOError:
        pass
    except OSError:
        if flags:
            return lock
    os.close(lock)
    return None


def _clear(folder):
    """Finish what a dead process has begun, if it can be, and remove its folder."""
    lock = _locked(folder)
    if lock is None:
        with contextlib.suppress(OSError):
            folder.rmdir()  # it died before it made the lock, or this one is not empty
        return
    try:
        new, replaced = os.listdir(folder / _NEW), os.listdir(folder / _OLD)
        if new and replaced and not os.path.lexists(folder.parent / new[0]):
            with contextlib.suppress(OSError):
                os.rename(folder / _NEW / new[0], folder.parent / new[0])
        _remove(folder)
    except FileNotFoundError:  # it died before it made the two folders
        _remove(folder)
    finally:
        os.close(lock)


def _remove(folder):
    # What was replaced first: as long as it is there, what is beside it is complete.
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
    """Whether a process lives; in doubt, it does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    state, now = _status(pid)
    # A zombie has closed its files. Of another beginning is another process of the same number.
    return state not in ("Z", "X") and (now == began or _UNKNOWN in (now, began))


def _status(pid):
    """`(state, began)` of a process as Linux tells them, in ticks since the machine's start."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return _UNKNOWN, _UNKNOWN
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def _machine():
    """A short text that is the same only where a process number means the same process."""
    try:
        start = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
        numbers = os.readlink("/proc/self/ns/pid")  # each container has its own
    except OSError:
        start, numbers = str(uuid.getnode()), ""
    parts = "|".join((socket.gethostname(), start, numbers))
    return hashlib.sha256(parts.encode()).hexdigest()[:12]
