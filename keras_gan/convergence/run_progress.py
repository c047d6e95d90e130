"""What a history of signals has come to: its best epoch, and how long nothing has improved."""

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

# Epochs whose mean may improve where no single one does.
SMOOTHING = 4
# From so many epochs on a trend counts however small it is; before, it must exceed the noise, too.
_LONG = 16
# Updates of either player without which no epoch counts as one that brought nothing: on small data
# an epoch is a handful of updates, in which nothing can be seen yet.
MIN_UPDATES = 300
# A learning rate rises while it exceeds by this share what it was when counting began.
_RISE = 0.01


def loss(signals):
    """The quality of signals as a number to be small."""
    return signals.quality if signals.direction == "min" else -signals.quality


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


def best(history):
    """The latest signals as good as the best ones, or `None` if no quality was measured.

    As good is a quality `q` with `q - q_best <= sqrt(noise^2 + noise_best^2)`, the noise of their
    difference. Of epochs that noise alone tells apart, the latest has learned and been averaged
    for longest.
    """
    return of(history).best


def epochs_without_improvement(history):
    """Epochs since the samples last came nearer to the data by more than noise.

    They do if the quality improves, or the coverage or the density, each up to that of reals: a
    distance between distributions is soon lost in its sampling error, while neighbourhoods still
    fill, and samples between the data still find to them.

    Each improves if it beats the last value that did by more than `sqrt(noise_1^2 + noise_2^2)`,
    the noise of a difference, or if the mean of the last four epochs so beats the last such mean
    that did, at half the noise: a slow gain shows in means before it shows in any one epoch, and
    either way it adds up until it counts. The slowest shows as a trend, see `SlidingTrend`, and so
    does a steady gain below an early epoch that was good by chance. Epochs without a quality, or
    in which the generator stood still, are not counted.
    """
    return of(history).idle


def lasting(history, holds, patience):
    """The latest epochs, if something holds in them for so long that it means something.

    Which does not ask whether anything has improved: a distance may creep for ever.

    Args:
        history: list of `Signals`, oldest first.
        holds: of the `Signals` of an epoch in which the generator trained, whether it holds.
        patience: epochs of the generator for which it must hold, in which each player has had
            `MIN_UPDATES` updates at a rate that does not rise.

    Returns:
        List of `Signals` of the generator's epochs, oldest first; empty if it does not hold, or
        not for long.
    """
    known, found = of(history), []
    before = known.updates
    for s in reversed(history):
        if s.generator_trained and not holds(s):
            return []
        before = [None if u is None else u - n for u, n in zip(before, _updates(s), strict=True)]
        if s.generator_trained:
            found.append(s)
        if len(found) >= patience and known.have_played(before):
            return found[::-1]
    return []


def _updates(s):
    return s.discriminator_updates or 0, s.generator_updates or 0


# === Progress ===

_LOCK = threading.Lock()
_RECENT = collections.deque(maxlen=4)


def of(history):
    """The `Progress` of a list of `Signals`, oldest first.

    The last few are kept: of a history that has grown since, only what is new is looked at.
    """
    history = list(history)
    with _LOCK:
        for known in _RECENT:
            count = len(known.seen)
            # Mostly the same objects, which is found out fast.
            if count <= len(history) and known.seen == history[:count]:
                break
        else:
            known, count = Progress(), 0
            _RECENT.append(known)
        for signals in history[count:]:
            known.add(signals)
    return known


class Progress:
    """How a history has gone, kept up to date epoch by epoch.

    Qualities are compared with others of the same name, against the same reals; what is said here
    is of those that are comparable with the latest one.

    Attributes:
        seen: list of the `Signals` so far.
    """

    def __init__(self):
        self.seen = []
        self._courses = {}
        self._course = _Course()
        self._players = _Player("discriminator"), _Player("generator")

    def add(self, signals):
        """Take the signals of another epoch."""
        self.seen.append(signals)
        risen = [player.add(signals) for player in self._players]
        if signals.quality is not None:
            key = signals.quality_name, signals.held_out
            self._course = self._courses.setdefault(key, _Course())
            self._course.add(signals, self.updates)
        if any(risen):
            for course in self._courses.values():
                course.begin_to_count()
            for player in self._players:
                player.begin_to_count()

    @property
    def updates(self):
        """All updates of either player; `None` where they are not known."""
        return [player.updates for player in self._players]

    @property
    def best(self):
        """See `best`."""
        return self._course.best

    @property
    def first(self):
        """The first signals whose quality is finite, or `None`."""
        return self._course.first

    @property
    def trained(self):
        """The signals whose quality is finite, of epochs in which the generator trained."""
        return self._course.trained

    @property
    def idle(self):
        """See `epochs_without_improvement`."""
        return self._course.idle

    def has_waited(self, patience):
        """Whether nothing has improved for so long that it means something.

        That is for `patience` epochs in which each player had `MIN_UPDATES` updates. Epochs in
        which a learning rate still rose, and all before them, do not count. Where updates were not
        recorded, epochs alone decide.
        """
        course = self._course
        return course.counted >= patience and self.have_played(course.updates)

    def have_played(self, since=(0, 0)):
        """Whether each player that trains had `MIN_UPDATES` updates while no rate rose.

        Args:
            since: the updates of either player before which they do not count.
        """
        return all(
            player.have_come(before) for player, before in zip(self._players, since, strict=True)
        )


class _Player:
    """How often a player was updated, and whether its learning rate still rises.

    Attributes:
        updates: all so far; `None` if they are not known.
    """

    def __init__(self, name):
        self._names = f"{name}_updates", f"{name}_rate"
        self._rate, self._before = None, 0
        self.updates = 0

    def add(self, signals):
        """Count an epoch's updates; returns whether the rate has risen in it."""
        updates, rate = (getattr(signals, name) for name in self._names)
        # Once unknown, always unknown.
        self.updates = None if None in (updates, self.updates) else self.updates + updates
        if rate is None or (self._rate is not None and rate <= self._rate * (1.0 + _RISE)):
            return False
        is_first, self._rate = self._rate is None, rate
        return not is_first

    def begin_to_count(self):
        """Forget the updates so far: they were made at rates that still rose."""
        self._before = self.updates

    def have_come(self, before):
        """Whether there have been enough updates since there were so many."""
        if not self.updates or before is None:  # unknown, or a player that does not train
            return True
        return self.updates - max(before, self._before) >= MIN_UPDATES


class _Course:
    """Qualities that are comparable, and what came with them.

    Attributes:
        best: see `best`.
        first: the first signals whose quality is finite.
        trained: the signals whose quality is finite, of epochs in which the generator trained.
        updates: those of either player when something improved for the last time.
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
        """Of these, the ones since no learning rate rose."""
        return self._epochs - max(self._improved, self._counted_from)

    def add(self, signals, updates):
        if is_finite(signals.quality):
            self._rank(signals)
        if not signals.generator_trained:
            return
        if is_finite(signals.quality):
            self.trained.append(signals)
        self._epochs += 1
        if any([series.add(signals) for series in self._series]):
            self._improved, self.updates = self._epochs, updates

    def begin_to_count(self):
        self._counted_from = self._epochs

    def _rank(self, signals):
        if self._top is None or loss(signals) < loss(self._top):
            self._top = self.best = signals
        elif self._is_as_good(signals):
            self.best = signals
        self.first = self.first or signals

    def _is_as_good(self, signals):
        noise_of_both = math.hypot(signals.quality_noise, self._top.quality_noise)
        return loss(signals) - loss(self._top) <= noise_of_both


# === Series ===


def _is_gain(value, error, reference, reference_error):
    # Whatever is not finite compares as no gain.
    return reference - value > math.hypot(error, reference_error)


class _Series:
    """Numbers that are to fall, and their noise, epoch by epoch.

    Subclasses define `measured`: the number of an epoch, NaN if there is none, and its noise.
    """

    def __init__(self):
        self._latest = collections.deque(maxlen=2 * SMOOTHING)
        self._beaten = {1: (math.inf, 0.0), SMOOTHING: (math.inf, 0.0)}
        self._trend, self._epochs = SlidingTrend(), 0
        self._values = collections.deque(maxlen=NOISE_WINDOW)

    def add(self, signals):
        """Whether it has fallen with this epoch, by more than noise or by a trend."""
        self._latest.append(self.measured(signals))
        self._epochs += 1
        gains = [self._gains(window) for window in self._beaten]
        falls = self._trend.add(self._latest[-1][0])
        return any(gains) or (falls and (self._epochs >= _LONG or self._has_fallen()))

    def _gains(self, window):
        value, error = self._mean(-window, None)
        gains = _is_gain(value, error, *self._beaten[window])
        if gains:
            self._beaten[window] = value, error
        return gains

    def _has_fallen(self):
        return _is_gain(*self._mean(-SMOOTHING, None), *self._mean(0, -SMOOTHING))

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
    """What the coverage lacks, down to what that of reals lacks."""

    def measured(self, s):
        if not is_finite(s.coverage):
            return math.nan, math.nan
        value = max(1.0 - s.coverage, 1.0 - (s.real_coverage or 1.0))
        self._keep(value)
        return value, noise(self._values, binomial_error(s.coverage, s.num_covered))


class _Sparse(_Series):
    """What the density lacks to 1, that of reals."""

    def measured(self, s):
        value = max(1.0 - s.density, 0.0) if is_finite(s.density) else math.nan
        self._keep(value)
        return value, fluctuation(self._values)
