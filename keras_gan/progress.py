"""The progress bar of `fit` and `evaluate`."""

import keras

from keras_gan import terminal


def with_progress(callbacks, verbose, validation_steps=None):
    """A list of callbacks with a `Progress` at its end, if one is wanted and there is none."""
    if not verbose or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten([] if callbacks is None else callbacks)
    if any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in callbacks):
        return callbacks
    return [*callbacks, Progress(validation_steps)]


class Progress(keras.callbacks.ProgbarLogger):
    """Keras's progress bar, with a line for a long validation, and an end where an epoch ends.

    Args:
        validation_steps: batches of a validation, `None` where that is not known.
    """

    def __init__(self, validation_steps=None):
        super().__init__()
        self.validation_steps = validation_steps
        self._validation = None

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar; of several steps in one call, some may lie beyond the epoch's end."""
        super().on_train_batch_end(self._clipped(batch, self.target), logs)

    def on_test_begin(self, logs=None):
        """Begin the line of a validation within `fit`, where Keras's bar stands still."""
        super().on_test_begin(logs)
        if self._called_in_fit and self.verbose == 1:
            self._validation = terminal.progress(None, "Validating", total=self.validation_steps)

    def on_test_batch_end(self, batch, logs=None):
        """Move it."""
        super().on_test_batch_end(self._clipped(batch, self.target), logs)
        if self._validation is not None:
            done = self._clipped(batch, self.validation_steps) + 1
            self._validation.update(done - self._validation.n)

    def on_test_end(self, logs=None):
        """End it."""
        super().on_test_end(logs)
        if self._validation is not None:
            self._validation.close()
            self._validation = None

    @staticmethod
    def _clipped(batch, total):
        return min(batch, (total or batch + 1) - 1)
