"""Checks of labels: one class index per sample."""

import numpy as np

from keras_gan import _checks
from keras_gan.feeding import conversion, tables
from keras_gan.feeding.cures import Form

# Above this number, values are not class indices.
_MANY = 1_000_000
_INT32 = 2**31


def checked(
    labels, num_samples, num_classes=None, *, name="labels", form=None, allow_unknown=False
):
    """Labels as an int32 NumPy array `(n,)`.

    Args:
        labels: whole numbers from 0 on, `(n,)` or `(n, 1)`.
        num_samples: required number of labels.
        num_classes: number of classes, `None` if unknown.
        name: name of the labels in errors.
        form: `Form` of the data that cures refer to; default: that of `labels`.
        allow_unknown: whether numbers below 0 are allowed, for samples of unknown class.

    Raises:
        ValueError: for invalid labels.
    """
    form = form or Form.of(labels, name)
    labels = array(labels, name, form)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    _checks.check(
        labels.ndim == 1 and len(labels) == num_samples,
        f"`{name}` must have one class index for each sample.",
        cure=lambda: _cure_of_shape(labels, form),
        labels_shape=labels.shape,
        num_samples=num_samples,
    )
    check_type(labels.dtype, name, form, labels)
    check_range(labels, num_classes, name, form, allow_unknown=allow_unknown)
    return labels.astype("int32", copy=False)


def check_range(labels, num_classes, name, form, *, allow_unknown=False):
    """Check that integers of any shape are class indices, see `checked`."""
    low, high = int(labels.min()), int(labels.max())
    most = num_classes or _INT32
    unknown = ", or -1 where the class is unknown" if allow_unknown else ""
    _checks.check(
        (allow_unknown or low >= 0) and high < most,
        f"`{name}` must be class indices from 0 {f'to {most - 1}' if num_classes else 'on'}"
        f"{unknown}.",
        cure=lambda: _cure_of_range(
            labels[labels >= 0] if allow_unknown else labels, num_classes, form
        ),
        minimum=low,
        maximum=high,
    )


def check_type(dtype, name, form, labels=None):
    """Check that a NumPy type is an integer type; `labels` are the values, if known."""
    known = labels is not None and dtype.kind == "f"
    bad = np.flatnonzero(~np.isfinite(labels)) if known else ()
    whole = not known or not len(bad) and are_indices(labels)

    def cure():
        if len(bad):
            rows = form.labels("np.isfinite({})", "tf.math.is_finite({})")
            return f"Leave out the samples without a class, and keep those of {rows}."
        complex_ones = dtype.kind == "c"
        if dtype.kind in "OSU" or labels is not None and (complex_ones or not whole):
            return f"Number the classes: {_numbered(form)}."
        if complex_ones:
            return None
        code = form.labels("{}.astype('int32')", "tf.cast({}, 'int32')")
        return f"Use {code} if they are class indices."

    rule = f"`{name}` must be integers{', but some are NaN or infinite' if len(bad) else ''}."
    received = {"not_finite": len(bad), "first": int(bad[0])} if len(bad) else {}
    _checks.check(dtype.kind in "ui", rule, cure=cure, dtype=str(dtype), **received)


def are_indices(numbers):
    """Whether finite floats are whole numbers that int32 holds."""
    return bool((numbers % 1 == 0).all() and (np.abs(numbers) < _INT32).all())


def check_shape(shape, name, form):
    """Check the shape of a data set's batches of labels, if known."""
    _checks.check(
        shape.rank in (None, 1) or shape.rank == 2 and shape[1] in (None, 1),
        f"`{name}` must have one class index for each sample.",
        cure=_one_hot_cure(form),
        labels_shape=tuple(shape) if shape.rank is not None else None,
    )


def array(labels, name, form):
    """Labels as a NumPy array of numbers; names of classes are refused with a cure."""
    try:
        return conversion.array(labels, name)
    except ValueError:
        if tables.is_table(labels):
            raise
        words = np.asarray(labels, dtype=object)
        one_each = words.ndim == 1 or words.ndim == 2 and words.shape[1] == 1
        if not one_each or not all(isinstance(word, (str, bytes)) for word in words.ravel()):
            raise
    check_type(np.asarray(labels).dtype, name, form)


def _numbered(form):
    """Code that converts names of classes to indices."""
    if form.kind == "dataset":
        return (
            "`keras.layers.StringLookup(vocabulary=class_names, num_oov_indices=0)`, applied to "
            f"the labels in `{form.name}.map`"
        )
    if form.kind == "batches":
        return "those of all batches alike, from 0 on"
    name = form.name if form.kind == "array" else f"np.asarray({form.name})"
    return f"`np.unique({name}, return_inverse=True)[1]`"


def _one_hot_cure(form):
    return f"If they are one-hot, use {form.labels('{}.argmax(-1)', 'tf.argmax({}, -1)')}."


def _cure_of_shape(labels, form):
    if labels.ndim == 1:
        return None
    ones = labels == 1
    if labels.ndim == 2 and (ones.sum(1) == 1).all() and ((labels == 0) | ones).all():
        return _one_hot_cure(form)
    return "A sample has one class: choose one for each, or train without labels."


def _cure_of_range(labels, num_classes, form):
    if form.asked:
        return None
    low, high, classes = int(labels.min()), int(labels.max()), len(np.unique(labels))
    if low >= 1 and high == num_classes:
        return f"Count classes from 0: {form.labels('{} - 1')}."
    if high >= _MANY:
        return f"Number the classes from 0 to {num_classes - 1}." if num_classes else None
    if num_classes is not None and (classes > num_classes or form.is_dataset and low >= 0):
        return f"Build the networks with `num_classes={max(high + 1, classes)}`."
    if form.is_dataset:
        return f"Count classes from 0: {form.labels(f'{{}} + {-low}')}."
    return f"Number the classes from 0: {_numbered(form)}."
