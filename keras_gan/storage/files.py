"""Atomic writing of files and folders."""

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
    """Write to a temporary path and rename it to `path` when the block is complete.

    ```python
    with files.replacing("runs/verdict.json") as temporary:
        temporary.write_text(text)
    ```

    The temporary path has the name of `path`, for libraries that choose the format by it, and is in
    a hidden folder beside it, see `work_folders`. It may become a file or a folder. If the block
    raises, it is removed and `path` is unchanged. Missing parent folders are created. If `path` is
    a link, its target, which may have any name, is replaced and the link remains. The mode of a
    replaced file is kept, and its owner if permitted. If two processes replace the same folder at
    the same time, the result is the complete folder of one of them. Errors of the system, also
    those wrapped by a library, become `NotWritten`. With `tidy`, work folders that dead processes
    have left beside it are removed, which reads the whole parent folder.
    """
    path = expanded(path)
    temporary = None
    try:
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with work_folders.opened(target.parent) as (new, replaced):
            temporary = new / (path if path.is_symlink() else target).name
            yield temporary
            _keep_modes(target, temporary)
            if temporary.is_dir():
                # Under the name of the target, for who completes this if the process dies.
                _swap_folders(temporary.rename(new / target.name), target, replaced)
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
    """The target of a path after resolving links; it need not exist."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        kind = None  # or a link to a missing target
    target = pathlib.Path(os.path.realpath(path))
    if kind is not None and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise OSError(errno.ENODEV, "", str(path))  # a device must not become a file
    if holds(target, lambda path: not os.access(path, os.W_OK)):
        raise OSError(errno.EROFS if _is_read_only(target) else errno.EACCES, "", str(path))
    return target


def holds(path, condition):
    """Whether there is a file or folder at a path of which a condition, a function of it, holds."""
    # Another process may replace it meanwhile, so compare it before and after.
    while (was := identity(path)) is not None and condition(path):
        if identity(path) == was:
            return True
    return False


def _is_read_only(path):
    """Whether a path is of a file system that nothing can be written to."""
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def identity(path):
    """What changes when another file or folder takes this path; `None` if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _keep_modes(old, new):
    """Copy the modes and owners of `old` to `new`, recursively."""
    for path in (new, *new.rglob("*")):
        with contextlib.suppress(OSError):
            was = os.lstat(old / path.relative_to(new))
            if path.is_symlink() or stat.S_ISLNK(was.st_mode):
                continue
            now, owner = os.stat(path), (was.st_uid, was.st_gid)
            if hasattr(os, "chown") and owner != (now.st_uid, now.st_gid):
                with contextlib.suppress(PermissionError):
                    os.chown(path, *owner)
            os.chmod(path, stat.S_IMODE(was.st_mode))


class NotWritten(OSError):
    """The file system refused to write, by an error number; an existing file is unchanged."""

    def __init__(self, number, path):
        super().__init__(number, os.strerror(number), str(path))

    def __str__(self):
        return _checks.sentence(
            f"The path must be one that can be written to, but the system says: {self.strerror}.",
            path=self.filename,
            cure=f"What is there is unchanged. {cure(self.errno)}",
        )


def cure(number):
    """A sentence on what to do about an error number of the file system."""
    ways = {errno.EISDIR: "Name a file in it"}
    ways |= dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free some space")
    ways |= dict.fromkeys((errno.EACCES, errno.EPERM), "Permit writing to it and to its folder")
    return f"{ways[number]}, or choose another path." if number in ways else "Choose another path."


_REFUSALS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENOENT),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENODEV),
)


def _refusal(error, temporary):
    """The system's error number behind an exception, or `None`.

    Before there is a `temporary` path, all errors are the system's.
    """
    if isinstance(error, OSError) and error.errno is not None:
        named = temporary is not None and error.filename is not None
        return None if named and not _is_about(error.filename, temporary) else error.errno
    # HDF5 and TensorFlow raise their own errors, whose text contains the system's message.
    text = str(error)
    told = (n for n in _REFUSALS if os.strerror(n) in text and str(temporary) in text)
    return next(told, None)


def _is_about(path, temporary):
    """Whether a path is the temporary one, inside it, or a parent folder of it."""
    path = pathlib.Path(os.fsdecode(path))
    return temporary in (path, *path.parents) or path in temporary.parents


_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST)


def _swap_folders(new, path, replaced):
    """Rename a folder to a path; an existing folder is moved into the folder `replaced` first.

    A folder that is not empty cannot be replaced in one call. If the process dies between the two
    calls, `work_folders.remove_dead` completes them. Another process may do the same concurrently.
    """
    for number in itertools.count():
        try:
            return os.replace(new, path)
        except OSError as error:
            # By its error number, since the other folder may be gone by now.
            if error.errno not in _OCCUPIED and not path.is_dir():
                last = max(replaced.iterdir(), key=lambda folder: int(folder.name), default=None)
                if last is not None and not os.path.lexists(path):
                    os.replace(last, path)  # put it back
                raise
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, replaced / str(number))


def remove(path):
    """Remove a file or a folder if it exists."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def expanded(path):
    """A path, of text or bytes, as a `pathlib.Path` with the home folder in place of `~`."""
    return pathlib.Path(os.path.expanduser(os.fsdecode(path)))


def check_unicode(path, name):
    """Check that the path of an argument is Unicode, which TensorFlow needs."""
    try:
        os.path.realpath(expanded(path)).encode()
    except UnicodeEncodeError:
        raise _checks.error(
            f"`{name}` must be of Unicode characters: TensorFlow writes to no other path.",
            cure="Rename its folders, or choose another path.",
            **{name: os.fsdecode(path)},
        ) from None


def folder_path(value, name, *, optional=False):
    """An argument that names a folder, as a `pathlib.Path` (or `None`, if that is allowed)."""
    allowed = value is None and optional
    _checks.check(
        allowed or (isinstance(value, (str, bytes, os.PathLike)) and os.fsdecode(value)),
        f"`{name}` must be a folder's path{' or None' if optional else ''}.",
        **{name: value},
    )
    return None if value is None else expanded(value)


def writable_directory(path, name="directory"):
    """The folder of an argument as a `pathlib.Path`, created and checked to be writable.

    Unfinished files of this package from dead processes are removed.
    """
    folder = expanded(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with work_folders.opened(folder):
            pass
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a folder that can be written to. Received: {name}={str(path)!r} "
            f"({error.strerror or error}). {cure(error.errno)}"
        ) from error
    work_folders.remove_dead(folder)
    return folder
