"""A user's own `tf.data` pipeline on its way to the model: checked, looked at, grouped."""

import re

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.memory import numpy_function
from keras_gan.samples import agree

# Real samples that `fit` keeps for callbacks.
EXAMPLES = 2_000
# A pipeline's batches among which examples are looked for.
_WATCHED_BATCHES = 64


ONE_SIZE = "The batches of a pipeline must be of one size, the last one excepted."


class Feed:
    """A data set ready for Keras, and examples of what is in it.

    Attributes:
        dataset: `tf.data.Dataset` of flat batches.
        steps_per_epoch: to be given to Keras, or `None` where the data set ends an epoch itself.
        samples: up to 2,000 real samples, NumPy; `None` until a pipeline has been read.
        labels: theirs, or `None`.
        source: the `sources.Source` of the samples, or `None` for a user's own pipeline.
        found_error: what was found wrong with the data while they were read, or `None`.
        ends_unannounced: whether only reading tells where the data end.
    """

    found_error = None

    def __init__(self, dataset, samples=None, labels=None, source=None, steps_per_epoch=None):
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
        self.samples = samples
        self.labels = labels
        self.steps_per_epoch = steps_per_epoch
        self.ends_unannounced = steps_per_epoch is None and dataset.cardinality() < 0

    @property
    def rows(self):
        """Samples in a flat batch, `None` where only reading tells."""
        return tf.nest.flatten(self.dataset.element_spec)[0].shape[0]

    def release(self):
        """Let go of the data; the examples stay."""
        self.dataset = self.source = None

    def description(self):
        """What tells these data from others: a `dict` of plain values."""
        steps = self.steps_per_epoch or int(self.dataset.cardinality())
        return {
            **self.source.description(),
            "rows_per_step": self.rows,
            "steps_per_epoch": steps if steps > 0 else None,
        }


class PipelineFeed(Feed):
    """A user's own `tf.data` pipeline, looked at as it passes.

    Reading a pipeline beforehand is not innocent (it changes the next shuffle and starts
    generators), so batches are checked, and examples are kept, on their way to the model: the
    values of the first one, the shapes and labels of all.
    """

    def __init__(
        self, dataset, spec, name, *, group=None, steps=None, limit=None, parts=1, source=None
    ):
        self._spec = spec
        self._name = name
        self._group = group
        self._parts = parts
        self._seen = []
        self._complete = self._any_step = False
        batches = int(dataset.cardinality())
        self._pipeline = {"pipeline": str(dataset.element_spec), "batches": batches}
        self._check_size(batches, steps or limit)
        if limit is not None:
            dataset = dataset.take(_checks.positive_int(limit, "steps"))
        dataset = _watched(self._structured(dataset), self._see, _WATCHED_BATCHES, self._is_bad)
        dataset = dataset.map(self._shaped)
        if group is not None:
            dataset = _grouped(dataset, group)
        else:
            dataset = divisible(dataset, parts)
        if dataset.cardinality() == tf.data.UNKNOWN_CARDINALITY:
            dataset = self._never_empty(dataset)
        if steps is not None:  # the next pass goes on where this one ends
            dataset = dataset.repeat()
        super().__init__(dataset.prefetch(2), source=source, steps_per_epoch=steps)

    def description(self):
        told = super().description() if self.source else self._pipeline
        return {**told, "steps_per_epoch": self.steps_per_epoch}

    def _check_size(self, batches, steps):
        name = self._name
        _checks.check(batches != 0, f"`{name}` must not be empty.", batches=batches)
        _checks.check(
            batches != tf.data.INFINITE_CARDINALITY or steps is not None,
            f"`{name}` must end.",
            cure="Leave out `.repeat()`, or give the number of steps.",
            steps=None,
        )
        if self._group is not None:
            self._check_steps(batches < 0 or batches >= self._group, batches)

    def _check_steps(self, fits, batches):
        _checks.check(
            fits,
            "One step must fit into the data: `discriminator_steps` batches of one size.",
            cure="Use a smaller batch size.",
            batches=batches,
            discriminator_steps=self._group,
        )

    def _structured(self, dataset):
        spec = dataset.element_spec
        parts = tuple(spec) if isinstance(spec, (tuple, list)) else (spec,)
        known = len(parts) in (1, 2) and all(isinstance(part, tf.TensorSpec) for part in parts)
        _checks.check(
            known,
            f"`{self._name}` must yield batches of samples, or of (samples, labels).",
            cure="Use `.map` to bring it into that form.",
            element_spec=spec,
        )
        shape = parts[0].shape
        single = shape.rank and shape[0] is not None and agree(shape, self._spec.sample_shape)
        _checks.check(
            shape.rank != 0 and not single,
            f"`{self._name}` must yield batches.",
            cure="Use `.batch(batch_size)`.",
            element_spec=spec,
        )
        self._spec.tensors(parts[0], parts[1] if len(parts) == 2 else None, self._name)

        def cast(samples, *labels):
            if samples.dtype != tf.uint8:
                samples = tf.cast(samples, "float32")
            if not labels:
                return samples
            return samples, tf.reshape(tf.cast(labels[0], "int32"), [-1])

        return dataset.map(cast, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _shaped(self, samples, *labels):
        # Known only now that the first batch has been looked at.
        samples = tf.ensure_shape(samples, [None, *self._spec.sample_shape])
        return (samples, *labels) if labels else samples

    def _never_empty(self, dataset):
        """Complain at the end of data of which only reading told that they fill no step."""

        def at_end(_):
            checked = numpy_function(self._end, [], tf.int64)
            with tf.control_dependencies([checked]):
                return dataset.take(tf.constant(0, tf.int64))

        end = tf.data.Dataset.from_tensors(0).flat_map(at_end)
        return _watched(dataset, self._note_step, 1).concatenate(end)

    def _note_step(self, *batch):
        self._any_step = True
        return np.int64(0)

    def _end(self):
        try:
            _checks.check(self.samples is not None, f"`{self._name}` must not be empty.", batches=0)
            self._check_steps(self._any_step, len(self._seen))
        except ValueError as error:
            self._found(error)
            raise
        return np.int64(0)

    def _found(self, error):
        # What comes first is the cause: data are read ahead, past a bad batch and to the end.
        self.found_error = self.found_error or error

    def _is_bad(self, samples, *labels):
        """Whether a batch has another form than the model takes, as a boolean tensor."""
        shape, wanted = tf.shape(samples), self._spec.sample_shape
        sizes = [size if size is not None else -1 for size in (None, *wanted)]
        bad = tf.cond(
            tf.equal(tf.size(shape), len(sizes)),
            lambda: tf.reduce_any((shape != sizes) & (tf.constant(sizes) >= 0)),
            lambda: True,
        )
        for classes in labels:
            outside = (classes < 0) | (classes >= self._spec.num_classes)
            bad |= tf.reduce_any(outside) | tf.not_equal(tf.size(classes), shape[0])
        return bad

    def _see(self, number, samples, labels=None):
        first = not self._seen and not self._complete
        try:
            self._spec.samples(samples, self._name, any_values=not first)
            self._spec.labels(labels, len(samples))
            if first and self._group is not None:
                check_divisible(len(samples), self._parts)
        except ValueError as error:
            self._found(error)
            raise
        if self._complete or number == 0 and self._seen:  # another pass has the same samples
            self._complete, self._seen = True, []
            return np.int64(0)
        self._seen.append((samples, labels))
        count = sum(len(batch) for batch, _ in self._seen)
        if count >= EXAMPLES or len(self._seen) >= _WATCHED_BATCHES:
            self._complete = True
        self.samples = np.concatenate([batch for batch, _ in self._seen])[:EXAMPLES]
        if labels is not None:
            self.labels = np.concatenate([batch for _, batch in self._seen])[:EXAMPLES]
        return np.int64(0)


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


def check_divisible(batch_size, parts):
    """Check that an update's batch can be cut into equal parts."""
    _checks.check(
        batch_size % parts == 0,
        "The batch size must be a multiple of `accumulation_steps` times the model's `pack` times "
        "the number of replicas: all get an equal share, and no pack is cut.",
        batch_size=batch_size,
        shares=parts,
    )


def divisible(dataset, parts):
    """The batches without the last few rows of those that cannot be shared out equally."""
    if parts == 1:
        return dataset

    def cut(*batch):
        rows = tf.shape(batch[0])[0] // parts * parts
        batch = tuple(part[:rows] for part in batch)
        return batch if len(batch) > 1 else batch[0]

    return dataset.map(cut).filter(lambda *batch: tf.shape(batch[0])[0] > 0)


def _watched(dataset, look, limit, is_bad=lambda *batch: False):
    """The same data set; `look(number, *batch)` is called for the first batches, and bad ones."""

    def watch(number, batch):
        parts = batch if isinstance(batch, tuple) else (batch,)
        seen = tf.cond(
            (number < limit) | is_bad(*parts),
            lambda: numpy_function(look, (number, *parts), tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([seen]):
            return tf.nest.map_structure(tf.identity, batch)

    return dataset.enumerate().map(watch)


def _grouped(dataset, group):
    """Consecutive batches joined `group` at a time; what fills no step is dropped.

    The last batch of a pipeline may be short. It would make an update on fewer samples than all
    others, so a batch is kept only if it has as many rows as the first; a later one that has more
    is refused.
    """
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple)
    batch_size = (spec[0] if labelled else spec).shape[0]
    if batch_size is None:
        dataset = _of_full_size(dataset, labelled)
    cardinality = int(dataset.cardinality())
    if group > 1:

        def join(*windows):
            parts = windows[0] if len(windows) == 1 else tf.data.Dataset.zip(windows)
            return parts.rebatch(tf.int64.max)

        dataset = dataset.window(group, drop_remainder=True).flat_map(join)
        if batch_size is not None:
            shape = lambda t: tf.ensure_shape(t, [group * batch_size, *t.shape[1:]])  # noqa: E731
            dataset = dataset.map(lambda *b: tf.nest.map_structure(shape, b if labelled else b[0]))
            if cardinality >= 0:
                dataset = dataset.apply(
                    tf.data.experimental.assert_cardinality(cardinality // group)
                )
    return dataset


def _of_full_size(dataset, labelled):
    def compare(first, batch):
        rows = tf.shape(batch[0] if labelled else batch, out_type="int64")[0]
        first = tf.where(first < 0, rows, first)
        # Were the first batch the short one, all others would be dropped without a word.
        larger = tf.debugging.Assert(
            rows <= first,
            [ONE_SIZE, rows, first],
        )
        with tf.control_dependencies([larger] if larger is not None else []):
            return first, (batch, rows == first)

    def is_full(batch, full):
        return full

    def batch_alone(batch, full):
        return batch

    return dataset.scan(tf.constant(-1, "int64"), compare).filter(is_full).map(batch_alone)
