"""What a run shows epoch by epoch, as numbers that mean the same for every loss.

NumPy only: how the numbers are taken from a model is the business of callbacks.
"""

import dataclasses
import math

import numpy as np

# Epochs whose qualities tell how much the quality fluctuates.
NOISE_WINDOW = 16
# Epochs whose mean may improve where no single one does.
SMOOTHING = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signals:
    """What one epoch showed; `None` where something was not measured.

    Attributes:
        epoch: the epoch's number, from 1.
        quality: the watched quality, as logged.
        quality_noise: standard error of `quality`; 0 where it is not known yet.
        quality_name: log key of the quality.
        direction: `"min"` or `"max"`: which way the quality improves.
        real_above_fake: chance in [0, 1] that a real scores above a fresh fake.
        num_real: reals behind `real_above_fake`.
        num_fake: fakes behind `real_above_fake`.
        held_out: whether the reals were kept out of training.
        d_loss: the discriminator's loss.
        g_loss: the generator's loss.
        d_accuracy: the discriminator's accuracy on its own batches.
        d_gradient_norm: norm of the discriminator's gradient.
        g_gradient_norm: norm of the generator's gradient.
        generator_trained: `False` in an epoch of the discriminator alone.
        first_failure: `dict` of `step`, `player` and `variable` of the first update that was not
            finite.
        broken_weight: `dict` of `player` and `variable` of a weight that is not finite.
        logs: all numbers logged for the epoch.
    """

    epoch: int
    quality: float | None = None
    quality_noise: float = 0.0
    quality_name: str = "quality"
    direction: str = "min"
    real_above_fake: float | None = None
    num_real: int = 0
    num_fake: int = 0
    held_out: bool = True
    d_loss: float | None = None
    g_loss: float | None = None
    d_accuracy: float | None = None
    d_gradient_norm: float | None = None
    g_gradient_norm: float | None = None
    generator_trained: bool = True
    first_failure: dict | None = None
    broken_weight: dict | None = None
    logs: dict = dataclasses.field(default_factory=dict)

    def to_dict(self):
        """The fields as a `dict` of plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields):
        """The signals of a `to_dict`."""
        return cls(**fields)


# === Measures ===


def real_above_fake(real_scores, fake_scores):
    """Chance that a real scores above a fake: the area under the ROC curve.

    `(#{r > f} + #{r = f} / 2) / (n m)` over all `n m` pairs. It needs no threshold, and is 1/2 at
    equilibrium whatever the loss.

    Args:
        real_scores: array `(n,)` of the discriminator's logits of reals.
        fake_scores: array `(m,)`, those of fakes.

    Returns:
        A float in [0, 1]; NaN if a score is NaN or there is none.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143, 1982.
    """
    real = np.ravel(np.asarray(real_scores, "float64"))
    fake = np.sort(np.ravel(np.asarray(fake_scores, "float64")))
    if not real.size or not fake.size or np.isnan(real).any() or np.isnan(fake).any():
        return float("nan")
    below = np.searchsorted(fake, real, side="left")
    not_above = np.searchsorted(fake, real, side="right")
    return float((below + not_above).sum() / (2.0 * real.size * fake.size))


def real_above_fake_error(num_real, num_fake):
    """Standard error of `real_above_fake` where reals and fakes score alike.

    `sqrt((n + m + 1) / (12 n m))`, the exact one of the Mann-Whitney statistic without ties.
    """
    return math.sqrt((num_real + num_fake + 1) / (12.0 * num_real * num_fake))


def fluctuation(values):
    """How much a series jumps from one value to the next, apart from its trend.

    `1.4826 median |v[t] - 2 v[t-1] + v[t-2]| / sqrt(6)`: for a straight line plus independent
    normal noise, the noise's standard deviation. The median keeps single jumps out.

    Args:
        values: the series, oldest first; the last 16 count.

    Returns:
        A float of at least 0, which is 0 for fewer than five finite values.
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)][-NOISE_WINDOW:]
    if values.size < 5:
        return 0.0
    return float(1.4826 * np.median(np.abs(np.diff(values, n=2))) / math.sqrt(6.0))


def best(history):
    """The earliest signals with the best quality, or `None` if none was measured."""
    finite = [signals for signals in _comparable(history) if is_finite(signals.quality)]
    if not finite:
        return None
    return min(finite, key=lambda s: s.quality if s.direction == "min" else -s.quality)


def epochs_without_improvement(history):
    """Epochs since the quality last improved by more than its own noise.

    An epoch improves if it beats the last one that did by more than
    `sqrt(noise_1^2 + noise_2^2)`, the noise of a difference, or if the mean of the last four
    epochs so beats the last such mean that did, at half the noise: a slow gain shows in means
    before it shows in any one epoch, and either way it adds up until it counts. Epochs without a
    quality, or in which the generator stood still, are not counted.
    """
    trained = [signals for signals in _comparable(history) if signals.generator_trained]
    losses = [s.quality if s.direction == "min" else -s.quality for s in trained]
    noises = [s.quality_noise for s in trained]
    singly, together = _improvements(losses, noises, 1), _improvements(losses, noises, SMOOTHING)
    improved = [i for i in range(len(losses)) if singly[i] or together[i]]
    return len(losses) - 1 - improved[-1] if improved else len(losses)


def _improvements(losses, noises, window):
    """For each epoch, whether the mean of the `window` up to it is a gain beyond noise."""
    reference, reference_noise, improved = math.inf, 0.0, []
    for end in range(1, len(losses) + 1):
        start = max(0, end - window)
        loss, noise = np.mean(losses[start:end]), np.mean(noises[start:end])
        noise = float(noise / math.sqrt(end - start))
        # Whatever is not finite compares as no gain.
        improved.append(bool(reference - loss > math.hypot(noise, reference_noise)))
        if improved[-1]:
            reference, reference_noise = loss, noise
    return improved


def _comparable(history):
    """The epochs with a quality of the same name, against the same reals, as the latest one."""
    measured = [signals for signals in history if signals.quality is not None]
    return [
        signals
        for signals in measured
        if (signals.quality_name, signals.held_out)
        == (measured[-1].quality_name, measured[-1].held_out)
    ]


def is_finite(value):
    """Whether a number is there and neither infinite nor NaN."""
    return value is not None and math.isfinite(value)
