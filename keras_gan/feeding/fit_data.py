"""Conversion of the data of `fit` to the flat batches of a training step.

Before the first step, arrays are checked completely and pipelines on their first batch.
"""

import collections.abc
import contextlib
import inspect
import itertools
import os
import types
import warnings

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import batch_sizes, cures, readers, sources, tables, values
from keras_gan.feeding.cures import Form
from keras_gan.feeding.feeds import Feed, StreamFeed, ended_program, reading_failed
from keras_gan.feeding.pipelines import EXAMPLES, PipelineFeed, check_divisible, divisible
from keras_gan.feeding.sample_batches import SampleBatches


def training_feed(
    x,
    y,
    *,
    spec,
    batch_size,
    group,
    parts,
    shuffle,
    seed,
    position,
    steps_per_epoch,
    split=0.0,
    epochs=1,
):
    """The feed of a training run, and the held-out data if `split` is given.

    Args:
        x: samples, `(samples, labels)`, a `tf.data.Dataset` of batches of either, or one of Keras's
            other inputs, see `feeding.readers`.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: samples of one update; `None` for those of `batch_sizes`, and for data sets.
        group: discriminator updates per step; a step gets `group * batch_size` samples.
        parts: number of equal parts that the batch of an update is divided into.
        shuffle: whether arrays are shuffled.
        seed: seed of the order of arrays.
        position: callable that returns the number of steps done, called at the start of every
            epoch.
        steps_per_epoch: as in Keras.
        split: fraction of the samples to hold out: the end of arrays, or random samples of a data
            set of `keras_gan.data`.
        epochs: number of epochs to train.

    Returns:
        `(feed, held_out)`; `held_out` is `None` or `(x, y)` for `evaluation_feed`.

    Raises:
        ValueError: for data that a step cannot take.
    """
    x, y, names = unpacked(x, y, len(spec.sample_shape), "x")
    steps = dict(group=group, parts=parts, position=position, steps_per_epoch=steps_per_epoch)
    if readers.is_data_set(x):
        check_alone(y, batch_size)
        source = getattr(x, "source", None)
        if source is None:
            order = {"shuffle": shuffle, "seed": seed, "split": split, "epochs": epochs}
            return own_pipeline(x, SampleBatches(spec, "x"), **order, **steps), None
        _checks.check(
            not isinstance(source.element_spec, dict),
            "`x` must yield batches of samples, or of (samples, labels).",
            cure="Make it of the arrays alone.",
            element_spec=source.element_spec,
        )
        batch_size, held_out = x.batch_size, None
        if split:
            source, rest = source.split(split)
            held_out = rest.dataset(batch_size), None
        # Check only some samples: decoding all would take as long as an epoch.
        samples, labels = source.examples(EXAMPLES)
        form = Form("dataset", "x", labelled=labels is not None)
        samples = spec.samples(samples, "x", form=form, warn=not source.is_checked)
        labels = spec.labels(labels, len(samples), "labels in x", form=form)
    else:
        samples = spec.samples(x, names[0])
        labels = spec.labels(y, len(samples), names[1])
        (samples, labels), held_out = split_arrays((samples, labels), split)
        source = sources.ArraySource(samples, labels, shuffle=shuffle, seed=seed, check=False)
        batch_size = batch_sizes.chosen(batch_size, source.element_spec)
        samples, labels = source.examples(EXAMPLES)
    return source_feed(source, (samples, labels), batch_size=batch_size, **steps), held_out


def check_alone(y, batch_size):
    """Check that nothing is given that a data set brings itself."""
    _checks.check(
        y is None and batch_size is None,
        "With a data set, `y` and `batch_size` must be left out.",
        cure="Put labels and batches into the data set.",
        y=None if y is None else "given",
        batch_size=batch_size,
    )


def own_pipeline(x, rule, *, group, parts, shuffle, seed, position, steps_per_epoch, split, epochs):
    """The feed of a training run on a user's own pipeline; arguments as in `training_feed`.

    Args:
        x: a `tf.data.Dataset`, or what `readers` read.
        rule: what its batches must be, see `pipelines.PipelineFeed`.
    """
    _checks.check(
        not split,
        "With a pipeline of your own, `validation_split` must be left out.",
        cure="Hold data out before you shuffle them, and pass them as `validation_data`; "
        "or use `keras_gan.data.from_arrays` or `from_folder`, which can be split.",
        validation_split=split,
    )
    reader = None
    if not isinstance(x, tf.data.Dataset):
        _checks.check(
            not isinstance(x, types.GeneratorType) or steps_per_epoch is not None,
            "A generator can be read once, and may have no end, so the steps of an epoch must be "
            "given.",
            cure="Give `steps_per_epoch=`, or a `keras.utils.PyDataset`.",
            steps_per_epoch=None,
        )
        order = {"shuffle": shuffle, "seed": seed, "position": lambda: position() * group}
        reader = readers.reader(x, "x", arrays=rule.arrays, group=group, **order)
        x = reader.dataset
    shared = {"steps": steps_per_epoch, "parts": parts, "reader": reader, "epochs": epochs}
    return PipelineFeed(x, rule, "x", group=group, **shared)


def source_feed(source, examples, *, batch_size, group, parts, position, steps_per_epoch):
    """The feed of a training run on a source; arguments as in `training_feed`.

    Args:
        source: a `sources.Source`.
        examples: `(samples, labels)` of it.

    Raises:
        ValueError: if a step does not fit into the data.
    """
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
    values.warn_if_all_the_same(examples[0], "x")
    return StreamFeed(source.stream(position, steps, per_step), *examples, source)


def evaluation_feed(
    x, y, *, spec, batch_size, steps=None, replicas=1, name="validation_data", checked=False
):
    """The feed of an evaluation: not grouped, not shuffled, nothing dropped.

    With several replicas the last batch is cut to a multiple of their number.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either.
        y: labels, or `None`.
        spec: the model's `SampleSpec`.
        batch_size: for arrays; `None` for those of `batch_sizes`.
        steps: number of batches to read, or `None` for all.
        replicas: number of replicas.
        name: name of `x` in errors.
        checked: whether the values were checked before.

    Returns:
        A `Feed`.

    Raises:
        ValueError: for data that do not fit the model.
    """
    x, y, names = unpacked(x, y, len(spec.sample_shape), name)
    rule = SampleBatches(spec, name)
    if isinstance(x, types.GeneratorType) and name != "x":
        batches = gathered(x, rule, steps, name)
        x, y = batches if isinstance(batches, tuple) else (batches, None)
        names = name, f"labels in {name}"
        batch_size, steps = len(x) // steps, None
    if readers.is_data_set(x):
        check_unlabelled(y)
        return pipeline_evaluation(x, rule, name, steps=steps, replicas=replicas)
    samples = (spec.typed if checked else spec.samples)(x, names[0])
    labels = spec.labels(y, len(samples), names[1])
    source = sources.ArraySource(samples, labels, seed=0, check=False)
    return array_evaluation(source, batch_size, steps, replicas)


def check_unlabelled(y):
    """Check that no labels are given beside a data set for an evaluation."""
    _checks.check(
        y is None,
        "With a data set, labels must be left out.",
        cure="Put them into the data set.",
        labels="given",
    )


def pipeline_evaluation(x, rule, name, *, steps, replicas, source=None):
    """The feed of an evaluation on a data set; arguments as in `evaluation_feed`.

    Args:
        rule: what its batches must be, see `pipelines.PipelineFeed`.
        source: the `sources.Source` to read, if it is not that of `x`.
    """
    reader = None
    if readers.is_read(x):
        _checks.check(
            not isinstance(x, types.GeneratorType) or steps is not None,
            f"A generator as `{name}` may have no end, so a number of batches must be given.",
            cure="Give `steps=`.",
            steps=None,
        )
        reader = readers.reader(x, name, arrays=rule.arrays)
        x = reader.dataset
    source = source or getattr(x, "source", None)
    if source is not None:
        # The same order in all evaluations, also after a resume.
        x = source.one_pass(x.batch_size)
    shared = {"parts": replicas, "source": source, "reader": reader}
    return PipelineFeed(x, rule, name, limit=steps, **shared)


def array_evaluation(source, batch_size, steps, replicas):
    """The feed of an evaluation on an `ArraySource`; arguments as in `evaluation_feed`."""
    rows = batch_sizes.chosen(batch_size, source.element_spec)
    dataset = tf.data.Dataset.from_tensor_slices(source.arrays).batch(rows)
    dataset = divisible(dataset, replicas).prefetch(2)
    if steps is not None:
        dataset = dataset.take(_checks.positive_int(steps, "steps"))
    return Feed(dataset, *source.examples(EXAMPLES), source)


def gathered(x, rule, steps, name):
    """The batches of a generator for validation: an array, or a tuple or `dict` of arrays."""
    _checks.check(
        steps is not None,
        f"A generator as `{name}` can be read once, so a number of batches must be given.",
        cure="Give `validation_steps=`, or arrays.",
        validation_steps=None,
    )
    reader = readers.reader(x, name, arrays=rule.arrays)
    batches = list(itertools.islice(reader.one_pass(), _checks.positive_int(steps, "steps")))
    reader.check(steps, steps, lambda batches: f"Use `validation_steps={batches}`, or arrays.")
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def checked_batch(x, y, spec):
    """Check a batch for `train_on_batch`: `(samples, labels)`, labels or `None`."""
    x, y, names = unpacked(x, y, len(spec.sample_shape), "x")
    samples = spec.samples(x, names[0])
    return samples, spec.labels(y, len(samples), names[1])


def unpacked(x, y, rank, name):
    """The samples and labels in the data argument of `fit`.

    A tuple or list of up to three items is `(samples, labels)`, as in Keras, unless each item has
    the rank of one sample: then it is a list of samples.

    Args:
        x: samples, `(samples, labels)`, or a `tf.data.Dataset`.
        y: labels, or `None`.
        rank: rank of a sample; `None` if unknown: then a tuple has labels, and a list is a list of
            samples if all its items have the same rank.
        name: name of `x` in errors.

    Returns:
        `(samples, labels, names)`: labels may be `None`; `names` are those of both.
    """
    names = name, "y" if name == "x" else "labels"
    if isinstance(x, (tuple, list)) and y is None and not _are_samples(x, rank):
        _checks.check(
            len(x) < 3,
            f"`{name}` must be samples, or `(samples, labels)`.",
            cure=cures.NO_WEIGHTS,
            parts=len(x),
        )
        names = f"{name}[0]", f"{name}[1]"
        x, y = (*x, None)[:2]
    known = isinstance(x, (tf.data.Dataset, list, tuple)) or hasattr(x, "__array__")
    _checks.check(
        known or tables.is_table(x) or readers.is_read(x),
        f"`{name}` must be an array of samples or a `tf.data.Dataset` of batches.",
        cure=lambda: cure_of_no_data(x, name),
        x=x if x is None or isinstance(x, str) else type(x).__name__,
    )
    return x, y, names


def _are_samples(parts, rank):
    """Whether the items of a tuple or list are samples, not a batch and its labels."""
    if not 1 <= len(parts) <= 3:
        return True
    if any(part is None or isinstance(part, tf.data.Dataset) for part in parts):
        return False
    try:
        ranks = {np.ndim(part) for part in parts}
    except ValueError:  # a list of samples of several shapes
        return False
    return isinstance(parts, list) and len(ranks) == 1 if rank is None else ranks == {rank}


def cure_of_no_data(x, name):
    """What to do with something that is no data at all."""
    if x is None:
        if not name.startswith("validation_data"):
            return "Give the real samples: `fit(samples)`."
        return "Give held-out samples: `validation_data=samples`, or leave it out."
    if isinstance(x, (str, os.PathLike)):
        return "For a folder of images, use `keras_gan.data.from_folder(path, image_size=...)`."
    if isinstance(x, tf.SparseTensor):
        return f"Use `tf.sparse.to_dense({name})`."
    if isinstance(x, tf.RaggedTensor):
        return f"Use `{name}.to_tensor()` where all samples have one shape."
    if hasattr(x, "toarray"):  # a sparse matrix of SciPy
        return f"Use `{name}.toarray()`."
    if isinstance(x, dict):
        return "Give the array that is in it: one array holds all samples."
    if inspect.isgeneratorfunction(x):
        return f"Call it, `{name}()`, and give the number of steps."
    if isinstance(x, collections.abc.Iterator):
        return f"Use the generator `(batch for batch in {name})`, and give the number of steps."
    if hasattr(x, "__iter__"):
        spec = "lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype)"
        signature = f"tf.nest.map_structure({spec}, next(iter({name})))"
        code = f"tf.data.Dataset.from_generator(lambda: {name}, output_signature={signature})"
        return f"Of batches of NumPy arrays make a data set: `{code}`."
    return "Give the real samples, or a data set of their batches."


def split_arrays(arrays, split):
    """The first part of arrays of one length, in their structure, and the last one or `None`."""
    if not split:
        return arrays, None
    at = sources.split_at(len(tf.nest.flatten(arrays)[0]), split)

    def cut(rows):
        return tf.nest.map_structure(lambda part: None if part is None else part[rows], arrays)

    return cut(slice(at)), cut(slice(at, None))


@contextlib.contextmanager
def passing(*feeds):
    """Re-raise errors of reading data with our message.

    Suppresses Keras's warning at the end of data: data of unknown length may end, and the feed
    raises an error if they end because of bad data.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        try:
            yield
        except tf.errors.OpError as error:
            for feed in feeds:
                if feed is not None and feed.found_error is not None:
                    raise feed.found_error from None
            ended, failed = ended_program(error), reading_failed(error)
            if ended is not None:
                raise ended from None
            if failed:
                raise ValueError(failed) from error
            raise
