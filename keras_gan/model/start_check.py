"""Checks at the start of every `fit` whether a GAN can train."""

import keras

from keras_gan import _warnings
from keras_gan.convergence import advice, discriminators, explosion, failures, run_progress, signals
from keras_gan.model import training_counters
from keras_gan.model.epoch_parts import EpochParts

# Number of samples of each kind; more would take longer than the first step of a large model.
_FEW = 64
# Consecutive epochs with a symptom before a warning, and epochs that are checked at all.
_EPOCHS, _FIRST = 3, 20
# Steps in a part of an epoch, and steps at the start of `fit` that are checked part by part.
_PART, _IN_PARTS = 25, 1_000
_OF_PARTS = ("d_loss", "d_gradient_norm")


class StartCheck(keras.callbacks.Callback):
    """Warns once, in the first epochs, if a GAN cannot start to learn or diverges.

    - The discriminator has separated data neither from samples of the untrained generator nor from
      current ones. This is the rule of `convergence.DiscriminatorFailed`, applied after three
      epochs in which each player had 300 updates at a learning rate that does not rise. It is not
      applied to a model that has been trained before.
    - The accuracy of the discriminator is clearly below 1/2 after as many updates: the generator
      is too strong for it, and mode collapse is likely.
    - The learning rate of Adam, or of another adaptive optimizer, is 0.1 or higher, which is told
      before the first step: the losses need not show it.
    - Losses and gradients grow by orders of magnitude, see `convergence.exploding`: from epoch to
      epoch, and for the discriminator also within the first 1,000 steps of `fit`, in parts of 25
      steps, because one epoch may be the whole run.

    The second and the last are read from the logs. `ConvergenceStopping` detects later problems.
    """

    # Keras may call it from another thread.
    async_safe = True

    def on_train_begin(self, logs=None):
        self._checks = [PairCheck(pair) for pair in self.model.watched_pairs()]
        for check in self._checks:
            check.look_at_rates()

    def on_epoch_begin(self, epoch, logs=None):
        for check in self._checks:
            check.begin_epoch(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        for check in self._checks:
            check.look_at_parts()

    def on_train_batch_end(self, batch, logs=None):
        for check in self._checks:
            check.add(batch, logs or {})

    def on_epoch_end(self, epoch, logs=None):
        for check in self._checks:
            check.end_epoch(epoch, logs or {})

    def get_state(self):
        """The history of each critic, and the first samples while they are needed."""
        states = {check.pair.key: check.get_state() for check in self._checks}
        first = next(iter(states), None)
        return {**states.pop(first, {}), "others": states}

    def set_state(self, state):
        """Restore the result of `get_state`."""
        others = state.get("others", {})  # missing in files of earlier versions
        for number, check in enumerate(self._checks):
            check.set_state(others[check.pair.key] if number else state)


class PairCheck:
    """What `StartCheck` knows of one critic.

    Args:
        pair: the `WatchedPair`.
    """

    def __init__(self, pair):
        self.pair = pair
        self._history, self._parts, self._done = [], [], False
        self._keys = pair.log_keys
        self._cut = EpochParts(_OF_PARTS, size=_PART, last=_IN_PARTS)
        self._before = training_counters.counters(pair)
        self._plays = True
        new = pair.model.steps_seen == 0
        self._first_samples = first_samples(pair, _FEW) if new else None

    # === Training ===

    def look_at_rates(self):
        """Warn of a learning rate with which no run can succeed."""
        settings = training_counters.optimizer_names(self.pair)
        if found := advice.hopeless(settings, training_counters.rates(self.pair)):
            self._warn(f"{found[0].upper()}{found[1:]}.")

    def begin_epoch(self, epoch):
        """Keep the number of the epoch, and the counters before it."""
        # A critic that starts within an epoch is looked at from the next one on.
        self._plays = self.pair.has_started
        if not self._done:
            self._epoch, self._before = epoch, training_counters.counters(self.pair)

    def add(self, batch, logs):
        """Take the running means after a batch."""
        if not self._done and self._plays:
            self._cut.add(batch, self._own(logs))

    def look_at_parts(self):
        """Warn of what has grown since the last look."""
        if self._done:
            return
        for means in self._cut.take():
            self._parts.append(self._measured(self._epoch, means, first=not self._parts))
            if evidence := explosion.exploding_within(self._parts):
                self._warn(_explodes(evidence, self._parts))
                return

    def end_epoch(self, epoch, logs):
        """Warn of what this epoch and those before it have shown."""
        if self._done or not self._plays or self.pair.model.reference_samples is None:
            return
        self.look_at_parts()
        self._cut.end()
        if self._done:
            return
        numbers, found = self._own(signals.numbers(logs)), self._first_samples_auc()
        self._history.append(self._measured(epoch, numbers, first=not self._history, **found))
        if discriminators.tells(self._history[-1]):
            self._first_samples = None  # the discriminator has learned to tell them apart
        if sentence := self._found():
            self._warn(sentence)
        elif len(self._history) >= _FIRST and run_progress.of(self._history).have_played():
            self._end()

    def _own(self, logs):
        return {signal: logs[key] for signal, key in self._keys.items() if key in logs}

    def _warn(self, sentence):
        self._end()
        _warnings.warn(f"{self.pair.name!r}: {sentence}" if self.pair.several else sentence)

    def _end(self):
        self._done, self._first_samples = True, None

    def _measured(self, epoch, numbers, *, first, **found):
        return signals.Signals(
            epoch=epoch + 1,
            **found,
            **numbers,
            **training_counters.epoch_signals(self.pair, self._before),
            settings=training_counters.run_settings(self.pair, self._before) if first else {},
        )

    def _first_samples_auc(self):
        if self._first_samples is None:
            return {}
        auc, count = self._first_samples.auc(self.pair)
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

    # === State ===

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
        self._first_samples = None if noise is None else FirstSamples(noise)


def _explodes(evidence, history):
    return f"This run explodes: {explosion.describe(evidence)}; {explosion.cure(history)}."


class FirstSamples:
    """Samples of the untrained generator, to compare with reals.

    Args:
        samples: what `WatchedPair.first_samples` has made before the first step.
    """

    def __init__(self, samples):
        self.samples = samples

    def auc(self, pair):
        """The AUC of training reals against these samples, and the number of reals."""
        noise = pair.score_first(self.samples)
        count = len(keras.tree.flatten(self.samples)[0])
        real = pair.score_reals(pair.first_rows(count))
        return signals.discriminator_auc(real, noise), len(real)


def first_samples(pair, count=256):
    """The `FirstSamples` of a pair whose generator is untrained; `None` if it needs data first."""
    samples = pair.first_samples(count)
    return None if samples is None else FirstSamples(samples)
