"""Networks and layers in several parts of a model: who may share them, and how files keep them."""

import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic, metrics
from keras_gan.layers import Frozen
from keras_gan.model import state_parts
from keras_gan.model.gan import GAN

# === Both players ===


def test_networks_that_share_a_layer_are_refused():
    shared = layers.Dense(2, name="shared")
    start, samples = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(start, layers.Dense(2)(shared(start)))
    discriminator = keras.Model(samples, layers.Dense(1)(keras.Sequential([shared])(samples)))
    with pytest.raises(ValueError, match=r"not share layers.*'shared/kernel'.*clone_model"):
        GAN(generator, discriminator)
    GAN(generator, keras.models.clone_model(discriminator))


def test_frozen_networks_are_not_shared_by_players_even_if_no_critic_reads_them():
    frozen = Frozen(keras.Sequential([keras.Input((2,)), layers.Dense(2, name="fixed")]))
    start, samples = keras.Input((2,), name="noise"), keras.Input((2,))
    made = layers.Dense(2)(start)
    generator = keras.Model({"noise": start}, {"made": made, "code": frozen(made)})
    critic = Critic(
        keras.Model(samples, layers.Dense(1)(frozen(samples))), real="point", fake="made"
    )
    game = AdversarialModel(generator, critic, priors={"noise": "normal"})
    with pytest.raises(ValueError, match=r"not share layers.*/fixed/kernel'.*set_weights"):
        game.compile()


def test_layers_without_state_may_be_shared(tmp_path):
    relu = layers.ReLU()
    start, samples = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(start, layers.Dense(2)(relu(start)))
    gan = GAN(generator, keras.Model(samples, layers.Dense(1)(relu(samples))))
    gan.save(tmp_path / "gan.keras")
    keras.saving.load_model(tmp_path / "gan.keras")


# === Metrics ===


def compiled(generator=None, **settings):
    gan = GAN(generator or helpers.generator(), helpers.discriminator())
    gan.compile(run_eagerly=True, **settings)
    return gan


def judged(*kinds, shared=False):
    """A model whose metrics have the features of one network, which may be in its generator."""
    fixed = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    parts = [layers.Dense(2), *([Frozen(fixed)] if shared else [])]
    generator = keras.Sequential([keras.Input((helpers.LATENT,)), *parts])
    return compiled(metrics=[kind(features=fixed) for kind in kinds], generator=generator)


def assert_same_features(gan, path):
    loaded = keras.saving.load_model(path)
    for metric, again in zip(gan.quality_metrics, loaded.quality_metrics, strict=True):
        assert helpers.same(metric.features.get_weights(), again.features.get_weights())


def test_metrics_may_share_a_network(tmp_path):
    gan = judged(metrics.FrechetDistance, metrics.KernelDistance, shared=True)
    gan.save(tmp_path / "gan.keras")
    assert_same_features(gan, tmp_path / "gan.keras")


def test_networks_of_metrics_in_earlier_files_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics.FrechetDistance, "keras_keeps_features", True)
    monkeypatch.setattr(GAN, "_let_keras_keep_features", lambda self, value: None)
    monkeypatch.setattr(state_parts, "metric_weights", lambda metric: [])
    gan = judged(metrics.FrechetDistance)
    gan.save(tmp_path / "gan.keras")
    monkeypatch.undo()
    assert_same_features(gan, tmp_path / "gan.keras")
    gan.save(tmp_path / "again.keras")
    assert_same_features(gan, tmp_path / "again.keras")


def test_features_that_are_no_network_keep_their_weights(tmp_path):
    def projected(samples):
        return samples @ projected.weights[0]

    projected.weights = [np.eye(2, dtype="float32")]
    gan = compiled(metrics=[metrics.FrechetDistance(features=projected)])
    gan.save_weights(tmp_path / "gan.weights.h5")
    gan.load_weights(tmp_path / "gan.weights.h5")


def test_networks_of_metrics_do_not_train_with_the_model():
    gan = compiled()
    with pytest.raises(ValueError, match="metric 'frechet_distance' must not train.*set_weights"):
        gan.compile(metrics=[metrics.FrechetDistance(features=gan.discriminator)])
