"""Data sets from arrays."""

from keras_gan import _checks
from keras_gan.feeding import class_names as names
from keras_gan.feeding import sources
from keras_gan.feeding.entries import plain


@_checks.suggesting
def from_arrays(samples, labels=None, *, batch_size=None, shuffle=True, seed=0, class_names=None):
    """A data set of arrays in memory.

    Args:
        samples: array `(n, ...)` of at least two axes: images, vectors or sequences. `uint8` of
            more than two axes are pixels, and stay `uint8`; all other numbers become `float32`.
            Images (three axes a sample, the last one 1, 3 or 4) must be `uint8`, `bool` (black and
            white), or floats in [-1, 1]. Or, for `AdversarialModel`, a `dict` of named arrays of
            one length: floats become `float32`, all else keeps its type, and `fit` checks each by
            the input that takes it.
        labels: `None`, or class indices from 0 on: integers `(n,)` or `(n, 1)`.
        batch_size: samples of one update. Defaults to 64, to 32 of images from 48 pixels a side on,
            and to 16 from 96 on.
        shuffle: whether each pass has its own order. Defaults to `True`.
        seed: non-negative integer seed of the order. Defaults to 0.
        class_names: list of the classes' names by index. Defaults to `None`.

    Returns:
        A finite `tf.data.Dataset` with `len()` of batches of samples, of `(samples, labels)`,
        labels being `int32`, or of dicts. Its attribute `class_names` is what was given; `take`,
        `skip`, `batch` and so on keep it, and `fit` gives it to the model. Each iterator makes one
        pass; its last batch may be short. `fit` reads `dataset.source` instead, in full batches
        and from any step on, which is what lets a run resume with the exact batch.

    Raises:
        ValueError: for arrays that are empty, do not fit each other, or hold values that cannot be
            trained on.

    Example:
        ```python
        gan.fit(keras_gan.data.from_arrays(images, labels, batch_size=32), epochs=10)
        ```
    """
    if isinstance(samples, dict):
        _checks.check(
            labels is None and class_names is None,
            "With a dict, `labels` and `class_names` must be left out.",
            cure="Put the labels into the dict.",
            labels=None if labels is None else "given",
            class_names=class_names,
        )
        arrays = plain(samples, "samples")
        return sources.ArraySource(arrays, shuffle=shuffle, seed=seed, check=False).dataset(
            batch_size
        )
    source = sources.ArraySource(samples, labels, shuffle=shuffle, seed=seed)
    source.class_names = _checked_names(class_names, source.labels)
    return source.dataset(batch_size)


def _checked_names(class_names, labels):
    class_names = names.checked(class_names, None)
    classes = 0 if labels is None else int(labels.max()) + 1
    _checks.check(
        class_names is None or 0 < classes <= len(class_names),
        "`class_names` must hold one name for each class of `labels`.",
        class_names=class_names,
        classes=classes,
    )
    return class_names
