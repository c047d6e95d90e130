"""Stop training at convergence or failure, and give the reason."""

import os

from keras_gan import _checks, _warnings, convergence, directions, terminal
from keras_gan.backend import fresh_weights
from keras_gan.callbacks import _board, _measuring, _own_files, _report, _run_files
from keras_gan.callbacks._run_callback import RunCallback
from keras_gan.callbacks._watching import Watching
from keras_gan.convergence import signals, trends
from keras_gan.model import watched
from keras_gan.storage import files

_OWN_QUALITY = "sliced_wasserstein"
_PATIENCE = 8


class ConvergenceStopping(RunCallback):
    """Measures signals, stops training on a verdict, and restores the best weights.

    GAN losses do not say when to stop. After each epoch this measures

    - the quality, see `monitor`, the quality of reals, and its noise: the smaller of its standard
      error, if the metric has one, and its fluctuation between epochs;
    - coverage, density and spread of the samples, on 500 and 1,000 samples, and those of reals;
    - the discriminator's AUC: the probability that it scores a held-out real above a generated
      sample, 1/2 at equilibrium for any loss;
    - the AUC of training reals against held-out reals, 1/2 without overfitting;
    - the AUC of reals against samples of the untrained generator, until it is clearly above 1/2;
    - gradient norms and losses as logged, the Jensen-Shannon estimate of a cross-entropy loss, and
      whether all numbers are finite

    and applies the rules of `keras_gan.convergence`: `diverged`, `discriminator_failed`,
    `discriminator_won`, `mode_collapse`, `equilibrium`, `oscillating`, `stalled`. When all other
    conditions of `equilibrium` hold, a new discriminator is trained for 300 steps against the
    current averaged generator. If its AUC is above chance level, this is repeated when the run is
    1.5 times as long. A verdict stops the training. It is stored in `verdict` of the callback and
    of the model, its message is printed (unless `fit` is silent), and it is written to `directory`
    and `log_dir`.

    Quality and coverage are those of the averaged generator, on 1,000 samples against as many
    reals: held-out ones, and training samples if there are fewer. AUCs use only held-out reals, or
    training samples if there are none, which the verdict mentions. All noise is drawn from explicit
    seeds, so the callback does not change the run. A compiled metric uses only the validation data.
    On some hundred reals it is too noisy to show slow gains, so hold out a thousand, or compile
    without metrics.

    Of a game with several critics, each is watched and judged by itself: the reals that it is
    shown, what the generator makes of the same rows, its losses. The verdict names it. The quality
    is that of the first pair. A critic that has not reached its `start_step`, or has
    `loss="none"`, is not judged. `equilibrium` and `stalled` stop a run once they were found of
    every pair.

    The best epoch's weights are restored when training ends, as with
    `keras.callbacks.EarlyStopping`, also after the last epoch without a verdict. Counters and the
    state of optimizers remain those of the last epoch.

    Args:
        monitor: log key of the quality, such as `"val_sliced_wasserstein"`. `None` watches the
            first metric given to `compile`; without one, or without validation data to compute
            it on, a sliced Wasserstein distance that this callback measures itself.
        mode: `"min"` if a lower `monitor` is better, else `"max"`; `"auto"` for quality metrics.
            Default `"auto"`.
        patience: epochs without improvement until `stalled`. It configures the default rules.
            Default 8.
        watch: list of pairs of names, a real and a generated one of a critic. Default `None`: the
            first names of each critic.
        min_epochs: before this epoch only divergence stops the training. Default 5.
        restore_best_weights: whether to restore the best epoch's weights. Default `True`.
        rules: list of rules, applied in order, see `keras_gan.convergence`. `None` for
            `convergence.default_rules(patience=patience)`.
        directory: folder for `verdict.json`, `signals.json` (the records of all epochs, which
            `convergence.judge` takes) and `signals.png` (a plot of them with the stopping point;
            needs matplotlib), created if missing. Those of an earlier run are removed when training
            begins; files of these names that others have written are refused. They are updated
            after each epoch, the plot from time to time and at the end, also after Ctrl-C or an
            error. Default `None`.
        log_dir: folder for TensorBoard, with the signals of each epoch and, at the end, the verdict
            as text, or a text that the model is still learning. Default `None`: a folder "gan" in
            that of a `keras.callbacks.TensorBoard` of the run, if there is one.

    Attributes:
        verdict: the `convergence.Verdict`, or `None`.
        history: list of `convergence.Signals` of the first pair, one per epoch.
        histories: `dict` of such lists by the names of critics, that of the first pair included.
        best_epoch: the latest epoch, from 1, whose quality equals the best one within noise; or
            `None`.
        best_weights: its weights, as `gan.get_weights()`, or `None`.
        restored_epoch: the epoch whose weights were restored when training ended; `None` if those
            of the last epoch remain.

    Raises:
        ValueError: for invalid arguments; when training begins, if `directory` cannot be written to
            or is that of another such callback or of another run at the same time, or has files of
            others, or the direction of `monitor` is unknown; at the end of the first epoch, if
            `monitor` is not in the logs.

    Example:

    ```python
    stopping = keras_gan.callbacks.ConvergenceStopping(directory="runs/digits")
    gan.fit(images, epochs=500, validation_split=0.1, callbacks=[stopping])
    print(gan.verdict)
    ```
    """

    # === Settings ===

    @_checks.suggesting
    def __init__(
        self,
        monitor=None,
        *,
        mode="auto",
        watch=None,
        patience=_PATIENCE,
        min_epochs=5,
        restore_best_weights=True,
        rules=None,
        directory=None,
        log_dir=None,
    ):
        super().__init__()
        _checks.check(
            monitor is None or (isinstance(monitor, str) and monitor and os.sep not in monitor),
            "`monitor` must be a log key or None.",
            cure="Did you mean `directory=`?" if isinstance(monitor, (str, os.PathLike)) else None,
            monitor=monitor,
        )
        self.monitor = monitor
        self.mode = _checks.one_of(mode, "mode", ("auto", "min", "max"))
        _checks.check(
            monitor is not None or mode == "auto",
            "`mode` is the direction of `monitor`, which is not given.",
            mode=mode,
        )
        self.watch = watched.checked_watch(watch)
        self.patience = _checks.positive_int(patience, "patience")
        self.min_epochs = _checks.non_negative_int(min_epochs, "min_epochs")
        self.restore_best_weights = _checks.boolean(restore_best_weights, "restore_best_weights")
        _checks.check(
            rules is None or patience == _PATIENCE,
            "`patience` configures the default rules only.",
            cure="Give it to the rules: `convergence.Stalled(patience=...)`.",
            patience=patience,
        )
        self.rules = (
            convergence.default_rules(patience=self.patience)
            if rules is None
            else convergence.check_rules(rules)
        )
        self.directory = files.folder_path(directory, "directory", optional=True)
        self.log_dir = files.folder_path(log_dir, "log_dir", optional=True)
        self._reset()

    def _reset(self):
        self.verdict = self.best_weights = self.restored_epoch = None
        self._watching, self._epoch = [], None
        self._known_failure = self._report = None

    @property
    def history(self):
        return self._watching[0].history if self._watching else []

    @property
    def histories(self):
        return {each.pair.key: each.history for each in self._watching}

    @property
    def best_epoch(self):
        top = convergence.best(self.history)
        return top.epoch if top else None

    @property
    def has_named_failure(self):
        """Whether the verdict reports updates that were not finite; `fit` warns otherwise."""
        return self.verdict is not None and self.verdict.kind == convergence.Diverged.kind

    # === Training ===

    def _check_files(self, gan, epochs):
        if self.directory is not None:
            names = [pair.key for pair in gan.watched_pairs(self.watch)[1:]]
            names = _run_files.file_names(names)
            _own_files.check(type(self).__name__, self.directory, names, _run_files.is_own)

    def on_train_begin(self, logs=None):
        """Reset the state, and check all that can be checked before the first step."""
        gan = self.model
        _measuring.require(gan, "metric_directions", self)
        self._reset()
        gan.verdict = None
        self._known_failure = gan.first_failure
        pairs = gan.watched_pairs(self.watch)
        _checks.check(
            bool(pairs),
            '`ConvergenceStopping` needs a critic that plays, and all have `loss="none"`.',
            cure="Use `keras.callbacks.EarlyStopping` on a term: `val_<name>`.",
        )
        if any(hasattr(rule, "wants_fresh") for rule in self.rules):
            for pair in pairs:
                fresh_weights.check(pair.network)
        self._watching = [Watching(pair) for pair in pairs]
        monitor = self.monitor
        if monitor is None and gan.held_out_samples is not None:
            monitor = next(iter(gan.metric_directions), None)
        if monitor:
            self._direction(monitor)
        names = [pair.key for pair in pairs[1:]]
        if self.directory is not None:
            _measuring.require_own_folder(self, self._callbacks)
        self._begin_run(self.directory)
        if self.directory is not None:
            self._check_files(gan, None)
            _run_files.remove_earlier(self.directory, names)
        board = _board.Board(self.log_dir, self, self._callbacks)
        self._report = _report.Reports(self.directory, board, names)

    def on_epoch_begin(self, epoch, logs=None):
        """Keep the epoch's number, and the counters before it."""
        self._epoch = epoch
        for each in self._watching:
            each.begin_epoch()

    def on_train_batch_end(self, batch, logs=None):
        """Stop at once if an update was not finite."""
        failure = _measuring.new_failure(self.model, self._known_failure)
        if failure is not None and self.verdict is None:
            last = convergence.Signals(epoch=self._epoch + 1, first_failure=failure)
            self._judge([[*each.judged, last] for each in self._watching])

    def on_epoch_end(self, epoch, logs=None):
        """Measure, keep the best weights, apply the rules."""
        if self.verdict is not None:  # given in the middle of this epoch
            return
        before = self.best_epoch
        self._measure(epoch, {str(key): value for key, value in (logs or {}).items()})
        if self.restore_best_weights and self.best_epoch != before:
            self.best_weights = self.model.get_weights()
        self._judge([each.judged for each in self._watching])
        if self.verdict is None:
            for each in self._watching:
                for sentence in each.warnings(self.rules):
                    _warnings.warn(sentence)
        self._report.epoch(list(self.histories.values()), self.verdict)

    def on_train_end(self, logs=None):
        """Restore the best weights and write the report."""
        number, restores = _report.ended_at(self.history, self.verdict), bool(self.best_weights)
        if restores:
            self.model.set_weights(self.best_weights)
            self.restored_epoch = None if self.best_epoch == number else self.best_epoch
        self._end(_report.weights_line(self.history, number, restores))
        self._end_run()

    def _interrupted(self):
        """Write the report after Ctrl-C or an error; the weights are not restored."""
        if self._epoch is not None:
            number = self._epoch + 1
            self._end(f"Training was interrupted in epoch {number}; the weights are kept.")

    def _end(self, line):
        number = None if self._epoch is None else self._epoch + 1
        histories, restored = list(self.histories.values()), self.restored_epoch
        told = self._report.end(histories, self.verdict, restored, number=number)
        if (self.params or {}).get("verbose"):
            terminal.tell("\n".join([told[0], line, *told[1:]]))

    def _judge(self, histories):
        """Ask the rules about each pair's signals; of a critic that does not play yet, about
        divergence alone.
        """
        told = {
            "min_epochs": self.min_epochs,
            "restored": self.best_weights is not None,
            "whole": self.history,
        }
        urgent = [rule for rule in self.rules if getattr(rule, "immediate", False)]
        waits = {rule.kind for rule in self.rules if getattr(rule, "waits_for_all", False)}
        for each, history in zip(self._watching, histories, strict=True):
            rules = self.rules if history else urgent
            found = each.verdict(history or each.history[-1:], rules, **told)
            if found is None:
                if history and convergence.epochs_without_improvement(history) == 0:
                    each.ended = None
            elif found.kind in waits:
                each.ended = found
            else:
                return self._stop(found)
        # Nothing more is to be gained once that is so of all pairs; the last one tells it.
        ends = [each.ended for each in self._watching]
        if all(ends):
            self._stop(max(reversed(ends), key=lambda verdict: verdict.epoch))
        return None

    def _stop(self, verdict):
        self.verdict = self.model.verdict = verdict
        self.model.stop_training = True

    # === Measuring ===

    def _measure(self, epoch, logs):
        gan, numbers = self.model, signals.numbers(logs)
        monitor, broken = self._monitored(logs), _measuring.broken_weight(gan)
        trained = gan.phase != "discriminator"
        shared = {
            "epoch": epoch + 1,
            "quality_name": monitor or _OWN_QUALITY,
            "direction": "min" if monitor is None else self._direction(monitor),
            "generator_trained": trained,
            "first_failure": _measuring.new_failure(gan, self._known_failure),
            "broken_weight": broken,
            "logs": numbers,
        }
        verbose = "auto" if (self.params or {}).get("verbose") else 0
        for number, each in enumerate(self._watching):
            quality, error, found = each.measured(epoch, bool(broken))
            floor = found.pop("quality_floor", None)
            if number == 0:  # the quality is that of the first pair, for all
                if monitor is not None:
                    floor = quality = error = None  # of this callback's own metric
                    if monitor in logs:
                        quality = _measuring.monitored(logs, monitor)
                        error = _measuring.metric_error(gan, monitor)
                noise = self._noise(quality, error, trained)
                shared |= {"quality": quality, "quality_noise": noise, "quality_floor": floor}
            last = convergence.Signals(**{**shared, **each.logged(numbers), **found})
            each.add(each.asked_afresh(last, self.rules, self.min_epochs, verbose))

    def _noise(self, quality, error, trained):
        past = [s.quality for s in self.history if s.generator_trained and s.quality is not None]
        if trained and quality is not None:
            past.append(quality)
        return trends.noise(past, error)

    # === Monitor ===

    def _monitored(self, logs):
        """The log key of the quality, or `None` for this callback's own metric."""
        validates = self.model.held_out_samples is not None
        if self.monitor is None:
            first = next(iter(self.model.metric_directions), None)
            return first if validates or first in logs else None
        # With `validation_freq`, some epochs have no validation.
        absent = validates and not any(key.startswith("val_") for key in logs)
        if self.monitor not in logs and not (absent and self.monitor.startswith("val_")):
            cure = _checks.did_you_mean(self.monitor, logs)
            if self.monitor.startswith("val_") and not validates:
                cure = "Pass `validation_split` or `validation_data` to `fit`."
            rule = f"`monitor` must be one of the epoch's logs: {', '.join(sorted(logs))}."
            _checks.check(False, rule, cure=cure, monitor=self.monitor)
        return self.monitor

    def _direction(self, monitor):
        if self.mode != "auto":
            return self.mode
        known = self.model.metric_directions.get(monitor) or directions.of_key(monitor)
        _checks.check(
            known is not None,
            "It is not known which way `monitor` improves.",
            cure=f'Pass `monitor={monitor!r}` with `mode="min"` or `mode="max"`.',
            monitor=monitor,
        )
        return known

    # === State ===

    def get_state(self):
        """The state so far: a `dict` of plain values and arrays."""
        states = {each.pair.key: each.get_state() for each in self._watching}
        first = next(iter(states))
        return {
            **states.pop(first),
            "verdict": None if self.verdict is None else vars(self.verdict),
            "best_weights": self.best_weights,
            "others": states,
        }

    def set_state(self, state):
        """Restore the result of `get_state`, after `on_train_begin`."""
        others = state.get("others", {})  # missing in files of earlier versions
        for number, each in enumerate(self._watching):
            each.set_state(others[each.pair.key] if number else state)
        self.verdict = None if state["verdict"] is None else convergence.Verdict(**state["verdict"])
        self.model.verdict = self.verdict
        self.best_weights = state["best_weights"] if self.restore_best_weights else None
