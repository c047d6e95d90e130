"""The names of classes, of data sets and of models."""

import functools
import numbers

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import private_tensorflow

# The methods of a data set after which a label still stands for the same class. `map` may have
# changed it, so that a name could be wrong afterwards.
_KEEPING = (
    "batch",
    "cache",
    "filter",
    "ignore_errors",
    "padded_batch",
    "prefetch",
    "ragged_batch",
    "rebatch",
    "repeat",
    "shard",
    "shuffle",
    "skip",
    "snapshot",
    "take",
    "take_while",
    "unbatch",
    "with_options",
)
# Maximum number of names that an error lists.
_LISTED = 40


class NamedDataset(tf.data.Dataset):
    """A data set with the names of its classes, which `take`, `skip`, `batch` and so on keep.

    Args:
        dataset: a `tf.data.Dataset`.
        class_names: list of strings, the name of class `i` at place `i`, or `None`.
    """

    def __init__(self, dataset, class_names):
        self._dataset = dataset
        self.class_names = class_names
        super().__init__(private_tensorflow.variant(dataset))

    def _inputs(self):
        return [self._dataset]

    @property
    def element_spec(self):
        return self._dataset.element_spec


def _keeping(name):
    method = getattr(tf.data.Dataset, name)

    @functools.wraps(method)
    def named(self, *args, **kwargs):
        return NamedDataset(method(self, *args, **kwargs), self.class_names)

    return named


for _name in _KEEPING:
    setattr(NamedDataset, _name, _keeping(_name))


def checked(class_names, num_classes, name="class_names"):
    """Check the names of classes; returns a list of strings, or `None`.

    Args:
        class_names: list of different strings, or `None`.
        num_classes: required number of names; `None` for any number.
        name: the argument's name, for the error.

    Raises:
        ValueError: if they are something else.
    """
    if class_names is None:
        return None
    several = not isinstance(class_names, (str, bytes)) and hasattr(class_names, "__iter__")
    names = [str(n) if isinstance(n, str) else n for n in class_names] if several else []
    _checks.check(
        names and all(isinstance(n, str) and n for n in names) and len(set(names)) == len(names),
        f"`{name}` must be a list of different names, none of them empty, one for each class.",
        **{name: class_names},
    )
    _checks.check(
        num_classes is None or len(names) == num_classes,
        f"`{name}` must hold one name for each class.",
        cure="Leave it out, or build networks and model with "
        f"`num_classes={len(names)}` for a conditional model."
        if not num_classes
        else None,
        num_classes=num_classes or None,
        **{name: names},
    )
    return names


def learned(known, data, num_classes):
    """The names of a conditional model's classes, given its training data.

    Args:
        known: the names that the model has already, or `None`.
        data: the data of `fit`. Data sets of `keras_gan.data` and of `keras.utils` have
            `class_names`.
        num_classes: of the model, `None` if it is not conditional.
    """
    told = getattr(data, "class_names", None) if isinstance(data, tf.data.Dataset) else None
    # With another number of classes, names cannot be assigned to the model's classes.
    if not num_classes or not told or len(told) != num_classes:
        return known
    told = checked(told, num_classes)
    check_order(known, data, "x")
    if known is not None and list(known) != told:
        at = next(index for index in range(num_classes) if known[index] != told[index])
        _warnings.warn(
            f"The classes of the data have other names than those of the model: {', '.join(told)} "
            f"instead of {', '.join(known)}. Classes go by their numbers: class {at}, so far "
            f"{known[at]}, is {told[at]} from now on."
        )
    return told


def check_order(known, data, name):
    """Check that data do not number the classes of a model in another order.

    Args:
        known: the model's names of classes, or `None`.
        data: data for the model.
        name: name of the data in errors.

    Raises:
        ValueError: for the model's names in another order.
    """
    told = getattr(data, "class_names", None) if isinstance(data, tf.data.Dataset) else None
    if not known or not told or list(told) == list(known) or sorted(told) != sorted(known):
        return
    numbers = [list(known).index(label) for label in told]
    raise _checks.error(
        f"`{name}` must number its classes as the model does.",
        cure="Number them alike: "
        f"`{name}.map(lambda samples, labels: (samples, tf.gather({numbers}, labels)))`.",
        of_the_data=list(told),
        of_the_model=list(known),
    )


def indices(labels, class_names, name="labels"):
    """Labels with the names of classes replaced by their indices.

    Args:
        labels: a class or an array of classes, each by its index or its name; `None`.
        class_names: the model's names of classes, or `None`.
        name: name of `labels` in errors.

    Returns:
        `labels` as they are if there is no name among them, else a NumPy array of indices of
        their shape.

    Raises:
        ValueError: for an unknown name.
    """
    try:
        kind = None if labels is None else np.asarray(labels).dtype.kind
    except ValueError:  # lists of different lengths
        rule = f"`{name}` must be one class, or one for each sample."
        raise _checks.error(rule) from None
    if kind is None or kind not in "USO":
        return labels
    given = np.asarray(labels, object)
    found = [_index(label, class_names, name) for label in given.ravel()]
    return np.array(found, "int64").reshape(given.shape)


def _index(label, class_names, name):
    label = label.decode("utf-8", "replace") if isinstance(label, bytes) else label
    if isinstance(label, numbers.Integral) and not isinstance(label, bool):
        return int(label)
    _checks.check(
        class_names is not None or not isinstance(label, str),
        f"`{name}` must be class indices: the model does not know the names of its classes.",
        cure="Give indices, or tell it the names: `gan.class_names = [...]`, in the order of the "
        "indices.",
        **{name: label},
    )
    if class_names is None or label not in class_names:
        raise _checks.error(
            f"`{name}` must be indices or names of classes{_listed(class_names)}.",
            cure=_checks.did_you_mean(label, class_names or ()),
            **{name: label},
        )
    return list(class_names).index(label)


def _listed(class_names):
    if not class_names:
        return ""
    more = len(class_names) - _LISTED
    rest = f" and {more} more" if more > 0 else ""
    return f". The model knows {', '.join(class_names[:_LISTED])}{rest}"


def shown(index, class_names):
    """The name of a class, or e.g. `class 3` without names."""
    return class_names[index] if class_names else f"class {index}"
