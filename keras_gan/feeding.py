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

    def samples(self, samples, name="samples"):
        """Check an array of samples; returns it as uint8 or float32.

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
            cure="Turn one-hot labels into indices with `labels.argmax(-1)`.",
            labels_shape=labels.shape,
            num_samples=num_samples,
        )
        _checks.check(
            np.issubdtype(labels.dtype, np.integer),
            f"`{name}` must be integers.",
            dtype=str(labels.dtype),
        )
        low, high = int(labels.min()), int(labels.max())
        _checks.check(
            0 <= low and high < self.num_classes,
            f"`{name}` must be class indices from 0 to {self.num_classes - 1}.",
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

    def tensors(self, spec, name="samples"):
        """Check the static shape and dtype of a pipeline's samples."""
        self._shape(spec.shape, name)
        self._dtype(np.dtype(spec.dtype.as_numpy_dtype), name)

    def _shape(self, shape, name):
        shape = tuple(shape)
        fits = len(shape) == len(self.sample_shape) + 1 and all(
            wanted is None or got is None or wanted == got
            for wanted, got in zip(self.sample_shape, shape[1:], strict=True)
        )
        cure = None
        if shape[1:] + (1,) == self.sample_shape:
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

    def __init__(self, dataset, spec, name, arrange=lambda dataset: dataset, steps_per_epoch=None):
        self._spec = spec
        self._name = name
        self._seen = []
        self._complete = False
        dataset = self._structured(dataset)
        super().__init__(arrange(self._watched(dataset)), steps_per_epoch=steps_per_epoch)

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
        _checks.check(
            parts[0].shape.rank is None or parts[0].shape.rank > 0,
            f"`{self._name}` must yield batches.",
            cure="Use `.batch(batch_size)`.",
            element_spec=spec,
        )
        self._spec.tensors(parts[0], self._name)
        self._spec.label_presence(len(parts) == 2)

        def cast(samples, *labels):
            if samples.dtype != tf.uint8:
                samples = tf.cast(samples, "float32")
            if not labels:
                return samples
            return samples, tf.reshape(tf.cast(labels[0], "int32"), [tf.shape(samples)[0]])

        return dataset.map(cast, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _watched(self, dataset):
        def watch(number, batch):
            parts = batch if isinstance(batch, tuple) else (batch,)
            seen = tf.cond(
                number < _WATCHED_BATCHES,
                lambda: tf.numpy_function(self._see, parts, tf.int64),
                lambda: tf.constant(0, tf.int64),
            )
            with tf.control_dependencies([seen]):
                return tf.nest.map_structure(tf.identity, batch)

        return dataset.enumerate().map(watch)

    def _see(self, samples, labels=None):
        if self._complete:
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
            arrange = lambda dataset: _grouped(dataset, group)  # noqa: E731
            feed = PipelineFeed(_not_empty(x, group), spec, "x", arrange, steps_per_epoch)
            return feed, None
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


def evaluation_feed(x, y, *, spec, batch_size, name="validation_data"):
    """The feed of an evaluation: never grouped, never shuffled, nothing dropped.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: for arrays; `None` for 64.
        name: what `x` is called in errors.

    Returns:
        A `Feed`.

    Raises:
        ValueError: for data that do not fit the model.
    """
    x, y = _unpacked(x, y)
    if isinstance(x, tf.data.Dataset):
        return PipelineFeed(x, spec, name)
    samples = spec.samples(x, name)
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


def _not_empty(dataset, group):
    cardinality = int(dataset.cardinality())
    _checks.check(cardinality != 0, "`x` must not be empty.", cardinality=cardinality)
    _checks.check(
        cardinality < 0 or cardinality >= group,
        "One step must fit into the data: `discriminator_steps` batches.",
        cure="Use a smaller batch size.",
        batches=cardinality,
        discriminator_steps=group,
    )
    return dataset


def _grouped(dataset, group):
    """Consecutive batches joined `group` at a time; what fills no step is dropped.

    The last batch of a pipeline may be short. It would make an update on fewer samples than all
    others, so a group is kept only if it has as many rows as the first.
    """
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple)
    batch_size = (spec[0] if labelled else spec).shape[0]
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
    if batch_size is None:
        dataset = _of_full_size(dataset, labelled)
    return dataset.prefetch(2)


def _of_full_size(dataset, labelled):
    def compare(first, batch):
        rows = tf.shape(batch[0] if labelled else batch, out_type="int64")[0]
        first = tf.where(first < 0, rows, first)
        return first, (batch, rows == first)

    dataset = dataset.scan(tf.constant(-1, "int64"), compare)
    return dataset.filter(lambda batch, full: full).map(lambda batch, full: batch)


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
def own_errors(*feeds):
    """Raise what was found in the data as it is, not as what TensorFlow makes of it."""
    try:
        yield
    except (tf.errors.OpError, ValueError):
        for feed in feeds:
            if feed is not None and feed.found_error is not None:
                raise feed.found_error from None
        raise


@contextlib.contextmanager
def unannounced_end(feed):
    """Keep Keras from warning that data ended, where only their number was not known before."""
    with warnings.catch_warnings():
        if feed.ends_unannounced:
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield
