"""What to do about bad data, as code for the very thing that was given.

Code that helps an array fails on a list, a tensor or a `tf.data.Dataset`. So each cure is written
once for NumPy and once for TensorFlow, and is worded for what the user holds.
"""

import math

import numpy as np
import tensorflow as tf

NO_WEIGHTS = (
    "Samples have no weights. To show some more often than others, draw them by theirs: "
    "`x[np.random.default_rng(0).choice(len(x), len(x), p=weights / weights.sum())]`."
)


class Form:
    """What data came as.

    Args:
        kind: "array", "list" (whatever else NumPy makes an array of), "tensor", "dataset" or
            "batches" (of something that is read in Python).
        name: the variable that cures are about, an expression in the user's code.
        labelled: whether a data set yields labels, too.
    """

    def __init__(self, kind, name, *, labelled=False):
        self.kind = kind
        self.name = name
        self.labelled = labelled

    @classmethod
    def of(cls, values, name):
        """The form of an array, a list or a tensor."""
        if isinstance(values, np.ndarray):
            return cls("array", name)
        return cls("tensor" if tf.is_tensor(values) else "list", name)

    @property
    def is_dataset(self):
        """Whether batches are known one by one, the first one alone before training."""
        return self.kind in ("dataset", "batches")

    def without_labels(self):
        """How to leave labels out."""
        if self.kind == "dataset":
            return f"Leave them out: `{self.name}.map(lambda samples, labels: samples)`"
        return "Leave them out of the batches" if self.kind == "batches" else "Leave them out"

    def samples(self, numpy, tensorflow=None):
        """Code that changes samples.

        Args:
            numpy: code for NumPy with `{}` in the place of the samples.
            tensorflow: the same for TensorFlow; `None` where it is the same code.

        Returns:
            The code for this form, in backticks.
        """
        return self._code("{samples}", numpy, tensorflow or numpy)

    def labels(self, numpy, tensorflow=None):
        """Code that changes labels, as `samples` does."""
        return self._code("{labels}", numpy, tensorflow or numpy)

    def _code(self, part, numpy, tensorflow):
        if self.kind == "batches":
            return f"`{numpy.format(part.strip('{}'))}` in each batch"
        if not self.is_dataset:
            variable = f"np.asarray({self.name})" if self.kind == "list" else self.name
            return f"`{(tensorflow if self.kind == 'tensor' else numpy).format(variable)}`"
        change = tensorflow.format(part.strip("{}"))
        if not self.labelled:
            return f"`{self.name}.map(lambda samples: {change})`"
        parts = f"{change}, labels" if part == "{samples}" else f"samples, {change}"
        return f"`{self.name}.map(lambda samples, labels: ({parts}))`"


# === Changes of values ===


def as_bytes(form):
    """Code that makes `uint8` of values in [0, 255]."""
    return form.samples("{}.astype('uint8')", "tf.cast({}, 'uint8')")


def as_floats(form):
    """Code that makes floats of numbers, which stay as they are."""
    return form.samples("{}.astype('float32')", "tf.cast({}, 'float32')")


def scaled(form, low, high, *, pixels=False):
    """Code that scales values between `low` and `high` to [-1, 1], by numbers for all batches."""
    if low < 0.0:
        return linear(form, f" / {rounded_up(max(-low, high))}")
    return linear(form, f" / {_full_scale(high, pixels) / 2:g} - 1")


def scaled_to_unit(form, low, high):
    """Code that scales values between `low` and `high` to [0, 1], by numbers for all batches."""
    if low < 0.0:
        return linear(form, f" / {2 * float(rounded_up(max(-low, high))):g} + 0.5")
    return linear(form, f" / {_full_scale(high):g}")


def standardised(form, mean, deviation):
    """Code that brings each column to mean 0 and deviation 1; all of them in a data set."""
    if form.is_dataset:
        return form.samples(f"(tf.cast({{}}, 'float32') - {mean:.3g}) / {deviation or 1.0:.3g}")
    return form.samples(
        "({0} - {0}.mean(0)) / ({0}.std(0) + 1e-6)",
        "({0} - tf.reduce_mean({0}, 0)) / (tf.math.reduce_std({0}, 0) + 1e-6)",
    )


def linear(form, change):
    """Code that multiplies and adds numbers."""
    return form.samples(f"{{}}{change}", f"tf.cast({{}}, 'float32'){change}")


def _full_scale(high, pixels=False):
    """The end of the scale that `high` belongs to: 255 of bytes, 4095 of 12 bits, or near it.

    Dark pixels need not reach half of theirs.
    """
    for bits in (8, 10, 12, 14, 16) if high > 2.0 else ():
        if high < 2**bits and (pixels or high >= 2 ** (bits - 1)):
            return 2**bits - 1
    return float(rounded_up(high))


def rounded_up(value):
    """Two digits of a positive number that is not below it, as text."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / digit * (1 - 1e-9)) * digit:g}"
