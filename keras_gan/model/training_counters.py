"""Counters of training, their change within an epoch, and the settings of a run."""

import keras
import numpy as np


def counters(gan):
    """The counters of a run: steps, images, and the updates of each player."""
    updates = {
        f"{player}_updates": _number(getattr(optimizer, "iterations", None))
        for player, optimizer in _optimizers(gan).items()
    }
    return {**updates, **{key: getattr(gan, f"{key}_seen", None) for key in ("steps", "images")}}


def epoch_signals(gan, before):
    """Updates and learning rates of both players in an epoch: a `dict` of signals.

    Args:
        gan: the model, after the epoch.
        before: its `counters` before the epoch.
    """
    now = counters(gan)
    found = {key: _difference(now[key], before[key]) for key in now if key.endswith("_updates")}
    for player, optimizer in _optimizers(gan).items():
        found[f"{player}_rate"] = _number(getattr(optimizer, "learning_rate", None), float)
    return {**found, "samples_seen": now["images"]}


def run_settings(gan, before):
    """The settings of a run that advice may name: a `dict`."""
    steps = _difference(counters(gan)["steps"], before["steps"])
    if not steps or not hasattr(gan, "adversarial_loss"):
        return {}
    per_step = (counters(gan)["images"] - before["images"]) / steps
    return {
        "loss": type(gan.adversarial_loss).__name__,
        "penalties": [type(r).__name__ for r in gan.regularizers if r.penalizes],
        "batch_size": round(per_step / gan.discriminator_steps),
        "discriminator_steps": gan.discriminator_steps,
        "generator_steps": gan.generator_steps,
        **{
            f"{player}_optimizer": type(getattr(optimizer, "inner_optimizer", optimizer)).__name__
            for player, optimizer in _optimizers(gan).items()
        },
    }


def _optimizers(gan):
    found = {
        player: getattr(gan, f"{player}_optimizer", None)
        for player in ("discriminator", "generator")
    }
    if isinstance(found["discriminator"], dict):  # of several critics: the first
        found["discriminator"] = next(iter(found["discriminator"].values()))
    return found


def _number(value, kind=int):
    return None if value is None else kind(np.asarray(keras.ops.convert_to_tensor(value)))


def _difference(now, before):
    return None if now is None or before is None else now - before
