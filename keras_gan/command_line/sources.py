"""Data and models by the names that the command line gives them."""

import keras
import numpy as np

from keras_gan import _checks, data
from keras_gan.storage import files

# The model of a run in its folder.
MODEL = "gan.keras"
# Entries of `.npz` files that are samples and labels.
_SAMPLES, _LABELS = ("samples", "images", "x_train", "x"), ("labels", "y_train", "y")


def read(source, image_size, channels, labels, split, batch_size, seed):
    """Data by the name of a folder, a file or a data set: `(data, labels or None)`."""
    path = files.expanded(source)
    shared = {"batch_size": batch_size, "seed": seed, "labels": labels}
    if path.is_dir():
        _checks.check(
            image_size is not None,
            "A folder of images needs the side that they are scaled to.",
            cure="Pass `--image-size 64`.",
            source=source,
        )
        return data.from_folder(path, image_size=image_size, channels=channels, **shared), None
    is_file = path.suffix in (".npy", ".npz")
    _checks.check(
        image_size is None or not (is_file or source == "digits"),
        "Arrays are not scaled.",
        cure="Leave out `--image-size`.",
        image_size=image_size,
    )
    if is_file:
        return _arrays(path, labels)
    if source == "digits":
        found = data.digits(labels=labels)
        return found if labels else (found, None)
    _checks.check(
        not path.suffix and "/" not in source.partition(":")[0],
        "The data must be a folder, an `.npy` or `.npz` file, or the name of a data set.",
        source=source,
    )
    return data.from_tfds(source, split=split, image_size=image_size, **shared), None


def _arrays(path, labels):
    """Samples, and labels if they are asked for, of a file of NumPy."""
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        _checks.check(not labels, "An `.npy` file has no labels.", cure="Use `.npz`.")
        return found, None
    with found:
        names = list(found.files)
        known = [[name for name in wanted if name in names] for wanted in (_SAMPLES, _LABELS)]
        samples = known[0][:1] or (names if len(names) == 1 else [])
        _checks.check(
            bool(samples) and (not labels or bool(known[1])),
            f"The file must have samples under one of {', '.join(_SAMPLES)}, and labels, if asked "
            f"for, under one of {', '.join(_LABELS)}.",
            names=names,
        )
        return found[samples[0]], found[known[1][0]] if labels else None


def model(path):
    """The model of a `.keras` file, or of the folder of a run."""
    place = files.expanded(path)
    place = place / MODEL if place.is_dir() else place
    _checks.check(
        place.is_file(),
        f"`model` must be a `.keras` file, or the folder of a run with a {MODEL}.",
        model=path,
    )
    return keras.saving.load_model(place)
