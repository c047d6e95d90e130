"""Files and folders that are written whole or not at all."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
import uuid

from keras_gan import _checks


@contextlib.contextmanager
def replacing(path):
    """Write beside `path` and put the result in its place only when it is complete.

    ```python
    with files.replacing("runs/verdict.json") as temporary:
        temporary.write_text(text)
    ```

    The temporary name ends like `path`, for libraries that choose the format by it.
    It may be written as a file or made a folder. If the block raises, the temporary is removed
    and whatever stood at `path` before still does. Missing parent folders are made. Where it is
    the system that refuses, whatever a library makes of it, `NotWritten` says so.

    Args:
        path: where the finished file or folder shall be.

    Yields:
        `pathlib.Path` to write to.

    Raises:
        NotWritten: if the file system refuses.
    """
    path = pathlib.Path(path)
    mark = uuid.uuid4().hex[:8]
    temporary = path.with_name(f".{mark}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            _swap_folders(temporary, path, path.with_name(f".{mark}.old.{path.name}"))
        else:
            os.replace(temporary, path)
    except Exception as error:
        number = _refusal(error, temporary)
        if number is None:
            raise
        raise NotWritten(number, path) from error
    finally:
        with contextlib.suppress(OSError):
            remove(temporary)


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
)


def _refusal(error, temporary):
    """The number of the reason for which the system did not write, or `None`."""
    if isinstance(error, OSError) and error.errno is not None:
        other = error.filename is not None and not _is_about(error.filename, temporary)
        return None if other else error.errno
    # HDF5 and TensorFlow have errors of their own, in whose text the system's words are.
    text = str(error)
    told = (n for n in _REFUSALS if os.strerror(n) in text and str(temporary) in text)
    return next(told, None)


def _is_about(path, temporary):
    """Whether a path is the temporary one, in it, or a folder above it."""
    path = pathlib.Path(os.fsdecode(path))
    return temporary in (path, *path.parents) or path in temporary.parents


def _swap_folders(new, path, old):
    # A folder that is not empty cannot be replaced in one call; put the old one back if the
    # second rename fails, so that there is always one of the two at `path`.
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        os.replace(old, path)
        raise
    remove(old)


def remove(path):
    """Remove a file or a folder if it is there."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def remove_leftovers(folder):
    """Clear away what a process that was killed inside `replacing` left beside its files."""
    for path in list(pathlib.Path(folder).iterdir()):
        match = re.fullmatch(r"\.[0-9a-f]{8}\.(old\.)?(.+)", path.name)
        if match and match[1] and not (path.parent / match[2]).exists():
            os.replace(path, path.parent / match[2])  # killed between the two renames
        elif match:
            remove(path)


def folder_path(value, name, *, optional=False):
    """An argument that names a folder, as a `pathlib.Path` (or `None`, if that is allowed).

    Raises:
        ValueError: if it is no path.
    """
    allowed = value is None and optional
    _checks.check(
        allowed or (isinstance(value, (str, os.PathLike)) and str(value)),
        f"`{name}` must be a folder's path{' or None' if optional else ''}.",
        **{name: value},
    )
    return None if value is None else pathlib.Path(value)


def writable_directory(path, name="directory"):
    """Make the folder `path` and prove that files can be written in it.

    What a killed process left half written in it is removed.

    Args:
        path: the folder.
        name: the argument's name, for the error.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: if it cannot be made or written to, saying why.
    """
    folder = pathlib.Path(path)
    probe = folder / f".{uuid.uuid4().hex[:8]}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        remove_leftovers(folder)
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a folder that can be written to. Received: {name}={str(path)!r} "
            f"({error.strerror or error}). Choose another folder or free this one."
        ) from error
    return folder
