"""What a series of signals shows: the best epoch, noise, progress, cycles."""

import math

import numpy as np

from keras_gan.signals import STANDARD_ERRORS, is_finite

# Epochs whose values tell how much a series fluctuates.
NOISE_WINDOW = 16
# Epochs whose mean may improve where no single one does.
SMOOTHING = 4
# Of a trend: values that it takes, epochs that it is looked for in, standard deviations.
_FEWEST, _LONGEST, _SURE = 8, 64, 3.0


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


def falls(values):
    """Whether a series falls by more than chance, be it ever so slowly.

    By the test of Mann and Kendall: `S` counts the pairs in which the later value is the smaller
    one, less those in which it is the larger one. Without a trend its standard deviation is
    `sqrt(n (n - 1) (2 n + 5) / 18)`, whatever the noise; three of them decide, since it is looked
    at epoch by epoch and neighbours are alike.

    Args:
        values: the series, oldest first; what is not finite is left out. Fewer than eight never
            fall.

    Source: Mann, "Nonparametric tests against trend", Econometrica 13, 1945.
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    n = values.size
    if n < _FEWEST:
        return False
    score = np.sign(values[:, None] - values[None, :])[np.triu_indices(n, 1)].sum()
    return bool(score > _SURE * math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0))


# === Over signals ===


def best(history):
    """The latest signals as good as the best ones, or `None` if no quality was measured.

    As good is a quality `q` with `q - q_best <= sqrt(noise^2 + noise_best^2)`, the noise of their
    difference. Of epochs that noise alone tells apart, the latest has learned and been averaged
    for longest.
    """
    finite = [signals for signals in comparable(history) if is_finite(signals.quality)]
    if not finite:
        return None
    top = min(finite, key=loss)

    def is_as_good(signals):
        noise_of_both = math.hypot(signals.quality_noise, top.quality_noise)
        return loss(signals) - loss(top) <= noise_of_both

    return next(signals for signals in reversed(finite) if is_as_good(signals))


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

    They do if the quality improves, or the coverage or the density, each up to that of reals: a
    distance between distributions is soon lost in its sampling error, while neighbourhoods still
    fill, and samples between the data still find to them.

    Each improves if it beats the last value that did by more than `sqrt(noise_1^2 + noise_2^2)`,
    the noise of a difference, or if the mean of the last four epochs so beats the last such mean
    that did, at half the noise: a slow gain shows in means before it shows in any one epoch, and
    either way it adds up until it counts. The slowest shows as a trend over the latter half of
    the epochs up to there, 64 at most, see `falls`: the longer a run, the slower it gains. Epochs
    without a quality, or in which the generator stood still, are not counted.
    """
    trained = [signals for signals in comparable(history) if signals.generator_trained]
    qualities = [loss(s) for s in trained], [s.quality_noise for s in trained]
    series = qualities, _uncovered(trained), _sparse(trained)
    improved = [
        epoch
        for losses, noises in series
        for window in (1, SMOOTHING)
        for epoch in _improvements(losses, noises, window)
    ]
    latest, end = max(improved, default=-1), len(trained)
    while end - 1 > latest:
        start = max(end // 2, end - _LONGEST)
        if any(falls(losses[start:end]) for losses, _ in series):
            break
        end -= 1
    return len(trained) - end


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


def _sparse(trained):
    """What the density lacks epoch by epoch to 1, that of reals; and its noise."""
    missing = [max(1.0 - s.density, 0.0) if is_finite(s.density) else math.nan for s in trained]
    return missing, [fluctuation(missing[:end]) for end in range(1, len(missing) + 1)]


def binomial_error(share, count):
    """Standard error of a share that was counted: `sqrt(p (1 - p) / n)`, for none as for one."""
    if count < 1:
        return 0.0
    share = min(max(share, 1.0 / count), 1.0 - 1.0 / count)
    return math.sqrt(share * (1.0 - share) / count)


def covers_little(s, possible=1.0):
    """Whether samples cover surely less than half of what reals do; `False` if unknown.

    Args:
        s: signals.
        possible: the most that they could cover, where that is less than what reals do.
    """
    if not is_finite(s.coverage) or not is_finite(s.real_coverage):
        return False
    error = binomial_error(s.coverage, s.num_covered)
    return s.coverage + STANDARD_ERRORS * error < min(s.real_coverage, possible) / 2.0


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
