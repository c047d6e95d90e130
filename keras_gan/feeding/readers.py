"""Keras's other inputs (`PyDataset`, generators, loaders), each as a `tf.data` pipeline.

They are read in Python, one batch at a time, with the same checks as any pipeline.
"""

import collections
import concurrent.futures
import functools
import itertools
import types
import weakref

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding.feeds import checksum_of
from keras_gan.feeding.sample_batches import sample_arrays


def is_read(x):
    """Whether this is a `keras.utils.PyDataset`, a generator, or a loader of PyTorch or Grain."""
    return isinstance(x, (keras.utils.PyDataset, types.GeneratorType)) or _is_loader(x)


def is_data_set(x):
    """Whether this yields batches: a `tf.data.Dataset`, or what is read."""
    return isinstance(x, tf.data.Dataset) or is_read(x)


def may_not_end(x):
    """Whether reading this may go on for ever: it says so, or is a generator."""
    if isinstance(x, tf.data.Dataset):
        return int(x.cardinality()) == tf.data.INFINITE_CARDINALITY
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches is None
    return isinstance(x, types.GeneratorType)


def check_end(x, name, cure):
    """Raise an error for what would be read for ever, see `may_not_end`."""
    told = {name: type(x).__name__}
    _checks.check(not may_not_end(x), f"`{name}` must have an end.", cure=cure, **told)


def _is_loader(x):
    # As in Keras; neither library is imported.
    return any(
        (base.__name__ == "DataLoader" and "torch.utils.data" in base.__module__)
        or (
            base.__name__ in ("MapDataset", "IterDataset", "DataLoader")
            and base.__module__.split(".")[0] == "grain"
        )
        for base in type(x).__mro__
    )


def reader(x, name, *, arrays=None, shuffle=False, seed=0, position=lambda: 0, group=1):
    """The `Reader` of one of these inputs.

    Args:
        x: the input.
        name: name of the input in errors.
        arrays: callable that returns a batch as an array, a tuple or a `dict` of arrays. Default:
            samples, or `(samples, labels)`.
        shuffle: whether to shuffle the batches of a finite `PyDataset` by `seed` and pass, as Keras
            does; other inputs shuffle themselves.
        seed: integer seed of that order.
        position: callable that returns the number of batches trained on before, called at the
            start of a pass.
        group: batches of a step; a pass drops those that make no step, and a short last one.

    Raises:
        ValueError: if there is no batch, or the first one is invalid.
    """
    arrays = arrays or functools.partial(sample_arrays, name=name)
    if isinstance(x, keras.utils.PyDataset):
        order = {"shuffle": shuffle, "seed": seed, "position": position, "group": group}
        return PyDatasetReader(x, name, arrays, **order)
    kind = GeneratorReader if isinstance(x, types.GeneratorType) else Reader
    return kind(x, name, arrays)


class Reader:
    """Batches of an iterable that restarts with each pass, such as a loader.

    Attributes:
        batches: their number, `tf.data.UNKNOWN_CARDINALITY` or `INFINITE_CARDINALITY`.
        dataset: `tf.data.Dataset` of them. It does not keep the reader alive.
        error: the error raised while reading, or `None`; it ends the data set.
        first: a checksum of the batch that was read first, to find its structure.
        kind: name of data that restart their pass on a resume; `None` if they continue.
    """

    kind = "loader"

    def __init__(self, x, name, arrays):
        self._x, self._name, self._arrays = x, name, arrays
        self.error = None
        self.num_read = 0
        self.batches = self._count()
        _checks.check(self.batches != 0, f"`{name}` must not be empty.", batches=0)
        first = arrays(self._first())
        self.first = checksum_of(first)
        self._spec = tf.nest.map_structure(lambda a: tf.TensorSpec([None] * a.ndim, a.dtype), first)
        reference = weakref.ref(self)  # TensorFlow keeps the function until the process ends
        self.dataset = tf.data.Dataset.from_generator(
            lambda: reference().one_pass(), output_signature=self._spec
        )

    def one_pass(self):
        """The batches of a pass as arrays, tuples or dicts of arrays; an error ends the pass."""
        try:
            for batch in self._pass():
                arrays = self._arrays(batch)
                self._check_like_first(arrays)
                self.num_read += 1
                yield arrays
        except GeneratorExit:
            raise
        except BaseException as error:  # user code may raise anything
            self.error = error

    def check(self, needed, total=None, cure=lambda batches: None):
        """Raise the error that occurred while reading; what ends a program as it is.

        Args:
            needed: number of batches that must have been read.
            total: those that the whole run needs. Default: the same.
            cure: callable from the number that there are to the cure of too few.
        """
        if self.error is not None and not isinstance(self.error, Exception):
            raise self.error
        if self.error is not None:
            raise _checks.error(
                f"`{self._name}` must be readable to its end, but reading it failed.",
                error=f"{type(self.error).__name__}: {self.error}",
                cure="The model is unchanged since its last complete step. Repair the data.",
            ) from self.error

    def _count(self):
        try:
            return len(self._x)
        except TypeError:
            return tf.data.UNKNOWN_CARDINALITY

    def _first(self):
        return next(self._pass(), None)

    def _pass(self):
        return iter(self._x)

    def _check_like_first(self, arrays):
        like = _kinds(self._spec, lambda spec: (len(spec.shape), spec.dtype.name))
        found = _kinds(arrays, lambda array: (array.ndim, array.dtype.name))
        _checks.check(
            found == like,
            f"The batches of `{self._name}` must be of one rank and type.",
            first=like,
            later=found,
        )


def _kinds(batch, kind):
    """`kind` of each array of a batch: a list, or a `dict` by entry."""
    if isinstance(batch, dict):
        return {key: kind(part) for key, part in batch.items()}
    return [kind(part) for part in tf.nest.flatten(batch)]


class PyDatasetReader(Reader):
    """Batches of a `keras.utils.PyDataset`, with as many threads as it has workers.

    Processes are not used: they would be started from threads of TensorFlow.
    """

    _next_pass = 0

    def __init__(self, x, name, arrays, *, shuffle, seed, position, group):
        self._shuffle, self._seed, self._position = shuffle, seed, position
        self._group = group
        super().__init__(x, name, arrays)

    @property
    def kind(self):
        return None if self.batches < 0 else "PyDataset"

    def _count(self):
        count = self._x.num_batches
        return tf.data.INFINITE_CARDINALITY if count is None else count

    def _first(self):
        return self._x[0]

    def _pass(self):
        self._x.on_epoch_begin()
        yield from self._read_ahead(self._order())
        self._x.on_epoch_end()

    def _order(self):
        done = self._position()
        if self.batches < 0:  # endless data can continue from any batch
            return itertools.count(done)
        if not self._shuffle:
            return range(self.batches)
        # Prefetched batches were not trained on yet, so a pass may start early.
        number = max(done // self._trained_in_a_pass if done else 0, self._next_pass)
        self._next_pass = number + 1
        order = np.random.default_rng([self._seed, number])
        return order.permutation(self.batches).tolist()

    @functools.cached_property
    def _trained_in_a_pass(self):
        """Batches of a pass that are trained on; at least 1."""
        parts = (self._arrays(self._x[place]) for place in (0, self.batches - 1))
        first, last = (len(keras.tree.flatten(part)[0]) for part in parts)
        full = self.batches - (last < first)
        return max(1, full // self._group * self._group)

    def _read_ahead(self, order):
        if self._x.workers < 2:
            yield from map(self._x.__getitem__, order)
            return
        waiting = collections.deque()
        with concurrent.futures.ThreadPoolExecutor(self._x.workers) as pool:
            for index in order:
                waiting.append(pool.submit(self._x.__getitem__, index))
                if len(waiting) > self._x.max_queue_size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


class GeneratorReader(Reader):
    """Batches of a generator, which can be read once: a pass continues after the last one."""

    kind = "generator"

    def check(self, needed, total=None, cure=lambda batches: None):
        super().check(needed, total, cure)
        _checks.check(
            not self._has_ended or self.num_read >= needed,
            f"`{self._name}` must yield a batch for each step: a generator can be read once.",
            cure=lambda: cure(self.num_read),
            batches=self.num_read,
            needed=total or needed,
        )

    _has_ended = False

    def _count(self):
        return tf.data.UNKNOWN_CARDINALITY

    def _first(self):
        first = next(self._x, None)
        self._x = itertools.chain([] if first is None else [first], self._x)
        return first

    def _pass(self):
        yield from self._x
        self._has_ended = True
