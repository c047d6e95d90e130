"""A network within a network: it never trains, is saved once, and is shared with the average."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan.backend import copies, inspection
from keras_gan.layers import Frozen
from keras_gan.model.gan import GAN

INPUTS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def encoder():
    """A network that behaves and changes otherwise in training mode."""
    parts = [layers.Dense(5), layers.BatchNormalization(), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((4,)), *parts], name="encoder")


def around(network, name="outer"):
    """A functional model with the network in it, and one trainable layer."""
    latents = keras.Input((4,), name="latents")
    return keras.Model(latents, layers.Dense(2)(Frozen(network, name="frozen")(latents)), name=name)


def test_it_runs_in_inference_mode_and_does_not_change():
    network = encoder()
    model = around(network)
    before = helpers.values(network.variables)
    with tf.GradientTape() as tape:
        inputs = tf.constant(INPUTS)
        tape.watch(inputs)
        training = model(inputs, training=True)
    np.testing.assert_array_equal(training, model(INPUTS, training=False))
    assert helpers.same(before, helpers.values(network.variables))
    assert np.abs(tape.gradient(training, inputs)).max() > 0
    # Without the layer Keras overrules `training=False` of the inner call.
    latents = keras.Input((4,))
    plain = keras.Model(latents, network(latents, training=False))
    assert not np.array_equal(plain(INPUTS, training=True), plain(INPUTS, training=False))


@pytest.mark.parametrize("trainable", [True, False])
def test_it_never_trains(trainable):
    model = around(encoder())
    model.trainable = trainable
    layer = model.get_layer("frozen")
    layer.trainable = True
    assert layer.trainable_variables == [] and len(layer.non_trainable_variables) == 7
    assert len(model.trainable_variables) == (2 if trainable else 0)
    assert not any(variable.trainable for variable in layer.variables)


def test_saved_and_loaded(tmp_path):
    model = around(encoder())
    for variable in model.weights:
        variable.assign(variable.value + 0.1)
    model.save(tmp_path / "model.keras")
    keras.utils.set_random_seed(5)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(INPUTS, training=True), model(INPUTS))
    assert loaded.get_layer("frozen").trainable_variables == []
    assert len(loaded.trainable_variables) == 2


def test_its_network_keeps_its_own_precision():
    model = keras.Sequential([keras.Input((4,)), Frozen(encoder(), dtype="mixed_bfloat16")])
    assert model.compute_output_shape((3, 4)) == (3, 5)
    outputs = model(INPUTS)
    assert outputs.dtype == tf.float32
    np.testing.assert_array_equal(outputs, model.layers[0].network(INPUTS))


def test_a_copy_shares_it_unless_it_must_differ():
    network = encoder()
    model = around(network)
    twin = copies.copy(model, "twin")
    assert twin.get_layer("frozen").network is network
    assert twin.get_layer("frozen") is not model.get_layer("frozen")
    fixed = {id(layer) for layer in inspection.all_layers(network)}
    others = [{id(layer) for layer in inspection.all_layers(m)} - fixed for m in (model, twin)]
    assert not others[0] & others[1]
    np.testing.assert_array_equal(twin(INPUTS, training=True), model(INPUTS))
    for options in ({"local": True}, {"full_precision": True}):
        own = copies.copy(model, "twin", **options)
        assert own.get_layer("frozen").network is not network
        np.testing.assert_array_equal(own(INPUTS, training=True), model(INPUTS))


def test_the_average_of_a_gan_shares_it(tmp_path):
    gan = GAN(around(encoder(), "generator"), helpers.discriminator(), ema_halflife_images=8.0)
    gan.compile(*helpers.sgd(), run_eagerly=True)
    network = gan.generator.get_layer("frozen").network
    assert gan.averaged_generator.get_layer("frozen").network is network
    before = helpers.values(network.variables)
    gan.train_on_batch(helpers.points(8))
    assert helpers.same(before, helpers.values(network.variables))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    shared = [m.get_layer("frozen").network for m in (loaded.generator, loaded.averaged_generator)]
    assert shared[0] is shared[1]
    assert helpers.same(before, helpers.values(shared[0].variables))
    np.testing.assert_array_equal(loaded.generate(3, seed=1), gan.generate(3, seed=1))


@pytest.mark.parametrize(
    "network, message",
    [
        (lambda: layers.Dense(2), "must be a Keras model"),
        (lambda: keras.Sequential([layers.Dense(2)]), "must be built.*Call it on a batch"),
    ],
)
def test_errors(network, message):
    with pytest.raises(ValueError, match=message):
        Frozen(network())
