"""A light for each signal of a run: how it stands now, in one sentence."""

import dataclasses

from keras_gan.convergence import advice, explosion, failures, run_progress
from keras_gan.convergence.signals import auc_tolerance, is_finite

GOOD, WATCH, BAD, UNKNOWN = "good", "watch", "bad", "unknown"
# Epochs without improvement from which on the quality is to be watched.
_IDLE = 4
# Fractions of the coverage and of the spread of reals below which samples are to be watched, and
# that of the spread below which they are bad, as in `ModeCollapse`.
_COVERED, _SPREAD, _HALF = 0.8, 0.7, 0.5
# AUCs from which on the discriminator separates nearly perfectly, or knows its data by heart.
_PERFECT, _BY_HEART = 0.99, 0.75
# The fraction of its largest norm at which the generator's gradient has vanished, as in
# `DiscriminatorWon`.
_VANISHED = 0.1


@dataclasses.dataclass(frozen=True)
class Light:
    """How a signal stands.

    Attributes:
        name: of the signal, for people.
        state: "good", "watch", "bad", or "unknown" if it was not measured.
        sentence: what it says now.
    """

    name: str
    state: str
    sentence: str


def lights(history):
    """The `Light`s of a run after its latest epoch.

    They have bounds like those of the rules, but look at the latest epoch alone, where rules wait
    for several. A light may be "bad" in a run without a verdict.

    Args:
        history: list of `Signals`, oldest first.

    Returns:
        List of `Light`s, one for each signal; empty without an epoch.
    """
    if not history:
        return []
    return [
        Light(name, *look(history, history[-1]))
        for name, look in (
            ("Numbers", _numbers),
            ("Quality", _quality),
            ("Coverage", _coverage),
            ("Spread", _spread),
            ("Discriminator", _discriminator),
            ("Overfitting", _overfitting),
            ("Gradients", _gradients),
            ("Losses", _losses),
            ("Settings", _settings),
        )
    ]


def _numbers(history, last):
    rule = failures.Diverged()
    evidence = rule(history)
    if evidence:
        told = rule.describe(evidence)
        return BAD, f"{told[0].upper()}{told[1:]}."
    return GOOD, "All losses and weights are finite."


def _quality(history, last):
    if not is_finite(last.quality):
        return UNKNOWN, "No quality was measured: add ConvergenceStopping or a metric."
    idle = run_progress.epochs_without_improvement(history)
    told = f"{last.quality_name} is {last.quality:.4g}"
    reached = False
    if is_finite(last.quality_floor):
        told += f"; that of reals is {last.quality_floor:.4g}"
        gap = last.quality - last.quality_floor
        gap = gap if last.direction == "min" else -gap
        reached = gap <= last.quality_noise
    if reached:
        return GOOD, f"{told}: the same within noise."
    if idle >= _IDLE:
        return WATCH, f"{told}. Nothing has improved for {idle} epochs."
    if len(history) == 1:
        return WATCH, f"{told}. There is no earlier epoch to compare with."
    return GOOD, f"{told}. The samples still improve."


def _coverage(history, last):
    if not is_finite(last.coverage) or not is_finite(last.real_coverage):
        return UNKNOWN, "Coverage was not measured."
    told = (
        f"Samples lie near {last.coverage:.0%} of the reals; other reals lie near "
        f"{last.real_coverage:.0%}."
    )
    if run_progress.covers_little(last):
        return BAD, f"{told} Most of the data are missing."
    return (WATCH if last.coverage < _COVERED * last.real_coverage else GOOD), told


def _spread(history, last):
    if not is_finite(last.spread):
        return UNKNOWN, "Spread was not measured."
    told = f"Samples vary {last.spread:.2f} times as much as reals."
    if last.spread < _HALF:
        return BAD, f"{told} They look alike."
    return (WATCH if not _SPREAD <= last.spread <= 1.0 / _SPREAD else GOOD), told


def _discriminator(history, last):
    auc = last.discriminator_auc
    if not is_finite(auc):
        if not is_finite(last.d_accuracy):
            return UNKNOWN, "No accuracy was measured."
        state = WATCH if last.d_accuracy >= _PERFECT or last.d_accuracy < _HALF - 0.1 else GOOD
        return state, f"Its accuracy on its own batches is {last.d_accuracy:.0%}."
    told = f"It scores a real above a sample in {auc:.0%} of pairs"
    allowed = auc_tolerance(last.num_real, last.num_fake)
    if auc < 0.5 - allowed:
        return BAD, f"{told}: it takes samples for data."
    if auc <= 0.5 + allowed:
        return WATCH, f"{told}, which is chance: the generator learns little from it."
    if auc >= _PERFECT:
        return WATCH, f"{told}: nearly perfect."
    return GOOD, f"{told}, which leaves both something to learn."


def _overfitting(history, last):
    auc = last.train_vs_held_out_auc
    if not is_finite(auc):
        return UNKNOWN, "Not measured: it needs held-out data (validation_split)."
    told = f"The discriminator scores training data above held-out data in {auc:.0%} of pairs"
    if auc > _BY_HEART:
        return BAD, f"{told}: it knows its data by heart. Use more data or a stronger R1."
    if auc > 0.5 + auc_tolerance(last.num_train, last.num_real):
        return WATCH, f"{told}: it begins to overfit."
    return GOOD, f"{told}: it does not overfit."


def _gradients(history, last):
    norms = [s.g_gradient_norm for s in history if is_finite(s.g_gradient_norm)]
    if not norms or not is_finite(last.g_gradient_norm):
        return UNKNOWN, "The generator's gradient is not known."
    told = f"The norm of the generator's gradient is {last.g_gradient_norm:.2g}"
    if len(norms) == 1:
        return GOOD, f"{told}. There is no earlier epoch to compare with."
    if last.g_gradient_norm <= _VANISHED * max(norms):
        return WATCH, f"{told}, after up to {max(norms):.2g}: it may vanish."
    return GOOD, f"{told}, in the usual range of this run."


def _losses(history, last):
    found = explosion.exploding(history)
    if found:
        told = explosion.describe(found)
        return BAD, f"Losses grow by orders of magnitude: {told}."
    if not is_finite(last.d_loss) or not is_finite(last.g_loss):
        return UNKNOWN, "The losses are not known."
    return GOOD, f"Discriminator {last.d_loss:.3g}, generator {last.g_loss:.3g}; neither explodes."


def _settings(history, last):
    found = advice.unusual(history)
    if found:
        return WATCH, f"{found[0].upper()}{found[1:]}."
    return GOOD, "No setting is unusual."
