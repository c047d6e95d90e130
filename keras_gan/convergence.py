"""When to stop, and why: signals in, verdict out.

A run leaves one `Signals` per epoch. A *rule* is asked about the list of them, oldest first, and
returns its evidence, or `None` while it has nothing to say; `judge` asks several and words the
first verdict. Nothing here knows a network, so a recorded run can be judged again at any time:

```python
history = [Signals.from_dict(record) for record in json.loads(text)]
verdict = judge(history, default_rules(patience=4), min_epochs=5)
```

A rule of one's own is any callable with a `kind`; `cure`, `describe` and `immediate` are optional:

```python
class GoodEnough:
    kind = "good_enough"
    cure = "raise the bar"

    def __call__(self, history):
        quality = history[-1].quality
        return {"quality": quality} if quality is not None and quality < 0.05 else None
```

Epochs count from 1, as in the progress bar of `fit`.
"""

import dataclasses
import json
import math

import numpy as np

from keras_gan import _checks
from keras_gan.signals import (
    Signals,
    best,
    epochs_without_improvement,
    fluctuation,
    is_finite,
    real_above_fake,
    real_above_fake_error,
)

__all__ = [
    "Diverged",
    "Equilibrium",
    "Signals",
    "Stalled",
    "Verdict",
    "best",
    "check_rules",
    "default_rules",
    "epochs_without_improvement",
    "fluctuation",
    "judge",
    "real_above_fake",
    "real_above_fake_error",
]

# How far from 1/2 the chance that a real scores above a fake may lie at equilibrium, beyond what
# its sampling error explains: a discriminator that is right 55 times in 100 has little to teach.
EQUILIBRIUM_MARGIN = 0.05
# Standard errors that the sampling error is allowed.
STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Why a run should stop.

    Attributes:
        kind: the rule's name, such as `"equilibrium"`.
        epoch: the epoch at which it was found, from 1.
        best_epoch: the epoch of the best quality, or `None` if none was measured.
        evidence: `dict` of what the rule found; numbers, with the names of a player or variable.
        message: one sentence to act on.
    """

    kind: str
    epoch: int
    best_epoch: int | None
    evidence: dict
    message: str

    def to_json(self):
        """The verdict as JSON text; numbers that are not finite become strings."""
        fields = dataclasses.asdict(self)
        fields["evidence"] = {key: _plain(value) for key, value in self.evidence.items()}
        return json.dumps(fields, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The verdict of a `to_json`."""
        return cls(**json.loads(text))


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


# === Rules ===


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diverged:
    """A loss, a gradient or a weight is not finite. Fires at once.

    Gradients are judged by `first_failure` alone: under a dynamic loss scale, a gradient that
    overflows now and then is part of the game.
    """

    kind = "diverged"
    immediate = True
    cure = "try lower learning rates or clipnorm=1.0 in both optimizers, and look for outliers"

    def __call__(self, history):
        """Evidence of the latest epoch, or `None`."""
        last = history[-1]
        found = last.first_failure or last.broken_weight
        if found:
            return {key: value for key, value in found.items() if value is not None}
        losses = {"d_loss": last.d_loss, "g_loss": last.g_loss}
        broken = {k: v for k, v in losses.items() if v is not None and not math.isfinite(v)}
        return broken or None

    def describe(self, evidence):
        """The evidence in words."""
        if "player" not in evidence:
            return " and ".join(f"{key} is {value}" for key, value in evidence.items())
        player, variable = evidence["player"].replace("_", " "), evidence.get("variable")
        if "step" not in evidence:
            return f"{variable} of the {player} is not finite"
        where = f"the gradient of {variable}" if variable else "its loss"
        return (
            f"the {player}'s update at step {evidence['step']} was not finite "
            f"(first in {where}) and has been skipped"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """The discriminator flips a coin, after having known better, and quality is at rest.

    For `epochs` epochs, `|p - 1/2| <= 2 sqrt((n + m + 1) / (12 n m)) + margin`, where `p` is the
    chance that a real scores above a fresh fake, of `n` reals and `m` fakes. Before these, `p`
    was above 1/2 by more than twice as much: a dead discriminator shows 1/2 from the start. And
    the quality has not improved by more than its noise for as long.

    Args:
        epochs: how many epochs in a row, at least 1. Default 4.
        margin: what is allowed beyond sampling error, in [0, 0.25]. Default 0.05.

    Source: at its optimum `D = p_data / (p_data + p_generator)`, which is 1/2 everywhere if and
    only if both agree: Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), proposition 1.
    """

    kind = "equilibrium"
    cure = "more epochs are unlikely to help; larger networks or more data may"
    epochs: int = 4
    margin: float = EQUILIBRIUM_MARGIN

    def __post_init__(self):
        _checks.positive_int(self.epochs, "epochs")
        _checks.number(self.margin, "margin", minimum=0.0, maximum=0.25)

    def tolerance(self, signals):
        """How far from 1/2 these signals may lie."""
        error = real_above_fake_error(signals.num_real, signals.num_fake)
        return STANDARD_ERRORS * error + self.margin

    def __call__(self, history):
        """Evidence of the latest epochs, or `None`."""
        scored = [s for s in history if is_finite(s.real_above_fake)]
        before, recent = scored[: -self.epochs], scored[-self.epochs :]
        if not before or any(abs(s.real_above_fake - 0.5) > self.tolerance(s) for s in recent):
            return None
        known = max(before, key=lambda s: s.real_above_fake)
        if known.real_above_fake - 0.5 <= 2.0 * self.tolerance(known):
            return None
        if epochs_without_improvement(history) < self.epochs:
            return None
        return {
            "real_above_fake": recent[-1].real_above_fake,
            "tolerance": self.tolerance(recent[-1]),
            "epochs": self.epochs,
            "highest_before": known.real_above_fake,
            "quality": history[-1].quality,
        }

    def describe(self, evidence):
        """The evidence in words."""
        return (
            f"a real scores above a fresh sample {evidence['real_above_fake']:.0%} of the time, "
            f"within {evidence['tolerance']:.0%} of a coin flip for {evidence['epochs']} epochs "
            f"after up to {evidence['highest_before']:.0%}, and quality has stopped improving"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stalled:
    """The quality has not improved by more than its own noise for `patience` epochs.

    See `epochs_without_improvement`.

    Args:
        patience: epochs of the generator without improvement, at least 1. Default 8.
    """

    kind = "stalled"
    cure = "try lower learning rates, a longer ema_halflife_images or other network sizes"
    patience: int = 8

    def __post_init__(self):
        _checks.positive_int(self.patience, "patience")

    def __call__(self, history):
        """Evidence of the whole run, or `None`."""
        epochs, last = epochs_without_improvement(history), history[-1]
        if epochs < self.patience:
            return None
        top = best(history)
        return {
            "epochs": epochs,
            "quality": last.quality,
            "best_quality": top.quality if top else None,
            "noise": last.quality_noise,
            "name": last.quality_name,
        }

    def describe(self, evidence):
        """The evidence in words."""
        name, top = evidence["name"], evidence["best_quality"]
        if top is None:
            return f"{name} has not been finite for {evidence['epochs']} epochs"
        return (
            f"{name} has not improved by more than its noise ({evidence['noise']:.2g}) for "
            f"{evidence['epochs']} epochs (best {top:.4g})"
        )


def default_rules(*, patience=8):
    """The rules that `ConvergenceStopping` asks unless it is given others, in order.

    Args:
        patience: epochs without improvement that mean a stall; half as many, three at least, at a
            discriminator that flips a coin mean equilibrium.
    """
    epochs = max(3, math.ceil(patience / 2))
    return [Diverged(), Equilibrium(epochs=epochs), Stalled(patience=patience)]


# === Judgement ===


def check_rules(rules):
    """`rules` as a list, each a callable with a `kind`.

    Raises:
        ValueError: if one is not.
    """
    _checks.check(
        isinstance(rules, (list, tuple)) and bool(rules),
        "`rules` must be a list of rules, or None for the default ones.",
        rules=rules,
    )
    for rule in rules:
        _checks.check(
            callable(rule) and not isinstance(rule, type) and _is_name(getattr(rule, "kind", None)),
            "A rule must be a callable instance with a `kind`, a name such as 'stalled'.",
            given=rule,
        )
    return list(rules)


def _is_name(kind):
    return isinstance(kind, str) and bool(kind)


def judge(history, rules, *, min_epochs=0, restored=False):
    """The first verdict that a rule gives, or `None`.

    Args:
        history: non-empty list of `Signals`, oldest first.
        rules: list of rules, asked in order. A rule returns `None`, its evidence as a `dict`, or a
            whole `Verdict`.
        min_epochs: epochs before which only rules with `immediate = True` are asked. Default 0.
        restored: whether the best epoch's weights come back, for the message. Default `False`.

    Returns:
        A `Verdict`, or `None`.
    """
    for rule in rules:
        if len(history) < min_epochs and not getattr(rule, "immediate", False):
            continue
        found = rule(history)
        if isinstance(found, Verdict):
            return found
        if found is not None:
            return _worded(rule, history, dict(found), restored)
    return None


def _worded(rule, history, evidence, restored):
    last, top = history[-1], best(history)
    describe = getattr(rule, "describe", _listed)
    parts = [f"{rule.kind.replace('_', ' ')} at epoch {last.epoch}: {describe(evidence)}"]
    if not last.held_out and not getattr(rule, "immediate", False):
        parts.append("measured on training data, as there is no validation data")
    parts.append(_weights_now(top, last, restored))
    if getattr(rule, "cure", None):
        parts.append(rule.cure)
    return Verdict(
        kind=rule.kind,
        epoch=last.epoch,
        best_epoch=top.epoch if top else None,
        evidence=evidence,
        message="; ".join(parts),
    )


def _weights_now(top, last, restored):
    if top is None:
        return "no epoch was measured, so the weights are left as they are"
    if top is last:
        return "this epoch is the best by less than that, and its weights are kept"
    return f"weights of epoch {top.epoch} restored" if restored else f"best epoch {top.epoch}"


def _listed(evidence):
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in evidence.items()
    )
