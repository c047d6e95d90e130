"""Checks and grouping of the batches of a user's `tf.data` pipeline."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend.memory import numpy_function
from keras_gan.feeding.feeds import Feed, checksum_of

# Real samples that `fit` keeps for callbacks.
EXAMPLES = 2_000
# Number of batches that examples are taken from.
_WATCHED_BATCHES = 64


class PipelineFeed(Feed):
    """A user's `tf.data` pipeline, whose batches are checked as they are read.

    Reading a pipeline before training has side effects (it changes the next shuffle and starts
    generators). Therefore batches are checked, and examples are kept, while the model reads them:
    the values of the first batch, the shapes and labels of all.

    Args:
        dataset: `tf.data.Dataset` of batches.
        rule: what they must be: `sample_batches.SampleBatches`, or `entry_batches.EntryBatches`.
        name: name of the data in errors.
        group: batches per training step; `None` for an evaluation.
        steps: steps of an epoch, if it is not a full pass.
        limit: maximum number of batches to read.
        parts: number of equal parts that the batch of an update is divided into.
        epochs: number of epochs of the run.
        source: the `sources.Source` of the samples, if they are this package's.
        reader: the `feeding.readers.Reader` of the data set, if it is read in Python.
    """

    def __init__(
        self,
        dataset,
        rule,
        name,
        *,
        group=None,
        steps=None,
        limit=None,
        parts=1,
        epochs=1,
        source=None,
        reader=None,
    ):
        self._rule = rule
        self._name = name
        self._group = group
        self._parts = parts
        self._seen = []
        self._complete = self._any_step = False
        self._reader, self._epochs, self._run = reader, 0, epochs
        self._checksum = self._expected = None
        self.kind = getattr(reader, "kind", None if source or reader else "pipeline")
        batches = int(dataset.cardinality()) if reader is None else reader.batches
        self._pipeline = {"pipeline": str(dataset.element_spec), "batches": batches}
        self._check_size(batches, steps or limit)
        if limit is not None:
            limit = _checks.positive_int(limit, "steps")
            dataset, batches = dataset.take(limit), min(batches, limit) if batches >= 0 else batches
        rule.open(dataset.element_spec, is_read=reader is not None)
        dataset = dataset.map(rule.cast, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        dataset = self._watched(dataset).map(rule.shaped)
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
        self.summary |= {} if source else self._pipeline

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
            epoch = (self.steps_per_epoch or 0) * (self._group or 1)
            self._reader.check(self._epochs * epoch, self._run * epoch, self._cure_of_end)
        if self._is_counted or self._any_step:
            return
        _checks.check(self.samples is not None, f"`{self._name}` must not be empty.", batches=0)
        if self._group is not None:
            self._check_steps(False, len(self._seen))

    # === Checks ===

    def _cure_of_end(self, batches):
        """What to do where data that are read once end early."""
        steps, epoch = batches // self._group, self.steps_per_epoch
        way = f"`epochs={steps // epoch}`" if steps >= epoch else f"`steps_per_epoch={steps}`"
        way += " and one epoch" if 0 < steps < epoch and self._run > 1 else ""
        return f"Use {way}, or a `keras.utils.PyDataset`." if steps else None

    def _check_size(self, batches, steps):
        name = self._name
        _checks.check(batches != 0, f"`{name}` must not be empty.", batches=batches)
        _checks.check(
            batches != tf.data.INFINITE_CARDINALITY or steps is not None,
            f"`{name}` must end.",
            cure=f"Give `{self._steps_argument()}=`."
            if self._reader
            else f"Leave out `.repeat()`, or give `{self._steps_argument()}=`.",
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

    def _watched(self, dataset):
        """The same batches, with checks; a bad batch ends the data set."""

        def watch(number, size, batch):
            larger, full = size
            parts = tf.nest.flatten(batch)
            right = tf.cond(
                (number < _WATCHED_BATCHES) | larger | self._rule.is_bad(*parts),
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

    # === Looking ===

    def _see(self, number, larger, *parts):
        """Check and keep a batch; returns whether it is valid."""
        if self.found_error is None:
            try:
                kept = self._checked(larger, parts)
            # Warnings may be turned into errors.
            except (ValueError, Warning) as error:
                self.found_error = error.with_traceback(None)
        if self.found_error is not None:
            return np.False_
        self._keep(number, kept)
        return np.True_

    def _checked(self, larger, parts):
        first = not self._seen and not self._complete
        warn = not getattr(self.source, "is_checked", False)
        kept = self._rule.checked(*parts, first=first, warn=warn)
        if first:
            self._compare(parts)
        if first and self._group is not None:
            check_divisible(len(parts[0]), self._parts)
        _checks.check(
            not larger,
            "The batches of a pipeline must be of one size, the last one excepted.",
            cure="Use one `.batch(batch_size)`.",
            batch=len(parts[0]),
        )
        return kept

    def _compare(self, parts):
        """Record the first batch, and warn if it differs from that of the resumed run."""
        # The order of a reader's batches depends on the pass; the reader knows the first one.
        self._checksum = getattr(self._reader, "first", None) or checksum_of(parts)
        if self._expected not in (None, self._checksum):
            _warnings.warn(
                f"The first batch of `{self._name}` is not the one that this run began with. "
                "Either the data are others, or they are shuffled (or augmented) without `seed`: a "
                "data set that is made anew, with a seed, begins with the same batch. Training "
                "goes on with them."
            )

    def _keep(self, number, kept):
        if self._complete or number == 0 and self._seen:  # another pass has the same samples
            self._complete, self._seen = True, []
            return
        self._seen.append(kept)
        count = sum(len(batch[0]) for batch in self._seen)
        if count >= EXAMPLES or len(self._seen) >= _WATCHED_BATCHES:
            self._complete = True
        samples, labels = self._rule.joined(self._seen)
        first = lambda part: part[:EXAMPLES]  # noqa: E731
        self.keep(tf.nest.map_structure(first, samples), None if labels is None else first(labels))

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
    rows = tf.nest.flatten(dataset.element_spec)[0].shape[0]

    def join(*windows):
        windows = windows[0] if len(windows) == 1 else windows
        parts = windows if isinstance(windows, tf.data.Dataset) else tf.data.Dataset.zip(windows)
        return parts.rebatch(tf.int64.max)

    def rows_known(tensor):
        return tf.ensure_shape(tensor, [group * rows, *tensor.shape[1:]])

    def shaped(*batch):
        batch = tf.nest.map_structure(rows_known, batch)
        return batch if len(batch) > 1 else batch[0]

    dataset = dataset.window(group, drop_remainder=True).flat_map(join)
    return dataset if rows is None else dataset.map(shaped)
