"""The means of an epoch's parts, from the running means that callbacks get after each batch."""


class EpochParts:
    """Cuts the first steps of a run into parts, and gives the means of each.

    `(n M_n - m M_m) / (n - m)` is the mean of the steps after `m` up to `n`, where `M_n` is that of
    the first `n` steps of the epoch. A part ends with an epoch; shorter ones than `size` are left
    out.

    Args:
        names: of the logs that are wanted.
        size: steps of a part, at least; several steps in one compiled call are not cut.
        last: steps of the run after which nothing is looked at.
    """

    def __init__(self, names, *, size, last):
        self._names, self._size, self._left = names, size, last
        self.begin()

    def begin(self):
        """Begin an epoch."""
        self._running, self._start = {}, (0, dict.fromkeys(self._names, 0.0))

    def add(self, batch, logs):
        """Note the running means after a batch, counted from 0; other threads may call this."""
        if batch < self._left and all(name in logs for name in self._names):
            self._running[batch + 1] = {name: float(logs[name]) for name in self._names}

    def take(self):
        """The means of the parts that are complete and have not been taken: a list of `dict`s."""
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
