"""Whether a game can start: a discriminator must tell data from the first, random samples."""

import warnings

import keras
import numpy as np

from keras_gan import signals

# Below this share, scores say next to nothing; 1/2 is a coin flip, and 64 samples on each side are
# within two standard errors of it. More would take longer than the first step of a large game.
_SEPARATES, _FEW = 0.6, 64
_FIRST_LOOK, _LAST_LOOK = 3, 5
_ENOUGH_UPDATES = 20


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, of a discriminator that separates nothing.

    The samples of the untrained generator are noise. A discriminator that in three epochs (five,
    if they are very short) has told data neither from them nor from the generator's samples of
    the day has nothing to teach. One that has moved on from the first samples is not meant. A model
    that has been trained before is not looked at.
    """

    def on_train_begin(self, logs=None):
        self._looks = []
        self._done = self.model.steps_seen > 0
        self._noise = None
        if self._done:
            return
        self._noise = FirstSamples(self.model, count=_FEW)

    def on_epoch_end(self, epoch, logs=None):
        if self._done or self.model.reference_samples is None:
            return
        chance, _ = self._noise.chance(self.model)
        self._looks.append(max(chance, (logs or {}).get("d_accuracy", 0.0)))
        updates = self.model.steps_seen * self.model.discriminator_steps
        early = len(self._looks) < _FIRST_LOOK or updates < _ENOUGH_UPDATES
        if early and len(self._looks) < _LAST_LOOK:
            return
        self._done, self._noise = True, None
        if max(self._looks) < _SEPARATES:
            warnings.warn(
                "This GAN cannot start: after "
                f"{len(self._looks)} epochs the discriminator cannot tell real samples from those "
                f"of the untrained generator (it was right in at most {max(self._looks):.0%} of "
                "cases; 50% is a coin flip). Give the discriminator more capacity, a higher "
                "learning rate or fewer penalties.",
                stacklevel=2,
            )

    def get_state(self):
        """What it has seen, and the first samples while it needs them."""
        noise = None if self._noise is None else self._noise.samples
        return {"looks": list(self._looks), "done": self._done, "noise": noise}

    def set_state(self, state):
        """Go on from a `get_state`."""
        self._looks, self._done, noise = state["looks"], state["done"], state["noise"]
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
