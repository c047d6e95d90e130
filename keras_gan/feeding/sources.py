"""Random access to samples, which makes shuffled training resumable.

The order is a function of the seed and the pass. There is no state between batches, so any batch of
any pass can be read directly, and an interrupted run resumes with the next batch.
"""

import copy
import itertools
import math
import os
import zlib

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend.memory import numpy_function
from keras_gan.feeding import batch_sizes, class_names, sample_spec
from keras_gan.feeding import labels as labels_module
from keras_gan.feeding.orders import EXAMPLES_PASS, SPLIT_PASS, shuffled


class Source:
    """Base of all sources. A subclass implements `read`.

    Args:
        num_samples: number of samples.
        element_spec: `tf.TensorSpec` of one sample, a tuple of two, for a sample and its label, or
            a `dict` of named entries; without a batch axis.
        shuffle: whether each pass has its own order. Defaults to `True`; otherwise all passes keep
            the order of the data.
        seed: non-negative integer seed of the order. Defaults to 0.
    """

    # Number of batches read in parallel, or more of small ones, so that every core has a sample;
    # `None` if reading is only a copy.
    parallel_reads = None
    # Whether all values were checked, including warnings.
    is_checked = False
    # Names of classes by index; `None` without labels or names.
    class_names = None
    # Number of the order, among several of one seed.
    order = 0
    # Whether samples can be read in any order, by `read`.
    is_random_access = True

    def __init__(self, num_samples, element_spec, *, shuffle=True, seed=0):
        self.num_samples = _checks.positive_int(num_samples, "num_samples")
        self.element_spec = element_spec
        self.shuffle = _checks.boolean(shuffle, "shuffle")
        self.seed = _checks.seed(seed)

    def read(self, indices):
        """One batch: the samples at `indices`, an int64 vector, in the structure of the source."""
        raise NotImplementedError

    def batches(self, pass_index, batch_size):
        """A pass; the last batch may be short.

        Args:
            pass_index: int64 scalar or integer, the number of the pass.
            batch_size: positive integer.

        Returns:
            `tf.data.Dataset` of batches of samples, or of `(samples, labels)`.
        """
        steps, rows = self.num_samples // batch_size, self.num_samples
        numbers = tf.data.Dataset.range(steps)
        dataset = self._at_steps(numbers, batch_size, lambda step: (step, pass_index), rows)
        if not rows % batch_size:
            return dataset
        rest = tf.range(steps * batch_size, rows, dtype="int64")
        tail = tf.data.Dataset.from_tensors(rest).map(lambda rest: self.at(rest, pass_index, rows))
        return dataset.concatenate(tail) if steps else tail

    def since(self, first, steps, batch_size):
        """`stream` without its last stage; `first` returns the first step as a tensor."""
        per_pass = self.num_samples // batch_size

        @tf.autograph.experimental.do_not_convert
        def numbers_from(_):
            number = first()
            return tf.data.Dataset.range(number, number + steps)

        # Only numbers: TensorFlow prepares what is in such a function once more for each iterator.
        numbers = tf.data.Dataset.from_tensors(0).flat_map(numbers_from)
        place = lambda number: (number % per_pass, number // per_pass)  # noqa: E731
        return self._at_steps(numbers, batch_size, place, per_pass * batch_size)

    def _at_steps(self, numbers, batch_size, place, rows):
        """The batches of a data set of numbers, each a step of a pass as `place` tells."""

        def batch(number):
            step, pass_index = place(number)
            positions = step * batch_size + tf.range(batch_size, dtype="int64")
            return self.at(positions, pass_index, rows)

        # TensorFlow warns if determinism is requested without parallel calls.
        reads = deterministic = None
        if self.parallel_reads:
            cores = os.cpu_count() or 1
            reads, deterministic = max(self.parallel_reads, 1 + -(-cores // batch_size)), True
        return numbers.map(
            tf.autograph.experimental.do_not_convert(batch),
            num_parallel_calls=reads,
            deterministic=deterministic,
        )

    def examples(self, limit):
        """Some distinct samples, drawn by the seed, without side effects.

        Args:
            limit: maximum number of samples.

        Returns:
            `(samples, labels)`, NumPy arrays; `labels` may be `None`, and `samples` a `dict`.
        """
        return as_arrays(self.read(self._drawn(limit)))

    def stream(self, start, steps, batch_size):
        """Full batches from any step on, pass after pass.

        With `p = num_samples // batch_size` steps a pass, step `k` is batch `k % p` of pass
        `k // p`; an incomplete batch is dropped.

        Args:
            start: callable without arguments that returns the first step, an integer. It is called
                when an iterator starts.
            steps: positive integer, number of batches that an iterator yields.
            batch_size: positive integer, at most `num_samples`.

        Returns:
            `tf.data.Dataset` with `len()`, prefetched, of batches with a static batch dimension.
        """

        def number():
            return np.int64(start())

        first = lambda: tf.reshape(numpy_function(number, [], "int64"), [])  # noqa: E731
        return sized(self.since(first, steps, batch_size), steps)

    def dataset(self, batch_size=None):
        """One pass as a data set: a new order with each iterator, the last batch may be short.

        Args:
            batch_size: positive integer; `None` for what suits the samples, see `batch_sizes`.

        Returns:
            `tf.data.Dataset` with `len()`, and three attributes: `source`, this object, from which
            `keras_gan.GAN.fit` draws its batches so that it resumes exactly, `batch_size`, and
            `class_names`, which the results of `take`, `skip`, `batch` and so on have too.
        """
        batch_size = batch_sizes.chosen(batch_size, self.element_spec)
        passes = itertools.count()

        def next_pass():
            return np.int64(next(passes))

        def one_pass(_):
            number = tf.reshape(numpy_function(next_pass, [], "int64"), [])
            return self.batches(number, batch_size)

        steps = -(-self.num_samples // batch_size)
        dataset = sized(tf.data.Dataset.from_tensors(0).flat_map(one_pass), steps)
        dataset = class_names.NamedDataset(dataset, self.class_names)
        dataset.source = self
        dataset.batch_size = batch_size
        return dataset

    def one_pass(self, batch_size):
        """A pass as a data set with `len()`, the same in each iteration, including a short last
        batch.
        """
        steps = -(-self.num_samples // batch_size)
        return sized(self.batches(0, batch_size), steps)

    def split(self, share):
        """Split the samples randomly into two sources.

        The held-out samples are drawn by the seed, so data may be sorted.

        Args:
            share: fraction of the samples in the second source, above 0 and below 1.

        Returns:
            `(rest, held_out)`.

        Raises:
            ValueError: if one of them would be empty.
        """
        at = split_at(self.num_samples, share)
        positions = tf.range(self.num_samples, dtype="int64")
        order = shuffled(positions, self.seed, SPLIT_PASS, self.num_samples, self.order).numpy()
        return Subset(self, np.sort(order[:at])), Subset(self, np.sort(order[at:]))

    def description(self):
        """The fingerprint of the samples: a `dict` of plain values, without paths."""
        return self.summary()

    def summary(self):
        """What is known of the samples without reading them: a `dict` of plain values."""
        return {
            "source": type(self).__name__,
            "num_samples": self.num_samples,
            "sample": str(_sorted(self.element_spec)),
            "shuffle": self.shuffle,
            "seed": self.seed,
        }

    def ordered(self, shuffle, seed, order):
        """The same samples in another order."""
        other = copy.copy(self)
        other.shuffle, other.seed, other.order = shuffle, seed, order
        return other

    def _drawn(self, limit):
        """The indices of examples."""
        count = min(limit, self.num_samples)
        positions = tf.range(count, dtype="int64")
        return shuffled(positions, self.seed, EXAMPLES_PASS, self.num_samples, self.order)

    def at(self, positions, pass_index, rows=None):
        """The samples at some positions of a pass.

        Args:
            positions: int64 vector.
            pass_index: int64 scalar, or a vector, the pass of each position.
            rows: number of positions of a pass that are read.
        """
        if self.shuffle:
            size = self.num_samples
            positions = shuffled(positions, self.seed, pass_index, size, self.order)
        return self.read(positions)


class _Memory:
    """Arrays, and tensors that hold the same bytes as soon as they are needed."""

    def __init__(self, arrays):
        self.arrays = arrays
        self._tensors = None

    def tensors(self):
        if self._tensors is None:
            # Made when first needed, outside of any graph being traced, and never on an
            # accelerator: all batches are cut on the host.
            with tf.init_scope(), tf.device("CPU:0"):
                self._tensors = tf.nest.map_structure(tf.constant, self.arrays)
                # The arrays become views of the tensors, so that data are not held twice.
                self.arrays = tf.nest.map_structure(np.asarray, self._tensors)
        return self._tensors


class ArraySource(Source):
    """Samples in memory.

    Args:
        samples: array `(n, ...)` of at least two axes. `uint8` stays `uint8`; all other numbers
            become `float32`. The allowed values are documented in `feeding.values`. Or a `dict` of
            named arrays of one length, checked by `feeding.entries`.
        labels: `None`, or class indices from 0 on: integers `(n,)` or `(n, 1)`. They become
            `int32`.
        shuffle: whether each pass has an order of its own. Defaults to `True`.
        seed: integer in [0, 2**63), the order's. Defaults to 0.
        check: whether samples and labels are checked; without it they must be as described below.
            Defaults to `True`.

    Attributes:
        samples: NumPy array, `uint8` or `float32`, or a `dict` of arrays.
        labels: NumPy array `(n,)`, `int32`, or `None`.

    Raises:
        ValueError: for arrays that are empty, do not fit each other, or hold values that cannot be
            trained on.

    Example:
        ```python
        source = ArraySource(images, seed=1)
        for batch in source.stream(start=lambda: 0, steps=100, batch_size=64):
            ...
        ```
    """

    def __init__(self, samples, labels=None, *, shuffle=True, seed=0, check=True):
        if check:
            samples = sample_spec.checked(samples)
            if labels is not None:
                labels = labels_module.checked(labels, len(samples))
        self.is_checked = check
        arrays = samples if labels is None else (samples, labels)
        self._memory = _Memory(arrays)
        spec = tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape[1:], part.dtype), arrays)
        super().__init__(len(tf.nest.flatten(samples)[0]), spec, shuffle=shuffle, seed=seed)

    @property
    def arrays(self):
        """The arrays in the structure of a batch."""
        return self._memory.arrays

    @property
    def samples(self):
        return self.arrays[0] if isinstance(self.arrays, tuple) else self.arrays

    @property
    def labels(self):
        return self.arrays[1] if isinstance(self.arrays, tuple) else None

    def read(self, indices):
        return tf.nest.map_structure(lambda t: tf.gather(t, indices), self._memory.tensors())

    def examples(self, limit):
        indices = self._drawn(limit).numpy()
        samples = tf.nest.map_structure(lambda part: part[indices], self.samples)
        return samples, None if self.labels is None else self.labels[indices]

    def description(self):
        named = isinstance(self.samples, dict)
        parts = self.samples if named else {"samples": self.samples, "labels": self.labels}
        checksums = {
            f"checksum_of_{name}": checksum(parts[name])
            for name in (sorted(parts) if named else parts)
            if parts[name] is not None
        }
        return {**super().description(), **checksums}


class Subset(Source):
    """A subset of the samples of another source, with its own order.

    Args:
        source: a source with `read`.
        indices: int64 array `(n,)`, the samples' positions in `source`.
    """

    def __init__(self, source, indices):
        super().__init__(
            len(indices), source.element_spec, shuffle=source.shuffle, seed=source.seed
        )
        self.parallel_reads = source.parallel_reads
        self.is_checked = source.is_checked
        self.class_names = source.class_names
        self.order = source.order
        self._source = source
        self._indices = np.asarray(indices, "int64")

    def read(self, indices):
        return self._source.read(tf.gather(tf.constant(self._indices), indices))

    def description(self):
        return {
            **self._source.description(),
            "num_samples": self.num_samples,
            "checksum_of_places": checksum(self._indices),
        }


def split_at(num_samples, share):
    """The number of training samples with a given `validation_split`.

    Raises:
        ValueError: if one side would be empty.
    """
    share = _checks.number(share, "validation_split", above=0.0, below=1.0)
    at = math.floor(num_samples * (1.0 - share))
    _checks.check(
        0 < at < num_samples,
        "`validation_split` must leave samples on both sides.",
        validation_split=share,
        num_samples=num_samples,
    )
    return at


# === Arrays ===


def checksum(array):
    """A checksum of arrays (or bytes), as text."""
    return f"{zlib.crc32(np.ascontiguousarray(array)):08x}"


def as_arrays(batch):
    """`(samples, labels or None)` as NumPy arrays; a `dict` of samples as a `dict` of arrays."""
    parts = batch if isinstance(batch, tuple) else (batch, None)
    return tuple(None if part is None else tf.nest.map_structure(np.array, part) for part in parts)


def _sorted(structure):
    return dict(sorted(structure.items())) if isinstance(structure, dict) else structure


def sized(dataset, steps):
    """The same data set with a known number of batches, prefetched."""
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)
