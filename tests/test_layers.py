"""Spectral normalisation against the singular value decomposition; the standard deviation layer."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import layers
from keras_gan.backend import policies
from keras_gan.layers import LeakyReLU, grouped_convolution, image_convolution
from keras_gan.model.gan import GAN

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


def test_inference_leaves_the_singular_vector_as_it_is():
    layer = layers.SpectralNormalization(keras.layers.Dense(3))
    x = np.ones((2, 5), "float32")
    layer(x, training=False)
    start = layer.vector.numpy()
    layer(x, training=False)
    np.testing.assert_array_equal(layer.vector.numpy(), start)
    assert np.linalg.norm(start) != pytest.approx(1.0, rel=1e-3)  # nor has the first pass scaled it
    layer(x, training=True)
    assert not np.array_equal(layer.vector.numpy(), start)


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
    model.compile(loss="hinge", regularizers=["gradient_penalty"], run_eagerly=True)
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


@pytest.mark.parametrize("native", [True, False])
def test_groups_are_convolved_apart(native, monkeypatch):
    if native and not grouped_convolution._groups_have_gradients(tf.float32):
        pytest.skip("TensorFlow has no such gradient here")
    monkeypatch.setattr(grouped_convolution, "_groups_have_gradients", lambda dtype: native)
    layer = layers.GroupedConv2D(6, 3, groups=3, padding="same", strides=2)
    x = tf.constant(np.random.normal(size=(2, 5, 5, 12)), "float32")
    layer(x)
    layer.bias.assign(np.arange(6.0))

    def apart():
        parts = zip(tf.split(x, 3, -1), tf.split(layer.kernel.value, 3, -1), strict=True)
        parts = [tf.nn.conv2d(a, b, 2, "SAME") for a, b in parts]
        return tf.concat(parts, -1) + layer.bias

    results = []
    for call in (lambda: layer(x), apart):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = call()
                value = tf.reduce_sum(tf.square(y))
            gradient = tape.gradient(value, x)
            norm = tf.reduce_sum(tf.square(gradient))
        results.append((y, gradient, outer.gradient(norm, layer.kernel.value)))
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("filters", "size"), [(3, 1), (1, 2), (3, 3), (1, 4), (3, 5), (1, (3, 2))])
def test_a_convolution_to_few_channels_is_kerass(filters, size):
    ours = layers.ImageConv2D(filters, size, padding="same")
    keras_layer = keras.layers.Conv2D(filters, size, padding="same")
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 6, 80)), "float32")
    ours(x), keras_layer(x)
    ours.bias.assign(np.arange(float(filters)))
    keras_layer.set_weights(ours.get_weights())
    results = []
    for layer in (ours, keras_layer):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                value = tf.reduce_sum(tf.sin(y))
            gradients = tape.gradient(value, [x, *[w.value for w in layer.trainable_weights]])
            norm = tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients])
        second = outer.gradient(norm, [w.value for w in layer.trainable_weights])
        results.append([y, *gradients, *second])
    for mine, expected in zip(*results, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=2e-6 * np.abs(expected).max())


def test_any_other_convolution_is_left_to_keras(monkeypatch):
    def never(*_):
        raise AssertionError

    x = np.random.default_rng(0).normal(size=(2, 6, 6, 28)).astype("float32")
    monkeypatch.setattr(image_convolution, "_convolved_to_few", never)
    for settings in (
        {"filters": 5},
        {"filters": 4},
        {"strides": 2},
        {"padding": "valid"},
        {"dilation_rate": 2},
        {"groups": 2, "filters": 2},
    ):
        settings = {"filters": 3, "kernel_size": 3, "padding": "same", **settings}
        ours, keras_layer = layers.ImageConv2D(**settings), keras.layers.Conv2D(**settings)
        ours(x), keras_layer(x)
        keras_layer.set_weights(ours.get_weights())
        np.testing.assert_array_equal(ours(x), keras_layer(x))
    with pytest.raises(AssertionError):
        layers.ImageConv2D(3, 3, padding="same")(x)


@pytest.mark.parametrize("shape", [(None, None, None, 8), (None, 8, 8, 8)])
def test_a_convolution_to_few_channels_of_any_size(shape):
    inputs = keras.Input(shape[1:])
    model = keras.Model(
        inputs, layers.ImageConv2D(2, 2, padding="same", dtype="mixed_bfloat16")(inputs)
    )
    assert model.output_shape == (*shape[:3], 2)
    y = tf.function(model, input_signature=[tf.TensorSpec(shape)])(tf.ones([3, 8, 8, 8]))
    assert y.shape == (3, 8, 8, 2) and y.dtype == tf.bfloat16


def test_a_basis_is_scaled_by_channel():
    layer = layers.Basis((2, 3))
    vectors = np.random.normal(size=(4, 5)).astype("float32")
    result = layer(vectors).numpy()
    assert result.shape == (4, 2, 3, 5) == layer.compute_output_shape((4, 5))
    np.testing.assert_allclose(result[2, 1, 0], vectors[2] * layer.basis.numpy()[1, 0], rtol=1e-6)


@pytest.mark.parametrize("size", [(8, 6), (7, 9)])
def test_low_pass_halves_without_aliases(size):
    x = np.random.normal(size=(2, *size, 3)).astype("float32")
    result = layers.LowPass()(x).numpy()
    assert result.shape == (2, -(-size[0] // 2), -(-size[1] // 2), 3)
    assert result.shape == layers.LowPass().compute_output_shape(x.shape)
    padded = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])
    weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    for i, j in np.ndindex(*result.shape[1:3]):
        window = padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
        np.testing.assert_allclose(
            result[:, i, j], np.einsum("bhwc,hw->bc", window, weights), rtol=1e-4, atol=1e-6
        )
    # The finest checkerboard, which plain striding takes for a constant, is gone.
    checkers = np.indices(size).sum(axis=0) % 2 * 2.0 - 1.0
    inner = layers.LowPass()(checkers[None, :, :, None].astype("float32"))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.0, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Basis((2, 3)),
        lambda: layers.GroupedConv2D(6, 3, groups=3),
        lambda: layers.ImageConv2D(3, 3, padding="same"),
        lambda: layers.LowPass(),
        lambda: layers.MinibatchStdDev(3),
    ],
)
def test_round_trip(make):
    layer = make()
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.get_config() == layer.get_config()


def test_errors():
    with pytest.raises(ValueError, match="kernel"):
        layers.SpectralNormalization(keras.layers.ReLU())(np.ones((2, 2)))
    with pytest.raises(ValueError, match="group_size=1"):
        layers.MinibatchStdDev(1)


# === LeakyReLU ===


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_leaky_relu_is_that_of_keras_in_value_and_both_derivatives(dtype):
    x = tf.constant([-2.0, -0.3, -0.0, 0.0, 0.7, 3.0], dtype)
    found = []
    for kind in (keras.layers.LeakyReLU, LeakyReLU):
        layer = kind(0.2, dtype=dtype)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x) * x  # a product, so that the second derivative is not 0
            first = tape.gradient(y, x)
        found.append([y, first, outer.gradient(first, x)])
    for expected, own in zip(*found, strict=True):
        assert own.dtype == dtype
        np.testing.assert_array_equal(own, expected)


def test_leaky_relu_can_be_saved():
    layer = LeakyReLU(0.3, name="own")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is LeakyReLU and again.negative_slope == 0.3 and again.name == "own"


@pytest.mark.slow
def test_a_run_of_own_networks_breaks_no_pass_of_the_graph_optimizer():
    code = (
        "import numpy as np, keras_gan\n"
        "size = {'generator_filters': 4, 'discriminator_filters': 4}\n"
        "gan = keras_gan.recipes.dcgan((8, 8, 1), latent_dim=4, **size)\n"
        "gan.fit(np.zeros((16, 8, 8, 1), 'uint8') + np.arange(16, dtype='uint8')[:, None, None, "
        "None], batch_size=8, verbose=0)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    root = pathlib.Path(layers.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "cpu_feature_guard" in run.stderr  # the log is on
    assert ("oneDNN custom operations are on" in run.stderr) == policies.uses_onednn()
    assert "remapper failed" not in run.stderr
