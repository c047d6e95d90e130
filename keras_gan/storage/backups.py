"""Backup files: a tree of plain values and arrays, written and read completely or not at all.

A file is a NumPy archive without pickled objects: `arr_0`, `arr_1`, ... are the arrays, `manifest`
is JSON text with their positions in the tree. Long lists of floats (one number per epoch) are
stored as arrays too: text would take ten times the memory. Each part has a checksum, so that a
truncated or damaged file is detected.
"""

import json
import os
import pathlib
import re
import zipfile

import numpy as np

from keras_gan import _checks
from keras_gan.storage import claims, files

_FORMAT = 2
_ARRAY, _FLOATS, _ITEMS, _TUPLE = "__array__", "__floats__", "__items__", "__tuple__"
_LONG = 8
_NAME = re.compile(r"epoch_(\d{4,})\.npz")
# Descriptors of this process's lock files by folder; a lock is held while its file is open.
_LOCKS = {}


class Unreadable(Exception):
    """A file that is damaged, truncated, or not a backup."""


# === One file ===


def write(path, tree):
    """Write a backup to disk; an existing file is replaced when the new one is complete.

    The tree holds `dict`s, lists and plain values, with NumPy arrays anywhere.

    Raises:
        OSError: if the file system refuses.
        TypeError: for any other value in the tree.
    """
    arrays = []

    def refer(value):
        if isinstance(value, np.generic):
            return value.item()
        array = np.asarray(value)
        if not hasattr(value, "__array__") or array.dtype.hasobject:
            raise TypeError(f"A backup holds plain values and arrays, not {type(value).__name__}.")
        arrays.append(array)
        return {_ARRAY: len(arrays) - 1}

    manifest = json.dumps(
        {"format": _FORMAT, "tree": _packed(tree, arrays)}, default=refer
    ).encode()
    with files.replacing(path) as temporary:
        with open(temporary, "wb") as file:
            np.savez(file, *arrays, manifest=np.frombuffer(manifest, "uint8"))
            file.flush()
            os.fsync(file.fileno())  # no name without content after a power failure


# Not a function within `write`: one that calls itself is a cycle, and would keep all arrays of a
# backup alive until the garbage collector comes by.
def _packed(part, arrays):
    """A tree with its long lists of floats moved to the arrays."""
    if isinstance(part, dict):
        if all(type(key) is str for key in part):
            return {key: _packed(value, arrays) for key, value in part.items()}
        # JSON converts all keys to strings.
        items = [[_packed(key, arrays), _packed(value, arrays)] for key, value in part.items()]
        return {_ITEMS: items}
    if isinstance(part, tuple):
        return {_TUPLE: [_packed(value, arrays) for value in part]}
    if not isinstance(part, list):
        return part
    if len(part) < _LONG or any(type(value) is not float for value in part):
        return [_packed(value, arrays) for value in part]
    arrays.append(np.array(part))
    return {_FLOATS: len(arrays) - 1}


def read(path, keys=()):
    """The tree of a backup, which must have some keys.

    Raises:
        Unreadable: if any part of it is damaged or missing.
        ValueError: if it is complete, but has another format.
    """
    try:
        zipfile.ZipFile(path).close()  # NumPy treats files that are no archives as pickles
        with np.load(path, allow_pickle=False) as archive:

            def resolve(part):
                if part.keys() == {_ITEMS}:
                    return {key: value for key, value in part[_ITEMS]}
                if part.keys() == {_TUPLE}:
                    return tuple(part[_TUPLE])
                if part.keys() == {_FLOATS}:
                    return archive[f"arr_{part[_FLOATS]}"].tolist()
                return archive[f"arr_{part[_ARRAY]}"] if part.keys() == {_ARRAY} else part

            manifest = json.loads(archive["manifest"].tobytes(), object_hook=resolve)
            written_in, tree = manifest["format"], manifest["tree"]
    # Damage can raise nearly anything: BadZipFile, struct.error, EOFError, KeyError, ...
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    _checks.check(
        written_in == _FORMAT,
        "A backup must be of the format that this version of keras_gan knows.",
        cure="Use the version that wrote it.",
        path=str(path),
        format=written_in,
    )
    missing = [key for key in keys if not isinstance(tree, dict) or key not in tree]
    if missing:
        raise Unreadable(f"it lacks {', '.join(missing)}")
    return tree


# === A folder of them ===


def epoch_path(folder, number):
    """The path of the backup after `number` epochs."""
    return pathlib.Path(folder) / f"epoch_{number:04d}.npz"


def epochs(folder):
    """The numbers of the epochs that a folder has backups of, sorted."""
    if not pathlib.Path(folder).is_dir():
        return []
    matches = (_NAME.fullmatch(path.name) for path in pathlib.Path(folder).iterdir())
    return sorted(int(match[1]) for match in matches if match)


def newest(folder, keys=()):
    """The newest readable backup of an epoch that has `keys`: `(path, tree, failures)`.

    Failures are a list of `(path, error)` of newer ones that cannot be read. Path and tree are
    `None` if there is no backup, or none can be read.
    """
    failures = []
    for number in reversed(epochs(folder)):
        path = epoch_path(folder, number)
        try:
            return path, read(path, keys), failures
        except Unreadable as error:
            failures.append((path, error))
    return None, None, failures


def prune(folder, last, keep):
    """Remove all backups of epochs up to `last` but the `keep` newest ones."""
    paths = [epoch_path(folder, number) for number in epochs(folder) if number <= last]
    for path in [path for path in paths if _is_whole(path)][:-keep]:
        files.remove(path)


# A ZIP archive begins with this; the name of its first entry follows after 26 more bytes.
_MAGIC, _FIRST = b"PK\x03\x04", b"manifest.npy"


def is_own(path):
    """Whether a file, possibly damaged or truncated, starts like one of `write`, or is empty."""
    try:
        with open(path, "rb") as file:
            start = file.read(30 + len(_FIRST))
    except OSError:  # a folder, or a file without permission to read
        return False
    return _MAGIC.startswith(start[:4]) and _FIRST.startswith(start[30:])


def _is_whole(path):
    """Whether a file was written by `write`, and not by another program under such a name."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "manifest.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


# === One run a folder ===


def lock(folder):
    """Keep all others from writing backups to a folder, until `unlock` or the process ends.

    Raises:
        ValueError: if another `fit` of this process, or another process, does.
    """
    if claims.fcntl is None:
        return
    key = os.path.realpath(folder)
    _checks.check(
        key not in _LOCKS,
        "Only one `fit` at a time may train with a folder of backups.",
        cure="Choose another folder for a `fit` within another one.",
        directory=str(folder),
    )
    try:
        descriptor = os.open(pathlib.Path(folder) / ".lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError:  # the folder is not writable, which is reported elsewhere
        return
    claims.lock(descriptor, folder, "train with a folder of backups")
    _LOCKS[key] = descriptor


def stands(folder):
    """Whether the folder is the locked one, and not a new one at the same path."""
    descriptor = _LOCKS.get(os.path.realpath(folder))
    if descriptor is None:
        return pathlib.Path(folder).is_dir()
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(pathlib.Path(folder) / ".lock"))
    except OSError:
        return False


def unlock(folder):
    descriptor = _LOCKS.pop(os.path.realpath(folder), None)
    if descriptor is not None:
        os.close(descriptor)
