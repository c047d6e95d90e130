"""The image files of a folder, and the formats to read them with."""

import collections
import functools
import os
import pathlib

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
# that cannot be opened.
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
    images, others, closed, seen = [], [], [], set()

    def note(error):
        closed.append(os.path.relpath(error.filename, root))

    for folder, folders, names in os.walk(root, onerror=note, followlinks=True):
        real = os.path.realpath(folder)
        # Links may form cycles.
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for path in (pathlib.Path(folder, name) for name in names if not _is_hidden(name)):
            if _is_image(path):
                images.append(path)
            elif _suffix(path) not in _COMPANIONS:
                others.append(path)
    images.sort(key=lambda path: path.parts)
    others.sort(key=lambda path: path.parts)
    return Listing(images, others, closed)


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


def _suffix(path):
    return os.path.splitext(os.fspath(path))[1].lower()


def _is_hidden(name):
    return name.startswith(".") or name in _JUNK
