"""What a series of signals shows: the best epoch, noise, progress, cycles."""

import math

import numpy as np

from keras_gan.signals import is_finite

# Epochs whose values tell how much a series fluctuates.
NOISE_WINDOW = 16
# Epochs whose mean may improve where no single one does.
SMOOTHING = 4


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


def noise(values, error):
    """The noise of the latest value of a series, from two bounds that are both too large.

    The standard error counts what epochs share, as they are judged on the same reals and latents;
    the jumps between epochs count what the training itself does.

    Args:
        values: the series, oldest first.
        error: the standard error of the latest value, or `None`.

    Returns:
        The smaller one of `error` and `fluctuation(values)`; 0 where neither is known.
    """
    known = [bound for bound in (error, fluctuation(values)) if bound is not None and bound > 0.0]
    return min(known, default=0.0)


def swings(values, size):
    """How often a series goes from more than `size` on one side of its mean to the other side.

    Three swings are a cycle and a half. What stays within `size` counts for neither side, so that
    noise on the way is no swing.

    Args:
        values: the series, oldest first, all finite.
        size: of the smallest excursion that counts.

    Returns:
        An integer of at least 0.
    """
    values = np.asarray(values, "float64")
    sides = np.sign(values - values.mean()) * (np.abs(values - values.mean()) > size)
    sides = sides[sides != 0]
    return int(np.count_nonzero(np.diff(sides)))


# === Over signals ===


def best(history):
    """The earliest signals with the best quality, or `None` if none was measured."""
    finite = [signals for signals in comparable(history) if is_finite(signals.quality)]
    return min(finite, key=loss, default=None)


def loss(signals):
    """The quality of signals as a number to be small."""
    return signals.quality if signals.direction == "min" else -signals.quality


def comparable(history):
    """The epochs with a quality of the same name, against the same reals, as the latest one."""
    measured = [signals for signals in history if signals.quality is not None]
    return [
        signals
        for signals in measured
        if (signals.quality_name, signals.held_out)
        == (measured[-1].quality_name, measured[-1].held_out)
    ]


def epochs_without_improvement(history):
    """Epochs since the samples last came nearer to the data by more than noise.

    They do if the quality improves, or if the coverage does, up to that of reals: a distance
    between distributions is soon lost in its sampling error, while neighbourhoods still fill.

    Either improves if it beats the last value that did by more than `sqrt(noise_1^2 + noise_2^2)`,
    the noise of a difference, or if the mean of the last four epochs so beats the last such mean
    that did, at half the noise: a slow gain shows in means before it shows in any one epoch, and
    either way it adds up until it counts. Epochs without a quality, or in which the generator
    stood still, are not counted.
    """
    trained = [signals for signals in comparable(history) if signals.generator_trained]
    qualities = [loss(s) for s in trained], [s.quality_noise for s in trained]
    improved = [
        epoch
        for series in (qualities, _uncovered(trained))
        for window in (1, SMOOTHING)
        for epoch in _improvements(*series, window)
    ]
    return len(trained) - 1 - max(improved, default=-1)


def _uncovered(trained):
    """What the coverage lacks epoch by epoch, down to what that of reals lacks; and its noise."""
    missing, noises = [], []
    for s in trained:
        if not is_finite(s.coverage):
            missing.append(math.nan)
            noises.append(math.nan)
            continue
        missing.append(max(1.0 - s.coverage, 1.0 - (s.real_coverage or 1.0)))
        noises.append(noise(missing, binomial_error(s.coverage, s.num_covered)))
    return missing, noises


def binomial_error(share, count):
    """Standard error of a share that was counted: `sqrt(p (1 - p) / n)`, for none as for one."""
    if count < 1:
        return 0.0
    share = min(max(share, 1.0 / count), 1.0 - 1.0 / count)
    return math.sqrt(share * (1.0 - share) / count)


def _improvements(losses, noises, window):
    """The epochs in which the mean of the `window` up to there is a gain beyond noise."""
    reference, reference_noise, improved = math.inf, 0.0, []
    for end in range(1, len(losses) + 1):
        start = max(0, end - window)
        value, error = np.mean(losses[start:end]), np.mean(noises[start:end])
        error = float(error / math.sqrt(end - start))
        # Whatever is not finite compares as no gain.
        if reference - value > math.hypot(error, reference_noise):
            improved.append(end - 1)
            reference, reference_noise = value, error
    return improved
