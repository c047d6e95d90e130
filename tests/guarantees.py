"""What is guaranteed of every mechanism: the columns of the table, each as a check."""

import contextlib
import functools
import json
import typing

import keras
import numpy as np
import tensorflow as tf

import exported
import mechanisms
from game_parts import register
from keras_gan import AdversarialModel, callbacks
from keras_gan.engine.state import random_generators
from keras_gan.priors import Prior
from runs import assert_same_state

BATCH = mechanisms.BATCH


@register
class Waves(Prior):
    """Numbers that are the same under XLA: no noise."""

    def __call__(self, shape, seed):
        count = tf.reduce_prod(shape)
        phase = tf.cast(seed[0] % 97, "float32")
        return tf.reshape(tf.sin(tf.cast(tf.range(count), "float32") * 1.7 + phase), shape)


WAVES = Waves()


def sgd():
    return keras.optimizers.SGD(0.1)


def adam():
    return keras.optimizers.Adam(1e-3, beta_1=0.5)


def built(name, *, noise="normal", optimizer=adam, seed=0, **settings):
    """The compiled model of a mechanism, and its data."""
    keras.utils.set_random_seed(seed)
    model, own, given = mechanisms.EVERY[name].make(noise)
    optimizers = {f"{player}_optimizer": optimizer() for player in ("generator", "discriminator")}
    model.compile(**{**optimizers, "steps_per_execution": 1, **own, **settings})
    return model, given


def fit(model, given, **options):
    """One epoch of three steps, or as options say."""
    unpaired = isinstance(given, tf.data.Dataset)
    labelled = given if isinstance(given, tuple) else (given,)
    options = {"steps_per_epoch": 3, "batch_size": None if unpaired else BATCH, **options}
    return model.fit(*labelled, verbose=0, **options)


def trained(name, *, fit_options=None, **options):
    model, given = built(name, **options)
    history = fit(model, given, **(fit_options or {}))
    return model, history.history


# Two epochs, in which late critics start, and what is done every second step is done twice.
TWO_EPOCHS = {"epochs": 2, "steps_per_epoch": 2}


class Reference(typing.NamedTuple):
    """A run without a graph that several columns compare with."""

    model: AdversarialModel
    given: typing.Any
    state: dict
    logs: dict


@functools.cache
def _reference(name, optimizer, noise):
    model, given = built(name, optimizer=optimizer, noise=noise, run_eagerly=True)
    logs = fit(model, given, **TWO_EPOCHS).history
    return Reference(model, given, model.run_state(), logs)


def reference(name, optimizer=adam, noise="normal"):
    """The run of a mechanism, made once; its model is as at the end of it."""
    found = _reference(name, optimizer, noise)
    found.model.set_phase("both")
    found.model.set_run_state(found.state)
    return found


def forget():
    """Let go of the models of all references."""
    _reference.cache_clear()


def assert_close(one, two, tolerance):
    """Weights of two models agree."""
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def assert_close_logs(one, two):
    """Logs of two runs agree."""
    assert one.keys() == two.keys()
    for key, values in one.items():
        np.testing.assert_allclose(values, two[key], atol=1e-5, err_msg=key)


# === The columns ===


def trains_and_saves(name, folder):
    """Logs are finite, what is asked for has moved, and a saved model goes on like this one."""
    model, given = built(name, run_eagerly=True)
    before = [[np.array(v) for v in player.variables] for player in model._players]
    logs = fit(model, given, steps_per_epoch=2).history
    assert all(np.isfinite(values).all() for values in logs.values()), logs
    for player, old in zip(model._players, before, strict=True):
        moved = [
            not np.array_equal(a, v.numpy()) for a, v in zip(old, player.variables, strict=True)
        ]
        assert moved == _is_asked_for(model, player, moved), player.name
    model.save(folder / "model.keras")
    fit(model, given, steps_per_epoch=1)
    loaded = keras.saving.load_model(folder / "model.keras")
    fit(loaded, given, steps_per_epoch=1)
    assert_same_state(loaded, model.run_state())


def _is_asked_for(model, player, moved):
    """Whether anything asks for each of a player's variables."""
    if player.name == "generator":
        ids = {id(v) for v in model._game.generator.network.trainable_variables}
        return [id(v) in ids for v in player.variables]
    if any(critic.loss is not None for critic in player.critics):
        return [True] * len(player.variables)
    return moved if any(moved) else [True]  # terms ask for heads alone


def accumulates(name, folder):
    """Two micro-batches give the update of the whole batch."""
    whole = reference(name, sgd, WAVES)
    options = {"noise": WAVES, "optimizer": sgd, "fit_options": TWO_EPOCHS}
    cut, logs = trained(name, accumulation_steps=2, run_eagerly=True, **options)
    assert_close(whole.model, cut, 1e-6)
    assert_close_logs(whole.logs, logs)


def bfloat16(name, folder):
    """With layers that compute in bfloat16 it trains; weights and logs are float32."""
    with _policy("mixed_bfloat16"):
        model, logs = trained(name, run_eagerly=True, fit_options=TWO_EPOCHS)
    assert all(np.isfinite(values).all() for values in logs.values()), logs
    for weight, other in zip(model.weights, reference(name).model.weights, strict=True):
        assert weight.dtype == other.dtype
        if "float" in weight.dtype:
            np.testing.assert_allclose(weight, other, atol=0.05)


@contextlib.contextmanager
def _policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def counts(name, folder):
    """Of `n:m` updates each player makes as many as it is told."""
    steps = {"discriminator_steps": 2, "generator_steps": 3}
    model, given = built(name, optimizer=sgd, run_eagerly=True, **steps)
    fit(model, given, steps_per_epoch=2)
    state = model._state
    assert (state.discriminator_updates.numpy(), state.generator_updates.numpy()) == (4, 6)
    assert model.steps_seen == 2 and model.images_seen == 2 * 2 * BATCH
    for player in model._players:
        late = min((critic.start_step for critic in player.critics), default=0)
        expected = 6 if player.name == "generator" else 2 * (2 - late)
        assert player.optimizer.iterations.numpy() == expected, player.name


def leaves_others_still(name, folder):
    """In an update of one player, nothing of the others moves, not even statistics."""
    model, given, _, _ = reference(name)  # late ones have started
    everyone = {"discriminator": model._players[:-1], "generator": model._players[-1:]}
    for phase, other in (("discriminator", "generator"), ("generator", "discriminator")):
        model.set_phase(phase)
        before = [_all_of(player) for player in everyone[other]]
        own = [_all_of(player) for player in everyone[phase]]
        fit(model, given, steps_per_epoch=1)
        for player, old in zip(everyone[other], before, strict=True):
            assert _same(_all_of(player), old), player.name
        for player, old in zip(everyone[phase], own, strict=True):
            assert not _same(_all_of(player), old), player.name


def _all_of(player):
    generators = [v for network in player.networks for v in random_generators(network)]
    variables = [*player.weights, *player.optimizer.variables, *generators]
    return [np.array(v.numpy()) for v in variables]


def _same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def xla(name, folder):
    """XLA gives the weights of TensorFlow on the same noise."""
    options = {"noise": WAVES, "optimizer": sgd, "fit_options": TWO_EPOCHS}
    compiled, _ = trained(name, jit_compile=True, **options)
    assert_close(reference(name, sgd, WAVES).model, compiled, 1e-5)


def replicas(name, strategy):
    """Two replicas train like one, with plain SGD, which hides no error in a gradient."""
    options = {"optimizer": sgd, "fit_options": {"steps_per_epoch": 20}}
    one, one_logs = trained(name, run_eagerly=True, **options)
    with strategy.scope():
        two, two_logs = trained(name, **options)
    assert_close(one, two, 2e-6)
    assert one.steps_seen == two.steps_seen and one.images_seen == two.images_seen
    assert_close_logs(one_logs, two_logs)


def watched(name, folder):
    """The first critic's game is measured and judged in each epoch, which changes no bit of it."""
    stopping = callbacks.ConvergenceStopping(directory=folder)
    options = {**TWO_EPOCHS, "callbacks": [stopping]}
    seen, _ = trained(name, run_eagerly=True, fit_options=options)
    assert_same_state(seen, reference(name).state)
    signals = json.loads((folder / "signals.json").read_text())
    assert [each["epoch"] for each in signals] == [1, 2]
    for key in ("quality", "coverage", "spread"):
        assert all(np.isfinite(each[key]) for each in signals), (key, signals)
    # A critic that starts later is judged from its first whole epoch on.
    assert np.isfinite(signals[-1]["discriminator_auc"]), signals


def exports(name, folder):
    """An export serves and samples what `generate` gives, and is left for `exported.serve_all`."""
    inputs, made = exported.check(reference(name).model, folder / name)
    np.savez(folder / f"{name}_inputs.npz", **inputs)
    return made


def run(name, seed=0):
    """A model, and a function that trains it for two epochs with callbacks."""
    model, given = built(name, seed=seed, run_eagerly=True)
    return model, lambda callbacks: fit(model, given, callbacks=callbacks, **TWO_EPOCHS)
