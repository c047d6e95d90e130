"""A new run from the networks of another: averages start at their weights, frozen layers stay."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan.model.gan import GAN

SGD = keras.optimizers.SGD


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The file of a run whose average and generator differ."""
    gan = helpers.gan(batch_norm=True, run_eagerly=True, **helpers.by_sgd())
    gan.fit(helpers.points(16), batch_size=8, verbose=0)
    path = tmp_path_factory.mktemp("first") / "first.keras"
    gan.save(path)
    return path


def tuned(saved):
    trained = keras.saving.load_model(saved)
    trained.generator.set_weights(trained.averaged_generator.get_weights())
    for network in (trained.generator, trained.discriminator):
        next(layer for layer in network.layers if layer.weights).trainable = False
    gan = GAN(trained.generator, trained.discriminator, seed=1)
    gan.compile(SGD(0.05), SGD(0.05), run_eagerly=True)
    return gan, helpers.values(trained.averaged_generator.weights)


def parts(gan):
    """The values of layers that are frozen, and of those that train."""
    layers = [*gan.generator.layers, *gan.discriminator.layers]
    layers = [layer for layer in layers if layer.weights]
    frozen = [helpers.values(layer.weights) for layer in layers if not layer.trainable]
    return frozen, [helpers.values(layer.weights) for layer in layers if layer.trainable]


def test_the_average_starts_at_the_loaded_weights_and_all_that_is_not_frozen_trains(saved):
    gan, loaded = tuned(saved)
    assert helpers.same(loaded, helpers.values(gan.averaged_generator.weights))
    assert gan.steps_seen == 0
    frozen, trainable = parts(gan)
    assert len(frozen) == 2 and len(trainable) >= 3
    gan.fit(0.5 * helpers.points(16), batch_size=8, verbose=0)
    after, moved = parts(gan)
    assert all(map(helpers.same, frozen, after))
    assert not any(map(helpers.same, trainable, moved))


def test_a_saved_run_goes_on_with_what_was_frozen(saved, tmp_path):
    gan, _ = tuned(saved)
    gan.fit(helpers.points(8), batch_size=8, verbose=0)
    gan.save(tmp_path / "second.keras")
    twin = keras.saving.load_model(tmp_path / "second.keras")
    twin.run_eagerly = True
    for each in (gan, twin):
        each.fit(helpers.points(8), batch_size=8, verbose=0)
    assert len(parts(twin)[0]) == 2
    np.testing.assert_equal(helpers.state(twin), helpers.state(gan))
