"""The input of a model: a data set for Keras, examples of it, and errors found in it."""

import collections
import re

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import private_keras
from keras_gan.feeding import sources, values


class Feed:
    """A data set ready for Keras, and examples of its samples.

    Attributes:
        dataset: `tf.data.Dataset` of flat batches.
        steps: batches of an epoch; `None` if unknown before reading.
        steps_per_epoch: argument for Keras, or `None` if the data set ends with the epoch.
        samples: up to 2,000 real samples, NumPy; `None` until a pipeline has been read. Repeated
            samples are included once. Of a model that is fed dicts, a `dict` of as many rows.
        labels: the labels of `samples`, or `None`.
        source: the `sources.Source` of the samples, or `None` for a user's own pipeline.
        found_error: the error found while the data were read, or `None`.
    """

    found_error = None
    # The name of data that restart their pass on a resume; `None` if they continue.
    kind = None

    def __init__(
        self, dataset, samples=None, labels=None, source=None, *, steps=None, steps_per_epoch=None
    ):
        options = tf.data.Options()
        # Several workers divide batches, not files.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        if dataset.options().autotune.enabled is None:
            # Keras drops the iterator of each epoch, which waits for TensorFlow's tuner to wake:
            # after a long epoch that is up to a minute. Parallel calls run on all cores without it.
            options.autotune.enabled = False
        self.dataset = dataset.with_options(options)
        self.source = source
        self._groups = getattr(source, "entry_groups", None)
        self._once = None, None
        self.keep(samples, labels)
        self.steps_per_epoch = steps_per_epoch
        known = int(dataset.cardinality())
        self.steps = steps_per_epoch or steps or (known if known >= 0 else None)
        # What remains known of the data once they are released: a `dict` of plain values.
        self.summary = {**(source.summary() if source else {}), **self._batches()}

    def keep(self, samples, labels):
        """Keep these examples in place of others."""
        self._kept = samples, labels

    @property
    def samples(self):
        return self._examples()[0]

    @property
    def labels(self):
        return self._examples()[1]

    def _examples(self):
        kept = self._kept
        if self._once[0] is not kept:  # computed once, on demand
            self._once = kept, _cleaned(*kept, self._groups)
        return self._once[1]

    @property
    def rows(self):
        """Number of samples in a flat batch; `None` if unknown before reading."""
        return tf.nest.flatten(self.dataset.element_spec)[0].shape[0]

    def join_epochs(self, steps_per_execution):
        """Let one iterator serve all epochs of a `fit`, if that changes nothing else.

        Args:
            steps_per_execution: number of steps that one call of Keras's training function makes.
        """

    def release(self):
        """Release the data; the examples remain."""
        self.dataset = self.source = None

    def description(self):
        """The fingerprint of the data: a `dict` of plain values; no checksums once released."""
        if self.source is None:
            return self.summary
        return {**self.source.description(), **self._batches()}

    def _batches(self):
        return {"rows_per_step": self.rows, "steps_per_epoch": self.steps}

    def checksum(self):
        """A checksum of the first samples; `None` while they are unknown."""
        return checksum_of(self.samples, self.labels)

    def expect(self, checksum, name):
        """Warn when the first samples become known, if they differ.

        Args:
            checksum: the checksum of the original run's data, or `None`.
            name: name of the data in the warning.
        """
        if checksum is not None and checksum != self.checksum():
            _warnings.warn(
                f"The samples of `{name}` are not those that this run began with, although their "
                "number and form are the same. Training goes on with them."
            )

    def for_keras(self):
        """The data argument for `fit` and `evaluate` of Keras."""
        return _Adapter(self)

    def check_epoch(self):
        """Raise the error found in the data of an epoch that has ended."""
        if self.found_error is not None:
            raise self.found_error from None


class StreamFeed(Feed):
    """Batches of a `sources.Source`, which begin where training is."""

    def join_epochs(self, steps_per_execution):
        # Keras makes two iterators for each epoch of data that end with it, and those cost more
        # than the steps of small networks. The next epoch's batches are still not read before its
        # first step. A call must not make steps of two epochs.
        if self.steps % steps_per_execution == 0:
            self.dataset, self.steps_per_epoch = self.dataset.repeat(), self.steps


def checksum_of(samples, labels=None):
    parts = [part for part in tf.nest.flatten((samples, labels)) if part is not None]
    return "".join(map(sources.checksum, parts)) or None


# === Examples ===


def _cleaned(samples, labels, groups):
    """The finite samples, each once, and their labels; of a `dict`, those of each group of rows."""
    if not isinstance(samples, dict):
        samples, labels = _finite(samples, labels)
        return _each_once(samples, labels)
    found = {}
    for names in groups or [list(samples)]:
        part, _ = _finite({name: samples[name] for name in names}, None)
        if part is None:
            return None, None
        found.update(_each_once(part, None)[0])
    return {name: found[name] for name in samples}, None


def _finite(samples, labels):
    """The samples without NaN and infinity, and their labels; `None` if there are none.

    A batch of a pipeline may hold others. Its update is left out, and nothing is compared with it.
    """
    floats = [part for part in _arrays(samples) if part.dtype.kind == "f"]
    if not floats:
        return samples, labels
    rows = np.logical_and.reduce([values.finite_rows(part) for part in floats])
    if rows.all():
        return samples, labels
    return _rows(samples, labels, rows) if rows.any() else (None, None)


def _each_once(samples, labels):
    """Samples and their labels, without duplicates if the data are repeated.

    Repeated data yield the same few samples about equally often, and duplicates would have nearest
    neighbours at distance 0. In discrete data only some rows are equal: these are left unchanged,
    as are data of a single point.
    """
    arrays = _arrays(samples)
    if not arrays or len(arrays[0]) < 2:
        return samples, labels
    flat = [part.reshape(len(part), -1) for part in arrays]
    # Usually a part of them shows that all differ.
    for parts in ([part[:, :: -(-part.shape[1] // 64)] for part in flat], flat):
        first, counts = {}, collections.Counter()
        for row, value in enumerate(zip(*parts, strict=True)):
            key = hash(b"".join(part.tobytes() for part in value))
            first.setdefault(key, row)
            counts[key] += 1
        if len(first) == len(flat[0]):
            return samples, labels
    if len(first) == 1 or max(counts.values()) > 2 * min(counts.values()) + 1:
        return samples, labels
    return _rows(samples, labels, np.array(list(first.values())))


def _arrays(samples):
    return [] if samples is None else tf.nest.flatten(samples)


def _rows(samples, labels, rows):
    samples = tf.nest.map_structure(lambda part: part[rows], samples)
    return samples, None if labels is None else labels[rows]


class _Adapter(private_keras.DatasetAdapter):
    """Tells Keras the length of an epoch, and raises errors found in the data at its end.

    An error inside a pipeline makes TensorFlow print its call stacks several times. Therefore bad
    data only end a pipeline, and the error is raised here, before callbacks see the end of the
    epoch. Keras accepts adapters as data.
    """

    def __init__(self, feed):
        super().__init__(feed.dataset)
        self._feed = feed
        self._within_epoch = False

    @property
    def num_batches(self):
        # If an epoch is a part of a longer pass, Keras must not restart the data.
        return None if self._feed.steps_per_epoch else self._feed.steps

    def on_epoch_begin(self):
        self._within_epoch = True

    def on_epoch_end(self):
        # Keras also calls it once before the first epoch.
        if self._within_epoch:
            self._within_epoch = False
            self._feed.check_epoch()


def ended_program(error):
    """The exception of Python that is no error, for an error of TensorFlow that tells of it."""
    found = re.search(r"^(?:.*: )?(KeyboardInterrupt|SystemExit)(?:: (.*))?$", error.message, re.M)
    if not found or "IteratorGetNext" not in str(error):
        return None
    if found[1] == "KeyboardInterrupt":
        return KeyboardInterrupt()
    return SystemExit(int(found[2]) if (found[2] or "").isdigit() else found[2])


def reading_failed(error):
    """The message for an error of TensorFlow that comes from reading data; else `None`."""
    if "IteratorGetNext" not in str(error):
        return None
    lines = [line.strip() for line in error.message.splitlines()]
    # For an error raised in Python, TensorFlow puts type and message after the traceback.
    told = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    noise = ("Graph execution error", "Detected at node", "<stack traces", "[[", "{{", "Traceback")
    if told and " Received: " in told[-1]:  # an error of this package
        return told[-1].split(": ", 1)[1]
    told = told or [line for line in lines if line and not line.startswith(noise)]
    return _checks.sentence(
        "Data must be readable to their end, but reading them failed.",
        error=told[-1] if told else type(error).__name__,
        cure="The model is unchanged since its last complete step. Repair the data.",
    )
