"""One pair of `ConvergenceStopping`: its signals epoch by epoch, and what measures them."""

import dataclasses

from keras_gan import convergence
from keras_gan.callbacks import _measuring
from keras_gan.callbacks._fresh_discriminator import FreshDiscriminator
from keras_gan.callbacks._reference_set import ReferenceSet
from keras_gan.convergence import signals
from keras_gan.model import start_check, training_counters


class Watching:
    """What is known of a watched pair in a run.

    Attributes:
        pair: the `WatchedPair`.
        history: list of `Signals`, one per epoch.
        before_start: how many of the first ones are from before its critic played.
        warned: kinds of the warnings given so far.
        ended: the verdict that nothing more is to be gained here, or `None`.
    """

    def __init__(self, pair):
        self.pair = pair
        self.history, self.warned = [], []
        self.before_start, self.ended = 0, None
        self._first_samples = self._reference_set = self._fresh = self._before = None
        if pair.model.steps_seen == 0:
            self._first_samples = start_check.first_samples(pair)

    @property
    def judged(self):
        """The signals since its critic plays."""
        return self.history[self.before_start :]

    def begin_epoch(self):
        """Keep the counters before the epoch."""
        # A critic that starts within an epoch is judged from the next one on.
        self._plays = self.pair.has_started
        self._before = training_counters.counters(self.pair)

    def add(self, record):
        self.history.append(record)
        if not self._plays:
            self.before_start = len(self.history)

    # === Measuring ===

    def measured(self, epoch, broken):
        """What networks say after an epoch: `(quality, its error, a dict of signals)`.

        Args:
            epoch: from 0.
            broken: whether a weight is not finite, so that there is nothing to compare.
        """
        pair = self.pair
        found, quality, error = {"held_out": pair.sources[0] is not None}, None, None
        if broken or all(source is None for source in pair.sources):
            return quality, error, found
        scored = _measuring.scored(pair, epoch) if self._plays else {}
        if self._reference_set is None or not self._reference_set.is_of(pair):
            self._reference_set = ReferenceSet(pair)
        quality, error, others = self._reference_set.measure(pair)
        found |= {**scored, **self._first_samples_auc(), **others}
        found["quality_floor"] = self._reference_set.floor
        return quality, error, found

    def logged(self, numbers):
        """What the logs, counters and settings say: a `dict` of signals."""
        pair = self.pair
        settings = training_counters.run_settings(pair, self._before)
        return {
            "js_estimate": _measuring.jensen_shannon(pair, numbers),
            **training_counters.epoch_signals(pair, self._before),
            "settings": {} if settings == signals.settings_of(self.history) else settings,
            **{signal: numbers.get(key) for signal, key in pair.log_keys.items()},
        }

    def _first_samples_auc(self):
        first = self._first_samples
        if first is None or not self._plays or self.pair.sources[1] is None:
            return {}
        auc, count = first.auc(self.pair)
        if auc - 0.5 > convergence.auc_tolerance(count, count):
            self._first_samples = None  # the discriminator has learned to tell them apart
        return {"first_samples_auc": auc, "num_first_samples": count}

    def asked_afresh(self, last, rules, min_epochs, verbose):
        """These signals, with the AUC of a fresh discriminator if a rule asks for it."""
        history = [*self.judged, last]
        wanted = (getattr(rule, "wants_fresh", None) for rule in rules)
        if not self._plays or len(history) < min_epochs:
            return last
        if not any(ask and ask(history) for ask in wanted):
            return last
        pair = self.pair
        if self._fresh is None:
            seed = _measuring.seed(pair.model, 0)
            self._fresh = FreshDiscriminator(
                pair.network, pack=pair.pack, seed=seed, verbose=verbose
            )
        return dataclasses.replace(last, **_measuring.fresh(pair, self._fresh, last.epoch - 1))

    # === Judging ===

    def verdict(self, history, rules, **told):
        """What the rules say of these signals, see `convergence.judge`."""
        pair = self.pair
        if pair.several:
            told |= {"critic": pair.name, "pair": pair.names}
        return convergence.judge(history, rules, **told)

    def warnings(self, rules):
        """Sentences on what is to be warned of now, each once."""
        found = convergence.early_warnings(self.judged, rules) if self.judged else {}
        new = {kind: told for kind, told in found.items() if kind not in self.warned}
        self.warned += new
        return [f"{self.pair.name!r}: {s}" if self.pair.several else s for s in new.values()]

    # === State ===

    def get_state(self):
        """The state so far: a `dict` of plain values and arrays."""
        first = self._first_samples
        return {
            "history": signals.columns(self.history),
            "warned": list(self.warned),
            "first_samples": None if first is None else first.samples,
            "before_start": self.before_start,
            "ended": None if self.ended is None else vars(self.ended),
        }

    def set_state(self, state):
        """Restore the result of `get_state`, also of an earlier version."""
        self.history = signals.from_columns(state["history"])
        self.warned = list(state.get("warned", ()))
        first = state.get("first_samples")
        self._first_samples = None if first is None else start_check.FirstSamples(first)
        self.before_start = state.get("before_start", 0)
        ended = state.get("ended")
        self.ended = None if ended is None else convergence.Verdict(**ended)
