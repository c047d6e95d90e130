"""Taking signals from a model, by its public attributes alone.

All noise comes from explicit seeds: watching a run never changes it.
"""

import keras
import numpy as np

from keras_gan import _checks, losses
from keras_gan.callbacks._yardstick import NUM_SAMPLES, in_model_range, some
from keras_gan.convergence import signals
from keras_gan.feeding.sample_spec import unchecked

_NETWORKS = ("generator", "discriminator", "averaged_generator")


def require(model, attribute, callback):
    """Check that a callback watches a GAN.

    Raises:
        ValueError: if `model` lacks `attribute`.
    """
    _checks.check(
        hasattr(model, attribute),
        f"`{type(callback).__name__}` needs a `keras_gan.GAN`.",
        model=type(model).__name__,
    )


def require_own_folder(callback, callbacks):
    """Check that no other callback of the kind writes into the same `directory`.

    Raises:
        ValueError: if one does.
    """
    others = [c for c in callbacks if type(c) is type(callback) and c is not callback]
    folders = [other.directory.resolve() for other in others if other.directory is not None]
    _checks.check(
        callback.directory.resolve() not in folders,
        f"Each `{type(callback).__name__}` must have a folder of its own.",
        cure="Give another `directory`.",
        directory=str(callback.directory),
    )


def scored(gan, epoch):
    """What the discriminator makes of reals and fresh fakes of the raw generator: a `dict`.

    Up to 1,000 held-out reals if there are any, otherwise training reals; always the same ones.
    Where there are both, as many of the one kind are compared with the other. Empty if the model
    has seen no sample yet.
    """
    held_out = gan.held_out_samples is not None
    train, train_labels = some(gan.reference_samples, gan.reference_labels, NUM_SAMPLES)
    samples, labels = train, train_labels
    if held_out:
        samples, labels = some(gan.held_out_samples, gan.held_out_labels, NUM_SAMPLES)
    if samples is None:
        return {}
    fake = gan.generate(len(samples), labels=labels, seed=seed(gan, epoch), averaged=False)
    with unchecked():
        real_scores, fake_scores = gan.score(samples, labels), gan.score(fake, labels)
    found = {
        "real_above_fake": signals.real_above_fake(real_scores, fake_scores),
        "num_real": len(real_scores),
        "num_fake": len(fake_scores),
        "held_out": held_out,
    }
    if held_out and train is not None:
        train_scores = gan.score(train, train_labels)
        found["train_above_held_out"] = signals.real_above_fake(train_scores, real_scores)
        found["num_train"] = len(train_scores)
    return found


def fresh(gan, discriminator, epoch):
    """The chance that a fresh discriminator scores a real above a fake: a `dict`.

    It learns from training reals and is judged on held-out ones; where there are none, on a half
    of the training reals that it has not seen. The fakes are the averaged generator's, which is
    the one that is kept.
    """
    train = some(gan.reference_samples, gan.reference_labels, 2 * NUM_SAMPLES)
    judged = some(gan.held_out_samples, gan.held_out_labels, NUM_SAMPLES)
    if train[0] is None or len(train[0]) < 2:
        return {}
    if judged[0] is None:
        half = len(train[0]) // 2
        parts = [[None if x is None else x[rows] for x in train] for rows in _halves(half)]
        train, judged = parts
    sides = []
    for number, (samples, labels) in enumerate((train, judged), 1):
        fake = gan.generate(len(samples), labels=labels, seed=seed(gan, epoch, number))
        sides.append((in_model_range(samples), fake, labels))
    chance = discriminator.chance(*sides, seed=seed(gan, epoch))
    return {"fresh_real_above_fake": chance, "num_fresh": -(-len(judged[0]) // gan.pack)}


def _halves(half):
    return slice(half, None), slice(None, half)


def seed(gan, epoch, number=0):
    """An integer seed that follows from the model's, the epoch, and what it is for."""
    words = [gan.seed, epoch, number] if number else [gan.seed, epoch]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def monitored(logs, monitor):
    """The number that is logged under a name.

    Raises:
        ValueError: if it is none.
    """
    found = signals.numbers({monitor: logs[monitor]})
    _checks.check(
        monitor in found,
        "`monitor` must be the name of a number in the logs.",
        cure="Monitor another one, or correct the callback that logs it.",
        monitor=monitor,
        logged=logs[monitor],
    )
    return found[monitor]


def jensen_shannon(gan, logs):
    """`signals.jensen_shannon` of the logs, on held-out data where there are; `None` if undefined.

    Defined for cross-entropy without smoothed labels.
    """
    loss = getattr(gan, "adversarial_loss", None)
    if not isinstance(loss, (losses.NonSaturating, losses.Minimax)) or loss.label_smoothing:
        return None
    d_loss = logs.get("val_d_loss", logs.get("d_loss"))
    return None if d_loss is None else signals.jensen_shannon(float(d_loss))


def metric_error(gan, monitor):
    """The standard error of a logged metric, or `None` if the metric does not tell."""
    for metric in getattr(gan, "quality_metrics", ()):
        if f"val_{metric.name}" == monitor and hasattr(metric, "standard_error"):
            return metric.standard_error()
    return None


def broken_weight(gan):
    """`dict` of `player` and `variable` of the first weight that is not finite, or `None`."""
    for player in _NETWORKS:
        for variable in getattr(gan, player).weights:
            if not np.all(np.isfinite(np.asarray(keras.ops.convert_to_tensor(variable)))):
                return {"player": player, "variable": variable.path}
    return None


def new_failure(gan, known):
    """`gan.first_failure`, unless it is the one `known` from before this run."""
    failure = gan.first_failure
    return None if failure == known else failure
