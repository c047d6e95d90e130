"""The moving average of the generator."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan.engine import ema
from keras_gan.model.gan import GAN


def test_the_average_follows_by_its_half_life():
    model = GAN(
        helpers.generator(batch_norm=True), helpers.discriminator(), ema_halflife_images=2.4
    )
    model.compile(*helpers.sgd(), run_eagerly=True)
    average = helpers.values(model.averaged_generator.weights)
    for step in range(1, 9):  # the ramp ends with the sixth
        model.train_on_batch(helpers.points(8, seed=step))
        # At least 8 images in 20 steps' ramp: h = min(2.4, 0.05 * 8 * step).
        weight = 0.5 ** (8 / min(2.4, 0.4 * step))
        current = helpers.values(model.generator.weights)
        average = [weight * a + (1 - weight) * c for a, c in zip(average, current, strict=True)]
        for a, b in zip(average, helpers.values(model.averaged_generator.weights), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


def test_no_average():
    model = GAN(helpers.generator(), helpers.discriminator(), ema_halflife_images=None)
    assert model.averaged_generator is model.generator
    model.compile(run_eagerly=True)
    model.train_on_batch(helpers.points(8))


def test_decay_and_ramp_up():
    assert float(ema.decay(100, ema.halflife(100, 0, 10**6))) == pytest.approx(0.5)
    assert float(ema.decay(50, ema.halflife(100, 0, 10**6))) == pytest.approx(0.5**0.5)
    # Early on the half-life is a twentieth of the images seen.
    assert float(ema.decay(10, ema.halflife(1e6, 0, 200))) == pytest.approx(0.5)
    old, new = keras.Variable([1.0, 2.0]), keras.Variable([3.0, 2.0])
    count, counted = keras.Variable(1, dtype="int64"), keras.Variable(5, dtype="int64")
    ema.follow([old, count], [new, counted], 0.75)
    np.testing.assert_allclose(old.numpy(), [1.5, 2.0])
    assert int(count.numpy()) == 5
