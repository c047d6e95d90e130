"""From what a user gives to `fit` to the flat batches that a training step takes.

Arrays are checked whole, pipelines on their first batch; both before the first step.
"""

import contextlib
import os
import warnings

import numpy as np
import tensorflow as tf

from keras_gan import _checks, sources
from keras_gan.pipelines import (
    EXAMPLES,
    ONE_SIZE,
    Feed,
    PipelineFeed,
    check_divisible,
    divisible,
    reading_failed,
)


def training_feed(
    x, y, *, spec, batch_size, group, parts, shuffle, seed, position, steps_per_epoch, split=0.0
):
    """The feed of a training run, and the held-out one if `split` asks for it.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: samples of one update, or `None` for 64 (and for data sets).
        group: discriminator updates a step; a step gets `group * batch_size` samples.
        parts: equal parts that the batch of an update must have.
        shuffle: whether arrays are shuffled.
        seed: of the order of arrays.
        position: callable that gives the number of steps done, read whenever an epoch begins.
        steps_per_epoch: as in Keras.
        split: share of the samples that is held out: the end of arrays, or samples from all over
            a data set of `keras_gan.data`.

    Returns:
        `(feed, held_out)`; `held_out` is `None` or what `evaluation_feed` takes as `(x, y)`.

    Raises:
        ValueError: for anything a step could not be fed with.
    """
    x, y = _unpacked(x, y)
    if isinstance(x, tf.data.Dataset):
        source = getattr(x, "source", None)
        _checks.check(
            y is None and batch_size is None,
            "With a data set, `y` and `batch_size` must be left out.",
            cure="Put labels and batches into the data set.",
            y=None if y is None else "given",
            batch_size=batch_size,
        )
        if source is None:
            _checks.check(
                not split,
                "With a pipeline of your own, `validation_split` must be left out.",
                cure="Hold data out before you shuffle them, and pass them as `validation_data`; "
                "or use `keras_gan.data.from_arrays` or `from_folder`, which can be split.",
                validation_split=split,
            )
            feed = PipelineFeed(x, spec, "x", group=group, steps=steps_per_epoch, parts=parts)
            return feed, None
        batch_size, held_out = x.batch_size, None
        if split:
            source, rest = source.split(split)
            held_out = rest.dataset(batch_size), None
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
    check_divisible(batch_size, parts)
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
    return Feed(source.stream(position, steps, per_step), samples, labels, source), held_out


def evaluation_feed(
    x, y, *, spec, batch_size, steps=None, replicas=1, name="validation_data", checked=False
):
    """The feed of an evaluation: never grouped, never shuffled, nothing dropped.

    With several replicas the last batch is cut to what they can share equally.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: for arrays; `None` for 64.
        steps: batches to be read, or `None` for all.
        replicas: how many replicas evaluate.
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
        source = getattr(x, "source", None)
        if source is not None:
            # One order for all evaluations, those after a resume included.
            x = source.one_pass(x.batch_size, 0)
        return PipelineFeed(x, spec, name, limit=steps, parts=replicas, source=source)
    samples = spec.samples(x, name, any_values=checked)
    labels = spec.labels(y, len(samples))
    batch_size = 64 if batch_size is None else _checks.positive_int(batch_size, "batch_size")
    parts = samples if labels is None else (samples, labels)
    dataset = tf.data.Dataset.from_tensor_slices(parts).batch(batch_size)
    dataset = divisible(dataset, replicas).prefetch(2)
    if steps is not None:
        dataset = dataset.take(_checks.positive_int(steps, "steps"))
    source = sources.ArraySource(samples, labels, seed=0)
    return Feed(dataset, *source.examples(EXAMPLES), source)


def _unpacked(x, y):
    if isinstance(x, (tuple, list)) and y is None and len(x) == 2 and not np.isscalar(x[0]):
        x, y = x
    known = isinstance(x, tf.data.Dataset) or (x is not None and hasattr(x, "__array__"))
    if isinstance(x, (list, tuple)):
        x, known = np.asarray(x), True
    _checks.check(
        known,
        "Data must be an array of samples or a `tf.data.Dataset` of batches.",
        cure=_cure_of_no_data(x),
        x=x if x is None or isinstance(x, str) else type(x).__name__,
    )
    return x, y


def _cure_of_no_data(x):
    if x is None:
        return "Give the real samples: `fit(samples)`."
    if isinstance(x, (str, os.PathLike)):
        return "For a folder of images, use `keras_gan.data.from_folder(path, image_size=...)`."
    return "Wrap a generator with `tf.data.Dataset.from_generator`."


def _held_out(samples, labels, split):
    if not split:
        return (samples, labels), None
    at = sources.split_at(len(samples), split)
    parts = (samples, labels) if labels is not None else (samples,)
    first, last = [p[:at] for p in parts], [p[at:] for p in parts]
    return (first + [None])[:2], (last + [None])[:2]


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
        except (tf.errors.OpError, ValueError) as error:
            for feed in feeds:
                if feed.found_error is not None:
                    raise feed.found_error from None
            if ONE_SIZE in str(error):
                raise ValueError(f"{ONE_SIZE} Use one `.batch(batch_size)`.") from None
            failed = isinstance(error, tf.errors.OpError) and reading_failed(error)
            if failed:
                raise ValueError(failed) from error
            raise
