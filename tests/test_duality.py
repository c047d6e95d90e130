"""`convergence.duality_gap`: known games, untouched models, lower bounds."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan import convergence
from keras_gan.convergence import duality
from keras_gan.model.gan import GAN

pytestmark = pytest.mark.slow

RATE, STEPS = 0.1, 8


@pytest.fixture(autouse=True)
def one_look(monkeypatch):
    """A copy is evaluated once, at its end."""
    monkeypatch.setattr(duality, "_LOOKS", 1)


def dirac(theta, psi, **settings):
    """The generator puts a point at `theta`, the discriminator is `psi * x`, the data sit at 0."""
    latents = keras.Input((1,))
    shift = keras.layers.Dense(1, kernel_initializer="zeros")
    generator = keras.Model(latents, shift(latents), name="generator")
    shift.trainable_variables[0].assign([[0.0]])
    shift.bias.assign([theta])
    samples = keras.Input((1,))
    slope = keras.layers.Dense(1, use_bias=False)
    discriminator = keras.Model(samples, slope(samples), name="discriminator")
    slope.kernel.assign([[psi]])
    gan = GAN(generator, discriminator, ema_halflife_images=None)
    gan.compile(
        generator_optimizer=keras.optimizers.SGD(RATE),
        discriminator_optimizer=keras.optimizers.SGD(RATE),
        loss="wasserstein",
        **settings,
    )
    gan.fit(np.zeros((64, 1), "float32"), batch_size=32, epochs=0, verbose=0)
    return gan


def gap(gan, **settings):
    settings = {"steps": STEPS, "batch_size": 4, "perturbation": 0.0, **settings}
    return convergence.duality_gap(gan, **settings)


def test_the_gains_of_a_game_that_can_be_played_by_hand(monkeypatch):
    monkeypatch.setattr(duality, "_LOOKS", 2)
    # V = -psi theta. A step of the discriminator: psi -= rate theta. Of the generator, whose
    # latents move its kernel too: about theta += rate psi, where it started with no kernel.
    theta, psi = 0.7, 0.3
    found = gap(dirac(theta, psi, run_eagerly=True))
    assert found["value"] == pytest.approx(-psi * theta, rel=1e-5)
    assert found["discriminator_gain"] == pytest.approx(STEPS * RATE * theta**2, rel=1e-4)
    # The kernel's part has no mean but for the latents that measure it.
    assert found["generator_gain"] == pytest.approx(STEPS * RATE * psi**2, rel=0.35)
    assert found["duality_gap"] == pytest.approx(
        found["discriminator_gain"] + found["generator_gain"]
    )


def test_an_equilibrium_has_no_gap():
    assert gap(dirac(0.0, 0.0, run_eagerly=True), steps=3)["duality_gap"] == 0.0


def test_a_generator_without_a_slope_to_follow_gains_nothing():
    found = gap(dirac(0.5, 0.0, run_eagerly=True), steps=3)
    assert found["generator_gain"] == 0.0
    assert found["discriminator_gain"] > 0.0


def test_the_gain_is_the_value_on_the_half_that_did_not_choose(monkeypatch):
    looks = collections.Counter()

    def value(gan, judge, seed):
        looks[seed] += 1
        return 0.0 if looks[seed] == 1 else {0: 5.0, 1: 2.0}[seed]

    monkeypatch.setattr(duality, "_value", value)
    monkeypatch.setattr(duality, "_LOOKS", 10)
    found = gap(dirac(0.5, 0.1, run_eagerly=True), steps=1)
    assert found["discriminator_gain"] == 2.0


def test_noise_is_on_the_copies_alone():
    gan = dirac(0.7, 0.3, run_eagerly=True)
    still, moved = gap(gan, steps=1), gap(gan, steps=1, perturbation=0.5)
    assert moved["value"] == still["value"]
    assert moved["discriminator_gain"] != still["discriminator_gain"]
    assert moved != gap(gan, steps=1, perturbation=0.5, seed=1)


def test_the_model_is_as_it_was():
    model = helpers.gan(num_classes=3)
    optimizers = [keras.optimizers.SGD(0.05, momentum=0.5) for _ in range(2)]
    model.compile(*optimizers, discriminator_steps=2, regularizers=["r1"], run_eagerly=True)
    labels = np.arange(64) % 3
    model.fit(helpers.points(), labels, batch_size=16, epochs=1, verbose=0, validation_split=0.5)
    before = helpers.state(model)
    first = convergence.duality_gap(model, steps=1, batch_size=8)
    assert first == convergence.duality_gap(model, steps=1, batch_size=8)
    helpers.assert_same(before, helpers.state(model))
    assert model.phase == "both"


def test_classes_of_ones_own_need_not_be_registered():
    class Scaled(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            return self.factor * x

        def get_config(self):
            return {"factor": self.factor}

    class Soft(keras_gan.losses.NonSaturating):
        pass

    def prior(shape, seed):
        return tf.random.stateless_normal(shape, seed)

    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), Scaled(0.5)])
    discriminator = keras.Sequential([keras.Input((2,)), Scaled(2.0), keras.layers.Dense(1)])
    gan = GAN(generator, discriminator, prior=prior, ema_halflife_images=None)
    gan.compile(*helpers.sgd(), loss=Soft(), run_eagerly=True)
    gan.fit(helpers.points(), batch_size=64, epochs=1, verbose=0)
    before = helpers.state(gan)
    assert gap(gan, steps=1)["duality_gap"] >= 0.0
    helpers.assert_same(before, helpers.state(gan))


@pytest.fixture(scope="module")
def unseeing():
    """A model that has seen nothing."""
    return helpers.gan()


def test_a_model_that_has_seen_nothing_is_refused(unseeing):
    with pytest.raises(ValueError, match="has seen samples"):
        convergence.duality_gap(unseeing)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"num_samples": 1}, {"perturbation": -1.0}, {"seed": -1}]
)
def test_bad_arguments_are_refused(unseeing, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        convergence.duality_gap(unseeing, **wrong)
