"""Penalties against closed forms, and what they read."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import regularizers

SEED = tf.constant([3, 4])
W = np.array([[3.0], [4.0]], "float32")  # a linear discriminator whose gradient has norm 5


def linear(samples):
    return tf.cast(samples, "float32") @ W


def quadratic(samples):
    """Gradient `x`: differs from sample to sample and from value to value."""
    return tf.reduce_sum(samples**2, axis=1, keepdims=True) / 2.0


def batches(count=6):
    rng = np.random.default_rng(0)
    return [tf.constant(rng.normal(size=(count, 2)), "float32") for _ in range(2)]


NAMES = ["dragan", "gradient_penalty", "lecam", "r1", "r2"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("r1", 10.0 * 25 / 2),
        ("r2", 10.0 * 25 / 2),
        ("gradient_penalty", 10.0 * (5 - 1) ** 2),
        ("dragan", 10.0 * (5 - 1) ** 2),
    ],
)
def test_linear_discriminator(name, expected):
    real, fake = batches()
    penalty = regularizers.get(name).penalty(linear, real, fake, seed=SEED)
    assert penalty.shape == (6,) and penalty.dtype == tf.float32
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_r1_reads_the_data_and_r2_the_samples():
    real, fake = batches()
    squares = [np.sum(np.square(x), axis=1) / 2 for x in (real, fake)]
    r1 = regularizers.R1(weight=3.0).penalty(quadratic, real, fake)
    r2 = regularizers.R2(weight=3.0).penalty(quadratic, real, fake)
    np.testing.assert_allclose(r1, 3.0 * squares[0], rtol=1e-5)
    np.testing.assert_allclose(r2, 3.0 * squares[1], rtol=1e-5)


def test_norms_are_over_all_axes_but_the_first():
    images = tf.ones((3, 4, 4, 2))
    penalty = regularizers.R1(weight=2.0).penalty(
        lambda x: tf.reduce_sum(x, axis=[1, 2, 3])[:, None], images, images
    )
    np.testing.assert_allclose(penalty, [32.0] * 3)


def test_patch_logits_are_summed_for_the_gradient():
    images = tf.ones((2, 4, 4, 1))
    penalty = regularizers.R1(weight=2.0).penalty(lambda x: 2.0 * x, images, images)
    np.testing.assert_allclose(penalty, [16 * 4.0] * 2)


def test_mixing_factors_are_uniform_and_one_a_sample():
    real, fake = tf.ones((20_000, 3)), tf.zeros((20_000, 3))
    mixed = regularizers.mix(real, fake, SEED).numpy()
    assert (mixed == mixed[:, :1]).all()
    factors = np.sort(mixed[:, 0])
    assert factors[0] >= 0.0 and factors[-1] <= 1.0
    # Kolmogorov-Smirnov: 1.63 / sqrt(n) is the 1 % point, a normal factor would be far off.
    distance = np.abs(factors - np.linspace(0, 1, len(factors))).max()
    assert distance < 1.63 / np.sqrt(len(factors))
    other = regularizers.mix(real, fake, SEED + 1).numpy()
    assert not np.allclose(mixed, other)


def test_dragan_stays_within_half_a_deviation_of_the_data():
    real, _ = batches(5_000)
    moved = regularizers.perturb(real, SEED).numpy() - real.numpy()
    assert moved.min() >= 0.0 and moved.max() <= 0.5 * np.std(real) + 1e-6
    # Uniform times uniform: the mean is a quarter of the range.
    assert moved.mean() == pytest.approx(0.125 * np.std(real), rel=0.05)
    assert np.unique(np.round(moved[0], 6)).size > 1


@pytest.mark.parametrize("name", NAMES)
def test_gradient_at_a_flat_discriminator_is_finite(name):
    weight = tf.Variable(np.zeros((2, 1), "float32"))
    real, fake = batches()
    with tf.GradientTape() as tape:
        penalty = regularizers.get(name).penalty(lambda x: x @ weight, real, fake, seed=SEED)
    gradient = tape.gradient(penalty, weight, unconnected_gradients="zero")
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "target, one_sided, expected", [(0.0, False, 25), (7.0, False, 4), (7.0, True, 0)]
)
def test_target_and_one_sided(target, one_sided, expected):
    real, fake = batches()
    regularizer = regularizers.GradientPenalty(1.0, target=target, one_sided=one_sided)
    penalty = regularizer.penalty(linear, real, fake, seed=SEED)
    np.testing.assert_allclose(penalty, expected, rtol=1e-5, atol=1e-6)


def test_lecam_pulls_logits_to_the_other_kinds_average():
    lecam = regularizers.LeCam(weight=2.0, decay=0.5)
    real, fake = tf.constant([[1.0], [3.0]]), tf.constant([[-1.0], [-5.0]])
    identity = lambda x: x  # noqa: E731
    # Nothing is known yet, so nothing is pulled.
    np.testing.assert_array_equal(lecam.penalty(identity, real, fake), [0.0, 0.0])
    lecam.after_update(None, real_logits=real, fake_logits=fake)
    expected = 2.0 * ((real + 3.0) ** 2 + (fake - 2.0) ** 2)[:, 0]
    np.testing.assert_allclose(lecam.penalty(identity, real, fake), expected, rtol=1e-5)
    # The second mean counts 2/3: a decay of one half, corrected for the start.
    lecam.after_update(None, real_logits=real + 3.0, fake_logits=fake)
    np.testing.assert_allclose(
        lecam.penalty(identity, real, fake)[0],
        2.0 * ((1.0 + 3.0) ** 2 + (-1.0 - (2.0 + 5.0 * 2) / 3) ** 2),
        rtol=1e-5,
    )


def test_weight_clipping_clips_every_weight():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    network.set_weights([np.full((2, 3), 5.0), np.array([-5.0, 0.001, 5.0])])
    regularizers.WeightClipping(limit=0.01).after_update(network)
    np.testing.assert_allclose(network.get_weights()[0], 0.01)
    np.testing.assert_allclose(network.get_weights()[1], [-0.01, 0.001, 0.01])


@pytest.mark.parametrize("name", [*NAMES, "weight_clipping"])
def test_round_trip(name):
    regularizer = regularizers.get(name)
    config = keras.saving.serialize_keras_object(regularizer)
    twin = regularizers.get(config)
    assert type(twin) is type(regularizer) and twin.get_config() == regularizer.get_config()
    assert regularizer.name == name


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: regularizers.R1(-1.0), "weight=-1.0"),
        (lambda: regularizers.R1(every=0), "every=0"),
        (lambda: regularizers.LeCam(decay=1.0), "decay=1.0"),
        (lambda: regularizers.WeightClipping(0.0), "limit=0.0"),
        (lambda: regularizers.GradientPenalty(one_sided=1), "one_sided=1"),
        (lambda: regularizers.get("r3"), "Known names"),
        (lambda: regularizers.get(object()), "Subclass"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
