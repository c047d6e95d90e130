"""Classes, shuffled rows and values of schedules in place of latents."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import GAN, AdversarialModel, Critic, priors, schedules

SEED = tf.constant([3, 4])


def again(prior):
    return priors.get(keras.saving.serialize_keras_object(prior))


@pytest.mark.parametrize("prior", ["normal", "truncated_normal", "uniform"])
def test_a_run_of_today_draws_what_it_drew(prior):
    prior = priors.get(prior)
    drawn = prior((5, 3), SEED)
    assert prior.truncates and not np.array_equal(priors.truncate(prior, drawn, 0.5), drawn)


# === Categorical ===


@pytest.mark.parametrize("probabilities", [None, [0.0, 3.0, 1.0, 0.0]])
def test_classes_have_their_probabilities(probabilities):
    prior = again(priors.Categorical(4, probabilities=probabilities))
    drawn = prior(tf.constant([40_000]), SEED)
    assert drawn.dtype == tf.int32 and drawn.shape == (40_000,)
    shares = np.bincount(drawn, minlength=4) / 40_000
    expected = np.full(4, 0.25) if probabilities is None else np.array(probabilities) / 4.0
    np.testing.assert_allclose(shares, expected, atol=0.01)  # four standard errors
    assert (shares[expected == 0.0] == 0.0).all()
    np.testing.assert_array_equal(drawn, prior((40_000,), SEED))
    assert not np.array_equal(drawn, prior((40_000,), SEED + 1))


def test_a_floating_input_gets_one_hot_rows_of_the_same_classes():
    prior = priors.Categorical(5)
    rows = prior(tf.stack([tf.constant(100), 5]), SEED)
    assert rows.dtype == tf.float32 and rows.shape == (100, 5)
    np.testing.assert_array_equal(tf.argmax(rows, -1), prior((100,), SEED))
    np.testing.assert_array_equal(tf.reduce_sum(rows, -1), np.ones(100))
    assert prior((2, 3, 3, 5), SEED).shape == (2, 3, 3, 5)


# === Shuffled ===


def test_rows_in_another_order():
    prior, rows = again(priors.Shuffled("labels")), tf.reshape(tf.range(24), (8, 3))
    assert prior.name == "labels"
    shuffled = prior.of(rows, SEED).numpy()
    assert shuffled.shape == (8, 3) and not np.array_equal(shuffled, rows)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), rows)
    np.testing.assert_array_equal(shuffled[:, 1] - shuffled[:, 0], np.ones(8))
    np.testing.assert_array_equal(shuffled, prior.of(rows, SEED))
    assert not np.array_equal(shuffled, prior.of(rows, SEED + 1))
    compiled = tf.function(prior.of, jit_compile=True)(rows, SEED)
    np.testing.assert_array_equal(compiled, shuffled)


def test_all_orders_are_alike():
    prior, rows = priors.Shuffled("x"), tf.range(3)
    order = lambda n: prior.of(rows, tf.stack([n, 0]))  # noqa: E731
    orders = tf.function(lambda: tf.map_fn(order, tf.range(1_200)))()
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6 and np.abs(counts - 200).max() < 60  # 4.6 standard deviations


def test_replicas_shuffle_the_rows_of_all(two_replicas):
    prior, rows = priors.Shuffled("x"), tf.range(8)

    @tf.function
    def step():
        def local():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return prior.of(rows[4 * number : 4 * number + 4], SEED)

        return two_replicas.experimental_local_results(two_replicas.run(local))

    np.testing.assert_array_equal(np.concatenate(step()), prior.of(rows, SEED))


# === Scheduled ===


def test_a_schedule_fills_every_row():
    for schedule, expected in (
        (schedules.Linear(1.0, 0.0, over_steps=10), 0.5),
        (schedules.Linear(1.0, 0.0, over_images=10), 0.2),
    ):
        prior = again(priors.get(schedule))
        assert isinstance(prior, priors.Scheduled)
        filled = prior.filled((3, 1), images_seen=8, steps_seen=5)
        np.testing.assert_allclose(filled, np.full((3, 1), expected), rtol=1e-6)
        assert filled.dtype == prior.value_at(8, 5).dtype == tf.float32
    config = keras.saving.serialize_keras_object(schedule)
    assert isinstance(priors.get(config), priors.Scheduled)


# === Truncation ===


@pytest.mark.parametrize(
    "prior",
    [priors.Categorical(3), priors.Shuffled("x"), priors.get(schedules.Cosine(1.0, 0.0, 5))],
)
def test_truncation_leaves_classes_and_schedules_alone(prior):
    rows = tf.constant([[0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(priors.truncate(prior, rows, 0.5), rows)


def test_truncation_leaves_integers_alone():
    np.testing.assert_array_equal(priors.truncate(lambda s, k: None, tf.constant([4]), 0.5), [4])


# === Errors ===


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: priors.Categorical(0), "num_classes=0"),
        (lambda: priors.Categorical(2, probabilities=[1.0]), "one number for each class"),
        (lambda: priors.Categorical(2, probabilities=[0.0, 0.0]), "not all of them 0"),
        (lambda: priors.Categorical(2, probabilities=[2.0, -1.0]), "at least 0"),
        (lambda: priors.Categorical(4)((7, 3), SEED), "a value for each class.*num_classes=4"),
        (lambda: priors.Shuffled(3), "name=3"),
        (lambda: priors.Scheduled(0.5), "must be a schedule"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


LATENTS = r"The prior of `latents` must return real numbers of shape \(batch, 4\)\. Received: "
WRONG = {
    "another size": (lambda s, k: tf.zeros((s[0], 3)), r"shape=\(3, 3\)\. Draw with the `shape`"),
    "rows": (lambda s, k: tf.zeros((1, 4)), r"shape=\(1, 4\)"),
    "an axis less": (lambda s, k: tf.zeros(s[:1]), r"shape=\(3,\)"),
    "nothing": (lambda s, k: None, "returned='NoneType'"),
    "complex": (lambda s, k: tf.zeros(s, "complex64"), "dtype='complex64'"),
    "text": (lambda s, k: tf.fill(s, "a"), "dtype='string'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_prior_that_returns_anything_else_is_told_before_a_step(kind):
    prior, received = WRONG[kind]
    networks = helpers.generator(), helpers.discriminator()
    gan = GAN(*networks, prior=prior)
    with pytest.raises(ValueError, match=LATENTS + received):
        gan.compile()
    with pytest.raises(ValueError, match=LATENTS + received):
        gan.generate(3)
    inputs = {"latents": networks[0].inputs[0], "noise": keras.Input((2,), name="noise")}
    made = networks[0](inputs["latents"]) + inputs["noise"]
    critic = Critic(networks[1], real="samples", fake="generated")
    game = AdversarialModel(
        keras.Model(inputs, {"generated": made}),
        critic,
        priors={"latents": "normal", "noise": prior},
    )
    with pytest.raises(ValueError, match="The prior of `noise` must return"):
        game.compile()


def test_real_numbers_of_other_types_are_drawn():
    for dtype in ("float64", "bool"):
        gan = GAN(
            helpers.generator(),
            helpers.discriminator(),
            prior=lambda shape, seed, dtype=dtype: tf.ones(shape, dtype),
        )
        gan.compile(run_eagerly=True)
        gan.train_on_batch(helpers.points(8))
        assert np.isfinite(gan.generate(2)).all()


@pytest.mark.parametrize(
    "prior, message",
    [
        (priors.Shuffled("labels"), "needs the rows of 'labels'"),
        (priors.get(schedules.Cosine(1.0, 0.0, 5)), "not drawn"),
    ],
)
def test_what_cannot_be_drawn_says_so(prior, message):
    with pytest.raises(NotImplementedError, match=message):
        prior((3,), SEED)
