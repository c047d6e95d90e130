"""Detects losses and gradients that grow by orders of magnitude."""

import dataclasses

from keras_gan.convergence import advice
from keras_gan.convergence.signals import is_finite, settings_of

# Growth by this factor is not normal: gradients of healthy runs vary by a factor of 5.
_TIMES = 10.0
# A loss below this value may grow by large factors in healthy runs.
_SMALL = 0.5
# Number of latest epochs that are compared with all epochs before them.
_LATEST = 5
# Losses of a discriminator with output 0 for all samples.
_AT_CHANCE = {
    "NonSaturating": 1.39,
    "Minimax": 1.39,
    "RelativisticPaired": 0.69,
    "RelativisticAverage": 1.39,
    "Hinge": 2.0,
    "LeastSquares": 0.5,
}
_PLAYERS = {"d": "discriminator", "g": "generator"}


def exploding(history):
    """Evidence that losses and gradients grow by orders of magnitude, or `None`.

    Two consecutive epochs of the latest five meet one of these conditions. First, the magnitude of
    a player's loss is at least 5 and ten times its smallest value in any earlier epoch, and the
    gradient norm of a player is ten times its smallest value. Second, the discriminator's loss is
    ten times that of a constant output, which needs no earlier epoch, and the second of the two has
    not the smallest loss so far: one that begins high may fall. A Wasserstein loss has no such
    bound. One epoch is enough if the next one is not finite. Healthy runs may jump for a
    single epoch.

    Args:
        history: list of `Signals`, oldest first.

    Returns:
        `None`, or a `dict` of `exploding_epoch` and, for each signal that has grown, its value
        under its name and the smallest earlier value as `<name>_before`.
    """
    loss = next((s.settings["loss"] for s in history if "loss" in s.settings), None)
    for index in range(max(len(history) - _LATEST, 0), len(history) - 1):
        found, after = _jump(history, index, loss), history[index + 1]
        if found and (_is_broken(after) or _stays(found, history[: index + 1], after, loss)):
            return {"exploding_epoch": history[index].epoch, **found}
    return None


def _stays(found, before, after, loss):
    """Whether what was found of the last epoch before is so of the one after it, too."""
    if not any(name.endswith("_before") for name in found):  # it may have begun like this
        losses = [s.d_loss for s in before if is_finite(s.d_loss)]
        if is_finite(after.d_loss) and after.d_loss < min(losses):
            return False
    return _jump([*before[:-1], after], len(before) - 1, loss)


def exploding_within(parts):
    """As `exploding`, for `Signals` of parts of an epoch, e.g. of 25 steps.

    Uses only the discriminator's loss and gradient, and only for losses with a fixed scale. The
    loss and gradient of the generator, and a Wasserstein loss, grow as much in the first steps of
    healthy runs, while the discriminator learns to separate samples from data.
    """
    loss = next((s.settings["loss"] for s in parts if "loss" in s.settings), None)
    if loss not in _AT_CHANCE:
        return None
    return exploding([dataclasses.replace(s, g_loss=None, g_gradient_norm=None) for s in parts])


def _is_broken(s):
    return bool(s.first_failure or s.broken_weight) or not all(
        value is None or is_finite(value) for value in (s.d_loss, s.g_loss)
    )


def _jump(history, index, loss):
    """The signals that have grown in an epoch against all before it; empty if it is not enough."""
    now, before = history[index], history[:index]
    losses = _grown(now, before, "loss", _SMALL)
    if losses and (norms := _grown(now, before, "gradient_norm", 0.0)):
        return {**losses, **norms}
    usual = _AT_CHANCE.get(loss)
    worse = usual and is_finite(now.d_loss) and now.d_loss >= _TIMES * usual
    return {"d_loss": now.d_loss} if worse else {}


def _grown(now, before, kind, least):
    found = {}
    for name in (f"{player}_{kind}" for player in _PLAYERS):
        value = getattr(now, name)
        if not is_finite(value) or abs(value) < _TIMES * least:
            continue  # whatever came before, which may be thousands of epochs
        earlier = [abs(v) for v in (getattr(s, name) for s in before) if is_finite(v)]
        if not earlier or min(earlier) + least == 0.0:
            continue
        if abs(value) >= _TIMES * max(min(earlier), least):
            found |= {name: value, f"{name}_before": min(earlier)}
    return found


def describe(evidence):
    """A sentence on the evidence of `exploding`."""
    parts = []
    for name, value in evidence.items():
        if name[:2] in ("d_", "g_") and not name.endswith("_before"):
            player, kind = name.split("_", 1)
            before = evidence.get(f"{name}_before")
            after = "" if before is None else f" after {before:.2g}"
            parts.append(f"the {_PLAYERS[player]}'s {kind.replace('_', ' ')} is {value:.2g}{after}")
    return f"in epoch {evidence['exploding_epoch']} {', '.join(parts)}"


def cure(history):
    """Advice: change an unusual setting, add a penalty, or lower the learning rates."""
    if found := advice.unusual(history):
        return found
    settings = settings_of(history)
    if settings and not settings["penalties"]:
        return "add an R1 penalty (regularizers.R1) first"
    rates = history[-1].discriminator_rate, history[-1].generator_rate
    if None in rates or max(rates) <= 0.0:
        return "try learning rates a fifth as high first"
    lower = max(rates) / 5.0
    return f"try learning rates of {lower:.2g} in place of {max(rates):.2g} first"
