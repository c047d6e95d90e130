"""Weights that are no longer finite come back as they were when the epoch began."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan.backend import private_keras
from keras_gan.engine import updates


class GoodWeights(keras.callbacks.Callback):
    """Gives the weights of the last good epoch back where finite ones have become NaN.

    Gradients and learning rates are checked before an update, but an optimizer can make numbers
    that are not finite of those that are: Adam with `epsilon=0`, a rate so large that products
    overflow. All updates that follow are left out then. At the end of the epoch the weights from
    its beginning come back; what is not finite in the optimizers' moments becomes 0. So they do
    where another callback has broken them, at the next epoch's beginning or when training ends.
    """

    _weights = None

    def on_epoch_begin(self, epoch, logs=None):
        self._give_back()
        weights = self.model.get_weights()
        self._weights = weights if all(map(_finite, weights)) else None

    def on_epoch_end(self, epoch, logs=None):
        self._give_back()

    def _give_back(self):
        if self._weights is None or all(map(_finite, self.model.get_weights())):
            return
        updates.note_broken_weight(self.model)
        self.model.set_weights(self._weights)
        for optimizer in self.model.optimizer.optimizers:
            _clean(optimizer)

    def on_train_end(self, logs=None):
        self._give_back()
        self._weights = None

    def get_state(self):
        """Nothing: an epoch begins anew."""
        return {}

    def set_state(self, state):
        """Go on from a `get_state`."""


def _clean(optimizer):
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss scale
    for variable in inner.variables:
        value = tf.convert_to_tensor(variable.value).numpy()
        is_rate = variable is private_keras.learning_rate_variable(inner)
        if not is_rate and not _finite(value):
            variable.assign(np.where(np.isfinite(value), value, np.zeros_like(value)))


def _finite(array):
    return bool(np.isfinite(array).all())
