"""Did a run come to harm? Ground truth, which no rule sees.

After each epoch samples of the averaged generator are looked at by a judge that knows what a rule
does not: the modes of the ring, or a classifier of digits, and reals that are neither trained on
nor validated with. Of each epoch it says

- `found`: modes or classes that get at least a quarter of their even share of the good samples;
- `good`: the share of good samples (within three deviations of a mode; classified with 90 %
  confidence), over that of reals;
- `quality`: on the ring the share of good samples that is evenly spread, `sum_k min(p_k, 1 / K)`
  with `p_k` the share of all samples that are good and of mode `k`; of images the Frechet distance.

All levels were fixed before any run was made.
"""

import dataclasses
import math

import numpy as np

from keras_gan.convergence import trends
from keras_gan.metrics.frechet_distance import frechet_distance

CONFIDENT = 0.9
RADIUS = 3.0
# Epochs of a mean, and of what counts as a run's end.
WINDOW = 4
# The levels of harm, see `harm`.
FOUND, GOOD, PROGRESS, KEPT = 0.8, 0.5, 0.5, 0.8
# A gain counts from so many standard errors of a difference of two means.
STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """What the figures of one judge are measured by.

    Attributes:
        total: modes or classes that there are.
        direction: "min" or "max": which way `quality` improves.
        untrained: the quality of the untrained generator.
        reals: the quality of other reals.
        error: standard deviation of the quality between draws of latents, at the run's end.
    """

    total: int
    direction: str
    untrained: float
    reals: float
    error: float = 0.0

    def loss(self, quality):
        """The quality as a number to be small; of no samples at all infinity."""
        if quality is None or not math.isfinite(quality):
            return math.inf
        return quality if self.direction == "min" else -quality

    def progress(self, quality):
        """How far the way from untrained samples to reals has been gone: 0 to 1 or so.

        A Frechet distance is a square; the way is measured by its root.
        """
        if quality is None or not math.isfinite(quality):
            return 0.0
        values = (self.untrained, quality, self.reals)
        if self.direction == "min":
            values = [math.sqrt(value) for value in values]
        start, now, end = values
        return (now - start) / (end - start)


# === Harm ===


def harm(truth, scale):
    """What has come to harm at the end of a run, the mean of its last four epochs.

    Args:
        truth: the figures of all epochs, a list of `dict`s.
        scale: their `Scale`.

    Returns:
        The reason, the first one of these that holds, or `None`:

        - "broken": a figure is not finite;
        - "modes": fewer than four fifths of all modes or classes are found;
        - "samples": the share of good samples is below half of that of reals;
        - "far": less than half of the way from untrained samples to reals is gone;
        - "lost": less than four fifths of what was gone at best.
    """
    end = truth[-WINDOW:]
    figures = [epoch[name] for epoch in end for name in ("found", "good", "quality")]
    if any(value is None or not math.isfinite(value) for value in figures):
        return "broken"
    found, good = (np.mean([epoch[name] for epoch in end]) for name in ("found", "good"))
    if found < FOUND * scale.total:
        return "modes"
    if good < GOOD:
        return "samples"
    progress = _means([scale.progress(epoch["quality"]) for epoch in truth])
    if progress[-1] < PROGRESS:
        return "far"
    return "lost" if progress[-1] < KEPT * max(progress) else None


def still_improving(truth, scale, epoch):
    """Whether a run gained more than noise after an epoch (from 1).

    The best mean of four epochs in a row that end later than it is compared with the best one up
    to there. It must be better by two standard errors of a difference of two such means,
    `2 sqrt(2 / 4) noise`, where the noise of one epoch is the largest of how much the quality
    jumps between epochs, up to there and at the run's end, and of how much it varies between
    draws of latents.
    """
    gain = gain_after(truth, scale, epoch)
    return gain > STANDARD_ERRORS * math.sqrt(2.0 / WINDOW) * _noise(truth, scale, epoch)


def gain_after(truth, scale, epoch):
    """The best four epochs after an epoch against the best up to there, in units of quality."""
    means = _means([scale.loss(figures["quality"]) for figures in truth])
    before, after = means[:epoch], means[epoch:]
    # What was never finite gains nothing; from there to finite numbers is a gain.
    best, later = min(before, default=math.inf), min(after, default=math.inf)
    return 0.0 if math.isinf(later) else best - later


def _noise(truth, scale, epoch):
    losses = [scale.loss(figures["quality"]) for figures in truth]
    return max(trends.fluctuation(losses[:epoch]), trends.fluctuation(losses), scale.error)


def _means(values):
    """The mean of each value and up to three before it."""
    return [float(np.mean(values[max(0, end - WINDOW) : end])) for end in range(1, len(values) + 1)]


# === Judges ===


class RingJudge:
    """Judges points by the modes of a ring.

    Args:
        modes: array `(num_modes, 2)`.
        std: standard deviation of each mode.
    """

    direction = "max"

    def __init__(self, modes, std):
        self.modes, self.std = np.asarray(modes, "float64"), std
        self.total = len(modes)

    def __call__(self, samples):
        """The figures of samples."""
        if not np.isfinite(samples).all():
            return broken()
        distances = np.linalg.norm(samples[:, None].astype("float64") - self.modes, axis=-1)
        good = distances.min(axis=1) <= RADIUS * self.std
        nearest = distances.argmin(axis=1)[good]
        shares = np.bincount(nearest, minlength=self.total) / len(samples)
        real_share = 1.0 - math.exp(-(RADIUS**2) / 2.0)
        even = np.minimum(shares, 1.0 / self.total).sum()
        return _figures(shares, float(good.mean() / real_share), float(even))


class ImageJudge:
    """Judges images by a classifier and by reals that it keeps.

    Args:
        look: callable from images to `(probabilities, features)`.
        reals: images that no run sees.
    """

    direction = "min"
    total = 10

    def __init__(self, look, reals):
        self._look = look
        probabilities, self._features = look(reals)
        self._real_share = (probabilities.max(axis=1) >= CONFIDENT).mean()

    def __call__(self, samples):
        """The figures of samples."""
        if not np.isfinite(samples).all():
            return broken()
        probabilities, features = self._look(samples)
        good = probabilities.max(axis=1) >= CONFIDENT
        classes = probabilities.argmax(axis=1)[good]
        shares = np.bincount(classes, minlength=self.total) / len(samples)
        distance = float(frechet_distance(self._features, features))
        return _figures(shares, float(good.mean() / self._real_share), distance)


def broken():
    """The figures of samples that are none."""
    return {"found": 0, "good": 0.0, "quality": None}


def _figures(shares, good, quality):
    """`shares`: of all samples, those that are good, mode by mode."""
    enough = shares > 0.25 * shares.sum() / len(shares)
    return {"found": int(enough.sum()), "good": round(good, 4), "quality": round(quality, 5)}
