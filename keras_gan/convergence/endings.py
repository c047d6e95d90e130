"""Rules for runs that have ended: at equilibrium, or without progress."""

import dataclasses
import itertools

from keras_gan import _checks
from keras_gan.convergence import run_progress
from keras_gan.convergence.discriminators import DiscriminatorFailed
from keras_gan.convergence.rule import Rule
from keras_gan.convergence.run_progress import covers_little
from keras_gan.convergence.signals import AUC_MARGIN, auc_tolerance, is_finite, latest_measured

# A fresh discriminator is trained again when the run is longer by this factor, so the number of
# trainings grows with the logarithm of the epochs.
_ASKED_AGAIN = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equilibrium(Rule):
    """Real and generated samples can no longer be told apart, and nothing improves any more.

    All of these hold:

    - For `epochs` epochs `|AUC - 1/2| <= 2 sqrt((n + m + 1) / (12 n m)) + margin`, where `AUC` is
      the probability that the discriminator scores a real above a generated sample, with `n` reals
      and `m` generated samples.
    - Before, the AUC exceeded 1/2 by more than twice that bound. (The AUC of a discriminator that
      cannot learn is 1/2 from the start.)
    - Nothing has improved by more than its noise for `epochs` epochs.
    - Samples cover at least half of what reals do. Otherwise the discriminators are too weak to
      notice the difference.
    - The AUC of a new discriminator, trained for some hundred steps against the current generator,
      exceeds 1/2 by no more than the same bound. (The AUC of the GAN's own discriminator may be 1/2
      only because it has become too weak.) This is measured when all else holds, and again when
      the run is 1.5 times as long.

    Args:
        epochs: number of consecutive epochs, at least 1. Default 4.
        margin: tolerance beyond sampling error, in [0, 0.25]. Default 0.05.
        fresh: whether the new discriminator is needed; `False` to judge records without it.
            Default `True`.

    Source: at its optimum `D = p_data / (p_data + p_generator)`, which is 1/2 everywhere if and
    only if both agree: Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), proposition 1. A fresh
    classifier as the test of that: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests",
    ICLR 2017 (arXiv:1610.06545).
    """

    kind = "equilibrium"
    waits_for_all = True
    looks_at_settings = False
    cure = "more epochs are unlikely to help; larger networks or more data may"
    epochs: int = 4
    margin: float = AUC_MARGIN
    fresh: bool = True

    def __post_init__(self):
        super().__post_init__()
        _checks.number(self.margin, "margin", minimum=0.0, maximum=0.25)
        _checks.boolean(self.fresh, "fresh")

    def tolerance(self, signals):
        """How far from 1/2 the `discriminator_auc` of these signals may be."""
        return auc_tolerance(signals.num_real, signals.num_fake, self.margin)

    def wants_fresh(self, history):
        """Whether only the AUC of a fresh discriminator is missing for the verdict."""
        if not self.fresh or self._at_rest(history) is None:
            return False
        asked = [n for n, s in enumerate(history, 1) if s.fresh_discriminator_auc is not None]
        return len(history) >= _ASKED_AGAIN * (asked[-1] if asked else 0)

    def __call__(self, history):
        known, last = self._at_rest(history), history[-1]
        if known is None:
            return None
        evidence = {
            "discriminator_auc": last.discriminator_auc,
            "tolerance": self.tolerance(last),
            "epochs": self.epochs,
            "highest_before": known.discriminator_auc,
            "quality": last.quality,
        }
        if self.fresh:
            if not is_finite(last.fresh_discriminator_auc):
                return None
            allowed = auc_tolerance(last.num_fresh, last.num_fresh, self.margin)
            if last.fresh_discriminator_auc - 0.5 > allowed:
                return None
            evidence["fresh_discriminator_auc"] = last.fresh_discriminator_auc
        return evidence

    def _at_rest(self, history):
        """The signals with the highest AUC, if the latest AUCs are at chance level, or `None`."""
        if not is_finite(history[-1].discriminator_auc):
            return None
        scored = (s for s in reversed(history) if is_finite(s.discriminator_auc))
        recent = itertools.islice(scored, self.epochs)
        if any(abs(s.discriminator_auc - 0.5) > self.tolerance(s) for s in recent):
            return None
        if covers_little(history[-1]) or not run_progress.of(history).has_waited(self.epochs):
            return None
        known = max(scored, key=lambda s: s.discriminator_auc, default=None)
        if known is None or known.discriminator_auc - 0.5 <= 2.0 * self.tolerance(known):
            return None
        return known

    def describe(self, evidence):
        fresh = evidence.get("fresh_discriminator_auc")
        words = "" if fresh is None else f", a freshly trained discriminator reaches {fresh:.2f}"
        return (
            f"the discriminator's AUC is {evidence['discriminator_auc']:.2f}, within "
            f"{evidence['tolerance']:.2f} of 0.50 for {evidence['epochs']} epochs after up to "
            f"{evidence['highest_before']:.2f}{words}, and samples have stopped improving"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stalled(Rule):
    """Neither quality nor coverage nor density has improved beyond noise for `patience` epochs.

    See `epochs_without_improvement`. The advice follows from the AUCs: a discriminator that
    overfits, that is too strong, or that is too weak, as one whose AUC was at most 0.05 for
    `patience` epochs.

    Args:
        patience: epochs of the generator without improvement, at least 1. Default 8.
    """

    kind = "stalled"
    waits_for_all = True
    cure = "try lower learning rates, a longer ema_halflife_images or other network sizes"
    patience: int = 8

    def __call__(self, history):
        known, last = run_progress.of(history), history[-1]
        if not known.has_waited(self.patience):
            return None
        top = known.course.best
        evidence = {
            "epochs": known.course.idle,
            "quality": last.quality,
            "best_quality": top.quality if top else None,
            "noise": last.quality_noise,
            "name": last.quality_name,
        }
        evidence |= {} if last.quality_floor is None else {"floor": last.quality_floor}
        evidence |= {} if last.coverage is None else {"coverage": last.coverage}
        if is_finite(last.train_vs_held_out_auc):
            evidence["train_vs_held_out_auc"] = last.train_vs_held_out_auc
            evidence["train_tolerance"] = auc_tolerance(last.num_train, last.num_real)
        if is_finite(last.discriminator_auc):
            evidence["discriminator_auc"] = last.discriminator_auc
        latest = latest_measured(history, self.patience, "discriminator_auc")
        if latest is not None:
            evidence["highest_discriminator_auc"] = max(s.discriminator_auc for s in latest)
        asked = next((s for s in reversed(history) if is_finite(s.fresh_discriminator_auc)), None)
        if asked is not None:
            evidence["fresh_discriminator_auc"] = asked.fresh_discriminator_auc
        return evidence

    def describe(self, evidence):
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
        """The change of settings that is most likely to help."""
        known = evidence.get("train_vs_held_out_auc", 0.5)
        if known - 0.5 > 2.0 * evidence.get("train_tolerance", 0.0):
            return (
                f"the discriminator overfits (its AUC of training against held-out reals is "
                f"{known:.2f}): try more data, a stronger R1 penalty or a smaller discriminator"
            )
        ahead = evidence.get("discriminator_auc", 0.5)
        if ahead >= 1.0 - AUC_MARGIN:
            return (
                f"the discriminator is too strong (AUC {ahead:.2f}): try an R1 penalty or a lower "
                "discriminator learning rate"
            )
        highest = evidence.get("highest_discriminator_auc", 0.5)
        if highest <= AUC_MARGIN:
            return (
                f"the discriminator is too weak (its AUC was at most {highest:.2f}, so that it "
                f"takes samples for data): {DiscriminatorFailed.cure}"
            )
        if "fresh_discriminator_auc" in evidence:
            return (
                "the discriminator is too weak (the AUC of a freshly trained one is "
                f"{evidence['fresh_discriminator_auc']:.2f}): try discriminator_steps=2 or a "
                "larger discriminator"
            )
        return self.cure
