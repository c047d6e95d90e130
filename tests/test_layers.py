"""Spectral normalisation against the singular value decomposition; the standard deviation layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import layers
from keras_gan.gan import GAN

WRAPPED = {
    "dense": (lambda: keras.layers.Dense(5), (7,)),
    "conv": (lambda: keras.layers.Conv2D(4, 3, strides=2, padding="same"), (6, 6, 3)),
    "transposed": (lambda: keras.layers.Conv2DTranspose(4, 3, strides=2), (4, 4, 3)),
}


def largest_singular_value(name, kernel):
    if name == "transposed":
        kernel = np.swapaxes(kernel, -1, -2)
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


@pytest.mark.parametrize("name", WRAPPED)
def test_the_kernel_is_divided_by_its_largest_singular_value(name):
    make, shape = WRAPPED[name]
    inner = make()
    layer = layers.SpectralNormalization(inner, power_iterations=50)
    x = np.random.normal(size=(2, *shape)).astype("float32")
    layer(x, training=True)
    inner.kernel.assign(inner.kernel * 7.0)
    layer(x, training=True)
    before = inner.kernel.numpy()
    result = layer(x, training=False).numpy()
    twin = make()
    twin.build((None, *shape))
    twin.kernel.assign(before / largest_singular_value(name, before))
    np.testing.assert_allclose(result, twin(x), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(inner.kernel.numpy(), before)  # never overwritten


def test_an_embedding_is_divided_too():
    inner = keras.layers.Embedding(5, 3, embeddings_initializer="normal")
    layer = layers.SpectralNormalization(inner, power_iterations=50)
    labels = np.array([4, 0, 4], "int32")
    layer(labels, training=True)
    result = layer(labels, training=True).numpy()
    table = inner.embeddings.numpy()
    expected = table / np.linalg.svd(table, compute_uv=False)[0]
    np.testing.assert_allclose(result, expected[labels], rtol=1e-4)


def test_the_gradient_flows_through_sigma():
    inner = keras.layers.Dense(3, use_bias=False)
    layer = layers.SpectralNormalization(inner, power_iterations=100)
    x = tf.constant(np.random.normal(size=(4, 5)), "float32")
    layer(x, training=True)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.square(layer(x, training=True)))
    gradient = tape.gradient(value, inner.trainable_variables[0])
    kernel = tf.Variable(inner.kernel.numpy())
    with tf.GradientTape() as tape:
        sigma = tf.linalg.svd(kernel, compute_uv=False)[0]
        value = tf.reduce_sum(tf.square(x @ (kernel / sigma)))
    np.testing.assert_allclose(gradient, tape.gradient(value, kernel), rtol=1e-3, atol=1e-4)


def test_power_iteration_moves_in_discriminator_updates_only(tmp_path):
    inputs = keras.Input((2,))
    x = layers.SpectralNormalization(keras.layers.Dense(8, activation="relu"))(inputs)
    discriminator = keras.Model(inputs, keras.layers.Dense(1)(x), name="discriminator")
    model = GAN(helpers.generator(), discriminator)
    model.compile(loss="hinge", regularizers=["gradient_penalty"])
    vector = discriminator.non_trainable_weights[0]
    start = vector.numpy()
    model.set_phase("generator")
    model.train_on_batch(helpers.points(8))
    np.testing.assert_array_equal(vector.numpy(), start)
    model.set_phase("discriminator")
    model.train_on_batch(helpers.points(8))
    assert not np.array_equal(vector.numpy(), start)
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(
        twin.discriminator.non_trainable_weights[0].numpy(), vector.numpy()
    )


def test_minibatch_standard_deviation():
    x = np.random.normal(size=(8, 3, 3, 2)).astype("float32")
    result = layers.MinibatchStdDev(group_size=4)(x).numpy()
    np.testing.assert_array_equal(result[..., :2], x)
    for group in (slice(0, 4), slice(4, 8)):
        expected = np.sqrt(x[group].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(result[group, ..., 2], expected, rtol=1e-4)
    same = np.repeat(x[:1], 5, axis=0)  # no multiple of four: the whole batch is one group
    np.testing.assert_allclose(layers.MinibatchStdDev()(same)[..., 2], 1e-4, rtol=1e-2)


@pytest.mark.parametrize("make", [lambda: layers.MinibatchStdDev(3)])
def test_round_trip(make):
    layer = make()
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.get_config() == layer.get_config()


def test_errors():
    with pytest.raises(ValueError, match="kernel"):
        layers.SpectralNormalization(keras.layers.ReLU())(np.ones((2, 2)))
    with pytest.raises(ValueError, match="group_size=1"):
        layers.MinibatchStdDev(1)
