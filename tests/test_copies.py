"""A copy does what its original does, and shares nothing with it that training changes."""

import gc
import random
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
import odd_networks
from keras_gan import callbacks, networks
from keras_gan.backend import copies, fresh_weights, inspection
from keras_gan.model.gan import GAN

KINDS = {
    **odd_networks.KINDS,
    "dcgan": lambda i, o: networks.dcgan((4, 4, 1), i, generator_filters=2)[0],
    "resnet": lambda i, o: networks.resnet((4, 4, 1), i, generator_filters=2)[0],
    "r3gan": lambda i, o: networks.r3gan((4, 4, 1), i, filters=4, group_size=4)[0],
}
INPUTS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def outputs(network, inputs=INPUTS, **options):
    return np.asarray(network(inputs, **options))


def moved(network):
    """Away from its first weights, as by training."""
    for weight in network.weights:
        weight.assign(weight.value + 1)
    return network


# Whose layers are those of others, or are copied in the tests of fresh weights.
SIMILAR = ("resnet", "r3gan", "recurrent")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=pytest.mark.slow if k in SIMILAR else ()) for k in KINDS],
)
def test_a_copy_does_the_same_and_shares_nothing(kind):
    network = KINDS[kind](4, 2)
    twin = copies.copy(network, "twin")
    assert twin.name == "twin" and type(twin) is type(network)
    np.testing.assert_array_equal(outputs(network), outputs(twin))
    before = outputs(network)
    with tf.GradientTape() as tape:
        twin(INPUTS)
    used = {id(variable) for variable in tape.watched_variables()}
    assert not used & {id(v.value) for v in network.variables}
    assert used <= {id(v.value) for v in twin.variables}
    parts = [{id(part) for part in inspection.all_layers(n)} for n in (network, twin)]
    assert not parts[0] & parts[1] and len(parts[0]) == len(parts[1])
    moved(twin)
    np.testing.assert_array_equal(outputs(network), before)
    assert np.abs(outputs(twin) - before).max() > 1e-3


@pytest.mark.parametrize("kind", ["random", "dcgan", "nested"])
def test_a_copy_trains_as_its_original(kind):
    network = KINDS[kind](4, 2)
    twin = copies.copy(network, "twin")
    for _ in range(2):  # the same dropout and noise, and the same statistics after it
        first, second = (outputs(n, training=True) for n in (network, twin))
        np.testing.assert_array_equal(first, second)
    assert helpers.same(helpers.values(network.variables), helpers.values(twin.variables))
    flags = [[weight.trainable for weight in n.weights] for n in (network, twin)]
    assert flags[0] == flags[1]
    twin.trainable = False
    assert [weight.trainable for weight in network.weights] == flags[0]


def test_what_a_network_shares_its_copy_shares():
    shared, tied = (copies.copy(KINDS[kind](4, 2), "twin") for kind in ("shared", "tied"))
    assert len(shared.weights) == 2 + 2 + 2
    assert tied.layers[2].dense is tied.layers[1]


def test_a_copy_of_a_functional_network_can_be_saved(tmp_path):
    twin = moved(copies.copy(KINDS["random"](4, 2), "twin"))
    twin.save(tmp_path / "twin.keras")
    loaded = keras.saving.load_model(tmp_path / "twin.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(twin))
    twin.summary(print_fn=lambda *_, **__: None)


def test_a_copy_is_not_compiled_and_keeps_nothing_alive():
    network = KINDS["random"](4, 2)
    plain = len(copies.copy(network, "twin").variables)
    network.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    network.fit(INPUTS, INPUTS[:, :2], verbose=0)
    twin = copies.copy(network, "twin")
    assert not twin.compiled and not hasattr(twin, "optimizer") and not twin.metrics
    assert len(twin.variables) == plain
    alive = weakref.ref(network)
    del network
    gc.collect()
    assert alive() is None
    assert outputs(twin).shape == (5, 2)


def test_parts_of_other_networks_are_not_copied():
    network = KINDS["operations"](4, 2)
    other = odd_networks.sequence(2, layers.Dense(3))
    inputs = keras.Input((4,))
    keras.Model(inputs, other(network(inputs)))
    copier = copies.Copier()
    copier.copied(network)
    assert len(copier.made(layers.Dense)) == 1
    assert len(copier.made(keras.Model)) == 1


def test_deep_networks_are_copied():
    network = odd_networks.sequence(4, *[layers.Activation("tanh") for _ in range(150)])
    np.testing.assert_array_equal(outputs(copies.copy(network, "twin")), outputs(network))


def test_variables_of_a_strategy_stay_under_it(two_replicas):
    with two_replicas.scope():
        network = KINDS["random"](4, 2)
    for scope in (two_replicas.scope(), tf.device("CPU:0")):
        with scope:
            twin = copies.copy(network, "twin")
        for variable in twin.variables:
            assert two_replicas.extended.variable_created_in_scope(variable.value)
        np.testing.assert_array_equal(outputs(network), outputs(twin))
    local = copies.copy(network, "twin", local=True)
    assert not any(hasattr(variable.value, "values") for variable in local.variables)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_a_copy_in_full_precision(policy):
    policy = keras.DTypePolicy(policy)
    inner = keras.Sequential([keras.Input((8,), dtype="bfloat16"), layers.Dense(8, dtype=policy)])
    parts = layers.Dense(8, dtype=policy), inner
    cell = layers.LSTMCell(2, recurrent_initializer="glorot_uniform", dtype=policy)
    cell = layers.RNN(cell, dtype=policy)
    last = layers.Reshape((8, 1)), cell, layers.Dense(2, dtype="float32")
    network = odd_networks.sequence(4, *parts, *last)
    before = helpers.values(network.weights)
    twin = copies.copy(network, "twin", full_precision=True)
    assert all(layer.compute_dtype == "float32" for layer in inspection.all_layers(twin))
    assert all(weight.dtype == "float32" for weight in twin.weights)
    np.testing.assert_allclose(outputs(twin), outputs(network), rtol=0.1, atol=0.05)
    assert np.abs(outputs(twin) - outputs(network)).max() > 0
    for own, weight in zip(before, network.weights, strict=True):  # the original is as it was
        assert weight.dtype == own.dtype.name and np.array_equal(weight, own)


class Guarded(layers.Layer):
    """It holds an object that cannot be made without being told what of."""

    def __init__(self):
        super().__init__()
        self.held = Held(self)

    def call(self, inputs):
        return inputs


class Held(float):
    """A number that knows a layer."""

    def __new__(cls, layer):
        held = super().__new__(cls, 1.0)
        held.layer = layer
        return held


def test_what_cannot_be_copied_is_refused_at_once_and_the_cure_helps():
    pair = odd_networks.sequence(4, Guarded(), layers.Dense(2)), helpers.discriminator()
    message = "(?s)parts that can be copied.*network='sequential.*`ema_halflife_images=None`"
    with pytest.raises(ValueError, match=message):
        GAN(*pair)
    gan = GAN(*pair, ema_halflife_images=None)
    assert gan.averaged_generator is gan.generator


# === In a model ===


@pytest.mark.parametrize("kind", ["holds an array", "subclass"])
def test_the_average_follows_any_generator(kind):
    gan = GAN(KINDS[kind](4, 2), KINDS[kind](2, 1), ema_halflife_images=1e-9)
    gan.compile("sgd", "sgd", run_eagerly=True)
    before = helpers.values(gan.generator.weights)
    gan.train_on_batch(helpers.points(8))
    now = helpers.values(gan.generator.weights)
    assert not helpers.same(before, now)
    np.testing.assert_allclose(gan.generate(3, seed=1), gan.generate(3, seed=1, averaged=False))


# === Fresh weights ===


# Of each way in which layers hold weights one; the others with `--slow`.
FRESH = ("recurrent", "shared", "referring", "low rank", "holds an array", "made in init")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in FRESH else pytest.mark.slow)
        for kind in odd_networks.KINDS
    ],
)
def test_fresh_weights_follow_from_initializers_and_the_seed_alone(kind):
    network = odd_networks.KINDS[kind](4, 2)
    first, number = helpers.values(network.weights), len(network.weights)
    kept = helpers.values(moved(network).variables)
    found = []
    for seed, noise in ((5, 0), (5, 1), (6, 0)):
        keras.utils.set_random_seed(noise)
        states = random.getstate(), np.random.get_state()[1].copy()
        found.append(helpers.values(fresh_weights.fresh(network, "fresh", seed=seed).weights))
        assert random.getstate() == states[0] and np.all(np.random.get_state()[1] == states[1])
    assert helpers.same(found[0], found[1])
    assert helpers.same(kept, helpers.values(network.variables))
    for before, *after in zip(first, *found, strict=True):
        if set(np.unique(before)) <= {0.0, 1.0}:
            np.testing.assert_array_equal(before, after[0])
            continue
        assert not np.array_equal(before, after[0]) and not np.array_equal(after[2], after[0])
        assert 0.2 < np.std(after[0]) / np.std(before) < 5.0 and abs(np.mean(after[0])) < 0.8
    assert len(found[0]) == number


def test_fresh_weights_leave_keras_its_random_numbers():
    draws = []
    for makes_one in (False, True):
        keras.utils.set_random_seed(3)
        first = float(keras.random.normal(()))
        if makes_one:
            fresh_weights.fresh(odd_networks.KINDS["random"](4, 2), "fresh", seed=1)
        draws.append((first, float(keras.random.normal(()))))
    assert draws[0] == draws[1]


def test_given_seeds_and_frozen_layers_are_kept():
    given = layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=4))
    frozen = layers.Dense(3, trainable=False)
    network = odd_networks.sequence(4, given, frozen, layers.Dropout(0.5, seed=9), layers.Dense(2))
    first = helpers.values(network.variables)
    outputs(moved(network), training=True)
    fresh = fresh_weights.fresh(network, "fresh", seed=1)
    kept = helpers.values(frozen.weights)
    np.testing.assert_array_equal(fresh.layers[0].kernel, first[0])
    assert helpers.same(kept, helpers.values(fresh.layers[1].weights))
    np.testing.assert_array_equal(fresh.layers[2].seed_generator.state, [9, 0])


class Untold(layers.Layer):
    """Nobody knows with how many numbers it was made."""

    def __init__(self, count):
        super().__init__()
        self.scale = self.add_weight(shape=(count,), initializer="ones")

    def get_config(self):
        raise NotImplementedError

    def call(self, inputs):
        return inputs * tf.reduce_sum(self.scale)


class Told(Untold):
    """The cure."""

    def __init__(self, count):
        layers.Layer.__init__(self)
        self.units = count

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(self.units,), initializer="ones")


def test_weights_of_unknown_origin_are_refused_before_training_and_the_cure_helps():
    gan = GAN(helpers.generator(), odd_networks.sequence(2, Untold(3), layers.Dense(1)))
    gan.compile()
    message = "(?s)weights must be known.*layer='untold', of='Untold'.*in the layer's `build`"
    with pytest.raises(ValueError, match=message):
        gan.fit(helpers.points(64), callbacks=[callbacks.ConvergenceStopping()], verbose=0)
    assert gan.steps_seen == 0
    fresh_weights.check(odd_networks.sequence(2, Told(3), layers.Dense(1)))
