"""How far the validation within a `fit` is: Keras's bar stands still in it."""

import keras

from keras_gan import terminal


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
