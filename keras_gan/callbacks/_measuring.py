"""Measures the signals of a model through its public attributes.

All random numbers come from explicit seeds, so measuring never changes a run.
"""

import keras
import numpy as np

from keras_gan import _checks, _warnings, losses
from keras_gan.callbacks._reference_set import NUM_SAMPLES, in_model_range, some
from keras_gan.convergence import signals
from keras_gan.feeding.sample_spec import unchecked

_NETWORKS = ("generator", "discriminator", "averaged_generator")


def require(model, attribute, callback):
    """Check that a callback is used with a GAN, which has this attribute."""
    _checks.check(
        hasattr(model, attribute),
        f"`{type(callback).__name__}` needs a `keras_gan.GAN`.",
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


def scored(gan, epoch):
    """AUCs of the discriminator for reals and samples of the generator: a `dict` of signals.

    Uses up to 1,000 held-out reals if there are any, otherwise training reals; always the same.
    With both, training reals are compared with held-out ones too. Empty if the model has not been
    trained yet.
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
        "discriminator_auc": signals.discriminator_auc(real_scores, fake_scores),
        "num_real": len(real_scores),
        "num_fake": len(fake_scores),
        "held_out": held_out,
    }
    if held_out and train is not None:
        train_scores = gan.score(train, train_labels)
        found["train_vs_held_out_auc"] = signals.discriminator_auc(train_scores, real_scores)
        found["num_train"] = len(train_scores)
    return found


def fresh(gan, discriminator, epoch):
    """The AUC of a newly trained discriminator: a `dict` of signals.

    It is trained on training reals and evaluated on held-out ones. Without held-out reals it is
    trained on one half of the training reals and evaluated on the other. The generated samples are
    those of the averaged generator.
    """
    train = some(gan.reference_samples, gan.reference_labels, 2 * NUM_SAMPLES)
    judged = some(gan.held_out_samples, gan.held_out_labels, NUM_SAMPLES)
    if train[0] is None or len(train[0]) < 2:
        return {}
    if judged[0] is None:
        half = len(train[0]) // 2
        rows = slice(half, None), slice(None, half)
        train, judged = ([None if x is None else x[part] for x in train] for part in rows)
    sides = []
    for number, (samples, labels) in enumerate((train, judged), 1):
        fake = gan.generate(len(samples), labels=labels, seed=seed(gan, epoch, number))
        sides.append((in_model_range(samples), fake, labels))
    auc = discriminator.auc(*sides, seed=seed(gan, epoch))
    return {"fresh_discriminator_auc": auc, "num_fresh": -(-len(judged[0]) // gan.pack)}


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


def jensen_shannon(gan, logs):
    """`signals.jensen_shannon` of the logs, on held-out data if there is any, or `None`.

    Defined for cross-entropy without smoothed labels.
    """
    loss = getattr(gan, "adversarial_loss", None)
    if not isinstance(loss, (losses.NonSaturating, losses.Minimax)) or loss.label_smoothing:
        return None
    d_loss = logs.get("val_d_loss", logs.get("d_loss"))
    return None if d_loss is None else signals.jensen_shannon(float(d_loss))


def metric_error(gan, monitor):
    """The standard error of a logged metric, or `None` if the metric has none."""
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
    """`gan.first_failure`, or `None` if it is the `known` one from before this run."""
    failure = gan.first_failure
    return None if failure == known else failure
