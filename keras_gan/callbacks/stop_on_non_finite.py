"""Stop training at NaN or infinity."""

import keras
import numpy as np

from keras_gan import _warnings, convergence
from keras_gan.callbacks import _measuring

_SAMPLES = 8
# Penalties and some losses square scores; larger ones overflow in float32.
_LARGEST = 1e19


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training at the first update that is not finite, and reports it.

    The model never applies an update whose loss or gradients are not finite, so its weights are
    usually the last good ones. If a weight itself is not finite, or so large that squared scores
    overflow, the weights from the beginning of the epoch are restored. This reads one number after
    every batch, and all weights and losses at the end of an epoch. One warning names the step, the
    player and the variable.

    `keras.callbacks.TerminateOnNaN` works as well, but reads only `loss` and does not name the
    cause.

    Raises:
        ValueError: when training begins, if the model is not a GAN.

    Example:

    ```python
    gan.fit(images, epochs=30, callbacks=[keras_gan.callbacks.StopOnNonFinite()])
    ```
    """

    # It restores weights itself, so it runs before the callbacks that do so in every run.
    gives_back_weights = True

    def on_train_begin(self, logs=None):
        _measuring.require(self.model, "first_failure", self)
        self._epoch = 0
        self._good_weights = None
        self._stopped = False
        self._known_failure = self.model.first_failure

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._good_weights = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        self._judge()

    def on_epoch_end(self, epoch, logs=None):
        """Check weights and losses too."""
        logs = logs or {}
        self._judge(
            broken_weight=_measuring.broken_weight(self.model),
            d_loss=logs.get("d_loss"),
            g_loss=logs.get("g_loss"),
        )

    @property
    def has_named_failure(self):
        """Whether it has warned; `fit` warns otherwise."""
        return self._stopped

    def get_state(self):
        """No state: a run that it has stopped trains no further."""
        return {}

    def set_state(self, state):
        """Restore the result of `get_state`."""

    def _judge(self, **seen):
        failure = _measuring.new_failure(self.model, self._known_failure)
        if self._stopped or (failure is None and not seen):
            return
        rule = convergence.Diverged()
        last = convergence.Signals(epoch=self._epoch + 1, first_failure=failure, **seen)
        evidence = rule([last])
        if evidence is None:
            return
        self._stopped = self.model.stop_training = True
        _warnings.warn(
            f"Training stopped in epoch {last.epoch}: {rule.describe(evidence)}. "
            f"{self._give_back()} {rule.cure[0].upper()}{rule.cure[1:]}."
        )

    def _give_back(self):
        """Restore finite weights if necessary; returns a sentence on them."""
        if not _is_broken(self.model):
            return "The weights are those of the last finite update."
        self.model.set_weights(self._good_weights)
        if _is_broken(self.model):
            return "The weights were not finite before the epoch began: load earlier ones."
        return "The weights from the start of the epoch were restored."


def _is_broken(gan):
    """Whether a weight, or a score or loss computed with them, is not finite."""
    if _measuring.broken_weight(gan) is not None:
        return True
    for pair in gan.watched_pairs():
        samples = pair.first_samples(_SAMPLES)
        if samples is not None and not np.all(np.abs(pair.score_first(samples)) < _LARGEST):
            return True
    return False
