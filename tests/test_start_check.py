"""A game that cannot start is noticed in the first epochs and said in one warning."""

import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import data
from keras_gan.gan import GAN

MESSAGE = "This GAN cannot start"


def fit(discriminator, epochs=6):
    model = GAN(helpers.generator(), discriminator)
    rates = [keras.optimizers.Adam(1e-2, beta_1=0.5) for _ in range(2)]
    model.compile(*rates)
    model.fit(data.ring(512), batch_size=32, epochs=epochs, verbose=0)


def too_weak():
    """Linear: a ring around the origin and noise at the origin look alike to it."""
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(1, kernel_regularizer="l2")(inputs))


def constant():
    inputs = keras.Input((2,))
    x = keras.layers.Dense(2, activation="relu", bias_initializer=keras.initializers.Constant(-9))
    return keras.Model(inputs, keras.layers.Dense(1)(x(inputs)))


@pytest.mark.parametrize("make", [too_weak, constant])
def test_a_discriminator_that_separates_nothing_is_named_once(make):
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        fit(make())
    assert sum(MESSAGE in str(w.message) for w in caught) == 1


def test_one_that_learns_is_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(helpers.discriminator())


def test_two_short_epochs_say_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(constant(), epochs=2)


def test_the_check_does_not_touch_training():
    results = []
    for epochs in ([4], [1, 1, 1, 1]):  # looked at in the first fit alone
        keras.utils.set_random_seed(0)
        model = helpers.gan()
        for count in epochs:
            model.fit(helpers.points(), batch_size=16, epochs=count, verbose=0)
        results.append(model.get_weights())
    assert np.all([np.array_equal(a, b) for a, b in zip(*results, strict=True)])
