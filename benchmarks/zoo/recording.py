"""One run of the zoo to its full length, with all signals and with ground truth."""

import dataclasses
import math
import time
import warnings

import keras
import numpy as np

import keras_gan
from benchmarks.zoo import tasks

# Latents of all epochs are the same, so that epochs compare; no callback uses them.
_SEED = 4_711
_DRAWS = 4
# Significant digits of a record: more than any signal has.
_DIGITS = 6


class Recorder:
    """A rule without a verdict, so that a run goes on to its end with all its signals.

    A discriminator is trained afresh wherever other rules would ask for it, and besides at every
    `every`-th epoch in which the playing one is unsure (within twice the tolerance of a coin
    flip), so that rules which are changed later can be judged by the same record. What they did
    not ask for is hidden from them, here and by `judging.replay`.

    Args:
        rules: the rules that may ask.
        every: in epochs.
    """

    kind = "recorder"

    def __init__(self, rules, every):
        self._rules, self._every = rules, every
        self._asked = set()

    def __call__(self, history):
        return None

    def wants_fresh(self, history):
        """Whether to train a discriminator afresh in the latest epoch."""
        if asks(self._rules, hidden(history, self._asked)):
            self._asked.add(history[-1].epoch)
            return True
        return len(history) % self._every == 0 and _is_unsure(history[-1])


def asks(rules, history):
    """Whether a rule wants a discriminator trained afresh."""
    wanted = (getattr(rule, "wants_fresh", None) for rule in rules)
    return any(ask and ask(history) for ask in wanted)


def hidden(history, asked):
    """The history without what fresh discriminators say in epochs that are not in `asked`."""
    nothing = {"fresh_discriminator_auc": None, "num_fresh": 0}
    return [s if s.epoch in asked else dataclasses.replace(s, **nothing) for s in history]


def _is_unsure(last):
    chance = last.discriminator_auc
    if chance is None or not math.isfinite(chance):
        return False
    return abs(chance - 0.5) <= 2.0 * keras_gan.convergence.auc_tolerance(
        last.num_real, last.num_fake
    )


# === Recording ===


def record(task, kind, seed, data_dir=None, *, epochs=None, steps=None):
    """Play a game to its end.

    Args:
        task: a `tasks.Task`.
        kind: a `kinds.Kind`.
        seed: of everything.
        data_dir: of TensorFlow Datasets, for MNIST.
        epochs: other than the task's, for a quick look.
        steps: likewise.

    Returns:
        The record, a `dict` of plain values.
    """
    task = dataclasses.replace(task, epochs=epochs or task.epochs, steps=steps or task.steps)
    data = tasks.load(task, kind, seed, data_dir)
    wall, processor = time.perf_counter(), time.process_time()
    keras.utils.set_random_seed(seed)
    gan = tasks.game(task, kind, data.train.shape[1:], seed)
    rules = keras_gan.convergence.default_rules()
    stopping = keras_gan.callbacks.ConvergenceStopping(rules=[Recorder(rules, task.fresh_every)])
    truth = []

    def figures(draw=0):
        return data.judge(gan.generate(task.judged, seed=_SEED + draw))

    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: truth.append(figures()))
    untrained = figures()["quality"]
    with warnings.catch_warnings():  # what is wrong with them is known
        warnings.simplefilter("ignore", UserWarning)
        gan.fit(
            **tasks.training_data(task, kind, data.train, seed),
            epochs=task.epochs,
            steps_per_epoch=task.steps,
            validation_data=data.held_out,
            validation_batch_size=250,
            verbose=0,
            callbacks=[*tasks.callbacks(task, kind), watch, stopping],
        )
    # By now the best epoch's weights are back.
    scale = {
        "total": data.judge.total,
        "direction": data.judge.direction,
        "untrained": untrained,
        "reals": data.judge(data.other_reals)["quality"],
        "error": _deviation([figures(1 + draw)["quality"] for draw in range(_DRAWS)]),
    }
    return _short(
        {
            "task": task.name,
            "kind": kind.name,
            "seed": seed,
            "epochs": task.epochs,
            "steps": task.steps,
            "batch_size": task.batch_size,
            "seconds": time.perf_counter() - wall,
            "processor_seconds": time.process_time() - processor,
            "scale": scale,
            "truth": truth,
            # Logs hold what is among the signals, and what no rule reads.
            "signals": [dataclasses.replace(s, logs={}).to_dict() for s in stopping.history],
        }
    )


def _deviation(values):
    """The standard deviation, 0 if a value is none."""
    return 0.0 if None in values else float(np.std(values, ddof=1))


def _short(value):
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_short(part) for part in value]
    finite = isinstance(value, float) and math.isfinite(value)
    return float(f"{value:.{_DIGITS}g}") if finite else value


def name(task, kind, seed):
    """Of the record of a run."""
    return f"{task}_{kind}_seed{seed}"
