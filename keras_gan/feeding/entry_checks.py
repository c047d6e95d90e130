"""Checks of one entry: whole numbers, images, other numbers, and their shape."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import labels, shapes, values


def reshaped(array, rule, name, form):
    """An array in the form that the input takes: single numbers as a column, or none.

    Args:
        array: NumPy array.
        rule: an `entries.EntrySpec` without `None`, as in all functions here.
        name: name of the array in errors.
        form: `cures.Form` of it.
    """
    shape = fitted(array.shape, rule.shape)
    array = array if shape == array.shape else array.reshape(shape)  # the same where it fits
    check_shape(array.shape, rule, name, form)
    return array


def checked(array, rule, name, form, warn):
    """Check the values; returns them as whole numbers, uint8 or float32."""
    if rule.is_whole:
        return _whole(array, rule, name, form)
    if not _is_compact(array, rule):
        options = {"reach": rule.reach, "warn": warn, "entry": rule.name}
        return values.checked(array, rule.is_image, name, form, **options)
    found = array.astype("uint8", copy=False)
    if not rule.is_values:
        values.check_codes(int(found.max()), name, form)
    if rule.reach is not None:
        extremes = float(found.min()), float(found.max())
        values.check_reach(found, extremes, False, False, name, form, rule.reach, array.dtype)
    return found


def typed(array, rule, name, form):
    """Check only the type, and classes."""
    if rule.is_whole:
        return _whole(array, rule, name, form)
    if _is_compact(array, rule):
        return array.astype("uint8", copy=False)
    return values.typed(array, rule.is_image, name, form)


def _is_compact(array, rule):
    """Whether these are numbers in bytes or booleans; they become floats inside the graph."""
    small = array.dtype.kind == "b" or array.dtype == np.uint8
    return small and not rule.is_image and (array.ndim > 2 or rule.is_values)


def _whole(array, rule, name, form):
    check_whole(array.dtype, rule, name, form, array)
    if rule.num_classes is not None:
        unknown = rule.allow_unknown
        labels.check_range(array, rule.num_classes, name, form, allow_unknown=unknown)
    elif array.dtype.kind != "b":
        low, high = rule.bounds()
        _checks.check(
            low <= array.min() and array.max() <= high,
            f"`{name}` must be whole numbers from {low} to {high}, since its input takes "
            f"{rule.dtype.name}.",
            minimum=int(array.min()),
            maximum=int(array.max()),
        )
    return array.astype(rule.dtype.as_numpy_dtype, copy=False)


def check_whole(dtype, rule, name, form, array=None):
    """Check the NumPy type of an entry of whole numbers; `array` are the values, if known."""
    if rule.num_classes is not None:
        labels.check_type(dtype, name, form, array)
        return
    known = array is not None and dtype.kind == "f"
    finite = not known or np.isfinite(array).all()
    whole = not known or finite and labels.are_indices(array)
    code = form.samples("{}.astype('int32')", "tf.cast({}, 'int32')")
    _checks.check(
        dtype.kind in "bui",
        f"`{name}` must be whole numbers, since its input takes {rule.dtype.name}.",
        cure=f"Use {code} if they are whole numbers." if whole and dtype.kind != "c" else None,
        dtype=str(dtype),
        **({} if finite else {"not_finite": int((~np.isfinite(array)).sum())}),
    )


def check_shape(shape, rule, name, form):
    """Check the shape of a batch, `None` for unknown sizes."""
    if rule.shape is None:
        return
    if rule.num_classes is not None and rule.is_whole and rule.shape in ((), (1,)):
        labels.check_shape(tf.TensorShape(shape), name, form)
    shapes.check(shape, rule.shape, name, form, taker=rule.taker, otherwise=_cure_of_shape)


def _cure_of_shape(got, wanted, form):
    if len(wanted) == 1 and got == () and wanted[0] is not None:
        code = form.samples(f"np.eye({wanted[0]})[{{}}]", f"tf.one_hot({{}}, {wanted[0]})")
        return f"If they are classes, make them one-hot: {code}."
    if wanted == ():
        return "Give one number for each row."
    if form.asked:
        return f"Give a row of the shape {wanted} for each sample, or one for all."
    return (
        f"Build the network that takes it for `keras.Input({got})`. A critic's network takes "
        "`real`, then `condition`, in the order of their names."
    )


def fitted(shape, wanted):
    """The shape of a batch of single numbers, in the form that the input takes."""
    shape = tuple(shape)
    if wanted == () and len(shape) == 2 and shape[1] in (1, None):
        return shape[:1]
    return (*shape, 1) if wanted == (1,) and len(shape) == 1 else shape
