"""The image files of a folder, and the formats to read them with."""

import collections
import functools
import os

from keras_gan import terminal

# Formats that are tried for every suffix, because suffixes of pictures from the web are often
# wrong. Each has a signature.
_SNIFFED = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "QOI")
# Formats that Pillow does not decode by itself. For "EPS" it would run Ghostscript, which is unsafe
# for files of unknown origin.
_EXCLUDED = ("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF")
# Image formats that the installed Pillow may not support.
_UNKNOWN = (".avif", ".cr2", ".dng", ".heic", ".heif", ".jxl", ".nef", ".raw", ".svg")
# Files and folders of operating systems, besides hidden ones.
_JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")

# Files that describe images, which are skipped silently.
_COMPANIONS = (".csv", ".html", ".json", ".jsonl", ".md", ".rst", ".tsv", ".txt", ".xml", ".yaml")

# Paths of images and of other files but texts and tables, sorted by their parts; names of folders
# that cannot be opened. Paths are strings: objects of `pathlib` take ten times as long to make.
Listing = collections.namedtuple("Listing", ["images", "others", "closed"])


@functools.cache
def suffixes():
    """The suffixes of pictures: `dict` to the name of Pillow's format, or `None`."""
    from PIL import Image

    Image.init()
    known = {
        suffix: name
        for suffix, name in Image.registered_extensions().items()
        if name not in _EXCLUDED and (name in Image.OPEN or name == "MPO")
    }
    return {**dict.fromkeys(_UNKNOWN), **known}


def formats(file):
    """The names of Pillow's formats as which a file, a path or encoded bytes, may be read."""
    own = None if isinstance(file, bytes) else suffixes().get(_suffix(file))
    # Formats without a signature are tried only if the suffix matches.
    return _SNIFFED if own in (None, "MPO", *_SNIFFED) else (*_SNIFFED, own)


def listing(root):
    """The files of a folder and its subfolders without hidden ones: a `Listing`."""
    images, others, closed = [], [], []
    shown = terminal.bar("Listing files", unit="files")
    for path in _files(os.fspath(root), closed):
        if _is_image(path):
            images.append(path)
        elif _suffix(path) not in _COMPANIONS:
            others.append(path)
        if shown is not None:
            shown.update()
    if shown is not None:
        shown.close()
    return Listing(images, others, [os.path.relpath(folder, root) for folder in closed])


def _files(root, closed):
    """The paths of all files in a folder, sorted by their parts; `closed` takes closed folders."""
    seen, waiting = set(), [iter([root])]
    while waiting:
        # A folder comes at the place of its name, so that nothing has to be sorted afterwards.
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
        elif isinstance(path, os.DirEntry) and not _is_folder(path):
            yield path.path
        else:
            real = os.path.realpath(path)
            if real not in seen:  # links may form cycles
                seen.add(real)
                waiting.append(iter(_entries(os.fspath(path), closed)))


def _entries(folder, closed):
    """What is in a folder, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if not _is_hidden(entry.name)),
                key=lambda entry: entry.name,
            )
    except OSError:
        closed.append(folder)
        return []


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # a link to what may not be looked at
        return False


def _is_image(path):
    """Whether a file is an image by its suffix or first bytes; it may still be damaged."""
    if _suffix(path) in suffixes():
        return True
    from PIL import Image

    if not os.path.isfile(path):  # reading a pipe would block
        return False
    try:
        with Image.open(path, formats=_SNIFFED):
            return True
    except Exception:  # Pillow may raise anything for other files
        return False


def names(files, root):
    """The names of files in a folder, as paths from there."""
    start = len(os.path.join(root, ""))
    return [file[start:] for file in files]


def first_folders(names):
    """The first folder of each of `names`, paths in a folder; `None` for those directly in it."""
    parts = (name.split(os.sep, 1) for name in names)
    return [part[0] if len(part) > 1 else None for part in parts]


def _suffix(path):
    return os.path.splitext(os.fspath(path))[1].lower()


def _is_hidden(name):
    return name.startswith(".") or name in _JUNK
