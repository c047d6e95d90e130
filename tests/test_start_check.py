"""A game that cannot start is noticed in the first epochs and said in one warning."""

import functools
import types
import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import data, start_check
from keras_gan.gan import GAN

MESSAGE = "This GAN cannot start"


@functools.cache
def made(discriminator, rate=1e-2):
    """A GAN whose generator is so slow that its samples stay noise, and its state at the start."""
    model = GAN(helpers.generator(), discriminator())
    model.compile(*[keras.optimizers.Adam(r, beta_1=0.5) for r in (1e-5, rate)])
    return model, helpers.snapshot(model)


def fit(made, epochs=20):
    model, start = made
    helpers.restore(start)
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
        fit(made(constant))
    assert sum(MESSAGE in str(w.message) for w in caught) == 1


@pytest.mark.parametrize("make", [weak, helpers.discriminator])
def test_one_that_learns_is_not(make):
    model = made(make)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model)


def test_two_hundred_updates_or_a_rate_that_rises_say_nothing():
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 400, end_learning_rate=1e-2)
    models = made(constant), made(constant, rate=rising)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(models[0], epochs=12)
        fit(models[1])


def test_the_check_does_not_touch_training():
    results, model = [], helpers.gan()
    start = helpers.snapshot(model)
    for epochs in ([4], [1, 1, 1, 1]):  # looked at in the first fit alone
        helpers.restore(start)
        for count in epochs:
            model.fit(helpers.points(), batch_size=16, epochs=count, verbose=0)
        results.append(model.get_weights())
    assert np.all([np.array_equal(a, b) for a, b in zip(*results, strict=True)])


def test_a_generator_that_outruns_the_discriminator_is_named_with_its_setting():
    keras.utils.set_random_seed(0)
    model = GAN(helpers.generator(), helpers.discriminator())
    model.compile(*[keras.optimizers.Adam(r, beta_1=0.5) for r in (1e-2, 1e-5)])
    with pytest.warns(UserWarning) as caught:
        model.fit(data.ring(1024), batch_size=32, epochs=12, verbose=0)
    (told,) = [str(w.message) for w in caught]
    assert told.startswith("The generator outruns the discriminator: in 3 epochs it took samples")
    assert "the generator's learning rate (0.01) is 1000 times the discriminator's" in told


def shown(logs):
    """What is warned of where a model that was trained before logs so in its epochs."""
    model = types.SimpleNamespace(steps_seen=9, reference_samples=np.zeros((4, 2)))
    check = start_check.StartCheck()
    check.set_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check.on_train_begin()
        for epoch, values in enumerate(logs):
            check.on_epoch_begin(epoch)
            check.on_epoch_end(epoch, values)
    return [str(w.message) for w in caught]


def test_a_run_that_explodes_is_named_once_in_its_first_epochs():
    usual = {"d_loss": 0.5, "g_loss": 3.0, "d_gradient_norm": 5.0, "g_gradient_norm": 4.0}
    grown = {**usual, "d_loss": 9.0, "d_gradient_norm": 70.0}
    (told,) = shown([usual] * 3 + [grown] * 9)
    assert told.startswith(
        "This run explodes: in epoch 4 the discriminator's loss is 9 after 0.5, "
        "the discriminator's gradient norm is 70 after 5; try learning rates"
    )
    assert shown([usual] * 3 + [grown] + [usual] * 9) == []
    assert shown([usual] * 20 + [grown] * 9) == [], "that is for ConvergenceStopping"


def test_a_discriminator_that_is_wrong_is_no_coin():
    assert shown([{"d_accuracy": 0.45}] * 12) == []
    assert shown([{"d_accuracy": 0.2}, {"d_accuracy": 0.2}, {"d_accuracy": 0.6}] * 6) == []
    (told,) = shown([{"d_accuracy": 0.2}] * 12)
    assert "right in at most 20% of cases" in told and "mode collapse; try discriminator" in told
