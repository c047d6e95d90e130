"""Train the two players alternately, for whole epochs."""

import keras

from keras_gan import _checks
from keras_gan.callbacks import _measuring


class AlternatingPeriods(keras.callbacks.Callback):
    """Trains the discriminator for some epochs with a fixed generator, then the reverse.

    Without this callback the players alternate within every step. Periods are counted from epoch 0
    of the whole run, so a run resumed with `initial_epoch` continues with the right player. The
    keys of the logs do not change: the loss of the player that is not trained is evaluated.

    Args:
        discriminator_epochs: epochs of the discriminator, which is first. Default 1.
        generator_epochs: epochs of the generator that follow. Default 1.

    Raises:
        ValueError: if a number of epochs is not a positive integer; when training begins, if the
            model is not a GAN.

    Example:

    ```python
    gan.fit(images, epochs=30, callbacks=[keras_gan.callbacks.AlternatingPeriods(2, 1)])
    ```
    """

    @_checks.suggesting
    def __init__(self, discriminator_epochs=1, generator_epochs=1):
        super().__init__()
        self.discriminator_epochs = _checks.positive_int(
            discriminator_epochs, "discriminator_epochs"
        )
        self.generator_epochs = _checks.positive_int(generator_epochs, "generator_epochs")

    def phase_of(self, epoch):
        """The player trained in an epoch, counted from 0: "discriminator" or "generator"."""
        place = epoch % (self.discriminator_epochs + self.generator_epochs)
        return "discriminator" if place < self.discriminator_epochs else "generator"

    def on_train_begin(self, logs=None):
        _measuring.require(self.model, "set_phase", self)

    def on_epoch_begin(self, epoch, logs=None):
        self.model.set_phase(self.phase_of(epoch))

    def on_train_end(self, logs=None):
        self.model.set_phase("both")

    def get_state(self):
        """No state: the phase follows from the epoch."""
        return {}

    def set_state(self, state):
        """Restore the result of `get_state`."""
