"""Detects callbacks that need to be called after every batch."""

import keras

from keras_gan.backend import private_keras

_HOOKS = (
    *("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    *("on_test_batch_begin", "on_test_batch_end"),
)
# Keras's callbacks that have such a hook and need not be called with every batch; whether they do
# is in their settings.
_BY_SETTING = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.ProgbarLogger,
    keras.callbacks.TensorBoard,
    keras.callbacks.TerminateOnNaN,
)
_DEFAULTS = {getattr(keras.callbacks.Callback, hook) for hook in _HOOKS} | {
    getattr(base, hook) for base in _BY_SETTING for hook in _HOOKS
}


def works_by_batches(callback):
    """Whether a callback does something with each batch, or after a number of them.

    For callbacks, several steps in one compiled call are one batch: a checkpoint after every third
    batch could become one after every 96th step.
    """
    if isinstance(getattr(callback, "save_freq", "epoch"), int):
        return callback.save_freq is not False
    if getattr(callback, "update_freq", "epoch") != "epoch":
        return True
    if isinstance(callback, keras.callbacks.TensorBoard) and private_keras.profiles(callback):
        return True
    if type(callback).__module__.startswith("keras_gan."):  # callbacks of this package support this
        return False
    hooks = (getattr(callback, hook) for hook in _HOOKS)
    return any(getattr(hook, "__func__", hook) not in _DEFAULTS for hook in hooks)
