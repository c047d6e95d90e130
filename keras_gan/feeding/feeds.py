"""What a model is fed from: a data set for Keras, examples of it, and the errors found in it."""

import collections
import re

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import private_keras
from keras_gan.feeding import sources


class Feed:
    """A data set ready for Keras, and examples of what is in it.

    Attributes:
        dataset: `tf.data.Dataset` of flat batches.
        steps: batches of an epoch, `None` where only reading tells.
        steps_per_epoch: to be given to Keras, or `None` where the data set ends an epoch itself.
        samples: up to 2,000 real samples, NumPy; `None` until a pipeline has been read. Those of
            data that repeat themselves are there once.
        labels: theirs, or `None`.
        source: the `sources.Source` of the samples, or `None` for a user's own pipeline.
        found_error: what was found wrong with the data while they were read, or `None`.
    """

    found_error = None
    # What these data are called where they begin anew on a resume; `None` where they go on.
    kind = None

    def __init__(
        self, dataset, samples=None, labels=None, source=None, *, steps=None, steps_per_epoch=None
    ):
        options = tf.data.Options()
        # Several workers share out batches, not files.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        if dataset.options().autotune.enabled is None:
            # Keras drops the iterator of each epoch, which waits for TensorFlow's tuner to wake:
            # after a long epoch that is up to a minute. Parallel calls run on all cores without it.
            options.autotune.enabled = False
        self.dataset = dataset.with_options(options)
        self.source = source
        self._once = None, None
        self.keep(samples, labels)
        self.steps_per_epoch = steps_per_epoch
        known = int(dataset.cardinality())
        self.steps = steps_per_epoch or steps or (known if known >= 0 else None)

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
        if self._once[0] is not kept:  # looked through once, where somebody asks for them
            self._once = kept, _each_once(*kept)
        return self._once[1]

    @property
    def rows(self):
        """Samples in a flat batch, `None` where only reading tells."""
        return tf.nest.flatten(self.dataset.element_spec)[0].shape[0]

    def release(self):
        """Let go of the data; the examples stay."""
        self.dataset = self.source = None

    def description(self):
        """What tells these data from others: a `dict` of plain values."""
        return {
            **self.source.description(),
            "rows_per_step": self.rows,
            "steps_per_epoch": self.steps,
        }

    def checksum(self):
        """A short text that differs where the first samples do; `None` as long as none is known."""
        return checksum_of(self.samples, self.labels)

    def expect(self, checksum, name):
        """Warn as soon as the first samples are known, if they are others.

        Args:
            checksum: what another process got for the data that it trained on, or `None`.
            name: what the data are called.
        """
        if checksum is not None and checksum != self.checksum():
            _warnings.warn(
                f"The samples of `{name}` are not those that this run began with, although their "
                "number and form are the same. Training goes on with them."
            )

    def for_keras(self):
        """What `fit` and `evaluate` of Keras take in the place of data."""
        return _Adapter(self)

    def check_epoch(self):
        """Raise what was found wrong with the data of an epoch that has ended."""
        if self.found_error is not None:
            raise self.found_error from None


def checksum_of(samples, labels=None):
    """A short text that differs where samples or labels do."""
    parts = [part for part in (samples, labels) if part is not None]
    return "".join(map(sources.checksum, parts)) or None


def _each_once(samples, labels):
    """Samples and their labels, each sample once if the data have repeated themselves.

    Data that repeat themselves give the same few samples over and over, about equally often; where
    they count as different ones, their neighbours are no distance away. In data that are discrete,
    some rows are equal and others are not: these stay as they are, and so do data of one point.
    """
    if samples is None or len(samples) < 2:
        return samples, labels
    values = samples.reshape(len(samples), -1)
    # Mostly a part of them tells that all differ.
    for part in (values[:, :: -(-values.shape[1] // 64)], values):
        first, counts = {}, collections.Counter()
        for row, value in enumerate(part):
            key = hash(value.tobytes())
            first.setdefault(key, row)
            counts[key] += 1
        if len(first) == len(samples):
            return samples, labels
    if len(first) == 1 or max(counts.values()) > 2 * min(counts.values()) + 1:
        return samples, labels
    rows = np.array(list(first.values()))
    return samples[rows], None if labels is None else labels[rows]


class _Adapter(private_keras.DatasetAdapter):
    """Tells Keras how long an epoch is, and ends it with the error that was found in the data.

    An error inside of a pipeline would make TensorFlow print its call stacks, several times over.
    So bad data only end a pipeline, and the error is raised here, before any callback hears of an
    end. Keras takes adapters in the place of data.
    """

    def __init__(self, feed):
        super().__init__(feed.dataset)
        self._feed = feed
        self._within_epoch = False

    @property
    def num_batches(self):
        # Where epochs are cut out of data that go on, Keras must not begin them anew.
        return None if self._feed.steps_per_epoch else self._feed.steps

    def on_epoch_begin(self):
        self._within_epoch = True

    def on_epoch_end(self):
        # Keras calls it once before the first epoch, too.
        if self._within_epoch:
            self._within_epoch = False
            self._feed.check_epoch()


def reading_failed(error):
    """The sentence for an error of TensorFlow, if it comes from reading data; else `None`."""
    if "IteratorGetNext" not in str(error):
        return None
    lines = [line.strip() for line in error.message.splitlines()]
    # Of an error raised in Python, TensorFlow tells the type and words after the traceback.
    told = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    noise = ("Graph execution error", "Detected at node", "<stack traces", "[[", "{{", "Traceback")
    if told and " Received: " in told[-1]:  # in our own words
        return told[-1].split(": ", 1)[1]
    told = told or [line for line in lines if line and not line.startswith(noise)]
    return _checks.sentence(
        "Data must be readable to their end, but reading them failed.",
        error=told[-1] if told else type(error).__name__,
        cure="The model is as its last whole step left it: repair the data and go on.",
    )
