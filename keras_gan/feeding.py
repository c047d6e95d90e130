"""From what a user gives to `fit` to the flat batches that a training step takes.

Images are `uint8`, or floats in [-1, 1]; `uint8` stays `uint8` until it is inside the graph.
Arrays are checked whole, pipelines on their first batch; both before the first step.
"""

import contextlib
import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, inspection, sources

# Real samples that `fit` keeps for callbacks.
EXAMPLES = 2_000
# A pipeline's batches among which examples are looked for.
_WATCHED_BATCHES = 64
# Rounding may carry a scaled image this far out of range.
_TOLERANCE = 1e-3

# === What samples must be ===


class SampleSpec:
    """What the networks take: the rule that all samples and labels are checked against.

    Args:
        sample_shape: of one sample; `None` where any size will do.
        num_classes: number of classes of a conditional model, else `None`.
    """

    def __init__(self, sample_shape, num_classes):
        self.sample_shape = tuple(sample_shape)
        self.num_classes = num_classes
        self.is_image = inspection.is_image(self.sample_shape)

    def samples(self, samples, name="samples", *, any_values=False):
        """Check an array of samples; returns it as uint8 or float32.

        Args:
            samples: array `(n, ...)`.
            name: what it is called in errors.
            any_values: whether shape and type alone are checked.

        Raises:
            ValueError: for a wrong shape, an empty array, a value that is not finite, images out
                of range.
        """
        samples = np.asarray(samples)
        self._shape(samples.shape, name)
        _checks.check(len(samples) > 0, f"`{name}` must not be empty.", shape=samples.shape)
        self._dtype(samples.dtype, name)
        if samples.dtype == np.uint8:
            return samples
        samples = samples.astype("float32", copy=False)
        if any_values:
            return samples
        finite = np.isfinite(samples)
        if not finite.all():
            bad = np.unique(np.nonzero(~finite)[0])
            raise ValueError(
                _checks.sentence(
                    f"`{name}` must be finite, but {len(bad)} of {len(samples)} hold NaN or "
                    f"infinity, the first at index {bad[0]}.",
                    shape=samples.shape,
                    cure="Remove or repair them.",
                )
            )
        if self.is_image:
            self._range(float(samples.min()), float(samples.max()), name)
        return samples

    def labels(self, labels, num_samples, name="labels"):
        """Check labels against the model and the samples; returns int32 `(n,)` or `None`.

        Raises:
            ValueError: if labels are missing or superfluous, or not whole numbers in range.
        """
        self.label_presence(labels is not None, name)
        if labels is None:
            return None
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        _checks.check(
            labels.ndim == 1 and len(labels) == num_samples,
            f"`{name}` must have one class index for each sample.",
            cure=_LABEL_SHAPE_CURE,
            labels_shape=labels.shape,
            num_samples=num_samples,
        )
        _checks.check(
            np.issubdtype(labels.dtype, np.integer),
            f"`{name}` must be integers.",
            cure=_LABEL_TYPE_CURE,
            dtype=str(labels.dtype),
        )
        low, high = int(labels.min()), int(labels.max())
        _checks.check(
            0 <= low and high < self.num_classes,
            f"`{name}` must be class indices from 0 to {self.num_classes - 1}.",
            cure="Count classes from 0, or build the networks with a larger `num_classes`.",
            minimum=low,
            maximum=high,
        )
        return labels.astype("int32")

    def label_presence(self, given, name="labels"):
        """Check that labels are given exactly if the networks take them."""
        if self.num_classes is not None:
            _checks.check(
                given,
                "The networks take labels: a conditional model is fed `(samples, labels)`.",
                cure="Call `fit(samples, labels)`, or give a data set of such pairs.",
                **{name: None},
            )
        else:
            _checks.check(
                not given,
                "The networks take no labels: the model is fed samples alone.",
                cure="Leave them out, or build networks with `num_classes=`.",
                **{name: "given"},
            )

    def tensors(self, samples, labels, name="samples"):
        """Check the `tf.TensorSpec`s of a pipeline's batches; `labels` may be `None`."""
        if samples.shape.rank is not None:
            self._shape(samples.shape, name)
        self._dtype(np.dtype(samples.dtype.as_numpy_dtype), name)
        self.label_presence(labels is not None)
        if labels is None:
            return
        shape = labels.shape
        _checks.check(
            shape.rank in (None, 1) or shape.rank == 2 and shape[1] in (None, 1),
            f"The labels in `{name}` must have one class index for each sample.",
            cure=_LABEL_SHAPE_CURE,
            labels_shape=tuple(shape),
        )
        _checks.check(
            labels.dtype.is_integer,
            f"The labels in `{name}` must be integers.",
            cure=_LABEL_TYPE_CURE,
            dtype=labels.dtype.name,
        )

    def _shape(self, shape, name):
        shape = tuple(shape)
        fits = _agree(shape[1:], self.sample_shape)
        cure = None
        if _agree((*shape[1:], 1), self.sample_shape):
            cure = f"Add the channel axis: `{name}[..., None]`."
        elif shape == self.sample_shape:
            cure = f"Add the batch axis: `{name}[None]`."
        wanted = ("batch", *self.sample_shape)
        _checks.check(
            fits,
            f"`{name}` must have the shape ({', '.join(map(str, wanted))}), which the "
            "discriminator takes.",
            cure=cure,
            shape=shape,
        )

    def _dtype(self, dtype, name):
        if self.is_image:
            _checks.check(
                dtype == np.uint8 or np.issubdtype(dtype, np.floating),
                f"`{name}` of images must be uint8 in [0, 255] or floats in [-1, 1].",
                cure="Use `.astype('uint8')` for values in [0, 255].",
                dtype=str(dtype),
            )
        else:
            _checks.check(
                np.issubdtype(dtype, np.number) and not np.issubdtype(dtype, np.complexfloating),
                f"`{name}` must be real numbers.",
                dtype=str(dtype),
            )

    def _range(self, low, high, name):
        outside = low < -1.0 - _TOLERANCE or high > 1.0 + _TOLERANCE
        _checks.check(
            not outside,
            f"`{name}` of images must be uint8 in [0, 255] or floats in [-1, 1].",
            cure=(
                "Use `x.astype('uint8')`, or `x / 127.5 - 1` for floats in [0, 255]."
                if low >= 0.0 and high <= 255.0 + _TOLERANCE
                else "Scale them to [-1, 1]."
            ),
            minimum=low,
            maximum=high,
        )
        if low >= 0.0:
            warnings.warn(
                f"`{name}` are floats in [{low:.3g}, {high:.3g}], but the generator makes images "
                "in [-1, 1]. If theirs is [0, 1], use `x * 2 - 1`.",
                stacklevel=4,
            )


_LABEL_SHAPE_CURE = "Turn one-hot labels into indices with `labels.argmax(-1)`."
_LABEL_TYPE_CURE = "Use `labels.astype('int32')` if they are class indices."


def _agree(shape, wanted):
    """Whether two shapes are the same where both are known."""
    return len(shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


# === Feeds ===


class Feed:
    """A data set ready for Keras, and examples of what is in it.

    Attributes:
        dataset: `tf.data.Dataset` of flat batches.
        steps_per_epoch: to be given to Keras, or `None` where the data set ends an epoch itself.
        samples: up to 2,000 real samples, NumPy; `None` until a pipeline has been read.
        labels: theirs, or `None`.
        found_error: what was found wrong with the data while they were read, or `None`.
        ends_unannounced: whether only reading tells where the data end.
    """

    found_error = None

    def __init__(self, dataset, samples=None, labels=None, steps_per_epoch=None):
        self.dataset = dataset
        self.samples = samples
        self.labels = labels
        self.steps_per_epoch = steps_per_epoch
        self.ends_unannounced = steps_per_epoch is None and dataset.cardinality() < 0

    @property
    def rows(self):
        """Samples in a flat batch, `None` where only reading tells."""
        return tf.nest.flatten(self.dataset.element_spec)[0].shape[0]


class PipelineFeed(Feed):
    """A user's own `tf.data` pipeline, looked at as it passes.

    Reading a pipeline beforehand is not innocent (it changes the next shuffle and starts
    generators), so the first batch is checked, and examples are kept, on its way to the model.
    """

    def __init__(self, dataset, spec, name, *, group=None, steps=None):
        self._spec = spec
        self._name = name
        self._group = group
        self._seen = []
        self._complete = self._any_step = False
        self._check_size(int(dataset.cardinality()), steps)
        dataset = _watched(self._structured(dataset), self._see, _WATCHED_BATCHES)
        dataset = dataset.map(self._shaped)
        if group is not None:
            dataset = _grouped(dataset, group)
        if dataset.cardinality() == tf.data.UNKNOWN_CARDINALITY:
            dataset = self._never_empty(dataset)
        super().__init__(dataset.prefetch(2), steps_per_epoch=steps)

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
        single = shape.rank and shape[0] is not None and _agree(shape, self._spec.sample_shape)
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
            checked = tf.numpy_function(self._end, [], tf.int64)
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
            self.found_error = error
            raise
        return np.int64(0)

    def _see(self, number, samples, labels=None):
        if self._complete or number == 0 and self._seen:  # another pass has the same samples
            self._complete, self._seen = True, []
            return np.int64(0)
        try:
            if not self._seen:
                self._spec.samples(samples, self._name)
                self._spec.labels(labels, len(samples))
        except ValueError as error:
            self.found_error = error
            raise
        self._seen.append((samples, labels))
        count = sum(len(batch) for batch, _ in self._seen)
        if count >= EXAMPLES or len(self._seen) >= _WATCHED_BATCHES:
            self._complete = True
        self.samples = np.concatenate([batch for batch, _ in self._seen])[:EXAMPLES]
        if labels is not None:
            self.labels = np.concatenate([batch for _, batch in self._seen])[:EXAMPLES]
        return np.int64(0)


def _watched(dataset, look, limit):
    """The same data set; `look` is called with its first batches, and their numbers."""

    def watch(number, batch):
        parts = batch if isinstance(batch, tuple) else (batch,)
        seen = tf.cond(
            number < limit,
            lambda: tf.numpy_function(look, (number, *parts), tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([seen]):
            return tf.nest.map_structure(tf.identity, batch)

    return dataset.enumerate().map(watch)


def training_feed(
    x, y, *, spec, batch_size, group, shuffle, seed, position, steps_per_epoch, split=0.0
):
    """The feed of a training run, and the held-out one if `split` asks for it.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: samples of one update, or `None` for 64 (and for data sets).
        group: discriminator updates a step; a step gets `group * batch_size` samples.
        shuffle: whether arrays are shuffled.
        seed: of the order of arrays.
        position: callable that gives the number of steps done, read whenever an epoch begins.
        steps_per_epoch: as in Keras.
        split: share of arrays, at their end, that is held out.

    Returns:
        `(feed, held_out)`; `held_out` is `None` or a `(samples, labels)` pair.

    Raises:
        ValueError: for anything a step could not be fed with.
    """
    x, y = _unpacked(x, y)
    if isinstance(x, tf.data.Dataset):
        _checks.check(
            y is None and batch_size is None and not split,
            "With a data set, `y`, `batch_size` and `validation_split` must be left out.",
            cure="Put labels and batches into the data set; hold data out with `.skip`/`.take`.",
            y=None if y is None else "given",
            batch_size=batch_size,
            validation_split=split,
        )
        source = getattr(x, "source", None)
        if source is None:
            return PipelineFeed(x, spec, "x", group=group, steps=steps_per_epoch), None
        batch_size, held_out = x.batch_size, None
        # A look at some samples: decoding them all would take as long as an epoch.
        samples, labels = source.examples(EXAMPLES)
        samples, labels = spec.samples(samples, "x"), spec.labels(labels, len(samples))
    else:
        samples = spec.samples(x, "x")
        labels = spec.labels(y, len(samples))
        (samples, labels), held_out = _held_out(samples, labels, split)
        source = sources.ArraySource(samples, labels, shuffle=shuffle, seed=seed)
        batch_size = 64 if batch_size is None else _checks.positive_int(batch_size, "batch_size")
        samples, labels = source.examples(EXAMPLES)
    per_step = batch_size * group
    _checks.check(
        per_step <= source.num_samples,
        "One step must fit into the data: `batch_size` times `discriminator_steps` samples.",
        cure="Use a smaller `batch_size`.",
        batch_size=batch_size,
        discriminator_steps=group,
        num_samples=source.num_samples,
    )
    steps = steps_per_epoch or source.num_samples // per_step
    return Feed(source.stream(position, steps, per_step), samples, labels), held_out


def evaluation_feed(x, y, *, spec, batch_size, steps=None, name="validation_data", checked=False):
    """The feed of an evaluation: never grouped, never shuffled, nothing dropped.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: for arrays; `None` for 64.
        steps: batches to be read, or `None` for all.
        name: what `x` is called in errors.
        checked: whether their values have been checked before.

    Returns:
        A `Feed`.

    Raises:
        ValueError: for data that do not fit the model.
    """
    x, y = _unpacked(x, y)
    if isinstance(x, tf.data.Dataset):
        _checks.check(
            y is None,
            "With a data set, labels must be left out.",
            cure="Put them into the data set.",
            labels="given",
        )
        return PipelineFeed(x, spec, name, steps=steps)
    samples = spec.samples(x, name, any_values=checked)
    labels = spec.labels(y, len(samples))
    batch_size = 64 if batch_size is None else _checks.positive_int(batch_size, "batch_size")
    parts = samples if labels is None else (samples, labels)
    dataset = tf.data.Dataset.from_tensor_slices(parts).batch(batch_size).prefetch(2)
    examples = sources.ArraySource(samples, labels, seed=0).examples(EXAMPLES)
    return Feed(dataset, *examples)


def _unpacked(x, y):
    if isinstance(x, (tuple, list)) and y is None and len(x) == 2 and not np.isscalar(x[0]):
        x, y = x
    known = isinstance(x, tf.data.Dataset) or (x is not None and hasattr(x, "__array__"))
    if isinstance(x, (list, tuple)):
        x, known = np.asarray(x), True
    _checks.check(
        known,
        "Data must be an array of samples or a `tf.data.Dataset` of batches.",
        cure="Wrap a generator with `tf.data.Dataset.from_generator`.",
        x=type(x).__name__,
    )
    return x, y


def _held_out(samples, labels, split):
    if not split:
        return (samples, labels), None
    split = _checks.number(split, "validation_split", above=0.0, below=1.0)
    at = math.floor(len(samples) * (1.0 - split))
    _checks.check(
        0 < at < len(samples),
        "`validation_split` must leave samples on both sides.",
        validation_split=split,
        num_samples=len(samples),
    )
    parts = (samples, labels) if labels is not None else (samples,)
    first, last = [p[:at] for p in parts], [p[at:] for p in parts]
    return (first + [None])[:2], (last + [None])[:2]


def _grouped(dataset, group):
    """Consecutive batches joined `group` at a time; what fills no step is dropped.

    The last batch of a pipeline may be short. It would make an update on fewer samples than all
    others, so a batch is kept only if it has as many rows as the first.
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
        return first, (batch, rows == first)

    def is_full(batch, full):
        return full

    def batch_alone(batch, full):
        return batch

    return dataset.scan(tf.constant(-1, "int64"), compare).filter(is_full).map(batch_alone)


def to_float(samples, is_image):
    """Samples as float32 inside the graph; `uint8` images from [0, 255] to [-1, 1]."""
    if is_image and samples.dtype == tf.uint8:
        return tf.cast(samples, "float32") / 127.5 - 1.0
    return tf.cast(samples, "float32")


def unpack(data):
    """`(samples, labels)` of what Keras hands to a step."""
    samples, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
    return samples, labels


@contextlib.contextmanager
def passing(*feeds):
    """Let data pass through Keras, and speak for them.

    What was found in them is raised as it is, not as what TensorFlow makes of it. Where only their
    number was not known before, Keras's warning that they ended is kept back.
    """
    feeds = [feed for feed in feeds if feed is not None]
    with warnings.catch_warnings():
        if any(feed.ends_unannounced for feed in feeds):
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        try:
            yield
        except (tf.errors.OpError, ValueError):
            for feed in feeds:
                if feed.found_error is not None:
                    raise feed.found_error from None
            raise
