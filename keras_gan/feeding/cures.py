"""Code that repairs bad data, for the type of data that was given.

Code for an array fails on a list, a tensor or a `tf.data.Dataset`. Each cure exists for NumPy and
for TensorFlow, and is formatted for the data at hand.
"""

import math

import numpy as np
import tensorflow as tf

NO_WEIGHTS = (
    "Samples have no weights. To show some more often than others, draw them by theirs: "
    "`x[np.random.default_rng(0).choice(len(x), len(x), p=weights / weights.sum())]`."
)

WEIGHTS_ARE_AN_ENTRY = (
    "Weights of rows are an entry of the data: `Critic(..., sample_weight='w')`, and "
    "`'w': weights` among the entries, `(n,)`; those of classes are `class_weights[labels]`."
)


class Form:
    """The form in which data were given.

    Args:
        kind: "array", "list" (anything else that NumPy converts), "tensor", "dataset" or "batches"
            (of data that are read in Python).
        name: the variable or expression in the user's code that cures change.
        labelled: whether a data set also yields labels.
        entry: name of the entry, of a data set that yields dicts.
        side: in which of two dicts the entry is, 0 or 1, of a data set that yields pairs of them.
        asked: whether they are what someone asks for, such as the classes to generate, which no
            cure can number anew.
    """

    def __init__(self, kind, name, *, labelled=False, entry=None, side=None, asked=False):
        self.kind = kind
        self.name = name
        self.labelled = labelled
        self.entry = entry
        self.side = side
        self.asked = asked

    @classmethod
    def of(cls, values, name, *, asked=False):
        """The form of an array, a list or a tensor."""
        if isinstance(values, np.ndarray):
            return cls("array", name, asked=asked)
        return cls("tensor" if tf.is_tensor(values) else "list", name, asked=asked)

    @property
    def is_dataset(self):
        """Whether only the first batch is known before training."""
        return self.kind in ("dataset", "batches")

    def without_labels(self):
        """Advice to remove the labels."""
        if self.kind == "dataset":
            return f"Leave them out: `{self.name}.map(lambda samples, labels: samples)`"
        return "Leave them out of the batches" if self.kind == "batches" else "Leave them out"

    def samples(self, numpy, tensorflow=None):
        """Code that changes samples.

        Args:
            numpy: code for NumPy with `{}` in the place of the samples.
            tensorflow: the same for TensorFlow; `None` if it is the same code.

        Returns:
            The code for this form, in backticks.
        """
        return self._code("{samples}", numpy, tensorflow or numpy)

    def labels(self, numpy, tensorflow=None):
        """Code that changes labels, as `samples` does."""
        return self._code("{labels}", numpy, tensorflow or numpy)

    def _code(self, part, numpy, tensorflow):
        if self.kind == "batches":
            return f"`{numpy.format(self.entry or part.strip('{}'))}` in each batch"
        if not self.is_dataset:
            variable = f"np.asarray({self.name})" if self.kind == "list" else self.name
            return f"`{(tensorflow if self.kind == 'tensor' else numpy).format(variable)}`"
        if self.entry is not None:
            dicts, changed = self._dicts()
            change = tensorflow.format(f"{changed}[{self.entry!r}]")
            parts = ", ".join(dicts).replace(changed, f"{{**{changed}, {self.entry!r}: {change}}}")
            parts = f"({parts})" if dicts[1:] else parts
            return f"`{self.name}.map(lambda {', '.join(dicts)}: {parts})`"
        change = tensorflow.format(part.strip("{}"))
        if not self.labelled:
            return f"`{self.name}.map(lambda samples: {change})`"
        parts = f"{change}, labels" if part == "{samples}" else f"samples, {change}"
        return f"`{self.name}.map(lambda samples, labels: ({parts}))`"

    def _dicts(self):
        """The names of the dicts of a batch, and of the one that the entry is in."""
        dicts = ["batch"] if self.side is None else ["x", "y"]
        return dicts, dicts[self.side or 0]

    def rows(self, condition):
        """Code that keeps the rows of a data set of batches for which a condition holds.

        Args:
            condition: code for TensorFlow with `{}` in the place of one sample.
        """
        arguments, value = "samples, labels" if self.labelled else "samples", "samples"
        if self.entry is not None:
            dicts, changed = self._dicts()
            arguments, value = ", ".join(dicts), f"{changed}[{self.entry!r}]"
        return f"{self.name}.unbatch().filter(lambda {arguments}: {condition.format(value)})"


# === Changes of values ===


def as_bytes(form):
    """Code that converts values in [0, 255] to `uint8`."""
    return form.samples("{}.astype('uint8')", "tf.cast({}, 'uint8')")


def as_floats(form):
    """Code that converts numbers to floats without scaling."""
    return form.samples("{}.astype('float32')", "tf.cast({}, 'float32')")


def scaled(form, low, high, *, pixels=False):
    """Code that scales [`low`, `high`] to [-1, 1], with the same constants for all batches."""
    if low < 0.0:
        return linear(form, f" / {rounded_up(max(-low, high))}")
    return linear(form, f" / {_full_scale(high, pixels) / 2:g} - 1")


def scaled_to_unit(form, low, high):
    """Code that scales [`low`, `high`] to [0, 1], with the same constants for all batches."""
    if low < 0.0:
        return linear(form, f" / {2 * float(rounded_up(max(-low, high))):g} + 0.5")
    return linear(form, f" / {_full_scale(high):g}")


def standardised(form, mean, deviation):
    """Code that standardizes each column; in a data set, all columns together."""
    if form.is_dataset:
        return form.samples(f"(tf.cast({{}}, 'float32') - {mean:.3g}) / {deviation or 1.0:.3g}")
    return form.samples(
        "({0} - {0}.mean(0)) / ({0}.std(0) + 1e-6)",
        "({0} - tf.reduce_mean({0}, 0)) / (tf.math.reduce_std({0}, 0) + 1e-6)",
    )


def near(form, places, dtype, batch_size):
    """Code that leaves out samples with a value that is far from a centre.

    Args:
        places: list of `(index, centre, bound)`, text: where the value is, "" of samples of one
            value, and how near it must be.
        dtype: NumPy type of the samples.
        batch_size: number of samples in a batch.
    """
    of_dataset, parts = form.kind == "dataset", []
    for index, centre, bound in places:
        if of_dataset:
            value = f"{{0}}[{index}]" if index else "tf.reshape({0}, [])"
            value = value if dtype.kind == "f" else f"tf.cast({value}, 'float32')"
        else:
            value = f"{{0}}[:, {index}]" if index else "np.ravel({0})"
        away = "" if centre == "0" else f" - {centre}".replace("- -", "+ ")
        parts.append(f"{'tf' if of_dataset else 'np'}.abs({value}{away}) < {bound}")
    whole = parts[0] if len(parts) == 1 else " & ".join(f"({part})" for part in parts)
    if of_dataset:
        return f"`{form.rows(whole)}.batch({batch_size})`"
    return form.samples(f"{{0}}[{whole}]")


def linear(form, change):
    """Code that multiplies and adds numbers."""
    return form.samples(f"{{}}{change}", f"tf.cast({{}}, 'float32'){change}")


def _full_scale(high, pixels=False):
    """The largest value of the data type that `high` suggests: 255 for bytes, 4095 for 12 bits.

    If none fits, `high` rounded up. With `pixels`, `high` may be below half of it, because images
    can be dark.
    """
    for bits in (8, 10, 12, 14, 16) if high > 2.0 else ():
        if high < 2**bits and (pixels or high >= 2 ** (bits - 1)):
            return 2**bits - 1
    return float(rounded_up(high))


def rounded_up(value):
    """A positive number rounded up to two digits, as text."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / digit * (1 - 1e-9)) * digit:g}"
