"""Who stands still while the other learns, without a model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan.engine import accumulation, preserved, state, updates


def test_a_network_that_stands_still_draws_anew_for_each_pass():
    network, points = helpers.discriminator(dropout=0.5, batch_norm=True), helpers.points(8)
    before, passes = helpers.values(network.variables), []
    for seed in ([1, 2], [3, 4], [1, 2]):
        with preserved.preserved_statistics(network, tf.constant(seed)):
            passes.append([network(points, training=True).numpy() for _ in range(2)])
        assert helpers.same(before, helpers.values(network.variables))
    assert not np.array_equal(passes[0][0], passes[0][1])
    assert not np.array_equal(passes[0][0], passes[1][0])
    np.testing.assert_array_equal(passes[0], passes[2])


def test_an_update_that_is_left_out_has_used_up_its_random_numbers():
    network = helpers.discriminator(dropout=0.5, batch_norm=True)
    states = state.random_generators(network)
    for unless, moved in ((False, False), (tf.constant(False), True), (tf.constant(True), True)):
        weights, drawn = helpers.values(network.weights), helpers.values(states)
        statistics = preserved.Statistics(network)
        network(helpers.points(8), training=True)
        statistics.restore(unless=unless)
        assert helpers.same(drawn, helpers.values(states)) != moved
        applied = unless is not False and bool(unless)
        assert helpers.same(weights, helpers.values(network.weights)) != applied


def test_slices_of_an_embedding_are_added_before_they_are_squared():
    embedding = keras.layers.Embedding(3, 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(embedding(tf.constant([1, 1, 2])) * [[1.0], [2.0], [4.0]])
    slices = tape.gradient(loss, [embedding.embeddings.value])
    assert isinstance(slices[0], tf.IndexedSlices)
    dense, none = accumulation.dense([*slices, None])
    np.testing.assert_array_equal(dense, [[0, 0], [3, 3], [4, 4]])
    assert none is None


def update(gan, loss, gradient, after_update=lambda: None):
    """An update of the generator with gradients of this value; whether it was applied."""
    player = gan._players[-1]
    gradients = [tf.ones(v.shape) * gradient for v in player.variables]
    size = updates.norm(gradients, player)
    given = (player, gan._players, gradients, size, tf.constant(loss), gan._state)
    return bool(updates.apply_if_finite(*given, after_update))


@pytest.mark.parametrize("loss", [1.0, np.nan, np.inf])
@pytest.mark.parametrize("gradient", [1.0, np.nan])
def test_an_update_is_applied_if_its_loss_and_its_gradients_are_finite(loss, gradient):
    gan, done = helpers.gan(), []
    before = helpers.values(gan.generator.trainable_variables)
    applied = update(gan, loss, gradient, lambda: done.append(True))
    finite = np.isfinite(loss) and np.isfinite(gradient)
    assert applied == finite == (done == [True])
    after = helpers.values(gan.generator.trainable_variables)
    moved = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert all(moved) if finite else not any(moved)
    assert (gan.first_failure is None) == finite


def test_the_first_failure_is_kept_until_it_is_forgotten():
    gan = helpers.gan()
    for step in (3, 4):
        gan._state.steps_seen.assign(step)
        update(gan, np.nan, 1.0)
        assert gan.first_failure["step"] == 3
    gan._state.forget_failure()
    update(gan, np.nan, 1.0)
    assert gan.first_failure["step"] == 4
