"""The signals of a run for callbacks that show them: measured by another one, or as logged."""

from keras_gan import convergence
from keras_gan.callbacks import _measuring
from keras_gan.callbacks._watching import Watching
from keras_gan.callbacks.convergence_stopping import ConvergenceStopping
from keras_gan.convergence import signals


class Following:
    """The signals of a run: those of its `ConvergenceStopping`, else what the logs say.

    Args:
        model: compiled, with its data.
        callbacks: of the run.

    Attributes:
        pairs: the `WatchedPair`s of the model.
        stopping: the `ConvergenceStopping` among the callbacks, or `None`.
    """

    def __init__(self, model, callbacks):
        self._model, self.pairs = model, model.watched_pairs()
        kind = ConvergenceStopping
        self.stopping = next((c for c in callbacks if isinstance(c, kind)), None)
        self._own = [] if self.stopping is not None else [Watching(pair) for pair in self.pairs]
        self._known_failure = model.first_failure

    @property
    def histories(self):
        """Lists of `Signals` by the names of critics."""
        if self.stopping is not None:
            return self.stopping.histories
        return {each.pair.key: each.history for each in self._own}

    @property
    def history(self):
        """That of the first pair, which has the quality."""
        return next(iter(self.histories.values()), [])

    @property
    def verdict(self):
        return None if self.stopping is None else self.stopping.verdict

    @property
    def restored_epoch(self):
        return None if self.stopping is None else self.stopping.restored_epoch

    @property
    def best_epoch(self):
        top = convergence.best(self.history)
        return top.epoch if top else None

    def begin_epoch(self):
        """Keep the counters before an epoch."""
        for each in self._own:
            each.begin_epoch()

    def end_epoch(self, epoch, logs):
        """Add what the logs say of an epoch, counted from 0, if nobody measures it."""
        if not self._own:
            return
        model, numbers, quality = self._model, signals.numbers(dict(logs or {})), {}
        monitor = next((key for key in model.metric_directions if key in numbers), None)
        if monitor is not None:
            quality = {
                "quality": numbers[monitor],
                "quality_name": monitor,
                "quality_noise": _measuring.metric_error(model, monitor) or 0.0,
                "direction": model.metric_directions[monitor],
            }
        failure = _measuring.new_failure(model, self._known_failure)
        shared = {"epoch": epoch + 1, "first_failure": failure, "logs": numbers, **quality}
        for each in self._own:
            each.add(signals.Signals(**shared, **each.logged(numbers)))

    def get_state(self):
        """The state so far: a list of plain values and arrays."""
        return [each.get_state() for each in self._own]

    def set_state(self, state):
        for each, own in zip(self._own, state, strict=False):
            each.set_state(own)
