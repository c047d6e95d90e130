"""The fused batch normalization against Keras's: values, derivatives, statistics, weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import layers, networks
from keras_gan.model.gan import GAN

pytestmark = pytest.mark.usefixtures("optimized_graphs")

# A few units in the last place: penalties sum what has been rounded.
ROUNDING = {"float32": 2.0**-18, "bfloat16": 2.0**-5, "float16": 2.0**-8}


def pair(shape, **settings):
    """Ours and Keras's, with the same weights."""
    both = layers.BatchNormalization(**settings), keras.layers.BatchNormalization(**settings)
    for layer in both:
        layer.build(shape)
        random = np.random.default_rng(1)
        layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
    return both


def samples(shape, dtype="float32"):
    return tf.cast(np.random.default_rng(0).normal(2.0, 3.0, shape), dtype)


def derivatives(layer, x):
    """What a layer makes of `x` in training, first derivatives, and those of a penalty on them."""
    parts = [x, *(weight.value for weight in layer.trainable_weights)]
    upstream = samples(x.shape)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            value = tf.reduce_sum(tf.sin(tf.cast(y, "float32")) * upstream)
        first = tape.gradient(value, parts)
        penalty = tf.reduce_sum(tf.square(tf.cast(first[0], "float32")))
    return [y, *first, *outer.gradient(penalty, parts), *layer.non_trainable_weights]


def assert_close(ours, expected, rounding):
    for mine, theirs in zip(ours, expected, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert mine.dtype == theirs.dtype
            mine, theirs = (np.asarray(tf.cast(part, "float64")) for part in (mine, theirs))
            np.testing.assert_allclose(mine, theirs, atol=rounding * np.abs(theirs).max())


@pytest.fixture
def kernels(monkeypatch):
    """The shapes that the fused kernel is called with."""
    found, kernel = [], tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(
        tf.raw_ops, "FusedBatchNormV3", lambda **k: found.append(k["x"].shape) or kernel(**k)
    )
    return found


@pytest.mark.parametrize(
    "shape, settings",
    [
        ((12, 3), {"scale": False, "momentum": 0.5}),
        pytest.param((2, 6, 3), {"dtype": "mixed_float16"}, marks=pytest.mark.slow),
        ((2, 4, 5, 3), {}),
        ((2, 4, 5, 3), {"dtype": "mixed_bfloat16"}),
        pytest.param((2, 2, 3, 2, 3), {"center": False}, marks=pytest.mark.slow),
    ],
)
def test_both_derivatives_and_statistics_are_kerass(shape, settings, kernels):
    ours, theirs = pair(shape, **settings)
    x = samples(shape, ours.compute_dtype)
    found = [derivatives(layer, x) for layer in (ours, theirs)]
    assert len(kernels) == 1 and found[0][0].shape == shape
    assert_close(*found, ROUNDING[ours.compute_dtype])


def test_the_derivative_of_a_penalty_is_that_of_a_difference():
    layer, _ = pair((4, 2, 2, 3))
    x, step = samples((4, 2, 2, 3)), 0.05

    def penalty(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(tf.sin(layer(x, training=True)))
        return tf.reduce_sum(tf.square(tape.gradient(value, x)))

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = penalty(x)
    gradient = tape.gradient(value, x)
    along = gradient / tf.norm(gradient)
    difference = (penalty(x + step * along) - penalty(x - step * along)) / (2 * step)
    np.testing.assert_allclose(difference, tf.norm(gradient), rtol=0.01)


@pytest.mark.parametrize("x", [np.full((1, 3), 5.0), np.full((4, 3), np.nan), np.zeros((0, 3))])
def test_one_row_none_and_numbers_that_are_not_finite(x, kernels):
    both, x = pair((None, 3)), tf.constant(x, "float32")
    found = [[layer(x, training=True), *layer.weights] for layer in both]
    assert kernels
    for mine, expected in zip(*found, strict=True):
        # Keras subtracts two products, with rounding of its own.
        np.testing.assert_allclose(mine, expected, rtol=1e-5)


LEFT_TO_KERAS = {
    "inference": ({}, {"training": False}),
    "frozen": ({"trainable": False}, {}),
    "axis": ({"axis": 1}, {}),
    "epsilon": ({"epsilon": 1e-6}, {}),
    "mask": ({}, {"mask": tf.constant([[True] * 4 + [False]] * 4)}),
    "renorm": ({"renorm": True}, {}),
    "float64": ({"dtype": "float64"}, {}),
}


@pytest.mark.parametrize("name", LEFT_TO_KERAS)
def test_where_the_kernel_does_not_apply_all_is_kerass(name, kernels):
    settings, options = LEFT_TO_KERAS[name]
    both = pair((4, 5, 3), **settings)
    x = samples((4, 5, 3), both[0].compute_dtype)
    found = [[layer(x, **{"training": True, **options}), *layer.weights] for layer in both]
    assert not kernels
    for mine, expected in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("synchronized", [True, False])
def test_statistics_of_several_replicas(synchronized, two_replicas):
    x = samples((2, 4, 3))
    with two_replicas.scope():
        layer = layers.BatchNormalization(synchronized=synchronized)
        layer.build((None, 3))

    @tf.function
    def run():
        def replica():
            rows = tf.gather(x, tf.distribute.get_replica_context().replica_id_in_sync_group)
            return layer(rows, training=True)

        return two_replicas.experimental_local_results(two_replicas.run(replica))

    found = np.asarray(run())
    axes = (0, 1) if synchronized else 1
    mean, variance = (of(x, axis=axes, keepdims=True) for of in (np.mean, np.var))
    np.testing.assert_allclose(found, (x - mean) / np.sqrt(variance + layer.epsilon), atol=1e-5)


@pytest.mark.slow
def test_xla_computes_the_same():
    x = samples((3, 4, 4, 3))
    ours, theirs = pair(x.shape)
    ours = tf.function(lambda x: derivatives(ours, x), jit_compile=True)(x)
    assert_close(ours, derivatives(theirs, x), ROUNDING["float32"])


# === Weights and files ===


def network(kind):
    inputs = keras.Input((3,), name="inputs")
    x = keras.layers.Dense(4, name="dense")(inputs)
    return keras.Model(inputs, kind(name="norm", synchronized=True)(x))


@pytest.mark.parametrize("way", [(0, 1), (1, 0)])
def test_weights_go_to_keras_and_back(way, tmp_path):
    kinds = layers.BatchNormalization, keras.layers.BatchNormalization
    source, target = (network(kinds[place]) for place in way)
    rng = np.random.default_rng(0)
    source.set_weights([rng.uniform(size=weight.shape) for weight in source.weights])
    assert [w.path for w in source.weights] == [w.path for w in target.weights]
    source.save_weights(tmp_path / "of.weights.h5")
    target.load_weights(tmp_path / "of.weights.h5")
    assert helpers.same(source.get_weights(), target.get_weights())
    target.set_weights([np.zeros(weight.shape) for weight in target.weights])
    by_name = {weight.path: weight for weight in source.weights}
    for weight in target.weights:
        weight.assign(by_name[weight.path])
    assert helpers.same(source.get_weights(), target.get_weights())


def test_a_saved_network_has_it_and_kerass_config():
    made = network(layers.BatchNormalization)
    config = keras.saving.serialize_keras_object(made)
    again = keras.saving.deserialize_keras_object(config).get_layer("norm")
    assert type(again) is layers.BatchNormalization
    expected = network(keras.layers.BatchNormalization).get_layer("norm").get_config()
    assert again.get_config() == expected


def test_a_penalty_on_gradients_has_its_gradients():
    """Against finite differences; TensorFlow's moments, which Keras uses, stop a part of them."""
    keras.utils.set_random_seed(0)
    network = layers.fuse(helpers.discriminator(batch_norm=True))
    x, kernel = tf.constant(helpers.points(8)), network.trainable_variables[0]
    start = kernel.numpy()

    def penalty():
        with tf.GradientTape() as tape:
            tape.watch(x)
            scores = network(x, training=True)
        return tf.reduce_mean((tf.norm(tape.gradient(scores, x), axis=-1) - 1.0) ** 2)

    with tf.GradientTape() as tape:
        value = penalty()
    gradient = tape.gradient(value, kernel).numpy()
    for direction in np.random.default_rng(0).standard_normal((3, *start.shape)).astype("float32"):
        ends = []
        for sign in (-1.0, 1.0):
            kernel.assign(start + sign * 1e-3 * direction)
            ends.append(float(penalty()))
        slope = (ends[1] - ends[0]) / 2e-3
        assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=0.02, abs=1e-3)


# === In a model ===


def test_networks_of_the_package_have_it():
    generator, _ = networks.dcgan((8, 8, 1), 4, generator_filters=2, discriminator_filters=2)
    norms = [x for x in generator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms and {type(norm) for norm in norms} == {layers.BatchNormalization}


@pytest.mark.slow
def test_training_is_that_with_kerass():
    """Weights and statistics of both players, and of the average, after 2:2 updates of 5 steps."""
    found = []
    for change, eagerly in ((layers.fuse, False), (lambda network: network, True)):
        keras.utils.set_random_seed(0)
        pair = helpers.generator(batch_norm=True), helpers.discriminator(batch_norm=True)
        model = GAN(*map(change, pair))
        model.compile(
            *[keras.optimizers.SGD(0.05) for _ in range(2)],
            discriminator_steps=2,
            generator_steps=2,
            run_eagerly=eagerly,
        )
        model.fit(helpers.points(80), batch_size=8, verbose=0)
        found.append({k: v for k, v in helpers.state(model).items() if v.dtype == "float32"})
    ours, theirs = found
    different = [name for name in ours if not np.array_equal(ours[name], theirs[name])]
    assert different  # it has been used
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-6, err_msg=name)
