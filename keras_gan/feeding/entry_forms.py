"""The forms in which entries are given: dicts, pairs of them, data frames, one array."""

import collections.abc

from keras_gan import _checks
from keras_gan.feeding import fit_data, tables


def unpacked(x, y, entries, name, optional=()):
    """The entries in the data argument of `fit`.

    Args:
        x: a `dict`, a pair of dicts, a data frame, or an array.
        y: a `dict`, or `None`.
        entries: the model's `entries.EntrySpecs`.
        name: name of `x` in errors.
        optional: names of entries that may be missing.

    Returns:
        `(arrays, names)`: a `dict` of what was given by entry, and one of their names in errors.

    Raises:
        ValueError: for what is no `dict`, and for an entry that is given twice.
    """
    first, second = name, "y"
    if is_pair(x) and y is None:
        _checks.check(
            len(x) < 3,
            f"`{name}` must be a dict of arrays, or a pair of them.",
            cure="Give weights as an entry, and its name as `sample_weight=` of a critic.",
            parts=len(x),
        )
        first, second = f"{name}[0]", f"{name}[1]"
        x, y = (*x, None)[:2]
    needed = [key for key in entries if key not in optional]
    _checks.check(
        y is None or _is_dict(y),
        f"`{second}` must be a dict of arrays, which is joined with `{first}`.",
        cure=f"Put all entries into one dict: {_as_dict(needed)}.",
        type=type(y).__name__,
    )
    y = y or {}
    x, names = _by_name(x, [key for key in needed if key not in y], first)
    doubled = [key for key in x if key in y]
    _checks.check(
        not doubled,
        f"An entry must be in `{first}` or in `{second}`, not in both.",
        entries=doubled,
    )
    return {**x, **y}, {**names, **_names(second, y)}


def _by_name(x, needed, name):
    """What was given as a `dict` by entry, and the names of the entries in errors."""
    if tables.is_table(x) and hasattr(x, "columns"):
        columns = list(x.columns)
        if len(needed) != 1 or needed[0] in columns:
            return {key: x[key] for key in columns}, _names(name, columns)
    if _is_dict(x):
        return dict(x), _names(name, x)
    known = isinstance(x, list) or hasattr(x, "__array__") or tables.is_table(x)
    _checks.check(
        known and len(needed) == 1,
        f"`{name}` must be a dict of arrays, since the model reads several entries: "
        f"{', '.join(needed)}."
        if len(needed) > 1
        else f"`{name}` must be a dict of arrays, an array, or a data set of dicts.",
        cure=lambda: (
            f"Give each by its name: {_as_dict(needed)}."
            if known or isinstance(x, tuple)
            else fit_data.cure_of_no_data(x, name)
        ),
        x=x if x is None or isinstance(x, str) else type(x).__name__,
    )
    return {needed[0]: x}, {needed[0]: name}


def _as_dict(needed):
    return "`{" + ", ".join(f"{key!r}: ..." for key in needed) + "}`"


def _names(name, keys):
    return {key: f"{name}[{key!r}]" for key in keys}


def _is_dict(x):
    return isinstance(x, collections.abc.Mapping)


def is_pair(x):
    """Whether this is `(x,)`, `(x, y)` or `(x, y, weights)`, `x` being a `dict`."""
    return isinstance(x, (tuple, list)) and 0 < len(x) < 4 and _is_dict(x[0])
