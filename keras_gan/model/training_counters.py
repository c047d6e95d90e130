"""Counters of training, their change within an epoch, and the settings of a run."""

import keras
import numpy as np


def counters(pair):
    """The counters of a run: steps, images, and the updates of a critic and of the generator.

    Args:
        pair: the `WatchedPair`.
    """
    updates = {
        f"{player}_updates": _number(getattr(optimizer, "iterations", None))
        for player, optimizer in _optimizers(pair).items()
    }
    model = pair.model
    return {**updates, **{key: getattr(model, f"{key}_seen", None) for key in ("steps", "images")}}


def epoch_signals(pair, before):
    """Updates and learning rates of both players in an epoch: a `dict` of signals.

    Args:
        pair: the `WatchedPair`, after the epoch.
        before: its `counters` before the epoch.
    """
    now = counters(pair)
    found = {key: _difference(now[key], before[key]) for key in now if key.endswith("_updates")}
    found |= {f"{player}_rate": rate for player, rate in rates(pair).items()}
    return {**found, "samples_seen": now["images"]}


def rates(pair):
    """The learning rate of each player now, or `None`."""
    found = {name: getattr(own, "learning_rate", None) for name, own in _optimizers(pair).items()}
    return {player: _number(rate, float) for player, rate in found.items()}


def optimizer_names(pair):
    """The class of each player's optimizer, under the names that settings have."""
    return {
        f"{player}_optimizer": type(getattr(optimizer, "inner_optimizer", optimizer)).__name__
        for player, optimizer in _optimizers(pair).items()
    }


def run_settings(pair, before):
    """The settings of a run that advice may name: a `dict`."""
    gan, now = pair.model, counters(pair)
    steps = _difference(now["steps"], before["steps"])
    if not steps or pair.loss is None:
        return {}
    per_step = (now["images"] - before["images"]) / steps
    return {
        "loss": type(pair.loss).__name__,
        "penalties": [type(r).__name__ for r in pair.regularizers if r.penalizes],
        "batch_size": round(per_step / gan.discriminator_steps),
        "discriminator_steps": gan.discriminator_steps,
        "generator_steps": gan.generator_steps,
        **optimizer_names(pair),
    }


def _optimizers(pair):
    generator = getattr(pair.model, "generator_optimizer", None)
    return {"discriminator": pair.optimizer, "generator": generator}


def _number(value, kind=int):
    return None if value is None else kind(np.asarray(keras.ops.convert_to_tensor(value)))


def _difference(now, before):
    return None if now is None or before is None else now - before
