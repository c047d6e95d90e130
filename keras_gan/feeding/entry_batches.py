"""The batches of a pipeline that yields dicts of named entries."""

import collections.abc
import itertools

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import conversion, entry_forms
from keras_gan.feeding.cures import Form
from keras_gan.feeding.entries import check_lengths
from keras_gan.feeding.entry_checks import fitted
from keras_gan.feeding.sample_batches import cure_of_kind
from keras_gan.feeding.shapes import agree


class EntryBatches:
    """What a pipeline for a model of entries must yield, and how its batches are checked.

    Its methods are those of `sample_batches.SampleBatches`.

    Args:
        entries: the model's `entries.EntrySpecs`.
        name: name of the data in errors.
        optional: names of entries that may be missing.
    """

    def __init__(self, entries, name, optional=()):
        self._entries = entries
        self._name = name
        self._optional = optional

    def arrays(self, batch):
        """A batch that was read in Python, as a `dict` of arrays."""
        name = self._name
        _checks.check(batch is not None, f"`{name}` must not be empty.", batches=0)
        if isinstance(batch, (tuple, list)) and not entry_forms.is_pair(batch):
            parts = [part for part in batch if part is not None]
            _checks.check(
                len(parts) == 1,
                f"`{name}` must yield dicts of batches with the entries that the model reads: "
                f"{', '.join(self._entries)}.",
                batch=f"{len(parts)} parts",
            )
            batch = parts[0]
        given, _ = entry_forms.unpacked(batch, None, self._entries, name, self._optional)
        chosen = self._entries.chosen(given, name, optional=self._optional)
        return {key: conversion.array(given[key], f"{key} in {name}") for key in chosen}

    def open(self, spec, *, is_read):
        """Check what can be known before reading."""
        # Of a tuple, `map` passes the parts.
        self._is_tuple = isinstance(spec, tuple)
        found = places(spec, self._entries, self._name, self._optional)
        chosen = self._entries.chosen(found, self._name, optional=self._optional)
        self._places = {key: found[key] for key in sorted(chosen)}
        kind = "batches" if is_read else "dataset"
        self._rules, self._names, self._forms = {}, {}, {}
        for key, place in self._places.items():
            part = at(spec, place)
            alone = place == ()
            self._names[key] = self._name if alone else f"{key} in {self._name}"
            self._check_dense(part, key)
            rule = self._rules[key] = self._entries[key].of(part.shape, part.dtype)
            self._check_batched(part, rule, spec, is_read)
            entry = None if alone else key
            side = place[0] if len(place) > 1 else None
            self._forms[key] = Form(kind, self._name, entry=entry, side=side)
            rule.check_tensor(part, self._names[key], self._forms[key])

    def _check_dense(self, part, key):
        _checks.check(
            isinstance(part, tf.TensorSpec),
            f"`{self._names[key]}` must be a dense tensor.",
            cure=cure_of_kind(part, self._name)
            and f"Use `tf.sparse.to_dense` or `.to_tensor()` in `{self._name}.map`.",
            element_spec=part,
        )

    def _check_batched(self, part, rule, spec, is_read):
        shape = part.shape
        single = shape.rank == 0
        if shape.rank and shape[0] is not None and rule.shape not in (None, (), (1,)):
            single = agree(shape, rule.shape)
        _checks.check(
            not single,
            f"`{self._name}` must yield batches.",
            cure=None if is_read else f"Use `{self._name}.batch(batch_size)`.",
            element_spec=spec,
        )

    # === In the graph ===

    def cast(self, *batch):
        """A batch as it is checked and kept."""
        batch = batch if self._is_tuple else batch[0]
        places = self._places.items()
        return {key: self._rules[key].cast(at(batch, place)) for key, place in places}

    def is_bad(self, *parts):
        """Whether a batch does not fit the rules, as a boolean tensor."""
        rows = tf.concat([tf.shape(parts[0]), [0]], axis=0)[0]
        bad = tf.constant(False)
        for rule, part in zip(self._rules.values(), parts, strict=True):
            bad |= rule.is_bad(part, rows)
        return bad

    def shaped(self, batch):
        """A batch after its check, with its static shapes."""
        return {key: rule.shaped(batch[key]) for key, rule in self._rules.items()}

    # === Arrays ===

    def checked(self, *parts, first, warn):
        """Check a batch, its arrays in the order of their names; returns it as it is kept."""
        kept = {}
        for (key, rule), part in zip(self._rules.items(), parts, strict=True):
            told = {"name": self._names[key], "form": self._forms[key]}
            kept[key] = rule.checked(part, **told, warn=warn) if first else rule.typed(part, **told)
        check_lengths(kept, self._name)
        return tuple(kept.values())

    def joined(self, batches):
        """Kept batches as `(dict, None)`."""
        parts = map(np.concatenate, zip(*batches, strict=True))
        return dict(zip(self._rules, parts, strict=True)), None


def places(spec, entries, name, optional=()):
    """Where in a batch each entry is: a `dict` from its name to a tuple of keys.

    Args:
        spec: `element_spec` of a data set.
        entries: the model's `entries.EntrySpecs`.
        name: name of the data set in errors.
        optional: names of entries that may be missing.

    Raises:
        ValueError: for what is no `dict` of batches, if several entries are needed.
    """
    if isinstance(spec, collections.abc.Mapping):
        return {key: (key,) for key in spec}
    needed = [key for key in entries if key not in optional]
    if isinstance(spec, tf.TypeSpec) and len(needed) == 1:
        return {needed[0]: ()}
    dicts = isinstance(spec, (tuple, list)) and 0 < len(spec) < 3
    _checks.check(
        dicts and all(isinstance(part, collections.abc.Mapping) for part in spec),
        f"`{name}` must yield dicts of batches with the entries that the model reads: "
        f"{', '.join(needed)}.",
        cure=lambda: _cure_of_structure(spec, entries, needed, name),
        element_spec=spec,
    )
    doubled = [key for key in spec[0] if key in spec[-1]] if len(spec) > 1 else []
    _checks.check(
        not doubled,
        f"An entry must be in one of the two dicts that `{name}` yields, not in both.",
        entries=doubled,
    )
    return {key: (side, key) for side, part in enumerate(spec) for key in part}


def in_order(entries, needed, parts):
    """The names of the entries in the order of the tensors that they fit, by their shapes.

    Args:
        entries: the model's `entries.EntrySpecs`.
        needed: names of entries.
        parts: as many `tf.TensorSpec`s of batches.
    """
    ranks = [part.shape.rank for part in parts]
    for names in itertools.permutations(needed) if len(parts) < 5 and None not in ranks else ():
        wanted = [entries[key].shape for key in names]
        if all(
            shape is None or agree(fitted(part.shape, shape)[1:], shape)
            for part, shape in zip(parts, wanted, strict=True)
        ):
            return list(names)
    return list(needed)


def _cure_of_structure(spec, entries, needed, name):
    parts = spec if isinstance(spec, (tuple, list)) else (spec,)
    if len(parts) != len(needed) or not all(isinstance(part, tf.TensorSpec) for part in parts):
        return "Use `.map` to bring it into that form."
    needed = in_order(entries, needed, parts)
    pairs = ", ".join(f"{key!r}: {key}" for key in needed)
    return f"Use `{name}.map(lambda {', '.join(needed)}: {{{pairs}}})`."


def at(structure, place):
    """The part of a structure at a tuple of keys."""
    for key in place:
        structure = structure[key]
    return structure
