"""Rules for NaN and infinity, for mode collapse and for oscillating players."""

import dataclasses
import math

from keras_gan.convergence import run_progress
from keras_gan.convergence.rule import Rule
from keras_gan.convergence.run_progress import covers_little, loss
from keras_gan.convergence.signals import AUC_MARGIN, is_finite, latest_measured
from keras_gan.convergence.trends import fluctuation, swings

# Thresholds as a fraction of the coverage and of the spread of reals.
_HALF = 0.5
# Below these fractions of the spread of reals, samples count as identical.
_TENTH, _FIFTH = 0.1, 0.2
_MEASURED = ("coverage", "density", "real_coverage", "spread")
# A run that recovers has a spread that grows by this factor per epoch.
_GROWTH = 1.05


def _covered_by(density):
    """The coverage of samples with this density, if they are distributed like the data."""
    return 1.0 - (1.0 + density) ** -5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diverged(Rule):
    """A loss, a gradient or a weight is not finite. The verdict is immediate.

    Gradients are judged only by `first_failure`: with dynamic loss scaling, gradients overflow
    occasionally in normal training.
    """

    kind = "diverged"
    immediate = True
    looks_at_settings = False
    cure = "try lower learning rates or clipnorm=1.0 in both optimizers, and look for outliers"

    def __call__(self, history):
        last = history[-1]
        found = last.first_failure or last.broken_weight
        if found:
            return {key: value for key, value in found.items() if value is not None}
        losses = {"d_loss": last.d_loss, "g_loss": last.g_loss}
        broken = {k: v for k, v in losses.items() if v is not None and not math.isfinite(v)}
        return broken or None

    def describe(self, evidence):
        if "player" not in evidence:
            return " and ".join(f"{key} is {value}" for key, value in evidence.items())
        player, variable = evidence["player"].replace("_", " "), evidence.get("variable")
        if "step" not in evidence:
            return f"{variable} of the {player} is not finite"
        rate = evidence.get("learning_rate")
        if evidence.get("cause") == "learning_rate":
            return (
                f"the {player}'s update at step {evidence['step']} has been skipped: its learning "
                f"rate was {rate}, so look at what sets it"
            )
        if evidence.get("cause") == "weight":
            before = "it came so, or the first updates made it so"
            if evidence["step"]:
                before = "an earlier update, or a callback, made it so"
            return (
                f"{variable} of the {player} was not finite at step {evidence['step']}: {before}, "
                f"at a learning rate of {rate:g}"
            )
        where = f"the gradient of {variable}" if variable else "its loss"
        fast = f", at a learning rate of {rate:g}" if rate is not None and rate > 1.0 else ""
        return (
            f"the {player}'s update at step {evidence['step']} was not finite "
            f"(first in {where}) and has been skipped{fast}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeCollapse(Rule):
    """Samples resemble some of the data, but cover less than half of what reals cover.

    For `epochs` epochs, while nothing has improved for `patience` epochs (some runs recover from
    an early collapse), either

    - `coverage + 2 sqrt(c (1 - c) / n) < 1/2 min(real_coverage, 1 - (1 + density)^-5)`: the
      coverage `c` of `n` reals is below half of that of other reals, and below half of that of
      samples with this density and the distribution of the data. (Samples far from all data have
      a low coverage too, which is not mode collapse.)
    - or the spread of samples is below half of that of reals, and their density is enough to cover
      half of the reals; or their spread is below a tenth of that of reals.

    The verdict also follows, even while the distance falls, if all samples are similar for
    `patience` epochs: their spread is below a fifth of that of reals and grows by less than 5 % per
    epoch, and some are near the data or they score above nearly all reals. A warning comes after
    `epochs` of these epochs.

    Distances between samples do not reveal dropped modes: with four of eight modes of a ring, the
    mean distance is still 96 %.

    Args:
        epochs: number of consecutive epochs, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.

    Source: coverage and density, Naeem et al., ICML 2020 (arXiv:2002.09797): a ball that reaches
    to the k-th of `n` neighbours is missed by `m` points of the same distribution with
    probability `(1 + m / n)^-k`.
    """

    kind = "mode_collapse"
    cure = "try discriminator_steps=2, an R1 penalty or layers.MinibatchStdDev in the discriminator"
    epochs: int = 4
    patience: int = 8

    def __call__(self, history):
        if not self._lacks(history) and not self._alike(history, self.patience):
            return None
        last = history[-1]
        return {
            "coverage": last.coverage,
            "real_coverage": last.real_coverage,
            "density": last.density,
            "spread": last.spread,
            "epochs": run_progress.of(history).course.idle,
        }

    def warns(self, history):
        """A warning that precedes the verdict, or `None`."""
        if not self._alike(history, self.epochs):
            return None
        return (
            f"All samples are similar: in epoch {history[-1].epoch} they have "
            f"{history[-1].spread:.0%} of the data's spread, and hardly more in the latest "
            f"{self.epochs} epochs. This is mode collapse"
        )

    def _lacks(self, history):
        latest = latest_measured(history, self.epochs, *_MEASURED)
        if latest is None or not run_progress.of(history).has_waited(self.patience):
            return False

        def lacks_spread(s):
            near = _covered_by(s.density) >= _HALF
            return s.spread < (_HALF if near else _TENTH)

        dropped = all(covers_little(s, _covered_by(s.density)) for s in latest)
        return dropped or all(map(lacks_spread, latest))

    @staticmethod
    def _alike(history, epochs):
        latest = latest_measured(history, epochs, *_MEASURED)
        if latest is None or any(s.spread >= _FIFTH for s in latest):
            return False
        # At a slow start samples are similar too, but far from the data and scored below reals.
        aucs = [s.discriminator_auc for s in latest if is_finite(s.discriminator_auc)]
        near = all(s.density > 0.0 for s in latest) or aucs and max(aucs) <= AUC_MARGIN
        grows = latest[-1].spread >= _GROWTH ** (epochs - 1) * latest[0].spread > 0.0
        return near and not grows and run_progress.of(history).have_played()

    def describe(self, evidence):
        epochs = evidence["epochs"]
        waited = f", without improvement for {epochs} epochs" if epochs >= self.patience else ""
        return (
            f"samples cover {evidence['coverage']:.0%} of the data against "
            f"{evidence['real_coverage']:.0%} for reals, and have {evidence['spread']:.0%} of "
            f"their spread{waited}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Oscillating(Rule):
    """Losses and quality oscillate without progress.

    In the latest `2 patience` epochs, while nothing has improved for `patience` epochs, the quality
    crosses its mean at least three times (one and a half cycles), each time by more than twice its
    noise and more than a quarter of the total gain of the run. One of the losses, or the
    discriminator's AUC, does so too, by more than twice its typical change between two epochs.

    Args:
        patience: epochs without improvement, at least 2. Default 8.

    Source: Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018
    (arXiv:1801.04406): without regularization gradient steps rotate around the equilibrium.
    """

    kind = "oscillating"
    cure = "add an R1 penalty (regularizers.R1) or lower both learning rates"
    patience: int = 8

    def __call__(self, history):
        known = run_progress.of(history)
        window = known.course.trained[-2 * self.patience :]
        if len(window) < self.patience or not known.has_waited(self.patience):
            return None
        gained = loss(known.course.trained[0]) - loss(known.course.best)
        size = max(2.0 * window[-1].quality_noise, gained / 4.0)
        cycles = {"quality": swings([s.quality for s in window], size)}
        for name in ("d_loss", "g_loss", "discriminator_auc"):
            values = [getattr(s, name) for s in window]
            if all(is_finite(value) for value in values):
                cycles[name] = swings(values, 2.0 * fluctuation(values))
        quality = cycles.pop("quality")
        other = max(cycles, key=cycles.get, default=None)
        if quality < 3 or other is None or cycles[other] < 3:
            return None
        qualities = [s.quality for s in window]
        return {
            "swings": quality,
            "lowest_quality": min(qualities),
            "highest_quality": max(qualities),
            "signal": other,
            "signal_swings": cycles[other],
            "epochs": len(window),
        }

    def describe(self, evidence):
        return (
            f"in {evidence['epochs']} epochs the quality has swung {evidence['swings']} times "
            f"between {evidence['lowest_quality']:.4g} and {evidence['highest_quality']:.4g}, and "
            f"{evidence['signal']} {evidence['signal_swings']} times, without progress"
        )
