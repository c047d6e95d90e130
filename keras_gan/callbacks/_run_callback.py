"""The base of callbacks that work with the others of their run."""

import keras


class RunCallback(keras.callbacks.Callback):
    """A callback that knows all callbacks of its run."""

    _callbacks = ()

    def meet(self, callbacks):
        """Receive all callbacks of a run; `fit` calls this before training."""
        self._callbacks = callbacks
