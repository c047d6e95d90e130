"""Faults in the numbers: what is not finite must stop the run at once and poison nothing."""

import numpy as np

from benchmarks.claims.faults import (
    Faults,
    Outcome,
    callback,
    differences,
    fit,
    gan,
    points,
    state,
    watching,
)

fault = Faults()

BATCH, STEPS, AT = 8, 24, 13


def _stopped(model, player, data=None):
    """A run whose step `AT` breaks for a player: it must stop there, with the last good weights.

    Args:
        model: the GAN, one step an execution.
        player: the network whose update must be left out, and named.
        data: what it is trained on.
    """
    from keras_gan import callbacks

    good = {}
    keep = callback(on_train_batch_begin=lambda step: step == AT and good.update(state(model)))
    with watching() as seen:
        fit(
            model,
            points(BATCH * STEPS) if data is None else data,
            batch_size=BATCH if data is None else None,
            callbacks=[keep, callbacks.StopOnNonFinite()],
        )
    words = " ".join(str(w.message) for w in seen.warnings)
    now = state(model)
    lost = differences(_of(player, good), _of(player, now))
    if seen.error is not None:
        lost = "the run"
    elif not all(np.isfinite(value).all() for value in now.values()):
        lost = "finite weights"
    elif model.steps_seen > AT + 1:
        lost = f"{model.steps_seen - AT - 1} steps after it"
    elif f"{player}'s update at step {AT}" not in words:
        lost = "whose step it was"
    return Outcome(seen.words, lost, seen.origin)


def _of(player, values):
    return {name: value for name, value in values.items() if name.startswith(player)}


def _single(**settings):
    return gan(steps_per_execution=1, **settings)


def _data(value):
    import tensorflow as tf

    x = points(BATCH * STEPS)
    x[BATCH * AT] = value
    return tf.data.Dataset.from_tensor_slices(x).batch(BATCH)


@fault("a NaN in the data of step 13")
def nan_in_data(place):
    return _stopped(_single(), "discriminator", _data(np.nan))


@fault("an infinite value in the data of step 13")
def inf_in_data(place):
    return _stopped(_single(), "discriminator", _data(np.inf))


@fault("a user's own loss that becomes infinite")
def infinite_loss(place):
    import tensorflow as tf

    from keras_gan import losses

    class Bursting(losses.NonSaturating):
        def generator_loss(self, real_logits, fake_logits):
            loss = super().generator_loss(real_logits, fake_logits)
            return loss + tf.where(model._state.steps_seen.value == AT, np.inf, 0.0)

    model = _single()
    model.compile(loss=Bursting(), steps_per_execution=1)
    return _stopped(model, "generator")


@fault("a penalty that becomes NaN")
def nan_penalty(place):
    import tensorflow as tf

    from keras_gan import regularizers

    class Bursting(regularizers.R1):
        def value(self, *arguments, **options):
            value = super().value(*arguments, **options)
            return value + tf.where(model._state.steps_seen.value == AT, np.nan, 0.0)

    model = _single()
    model.compile(regularizers=[Bursting()], steps_per_execution=1)
    return _stopped(model, "discriminator")


@fault("a NaN in step 13 of 24 that are one execution")
def inside_an_execution(place):
    from keras_gan import callbacks

    model = gan(steps_per_execution=STEPS)
    with watching() as seen:
        fit(model, _data(np.nan), batch_size=None, callbacks=[callbacks.StopOnNonFinite()])
    finite = all(np.isfinite(value).all() for value in state(model).values())
    words = " ".join(str(w.message) for w in seen.warnings)
    lost = "" if finite and str(AT) in words else "finite weights, or the step's number"
    return Outcome(seen.words, lost, seen.origin)


# === Half precision ===


def _overflow(which):
    """A loss scale that is too large for one player: only its update waits."""
    import keras

    optimizers = {
        name: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=scale)
        for name, scale in (
            ("generator_optimizer", 2.0**60 if which == "generator" else 2.0),
            ("discriminator_optimizer", 2.0**60 if which == "discriminator" else 2.0),
        )
    }
    model = gan(precision="mixed_float16", steps_per_execution=1, **optimizers)
    before = state(model)
    scales = {name: float(optimizer.dynamic_scale) for name, optimizer in optimizers.items()}
    with watching() as seen:
        fit(model, points(BATCH), batch_size=BATCH)
    after = {name: float(optimizer.dynamic_scale) for name, optimizer in optimizers.items()}
    name = f"{which}_optimizer"
    other = "generator" if which == "discriminator" else "discriminator"
    changed = differences(before, state(model))
    right = f"{other}," in f"{changed}," and f" {which}," not in f" {changed},"
    finite = all(np.isfinite(value).all() for value in state(model).values())
    told = f"(no message: the scale goes from {scales[name]:.3g} to {after[name]:.3g})"
    lost = "" if right and finite and after[name] < scales[name] else f"changed: {changed}"
    if seen.error is not None:
        return Outcome(seen.words, "the run", seen.origin)
    return Outcome(told, lost, "keras_gan")


@fault("overflow in float16 in the discriminator")
def overflow_discriminator(place):
    return _overflow("discriminator")


@fault("overflow in float16 in the generator")
def overflow_generator(place):
    return _overflow("generator")
