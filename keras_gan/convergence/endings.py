"""The rules about runs that have come to their end: at rest, or without progress."""

import dataclasses
import itertools

from keras_gan import _checks
from keras_gan.convergence import run_progress
from keras_gan.convergence.run_progress import covers_little
from keras_gan.convergence.signals import COIN_MARGIN, coin_tolerance, is_finite

# A fresh discriminator that could tell is asked for again when the run is this much longer: the
# number of times grows with the logarithm of the run alone, and so does the cost.
_ASKED_AGAIN = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """Discriminators flip a coin, after having known better, and the samples are at rest.

    For `epochs` epochs, `|p - 1/2| <= 2 sqrt((n + m + 1) / (12 n m)) + margin`, where `p` is the
    chance that a real scores above a fresh fake, of `n` reals and `m` fakes. Before these, `p`
    was above 1/2 by more than twice as much: a dead discriminator shows 1/2 from the start.
    Nothing has improved by more than its noise for as long, and samples cover at least half of
    what reals do: where they do not, no discriminator at hand is strong enough to see it. And one
    that is trained afresh against the generator as it stands, for some hundred steps, is within
    the same bound above 1/2: the one that plays may only have fallen behind. That is asked for
    where all the rest holds, and not again before the run is half as long again.

    Args:
        epochs: how many epochs in a row, at least 1. Default 4.
        margin: what is allowed beyond sampling error, in [0, 0.25]. Default 0.05.
        fresh: whether the fresh discriminator is needed; `False` to judge records without it.
            Default `True`.

    Source: at its optimum `D = p_data / (p_data + p_generator)`, which is 1/2 everywhere if and
    only if both agree: Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), proposition 1. A fresh
    classifier as the test of that: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests",
    ICLR 2017 (arXiv:1610.06545).
    """

    kind = "equilibrium"
    cure = "more epochs are unlikely to help; larger networks or more data may"
    epochs: int = 4
    margin: float = COIN_MARGIN
    fresh: bool = True

    def __post_init__(self):
        _checks.positive_int(self.epochs, "epochs")
        _checks.number(self.margin, "margin", minimum=0.0, maximum=0.25)
        _checks.boolean(self.fresh, "fresh")

    def tolerance(self, signals):
        """How far from 1/2 the playing discriminator of these signals may lie."""
        return coin_tolerance(signals.num_real, signals.num_fake, self.margin)

    def wants_fresh(self, history):
        """Whether all that is missing is a fresh discriminator."""
        if not self.fresh:
            return False
        if self._at_rest(history) is None:
            return False
        asked = (i for i in range(len(history), 0, -1) if _has_fresh(history[i - 1]))
        return len(history) >= _ASKED_AGAIN * next(asked, 0)

    def __call__(self, history):
        """Evidence of the latest epochs, or `None`."""
        known, last = self._at_rest(history), history[-1]
        if known is None:
            return None
        evidence = {
            "real_above_fake": last.real_above_fake,
            "tolerance": self.tolerance(last),
            "epochs": self.epochs,
            "highest_before": known.real_above_fake,
            "quality": last.quality,
        }
        if self.fresh:
            if not is_finite(last.fresh_real_above_fake):
                return None
            allowed = coin_tolerance(last.num_fresh, last.num_fresh, self.margin)
            if last.fresh_real_above_fake - 0.5 > allowed:
                return None
            evidence["fresh_real_above_fake"] = last.fresh_real_above_fake
        return evidence

    def _at_rest(self, history):
        """The signals in which the discriminator knew best, if by now it flips a coin at rest."""
        if not is_finite(history[-1].real_above_fake):
            return None
        scored = (s for s in reversed(history) if is_finite(s.real_above_fake))
        recent = itertools.islice(scored, self.epochs)
        if any(abs(s.real_above_fake - 0.5) > self.tolerance(s) for s in recent):
            return None
        if covers_little(history[-1]) or not run_progress.of(history).has_waited(self.epochs):
            return None
        known = max(scored, key=lambda s: s.real_above_fake, default=None)
        if known is None or known.real_above_fake - 0.5 <= 2.0 * self.tolerance(known):
            return None
        return known

    def describe(self, evidence):
        """The evidence in words."""
        fresh = evidence.get("fresh_real_above_fake")
        words = "" if fresh is None else f", a freshly trained discriminator reaches {fresh:.0%}"
        return (
            f"a real scores above a fresh sample {evidence['real_above_fake']:.0%} of the time, "
            f"within {evidence['tolerance']:.0%} of a coin flip for {evidence['epochs']} epochs "
            f"after up to {evidence['highest_before']:.0%}{words}, and samples have stopped "
            "improving"
        )


def _has_fresh(s):
    return s.fresh_real_above_fake is not None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stalled:
    """Neither quality nor coverage nor density has improved beyond noise for `patience` epochs.

    See `epochs_without_improvement`.

    Args:
        patience: epochs of the generator without improvement, at least 1. Default 8.
    """

    kind = "stalled"
    cure = "try lower learning rates, a longer ema_halflife_images or other network sizes"
    patience: int = 8
    looks_at_settings = True

    def __post_init__(self):
        _checks.positive_int(self.patience, "patience")

    def __call__(self, history):
        """Evidence of the whole run, or `None`."""
        known, last = run_progress.of(history), history[-1]
        if not known.has_waited(self.patience):
            return None
        top = known.best
        evidence = {
            "epochs": known.idle,
            "quality": last.quality,
            "best_quality": top.quality if top else None,
            "noise": last.quality_noise,
            "name": last.quality_name,
        }
        if last.quality_floor is not None:
            evidence["floor"] = last.quality_floor
        if last.coverage is not None:
            evidence["coverage"] = last.coverage
        if is_finite(last.train_above_held_out):
            evidence["train_above_held_out"] = last.train_above_held_out
            evidence["train_tolerance"] = coin_tolerance(last.num_train, last.num_real)
        if is_finite(last.real_above_fake):
            evidence["real_above_fake"] = last.real_above_fake
        asked = next((s for s in reversed(history) if is_finite(s.fresh_real_above_fake)), None)
        if asked is not None:
            evidence["fresh_real_above_fake"] = asked.fresh_real_above_fake
        return evidence

    def describe(self, evidence):
        """The evidence in words."""
        name, top = evidence["name"], evidence["best_quality"]
        if top is None:
            return f"{name} has not been finite for {evidence['epochs']} epochs"
        what = ", coverage and density have" if "coverage" in evidence else " has"
        floor = f", reals reach {evidence['floor']:.4g}" if "floor" in evidence else ""
        return (
            f"{name}{what} not improved by more than noise ({evidence['noise']:.2g}) for "
            f"{evidence['epochs']} epochs (best {top:.4g}{floor})"
        )

    def advise(self, evidence):
        """What is most likely to help."""
        known = evidence.get("train_above_held_out", 0.5)
        if known - 0.5 > 2.0 * evidence.get("train_tolerance", 0.0):
            return (
                f"a training real scores above a held-out one {known:.0%} of the time, so the "
                "discriminator knows its data by heart: try more data, a stronger R1 penalty or a "
                "smaller discriminator"
            )
        ahead = evidence.get("real_above_fake", 0.5)
        if ahead >= 1.0 - COIN_MARGIN:
            return (
                f"the discriminator is far ahead (a real scores above a sample {ahead:.0%} of the "
                "time): try an R1 penalty or a lower discriminator learning rate"
            )
        if "fresh_real_above_fake" in evidence:
            return (
                "the discriminator has fallen behind (one trained afresh reaches "
                f"{evidence['fresh_real_above_fake']:.0%}): try discriminator_steps=2 or a larger "
                "discriminator"
            )
        return self.cure
