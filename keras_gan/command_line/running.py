"""A run of the command line: from its options to an exit code."""

import ast
import contextlib
import importlib.util
import json
import signal
import sys

import keras
import numpy as np

from keras_gan import _checks, callbacks, recipes, terminal
from keras_gan.backend import inspection, policies
from keras_gan.callbacks import run_report
from keras_gan.command_line import sources
from keras_gan.recipes import facts, plans
from keras_gan.storage import files

DONE, ERROR, REFUSED, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
# Verdicts of runs that have not failed.
_ENDED_WELL = ("equilibrium", "stalled")
_EPOCHS, _BATCH_SIZE, MINUTES = 60, 64, 20.0
# The recipes of a `GAN`, for which samples, and their labels, are enough.
RECIPES = ("dcgan", "mlp", "r3gan", "sngan", "wgan_gp")
# The options of a run in its folder, for `resume`.
FILE = sources.RUN
# What a run writes before its first step.
_BEFORE_TRAINING = (FILE, "plan.json", "real.png", "backup")


def run(folder, **given):
    """Train or go on; the exit code.

    Args:
        folder: of the run.
        **given: the options of `commands.train` by name.

    Raises:
        RuntimeError: for an error in training, from that error.
    """
    output = given.pop("output")
    share = _checks.number(given["validation_split"], "validation_split", above=0.0, below=1.0)
    watching = [
        callbacks.ConvergenceStopping(directory=folder, patience=given["patience"]),
        callbacks.TrainingBackup(folder / "backup"),
    ]
    restored = _restoring(folder)
    try:
        with _terminated_as_interrupted():
            gan, real, classes, settings = _made(folder, **given)
    except KeyboardInterrupt:
        restored()
        terminal.tell("Interrupted before training began. Give the same command again.")
        return INTERRUPTED
    except Exception:
        restored()
        raise
    try:
        with files.replacing(folder / FILE) as temporary:
            temporary.write_text(json.dumps(given, indent=1), encoding="utf-8")
        if inspection.is_image(gan.sample_shape):
            watching.append(callbacks.ImageGrid(folder))
        page = 'none, it needs the extra "report"'
        if all(importlib.util.find_spec(name) for name in ("jinja2", "matplotlib")):
            watching.append(callbacks.RunReport(folder))
            watching[-1].saved_as = folder / sources.MODEL
            page = folder / run_report.FILE
            page = page if page.exists() else f"{page}, after the first epoch"
        terminal.tell(f"Report: {page}.")
        if inspection.is_image(gan.sample_shape) and policies.lacks_onednn():
            terminal.tell(
                "TensorFlow does not use oneDNN on this processor. With TF_ENABLE_ONEDNN_OPTS=1 "
                "before the command images may train twice as fast."
            )
        # A bar of steps is for terminals; a line for each epoch for files.
        verbose = "auto" if sys.stdout.isatty() else 2
        settings |= {"validation_split": share, "verbose": verbose}
        with _terminated_as_interrupted():
            gan.fit(real, classes, callbacks=watching, **settings)
            gan.save(folder / sources.MODEL)
    except KeyboardInterrupt:
        terminal.tell(
            f"Interrupted. What the run has written is in {folder}. Go on with "
            f"{sources.command('resume', output)}."
        )
        return INTERRUPTED
    except Exception as error:
        if not gan.steps_seen:  # refused before the first step
            restored()
            raise
        raise RuntimeError(
            f"An error ended the run after {gan.steps_seen:,} steps. Once its cause is gone, go on "
            f"with {sources.command('resume', output)}."
        ) from error
    terminal.tell(
        f"Saved: {folder / sources.MODEL}. Draw with {sources.command('sample', output)}."
    )
    verdict = gan.verdict
    return FAILED if verdict is not None and verdict.kind not in _ENDED_WELL else DONE


def _restoring(folder):
    """A function that removes what a run has written before its first step, and nothing else.

    Options that make no sense must not stay in the folder: `resume` would repeat their error.
    """
    new = [name for name in _BEFORE_TRAINING if not (folder / name).exists()]
    options = None if FILE in new else (folder / FILE).read_bytes()

    def restored():
        for name in new:
            files.remove(folder / name)
        if options is not None and (folder / FILE).read_bytes() != options:
            with files.replacing(folder / FILE) as temporary:
                temporary.write_bytes(options)

    return restored


def _made(folder, *, source, recipe, minutes, epochs, options, **given):
    """The model, its data and labels, and the arguments of `fit`."""
    seed, precision, batch_size = given["seed"], given["precision"], given["batch_size"]
    size_of_batch = _BATCH_SIZE if batch_size is None else batch_size
    reading = [given[name] for name in ("image_size", "channels", "labels", "split")]
    real, classes = sources.read(source, *reading, size_of_batch, seed)
    shared = {"seed": _checks.seed(seed), "precision": precision}
    keras.utils.set_random_seed(seed % 2**32)  # initial weights are not drawn by the seed of a GAN
    if recipe == "auto":
        _checks.check(
            batch_size is None or not isinstance(real, np.ndarray),
            "The plan chooses the batch size of arrays.",
            cure="Leave out `--batch-size`, or name a recipe with `--recipe`.",
            batch_size=batch_size,
        )
        if batch_size is None and not isinstance(real, np.ndarray):
            real = real.source.dataset(plans.batch_size(facts.look(real)))
        minutes = MINUTES if minutes is None else minutes
        gan, settings = recipes.for_data(real, classes, minutes=minutes, directory=folder, **shared)
        if epochs is not None:
            _checks.check(
                epochs >= settings["epochs"],
                "The schedules of a plan last as long as its epochs, and fewer would cut them off.",
                cure="Leave out `--epochs`, or ask for more: they have the last learning rate.",
                epochs=epochs,
                planned=settings["epochs"],
            )
    else:
        found = facts.look(real, classes)
        values = {name: _value(text) for name, text in options.items()}
        shared |= {"num_classes": found.num_classes, **values}
        try:
            gan = recipe_of(recipe)(found.sample_shape, **shared)
        except TypeError as error:
            if "has no argument" not in str(error):
                raise
            raise TypeError(f"{error} All are told by `keras-gan recipes {recipe}`.") from error
        settings = {"epochs": _EPOCHS}
        if found.batch_size is None:
            settings["batch_size"] = size_of_batch
    if epochs is not None:
        settings["epochs"] = epochs
    return gan, real, classes, settings


@contextlib.contextmanager
def _terminated_as_interrupted():
    """Let a termination end a run as Ctrl-C does; schedulers send one."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def recipe_of(name):
    """A recipe by its name, or the function that chooses one."""
    _checks.one_of(name, "recipe", ("auto", *RECIPES))
    return getattr(recipes, "for_data" if name == "auto" else name)


def _value(text):
    """A number, tuple, `True` or `None` as written in Python; any other text as it is."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
