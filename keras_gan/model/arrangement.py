"""The callbacks of a run: in which order they act, and what they are told beyond Keras's hooks.

A callback may have

- `acts_last`, a number above 0: its hooks come after those of all others, in the order of these
  numbers;
- `gives_back_weights`, true: its hooks come first, before weights that are not finite are given
  back for it;
- `meet(callbacks)`, called before training begins with all callbacks of the run;
- `prepare(gan, siblings, epochs)`, likewise, with the model and the other callbacks;
- `on_train_interrupted()`, called where Ctrl-C or an error ends a run, in place of `on_train_end`.
"""

import contextlib

import keras

from keras_gan import _checks
from keras_gan.backend import private_keras, private_tensorflow
from keras_gan.engine.good_weights import GoodWeights
from keras_gan.model import compile_arguments
from keras_gan.model.start_check import StartCheck
from keras_gan.model.validation_progress import ValidationProgress


def arranged(gan, callbacks, epochs):
    """The callbacks of a `fit`, with those that every run has, in the order in which they act.

    Args:
        gan: the model, fed.
        callbacks: as given to `fit`. A `keras.callbacks.CallbackList` is left as it is, but for a
            `History` where it has none: `fit` returns it.
        epochs: number of the last epoch.

    Returns:
        What Keras's `fit` is to be given.

    Raises:
        ValueError: for a callback that is listed twice, and whatever `prepare` raises.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        if not any(isinstance(c, keras.callbacks.History) for c in callbacks.callbacks):
            gan.history = keras.callbacks.History()
            gan.history.set_model(gan)
            callbacks.callbacks.append(gan.history)
        return callbacks
    callbacks = compile_arguments.callback_list(callbacks)
    _check_listed_once(callbacks)
    if any(_saves_models(callback) for callback in callbacks):
        gan.check_savable()
    tidy = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: _go_on_with_curves(callbacks, gan),
        on_epoch_end=lambda epoch, logs: private_tensorflow.forget_scalars(),
    )
    last = [callback for callback in callbacks if getattr(callback, "acts_last", 0)]
    others = [callback for callback in callbacks if callback not in last]
    before = [callback for callback in others if getattr(callback, "gives_back_weights", False)]
    others = [callback for callback in others if callback not in before]
    others = [*before, GoodWeights(), *others, StartCheck(), ValidationProgress(), tidy]
    if last and not any(isinstance(c, keras.callbacks.History) for c in others):
        others.append(keras.callbacks.History())
    everyone = others + sorted(last, key=lambda callback: callback.acts_last)
    for callback in everyone:
        if hasattr(callback, "meet"):
            callback.meet(everyone)
    for callback in everyone:
        if hasattr(callback, "prepare"):
            callback.prepare(gan, [c for c in everyone if c is not callback], epochs)
    return everyone


def _check_listed_once(callbacks):
    for number, callback in enumerate(callbacks):
        _checks.check(
            not any(callback is other for other in callbacks[:number]),
            "`callbacks` must list each callback once: its hooks would be called twice.",
            cure="Leave the second one out.",
            callback=type(callback).__name__,
        )


def _saves_models(callback):
    return isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_weights_only


def _go_on_with_curves(callbacks, gan):
    """Let curves over batches go on where an earlier `fit` has ended, as those over epochs do.

    Keras begins them at 0, so that those of a run with `initial_epoch` would overlap.
    """
    if private_keras.initial_epoch(gan):
        for callback in callbacks:
            private_keras.continue_curves(callback, gan.steps_seen)


@contextlib.contextmanager
def telling_of_interruption(callbacks):
    """Call `on_train_interrupted` of those callbacks that have it if the block raises."""
    try:
        yield
    except BaseException:
        for callback in getattr(callbacks, "callbacks", callbacks):  # of a `CallbackList`
            with contextlib.suppress(Exception):  # the first error is the one to be told
                getattr(callback, "on_train_interrupted", lambda: None)()
        raise
