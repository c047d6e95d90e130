"""Checks at the start of every `fit` whether a GAN can train."""

import keras
import numpy as np

from keras_gan import _warnings
from keras_gan.convergence import advice, discriminators, explosion, failures, run_progress, signals
from keras_gan.feeding.sample_spec import unchecked
from keras_gan.model import training_counters
from keras_gan.model.epoch_parts import EpochParts

# Number of samples of each kind; more would take longer than the first step of a large model.
_FEW = 64
# Consecutive epochs with a symptom before a warning, and epochs that are checked at all.
_EPOCHS, _FIRST = 3, 20
# Steps in a part of an epoch, and steps at the start of `fit` that are checked part by part.
_PART, _IN_PARTS = 25, 1_000
_LOGGED = ("d_loss", "g_loss", "d_accuracy", "d_gradient_norm", "g_gradient_norm")
_OF_PARTS = ("d_loss", "d_gradient_norm")


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, if a GAN cannot start to learn or diverges.

    - The discriminator has separated data neither from samples of the untrained generator nor from
      current ones. This is the rule of `convergence.DiscriminatorFailed`, applied after three
      epochs in which each player had 300 updates at a learning rate that does not rise. It is not
      applied to a model that has been trained before.
    - The accuracy of the discriminator is clearly below 1/2 after as many updates: the generator
      is too strong for it, and mode collapse is likely.
    - Losses and gradients grow by orders of magnitude, see `convergence.exploding`: from epoch to
      epoch, and for the discriminator also within the first 1,000 steps of `fit`, in parts of 25
      steps, because one epoch may be the whole run.

    All but the first are read from the logs. `ConvergenceStopping` detects later problems.
    """

    # Keras may call it from another thread.
    async_safe = True

    def on_train_begin(self, logs=None):
        self._history, self._parts, self._done = [], [], False
        self._cut = EpochParts(_OF_PARTS, size=_PART, last=_IN_PARTS)
        self._before = training_counters.counters(self.model)
        new = self.model.steps_seen == 0 and hasattr(self.model, "num_classes")
        self._first_samples = FirstSamples(self.model, count=_FEW) if new else None

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
            self._measured(epoch, logs or {}, first=not self._history, **self._first_samples_auc())
        )
        if discriminators.tells(self._history[-1]):
            self._first_samples = None  # the discriminator has learned to tell them apart
        if sentence := self._found():
            self._warn(sentence)
        elif len(self._history) >= _FIRST and run_progress.of(self._history).have_played():
            self._end()

    def _warn(self, sentence):
        self._end()
        _warnings.warn(sentence)

    def _end(self):
        self._done, self._first_samples = True, None

    def _measured(self, epoch, logs, *, first, **found):
        return signals.Signals(
            epoch=epoch + 1,
            **found,
            **{key: value for key, value in signals.numbers(logs).items() if key in _LOGGED},
            **training_counters.epoch_signals(self.model, self._before),
            settings=training_counters.run_settings(self.model, self._before) if first else {},
        )

    def _first_samples_auc(self):
        if self._first_samples is None:
            return {}
        auc, count = self._first_samples.auc(self.model)
        return {"first_samples_auc": auc, "num_first_samples": count}

    def _found(self):
        """The warning that the history calls for, or `None`."""
        history = self._history
        if evidence := explosion.exploding(history):
            return _explodes(evidence, history)
        if evidence := discriminators.fooled(history, _EPOCHS):
            return (
                f"The discriminator is too weak: for {evidence['epochs']} epochs its accuracy was "
                f"at most {evidence['d_accuracy']:.0%}, below chance level. Mode collapse "
                f"is likely: {advice.unusual(history) or failures.ModeCollapse.cure}."
            )
        if evidence := discriminators.never_told(history, _EPOCHS):
            return (
                f"This GAN cannot start: after {evidence['epochs']} epochs the discriminator "
                "cannot tell real samples from those of the untrained generator (its AUC was at "
                f"most {evidence['first_samples_auc']:.2f}; 0.50 is chance level). Give the "
                "discriminator more capacity, a higher learning rate or fewer penalties."
            )
        return None

    def get_state(self):
        """The history, and the first samples while they are needed."""
        noise = None if self._first_samples is None else self._first_samples.samples
        seen = {"history": self._history, "parts": self._parts}
        seen = {name: signals.columns(history) for name, history in seen.items()}
        return {**seen, "done": self._done, "noise": noise}

    def set_state(self, state):
        """Restore the result of `get_state`."""
        self._history, self._done = signals.from_columns(state["history"]), state["done"]
        if "parts" in state:  # missing in files of earlier versions
            self._parts = signals.from_columns(state["parts"])
        noise = state["noise"]
        self._first_samples = None if noise is None else FirstSamples(self.model, noise)


def _explodes(evidence, history):
    return f"This run explodes: {explosion.describe(evidence)}; {explosion.cure(history)}."


class FirstSamples:
    """Samples of the untrained generator, to compare with reals.

    Args:
        gan: the model, before its first step.
        samples: the samples of the run that is resumed; `None` generates them.
        count: number of samples. Default 256.
    """

    def __init__(self, gan, samples=None, *, count=256):
        self.samples = samples
        if samples is None:
            labels = _classes(gan, count)
            self.samples = gan.generate(count, labels=labels, seed=0, averaged=False)

    def auc(self, gan):
        """The AUC of training reals against these samples, and the number of reals."""
        labels, count = gan.reference_labels, len(self.samples)
        labels = None if labels is None else labels[:count]
        with unchecked():
            real = gan.score(gan.reference_samples[:count], labels)
            noise = gan.score(self.samples, _classes(gan, count))
        return signals.discriminator_auc(real, noise), len(real)


def _classes(gan, count):
    return None if gan.num_classes is None else np.arange(count) % gan.num_classes
