"""Conversion of lists, tensors and tables to NumPy arrays, and of whole numbers to int64."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import tables

# Maximum number of shapes that an error lists.
_NAMED = 3


def array(values, name):
    """`values` as a NumPy array of numbers, without copies if possible.

    Args:
        values: array, tensor, data frame, or list of samples of one shape.
        name: what it is called in errors.

    Raises:
        ValueError: for samples of different shapes, and for values that are not numeric.
    """
    if tables.is_table(values):
        return tables.array(values, name)
    if hasattr(values, "detach"):  # a tensor of PyTorch
        values = values.detach().cpu().numpy()
    _checks.check(
        not np.ma.is_masked(values),
        f"`{name}` must not have masked values.",
        cure=f"Put a number in their place: `{name}.filled(0)`.",
        masked=int(np.ma.count_masked(values)) if np.ma.isMaskedArray(values) else 0,
    )
    try:
        found = np.asarray(values)
        if found.dtype == object and found.ndim:  # an array of arrays, or of numbers
            found = np.asarray(found.tolist() if found.ndim > 1 else np.stack(found))
    except (TypeError, ValueError):
        raise ValueError(_complaint(values, None, name)) from None
    if found.dtype == np.longdouble:  # which TensorFlow does not know
        found = found.astype("float64")
    if not _are_numbers(found.dtype):
        raise ValueError(_complaint(values, found, name))
    small = found.dtype.kind == "V" and tf.as_dtype(found.dtype).is_integer
    return found.astype("int8") if small else found  # of two or four bits


def _are_numbers(dtype):
    try:
        return dtype.kind not in "OSUMm" and tf.as_dtype(dtype) is not None
    except TypeError:
        return False


def in_64_bits(tensor):
    """Whole numbers as int64, because an overflow to 32 bits could give a valid class."""
    if tensor.dtype == tf.uint64:  # whose upper half would become negative
        tensor = tf.minimum(tensor, tf.int64.max)
    return tf.cast(tensor, "int64")


def _complaint(values, found, name):
    rule = f"`{name}` must be an array of numbers, all samples of one shape."
    shapes = _shapes(values) if isinstance(values, (list, tuple, np.ndarray)) else []
    if len(shapes) > 1:
        size = shapes[0][:2]
        images = all(len(shape) == 3 for shape in shapes)
        cure = f"keras.ops.image.resize(image, {size})"
        return _checks.sentence(
            rule,
            cure=f"Bring them to one size: `np.stack([{cure} for image in {name}])`."
            if images
            else None,
            **{name: type(values).__name__},
            shapes=", ".join(map(str, shapes[:_NAMED])) + (", ..." if shapes[_NAMED:] else ""),
        )
    received = {name: type(values).__name__}
    if found is not None:
        received["dtype"] = str(found.dtype)
    cure = None
    if found is not None and found.dtype.names and found.ndim == 1:
        cure = f"Use `np.stack([{name}[n] for n in {name}.dtype.names], -1)`."
    elif found is not None and found.dtype.kind in "US":
        cure = (
            "Read files of images by `keras_gan.data.from_folder(path, image_size=...)`. Give a "
            "table with words as a data frame, whose error has the code that makes numbers of them."
        )
    return _checks.sentence(rule, cure=cure, **received)


def _shapes(values):
    """The distinct shapes of the samples in a list, in their order."""
    try:
        return list(dict.fromkeys(tuple(np.shape(value)) for value in values))
    except (TypeError, ValueError):
        return []
