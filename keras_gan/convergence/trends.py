"""What a series of numbers shows: noise, trends, cycles."""

import bisect
import collections
import itertools
import math
import statistics

import numpy as np

# Epochs whose values tell how much a series fluctuates.
NOISE_WINDOW = 16
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
    latest = list(itertools.islice(filter(math.isfinite, reversed(values)), NOISE_WINDOW))
    if len(latest) < 5:
        return 0.0
    steps = [a - b for a, b in itertools.pairwise(latest)]
    jumps = [abs(a - b) for a, b in itertools.pairwise(steps)]
    return float(1.4826 * statistics.median(jumps) / math.sqrt(6.0))


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
    """Mann-Kendall test for a downward trend: whether a series falls by more than chance.

    `S` counts the pairs in which the later value is the smaller one, less those in which it is the
    larger one. Without a trend its standard deviation is `sqrt(n (n - 1) (2 n + 5) / 18)`,
    whatever the noise; three of them decide, since it is looked at epoch by epoch and neighbours
    are alike.

    Args:
        values: the series, oldest first; what is not finite is left out. Fewer than eight never
            fall.

    Source: Mann, "Nonparametric tests against trend", Econometrica 13, 1945.
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    score = np.sign(values[:, None] - values[None, :])[np.triu_indices(values.size, 1)].sum()
    return _is_sure(score, values.size)


def _is_sure(score, n):
    return n >= _FEWEST and score > _SURE * math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0)


class SlidingTrend:
    """`falls`, over the latter half of a series that grows: 8 values at least and 64 at most.

    The longer a run, the slower it gains.
    """

    def __init__(self):
        self._window, self._sorted = collections.deque(), []
        self._score = self._end = 0

    def add(self, value):
        """Take the next value; returns whether the series falls up to there."""
        self._end += 1
        self._window.append(value)
        if math.isfinite(value):
            self._score += self._larger_less_smaller(value)
            bisect.insort(self._sorted, value)
        while len(self._window) > min(max(_FEWEST, self._end - self._end // 2), _LONGEST):
            self._forget(self._window.popleft())
        return _is_sure(self._score, len(self._sorted))

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
