"""From data and a time to a compiled model and the arguments of `fit`."""

import collections
import functools
import os
import statistics
import time
import types
import warnings

import keras
import tensorflow as tf

from keras_gan import (
    _checks,
    callbacks,
    convergence,
    cost,
    feeding,
    inspection,
    schedules,
    terminal,
)
from keras_gan import samples as samples_module
from keras_gan.inputs import labels as labels_module
from keras_gan.inputs import readers
from keras_gan.recipes import defaults, games

# What is not an image goes through fully connected networks, up to so many values.
_MOST_VALUES = 4096
# Epochs of a plan: enough for rules that compare epochs.
_EPOCHS = 60
# The share of the time that may go into watching the run.
_WATCHING = 0.05
# Calls of several steps in an epoch of the measurement, and its epochs; the first one compiles.
_CALLS, _MEASURED_EPOCHS = 6, 4
# The learning rate ends at this share of what it begins at.
_LAST_RATE = 0.02

_Facts = collections.namedtuple("_Facts", "sample_shape count num_classes batch_size")
_Costs = collections.namedtuple("_Costs", "start step epoch")


@_checks.suggesting
def for_data(data, labels=None, *, minutes=20, num_classes=None, seed=0, precision="auto"):
    """A compiled model for some data, and the arguments of `fit` for a given time.

    ```python
    gan, settings = keras_gan.recipes.for_data(images, minutes=20)
    gan.fit(images, **settings, callbacks=[keras_gan.callbacks.ConvergenceStopping()])
    ```

    It looks at size, channels, count and labels of the data, and takes `dcgan` for images and `mlp`
    for anything else, with their defaults. Then it measures what a step takes on this machine,
    which costs some ten seconds of the time, and prints the plan in one sentence. The learning rate
    falls along a cosine to a fiftieth over the images that the run will see. An epoch is a sixtieth
    of the time, or more where watching it would take over 5 % of it. Data that are read in Python
    are read for a few batches. The machine is taken to be as busy later as it is now.

    Args:
        data: samples, as `fit` takes them: an array, `(samples, labels)`, or batches of either.
        labels: class indices of the samples, for a conditional model.
        minutes: how long planning and `fit` may take together, above 0. Default 20.
        num_classes: how many classes there are. Default: as many as the labels of arrays have, or
            the names of classes of a data set of `keras_gan.data`; of other data sets with labels
            it must be given.
        seed: of noise and data order.
        precision: as of `dcgan`. Default "auto".

    Returns:
        `(gan, settings)`: a compiled, untrained `GAN`, and a `dict` of `epochs`, `steps_per_epoch`
        and, for arrays, `batch_size`.

    Raises:
        ValueError: for data that `fit` would refuse, and for samples that are no images and have
            more than 4,096 values.
    """
    began = time.perf_counter()
    minutes = _checks.number(minutes, "minutes", above=0.0)
    seed = _checks.seed(seed)
    facts = _look(data, labels, num_classes)
    build = functools.partial(_build, facts, seed=seed, precision=precision)
    settings = {} if facts.batch_size else {"batch_size": _batch_size(facts)}
    batch_size = facts.batch_size or settings["batch_size"]
    trial = build()
    a_call = cost.steps_per_execution(trial, batch_size)
    costs = _measured(trial, data, labels, settings, a_call)
    left = 60.0 * minutes - (time.perf_counter() - began) - costs.start
    settings |= _divided(left, costs, a_call)
    steps = settings["epochs"] * settings["steps_per_epoch"]
    gan = build(over_images=steps * batch_size)
    seconds = time.perf_counter() - began + costs.start
    seconds += steps * costs.step + settings["epochs"] * costs.epoch
    terminal.tell(_sentence(facts, gan, batch_size, steps, seconds))
    return gan, settings


# === Data ===


def _look(data, labels, num_classes):
    """The `_Facts` of data."""
    samples, labels, names = feeding.unpacked(data, labels, None, "data")
    _checks.check(
        not isinstance(samples, types.GeneratorType),
        "A generator can be read once, so that no step can be tried.",
        cure="Give a `keras.utils.PyDataset`, or arrays.",
        data="generator",
    )
    if num_classes is not None:
        num_classes = _checks.positive_int(num_classes, "num_classes")
    if isinstance(samples, tf.data.Dataset) or readers.is_read(samples):
        facts = _of_batches(samples, num_classes)
    else:
        samples = samples_module.checked(samples, names[0])
        if labels is not None:
            labels = labels_module.checked(labels, len(samples), num_classes, name=names[1])
            num_classes = num_classes or int(labels.max()) + 1
        facts = _Facts(samples.shape[1:], len(samples), num_classes, None)
    _check_shape(facts.sample_shape)
    return facts


def _of_batches(data, num_classes):
    source = getattr(data, "source", None)
    if source is not None:
        return _of_source(source, data.batch_size, num_classes)
    count = None
    if readers.is_read(data):
        reader = readers.reader(data, "data")
        batch = next(iter(reader.one_pass()), None)
        reader.check(1)
        parts, batches = tf.nest.flatten(batch), reader.batches
    else:
        parts, batches = tf.nest.flatten(data.element_spec), int(data.cardinality())
    shape, batch_size = tuple(parts[0].shape[1:]), parts[0].shape[0]
    if batch_size is None:
        first = next(iter(data.take(1)), None)
        _checks.check(first is not None, "`data` must not be empty.", batches=0)
        batch_size = tf.nest.flatten(first)[0].shape[0]
    if batches > 0:
        count = batches * batch_size
    return _Facts(shape, count, _classes(len(parts) > 1, None, num_classes), batch_size)


def _of_source(source, batch_size, num_classes):
    spec = tf.nest.flatten(source.element_spec)
    known = len(source.class_names) if source.class_names else None
    if known is None and getattr(source, "labels", None) is not None:
        known = int(source.labels.max()) + 1
    num_classes = _classes(len(spec) > 1, known, num_classes)
    return _Facts(tuple(spec[0].shape), source.num_samples, num_classes, batch_size)


def _classes(labelled, known, given):
    num_classes = given or known
    _checks.check(
        num_classes is not None or not labelled,
        "The data have labels, of which it is not known how many classes they are of.",
        cure="Pass `num_classes=`.",
        num_classes=None,
    )
    return num_classes if labelled else None


def _check_shape(shape):
    known = all(size is not None for size in shape)
    values = tf.TensorShape(shape).num_elements() if known else None
    _checks.check(
        known and (inspection.is_image(shape) or values <= _MOST_VALUES),
        "There are recipes for images of 1, 3 or 4 channels, and for samples of up to "
        f"{_MOST_VALUES:,} values.",
        cure="Build networks for these and give them to `keras_gan.GAN`.",
        sample_shape=shape,
    )


def _batch_size(facts):
    """Samples of an update: as many as suit the size, and no more than a quarter of all."""
    most = 32 if defaults.side(facts.sample_shape) >= 48 else 64
    return min(most, max(1, facts.count // 4))


# === The model ===


def _build(facts, *, seed, precision, over_images=None):
    """The model; its schedules reach over so many images, or stand still for a trial."""
    shape, shared = facts.sample_shape, {"seed": seed, "precision": precision}
    recipe = games.dcgan if inspection.is_image(shape) else games.mlp
    if over_images is not None:
        rate = defaults.LEARNING_RATE
        shared["learning_rate"] = schedules.Cosine(rate, _LAST_RATE * rate, over_images=over_images)
    return recipe(shape, num_classes=facts.num_classes, **shared)


# === Time ===


class _Stopwatch(keras.callbacks.Callback):
    """How long each epoch trains, and how long the callbacks after this one take between them."""

    def on_train_begin(self, logs=None):
        self.training, self.watching = [], []
        self._begin = self._end = None

    def on_epoch_begin(self, epoch, logs=None):
        self._stop()
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self._end = time.perf_counter()
        self.training.append(self._end - self._begin)

    def on_train_end(self, logs=None):
        self._stop()

    def _stop(self):
        if self._end is not None:
            self.watching.append(time.perf_counter() - self._end)


def _measured(gan, data, labels, settings, a_call):
    """The `_Costs` in seconds: of the start, of a step, and of watching at the end of an epoch."""
    steps, watch = _CALLS * a_call, _Stopwatch()
    watching = callbacks.ConvergenceStopping(
        rules=[convergence.Diverged()], restore_best_weights=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `fit` will say it again
        gan.fit(
            data,
            labels,
            **settings,
            epochs=_MEASURED_EPOCHS,
            steps_per_epoch=steps,
            verbose=0,
            callbacks=[watch, watching],
        )
    training = statistics.median(watch.training[1:])
    epoch = statistics.median(watch.watching[1:])
    start = watch.training[0] - training + watch.watching[0] - epoch
    return _Costs(max(start, 0.0), training / steps, epoch)


def _divided(seconds, costs, a_call):
    """The epochs, and the steps of each, that take so many seconds: arguments of `fit`."""
    shortest = max(seconds / _EPOCHS, costs.epoch / _WATCHING, costs.epoch + a_call * costs.step)
    epochs = max(1, int(seconds / shortest))
    steps = (seconds / epochs - costs.epoch) / costs.step
    return {"epochs": epochs, "steps_per_epoch": max(1, int(steps / a_call)) * a_call}


# === Words ===


def _sentence(facts, gan, batch_size, steps, seconds):
    count = "" if facts.count is None else f"{facts.count:,} "
    shape, kind = facts.sample_shape, "samples"
    size = "x".join(map(str, shape))
    if inspection.is_image(shape):
        kind = {1: "grey pictures", 3: "colour pictures", 4: "transparent pictures"}[shape[-1]]
        size, recipe = "x".join(map(str, shape[:2])), "dcgan"
        width = f"{defaults.filters(shape, 32)} filters"
    else:
        recipe, width = "mlp", f"{defaults.WIDTH} units"
    of_classes = f" in {facts.num_classes} classes" if facts.num_classes else ""
    return (
        f"{count}{kind} of {size}{of_classes}, {_devices()}: {recipe} with {width}, "
        f"batch {batch_size}, {steps:,} steps, about {_minutes(seconds)}"
    )


def _devices():
    accelerators = tf.config.list_physical_devices("GPU")
    if accelerators:
        return "1 GPU" if len(accelerators) == 1 else f"1 of {len(accelerators)} GPUs"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return "1 core" if cores == 1 else f"{cores} cores"


def _minutes(seconds):
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
