"""Checks and grouping of the batches of a user's `tf.data` pipeline."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend.memory import numpy_function
from keras_gan.feeding.cures import Form
from keras_gan.feeding.feeds import Feed, checksum_of
from keras_gan.feeding.shapes import agree

# Real samples that `fit` keeps for callbacks.
EXAMPLES = 2_000
# Number of batches that examples are taken from.
_WATCHED_BATCHES = 64


def _in_64_bits(labels):
    """Labels as int64, because an overflow to 32 bits could give a valid class."""
    if labels.dtype == tf.uint64:  # whose upper half would become negative
        labels = tf.minimum(labels, tf.int64.max)
    return tf.cast(labels, "int64")


class PipelineFeed(Feed):
    """A user's `tf.data` pipeline, whose batches are checked as they are read.

    Reading a pipeline before training has side effects (it changes the next shuffle and starts
    generators). Therefore batches are checked, and examples are kept, while the model reads them:
    the values of the first batch, the shapes and labels of all.

    Args:
        dataset: `tf.data.Dataset` of batches of samples, or of `(samples, labels)`.
        spec: the model's `SampleSpec`.
        name: name of the data in errors.
        group: batches per training step; `None` for an evaluation.
        steps: steps of an epoch, if it is not a full pass.
        limit: maximum number of batches to read.
        parts: number of equal parts that the batch of an update is divided into.
        source: the `sources.Source` of the samples, if they are this package's.
        reader: the `feeding.readers.Reader` of the data set, if it is read in Python.
    """

    def __init__(
        self,
        dataset,
        spec,
        name,
        *,
        group=None,
        steps=None,
        limit=None,
        parts=1,
        source=None,
        reader=None,
    ):
        self._spec = spec
        self._name = name
        self._group = group
        self._parts = parts
        self._seen = []
        self._complete = self._any_step = False
        self._reader, self._epochs = reader, 0
        self._checksum = self._expected = None
        self.kind = getattr(reader, "kind", None if source or reader else "pipeline")
        batches = int(dataset.cardinality()) if reader is None else reader.batches
        self._pipeline = {"pipeline": str(dataset.element_spec), "batches": batches}
        self._check_size(batches, steps or limit)
        if limit is not None:
            limit = _checks.positive_int(limit, "steps")
            dataset, batches = dataset.take(limit), min(batches, limit) if batches >= 0 else batches
        dataset = self._watched(self._structured(dataset)).map(self._shaped)
        whole = parts == 1
        if group is not None:
            whole = tf.nest.flatten(dataset.element_spec)[0].shape[0] is not None
            dataset, batches = _joined(dataset, group), batches // group
        else:
            dataset = divisible(dataset, parts)
        # If batches may be dropped, their number is unknown before reading.
        self._is_counted = whole and batches >= 0
        if not self._is_counted:
            dataset = _noted(dataset, self._note_step)
        if steps is not None:  # the next pass continues at the end of this one
            dataset = dataset.repeat()
        super().__init__(
            dataset.prefetch(2),
            source=source,
            steps=batches if self._is_counted else None,
            steps_per_epoch=steps,
        )

    def description(self):
        told = super().description() if self.source else self._pipeline
        return {**told, "steps_per_epoch": self.steps_per_epoch}

    def checksum(self):
        return self._checksum

    def expect(self, checksum, name):
        self._expected = checksum  # compared when the first batch is read

    def release(self):
        super().release()
        self._reader = None

    def check_epoch(self):
        super().check_epoch()
        self._epochs += 1
        if self._reader is not None:
            self._reader.check(self._epochs * (self.steps_per_epoch or 0) * (self._group or 1))
        if self._is_counted or self._any_step:
            return
        _checks.check(self.samples is not None, f"`{self._name}` must not be empty.", batches=0)
        if self._group is not None:
            self._check_steps(False, len(self._seen))

    # === Checks ===

    def _check_size(self, batches, steps):
        name = self._name
        _checks.check(batches != 0, f"`{name}` must not be empty.", batches=batches)
        _checks.check(
            batches != tf.data.INFINITE_CARDINALITY or steps is not None,
            f"`{name}` must end.",
            cure=f"Leave out `.repeat()`, or give `{self._steps_argument()}`.",
            steps=None,
        )
        if self._group is not None:
            self._check_steps(batches < 0 or batches >= self._group, batches)

    def _steps_argument(self):
        if self._group is not None:
            return "steps_per_epoch"
        return "steps" if self._name == "x" else "validation_steps"

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
            cure=lambda: self._cure_of_structure(spec),
            element_spec=spec,
        )
        shape = parts[0].shape
        single = shape.rank and shape[0] is not None and agree(shape, self._spec.sample_shape)
        _checks.check(
            shape.rank != 0 and not single,
            f"`{self._name}` must yield batches.",
            cure=None if self._reader else f"Use `{self._name}.batch(batch_size)`.",
            element_spec=spec,
        )
        kind = "batches" if self._reader else "dataset"
        self._form = Form(kind, self._name, labelled=len(parts) == 2)
        self._spec.tensors(parts[0], parts[1] if len(parts) == 2 else None, self._name, self._form)
        rank = len(self._spec.sample_shape)

        def cast(samples, *labels):
            if samples.dtype == tf.bool and rank > 1:
                samples = tf.cast(samples, "uint8") * 255
            if samples.dtype != tf.uint8:
                samples = tf.cast(samples, "float32")
            return (samples, _in_64_bits(labels[0])) if labels else samples

        return dataset.map(cast, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _cure_of_structure(self, spec):
        if isinstance(spec, dict) and len(spec) > 1:
            first, second = list(spec)[:2]
            pair = f"batch[{first!r}], batch[{second!r}]"
            return f"Use `{self._name}.map(lambda batch: ({pair}))`, or its own keys."
        if isinstance(spec, (tuple, list)) and len(spec) == 3:
            code = f"`{self._name}.map(lambda samples, labels, weights: (samples, labels))`"
            return f"Samples cannot be weighted: use {code}."
        if isinstance(spec, tf.SparseTensorSpec):
            return f"Use `{self._name}.map(tf.sparse.to_dense)`."
        if isinstance(spec, tf.RaggedTensorSpec):
            code = f"`{self._name}.map(lambda batch: batch.to_tensor())`"
            return f"Use {code} where all samples have one shape."
        return "Use `.map` to bring it into that form."

    def _watched(self, dataset):
        """The same batches, with checks; a bad batch ends the data set."""

        def watch(number, size, batch):
            larger, full = size
            parts = batch if isinstance(batch, tuple) else (batch,)
            right = tf.cond(
                (number < _WATCHED_BATCHES) | larger | self._is_bad(*parts),
                lambda: numpy_function(self._see, (number, larger, *parts), tf.bool),
                lambda: tf.constant(True),
            )
            return batch, tf.ensure_shape(right, []), full

        rows = tf.nest.flatten(dataset.element_spec)[0].shape[:1]
        varies = self._group is not None and not rows.is_fully_defined()
        dataset = dataset.enumerate()
        if varies:
            dataset = dataset.scan(tf.constant(-1, "int64"), _compared)
        else:
            dataset = dataset.map(lambda number, batch: (number, (False, True), batch))
        dataset = dataset.map(watch).take_while(lambda batch, right, full: right)
        if varies:
            # The last batch of a pass may be short. It would make an update on fewer samples.
            dataset = dataset.filter(lambda batch, right, full: full)
        return dataset.map(lambda batch, right, full: batch)

    def _is_bad(self, samples, *labels):
        """Whether a batch does not fit the model, as a boolean tensor."""
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

    def _shaped(self, samples, *labels):
        # Known only after the first batch was checked.
        samples = tf.ensure_shape(samples, [None, *self._spec.sample_shape])
        return (samples, tf.reshape(tf.cast(labels[0], "int32"), [-1])) if labels else samples

    # === Looking ===

    def _see(self, number, larger, samples, labels=None):
        """Check and keep a batch; returns whether it is valid."""
        if self.found_error is None:
            try:
                labels = self._checked(larger, samples, labels)
            # Warnings may be turned into errors.
            except (ValueError, Warning) as error:
                self.found_error = error.with_traceback(None)
        if self.found_error is not None:
            return np.False_
        self._keep(number, samples, labels)
        return np.True_

    def _checked(self, larger, samples, labels):
        first = not self._seen and not self._complete
        if first:
            warn = not getattr(self.source, "is_checked", False)
            self._spec.samples(samples, self._name, form=self._form, warn=warn)
        else:
            self._spec.typed(samples, self._name, form=self._form)
        if first:
            self._compare(samples, labels)
        labels = self._spec.labels(labels, len(samples), f"labels in {self._name}", form=self._form)
        if first and self._group is not None:
            check_divisible(len(samples), self._parts)
        _checks.check(
            not larger,
            "The batches of a pipeline must be of one size, the last one excepted.",
            cure="Use one `.batch(batch_size)`.",
            batch=len(samples),
        )
        return labels

    def _compare(self, samples, labels):
        """Record the first batch, and warn if it differs from that of the resumed run."""
        # The order of a reader's batches depends on the pass; the reader knows the first one.
        self._checksum = getattr(self._reader, "first", None) or checksum_of(samples, labels)
        if self._expected not in (None, self._checksum):
            _warnings.warn(
                f"The first batch of `{self._name}` is not the one that this run began with. "
                "Either the data are others, or they are shuffled (or augmented) without `seed`: a "
                "data set that is made anew, with a seed, begins with the same batch. Training "
                "goes on with them."
            )

    def _keep(self, number, samples, labels):
        if self._complete or number == 0 and self._seen:  # another pass has the same samples
            self._complete, self._seen = True, []
            return
        self._seen.append((samples, labels))
        count = sum(len(batch) for batch, _ in self._seen)
        if count >= EXAMPLES or len(self._seen) >= _WATCHED_BATCHES:
            self._complete = True
        parts = zip(*self._seen, strict=True)
        self.keep(*(None if part[0] is None else np.concatenate(part)[:EXAMPLES] for part in parts))

    def _note_step(self):
        self._any_step = True
        return np.int64(0)


def check_divisible(batch_size, parts):
    """Check that an update's batch can be divided into equal parts."""
    _checks.check(
        batch_size % parts == 0,
        "The batch size must be a multiple of `accumulation_steps` times the model's `pack` times "
        "the number of replicas: all get an equal share, and no pack is cut.",
        batch_size=batch_size,
        shares=parts,
    )


def divisible(dataset, parts):
    """The batches, cut to a size that can be divided equally."""
    if parts == 1:
        return dataset

    def length(batch):
        return tf.shape(tf.nest.flatten(batch)[0])[0]

    def cut(*batch):
        rows = length(batch) // parts * parts
        batch = tf.nest.map_structure(lambda part: part[:rows], batch)
        return batch if len(batch) > 1 else batch[0]

    return dataset.map(cut).filter(lambda *batch: length(batch) > 0)


def _compared(first, numbered):
    """Whether a batch is larger than the first one, and whether it is as large."""
    # No reference to our objects: TensorFlow keeps functions of scans until the process ends.
    number, batch = numbered
    shape = tf.shape(tf.nest.flatten(batch)[0], out_type="int64")
    rows = tf.concat([shape, [0]], axis=0)[0]
    first = tf.where(first < 0, rows, first)
    # If the first batch were the short one, all others would be dropped silently.
    return first, (number, (rows > first, rows == first), batch)


def _noted(dataset, note):
    """The same data set; `note()` is called when an iteration starts."""

    def noted(number, batch):
        called = tf.cond(
            number < 1,
            lambda: numpy_function(note, [], tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([called]):
            return tf.nest.map_structure(tf.identity, batch)

    return dataset.enumerate().map(noted)


def _joined(dataset, group):
    """Consecutive batches joined `group` at a time; an incomplete step is dropped."""
    if group == 1:
        return dataset
    labelled = isinstance(dataset.element_spec, tuple)
    rows = tf.nest.flatten(dataset.element_spec)[0].shape[0]

    def join(*windows):
        parts = windows[0] if len(windows) == 1 else tf.data.Dataset.zip(windows)
        return parts.rebatch(tf.int64.max)

    def shaped(*batch):
        rows_known = [tf.ensure_shape(t, [group * rows, *t.shape[1:]]) for t in batch]
        return tuple(rows_known) if labelled else rows_known[0]

    dataset = dataset.window(group, drop_remainder=True).flat_map(join)
    return dataset if rows is None else dataset.map(shaped)
