"""Rules for discriminators that are too weak or too strong for the generator to learn."""

import dataclasses

from keras_gan import _checks
from keras_gan.convergence import run_progress
from keras_gan.convergence.rule import Rule
from keras_gan.convergence.run_progress import covers_little, loss
from keras_gan.convergence.signals import auc_tolerance, is_finite, latest_measured

# A fraction of the distance from the first samples to the data, and of the coverage of reals.
_HALF = 0.5
# A run progresses if it gains this fraction of the remaining distance in every epoch.
_PACE = 0.02
# An accuracy that differs from 1/2 by more is not at chance level.
_RIGHT = 0.1


def tells(s):
    """Whether a discriminator separates reals from the first samples, or from current ones.

    Without an AUC for the current ones, its accuracy on the training batches is used.
    """
    if is_finite(s.first_samples_auc):
        if s.first_samples_auc - 0.5 > auc_tolerance(s.num_first_samples, s.num_first_samples):
            return True
    if is_finite(s.discriminator_auc):
        return abs(s.discriminator_auc - 0.5) > auc_tolerance(s.num_real, s.num_fake)
    return is_finite(s.d_accuracy) and s.d_accuracy - 0.5 > _RIGHT


def _is_fooled(s):
    """Whether its accuracy is clearly below 1/2."""
    if is_finite(s.discriminator_auc):
        return False
    return is_finite(s.d_accuracy) and s.d_accuracy - 0.5 < -_RIGHT


def never_told(history, epochs):
    """Evidence that `tells` was false in every epoch of the run, or `None`.

    Needs `epochs` epochs, and enough updates, see `Progress.have_played`.
    """
    if len(history) < epochs or not is_finite(history[-1].first_samples_auc):
        return None
    if any(tells(s) or not is_finite(s.first_samples_auc) for s in history):
        return None
    if any(map(_is_fooled, history[-epochs:])) or not run_progress.of(history).have_played():
        return None
    return {
        "first_samples_auc": max(s.first_samples_auc for s in history),
        "epochs": len(history),
    }


def _comes_nearer(latest):
    """Whether quality or coverage gains 2 % of the remaining distance to reals in every epoch."""
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
    """The quality of reals, negated if higher is better; 0 if unknown."""
    floor = s.quality_floor if is_finite(s.quality_floor) else 0.0
    return floor if s.direction == "min" else -floor


def fooled(history, epochs):
    """Evidence that the accuracy of a discriminator is below chance level, or `None`.

    Its accuracy was below 40 % in each of the latest `epochs`, in all of which it was trained, and
    both players had enough updates: the generator is too strong for it.
    """
    latest = history[-epochs:]
    if len(latest) < epochs or any(s.discriminator_updates == 0 for s in latest):
        return None
    if not all(map(_is_fooled, latest)) or not run_progress.of(history).have_played():
        return None
    return {"d_accuracy": max(s.d_accuracy for s in latest), "epochs": epochs}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscriminatorFailed(Rule):
    """The discriminator separates nothing: it never did, or it failed far from the data.

    An AUC is at chance level if it is within `2 sqrt((n + m + 1) / (12 n m)) + 0.05` of 1/2.

    *Never*: in all epochs of the run, at least `epochs`, with 300 updates of each player at
    learning rates that do not rise, the AUCs of reals against the samples of the untrained
    generator and against the current ones are at chance level.

    *Failed*: the mean AUC of `epochs` epochs is at chance level, and each is within twice that
    bound. Nothing has improved for `patience` epochs, and the samples are far from the data: either
    the quality `q` is less than halfway from the first one to that of reals,
    `q - floor > (first - floor) / 2`, or the coverage is significantly below half of that of reals.
    (At equilibrium the AUC is 1/2 too, but the samples are near the data.) If the distance still
    falls slowly and irregularly, all of this must hold for `patience` epochs with 300 updates of
    each player, in which neither quality nor coverage gains 2 % of the remaining distance per
    epoch.

    Args:
        epochs: number of consecutive epochs, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.

    Source: the optimal discriminator is 1/2 only where generated and real density agree,
    Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), proposition 1: while they differ, a
    discriminator at 1/2 is far from optimal, and its gradient carries no information on the data.
    """

    kind = "discriminator_failed"
    cure = (
        "give the discriminator more capacity, a higher learning rate or fewer penalties, and "
        "check that data and samples have one range"
    )
    epochs: int = 4
    patience: int = 8

    def __call__(self, history):
        evidence = never_told(history, self.epochs)
        if evidence and all(is_finite(s.discriminator_auc) for s in history):
            return {**evidence, "discriminator_auc": max(s.discriminator_auc for s in history)}
        latest = latest_measured(history, self.epochs, "discriminator_auc")
        if latest is None or not self._is_at_chance(latest):
            return None
        first = run_progress.of(history).course.first

        def has_failed(s):
            if not is_finite(s.discriminator_auc) or not self._is_at_chance([s], 2.0):
                return False
            return covers_little(s) or self._far(s, first) is not None

        if not run_progress.of(history).has_waited(self.patience):
            latest = run_progress.lasting(history, has_failed, self.patience)
            if not latest or not self._is_at_chance(latest) or _comes_nearer(latest):
                return None
        last = latest[-1]
        far = self._far(last, first)
        if far is None:
            if not all(map(covers_little, latest)):
                return None
            far = {"coverage": last.coverage, "real_coverage": last.real_coverage}
        return {"discriminator_auc": last.discriminator_auc, "epochs": len(latest), **far}

    @staticmethod
    def _is_at_chance(latest, factor=1.0):
        away = [s.discriminator_auc - 0.5 for s in latest]
        allowed = min(auc_tolerance(s.num_real, s.num_fake) for s in latest)
        # If all samples are identical, the AUC varies more than its standard error says.
        mean = abs(sum(away)) / len(away)
        return mean <= factor * allowed and max(map(abs, away)) <= 2.0 * allowed

    @staticmethod
    def _far(s, first):
        if not is_finite(s.quality) or not is_finite(s.quality_floor):
            return None
        if loss(s) - _floor(s) <= _HALF * (loss(first) - _floor(s)):
            return None
        return {"quality": s.quality, "first_quality": first.quality, "floor": s.quality_floor}

    def describe(self, evidence):
        if "first_samples_auc" in evidence:
            return (
                f"in {evidence['epochs']} epochs the discriminator could not even tell data from "
                "the untrained generator's samples (its AUC was at most "
                f"{evidence['first_samples_auc']:.2f})"
            )
        if "coverage" in evidence:
            far = (
                f"samples cover {evidence['coverage']:.0%} of the data against "
                f"{evidence['real_coverage']:.0%} for reals"
            )
        else:
            far = (
                f"the quality ({evidence['quality']:.4g}) is less than halfway from its first "
                f"value ({evidence['first_quality']:.4g}) to that of reals "
                f"({evidence['floor']:.4g})"
            )
        return (
            f"the discriminator's AUC is {evidence['discriminator_auc']:.2f}, chance level, while "
            f"{far}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscriminatorWon(Rule):
    """The discriminator separates perfectly while the generator's gradient has vanished.

    For `epochs` epochs `1 - AUC <= 3 / min(n, m)`, the 95 % bound for an error rate with no error
    observed (the rule of three), with `n` reals and `m` fakes. The norm of the generator's gradient
    is below `fraction` of the largest of the run, and nothing has improved for `patience` epochs.
    If the distance still falls slowly and irregularly, all of this must hold for `patience` epochs
    with 300 updates of each player, in which neither quality nor coverage gains 2 % of the
    remaining distance per epoch. With losses whose gradient does not vanish (non-saturating,
    Wasserstein) the generator can still learn from a perfect discriminator; the rule is silent.

    Args:
        epochs: number of consecutive epochs, at least 1. Default 4.
        patience: epochs without improvement, at least 1. Default 8.
        fraction: of the largest gradient norm, in (0, 1]. Default 0.1; in healthy runs the norm
            varies by a small factor.

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

    def __post_init__(self):
        super().__post_init__()
        _checks.number(self.fraction, "fraction", above=0.0, maximum=1.0)

    def __call__(self, history):
        norms = [s.g_gradient_norm for s in history if is_finite(s.g_gradient_norm)]
        largest = max(norms, default=0.0)

        def has_won(s):
            if not is_finite(s.discriminator_auc) or not is_finite(s.g_gradient_norm):
                return False
            perfect = 1.0 - s.discriminator_auc <= 3.0 / min(s.num_real, s.num_fake)
            return perfect and s.g_gradient_norm <= self.fraction * largest

        latest = history[-self.epochs :]
        if len(latest) < self.epochs or not all(map(has_won, latest)):
            return None
        if not run_progress.of(history).has_waited(self.patience):
            latest = run_progress.lasting(history, has_won, self.patience)
            if not latest or _comes_nearer(latest):
                return None
        return {
            "discriminator_auc": latest[-1].discriminator_auc,
            "g_gradient_norm": latest[-1].g_gradient_norm,
            "largest_g_gradient_norm": largest,
            "epochs": len(latest),
        }

    def describe(self, evidence):
        return (
            f"the discriminator's AUC has been {evidence['discriminator_auc']:.3f} for "
            f"{evidence['epochs']} epochs, and the norm of the generator's gradient is "
            f"{evidence['g_gradient_norm']:.2g}, after up to "
            f"{evidence['largest_g_gradient_norm']:.2g}"
        )
