"""A file is loaded under the dtype policies of its networks, whatever Keras's own is then."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan.model.gan import GAN
from keras_gan.terms import Perceptual

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def policy_of_keras():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@keras.saving.register_keras_serializable("test_network_configs")
class Made(keras.Model):
    """A user's model that makes its layers itself, with a config that leaves out all else."""

    def __init__(self, name="made"):
        super().__init__(name=name)
        self.inner = layers.Dense(2)

    def call(self, inputs):
        return self.inner(inputs)

    def build(self, shape):
        self.inner.build(shape)
        self.built = True

    def get_config(self):
        return {"name": self.name}


def sequential(width):
    return keras.Sequential([keras.Input((width,)), layers.Dense(2)])


def functional():
    """A functional model with a `Sequential` of another policy within."""
    latents = keras.Input((helpers.LATENT,))
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(2, dtype="float32")])
    inner.dtype_policy = "mixed_bfloat16"
    return keras.Model(latents, inner(layers.Dense(2)(latents)))


def made():
    model = Made()
    model(tf.zeros((1, helpers.LATENT)))
    return model


def gan(policy):
    """A model whose generator is made of one of each kind."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    last = layers.Dense(1, dtype="float32")
    critic = keras.Sequential([keras.Input((2,)), layers.Dense(8), last])
    latents = keras.Input((helpers.LATENT,))
    kinds = [kind(latents) for kind in (sequential(helpers.LATENT), functional(), made())]
    network = layers.Activation("linear", dtype="float32")(layers.Add()(kinds))
    network = keras.Model(latents, network)
    model = GAN(network, critic)
    told = Perceptual(sequential(2), "generated", "samples", weight=0.1)
    model.compile(terms=[told], run_eagerly=True)
    keras.config.set_dtype_policy("float32")
    return model


@pytest.mark.parametrize(
    ("saved", "set_then"),
    [
        ("float32", "mixed_float16"),
        ("mixed_float16", "float32"),
        pytest.param("mixed_bfloat16", "float16", marks=pytest.mark.slow),
    ],
)
def test_a_loaded_model_computes_as_the_saved_one(saved, set_then, policy_of_keras, tmp_path):
    model = gan(saved)
    data = helpers.points(16)
    model.train_on_batch(data)
    model.save(tmp_path / "gan.keras")
    policy_of_keras(set_then)
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    twin.run_eagerly = True
    helpers.assert_same(helpers.state(model), helpers.state(twin))
    assert twin.generator.dtype_policy.name == saved
    assert keras.config.dtype_policy().name == set_then
    for each in (model, twin):
        each.train_on_batch(data)
    helpers.assert_same(helpers.state(model), helpers.state(twin))
    np.testing.assert_array_equal(model.generate(4, seed=1), twin.generate(4, seed=1))


@pytest.mark.filterwarnings("ignore:Skipping")  # Keras's, before the error
def test_weights_for_other_precision_name_it(policy_of_keras, tmp_path):
    helpers.gan().save_weights(tmp_path / "gan.weights.h5")
    policy_of_keras("mixed_float16")
    other = helpers.gan()
    with pytest.raises(ValueError, match=r"computes_in=.*float16.*of the same precision"):
        other.load_weights(tmp_path / "gan.weights.h5")
