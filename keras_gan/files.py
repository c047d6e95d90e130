"""Files and folders that are written whole or not at all."""

import contextlib
import os
import pathlib
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
    and whatever stood at `path` before still does. Missing parent folders are made.

    Args:
        path: where the finished file or folder shall be.

    Yields:
        `pathlib.Path` to write to.

    Raises:
        OSError: whatever the file system refuses.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex[:8]
    temporary = path.with_name(f".{mark}.{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            _swap_folders(temporary, path, path.with_name(f".{mark}.old.{path.name}"))
        else:
            os.replace(temporary, path)
    finally:
        remove(temporary)


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
        probe.unlink()
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a folder that can be written to. Received: {name}={str(path)!r} "
            f"({error.strerror or error}). Choose another folder or free this one."
        ) from error
    return folder
