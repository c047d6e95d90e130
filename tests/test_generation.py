"""Priors and what is sampled with them: repeatable, in range, without touching training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import priors
from keras_gan.model import compute_cost, generation
from keras_gan.model.gan import GAN

SEED = tf.constant([5, 6])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return helpers.gan()


@pytest.mark.parametrize(
    "name, mean, deviation, limit",
    [("normal", 0, 1, np.inf), ("uniform", 0, 3**-0.5, 1), ("truncated_normal", 0, 0.8796, 2)],
)
def test_priors_have_their_distribution(name, mean, deviation, limit):
    prior = priors.get(name)
    drawn = prior((50_000, 2), SEED).numpy()
    assert drawn.dtype == np.float32 and np.abs(drawn).max() <= limit
    assert drawn.mean() == pytest.approx(mean, abs=0.01)
    assert drawn.std() == pytest.approx(deviation, rel=0.01)
    np.testing.assert_array_equal(drawn, prior((50_000, 2), SEED))
    assert not np.array_equal(drawn, prior((50_000, 2), SEED + 1))
    config = keras.saving.serialize_keras_object(prior)
    assert priors.get(config).get_config() == prior.get_config()


def test_a_prior_of_ones_own():
    def signs(shape, seed):
        return tf.sign(tf.random.stateless_uniform(shape, seed, -1, 1))

    model = GAN(helpers.generator(), helpers.discriminator(), prior=signs)
    assert set(np.unique(model.sample_latents(50, seed=0))) == {-1.0, 1.0}
    model.compile(run_eagerly=True)
    model.train_on_batch(helpers.points(8))
    with pytest.raises(ValueError, match="callable"):
        GAN(helpers.generator(), helpers.discriminator(), prior=3)
    with pytest.raises(ValueError, match="Did you mean 'uniform'"):
        priors.get("unifrom")


def test_truncation_is_about_the_mean():
    prior = priors.Uniform(2.0, 4.0)
    latents = generation.latents_of(prior, 100, 3, seed=1)
    close = generation.latents_of(prior, 100, 3, seed=1, truncation=0.5)
    np.testing.assert_allclose(close, 3.0 + 0.5 * (latents - 3.0), rtol=1e-6)


def test_the_same_seed_gives_the_same_samples_whatever_the_batch(model):
    samples = model.generate(10, seed=4)
    assert samples.shape == (10, 2) and samples.dtype == np.float32
    np.testing.assert_allclose(model.generate(10, seed=4, batch_size=3), samples, atol=1e-6)
    assert not np.allclose(model.generate(10, seed=5), samples)
    latents = model.sample_latents(10, seed=4)
    np.testing.assert_array_equal(model.generate(latents=latents), samples)
    np.testing.assert_allclose(model.predict(latents, verbose=0), samples, atol=1e-6)


def test_large_networks_are_given_few_samples_at_a_time(model, monkeypatch):
    samples, given = model.generate(10, seed=4), []
    width = sum(layer.output.shape[-1] for layer in model.generator.layers)
    monkeypatch.setattr(compute_cost, "_PER_PASS", 4 * width)
    network = model.averaged_generator
    call = network.call
    monkeypatch.setitem(
        vars(network), "call", lambda x, *a, **k: given.append(len(x)) or call(x, *a, **k)
    )
    np.testing.assert_allclose(model.generate(10, seed=4), samples, atol=1e-6)
    assert given == [4, 4, 2]


def test_no_seed_draws_anew_and_leaves_training_alone():
    results = []
    for draw in (False, True):
        keras.utils.set_random_seed(0)
        model = helpers.gan(run_eagerly=True)
        if draw:
            first, second = model.generate(4), model.generate(4)
            assert not np.allclose(first, second)
        model.train_on_batch(helpers.points(8))
        results.append(model.get_weights())
    assert helpers.same(*results)


def test_interpolation_ends_where_it_should(model):
    start, end = model.sample_latents(2, seed=0)
    for mode in ("slerp", "lerp"):
        path = model.interpolate(start, end, steps=5, mode=mode)
        np.testing.assert_allclose(
            path[[0, -1]], model.generate(latents=np.stack([start, end])), atol=1e-5
        )
    # The great circle keeps the length of latents of equal length.
    a, b = np.array([3.0, 0, 0, 0]), np.array([0, 3.0, 0, 0])
    lengths = np.linalg.norm(generation.path(a, b, 7, "slerp"), axis=1)
    np.testing.assert_allclose(lengths, 3.0, rtol=1e-5)
    np.testing.assert_allclose(generation.path(a, a, 3, "slerp"), [a] * 3, atol=1e-6)


def test_scores_are_the_discriminators_logits(model):
    points = helpers.points(7)
    expected = model.discriminator(points).numpy()[:, 0]
    np.testing.assert_allclose(model.score(points, batch_size=3), expected, atol=1e-6)


def points_in_batches():
    return tf.data.Dataset.from_tensors(helpers.points(8)).repeat()


def iter_of_points():
    return (points for points in [helpers.points(8)])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.generate(0), "num_samples=0"),
        (lambda m: m.generate(3, latents=np.zeros((2, 4))), "must agree"),
        (lambda m: m.generate(latents=np.zeros((2, 5))), r"shape \(n, 4\)"),
        (lambda m: m.generate(2, truncation=-1), "truncation=-1"),
        (lambda m: m.generate(2, averaged="no"), "`averaged` must be True or False"),
        (lambda m: m.compile(run_eagerly="no"), "`run_eagerly` must be True or False"),
        (
            lambda m: m.compile(jit_compile="yes"),
            "`jit_compile` must be one of True, False, 'auto'",
        ),
        (lambda m: m.generate(2, labels=[0, 1]), "take no labels"),
        (lambda m: m.predict(np.zeros((2, 2)), verbose=0), r"shape \(n, 4\)"),
        (lambda m: m.predict(np.zeros((0, 4)), verbose=0), r"must not be empty.*shape=\(0, 4\)"),
        (lambda m: m.interpolate(np.zeros(4), np.zeros(3)), r"shape \(4,\)"),
        (lambda m: m.interpolate(np.zeros(4), np.ones(4), mode="cubic"), "'slerp', 'lerp'"),
        (lambda m: m.interpolate(np.zeros(4), np.ones(4), steps=1), "at least 2"),
        (lambda m: m.sample_latents(2, seed=-1), "seed=-1"),
        (lambda m: m.sample_latents(2, seed=2**63), r"below 2\*\*63"),
        (lambda m: m.score(helpers.points(2), batch_size=0), "batch_size=0"),
        (lambda m: m.score([[0.0, np.nan]]), "`samples` must be finite, but 1 of 1"),
        (lambda m: m.score([[0.0, 1j]]), "`samples` must be real numbers"),
        (lambda m: m.score(helpers.points(2), batch_size=1.5), "batch_size=1.5"),
        (lambda m: m.generate(latents=[["a"] * 4]), "`latents` must be an array of numbers"),
        (lambda m: m.generate(latents=[[1.0] * 4, [1.0]]), "`latents` must be an array of numbers"),
        (lambda m: m.generate(latents=np.zeros((1, 4), complex)), "`latents` must be real"),
        (lambda m: m.generate(latents=np.full((1, 4), np.nan)), "`latents` must be finite"),
        (lambda m: m.predict(np.full((1, 4), 1e39), verbose=0), "`latents` must be finite"),
        (lambda m: m.interpolate("abcd", np.ones(4)), "`start` must be an array of numbers"),
        (lambda m: m.test_on_batch(points_in_batches()), "`x` must be an array of numbers"),
        (lambda m: m.test_on_batch(iter_of_points()), "`x` must be an array of numbers"),
    ],
)
def test_errors(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)
