"""The sources of `keras_gan.data` as sources of named entries."""

import copy

import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import fit_data, sources
from keras_gan.feeding.cures import Form
from keras_gan.feeding.entry_batches import at, in_order, places


class Named(sources.Source):
    """Another source with entries in place of its samples, in the same order.

    Args:
        source: a `sources.Source`.
        places: `dict` from the name of each entry to where it is in a batch of `source`: a tuple
            of keys.
    """

    def __init__(self, source, places):
        self._source, self._places = source, places
        spec = self._picked(source.element_spec)
        super().__init__(source.num_samples, spec, shuffle=source.shuffle, seed=source.seed)
        self.parallel_reads = source.parallel_reads
        self.is_checked = source.is_checked
        self.is_random_access = source.is_random_access
        self.class_names = source.class_names
        self.order = source.order

    def read(self, indices):
        return self._picked(self._source.read(indices))

    def batches(self, pass_index, batch_size):
        if self.is_random_access:
            return super().batches(pass_index, batch_size)
        return self._picked_of_each(self._source.batches(pass_index, batch_size))

    def since(self, first, steps, batch_size):
        if self.is_random_access:
            return super().since(first, steps, batch_size)
        return self._picked_of_each(self._source.since(first, steps, batch_size))

    def examples(self, limit):
        samples, labels = self._source.examples(limit)
        return self._picked(samples if labels is None else (samples, labels)), None

    def split(self, share):
        if self.is_random_access:
            return super().split(share)
        return tuple(Named(part, self._places) for part in self._source.split(share))

    def description(self):
        return {**self._source.description(), "sample": str(self.element_spec)}

    def _picked_of_each(self, batches):
        return batches.map(lambda *batch: self._picked(batch if len(batch) > 1 else batch[0]))

    def _picked(self, batch):
        return {name: at(batch, place) for name, place in self._places.items()}


def by_entry(source, entries, name, optional=()):
    """A source as one of those of its entries that a model reads.

    Args:
        source: a `sources.Source`, of dicts or of single samples.
        entries: the model's `entries.EntrySpecs`.
        name: name of the data in errors.
        optional: names of entries that may be missing.

    Raises:
        ValueError: if entries are missing.
    """
    spec = source.element_spec
    needed = [key for key in entries if key not in optional]
    wanted = ("samples", "labels")
    if isinstance(spec, tuple) and len(needed) == 2:
        batches = [tf.TensorSpec([None, *part.shape], part.dtype) for part in spec]
        wanted = tuple(in_order(entries, needed, batches))
    _checks.check(
        not isinstance(spec, tuple),
        f"`{name}` must yield dicts of batches with the entries that the model reads: "
        f"{', '.join(needed)}.",
        cure=f"Name its samples and labels: `keras_gan.data.unpaired({name}, names=[{wanted}])`.",
        element_spec=spec,
    )
    found = places(spec, entries, name, optional)
    chosen = entries.chosen(found, name, optional=optional)
    return named(source, {key: found[key] for key in chosen})


def named(source, places):
    """A source of dicts, see `Named`; that of arrays in memory is one itself."""
    if not isinstance(source, sources.ArraySource):
        own = getattr(source, "named", None)  # of several sources
        return Named(source, places) if own is None else own(places)
    arrays = {name: at(source.arrays, place) for name, place in places.items()}
    return with_arrays(source, arrays)


def with_arrays(source, arrays):
    """An `ArraySource` with other arrays in the same order."""
    same = isinstance(source.arrays, dict) and list(source.arrays) == list(arrays)
    if same and all(arrays[key] is part for key, part in source.arrays.items()):
        return copy.copy(source)  # the arrays are in memory once
    found = sources.ArraySource(arrays, check=False)
    found = found.ordered(source.shuffle, source.seed, source.order)
    found.class_names, found.is_checked = source.class_names, source.is_checked
    return found


def checked(source, entries, name):
    """Check a source of entries: all rows of arrays in memory, otherwise some.

    Args:
        source: what `by_entry` returns.
        entries: the model's `entries.EntrySpecs`.
        name: name of the data in errors.

    Returns:
        The source.

    Raises:
        ValueError: for values that cannot be trained on.
    """
    parts = getattr(source, "parts", None)
    if parts is not None:
        return source.of([checked(part, entries, name) for part in parts])
    in_memory = isinstance(source, sources.ArraySource)
    arrays = source.arrays if in_memory else source.examples(fit_data.EXAMPLES)[0]
    arrays = {
        key: entries[key].checked(
            part,
            f"{key} in {name}",
            form=Form("dataset", name, entry=key),
            warn=not source.is_checked,
        )
        for key, part in arrays.items()
    }
    source = with_arrays(source, arrays) if in_memory else source
    source.is_checked = True
    return source


def examples(source, entries, name):
    """Some rows of a source of entries as networks see them: `(dict, None)`."""
    arrays, _ = source.examples(fit_data.EXAMPLES)
    return {key: entries[key].typed(part, f"{key} in {name}") for key, part in arrays.items()}, None
