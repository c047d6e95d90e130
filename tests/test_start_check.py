"""A game that cannot start is noticed in the first epochs and said in one warning."""

import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import data
from keras_gan.gan import GAN

MESSAGE = "This GAN cannot start"


def fit(discriminator, epochs=20, rate=1e-2):
    model = GAN(helpers.generator(), discriminator)
    # A generator so slow that its samples stay noise.
    model.compile(*[keras.optimizers.Adam(r, beta_1=0.5) for r in (1e-5, rate)])
    model.fit(data.ring(512), batch_size=32, epochs=epochs, verbose=0)


def weak():
    """Linear: it tells little, but after a hundred updates it is right two times in three."""
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(1, kernel_regularizer="l2")(inputs))


def constant():
    inputs = keras.Input((2,))
    x = keras.layers.Dense(2, activation="relu", bias_initializer=keras.initializers.Constant(-9))
    return keras.Model(inputs, keras.layers.Dense(1)(x(inputs)))


def test_a_discriminator_that_separates_nothing_is_named_once():
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        fit(constant())
    assert sum(MESSAGE in str(w.message) for w in caught) == 1


@pytest.mark.parametrize("make", [weak, helpers.discriminator])
def test_one_that_learns_is_not(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(make())


def test_two_hundred_updates_or_a_rate_that_rises_say_nothing():
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 400, end_learning_rate=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(constant(), epochs=12)
        fit(constant(), rate=rising)


def test_the_check_does_not_touch_training():
    results = []
    for epochs in ([4], [1, 1, 1, 1]):  # looked at in the first fit alone
        keras.utils.set_random_seed(0)
        model = helpers.gan()
        for count in epochs:
            model.fit(helpers.points(), batch_size=16, epochs=count, verbose=0)
        results.append(model.get_weights())
    assert np.all([np.array_equal(a, b) for a, b in zip(*results, strict=True)])
