"""Stop training at convergence or failure, and give the reason."""

import dataclasses
import os

import keras

from keras_gan import _checks, _warnings, convergence, directions, terminal
from keras_gan.backend import fresh_weights
from keras_gan.callbacks import _board, _measuring, _report
from keras_gan.callbacks._fresh import FreshDiscriminator
from keras_gan.callbacks._reference_set import ReferenceSet
from keras_gan.convergence import signals, trends
from keras_gan.model import start_check, training_counters
from keras_gan.storage import files

_LOGGED = ("d_loss", "g_loss", "d_accuracy", "d_gradient_norm", "g_gradient_norm")
_OWN_QUALITY = "sliced_wasserstein"
_PATIENCE = 8


class ConvergenceStopping(keras.callbacks.Callback):
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
        min_epochs: before this epoch only divergence stops the training. Default 5.
        restore_best_weights: whether to restore the best epoch's weights. Default `True`.
        rules: list of rules, applied in order, see `keras_gan.convergence`. `None` for
            `convergence.default_rules(patience=patience)`.
        directory: folder for `verdict.json`, `signals.json` (the records of all epochs, which
            `convergence.judge` takes) and `signals.png` (a plot of them with the stopping point;
            needs matplotlib), created if missing. Those of an earlier run are removed when training
            begins; other files with these names are not. They are updated after each epoch, the
            plot from time to time and at the end, also after Ctrl-C or an error. Default `None`.
        log_dir: folder for TensorBoard, with the signals of each epoch and, at the end, the verdict
            as text, or a text that the model is still learning. Default `None`: a folder "gan" in
            that of a `keras.callbacks.TensorBoard` of the run, if there is one.

    Attributes:
        verdict: the `convergence.Verdict`, or `None`.
        history: list of `convergence.Signals`, one per epoch.
        best_epoch: the latest epoch, from 1, whose quality equals the best one within noise; or
            `None`.
        best_weights: its weights, as `gan.get_weights()`, or `None`.
        restored_epoch: the epoch whose weights were restored when training ended; `None` if those
            of the last epoch remain.

    Raises:
        ValueError: for invalid arguments; when training begins, if `directory` cannot be written to
            or is that of another such callback, or the direction of `monitor` is unknown; at the
            end of the first epoch, if `monitor` is not in the logs.

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
        self._callbacks = []
        self._reset()

    def meet(self, callbacks):
        """Receive all callbacks of a run; `fit` calls this before training."""
        self._callbacks = callbacks

    def _reset(self):
        self.verdict = self.best_weights = self.restored_epoch = None
        self.history, self._warned, self._epoch = [], [], 0
        self._known_failure = self._first_samples = self._before = self._report = None
        self._reference_set = self._fresh = None

    @property
    def best_epoch(self):
        top = convergence.best(self.history)
        return top.epoch if top else None

    @property
    def has_named_failure(self):
        """Whether the verdict reports updates that were not finite; `fit` warns otherwise."""
        return self.verdict is not None and self.verdict.kind == convergence.Diverged.kind

    # === Training ===

    def on_train_begin(self, logs=None):
        """Reset the state, and check all that can be checked before the first step."""
        gan = self.model
        _measuring.require(gan, "metric_directions", self)
        self._reset()
        gan.verdict = None
        self._known_failure = gan.first_failure
        if any(hasattr(rule, "wants_fresh") for rule in self.rules):
            fresh_weights.check(gan.discriminator)
        if gan.steps_seen == 0:
            self._first_samples = start_check.FirstSamples(gan)
        monitor = self.monitor
        if monitor is None and gan.held_out_samples is not None:
            monitor = next(iter(gan.metric_directions), None)
        if monitor:
            self._direction(monitor)
        if self.directory is not None:
            _measuring.require_own_folder(self, self._callbacks)
            files.writable_directory(self.directory)
            _report.remove_earlier(self.directory)
        board = _board.Board(self.log_dir, self, self._callbacks)
        self._report = _report.Report(self.directory, board)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._before = epoch, training_counters.counters(self.model)

    def on_train_batch_end(self, batch, logs=None):
        """Stop at once if an update was not finite."""
        failure = _measuring.new_failure(self.model, self._known_failure)
        if failure is not None and self.verdict is None:
            last = convergence.Signals(epoch=self._epoch + 1, first_failure=failure)
            self._judge([*self.history, last])

    def on_epoch_end(self, epoch, logs=None):
        """Measure, keep the best weights, apply the rules."""
        if self.verdict is not None:  # given in the middle of this epoch
            return
        before = self.best_epoch
        latest = self._measure(epoch, dict(logs or {}))
        self.history.append(self._asked_afresh(latest))
        if self.restore_best_weights and self.best_epoch != before:
            self.best_weights = self.model.get_weights()
        self._judge(self.history)
        found = {} if self.verdict else convergence.early_warnings(self.history, self.rules)
        for kind, sentence in found.items():
            if kind not in self._warned:
                self._warned.append(kind)
                _warnings.warn(sentence)
        self._report.epoch(self.history, self.verdict)

    def on_train_end(self, logs=None):
        """Restore the best weights and write the report."""
        number, restores = _report.ended_at(self.history, self.verdict), bool(self.best_weights)
        if restores:
            self.model.set_weights(self.best_weights)
            self.restored_epoch = None if self.best_epoch == number else self.best_epoch
        self._end(_report.weights_line(self.history, number, restores))

    def on_train_interrupted(self):
        """Write the report after Ctrl-C or an error; the weights are not restored."""
        if self._before is not None:
            self._end(f"Training was interrupted in epoch {self._epoch + 1}; the weights are kept.")

    def _end(self, line):
        number = None if self._before is None else self._epoch + 1
        told = self._report.end(self.history, self.verdict, self.restored_epoch, number=number)
        if (self.params or {}).get("verbose"):
            terminal.tell("\n".join([told[0], line, *told[1:]]))

    def _judge(self, history):
        self.verdict = convergence.judge(
            history,
            self.rules,
            min_epochs=self.min_epochs,
            restored=self.best_weights is not None,
        )
        if self.verdict is not None:
            self.model.verdict = self.verdict
            self.model.stop_training = True

    # === Measuring ===

    def _measure(self, epoch, logs):
        gan = self.model
        monitor = self._watched(logs)
        broken = _measuring.broken_weight(gan)
        quality, error, found = None, None, {"held_out": gan.held_out_samples is not None}
        scored = {} if broken else _measuring.scored(gan, epoch)  # nothing is left to compare
        if scored:
            if self._reference_set is None or not self._reference_set.is_of(gan):
                self._reference_set = ReferenceSet(gan)
            quality, error, others = self._reference_set.measure(gan)
            found |= {**scored, **self._first_samples_auc(), **others}
            found["quality_floor"] = self._reference_set.floor
        direction = "min"
        if monitor is not None:
            direction = self._direction(monitor)
            found.pop("quality_floor", None)  # of this callback's own metric
            quality = error = None
            if monitor in logs:
                quality = _measuring.monitored(logs, monitor)
                error = _measuring.metric_error(gan, monitor)
        trained = gan.phase != "discriminator"
        settings = training_counters.run_settings(gan, self._before)
        numbers = signals.numbers(logs)
        return convergence.Signals(
            epoch=epoch + 1,
            quality=quality,
            quality_noise=self._noise(quality, error, trained),
            quality_name=monitor or _OWN_QUALITY,
            direction=direction,
            js_estimate=_measuring.jensen_shannon(gan, numbers),
            generator_trained=trained,
            **training_counters.epoch_signals(gan, self._before),
            settings={} if settings == signals.settings_of(self.history) else settings,
            first_failure=_measuring.new_failure(gan, self._known_failure),
            broken_weight=broken,
            logs=numbers,
            **{key: numbers.get(key) for key in _LOGGED},
            **found,
        )

    def _first_samples_auc(self):
        gan, first = self.model, self._first_samples
        if first is None or gan.reference_samples is None:
            return {}
        auc, count = first.auc(gan)
        if auc - 0.5 > convergence.auc_tolerance(count, count):
            self._first_samples = None  # the discriminator has learned to tell them apart
        return {"first_samples_auc": auc, "num_first_samples": count}

    def _asked_afresh(self, last):
        """These signals, with the AUC of a fresh discriminator if a rule asks for it."""
        history = [*self.history, last]
        wanted = (getattr(rule, "wants_fresh", None) for rule in self.rules)
        if len(history) < self.min_epochs or not any(ask and ask(history) for ask in wanted):
            return last
        gan = self.model
        if self._fresh is None:
            seed = _measuring.seed(gan, 0)
            verbose = "auto" if (self.params or {}).get("verbose") else 0
            self._fresh = FreshDiscriminator(
                gan.discriminator, pack=gan.pack, seed=seed, verbose=verbose
            )
        found = _measuring.fresh(gan, self._fresh, last.epoch - 1)
        return dataclasses.replace(last, **found)

    def _noise(self, quality, error, trained):
        past = [s.quality for s in self.history if s.generator_trained and s.quality is not None]
        if trained and quality is not None:
            past.append(quality)
        return trends.noise(past, error)

    # === Monitor ===

    def _watched(self, logs):
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
        return {
            "history": signals.columns(self.history),
            "verdict": None if self.verdict is None else vars(self.verdict),
            "best_weights": self.best_weights,
            "warned": list(self._warned),
            "first_samples": None if self._first_samples is None else self._first_samples.samples,
        }

    def set_state(self, state):
        """Restore the result of `get_state`, after `on_train_begin`."""
        self.history = signals.from_columns(state["history"])
        self.verdict = None if state["verdict"] is None else convergence.Verdict(**state["verdict"])
        self.model.verdict = self.verdict
        self.best_weights = state["best_weights"] if self.restore_best_weights else None
        self._warned = list(state.get("warned", ()))
        first = state.get("first_samples")
        self._first_samples = None if first is None else start_check.FirstSamples(self.model, first)
