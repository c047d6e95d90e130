"""Reals of a metric's reference: an array, or an iterable of batches."""

import numpy as np

from keras_gan import _checks
from keras_gan.backend import inspection
from keras_gan.feeding import readers, sample_spec


def array(real):
    """An array of reals, or the batches of an iterable as one, checked."""
    parts = list(batches(real, None))
    _checks.check(bool(parts), "`real` must not be empty.", batches=0)
    return np.concatenate(parts)


def batches(real, batch_size, choose=lambda real: real):
    """Checked batches of an array, or of an iterable of batches, as NumPy arrays.

    Args:
        real: array, list of samples, `(samples, labels)`, or iterable of batches of either.
        batch_size: of arrays; `None` for all at once.
        choose: takes those of an array that are wanted.
    """
    if isinstance(real, tuple):
        real = sample_spec.unpack(real)[0]
    # A list of vectors or images is one of samples; any other is one of batches.
    shapes = map(np.shape, real) if isinstance(real, list) else [()]
    are_samples = all(len(shape) < 2 or inspection.is_image(shape) for shape in shapes)
    if hasattr(real, "shape") or isinstance(real, list) and are_samples:
        real = choose(sample_spec.checked(real, "real"))
        for start in range(0, len(real), batch_size or len(real)):
            yield real[start : start + (batch_size or len(real))]
        return
    _checks.check(
        hasattr(real, "__iter__") and not isinstance(real, (str, dict)),
        "`real` must be an array of samples, or an iterable of batches.",
        real=type(real).__name__,
    )
    some = "real.take(batches)" if hasattr(real, "take") else "itertools.islice(real, batches)"
    readers.check_end(real, "real", f"Give a number of its batches: `{some}`.")
    for number, batch in enumerate(real):
        samples = sample_spec.unpack(batch)[0]
        yield sample_spec.checked(samples, "real", warn=number == 0)
