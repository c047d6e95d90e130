"""Noise, trends and cycles of a series."""

import bisect
import collections
import itertools
import math
import statistics

import numpy as np

# Number of latest values that determine the fluctuation.
NOISE_WINDOW = 16
# Of a trend: minimum number of values, maximum number of epochs, standard deviations.
_FEWEST, _LONGEST, _SURE = 8, 64, 3.0


def fluctuation(values):
    """The noise of a series without its trend.

    `1.4826 median |v[t] - 2 v[t-1] + v[t-2]| / sqrt(6)`: for a straight line plus independent
    normal noise, this is the noise's standard deviation. The median is robust to single jumps.

    Args:
        values: the series, oldest first; the last 16 count.

    Returns:
        A float of at least 0, which is 0 for fewer than five finite values.
    """
    latest = list(itertools.islice(filter(math.isfinite, reversed(values)), NOISE_WINDOW))
    if len(latest) < 5:
        return 0.0
    steps = [a - b for a, b in itertools.pairwise(latest)]
    jumps = [abs(a - b) for a, b in itertools.pairwise(steps)]
    return float(1.4826 * statistics.median(jumps) / math.sqrt(6.0))


def noise(values, error):
    """The smaller of a series' `fluctuation` and its latest value's standard error, or 0.

    Both are too large. The standard error includes errors that all epochs share, since they use the
    same reals and latents. The fluctuation between epochs includes changes by training.
    """
    known = [bound for bound in (error, fluctuation(values)) if bound is not None and bound > 0.0]
    return min(known, default=0.0)


def swings(values, size):
    """How often a finite series crosses from more than `size` on one side of its mean to the other.

    Three swings are one and a half cycles. Values within `size` of the mean count for neither side,
    so noise near the mean is ignored.
    """
    values = np.asarray(values, "float64")
    sides = np.sign(values - values.mean()) * (np.abs(values - values.mean()) > size)
    sides = sides[sides != 0]
    return int(np.count_nonzero(np.diff(sides)))


class SlidingTrend:
    """Mann-Kendall test for a downward trend over the second half of a growing series.

    `S` is the number of pairs whose later value is smaller, minus the number of pairs whose later
    value is larger. Without a trend its standard deviation is `sqrt(n (n - 1) (2 n + 5) / 18)` for
    every noise distribution. The threshold is three standard deviations, because the test is
    repeated every epoch and neighbouring values are correlated. It takes the finite ones of the
    latest 8 to 64 values, at least 8: longer runs improve more slowly.

    Source: Mann, "Nonparametric tests against trend", Econometrica 13, 1945.
    """

    def __init__(self):
        self._window, self._sorted = collections.deque(), []
        self._score = self._end = 0

    def add(self, value):
        """Add a value; returns whether the series falls."""
        self._end += 1
        self._window.append(value)
        if math.isfinite(value):
            self._score += self._larger_less_smaller(value)
            bisect.insort(self._sorted, value)
        while len(self._window) > min(max(_FEWEST, self._end - self._end // 2), _LONGEST):
            self._forget(self._window.popleft())
        n = len(self._sorted)
        deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0)
        return n >= _FEWEST and self._score > _SURE * deviation

    def _forget(self, first):
        if math.isfinite(first):
            del self._sorted[bisect.bisect_left(self._sorted, first)]
            self._score += self._larger_less_smaller(first)

    def _larger_less_smaller(self, value):
        smaller = bisect.bisect_left(self._sorted, value)
        larger = len(self._sorted) - bisect.bisect_right(self._sorted, value)
        return larger - smaller


def binomial_error(share, count):
    """Standard error of a share that was counted: `sqrt(p (1 - p) / n)`, for none as for one."""
    if count < 1:
        return 0.0
    share = min(max(share, 1.0 / count), 1.0 - 1.0 / count)
    return math.sqrt(share * (1.0 - share) / count)
