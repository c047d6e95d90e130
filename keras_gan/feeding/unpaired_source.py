"""Several sources side by side, each in an order of its own."""

import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import entry_sources, sources


class Unpaired(sources.Source):
    """Several sources of entries, whose rows do not belong together.

    A pass is one over the longest source. With `n` samples of a shorter one, row `r` since the
    first pass is sample `r % n` of its pass `r // n`, so that it continues without a gap where the
    pass of the longest one ends. There is no state between batches.

    Args:
        parts: list of sources of dicts, whose samples can be read in any order.
        shuffle: whether each pass of each source has an order of its own.
        seed: non-negative integer. The order of a source follows from it and the source's place.
    """

    def __init__(self, parts, *, shuffle=True, seed=0):
        self.parts = parts
        spec = {name: part for each in parts for name, part in each.element_spec.items()}
        longest = max(part.num_samples for part in parts)
        super().__init__(longest, spec, shuffle=shuffle, seed=seed)
        self.parallel_reads = max(part.parallel_reads or 0 for part in parts) or None
        self.is_checked = all(part.is_checked for part in parts)
        self.class_names = next((p.class_names for p in parts if p.class_names), None)

    is_random_access = False

    @property
    def entry_groups(self):
        """The names of the entries of each source."""
        return [list(part.element_spec) for part in self.parts]

    def of(self, parts):
        """The same with other parts."""
        return Unpaired(parts, shuffle=self.shuffle, seed=self.seed)

    def named(self, places):
        """The same with some of the entries, see `entry_sources.Named`."""
        found = []
        for part in self.parts:
            own = {name: place for name, place in places.items() if place[0] in part.element_spec}
            if own:
                found.append(entry_sources.named(part, own))
        return self.of(found)

    def at(self, positions, pass_index, rows=None):
        before = tf.cast(pass_index, "int64") * rows
        batch = {}
        for part in self.parts:
            size = part.num_samples
            if size == self.num_samples:
                batch.update(part.at(positions, pass_index))
            else:
                row = before + positions
                batch.update(part.at(row % size, row // size))
        return batch

    def one_pass(self, batch_size):
        """A pass up to the end of the shortest source, the same in each iteration."""
        batches = [part.batches(0, batch_size) for part in self.parts]

        def joined(*parts):
            parts = {name: tensor for part in parts for name, tensor in part.items()}
            rows = tf.reduce_min([tf.shape(tensor)[0] for tensor in parts.values()])
            return {name: tensor[:rows] for name, tensor in parts.items()}

        steps = -(-min(part.num_samples for part in self.parts) // batch_size)
        return sources.sized(tf.data.Dataset.zip(tuple(batches)).map(joined), steps)

    def examples(self, limit):
        found = [part.examples(limit)[0] for part in self.parts]
        return {name: array for part in found for name, array in part.items()}, None

    def split(self, share):
        """Split each source, see `sources.Source.split`."""
        first, last = zip(*(part.split(share) for part in self.parts), strict=True)
        return self.of(list(first)), self.of(list(last))

    def description(self):
        told = super().description()
        for number, part in enumerate(self.parts):
            checksums = {f"checksum_of_{name}" for name in part.element_spec}
            for key, value in part.description().items():
                told[key if key in checksums else f"{key}_of_source_{number}"] = value
        return told


def unpaired(given, *, shuffle, seed):
    """The `Unpaired` of some sources of dicts; of an `Unpaired` among them, its sources."""
    parts = [part for source in given for part in getattr(source, "parts", [source])]
    for number, part in enumerate(parts):
        _checks.check(
            part.is_random_access,
            "Each source must be one whose samples can be read in any order.",
            cure="Raise `memory_limit_gib` of the data set, so that it is kept in memory.",
            source=number,
            num_samples=part.num_samples,
        )
    ordered = [part.ordered(shuffle, seed, number) for number, part in enumerate(parts)]
    return Unpaired(ordered, shuffle=shuffle, seed=seed)
