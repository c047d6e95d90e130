"""Conversion of the data of `fit` to batches of named entries, for a model that is fed dicts.

The namesakes of `feeding.fit_data` do the same for samples and labels.
"""

import collections.abc

from keras_gan import _checks
from keras_gan.feeding import fit_data, sources, tables


def training_feed(
    x,
    y,
    *,
    entries,
    batch_size,
    group,
    parts,
    shuffle,
    seed,
    position,
    steps_per_epoch,
    split=0.0,
    epochs=1,
    optional=(),
):
    """The feed of a training run, and the held-out data if `split` is given.

    Args:
        x: a `dict` of arrays of one length; a pair of them, which are joined; an array, if one
            entry is needed; or a data set of such dicts.
        y: a `dict` that is joined with `x`, or `None`.
        entries: the model's `entries.EntrySpecs`.
        batch_size: as in `fit_data.training_feed`, as are all others.
        group: as there.
        parts: as there.
        shuffle: as there.
        seed: as there.
        position: as there.
        steps_per_epoch: as there.
        split: as there.
        epochs: as there.
        optional: names of entries that may be missing.

    Returns:
        `(feed, held_out)`; `held_out` is `None` or `(x, y)` for `evaluation_feed`.

    Raises:
        ValueError: for data that a step cannot take.
    """
    arrays, names = unpacked(x, y, entries, "x", optional)
    arrays = entries.checked(arrays, "x", names=names, optional=optional)
    arrays, held_out = _held_out(arrays, split)
    source = sources.ArraySource(arrays, shuffle=shuffle, seed=seed, check=False)
    batch_size = 64 if batch_size is None else _checks.positive_int(batch_size, "batch_size")
    examples = source.examples(fit_data.EXAMPLES)
    shared = {"batch_size": batch_size, "group": group, "parts": parts, "position": position}
    return fit_data.source_feed(source, examples, steps=steps_per_epoch, **shared), held_out


def evaluation_feed(
    x,
    y,
    *,
    entries,
    batch_size,
    steps=None,
    replicas=1,
    name="validation_data",
    checked=False,
    optional=(),
):
    """The feed of an evaluation: not grouped, not shuffled, nothing dropped.

    Args:
        x: as in `training_feed`.
        y: as there.
        entries: the model's `entries.EntrySpecs`.
        batch_size: as in `fit_data.evaluation_feed`, as are all others.
        steps: as there.
        replicas: as there.
        name: as there.
        checked: as there.
        optional: names of entries that may be missing.

    Returns:
        A `Feed`.

    Raises:
        ValueError: for data that do not fit the model.
    """
    arrays, names = unpacked(x, y, entries, name, optional)
    told = {"names": names, "optional": optional, "typed": checked, "warn": not checked}
    source = sources.ArraySource(entries.checked(arrays, name, **told), seed=0, check=False)
    batch_size = 64 if batch_size is None else _checks.positive_int(batch_size, "batch_size")
    return fit_data.array_evaluation(source, batch_size, steps, replicas)


def checked_batch(x, y, entries, *, optional=()):
    """Check a batch for `train_on_batch`: a `dict` of arrays."""
    arrays, names = unpacked(x, y, entries, "x", optional)
    return entries.checked(arrays, "x", names=names, optional=optional)


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
    if _is_pair(x) and y is None:
        _checks.check(
            len(x) < 3,
            f"`{name}` must be a dict of arrays, or a pair of them.",
            cure="Give weights as an entry, and its name as `sample_weight=` of a critic.",
            parts=len(x),
        )
        first, second = f"{name}[0]", f"{name}[1]"
        x, y = (*x, None)[:2]
    _checks.check(
        y is None or _is_dict(y),
        f"`{second}` must be a dict of arrays, which is joined with `{first}`.",
        cure="Put all entries into one dict.",
        type=type(y).__name__,
    )
    y = y or {}
    x, names = _by_name(x, [key for key in entries if key not in (*optional, *y)], first)
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
    known = isinstance(x, (list, tuple)) or hasattr(x, "__array__") or tables.is_table(x)
    _checks.check(
        known and len(needed) == 1,
        f"`{name}` must be a dict of arrays, since the model reads several entries: "
        f"{', '.join(needed)}."
        if len(needed) > 1
        else f"`{name}` must be a dict of arrays, an array, or a data set of dicts.",
        cure=None if known else lambda: fit_data.cure_of_no_data(x, name),
        x=x if x is None or isinstance(x, str) else type(x).__name__,
    )
    return {needed[0]: x}, {needed[0]: name}


def _names(name, keys):
    return {key: f"{name}[{key!r}]" for key in keys}


def _is_dict(x):
    return isinstance(x, collections.abc.Mapping)


def _is_pair(x):
    """Whether this is `(x,)`, `(x, y)` or `(x, y, weights)`, `x` being a `dict`."""
    return isinstance(x, (tuple, list)) and 0 < len(x) < 4 and _is_dict(x[0])


def _held_out(arrays, split):
    if not split:
        return arrays, None
    at = sources.split_at(len(next(iter(arrays.values()))), split)
    first, last = (
        {k: part[cut] for k, part in arrays.items()} for cut in (slice(at), slice(at, None))
    )
    return first, (last, None)
