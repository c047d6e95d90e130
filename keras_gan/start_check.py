"""Whether a game can start, and what goes wrong at once: looked at in every fit."""

import keras
import numpy as np

from keras_gan import _warnings, pace, run_progress, signals
from keras_gan.convergence import advice, discriminators, explosion, failures

# So many samples on each side; more would take longer than the first step of a large game.
_FEW = 64
# Epochs for which a sign must be seen, and those after which nothing is looked at any more.
_EPOCHS, _FIRST = 3, 20
_LOGGED = ("d_loss", "g_loss", "d_accuracy", "d_gradient_norm", "g_gradient_norm")


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, of a game that cannot start or goes wrong at once.

    - The samples of the untrained generator are noise. A discriminator that has told data neither
      from them nor from the generator's current samples has nothing to teach: that is the rule
      of `convergence.DiscriminatorFailed`, asked after three epochs in which each player had 300
      updates at a learning rate that does not rise. It is not asked of a model that has been
      trained before.
    - A discriminator that takes samples for reals and reals for samples, after as many updates, is
      outrun by the generator, whose samples need not differ any more.
    - Losses and gradients that grow by orders of magnitude, see `convergence.exploding`.

    All but the first is read from the logs. What comes later is for `ConvergenceStopping`.
    """

    def on_train_begin(self, logs=None):
        self._history, self._done = [], False
        self._before = pace.counters(self.model)
        new = self.model.steps_seen == 0
        self._noise = FirstSamples(self.model, count=_FEW) if new else None

    def on_epoch_begin(self, epoch, logs=None):
        if not self._done:
            self._before = pace.counters(self.model)

    def on_epoch_end(self, epoch, logs=None):
        if self._done or self.model.reference_samples is None:
            return
        self._history.append(self._measured(epoch, logs or {}))
        if discriminators.tells(self._history[-1]):
            self._noise = None  # a discriminator that has told them once has begun
        sentence = self._found()
        if sentence:
            _warnings.warn(sentence)
        over = len(self._history) >= _FIRST and run_progress.of(self._history).have_played()
        if sentence or over:
            self._done, self._noise = True, None

    def _measured(self, epoch, logs):
        chance, count = (None, 0) if self._noise is None else self._noise.chance(self.model)
        return signals.Signals(
            epoch=epoch + 1,
            real_above_noise=chance,
            num_noise=count,
            **{key: value for key, value in signals.numbers(logs).items() if key in _LOGGED},
            **pace.of_epoch(self.model, self._before),
            settings={} if self._history else pace.settings(self.model, self._before),
        )

    def _found(self):
        """What there is to warn of, or `None`."""
        history = self._history
        if evidence := explosion.exploding(history):
            said = f"This run explodes: {explosion.describe(evidence)}"
            return f"{said}; {explosion.cure(history)}."
        if evidence := discriminators.fooled(history, _EPOCHS):
            return (
                f"The generator outruns the discriminator: in {evidence['epochs']} epochs it took "
                "samples for data and data for samples (it was right in at most "
                f"{evidence['d_accuracy']:.0%} of cases), so that samples may all be alike, which "
                f"is mode collapse; {advice.unusual(history) or failures.ModeCollapse.cure}."
            )
        if evidence := discriminators.never_told(history, _EPOCHS):
            return (
                f"This GAN cannot start: after {evidence['epochs']} epochs the discriminator "
                "cannot tell real samples from those of the untrained generator (it was right in "
                f"at most {evidence['real_above_noise']:.0%} of cases; 50% is a coin flip). Give "
                "the discriminator more capacity, a higher learning rate or fewer penalties."
            )
        return None

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
