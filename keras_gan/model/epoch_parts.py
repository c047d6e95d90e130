"""Means over parts of an epoch, from the running means that callbacks get after each batch."""


class EpochParts:
    """Splits the first steps of a run into parts and computes the means of each.

    The mean of steps `m + 1` to `n` is `(n M_n - m M_m) / (n - m)`, where `M_n` is the mean of the
    first `n` steps of the epoch. A part ends with its epoch; parts shorter than `size` are dropped.

    Args:
        names: keys of the logs to average.
        size: minimum number of steps in a part; steps of one compiled call stay together.
        last: steps of the run after which no more parts are made.
    """

    def __init__(self, names, *, size, last):
        self._names, self._size, self._left = names, size, last
        self.begin()

    def begin(self):
        """Start an epoch."""
        self._running, self._start = {}, (0, dict.fromkeys(self._names, 0.0))

    def add(self, batch, logs):
        """Record the running means after a batch, counted from 0; thread-safe."""
        if batch < self._left and all(name in logs for name in self._names):
            self._running[batch + 1] = {name: float(logs[name]) for name in self._names}

    def take(self):
        """The means of complete parts since the last call: a list of `dict`s."""
        parts = []
        for end in sorted(list(self._running)):
            before, means = self._start
            if end - before >= self._size:
                now = self._running[end]
                parts.append(
                    {
                        name: (end * now[name] - before * means[name]) / (end - before)
                        for name in self._names
                    }
                )
                self._start = end, now
        for end in sorted(list(self._running)):
            if end < self._start[0]:
                del self._running[end]
        return parts

    def end(self):
        """End an epoch, after its last parts have been taken."""
        self._left -= max(self._running, default=0)
        self.begin()
