"""Which files in a folder a `ConvergenceStopping` of an earlier run has written."""

from keras_gan import convergence, images
from keras_gan.callbacks import _report
from keras_gan.storage import files


def file_names(names=()):
    """The names of all files of a run, given the names of the pairs but the first."""
    pairs = (None, *names)
    # Plots first: those of earlier versions are known by the signals beside them.
    return [
        *(_report.file_name(name, pair) for pair in pairs for name in _report.FILES[:0:-1]),
        _report.FILES[0],
    ]


def is_own(path):
    """Whether a file of one of these names was written by a run of this package."""
    if path.name == _report.FILES[0]:
        return _is_read(path, convergence.Verdict.from_json)
    if path.suffix == ".json":
        return _is_read(path, _report.history_of)
    if images.comment_of(path) == _report.COMMENT:
        return True
    # Of an earlier version.
    return _is_plot(path) and _is_read(path.with_suffix(".json"), _report.history_of)


def remove_earlier(directory, names=()):
    """Remove the files of an earlier run, which could be mistaken for this run's.

    Args:
        directory: folder.
        names: of the pairs but the first.
    """
    for name in file_names(names):
        if is_own(directory / name):
            files.remove(directory / name)


def _is_read(path, parse):
    try:
        return bool(parse(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _is_plot(path):
    """Whether a file is a plot of Matplotlib."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get("Software", "").startswith("Matplotlib")
    except Exception:  # damaged files make Pillow raise nearly anything
        return False
