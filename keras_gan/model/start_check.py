"""Whether a game can start, and what goes wrong at once: looked at in every fit."""

import keras
import numpy as np

from keras_gan import _warnings
from keras_gan.convergence import advice, discriminators, explosion, failures, run_progress, signals
from keras_gan.feeding.sample_spec import unchecked
from keras_gan.model import training_counters
from keras_gan.model.epoch_parts import EpochParts

# So many samples on each side; more would take longer than the first step of a large game.
_FEW = 64
# Epochs for which a sign must be seen, and those after which nothing is looked at any more.
_EPOCHS, _FIRST = 3, 20
# Steps of a part of an epoch, and the first ones of a fit that are looked at part by part.
_PART, _IN_PARTS = 25, 1_000
_LOGGED = ("d_loss", "g_loss", "d_accuracy", "d_gradient_norm", "g_gradient_norm")
_OF_PARTS = ("d_loss", "d_gradient_norm")


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, of a game that cannot start or goes wrong at once.

    - The samples of the untrained generator are noise. A discriminator that has told data neither
      from them nor from the generator's current samples has nothing to teach: that is the rule
      of `convergence.DiscriminatorFailed`, asked after three epochs in which each player had 300
      updates at a learning rate that does not rise. It is not asked of a model that has been
      trained before.
    - A discriminator that takes samples for reals and reals for samples, after as many updates, is
      outrun by the generator, whose samples need not differ any more.
    - Losses and gradients that grow by orders of magnitude, see `convergence.exploding`: from
      epoch to epoch, and those of the discriminator in the first 1,000 steps of a fit, 25 at a
      time, since an epoch may be as long as a run.

    All but the first is read from the logs. What comes later is for `ConvergenceStopping`.
    """

    # Nothing that Keras may let another thread do needs an order.
    async_safe = True

    def on_train_begin(self, logs=None):
        self._history, self._parts, self._done = [], [], False
        self._cut = EpochParts(_OF_PARTS, size=_PART, last=_IN_PARTS)
        self._before = training_counters.counters(self.model)
        new = self.model.steps_seen == 0
        self._noise = FirstSamples(self.model, count=_FEW) if new else None

    def on_epoch_begin(self, epoch, logs=None):
        if not self._done:
            self._epoch, self._before = epoch, training_counters.counters(self.model)

    def on_train_batch_begin(self, batch, logs=None):
        if not self._done:
            self._look_at_parts()

    def on_train_batch_end(self, batch, logs=None):
        if not self._done:
            self._cut.add(batch, logs or {})

    def _look_at_parts(self):
        for means in self._cut.take():
            self._parts.append(self._measured(self._epoch, means, first=not self._parts))
            if evidence := explosion.exploding_within(self._parts):
                self._warn(_explodes(evidence, self._parts))
                return

    def on_epoch_end(self, epoch, logs=None):
        if self._done or self.model.reference_samples is None:
            return
        self._look_at_parts()
        self._cut.end()
        if self._done:
            return
        self._history.append(
            self._measured(epoch, logs or {}, first=not self._history, **self._told_from_noise())
        )
        if discriminators.tells(self._history[-1]):
            self._noise = None  # a discriminator that has told them once has begun
        if sentence := self._found():
            self._warn(sentence)
        elif len(self._history) >= _FIRST and run_progress.of(self._history).have_played():
            self._end()

    def _warn(self, sentence):
        self._end()
        _warnings.warn(sentence)

    def _end(self):
        self._done, self._noise = True, None

    def _measured(self, epoch, logs, *, first, **found):
        return signals.Signals(
            epoch=epoch + 1,
            **found,
            **{key: value for key, value in signals.numbers(logs).items() if key in _LOGGED},
            **training_counters.epoch_signals(self.model, self._before),
            settings=training_counters.run_settings(self.model, self._before) if first else {},
        )

    def _told_from_noise(self):
        if self._noise is None:
            return {}
        chance, count = self._noise.chance(self.model)
        return {"real_above_noise": chance, "num_noise": count}

    def _found(self):
        """What there is to warn of, or `None`."""
        history = self._history
        if evidence := explosion.exploding(history):
            return _explodes(evidence, history)
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
        seen = {"history": self._history, "parts": self._parts}
        seen = {name: signals.columns(history) for name, history in seen.items()}
        return {**seen, "done": self._done, "noise": noise}

    def set_state(self, state):
        """Go on from a `get_state`."""
        self._history, self._done = signals.from_columns(state["history"]), state["done"]
        if "parts" in state:  # which earlier versions did not keep
            self._parts = signals.from_columns(state["parts"])
        noise = state["noise"]
        self._noise = None if noise is None else FirstSamples(self.model, noise)


def _explodes(evidence, history):
    return f"This run explodes: {explosion.describe(evidence)}; {explosion.cure(history)}."


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
        labels = None if labels is None else labels[:count]
        with unchecked():
            real = gan.score(gan.reference_samples[:count], labels)
            noise = gan.score(self.samples, _classes(gan, count))
        return signals.real_above_fake(real, noise), len(real)


def _classes(gan, count):
    return None if gan.num_classes is None else np.arange(count) % gan.num_classes
