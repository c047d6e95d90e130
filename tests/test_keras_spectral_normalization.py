"""Keras's `SpectralNormalization`, which overwrites the kernel of its layer in each pass."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan import AdversarialModel, Critic, terms

# A graph takes longer to be made than all of its steps.
EAGER = [pytest.param(False, id="graph", marks=pytest.mark.slow), pytest.param(True, id="eager")]


def game(eager, **options):
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="a")
    h = keras.layers.SpectralNormalization(keras.layers.Dense(5, "relu"))(x)
    generator = keras.Model({"a": x}, {"fake": keras.layers.Dense(3)(h)})
    y = keras.Input((3,))
    h = keras.layers.SpectralNormalization(keras.layers.Dense(5, "relu"))(y)
    critic = keras.Model(y, keras.layers.Dense(1)(h))
    model = AdversarialModel(generator, Critic(critic, real="b", fake="fake", **options))
    model.compile(terms=[terms.L1("b", "fake")], steps_per_execution=1, run_eagerly=eager)
    return model


def fit(model):
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=(24, n)).astype("float32") for name, n in (("a", 4), ("b", 3))}
    model.fit(data, batch_size=8, verbose=0)


def weights(network):
    return [variable.numpy() for variable in network.variables]


def changed(model, network):
    before = weights(network)
    fit(model)
    return not helpers.same(before, weights(network))


@pytest.mark.parametrize("eager", EAGER)
@pytest.mark.parametrize("phase", ["generator", "discriminator"])
def test_who_pauses_stands_still(phase, eager):
    model = game(eager)
    model.set_phase(phase)
    critic = model.critics[0].network
    trains, pauses = (model.generator, critic)[:: 1 if phase == "generator" else -1]
    assert not changed(model, pauses)
    assert changed(model, trains)


@pytest.mark.parametrize("eager", EAGER)
def test_a_critic_stands_still_before_its_start(eager):
    model = game(eager, start_step=3)
    critic = model.critics[0].network
    assert not changed(model, critic)
    assert changed(model, critic)
