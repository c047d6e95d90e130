"""The progress bars of `fit`, of validation within it, and of `evaluate`."""

import keras

from keras_gan import terminal
from keras_gan.backend import private_keras
from keras_gan.convergence import signals


def with_progress(callbacks, verbose):
    """A list of callbacks with a `Progress` at its end, if one is wanted and there is none."""
    if not verbose or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten([] if callbacks is None else callbacks)
    if any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in callbacks):
        return callbacks
    return [*callbacks, Progress()]


class Progress(keras.callbacks.ProgbarLogger):
    """Keras's progress bar, which ends where an epoch ends.

    Of several steps in one call, some may lie beyond that end, and Keras counts these too. Where
    only reading tells the length, the model has counted, unless a subclass has steps of its own.
    """

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a bar."""
        super().on_epoch_begin(epoch, logs)
        if self.target is None:
            self._steps_before = self.model.steps_seen

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar."""
        super().on_train_batch_end(self._clipped(batch), logs)

    def on_epoch_end(self, epoch, logs=None):
        """End the bar."""
        if self.target is None:
            self.seen = self.model.steps_seen - self._steps_before or self.seen
        # Other callbacks may log anything, and Keras averages it.
        super().on_epoch_end(epoch, signals.numbers(logs or {}))

    def on_test_batch_end(self, batch, logs=None):
        """Move the bar of `evaluate`."""
        super().on_test_batch_end(self._clipped(batch), logs)

    def on_test_end(self, logs=None):
        """End the bar of `evaluate`."""
        if self.target is None and not private_keras.is_called_in_fit(self):
            self.seen = int(self.model._state.evaluation_step.numpy()) or self.seen
        super().on_test_end(logs)

    def _clipped(self, batch):
        return batch if self.target is None else min(batch, self.target - 1)


class ValidationProgress(keras.callbacks.Callback):
    """Shows a bar of its own on a terminal where validation takes some seconds."""

    _bar = None

    def on_test_begin(self, logs=None):
        feed = self.model._held_out_feed
        total = None if feed is None else feed.steps
        verbose = "auto" if (self.params or {}).get("verbose") else 0
        self._bar = terminal.bar("Validating", total=total, verbose=verbose)

    def on_test_batch_end(self, batch, logs=None):
        if self._bar is not None:
            # Of several batches in one call, some may lie beyond the end.
            done = min(batch + 1, self._bar.total or batch + 1)
            self._bar.update(done - self._bar.n)

    def on_test_end(self, logs=None):
        if self._bar is not None:
            self._bar.close()

    def on_train_interrupted(self):
        self.on_test_end()

    def get_state(self):
        """Nothing."""
        return {}

    def set_state(self, state):
        """Go on from a `get_state`."""
