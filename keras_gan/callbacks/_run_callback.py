"""The base of callbacks that work with the others of their run."""

import keras

from keras_gan.storage import claims, files


class RunCallback(keras.callbacks.Callback):
    """A callback that knows all callbacks of its run."""

    _callbacks = ()
    # Whether its run has begun and not ended; another `fit` may end before it begins.
    _runs = False
    _claim = None

    def meet(self, callbacks):
        """Receive all callbacks of a run; `fit` calls this before training."""
        self._callbacks = callbacks

    def prepare(self, gan, siblings, epochs):
        """Check the files of this callback before any other has changed one; `fit` calls it."""
        self._check_files(gan, epochs)

    def _check_files(self, gan, epochs):
        """Check that no file of others would be replaced."""

    def _begin_run(self, folder):
        """Make a folder (or `None`), and keep other runs from writing to it until `_end_run`.

        Of several workers the chief alone keeps it: all of them run the same program.
        """
        self._end_run()
        if folder is not None:
            files.writable_directory(folder)
            if self.model.distribute_strategy.extended.should_checkpoint:
                # The callbacks of a `keras.callbacks.CallbackList` do not meet.
                self._claim = claims.Claim(folder, self._callbacks or self.model)
        self._runs = True

    def _end_run(self):
        self._runs, claim, self._claim = False, self._claim, None
        if claim is not None:
            claim.release()

    def on_train_interrupted(self):
        """End the run after Ctrl-C or an error, if it has begun."""
        try:
            if self._runs:
                self._interrupted()
        finally:
            self._end_run()

    def _interrupted(self):
        """Write or close what an interrupted run leaves."""
