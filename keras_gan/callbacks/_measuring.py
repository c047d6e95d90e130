"""Measures the signals of a model and of its critics.

All random numbers come from explicit seeds, so measuring never changes a run.
"""

import keras
import numpy as np

from keras_gan import _checks, _warnings, losses
from keras_gan.callbacks._reference_set import NUM_SAMPLES
from keras_gan.convergence import signals
from keras_gan.model import watched


def require(model, attribute, callback):
    """Check that a callback is used with a model of this package, by an attribute of it."""
    _checks.check(
        hasattr(model, attribute),
        f"`{type(callback).__name__}` needs a model of `keras_gan`, such as a `GAN`.",
        model=type(model).__name__,
    )


def require_own_folder(callback, callbacks):
    """Check that no other callback of this class writes into the same `directory`."""
    others = [c for c in callbacks if type(c) is type(callback) and c is not callback]
    folders = [other.directory.resolve() for other in others if other.directory is not None]
    _checks.check(
        callback.directory.resolve() not in folders,
        f"Each `{type(callback).__name__}` must have its own folder.",
        cure="Give another `directory`.",
        directory=str(callback.directory),
    )


def warn_unwritten(path, error):
    """Warn that a file could not be written, which does not stop a run."""
    _warnings.warn(
        f"{str(path)!r} could not be written ({error.strerror or error}). Training continues "
        "without it."
    )


def scored(pair, epoch):
    """AUCs of a critic for reals and samples of the generator: a `dict` of signals.

    Uses up to 1,000 held-out reals if there are any, otherwise training reals; always the same.
    With both, training reals are compared with held-out ones too. Empty if the model has not been
    trained yet.
    """
    train, held_out = (pair.rows(where, NUM_SAMPLES) for where in (False, True))
    rows = train if held_out is None else held_out
    if rows is None:
        return {}
    tensors = pair.tensors(rows, seed(pair.model, epoch), averaged=False)
    real_scores, fake_scores = (pair.score(kind, tensors) for kind in ("real", "fake"))
    found = {
        "discriminator_auc": signals.discriminator_auc(real_scores, fake_scores),
        "num_real": len(real_scores),
        "num_fake": len(fake_scores),
        "held_out": held_out is not None,
    }
    if held_out is not None and train is not None:
        train_scores = pair.score_reals(train)
        found["train_vs_held_out_auc"] = signals.discriminator_auc(train_scores, real_scores)
        found["num_train"] = len(train_scores)
    return found


def fresh(pair, discriminator, epoch):
    """The AUC of a newly trained discriminator: a `dict` of signals.

    It is trained on training reals and evaluated on held-out ones. Without held-out reals it is
    trained on one half of the training reals and evaluated on the other. The generated samples are
    those of the averaged generator.
    """
    train, judged = pair.rows(False, 2 * NUM_SAMPLES), pair.rows(True, NUM_SAMPLES)
    if train is None or watched.length(train) < 2:
        return {}
    if judged is None:
        half = watched.length(train) // 2
        rows = slice(half, None), slice(None, half)
        train, judged = (watched.part(train, part) for part in rows)
    sides = [
        pair.sides(rows, seed(pair.model, epoch, number))
        for number, rows in enumerate((train, judged), 1)
    ]
    auc = discriminator.auc(*sides, seed=seed(pair.model, epoch))
    count = -(-watched.length(judged) // pair.pack)
    return {"fresh_discriminator_auc": auc, "num_fresh": count}


def seed(gan, epoch, number=0):
    """An integer seed derived from the model's seed, the epoch and a number."""
    words = [gan.seed, epoch, number] if number else [gan.seed, epoch]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def monitored(logs, monitor):
    """The logged value of a name, which must be a number."""
    found = signals.numbers({monitor: logs[monitor]})
    _checks.check(
        monitor in found,
        "`monitor` must be the name of a number in the logs.",
        cure="Monitor another name, or correct the callback that logs it.",
        monitor=monitor,
        logged=logs[monitor],
    )
    return found[monitor]


def jensen_shannon(pair, logs):
    """`signals.jensen_shannon` of the logs, on held-out data if there is any, or `None`.

    Defined for cross-entropy without smoothed labels.
    """
    loss, key = pair.loss, pair.log_keys["d_loss"]
    if not isinstance(loss, (losses.NonSaturating, losses.Minimax)) or loss.label_smoothing:
        return None
    d_loss = logs.get(f"val_{key}", logs.get(key))
    return None if d_loss is None else signals.jensen_shannon(float(d_loss))


def metric_error(gan, monitor):
    """The standard error of a logged metric, or `None` if the metric has none."""
    for metric in getattr(gan, "quality_metrics", ()):
        if f"val_{metric.name}" == monitor and hasattr(metric, "standard_error"):
            return metric.standard_error()
    return None


def broken_weight(gan):
    """`dict` of `player` and `variable` of the first weight that is not finite, or `None`."""
    for player, networks in gan.networks_by_player.items():
        for variable in (weight for network in networks for weight in network.weights):
            if not np.all(np.isfinite(np.asarray(keras.ops.convert_to_tensor(variable)))):
                return {"player": player, "variable": variable.path}
    return None


def new_failure(gan, known):
    """`gan.first_failure`, or `None` if it is the `known` one from before this run."""
    failure = gan.first_failure
    return None if failure == known else failure
