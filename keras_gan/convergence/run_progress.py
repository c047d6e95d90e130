"""The progress of a run: its best epoch, and the epochs without improvement."""

import collections
import math
import threading

from keras_gan.convergence.signals import STANDARD_ERRORS, is_finite
from keras_gan.convergence.trends import (
    NOISE_WINDOW,
    SlidingTrend,
    binomial_error,
    fluctuation,
    noise,
)

# Number of epochs in a running mean, which may improve when no single epoch does.
SMOOTHING = 4
# From this many epochs on every trend counts; before, it must also exceed the noise.
_LONG = 16
# Updates of either player without which no epoch counts as one that brought nothing: on small data
# an epoch is a handful of updates, in which nothing can be seen yet.
MIN_UPDATES = 300
# A learning rate counts as rising if it is higher by this fraction than at the start of counting.
_RISE = 0.01


def loss(signals):
    """The quality of signals, negated if higher is better."""
    return signals.quality if signals.direction == "min" else -signals.quality


def covers_little(s, possible=1.0):
    """Whether the coverage is significantly below half of that of reals; `False` if unknown.

    `possible` is an upper bound of the coverage, if lower than that of reals.
    """
    if not is_finite(s.coverage) or not is_finite(s.real_coverage):
        return False
    error = binomial_error(s.coverage, s.num_covered)
    return s.coverage + STANDARD_ERRORS * error < min(s.real_coverage, possible) / 2.0


def best(history):
    """The latest signals as good as the best ones, or `None` if no quality was measured.

    A quality `q` is as good as the best if `q - q_best <= sqrt(noise^2 + noise_best^2)`, the noise
    of their difference. Of epochs that differ only by noise, the latest was trained and averaged
    for longest.
    """
    return of(history).course.best


def epochs_without_improvement(history):
    """Epochs since the samples last improved by more than noise.

    Quality, coverage and density count, the latter two up to the values of reals. They may still
    improve when the change of a distance is smaller than its sampling error.

    A value improves if it exceeds the last improvement by more than `sqrt(noise_1^2 + noise_2^2)`,
    the noise of a difference, or if the mean of the last four epochs exceeds the last improved mean
    by half of that. Means show slow gains earlier than single epochs. The slowest gains, and those
    after an early epoch that was good by chance, are found as a trend, see `SlidingTrend`. Epochs
    without a quality, or in which the generator was not trained, are not counted.
    """
    return of(history).course.idle


def lasting(history, holds, patience):
    """The `Signals` of the generator's latest epochs, if `holds` is true of `patience` of them.

    They must have `MIN_UPDATES` updates of each player at learning rates that do not rise;
    otherwise the list is empty. Improvements are ignored, because a distance may fall slowly for a
    very long time.
    """
    known, found = of(history), []
    before = known.updates
    for s in reversed(history):
        if s.generator_trained and not holds(s):
            return []
        updates = s.discriminator_updates or 0, s.generator_updates or 0
        before = [None if u is None else u - n for u, n in zip(before, updates, strict=True)]
        if s.generator_trained:
            found.append(s)
        if len(found) >= patience and known.have_played(before):
            return found[::-1]
    return []


# === Progress ===

_LOCK = threading.Lock()
_RECENT = collections.deque(maxlen=16)


def of(history):
    """The `Progress` of a list of `Signals`, oldest first.

    The latest results are cached; only new epochs of a longer history are processed.
    """
    history = list(history)
    with _LOCK:
        for known in _RECENT:
            count = len(known.seen)
            # Comparing the same objects is fast.
            if count <= len(history) and known.seen == history[:count]:
                break
        else:
            known, count = Progress(), 0
            _RECENT.append(known)
        for signals in history[count:]:
            known.add(signals)
    return known


class Progress:
    """The progress of a history, updated epoch by epoch.

    Its `course` is that of the qualities with the name and the reals of the latest one, which alone
    are compared. `seen` is the list of the `Signals` so far.
    """

    def __init__(self):
        self.seen = []
        self._courses = {}
        self.course = _Course()
        self._players = _Player("discriminator"), _Player("generator")

    def add(self, signals):
        self.seen.append(signals)
        risen = [player.add(signals) for player in self._players]
        if signals.quality is not None:
            key = signals.quality_name, signals.held_out
            self.course = self._courses.setdefault(key, _Course())
            self.course.add(signals, self.updates)
        if any(risen):
            for course in self._courses.values():
                course.begin_to_count()
            for player in self._players:
                player.begin_to_count()

    @property
    def updates(self):
        """The number of updates of each player; `None` if unknown."""
        return [player.updates for player in self._players]

    def has_waited(self, patience):
        """Whether nothing has improved for `patience` epochs.

        Each player must have had `MIN_UPDATES` updates in them. Epochs up to the last one with a
        rising learning rate do not count. Without recorded updates, only epochs count.
        """
        course = self.course
        return course.counted >= patience and self.have_played(course.updates)

    def have_played(self, since=(0, 0)):
        """Whether each trained player had enough updates since a count while no rate rose."""
        return all(
            player.have_come(before) for player, before in zip(self._players, since, strict=True)
        )


class _Player:
    """The updates of a player, and whether its learning rate still rises."""

    def __init__(self, name):
        self._names = f"{name}_updates", f"{name}_rate"
        self._rate, self._before = None, 0
        self.updates = 0  # `None` if they are not known

    def add(self, signals):
        """Count an epoch's updates; returns whether the learning rate has risen in it."""
        updates, rate = (getattr(signals, name) for name in self._names)
        # Stays unknown.
        self.updates = None if None in (updates, self.updates) else self.updates + updates
        if rate is None or (self._rate is not None and rate <= self._rate * (1.0 + _RISE)):
            return False
        is_first, self._rate = self._rate is None, rate
        return not is_first

    def begin_to_count(self):
        """Reset the count, because the learning rate still rose."""
        self._before = self.updates

    def have_come(self, before):
        """Whether there were enough updates since a given count."""
        if not self.updates or before is None:  # unknown, or a player that does not train
            return True
        return self.updates - max(before, self._before) >= MIN_UPDATES


class _Course:
    """Progress over epochs with comparable qualities.

    Attributes:
        best: see the function `best`.
        first: the first signals whose quality is finite.
        trained: the signals whose quality is finite, of epochs in which the generator trained.
        updates: number of updates of each player at the last improvement.
    """

    def __init__(self):
        self.best = self.first = self._top = None
        self.trained = []
        self.updates = (0, 0)
        self._series = _Quality(), _Uncovered(), _Sparse()
        self._epochs = self._improved = self._counted_from = 0

    @property
    def idle(self):
        """Epochs of the generator since something improved."""
        return self._epochs - self._improved

    @property
    def counted(self):
        """The number of these after the last rise of a learning rate."""
        return self._epochs - max(self._improved, self._counted_from)

    def add(self, signals, updates):
        if is_finite(signals.quality):
            self.first = self.first or signals
            if self._top is None or loss(signals) < loss(self._top):
                self._top = self.best = signals
            elif self._is_as_good(signals):
                self.best = signals
        if not signals.generator_trained:
            return
        if is_finite(signals.quality):
            self.trained.append(signals)
        self._epochs += 1
        if any([series.add(signals) for series in self._series]):
            self._improved, self.updates = self._epochs, updates

    def begin_to_count(self):
        self._counted_from = self._epochs

    def _is_as_good(self, signals):
        noise_of_both = math.hypot(signals.quality_noise, self._top.quality_noise)
        return loss(signals) - loss(self._top) <= noise_of_both


# === Series ===


def _is_gain(value, error, reference, reference_error):
    # Values that are not finite compare as no gain.
    return reference - value > math.hypot(error, reference_error)


class _Series:
    """Values that improve by falling; `measured` gives that of an epoch, or NaN, and its noise."""

    def __init__(self):
        self._latest = collections.deque(maxlen=2 * SMOOTHING)
        self._beaten = {1: (math.inf, 0.0), SMOOTHING: (math.inf, 0.0)}
        self._trend, self._epochs = SlidingTrend(), 0
        self._values = collections.deque(maxlen=NOISE_WINDOW)

    def add(self, signals):
        """Add an epoch; whether the series has fallen by more than noise or by a trend."""
        self._latest.append(self.measured(signals))
        self._epochs += 1
        gains = [self._gains(window) for window in self._beaten]
        falls = self._trend.add(self._latest[-1][0])
        if falls and self._epochs < _LONG:
            falls = _is_gain(*self._mean(-SMOOTHING, None), *self._mean(0, -SMOOTHING))
        return any(gains) or falls

    def _gains(self, window):
        value, error = self._mean(-window, None)
        gains = _is_gain(value, error, *self._beaten[window])
        if gains:
            self._beaten[window] = value, error
        return gains

    def _mean(self, start, stop):
        latest = list(self._latest)[start:stop]
        value, error = (sum(part) / len(latest) for part in zip(*latest, strict=True))
        return value, error / math.sqrt(len(latest))

    def _keep(self, value):
        if math.isfinite(value):
            self._values.append(value)


class _Quality(_Series):
    def measured(self, signals):
        return loss(signals), signals.quality_noise


class _Uncovered(_Series):
    """`1 - coverage`, at least that of reals."""

    def measured(self, s):
        if not is_finite(s.coverage):
            return math.nan, math.nan
        value = max(1.0 - s.coverage, 1.0 - (s.real_coverage or 1.0))
        self._keep(value)
        return value, noise(self._values, binomial_error(s.coverage, s.num_covered))


class _Sparse(_Series):
    """`1 - density`, at least 0, the value of reals."""

    def measured(self, s):
        value = max(1.0 - s.density, 0.0) if is_finite(s.density) else math.nan
        self._keep(value)
        return value, fluctuation(self._values)
