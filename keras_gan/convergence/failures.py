"""The rules about games that go wrong, and how."""

import dataclasses

from keras_gan import _checks, run_progress
from keras_gan.run_progress import covers_little, loss
from keras_gan.signals import COIN_MARGIN, coin_tolerance, is_finite
from keras_gan.trends import fluctuation, swings

# What has been lost, or was never gained, is judged by halves: of the way from the first samples
# to the data, of what reals cover, of their spread.
_HALF = 0.5
# Below this share of the reals' spread, all samples are about one; near the data, below this one.
_TENTH, _FIFTH = 0.1, 0.2
# An accuracy that differs from 1/2 by more is no coin flip.
_RIGHT = 0.1
# Samples that get out of it have a spread that grows by this factor an epoch.
_GROWTH = 1.05


def _latest(history, epochs, *names):
    """The latest epochs, if there are as many and all of these signals are finite in them."""
    latest = history[-epochs:]
    finite = all(is_finite(getattr(s, name)) for s in latest for name in names)
    return latest if len(latest) == epochs and finite else None


def _covered_by(density):
    """The share of balls that samples of a density hit if they are spread like the data."""
    return 1.0 - (1.0 + density) ** -5


def _is_coin(chance, first, second):
    return abs(chance - 0.5) <= coin_tolerance(first, second)


def _fooled(latest):
    """Whether fakes score above nearly all reals."""
    chances = [s.real_above_fake for s in latest if is_finite(s.real_above_fake)]
    return bool(chances) and max(chances) <= COIN_MARGIN


def tells(s):
    """Whether a discriminator tells reals from the first samples, or from those of the day.

    Where the latter were not scored, its accuracy on its own batches stands in.
    """
    if is_finite(s.real_above_noise):
        if s.real_above_noise - 0.5 > coin_tolerance(s.num_noise, s.num_noise):
            return True
    if is_finite(s.real_above_fake):
        return not _is_coin(s.real_above_fake, s.num_real, s.num_fake)
    return is_finite(s.d_accuracy) and s.d_accuracy - 0.5 > _RIGHT


def _is_fooled(s):
    """Whether it takes samples for reals and reals for samples, which is no coin flip either."""
    if is_finite(s.real_above_fake):
        return False
    return is_finite(s.d_accuracy) and s.d_accuracy - 0.5 < -_RIGHT


def never_told(history, epochs):
    """Evidence that a discriminator `tells` nothing from the first epoch on, or `None`.

    It takes so many epochs, and updates that make them count, see `Progress.have_played`.
    """
    if len(history) < epochs or not is_finite(history[-1].real_above_noise):
        return None
    if any(tells(s) or not is_finite(s.real_above_noise) for s in history):
        return None
    if any(map(_is_fooled, history[-epochs:])) or not run_progress.of(history).have_played():
        return None
    return {
        "real_above_noise": max(s.real_above_noise for s in history),
        "epochs": len(history),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscriminatorFailed:
    """The discriminator tells nothing: it never did, or it has died far from the data.

    A GAN starts by telling data from the first, random samples. *Never*: in all epochs, of which
    there are `epochs` at least, with 300 updates of each player at rates that do not rise, reals
    score above neither these samples nor those of the day, each within
    `2 sqrt((n + m + 1) / (12 n m)) + 0.05` of 1/2. *Dead*: the chance that a real scores
    above a fake is that near to 1/2 in the mean of `epochs` epochs, and twice that near in each,
    nothing has improved for `patience`, and the samples are far from the data: either the quality
    `q` has not come half the way from the run's first one to the floor that reals reach,
    `q - floor > (first - floor) / 2`, or the coverage is surely less than half of that of reals. A
    discriminator at its equilibrium shows 1/2 too, but then the samples are near.

    Args:
        epochs: for how many in a row this is seen, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.

    Source: the optimal discriminator is 1/2 only where generated and real density agree,
    Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), proposition 1: with samples that differ, a
    discriminator at 1/2 is far from optimal, and its gradient says nothing about the data.
    """

    kind = "discriminator_failed"
    cure = (
        "give the discriminator more capacity, a higher learning rate or fewer penalties, and "
        "check that data and samples have one range"
    )
    epochs: int = 4
    patience: int = 8
    looks_at_settings = True

    def __post_init__(self):
        _checks.positive_int(self.epochs, "epochs")
        _checks.positive_int(self.patience, "patience")

    def __call__(self, history):
        """Evidence of the run, or `None`."""
        return self._never(history) or self._dead(history)

    def _never(self, history):
        evidence = never_told(history, self.epochs)
        chances = [s.real_above_fake for s in history] if evidence else []
        if not chances or not all(map(is_finite, chances)):
            return None
        return {**evidence, "real_above_fake": max(chances)}

    def _dead(self, history):
        latest = _latest(history, self.epochs, "real_above_fake")
        if latest is None or not self._is_at_chance(latest):
            return None
        if not run_progress.of(history).has_waited(self.patience):
            return None
        far = self._far(history) or self._uncovering(latest)
        if far is None:
            return None
        return {"real_above_fake": latest[-1].real_above_fake, "epochs": self.epochs, **far}

    @staticmethod
    def _is_at_chance(latest):
        away = [s.real_above_fake - 0.5 for s in latest]
        allowed = min(coin_tolerance(s.num_real, s.num_fake) for s in latest)
        # Samples that are all alike are one trial, whose share of reals beyond it jumps.
        return abs(sum(away)) <= allowed * len(away) and max(map(abs, away)) <= 2.0 * allowed

    @staticmethod
    def _far(history):
        last = history[-1]
        if not is_finite(last.quality) or not is_finite(last.quality_floor):
            return None
        first = run_progress.of(history).first
        floor = last.quality_floor if last.direction == "min" else -last.quality_floor
        if loss(last) - floor <= _HALF * (loss(first) - floor):
            return None
        return {
            "quality": last.quality,
            "first_quality": first.quality,
            "floor": last.quality_floor,
        }

    @staticmethod
    def _uncovering(latest):
        if not all(covers_little(s) for s in latest):
            return None
        return {"coverage": latest[-1].coverage, "real_coverage": latest[-1].real_coverage}

    def describe(self, evidence):
        """The evidence in words."""
        if "real_above_noise" in evidence:
            return (
                f"in {evidence['epochs']} epochs the discriminator could not even tell data from "
                "the untrained generator's samples (a real scored above one at most "
                f"{evidence['real_above_noise']:.0%} of the time)"
            )
        if "coverage" in evidence:
            far = (
                f"samples cover {evidence['coverage']:.0%} of the data against "
                f"{evidence['real_coverage']:.0%} for reals"
            )
        else:
            far = (
                f"the quality ({evidence['quality']:.4g}) is not half the way from its first value "
                f"({evidence['first_quality']:.4g}) to that of reals ({evidence['floor']:.4g})"
            )
        return (
            f"a real scores above a sample {evidence['real_above_fake']:.0%} of the time, a coin "
            f"flip, while {far}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscriminatorWon:
    """The discriminator separates perfectly while the generator's gradient has vanished.

    For `epochs` epochs `1 - p <= 3 / min(n, m)`, where `p` is the chance that a real scores above
    a fake: no more errors than none in as many trials is compatible with (the rule of three). The
    norm of the generator's gradient is below `fraction` of the largest it has been, and nothing
    has improved for `patience`. Losses whose gradient does not vanish (non-saturating, Wasserstein)
    may go on learning from a perfect discriminator; they are left alone.

    Args:
        epochs: for how many in a row this is seen, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.
        fraction: in (0, 1). Default 0.1: gradients of healthy runs vary by a factor of a few.

    Source: Arjovsky and Bottou, "Towards principled methods for training generative adversarial
    networks", ICLR 2017 (arXiv:1701.04862), theorem 2.4: where supports do not touch, the
    saturating generator's gradient vanishes as the discriminator becomes perfect.
    """

    kind = "discriminator_won"
    cure = (
        "try the non_saturating or relativistic_paired loss with an R1 penalty, or a lower "
        "learning rate for the discriminator"
    )
    epochs: int = 4
    fraction: float = 0.1
    patience: int = 8
    looks_at_settings = True

    def __post_init__(self):
        _checks.positive_int(self.epochs, "epochs")
        _checks.positive_int(self.patience, "patience")
        _checks.number(self.fraction, "fraction", above=0.0, maximum=1.0)

    def __call__(self, history):
        """Evidence of the run, or `None`."""
        latest = _latest(history, self.epochs, "real_above_fake", "g_gradient_norm")
        if latest is None:
            return None
        if any(1.0 - s.real_above_fake > 3.0 / min(s.num_real, s.num_fake) for s in latest):
            return None
        if not run_progress.of(history).has_waited(self.patience):
            return None
        largest = max(s.g_gradient_norm for s in history if is_finite(s.g_gradient_norm))
        if any(s.g_gradient_norm > self.fraction * largest for s in latest):
            return None
        return {
            "real_above_fake": latest[-1].real_above_fake,
            "g_gradient_norm": latest[-1].g_gradient_norm,
            "largest_g_gradient_norm": largest,
            "epochs": self.epochs,
        }

    def describe(self, evidence):
        """The evidence in words."""
        return (
            f"a real has scored above a sample {evidence['real_above_fake']:.1%} of the time for "
            f"{evidence['epochs']} epochs, and the generator's gradient is "
            f"{evidence['g_gradient_norm']:.2g}, after up to "
            f"{evidence['largest_g_gradient_norm']:.2g}"
        )


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
        latest = _latest(history, self.epochs, "coverage", "density", "real_coverage", "spread")
        if latest is None or not run_progress.of(history).has_waited(self.patience):
            return False
        dropped = all(covers_little(s, _covered_by(s.density)) for s in latest)
        return dropped or all(self._lacks_spread(s) for s in latest)

    @staticmethod
    def _alike(history, epochs):
        latest = _latest(history, epochs, "coverage", "density", "real_coverage", "spread")
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
