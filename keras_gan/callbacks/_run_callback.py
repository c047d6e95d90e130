"""The base of callbacks that work with the others of their run."""

import keras


class RunCallback(keras.callbacks.Callback):
    """A callback that knows all callbacks of its run."""

    _callbacks = ()

    def meet(self, callbacks):
        """Receive all callbacks of a run; `fit` calls this before training."""
        self._callbacks = callbacks

    def prepare(self, gan, siblings, epochs):
        """Check the files of this callback before any other has changed one; `fit` calls it."""
        self._check_files(gan, epochs)

    def _check_files(self, gan, epochs):
        """Check that no file of others would be replaced."""
