"""Plans: a compiled model and the arguments of `fit` for given data and time."""

import collections
import functools
import json
import os
import statistics
import time
import warnings

import keras
import tensorflow as tf

from keras_gan import _checks, callbacks, convergence, schedules, terminal
from keras_gan.backend import inspection, replicas
from keras_gan.feeding import batch_sizes
from keras_gan.model import compute_cost
from keras_gan.recipes import defaults, games
from keras_gan.recipes.facts import look
from keras_gan.storage import files

# Epochs of a plan: enough for rules that compare epochs.
_EPOCHS = 60
# Fraction of the time for measuring signals.
_WATCHING = 0.05
# Calls of several steps in an epoch of the measurement, and its epochs; the first one compiles.
_CALLS, _MEASURED_EPOCHS = 6, 4
# Final learning rate as a fraction of the initial one.
_LAST_RATE = 0.02
# A plan that takes this multiple of the time asked for says so.
_EXCESS = 1.15
# A plan of fewer steps says that they are few.
_FEW = 500
# Measuring ends with its second epoch once it has taken this fraction of the time asked for.
_MEASURING = 0.05

_Costs = collections.namedtuple("_Costs", "start step epoch")


@_checks.suggesting
def for_data(
    data,
    labels=None,
    *,
    minutes=20,
    num_classes=None,
    directory=None,
    seed=0,
    precision="auto",
):
    """A compiled model for some data, and the arguments of `fit` for a given time.

    ```python
    gan, settings = keras_gan.recipes.for_data(images, minutes=20)
    gan.fit(images, **settings, callbacks=[keras_gan.callbacks.ConvergenceStopping()])
    ```

    It chooses `dcgan` for images and `mlp` for other data, with their defaults. Then it
    measures the duration of a step on this machine, which takes about ten seconds of the time,
    on slow machines a twentieth of it or more, and prints that it does, then the plan in one
    sentence. The learning rate is constant for the first half of the images that the run will
    see, and falls to a fiftieth over the second half. An epoch is a sixtieth of the time, or
    more if measuring the signals would take over 5 % of it. Data that are read in Python are
    read for a few batches. The plan assumes that the load of the machine does not change.

    Args:
        data: samples, as for `fit`: an array, `(samples, labels)`, or batches of either.
        labels: class indices of the samples, for a conditional model.
        minutes: time for planning and `fit` together, above 0. Default 20.
        num_classes: number of classes. Default: that of the labels of arrays, or of the class names
            of a data set of `keras_gan.data`; it must be given for other data sets with labels.
        directory: folder for `plan.json`, created if missing. A new measurement would give another
            plan and so another run: to resume an interrupted run, give the same folder again. An
            existing plan for the same data and time is used, and others are kept. Several workers
            need one that one process has made before, without their strategy. Default `None`.
        seed: of noise and data order.
        precision: as of `dcgan`. Default "auto".

    Returns:
        `(gan, settings)`: a compiled, untrained `GAN`, and a `dict` of `epochs`, `steps_per_epoch`
        and, for arrays, `batch_size`.

    Raises:
        ValueError: for data that `fit` does not accept, for pixels without a channel axis, for
            samples of more than 4,096 values that are not images, for a `directory` that cannot be
            written to or has another `plan.json`, and for several workers without a plan.

    Example, which resumes an interrupted run when it is started again:

    ```python
    gan, settings = keras_gan.recipes.for_data(images, minutes=20, directory="runs/faces")
    backup = keras_gan.callbacks.TrainingBackup("runs/faces/backup")
    gan.fit(images, **settings, callbacks=[backup])
    ```
    """
    began = time.perf_counter()
    minutes = _checks.number(minutes, "minutes", above=0.0)
    seed = _checks.seed(seed)
    facts = look(data, labels, num_classes, as_images=True)
    build = functools.partial(_build, facts, seed=seed, precision=precision)
    size, settings = facts.batch_size, {}
    if size is None:
        size = settings["batch_size"] = batch_size(facts)
    directory = files.folder_path(directory, "directory", optional=True)
    path = directory and files.writable_directory(directory) / "plan.json"
    asked = json.loads(json.dumps({"minutes": minutes, **facts._asdict()}))
    plan = _plan_of(_kept(path), asked)
    if plan is None:
        _checks.check(
            replicas.workers() == 1,
            "Each worker would measure another plan, and wait for steps that others do not make.",
            cure="Make the plan in one process first, with `directory=`, which all workers read.",
            workers=replicas.workers(),
        )
        terminal.tell("Measuring how long a step takes on this machine.")
        trial = build()
        a_call = compute_cost.steps_per_execution(trial, size)
        costs = _measured(trial, data, labels, settings, a_call, _MEASURING * 60.0 * minutes)
        spent = time.perf_counter() - began
        plan = _divided(60.0 * minutes - spent, costs, a_call)
        plan["seconds"] = (
            spent
            + costs.start
            + plan["epochs"] * (plan["steps_per_epoch"] * costs.step + costs.epoch)
        )
        # Another process may have made its plan meanwhile.
        kept = _kept(path)
        if found := _plan_of(kept, asked):
            plan = found
        elif path is not None:
            # Beside those for other data: a run whose data come back goes on with its own plan.
            with files.replacing(path) as temporary:
                temporary.write_text(json.dumps([*kept, {"for": asked, "plan": plan}], indent=1))
    steps = plan["epochs"] * plan["steps_per_epoch"]
    terminal.tell(_sentence(facts, size, steps, plan["seconds"]) + _remark(plan, steps, minutes))
    settings |= {key: plan[key] for key in ("epochs", "steps_per_epoch")}
    return build(over_images=steps * size), settings


def batch_size(facts):
    """Suited to the size of samples, at most a quarter of their number, and equal for replicas."""
    most = batch_sizes.suited(facts.sample_shape)
    shares = tf.distribute.get_strategy().num_replicas_in_sync
    return max(1, min(most, facts.count // 4) // shares) * shares


def _kept(path):
    """The plans in a file, each a `dict` of the plan and of what it is for."""
    if path is None or not path.exists():
        return []
    try:
        found = json.loads(path.read_text())
        found = [found] if isinstance(found, dict) else found  # of earlier versions
        return [{"for": each["for"], "plan": _checked(each["plan"])} for each in found]
    except (OSError, ValueError, KeyError, TypeError):
        raise _checks.error(
            "`plan.json` of `directory` must be one that this function has written.",
            cure="Choose another folder.",
            directory=str(path.parent),
        ) from None


def _checked(plan):
    """A plan of a file, which somebody may have changed."""
    whole = _checks.positive_ints(epochs=plan["epochs"], steps_per_epoch=plan["steps_per_epoch"])
    seconds = _checks.number(plan["seconds"], "seconds", minimum=0.0)
    return {"epochs": whole[0], "steps_per_epoch": whole[1], "seconds": seconds}


def _plan_of(kept, asked):
    return next((each["plan"] for each in kept if each["for"] == asked), None)


# === The model ===


def _build(facts, *, seed, precision, over_images=None):
    """The model, with schedules over `images`, or constant ones for a trial."""
    shape, shared = facts.sample_shape, {"seed": seed, "precision": precision}
    if over_images is not None:
        rate = defaults.LEARNING_RATE
        shared["learning_rate"] = schedules.Linear(
            rate, _LAST_RATE * rate, over_images=over_images, after=over_images / 2
        )
    return recipe_of(shape)(shape, num_classes=facts.num_classes, **shared)


def recipe_of(shape):
    """The recipe of a plan for samples of this shape."""
    return games.dcgan if inspection.is_image(shape) else games.mlp


# === Time ===


class _Stopwatch(keras.callbacks.Callback):
    """How long each epoch trains, and how long the callbacks after this one take between them.

    Args:
        seconds: after which training ends, but not before the end of its second epoch.
    """

    def __init__(self, seconds):
        super().__init__()
        self._seconds = seconds

    def on_train_begin(self, logs=None):
        self.training, self.watching = [], []
        self._start, self._begin, self._end = time.perf_counter(), None, None

    def on_epoch_begin(self, epoch, logs=None):
        self._stop()
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self._end = time.perf_counter()
        self.training.append(self._end - self._begin)
        if len(self.training) > 1 and self._end - self._start > self._seconds:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self._stop()

    def _stop(self):
        if self._end is not None:
            self.watching.append(time.perf_counter() - self._end)


def _measured(gan, data, labels, settings, a_call, seconds):
    """The `_Costs` in seconds: of the start, of a step, and of watching at the end of an epoch."""
    steps, watch = _CALLS * a_call, _Stopwatch(seconds)
    watching = callbacks.ConvergenceStopping(
        rules=[convergence.Diverged()], restore_best_weights=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `fit` will repeat the warning
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
    """The epochs, and the steps of each, of a `fit` that takes so many seconds."""
    seconds -= costs.start
    shortest = max(seconds / _EPOCHS, costs.epoch / _WATCHING, costs.epoch + a_call * costs.step)
    epochs = max(1, int(seconds / shortest))
    steps = (seconds / epochs - costs.epoch) / costs.step
    return {"epochs": epochs, "steps_per_epoch": max(1, int(steps / a_call)) * a_call}


# === Words ===


def _sentence(facts, batch_size, steps, seconds):
    count = "" if facts.count is None else f"{facts.count:,} "
    shape, kind = facts.sample_shape, "samples"
    size = "x".join(map(str, shape))
    if inspection.is_image(shape):
        kind = {1: "grey pictures", 3: "colour pictures", 4: "transparent pictures"}[shape[-1]]
        size = "x".join(map(str, shape[:2]))
        width = f"{defaults.convolutions(shape)['generator_filters']} filters"
    else:
        width = f"{defaults.WIDTH} units"
    kind = kind.removesuffix("s") if facts.count == 1 else kind
    of_classes = f" in {facts.num_classes} classes" if facts.num_classes else ""
    told = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    return (
        f"{count}{kind} of {size}{of_classes}, {_devices()}: {recipe_of(shape).__name__} with "
        f"{width}, batch {batch_size}, {steps:,} step{'s' * (steps != 1)}, about {told}"
    )


def _remark(plan, steps, minutes):
    """What to say of a plan that has too little time."""
    asked, told = 60.0 * minutes, ""
    if plan["seconds"] > _EXCESS * asked:
        told = f": more than the {asked:.0f} seconds asked for, since steps are measured first"
    if steps < _FEW:
        told += ". So few steps hardly train a GAN, which needs some thousand: give more `minutes`"
    return told


def _devices():
    accelerators = tf.config.list_physical_devices("GPU")
    if accelerators:
        return "1 GPU" if len(accelerators) == 1 else f"1 of {len(accelerators)} GPUs"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return "1 core" if cores == 1 else f"{cores} cores"
