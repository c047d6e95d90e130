"""The callbacks of a run: their order, and hooks in addition to those of Keras.

A callback may have

- `acts_last`, a number above 0: its hooks run after those of all other callbacks, in ascending
  order;
- `gives_back_weights`, true: it restores weights itself, so its hooks run first;
- `meet(callbacks)`, called before training with all callbacks of the run;
- `prepare(gan, siblings, epochs)`, likewise, with the model and the other callbacks;
- `on_train_interrupted()`, called instead of `on_train_end` if Ctrl-C or an error ends the run.
"""

import contextlib

import keras

from keras_gan import _checks
from keras_gan.backend import private_keras, private_tensorflow
from keras_gan.engine.good_weights import GoodWeights
from keras_gan.model import compile_arguments
from keras_gan.model.progress import ValidationProgress
from keras_gan.model.start_check import StartCheck
from keras_gan.optimizers import optimizer_parts


def arranged(gan, callbacks, epochs):
    """The callbacks of `fit`, including those of every run, in the order in which they run.

    Args:
        gan: the model, with its data set.
        callbacks: as given to `fit`. A `keras.callbacks.CallbackList` is left as it is, but for a
            `History` where it has none: `fit` returns it.
        epochs: number of the last epoch.

    Returns:
        The `callbacks` argument for Keras's `fit`.

    Raises:
        ValueError: for a callback that is listed twice, and whatever `prepare` raises.
    """
    _check_rates_can_be_set(gan, getattr(callbacks, "callbacks", callbacks))
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


# Callbacks of Keras that set learning rates.
_OF_RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def _check_rates_can_be_set(gan, callbacks):
    """Check that no optimizer follows a schedule where a callback sets its learning rate."""
    found = [c for c in compile_arguments.callback_list(callbacks) if isinstance(c, _OF_RATES)]
    for player in gan._players if found else ():
        parts = optimizer_parts(player.optimizer)
        _checks.check(
            all(isinstance(private_keras.learning_rate_variable(p), keras.Variable) for p in parts),
            f"A callback sets the learning rate of each player, but that of `{player.name}` "
            "follows a schedule.",
            cure="Leave the callback out, or create that optimizer with a number.",
            callback=type(found[0]).__name__,
        )


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
    """Continue TensorBoard's curves over batches at the end of an earlier `fit`.

    Keras starts them at 0, so the curves of a run with `initial_epoch` would overlap.
    """
    if private_keras.initial_epoch(gan):
        for callback in callbacks:
            private_keras.continue_curves(callback, gan.steps_seen)


@contextlib.contextmanager
def telling_of_interruption(callbacks):
    """Call `on_train_interrupted` of all callbacks that have it if the block raises."""
    try:
        yield
    except BaseException:
        for callback in getattr(callbacks, "callbacks", callbacks):  # of a `CallbackList`
            # Report the first error. A second Ctrl-C ends what one callback does, not the others.
            with contextlib.suppress(Exception, KeyboardInterrupt):
                getattr(callback, "on_train_interrupted", lambda: None)()
        raise
