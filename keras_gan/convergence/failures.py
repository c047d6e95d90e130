"""The rules about samples that are too much alike, and about players that go in circles."""

import dataclasses

from keras_gan import _checks
from keras_gan.convergence import run_progress
from keras_gan.convergence.run_progress import covers_little, loss
from keras_gan.convergence.signals import COIN_MARGIN, is_finite, latest_measured
from keras_gan.convergence.trends import fluctuation, swings

# What has been lost, or was never gained, is judged by halves: of the way from the first samples
# to the data, of what reals cover, of their spread.
_HALF = 0.5
# Below this share of the reals' spread, all samples are about one; near the data, below this one.
_TENTH, _FIFTH = 0.1, 0.2
_MEASURED = ("coverage", "density", "real_coverage", "spread")
# Samples that get out of it have a spread that grows by this factor an epoch.
_GROWTH = 1.05


def _covered_by(density):
    """The share of balls that samples of a density hit if they are spread like the data."""
    return 1.0 - (1.0 + density) ** -5


def _fooled(latest):
    """Whether fakes score above nearly all reals."""
    chances = [s.real_above_fake for s in latest if is_finite(s.real_above_fake)]
    return bool(chances) and max(chances) <= COIN_MARGIN


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeCollapse:
    """Samples reach less than half of what reals reach, although they are like some of the data.

    For `epochs` epochs, and nothing having improved for `patience` (some games collapse at first
    and find out of it), either

    - `coverage + 2 sqrt(c (1 - c) / n) < 1/2 min(real_coverage, 1 - (1 + density)^-5)`: fewer than
      half of the balls about `n` reals that other reals hit, and than half of those that samples
      of this density would hit if they were spread like the data. Of samples far from all data,
      few balls are hit too, but that is no collapse;
    - or the samples' spread is below half of that of reals, and they are dense enough to cover half
      of the balls; or it is below a tenth, wherever they are.

    And whatever the distance does, since it may creep down by fits and starts: all samples are
    alike for `patience` epochs, their spread below a fifth of that of reals and not growing by 5 %
    an epoch, with some of them near the data or fakes above all reals. After `epochs` of these
    epochs there is a warning.

    Distances between samples alone are blind to dropped modes: four of eight modes of a ring keep
    96 % of them.

    Args:
        epochs: for how many in a row this is seen, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.

    Source: coverage and density, Naeem et al., ICML 2020 (arXiv:2002.09797): a ball that reaches
    to the k-th of `n` neighbours is missed by `m` points of the same distribution with
    probability `(1 + m / n)^-k`.
    """

    kind = "mode_collapse"
    cure = "try discriminator_steps=2, an R1 penalty or layers.MinibatchStdDev in the discriminator"
    epochs: int = 4
    patience: int = 8
    looks_at_settings = True

    def __post_init__(self):
        _checks.positive_int(self.epochs, "epochs")
        _checks.positive_int(self.patience, "patience")

    def __call__(self, history):
        """Evidence of the run, or `None`."""
        if not self._lacks(history) and not self._alike(history, self.patience):
            return None
        last = history[-1]
        return {
            "coverage": last.coverage,
            "real_coverage": last.real_coverage,
            "density": last.density,
            "spread": last.spread,
            "epochs": run_progress.of(history).idle,
        }

    def warns(self, history):
        """What to warn of before there is a verdict, or `None`."""
        if not self._alike(history, self.epochs):
            return None
        return (
            f"All samples are alike: in epoch {history[-1].epoch} they have "
            f"{history[-1].spread:.0%} of the data's spread, and in the {self.epochs} latest ones "
            f"not much more. This is mode collapse"
        )

    def _lacks(self, history):
        latest = latest_measured(
            history, self.epochs, "coverage", "density", "real_coverage", "spread"
        )
        if latest is None or not run_progress.of(history).has_waited(self.patience):
            return False
        dropped = all(covers_little(s, _covered_by(s.density)) for s in latest)
        return dropped or all(self._lacks_spread(s) for s in latest)

    @staticmethod
    def _alike(history, epochs):
        latest = latest_measured(history, epochs, *_MEASURED)
        if latest is None or any(s.spread >= _FIFTH for s in latest):
            return False
        # A run that is slow to begin is far from the data, and its discriminator is ahead.
        near = all(s.density > 0.0 for s in latest) or _fooled(latest)
        grows = latest[-1].spread >= _GROWTH ** (epochs - 1) * latest[0].spread > 0.0
        return near and not grows and run_progress.of(history).have_played()

    @staticmethod
    def _lacks_spread(s):
        near = _covered_by(s.density) >= _HALF
        return s.spread < (_HALF if near else _TENTH)

    def describe(self, evidence):
        """The evidence in words."""
        epochs = evidence["epochs"]
        waited = f", without improvement for {epochs} epochs" if epochs >= self.patience else ""
        return (
            f"samples cover {evidence['coverage']:.0%} of the data against "
            f"{evidence['real_coverage']:.0%} for reals, and have {evidence['spread']:.0%} of "
            f"their spread{waited}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Oscillating:
    """Losses and quality go round in cycles and come no nearer.

    In the latest `2 patience` epochs, and nothing having improved for `patience`, the quality
    goes from one side of its mean to the other three times at least, a cycle and a half, each time
    by more than twice its noise and by more than a quarter of what the run has gained in all. And
    so does one of the losses, or the chance that a real scores above a fake, by more than twice
    what it jumps from one epoch to the next.

    Args:
        patience: epochs without improvement, at least 2. Default 8.

    Source: Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018
    (arXiv:1801.04406): without regularization gradient steps circle about the equilibrium.
    """

    kind = "oscillating"
    cure = "add an R1 penalty (regularizers.R1) or lower both learning rates"
    patience: int = 8
    looks_at_settings = True

    def __post_init__(self):
        _checks.positive_int(self.patience, "patience")

    def __call__(self, history):
        """Evidence of the run, or `None`."""
        known = run_progress.of(history)
        window = known.trained[-2 * self.patience :]
        if len(window) < self.patience or not known.has_waited(self.patience):
            return None
        gained = loss(known.trained[0]) - loss(known.best)
        size = max(2.0 * window[-1].quality_noise, gained / 4.0)
        cycles = {"quality": swings([s.quality for s in window], size)}
        for name in ("d_loss", "g_loss", "real_above_fake"):
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
        """The evidence in words."""
        return (
            f"in {evidence['epochs']} epochs the quality has swung {evidence['swings']} times "
            f"between {evidence['lowest_quality']:.4g} and {evidence['highest_quality']:.4g}, and "
            f"{evidence['signal']} {evidence['signal_swings']} times, without progress"
        )
