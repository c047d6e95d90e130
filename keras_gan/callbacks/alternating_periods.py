"""Train the two players in turns of whole epochs."""

import keras

from keras_gan import _checks
from keras_gan.callbacks import _measuring


class AlternatingPeriods(keras.callbacks.Callback):
    """The discriminator trains for some epochs while the generator stands still, then the reverse.

    This is the classic description of how a GAN trains; without this callback the players
    alternate within every step. Turns are counted from epoch 0 of the whole run, so that a run
    resumed with `initial_epoch` goes on with the right player. The logs hold the same keys
    throughout: what the idle player would score is evaluated.

    Args:
        discriminator_epochs: epochs of the discriminator, which begins. Default 1.
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
        """Who trains in an epoch, counted from 0: "discriminator" or "generator"."""
        place = epoch % (self.discriminator_epochs + self.generator_epochs)
        return "discriminator" if place < self.discriminator_epochs else "generator"

    def on_train_begin(self, logs=None):
        """Check the model."""
        _measuring.require(self.model, "set_phase", self)

    def on_epoch_begin(self, epoch, logs=None):
        """Hand over the turn."""
        self.model.set_phase(self.phase_of(epoch))

    def on_train_end(self, logs=None):
        """Let both train again."""
        self.model.set_phase("both")

    def get_state(self):
        """Nothing: whose turn it is follows from the epoch."""
        return {}

    def set_state(self, state):
        """Go on from a `get_state`."""
