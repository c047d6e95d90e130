"""A discriminator trained afresh: it finds a difference that is there, and leaves no trace."""

import random

import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan import networks
from keras_gan.backend import fresh_weights
from keras_gan.callbacks import _fresh_discriminator, _measuring


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 60)
    monkeypatch.setattr(_fresh_discriminator, "_RATE", 1e-2)


def sides_of(shift, labels=None):
    """Points and points further to the right, to train on and to judge."""
    sides = []
    for number in (0, 1):
        fake = helpers.points(300, seed=number) + np.float32([shift, 0.0])
        sides.append((helpers.points(300, seed=number + 2), fake, labels))
    return sides


def asked(network, shift, *, labels=None, seed=1, pack=1):
    """Asks about points and points further to the right, or with other labels."""
    sides = sides_of(shift, labels)
    discriminator = _fresh_discriminator.FreshDiscriminator(network, pack=pack, seed=0)
    return discriminator, discriminator.auc(*sides, seed=seed), sides


@pytest.mark.parametrize(
    "options",
    [
        {"batch_norm": True},
        *(pytest.param(options, marks=pytest.mark.slow) for options in ({}, {"dropout": 0.3})),
    ],
)
def test_a_difference_is_found_and_sameness_is_not_taken_for_one(options):
    discriminator, found, _ = asked(helpers.discriminator(**options), 0.8)
    assert found > 0.7
    assert discriminator.auc(*sides_of(0.0), seed=1) == pytest.approx(0.5, abs=0.09)


def test_it_judges_packs():
    _, network = networks.mlp((2,), 4, width=8, depth=1, pack=3)
    discriminator, found, _ = asked(network, 0.8, pack=3)
    assert found > 0.8
    assert discriminator.auc(*sides_of(0.0), seed=1) == pytest.approx(0.5, abs=0.12)


def test_each_time_it_begins_anew(monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 10)
    discriminator, first, sides = asked(helpers.discriminator(dropout=0.3), 0.5)
    assert discriminator.auc(*sides, seed=1) == first
    assert discriminator.auc(*sides, seed=2) != first
    assert discriminator.auc(*sides[::-1], seed=1) != first


def test_nothing_else_is_touched(monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 10)
    network = helpers.discriminator(dropout=0.3)
    before, state = network.get_weights(), (random.getstate(), np.random.get_state()[1].copy())
    draw = keras.random.uniform((), seed=keras.random.SeedGenerator(3))
    asked(network, 0.5)
    assert random.getstate() == state[0] and np.array_equal(np.random.get_state()[1], state[1])
    assert keras.random.uniform((), seed=keras.random.SeedGenerator(3)) == draw
    for a, b in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_its_first_weights_follow_from_the_seed_alone():
    network = helpers.discriminator()
    found = []
    for seed, noise in ((5, 0), (5, 1), (6, 0)):
        keras.utils.set_random_seed(noise)
        found.append(fresh_weights.fresh(network, "fresh", seed=seed).get_weights()[0])
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], network.get_weights()[0])


def test_layers_that_do_not_train_keep_their_weights():
    inputs = keras.Input((2,))
    x = layers.Dense(8, trainable=False, name="given")(inputs)
    network = keras.Model(inputs, layers.Dense(1)(layers.LeakyReLU(0.2)(x)))
    fresh = fresh_weights.fresh(network, "fresh", seed=0)
    for a, b in zip(
        network.get_layer("given").get_weights(),
        fresh.get_layer("given").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    discriminator, auc, _ = asked(network, 0.8)
    assert auc > 0.7
    kept = discriminator.network.get_layer("given").get_weights()[0]
    np.testing.assert_array_equal(kept, network.get_layer("given").get_weights()[0])


@pytest.mark.slow
def test_patches_labels_and_half_precision():
    labels = np.arange(300) % 3
    assert asked(helpers.discriminator(num_classes=3), 0.8, labels=labels)[1] > 0.7
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = helpers.discriminator()
    finally:
        keras.config.set_dtype_policy("float32")
    discriminator, auc, _ = asked(half, 0.8)
    assert auc > 0.7
    assert isinstance(discriminator.optimizer, keras.optimizers.LossScaleOptimizer)
    inputs = keras.Input((8, 8, 1))
    patches = keras.Model(inputs, layers.Conv2D(1, 4, strides=2)(inputs))
    dark, bright = (np.full((20, 8, 8, 1), value, "float32") for value in (-0.5, 0.5))
    side = bright, dark, None
    assert _fresh_discriminator.FreshDiscriminator(patches, seed=0).auc(side, side, seed=0) == 1.0


@pytest.mark.parametrize("held_out", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_of_a_model_what_it_is_judged_on_it_has_not_seen(held_out):
    model = helpers.gan(run_eagerly=True)
    data = helpers.points(64)
    model.fit(data, batch_size=48, verbose=0, validation_split=0.25 if held_out else 0.0)

    class Sees:
        def auc(self, train, judged, *, seed):
            self.train, self.judged = train, judged
            return 0.5

    seen = Sees()
    found = _measuring.fresh(*model.watched_pairs(), seen, 0)
    rows = [{tuple(row) for row in side[0]} for side in (seen.train, seen.judged)]
    assert not rows[0] & rows[1] and rows[0] | rows[1] == {tuple(row) for row in data}
    fakes = [{tuple(row) for row in side[1]} for side in (seen.train, seen.judged)]
    assert not fakes[0] & fakes[1]
    assert found == {"fresh_discriminator_auc": 0.5, "num_fresh": 16 if held_out else 32}
    assert len(rows[1]) == found["num_fresh"]
