"""The rules of named entries: what a model that is fed dicts takes under each name.

| input | its entry |
|---|---|
| integer, boolean | whole numbers as they are; class indices in range where their number is known |
| float, the shape of an image | `uint8`, or floats in [-1, 1] |
| other floats, and entries that are declared to be values | finite numbers |

Entries that no input takes have the type and shape of the data.
"""

import copy

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import inspection
from keras_gan.feeding import conversion, entry_checks, labels, sample_spec, shapes, values
from keras_gan.feeding.cures import Form


class EntrySpec:
    """The rule of one entry, read off the input that takes it.

    Args:
        name: the entry's name.
        shape: shape of the input without the batch axis, `None` for axes of any size; or `None` if
            no input takes the entry.
        dtype: of the input, or `None` likewise.
        is_values: whether they are numbers although they have the shape of an image.
        num_classes: number of classes of an integer input; `None` if they are other numbers.
        reach: `values.Reach` of the generator that makes such samples, or `None`.
        allow_unknown: whether numbers below 0 may stand for an unknown class.
    """

    taker = "its input takes"  # who has such a shape, in errors

    def __init__(
        self,
        name,
        shape=None,
        dtype=None,
        *,
        is_values=False,
        num_classes=None,
        reach=None,
        allow_unknown=False,
    ):
        self.name = name
        self.shape = None if shape is None else tuple(shape)
        self.dtype = None if dtype is None else tf.as_dtype(dtype)
        self.is_values = is_values
        self.num_classes = num_classes
        self.reach = reach
        self.allow_unknown = allow_unknown

    # === What it is ===

    @property
    def is_whole(self):
        """Whether the input takes whole numbers or booleans."""
        return self.dtype is not None and (self.dtype.is_integer or self.dtype.is_bool)

    @property
    def is_image(self):
        """Whether the entry is of images, which have a range."""
        return (
            not self.is_whole
            and not self.is_values
            and self.shape is not None
            and inspection.is_image(self.shape)
        )

    def of(self, shape, dtype):
        """The same rule, with what no input tells in place of `None`.

        Args:
            shape: shape of the data, with the batch axis; `None` or unknown if it is.
            dtype: of the data.
        """
        if self.shape is not None and self.dtype is not None:
            return self
        shape, dtype = tf.TensorShape(shape), tf.as_dtype(dtype)
        known = tuple(shape)[1:] if shape.rank else None
        shape = known if self.shape is None else self.shape
        image = shape is not None and inspection.is_image(shape)
        image = image and not self.is_values and self.num_classes is None
        if self.dtype is not None:
            dtype = self.dtype
        elif self.num_classes is not None or dtype.is_integer and not image:
            dtype = tf.int32
        elif image or not dtype.is_bool:
            dtype = tf.float32
        rule = copy.copy(self)
        rule.shape, rule.dtype = shape, dtype
        return rule

    # === Arrays ===

    def checked(self, given, name=None, *, form=None, warn=True):
        """Check an entry completely; returns it as an array of whole numbers, uint8 or float32.

        Args:
            given: array `(n, ...)`, or what converts to one.
            name: what it is called in errors. Default: the entry's name.
            form: `cures.Form` of the data that cures refer to. Default: that of `given`.
            warn: whether to warn of values that are allowed but probably a mistake.

        Raises:
            ValueError: for a wrong shape or type, an empty array, or values that are not allowed.
        """
        return entry_checks.checked(*self._array(given, name, form), warn)

    def typed(self, given, name=None, *, form=None):
        """Check only shape and type of an entry, and classes."""
        return entry_checks.typed(*self._array(given, name, form))

    def _array(self, given, name, form):
        """The entry as an array, its rule without `None`, its name and its form."""
        name = name or self.name
        form = form or Form.of(given, name)
        are_classes = self.num_classes is not None
        array = labels.array(given, name, form) if are_classes else conversion.array(given, name)
        _checks.check(array.size > 0, f"`{name}` must not be empty.", shape=array.shape)
        _checks.check(
            array.ndim > 0,
            f"`{name}` must have a value for each row, but is a single one.",
            cure=lambda: f"Repeat it for all rows: `np.full(num_rows, {array})`.",
            shape=array.shape,
        )
        rule = self.of(array.shape, array.dtype)
        return entry_checks.reshaped(array, rule, name, form), rule, name, form

    # === Pipelines: a rule without `None`, see `of` ===

    def check_tensor(self, spec, name, form):
        """Check the `tf.TensorSpec` of a pipeline's batches of the entry."""
        if spec.shape.rank is not None:
            entry_checks.check_shape(entry_checks.fitted(spec.shape, self.shape), self, name, form)
        dtype = np.dtype(spec.dtype.as_numpy_dtype)
        if self.is_whole:
            entry_checks.check_whole(dtype, self, name, form)
        else:
            values.check_type(dtype, self.is_image, name, form)

    def cast(self, tensor):
        """A pipeline's batch as it is checked and kept, in the graph."""
        if self.is_whole:
            return conversion.in_64_bits(tensor)
        if tensor.dtype == tf.bool and (self.is_image or len(self.shape or ()) > 1):
            tensor = tf.cast(tensor, "uint8") * (255 if self.is_image else 1)
        return tensor if tensor.dtype == tf.uint8 else tf.cast(tensor, "float32")

    def is_bad(self, tensor, rows):
        """Whether a batch does not fit the rule, as a boolean tensor; what `cast` returns."""
        shape, wanted = tf.shape(tensor), self.shape
        if wanted in ((), (1,)):  # a column is as good as single numbers
            bad = tf.size(tensor) != rows
        else:
            sizes = tf.constant([-1, *(-1 if size is None else size for size in wanted or ())])
            bad = tf.cond(
                tf.equal(tf.size(shape), tf.size(sizes)) | (wanted is None),
                lambda: (
                    (wanted is not None and tf.reduce_any((shape != sizes) & (sizes >= 0)))
                    | (shape[0] != rows)
                ),
                lambda: True,
            )
        if self.is_whole:
            low, high = self.bounds()
            bad |= tf.reduce_any((tensor < low) | (tensor > high))
        return bad

    def shaped(self, tensor):
        """A pipeline's batch after its check, with its static shape."""
        if self.shape in ((), (1,)):
            rows = tensor.shape[0] if tensor.shape.rank else None
            tensor = tf.ensure_shape(tf.reshape(tensor, [-1, *self.shape]), [rows, *self.shape])
        elif self.shape is not None:
            tensor = tf.ensure_shape(tensor, [None, *self.shape])
        return tf.cast(tensor, self.dtype) if self.is_whole else tensor

    def bounds(self):
        """The smallest and the largest whole number that is allowed."""
        if self.num_classes is not None:
            return self.dtype.min if self.allow_unknown else 0, self.num_classes - 1
        return (0, 1) if self.dtype.is_bool else (self.dtype.min, min(self.dtype.max, 2**63 - 1))

    # === Steps ===

    def to_tensor(self, tensor):
        """The entry as the networks take it, in the graph: pixels become floats in [-1, 1]."""
        rule = self.of(tensor.shape, tensor.dtype)
        if rule.is_whole:
            return tf.cast(tensor, rule.dtype)
        return sample_spec.to_float(tensor) if rule.is_image else tf.cast(tensor, "float32")


class WeightSpec(EntrySpec):
    """The rule of the weights of rows, `(batch,)`, that no input takes."""

    taker = "weights of rows have"

    def __init__(self, name):
        super().__init__(name, (), "float32")


class LabelSpec(EntrySpec):
    """The rule of labels that no input takes, but that a head is compared with.

    They are class indices, of one axis less than the head, or multi-hot, of its shape; see
    `terms.Classification`.

    Args:
        name: the entry's name.
        head: shape of the head without the batch axis, the last one being of the classes.
    """

    def __init__(self, name, head):
        super().__init__(name, num_classes=head[-1], allow_unknown=True)
        self.head = tuple(head)

    def of(self, shape, dtype):
        known = tf.TensorShape(shape)
        if known.rank is None or shapes.agree(tuple(known)[1:], self.head):
            return EntrySpec(self.name).of(shape, dtype)
        classes = {"num_classes": self.num_classes, "allow_unknown": True}
        return EntrySpec(self.name, self.head[:-1], "int32", **classes)


class EntrySpecs(dict):
    """The rules of all entries that a model reads, by name.

    Args:
        entries: `dict` of `EntrySpec`s by name.
        made: names that the generator makes, so that no entry may have them.
        drawable: names of inputs that could be drawn instead.
    """

    def __init__(self, entries, made=(), drawable=()):
        super().__init__(entries)
        self.made, self.drawable = tuple(made), tuple(drawable)
        self._left_out = set()

    def chosen(self, given, name, *, optional=(), warn=True):
        """The names of the entries to read, in the order of the rules.

        Args:
            given: names of the entries that the data have.
            name: name of the data in errors.
            optional: names of entries that may be missing.
            warn: whether to warn of entries that nothing reads, once for each.

        Raises:
            ValueError: if an entry is missing.
        """
        given = list(given)
        doubled = [key for key in given if key in self.made]
        _checks.check(
            not doubled,
            f"`{name}` must not have entries of names that the generator makes: a name means one "
            "tensor.",
            cure="Rename the entry, or the generator's output.",
            doubled=doubled,
        )
        missing = [key for key in self if key not in given and key not in optional]
        needed = [key for key in self if key not in optional]
        _checks.check(
            not missing,
            f"`{name}` must have the entries that the model reads: {', '.join(needed)}.",
            cure=lambda: self._cure_of_missing(missing, given),
            missing=missing,
            entries=given,
        )
        chosen = [key for key in self if key in given]
        _checks.check(
            chosen,
            f"`{name}` must have an entry that the model reads: {', '.join(self)}.",
            entries=given,
        )
        others = [key for key in given if key not in self and key not in self._left_out]
        if others and warn:
            self._left_out.update(others)
            _warnings.warn(
                f"`{name}` has entries that nothing in the model reads: "
                f"{', '.join(map(str, others))}. They are left out."
            )
        return chosen

    def _cure_of_missing(self, missing, given):
        spare = [key for key in given if key not in self]
        for key in missing:
            close = _checks.closest(key, spare)
            if close is not None:
                return f"Rename {close!r} if it is {key!r}."
        for key in missing:
            if key in self.drawable:
                return f"If it is drawn, give the model `priors={{{key!r}: 'normal'}}`."
        return None

    def checked(self, arrays, name="x", *, names=None, optional=(), warn=True, typed=False):
        """Check a `dict` of arrays; returns those that the model reads.

        Args:
            arrays: `dict` of arrays `(n, ...)`, or of what converts to them.
            name: name of the `dict` in errors.
            names: `dict` of the names of entries in errors. Default: `x['photo']` and so on.
            optional: names of entries that may be missing.
            warn: whether to warn of what is allowed but probably a mistake.
            typed: whether values were checked before, so that only shapes and types are.

        Raises:
            ValueError: if an entry is missing or does not fit its rule, or lengths differ.
        """
        names = names or {key: f"{name}[{key!r}]" for key in arrays}
        found = {}
        for key in self.chosen(arrays, name, optional=optional, warn=warn):
            if typed:
                found[key] = self[key].typed(arrays[key], names[key])
            else:
                found[key] = self[key].checked(arrays[key], names[key], warn=warn)
        check_lengths(found, name)
        return found

    def to_tensors(self, batch):
        """A batch as the networks take it, in the graph: a `dict` of tensors."""
        return {key: self[key].to_tensor(tensor) for key, tensor in batch.items()}


def check_lengths(arrays, name):
    """Check that the arrays of a `dict` have one length."""
    lengths = {str(key): len(array) for key, array in arrays.items()}
    _checks.check(
        len(set(lengths.values())) == 1,
        f"The entries of `{name}` must have one length.",
        cure="Entries that do not belong together are sources of their own."
        if name.startswith("sources[")
        else "For entries that do not belong together, use `keras_gan.data.unpaired`.",
        **lengths,
    )


def check_names(names, what="names"):
    """Check names of entries: different Python identifiers; returns a list."""
    names = list(names)
    wrong = [n for n in names if not isinstance(n, str) or not n.isidentifier()]
    _checks.check(
        not wrong and len(set(names)) == len(names),
        f"`{what}` must be different Python identifiers.",
        **{what: names},
    )
    return names


def plain(arrays, name):
    """A `dict` of arrays whose inputs are unknown: floats become float32, all else stays.

    Args:
        arrays: `dict` of arrays `(n, ...)`.
        name: name of the `dict` in errors.

    Raises:
        ValueError: for names that are no identifiers, arrays that are empty, differ in length or
            hold values that are not finite.
    """
    check_names(arrays, name)
    found = {}
    for key, given in arrays.items():
        told = f"{name}[{key!r}]"
        form, array = Form.of(given, told), conversion.array(given, told)
        _checks.check(array.size > 0, f"`{told}` must not be empty.", shape=array.shape)
        values.check_real(array.dtype, told)
        whole = array.dtype.kind in "bui"
        found[key] = array if whole else values.checked(array, False, told, form, warn=False)
    _checks.check(found, f"`{name}` must hold arrays.", entries=0)
    check_lengths(found, name)
    return found
