"""Penalties against closed forms, and what they read."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import regularizers
from keras_gan.backend.gradients import MemoizedDiscriminator

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


# === Several tensors a sample, several logits ===


def pair(count=6):
    """Real and generated samples of two tensors: a matrix of 2x2 and a code of 3."""
    rng = np.random.default_rng(1)
    shapes = ((count, 2, 2), (count, 3))
    return [tuple(tf.constant(rng.normal(size=s), "float32") for s in shapes) for _ in range(2)]


def of_pair(sample):
    matrix, code = sample
    return tf.reduce_sum(matrix**2, axis=[1, 2])[:, None] / 2.0 + 3.0 * tf.reduce_sum(
        code, axis=1, keepdims=True
    )


def squared(sample):
    """The squared norm of `of_pair`'s gradient."""
    return np.sum(np.square(sample[0]), axis=(1, 2)) + 27.0


def test_one_norm_over_the_tensors_of_a_sample():
    real, fake = pair()
    r1 = regularizers.R1(2.0).penalty(of_pair, real, fake)
    r2 = regularizers.R2(2.0).penalty(of_pair, real, fake)
    np.testing.assert_allclose(r1, squared(real), rtol=1e-5)
    np.testing.assert_allclose(r2, squared(fake), rtol=1e-5)
    gp = regularizers.GradientPenalty(1.0).penalty(of_pair, real, real, seed=SEED)
    np.testing.assert_allclose(gp, (np.sqrt(squared(real)) - 1) ** 2, rtol=1e-5)


def test_one_mixing_factor_for_the_tensors_of_a_sample():
    ones, zeros = ([tf.fill((500, *s), v) for s in ((2, 2), (3,))] for v in (1.0, 0.0))
    matrix, code = regularizers.mix(tuple(ones), tuple(zeros), SEED)
    np.testing.assert_array_equal(code, np.tile(matrix.numpy()[:, 0, :1], (1, 3)))
    np.testing.assert_array_equal(matrix[:, 0, 0], regularizers.mix(ones[1], zeros[1], SEED)[:, 0])


def test_dragan_moves_every_tensor_by_its_own_deviation():
    rng = np.random.default_rng(2)
    real = tuple(tf.constant(s * rng.normal(size=(4_000, 3)), "float32") for s in (1.0, 50.0))
    moved = [a - b for a, b in zip(regularizers.perturb(real, SEED), real, strict=True)]
    for step, part in zip(moved, real, strict=True):
        assert np.mean(step) == pytest.approx(0.125 * np.std(part), rel=0.05)
    # One factor a sample and noise of their own: correlated, and not the same.
    assert 0.2 < np.corrcoef(*(np.ravel(step) for step in moved))[0, 1] < 0.9
    penalty = regularizers.DRAGAN(1.0).penalty(of_pair, *pair(), seed=SEED)
    assert penalty.shape == (6,) and np.isfinite(penalty).all()


def test_a_tensor_that_occurs_twice_is_two_inputs():
    x = tf.constant([[2.0, 0.0], [0.0, 1.0]])

    def score(sample):
        return 3.0 * sample[0][:, :1] + 4.0 * sample[1][:, :1]

    # 3^2 + 4^2, not the square of 3 + 4 once or twice.
    np.testing.assert_allclose(regularizers.R1(2.0).penalty(score, (x, x), (x, x)), [25.0] * 2)
    # Nor does a condition that is the same tensor count.
    given = regularizers.R1(2.0).penalty(lambda s: score(s) + 5.0 * x[:, :1], (x, x), (x, x))
    np.testing.assert_allclose(given, [25.0] * 2)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_without_gradients_do_not_count(name):
    real, fake = batches()
    integers = tf.range(6)
    unread = tf.ones((6, 2))

    def score(sample):
        assert sample[1].dtype == tf.int32
        return linear(sample[0]) + tf.cast(sample[1], "float32")[:, None]

    regularizer = regularizers.get(name)
    result = regularizer.penalty(
        score, (real, integers, unread), (fake, integers, unread), seed=SEED
    )
    single = regularizer.penalty(linear, real, fake, seed=SEED)
    np.testing.assert_allclose(result, single, rtol=1e-5)


@pytest.mark.parametrize("name", ["dragan", "gradient_penalty", "r1", "r2"])
def test_the_logits_of_all_scales_are_summed_for_the_gradient(name):
    real, fake = batches()
    several = regularizers.get(name).penalty(
        lambda x: [0.25 * linear(x), tf.tile(0.25 * linear(x), [1, 3])], real, fake, seed=SEED
    )
    single = regularizers.get(name).penalty(linear, real, fake, seed=SEED)
    np.testing.assert_allclose(several, single, rtol=1e-5)


def test_lecam_averages_scales():
    lecam, single = regularizers.LeCam(), regularizers.LeCam()
    real, fake = tf.constant([[1.0], [3.0]]), tf.constant([[-1.0], [-5.0]])

    def both(x):
        return [x, tf.tile(x, [1, 2])]

    lecam.after_update(None, real_logits=both(real), fake_logits=both(fake))
    single.after_update(None, real_logits=real, fake_logits=fake)
    assert lecam.real_average.numpy() == single.real_average.numpy() != 0.0
    np.testing.assert_allclose(
        lecam.penalty(both, real, fake), single.penalty(lambda x: x, real, fake)
    )


def test_a_loss_scale_changes_no_gradient_of_several_logits():
    real, _ = pair()

    def scaled(scale):
        score = MemoizedDiscriminator(lambda s: [of_pair(s), 2.0 * of_pair(s)], scale)
        return regularizers.R1(2.0).penalty(score, real, real)

    np.testing.assert_allclose(scaled(tf.constant(256.0)), scaled(None), rtol=1e-6)
    np.testing.assert_allclose(scaled(None), 9.0 * squared(real), rtol=1e-5)


def test_nothing_is_scored_twice():
    counted = []

    def score(sample):
        counted.append(sample)
        return of_pair(sample)

    critic, (real, fake) = MemoizedDiscriminator(score), pair()
    assert critic(real) is critic((real[0], real[1]))  # another tuple of the same tensors
    critic.gradients(real)
    assert len(counted) == 1
    critic(fake), critic((fake[0], real[1]))
    assert len(counted) == 3
    critic.anew()(real)
    assert len(counted) == 4


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


@pytest.mark.parametrize(
    "name", ["gradient_penalty", pytest.param("dragan", marks=pytest.mark.slow)]
)
def test_two_replicas_draw_the_points_of_one(name, two_replicas):
    real, fake = pair(8)
    regularizer = regularizers.get(name)

    @tf.function
    def step():
        def local():
            first = 4 * tf.distribute.get_replica_context().replica_id_in_sync_group
            rows = [tuple(part[first : first + 4] for part in side) for side in (real, fake)]
            return regularizer.penalty(of_pair, *rows, seed=SEED)

        return two_replicas.experimental_local_results(two_replicas.run(local))

    whole = regularizer.penalty(of_pair, real, fake, seed=SEED)
    np.testing.assert_allclose(tf.concat(step(), 0), whole, rtol=1e-4)
