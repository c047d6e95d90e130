"""Folders that one run at a time writes to.

A folder is locked itself, so that no file is left in it. The system releases the lock when the
process ends.
"""

import os
import weakref

from keras_gan import _checks

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# The locked folders of this process: by device and number the `id` of a run, the descriptor, and
# its claims. A callback that was forgotten holds none.
_HELD = {}


class Claim:
    """A folder that no other run writes to, until `release` or the end of the process.

    Args:
        folder: an existing folder.
        run: the run, of which several callbacks may write to the folder.

    Raises:
        ValueError: if another run of this process, or another process, writes to it.
    """

    def __init__(self, folder, run):
        self._key = self._run = None
        if fcntl is None:
            return
        found = os.stat(folder)
        key = found.st_dev, found.st_ino
        _forget(key)
        if key not in _HELD:
            _HELD[key] = id(run), _locked(folder), weakref.WeakSet()
        _checks.check(
            _HELD[key][0] == id(run),
            "Only one `fit` at a time may write to a folder.",
            cure="Choose another folder for a `fit` beside or within another one.",
            directory=str(folder),
        )
        self._key, self._run = key, run
        _HELD[key][2].add(self)

    def release(self):
        """Let others write to the folder, once all claims of the run are released."""
        key, self._key, self._run = self._key, None, None
        if key is not None:
            _HELD[key][2].discard(self)
            _forget(key)


def _forget(key):
    """Unlock a folder that nothing claims."""
    _, descriptor, claims = _HELD.get(key, (None, None, True))
    if not claims:
        del _HELD[key]
        if descriptor is not None:
            os.close(descriptor)


def _locked(folder):
    """The descriptor of a folder that is locked now; `None` where there are no such locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that cannot be read
        return None
    lock(descriptor, folder, "write to a folder")
    return descriptor


def lock(descriptor, folder, doing):
    """Lock an open file or folder for this process, where its file system has locks.

    Args:
        descriptor: of the file; closed if it is locked already.
        folder: for the error.
        doing: what one process does at a time, in the error.

    Raises:
        ValueError: if another process has locked it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _checks.error(
            f"Only one process at a time may {doing}.",
            cure="Wait for the other one, end it, or choose another folder.",
            directory=str(folder),
        ) from None
    except OSError:  # some network file systems have no locks
        pass
