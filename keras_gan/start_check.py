"""Whether a game can start: a discriminator must tell data from the first, random samples."""

import warnings

import keras
import numpy as np

from keras_gan import pace, signals
from keras_gan.convergence import discriminators

# So many samples on each side; more would take longer than the first step of a large game.
_FEW = 64
_EPOCHS = 3


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, of a discriminator that separates nothing.

    The samples of the untrained generator are noise. A discriminator that has told data neither
    from them nor from the generator's samples of the day has nothing to teach: that is the rule of
    `convergence.DiscriminatorFailed`, asked after three epochs in which each player had 300
    updates at a learning rate that does not rise. One that has told them once is not looked at
    any further, nor is a model that has been trained before.
    """

    def on_train_begin(self, logs=None):
        self._history = []
        self._done = self.model.steps_seen > 0
        self._before = pace.counters(self.model)
        self._noise = None if self._done else FirstSamples(self.model, count=_FEW)

    def on_epoch_begin(self, epoch, logs=None):
        if not self._done:
            self._before = pace.counters(self.model)

    def on_epoch_end(self, epoch, logs=None):
        if self._done or self.model.reference_samples is None:
            return
        chance, count = self._noise.chance(self.model)
        accuracy = (logs or {}).get("d_accuracy")
        last = signals.Signals(
            epoch=epoch + 1,
            real_above_noise=chance,
            num_noise=count,
            d_accuracy=None if accuracy is None else float(accuracy),
            **pace.of_epoch(self.model, self._before),
        )
        self._history.append(last)
        evidence = discriminators.never_told(self._history, _EPOCHS)
        if not evidence and not discriminators.tells(last):
            return
        self._done, self._noise = True, None
        if evidence:
            warnings.warn(
                f"This GAN cannot start: after {evidence['epochs']} epochs the discriminator "
                "cannot tell real samples from those of the untrained generator (it was right in "
                f"at most {evidence['real_above_noise']:.0%} of cases; 50% is a coin flip). Give "
                "the discriminator more capacity, a higher learning rate or fewer penalties.",
                stacklevel=2,
            )

    def get_state(self):
        """What it has seen, and the first samples while it needs them."""
        noise = None if self._noise is None else self._noise.samples
        return {"history": signals.columns(self._history), "done": self._done, "noise": noise}

    def set_state(self, state):
        """Go on from a `get_state`."""
        self._history, self._done = signals.from_columns(state["history"]), state["done"]
        noise = state["noise"]
        self._noise = None if noise is None else FirstSamples(self.model, noise)


class FirstSamples:
    """Samples of a generator that has not been trained, to ask a discriminator about.

    Args:
        gan: the model, before its first step.
        samples: those of an earlier run, for one that goes on.
        count: how many. Default 256.
    """

    def __init__(self, gan, samples=None, *, count=256):
        self.samples = samples
        if samples is None:
            labels = _classes(gan, count)
            self.samples = gan.generate(count, labels=labels, seed=0, averaged=False)

    def chance(self, gan):
        """The chance that a training real scores above one of them, and how many were asked of."""
        labels, count = gan.reference_labels, len(self.samples)
        real = gan.score(gan.reference_samples[:count], None if labels is None else labels[:count])
        noise = gan.score(self.samples, _classes(gan, count))
        return signals.real_above_fake(real, noise), len(real)


def _classes(gan, count):
    return None if gan.num_classes is None else np.arange(count) % gan.num_classes
