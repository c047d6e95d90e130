"""The rules about discriminators that have nothing to teach: too weak, or too strong."""

import dataclasses

from keras_gan import _checks
from keras_gan.convergence import run_progress
from keras_gan.convergence.run_progress import covers_little, loss
from keras_gan.convergence.signals import coin_tolerance, is_finite, latest_measured

# Of the way from the first samples to the data, and of what reals cover.
_HALF = 0.5
# A run comes nearer to the data if it makes up for this share of what is missing in every epoch.
_PACE = 0.02
# An accuracy that differs from 1/2 by more is no coin flip.
_RIGHT = 0.1


def _is_coin(chance, first, second):
    return abs(chance - 0.5) <= coin_tolerance(first, second)


def tells(s):
    """Whether a discriminator tells reals from the first samples, or from the current ones.

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


def _comes_nearer(latest):
    """Whether the quality, or the coverage, makes up for 2 % of what it lacks in every epoch."""
    first, last = latest[0], latest[-1]
    gains, left = [], (1.0 - _PACE) ** (len(latest) - 1)
    if is_finite(first.quality) and is_finite(last.quality):
        lacking = loss(first) - _floor(first)
        gains.append(loss(first) - loss(last) >= (1.0 - left) * abs(lacking) > 0.0)
    if is_finite(first.coverage) and is_finite(last.coverage):
        lacking = (last.real_coverage or 1.0) - first.coverage
        gains.append(last.coverage - first.coverage >= (1.0 - left) * lacking > 0.0)
    return any(gains)


def _floor(s):
    """What reals reach, as a number to be small; 0 if it is not known."""
    floor = s.quality_floor if is_finite(s.quality_floor) else 0.0
    return floor if s.direction == "min" else -floor


def fooled(history, epochs):
    """Evidence that a discriminator takes samples for reals and reals for samples, or `None`.

    In the latest `epochs`, in each of which it learned, it was right in less than 40 % of cases,
    and both players had the updates that make epochs count: the generator outruns it.
    """
    latest = history[-epochs:]
    if len(latest) < epochs or any(s.discriminator_updates == 0 for s in latest):
        return None
    if not all(map(_is_fooled, latest)) or not run_progress.of(history).have_played():
        return None
    return {"d_accuracy": max(s.d_accuracy for s in latest), "epochs": epochs}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscriminatorFailed:
    """The discriminator tells nothing: it never did, or it has died far from the data.

    A GAN starts by telling data from the first, random samples. *Never*: in all epochs, of which
    there are `epochs` at least, with 300 updates of each player at rates that do not rise, reals
    score above neither these samples nor the current ones, each within
    `2 sqrt((n + m + 1) / (12 n m)) + 0.05` of 1/2. *Dead*: the chance that a real scores
    above a fake is that near to 1/2 in the mean of `epochs` epochs, and twice that near in each,
    nothing has improved for `patience`, and the samples are far from the data: either the quality
    `q` has not come half the way from the run's first one to the floor that reals reach,
    `q - floor > (first - floor) / 2`, or the coverage is surely less than half of that of reals. A
    discriminator at its equilibrium shows 1/2 too, but then the samples are near. Or the distance
    creeps down by fits and starts, but all of this holds for `patience` epochs with 300 updates of
    each player, in which neither quality nor coverage makes up for 2 % of what it lacks an epoch.

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
        latest = latest_measured(history, self.epochs, "real_above_fake")
        if latest is None or not self._is_at_chance(latest):
            return None
        first = run_progress.of(history).first
        if not run_progress.of(history).has_waited(self.patience):
            latest = self._lasting(history, first)
        far = latest and (self._far(latest[-1], first) or self._uncovering(latest))
        if not far:
            return None
        return {"real_above_fake": latest[-1].real_above_fake, "epochs": len(latest), **far}

    def _lasting(self, history, first):
        """The latest epochs, if it is dead in them for long, however the distance creeps."""

        def is_dead(s):
            if not is_finite(s.real_above_fake) or not self._is_at_chance([s], 2.0):
                return False
            return covers_little(s) or self._far(s, first) is not None

        latest = run_progress.lasting(history, is_dead, self.patience)
        return latest if latest and self._is_at_chance(latest) and not _comes_nearer(latest) else []

    @staticmethod
    def _is_at_chance(latest, factor=1.0):
        away = [s.real_above_fake - 0.5 for s in latest]
        allowed = min(coin_tolerance(s.num_real, s.num_fake) for s in latest)
        # Samples that are all alike are one trial, whose share of reals beyond it jumps.
        mean = abs(sum(away)) / len(away)
        return mean <= factor * allowed and max(map(abs, away)) <= 2.0 * allowed

    @staticmethod
    def _far(s, first):
        if not is_finite(s.quality) or not is_finite(s.quality_floor):
            return None
        if loss(s) - _floor(s) <= _HALF * (loss(first) - _floor(s)):
            return None
        return {"quality": s.quality, "first_quality": first.quality, "floor": s.quality_floor}

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
    has improved for `patience`; or the distance creeps down by fits and starts, but all of this
    holds for `patience` epochs with 300 updates of each player, in which neither quality nor
    coverage makes up for 2 % of what it lacks an epoch. Losses whose gradient does not vanish
    (non-saturating, Wasserstein) may go on learning from a perfect discriminator; they are left
    alone.

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
        norms = [s.g_gradient_norm for s in history if is_finite(s.g_gradient_norm)]
        largest = max(norms, default=0.0)

        def has_won(s):
            if not is_finite(s.real_above_fake) or not is_finite(s.g_gradient_norm):
                return False
            perfect = 1.0 - s.real_above_fake <= 3.0 / min(s.num_real, s.num_fake)
            return perfect and s.g_gradient_norm <= self.fraction * largest

        latest = history[-self.epochs :]
        if len(latest) < self.epochs or not all(map(has_won, latest)):
            return None
        if not run_progress.of(history).has_waited(self.patience):
            latest = run_progress.lasting(history, has_won, self.patience)
            if not latest or _comes_nearer(latest):
                return None
        return {
            "real_above_fake": latest[-1].real_above_fake,
            "g_gradient_norm": latest[-1].g_gradient_norm,
            "largest_g_gradient_norm": largest,
            "epochs": len(latest),
        }

    def describe(self, evidence):
        """The evidence in words."""
        return (
            f"a real has scored above a sample {evidence['real_above_fake']:.1%} of the time for "
            f"{evidence['epochs']} epochs, and the generator's gradient is "
            f"{evidence['g_gradient_norm']:.2g}, after up to "
            f"{evidence['largest_g_gradient_norm']:.2g}"
        )
