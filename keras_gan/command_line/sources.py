"""Data and models by the names that the command line gives them."""

import contextlib
import shlex

import numpy as np

from keras_gan import _checks, data
from keras_gan.storage import files, loadable

# The model of a run in its folder, and the options that it was begun with.
MODEL, RUN = "gan.keras", "run.json"
# Entries of `.npz` files that are samples and labels; `np.savez(path, array)` names one "arr_0".
_SAMPLES, _LABELS = ("samples", "images", "x_train", "x", "arr_0"), ("labels", "y_train", "y")


# The kinds of data, and of each option of reading, the kind that it is for and why for no other.
_FOLDER, _ARRAYS, _DATA_SET = "a folder", "arrays", "a data set"
_OPTIONS = {
    "image_size": ((_FOLDER, _DATA_SET), "Arrays are not scaled."),
    "channels": (
        (_FOLDER,),
        "Only images of a folder are read with other channels than they have.",
    ),
    "split": ((_DATA_SET,), "Only data sets of TensorFlow Datasets have splits."),
}


_IN_OPTIONS = {
    "`labels=True`": "`--labels`",
    "use `labels=False`": "leave out `--labels`",
    "Use `labels=False`": "Leave out `--labels`",
}


def read(source, image_size, channels, labels, split, batch_size, seed):
    """Data by the name of a folder, a file or a data set: `(data, labels or None)`."""
    path, kind = files.expanded(source), _kind(source)
    shared = {"batch_size": batch_size, "seed": seed, "labels": labels, "image_size": image_size}
    if kind == _FOLDER:
        _checks.check(
            image_size is not None,
            "A folder of images needs the side that they are scaled to.",
            cure="Pass `--image-size 64`.",
            source=source,
        )
        with _in_options():
            return data.from_folder(path, channels=channels or 3, **shared), None
    if kind == _DATA_SET:
        try:
            with _in_options():
                return data.from_tfds(source, split=split or "train", **shared), None
        except ValueError as error:
            raise ValueError(
                f"There is no folder or file {source!r}, so that it must be the name of a data set "
                f"of TensorFlow Datasets. {error}"
            ) from error
    if path.suffix:
        return _arrays(path, labels)
    found = data.digits(labels=labels)
    return found if labels else (found, None)


@contextlib.contextmanager
def _in_options():
    """Tell errors about labels in options of the command, in place of arguments in Python."""
    try:
        yield
    except ValueError as error:
        told = str(error)
        for words, option in _IN_OPTIONS.items():
            told = told.replace(words, option)
        raise ValueError(told) from error


def read_classes(source, class_names, num_classes, **reading):
    """Data as of `read`, with labels where they have the classes of a model: `(data, bool)`."""
    try:
        real, labels = read(source, labels=True, **reading)
    except ValueError:  # they have no labels; all else that is wrong `read` tells again
        return read(source, labels=False, **reading)[0], False
    names = getattr(real, "class_names", None)
    if names and (list(names) != list(class_names or names) or len(names) != num_classes):
        return read(source, labels=False, **reading)[0], False
    return (real if labels is None else (real, labels)), True


def check_options(source, **options):
    """Check that each option of reading that is given is one for data of this kind.

    Args:
        source: name of the data.
        **options: values by the names of arguments of `read`, `None` if they are not given.

    Raises:
        ValueError: for an option that would be ignored.
    """
    kind = _kind(source)
    for name, value in options.items():
        kinds, rule = _OPTIONS[name]
        cure = f"Leave out `--{name.replace('_', '-')}`."
        _checks.check(value is None or kind in kinds, rule, cure=cure, **{name: value})


def _kind(source):
    """Which kind of data a name is for."""
    path = files.expanded(source)
    if source and path.is_dir():
        return _FOLDER
    if path.suffix in (".npy", ".npz") or source == "digits":
        return _ARRAYS
    _checks.check(
        source and not path.suffix and "/" not in source.partition(":")[0],
        "The data must be a folder, an `.npy` or `.npz` file, or the name of a data set.",
        source=source,
    )
    return _DATA_SET


def _arrays(path, labels):
    """Samples, and labels if they are asked for, of a file of NumPy."""
    _checks.check(path.is_file(), "The file of the data must exist.", source=str(path))
    with _reading(path):
        found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        _checks.check(not labels, "An `.npy` file has no labels.", cure="Use `.npz`.")
        return found, None
    with found:
        samples = _entry(found, path, "images", _SAMPLES)
        classes = _entry(found, path, "labels", _LABELS) if labels else None
        with _reading(path):
            return found[samples], found[classes] if labels else None


def _entry(found, path, name, known):
    """The name of the entry with the samples, or the labels, of a file."""
    names = list(found.files)
    chosen = [each for each in known if each in names]
    _checks.check(
        bool(chosen),
        f"The file has no entry `{name}` (or {', '.join(n for n in known if n != name)}).",
        cure=f"Save it by that name: `np.savez({path.name!r}, {name}=...)`.",
        found=names,
    )
    return chosen[0]


@contextlib.contextmanager
def _reading(path):
    """Say which file cannot be read."""
    try:
        yield
    # Damaged files make NumPy raise nearly anything: EOFError, BadZipFile, zlib.error.
    except Exception as error:
        raise _checks.error(
            f"The file must be one of `np.save` or `np.savez`, of numbers ({error}).",
            source=str(path),
        ) from error


def model(path):
    """The model of a `.keras` file, or of the folder of a run."""
    place = files.expanded(path)
    if path and place.is_dir():
        is_run, place = (place / RUN).is_file(), place / MODEL
        _checks.check(
            place.is_file() or not is_run,
            f"The run in this folder has no {MODEL}: it was interrupted, or still trains.",
            cure=f"Once nothing trains in it, go on with {command('resume', path)}.",
            model=path,
        )
    _checks.check(
        place.is_file() and place.suffix == ".keras",
        f"`model` must be a `.keras` file, or the folder of a run with a {MODEL}.",
        model=path,
    )
    return loadable.load(place)


def command(name, folder):
    """A command on a folder as it can be typed into a shell, for a sentence."""
    return f"`keras-gan {name} {shlex.quote(folder)}`"
