"""Files and folders that are written whole or not at all."""

import contextlib
import errno
import itertools
import os
import pathlib
import shutil
import stat

from keras_gan import _checks
from keras_gan.storage import work_folders


@contextlib.contextmanager
def replacing(path, *, tidy=False):
    """Write beside `path` and put the result in its place only when it is complete.

    ```python
    with files.replacing("runs/verdict.json") as temporary:
        temporary.write_text(text)
    ```

    The temporary is called as `path` is, for libraries that choose the format by it, and lies in a
    hidden folder beside it, see `work_folders`. It may be written as a file or made a folder. If
    the block raises, the temporary is removed and whatever stood at `path` before still does.
    Missing parent folders are made. Where `path` is a link, what it leads to is replaced, and the
    link stays. Of what is replaced, the mode is kept, and the owner where the system lets us. Of
    two processes that replace the same folder at the same time, one's whole folder is there in the
    end. Where it is the system that refuses, whatever a library makes of it, `NotWritten` says so.

    Args:
        path: where the finished file or folder shall be; `~` is the home folder.
        tidy: whether to clear away what dead processes have left beside it, for which all names
            there are read. Default `False`.

    Yields:
        `pathlib.Path` to write to.

    Raises:
        NotWritten: if the file system refuses.
    """
    path = expanded(path)
    temporary = None
    try:
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with work_folders.opened(target.parent) as (new, replaced):
            temporary = new / target.name
            yield temporary
            _keep_modes(target, temporary)
            if temporary.is_dir():
                _swap_folders(temporary, target, replaced)
            else:
                os.replace(temporary, target)
        if tidy:
            work_folders.remove_dead(target.parent)
    except Exception as error:
        number = _refusal(error, temporary)
        if number is None:
            raise
        raise NotWritten(number, path) from error


def _target(path):
    """Where a path leads to, through links: a file, a folder, or nothing yet."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        kind = None  # or a link to what is not there yet
    target = pathlib.Path(os.path.realpath(path))
    if kind is not None and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise OSError(errno.ENODEV, "", str(path))  # a device must not become a file
    if _is_refused(target):
        raise PermissionError(errno.EACCES, "", str(path))
    return target


def _is_refused(path):
    """Whether something stands at a path and must not be written to."""
    # Another process may replace it meanwhile, so it is only what stands there before and after.
    while not os.access(path, os.W_OK) and (was := _identity(path)) is not None:
        if not os.access(path, os.W_OK) and _identity(path) == was:
            return True
    return False


def _identity(path):
    """What tells the file or folder at a path from another one there; `None` of nothing."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _keep_modes(old, new):
    """Give the file or folder `new`, and what is in it, the modes and owners of `old`."""
    for path in (new, *new.rglob("*")):
        with contextlib.suppress(OSError):
            was = os.lstat(old / path.relative_to(new))
            if path.is_symlink() or stat.S_ISLNK(was.st_mode):
                continue
            if hasattr(os, "chown") and (was.st_uid, was.st_gid) != _owner(path):
                with contextlib.suppress(PermissionError):
                    os.chown(path, was.st_uid, was.st_gid)
            os.chmod(path, stat.S_IMODE(was.st_mode))


def _owner(path):
    return os.stat(path).st_uid, os.stat(path).st_gid


class NotWritten(OSError):
    """The file system refused to write; what stood at the path before still does.

    Args:
        number: the system's number of the reason, as `errno.ENOSPC`.
        path: what should have been written.
    """

    def __init__(self, number, path):
        super().__init__(number, os.strerror(number), str(path))

    def __str__(self):
        return _checks.sentence(
            f"The path must be one that can be written to, but the system says: {self.strerror}.",
            path=self.filename,
            cure="What stood there before still does. Free some space, or choose another path.",
        )


_REFUSALS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENOENT,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENODEV,
)


def _refusal(error, temporary):
    """The number of the reason for which the system did not write, or `None`.

    Args:
        error: what was raised.
        temporary: what was being written; `None` before that, where all errors are the system's.
    """
    if isinstance(error, OSError) and error.errno is not None:
        named = temporary is not None and error.filename is not None
        return None if named and not _is_about(error.filename, temporary) else error.errno
    # HDF5 and TensorFlow have errors of their own, in whose text the system's words are.
    text = str(error)
    told = (n for n in _REFUSALS if os.strerror(n) in text and str(temporary) in text)
    return next(told, None)


def _is_about(path, temporary):
    """Whether a path is the temporary one, in it, or a folder above it."""
    path = pathlib.Path(os.fsdecode(path))
    return temporary in (path, *path.parents) or path in temporary.parents


_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST)


def _swap_folders(new, path, replaced):
    """Put a folder where another may be, which is moved away into the folder `replaced`.

    A folder that is not empty cannot be replaced in one call. If the process dies between the two,
    `work_folders.remove_dead` puts the new one in its place. Another process may be at it as well.
    """
    for number in itertools.count():
        try:
            return os.replace(new, path)
        except OSError as error:
            # By its number, since the folder that was in the way may be gone by now.
            if error.errno not in _OCCUPIED and not path.is_dir():
                _put_back(replaced, path)
                raise
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, replaced / str(number))


def _put_back(replaced, path):
    last = max(replaced.iterdir(), key=lambda folder: int(folder.name), default=None)
    if last is not None and not os.path.lexists(path):
        os.replace(last, path)


def remove(path):
    """Remove a file or a folder if it is there."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def expanded(path):
    """A path, of text or bytes, as a `pathlib.Path` with the home folder in place of `~`."""
    return pathlib.Path(os.path.expanduser(os.fsdecode(path)))


def folder_path(value, name, *, optional=False):
    """An argument that names a folder, as a `pathlib.Path` (or `None`, if that is allowed).

    Raises:
        ValueError: if it is no path.
    """
    allowed = value is None and optional
    _checks.check(
        allowed or (isinstance(value, (str, bytes, os.PathLike)) and os.fsdecode(value)),
        f"`{name}` must be a folder's path{' or None' if optional else ''}.",
        **{name: value},
    )
    return None if value is None else expanded(value)


def writable_directory(path, name="directory"):
    """Make the folder `path` and prove that files can be written in it.

    What this package has left half written in it, in processes that are dead, is removed.

    Args:
        path: the folder.
        name: the argument's name, for the error.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: if it cannot be made or written to, saying why.
    """
    folder = expanded(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with work_folders.opened(folder):
            pass
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a folder that can be written to. Received: {name}={str(path)!r} "
            f"({error.strerror or error}). Choose another folder or free this one."
        ) from error
    work_folders.remove_dead(folder)
    return folder
