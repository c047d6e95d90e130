"""The path length: lengths of the Jacobian, and their running mean."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gan import terms
from keras_gan.backend import replicas
from scenes import Scene
from term_table import CLASSES, MATRIX, TERMS, A, B, heads


def linear_scene(count, shape=(8,), seed=(1, 2)):
    """Outputs that are linear in latents, on a tape."""
    latents = tf.random.stateless_normal([count, 3], [5, 6])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latents)
        outputs = tf.reshape(latents @ MATRIX, (count, *shape))
    return Scene({"z": latents, "x": outputs}, tape=tape, seed=seed)


def running(term):
    return float(term.mean.value)


@pytest.mark.parametrize("shape, pixels", [((8,), 1), ((2, 2, 2), 4)])
def test_squared_lengths_are_those_of_the_jacobian(shape, pixels):
    # With the mean at 0 the value is |J^T y|^2, whose expectation is the sum of J's squares.
    value = terms.PathLength("z", "x").value(linear_scene(20_000, shape))
    assert value.shape == (20_000,)
    expected = np.square(MATRIX).sum() / pixels
    assert np.mean(value) == pytest.approx(expected, rel=0.03)  # four standard errors


def test_latents_of_several_layers_are_averaged():
    styles = tf.ones((5, 4, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(styles)
        x = tf.reduce_sum(styles, axis=1) @ MATRIX
    several = terms.PathLength("w", "x").value(Scene({"w": styles, "x": x}, tape=tape))
    single = terms.PathLength("z", "x").value(linear_scene(5))
    np.testing.assert_allclose(several, single, rtol=1e-4)


def test_the_running_mean_follows_updates_alone():
    term = terms.PathLength("z", "x", decay=0.25)
    lengths = np.sqrt(term.value(linear_scene(16)))
    assert running(term) == 0.0
    term.after_update()
    assert running(term) == pytest.approx(0.25 * lengths.mean(), rel=1e-4)
    # An evaluation, and an update without one, change nothing.
    before = running(term)
    value = term.value(linear_scene(16))
    term.after_update(due=tf.constant(False))
    assert running(term) == before
    np.testing.assert_allclose(value, (lengths - before) ** 2, rtol=1e-3)
    term.value(linear_scene(16))
    term.after_update(due=tf.constant(True))
    assert running(term) == pytest.approx((0.25 + 0.75 * 0.25) * lengths.mean(), rel=1e-4)


def test_micro_batches_are_one_batch():
    whole, parts = terms.PathLength("z", "x"), terms.PathLength("z", "x")
    scene = linear_scene(16)
    expected = whole.value(scene)
    found = []
    for part in (0, 1):
        rows = tf.range(part, 16, 2)
        latents = tf.gather(scene["z"], rows)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(latents)
            x = latents @ MATRIX
        with replicas.micro_batch(part, 2):
            found.append(parts.value(Scene({"z": latents, "x": x}, tape=tape)))
    np.testing.assert_allclose(tf.reshape(tf.stack(found, 1), [-1]), expected, rtol=1e-5)
    for term in (whole, parts):
        term.after_update()
    assert running(parts) == pytest.approx(running(whole), rel=1e-5)
    # What a skipped update has left, such as a NaN, is gone with the next evaluation.
    parts.measured.assign(np.nan)
    parts.value(scene)
    parts.after_update()
    assert np.isfinite(running(parts))


def test_path_length_is_differentiable_where_it_is_flat():
    matrix = tf.Variable(np.zeros((3, 8), "float32"))
    latents = tf.ones((4, 3))
    with tf.GradientTape() as outer:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(latents)
            x = latents @ matrix
        value = terms.PathLength("z", "x").value(Scene({"z": latents, "x": x}, tape=tape))
    assert np.isfinite(outer.gradient(value, matrix)).all()


# === Replicas, branches and XLA ===


class GlobalScene(Scene):
    """Means over the rows of all replicas."""

    def mean(self, values):
        return tf.distribute.get_replica_context().all_reduce("MEAN", super().mean(values))


def rows_of(number, count):
    """A scene of one of `count` replicas: its rows of sixteen."""
    latents = tf.random.stateless_normal([16, 3], [5, 6])
    latents = latents[number * 16 // count : (number + 1) * 16 // count]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latents)
        x = latents @ MATRIX
    sides = {"real": {"features": [latents, x]}, "fake": {"features": [2.0 * latents, x**2]}}
    return GlobalScene({"z": latents, "x": x}, {"only": sides.get}, tape=tape)


def test_two_replicas_are_one_batch(two_replicas):
    matching = terms.FeatureMatching(of="means")
    single = terms.PathLength("z", "x", decay=0.5)
    whole = rows_of(0, 1)
    expected = single.value(whole)
    single.after_update()
    with two_replicas.scope():
        term = terms.PathLength("z", "x", decay=0.5)

    @tf.function
    def step():
        def local():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            scene = rows_of(number, 2)
            values = term.value(scene), matching.value(scene)
            term.after_update()
            return values

        return [two_replicas.experimental_local_results(v) for v in two_replicas.run(local)]

    lengths, matched = step()
    np.testing.assert_allclose(tf.concat(lengths, 0), expected, rtol=1e-4)
    np.testing.assert_allclose(matched, [matching.value(whole)] * 2, rtol=1e-5)
    np.testing.assert_allclose(term.mean.numpy(), single.mean.numpy(), rtol=1e-5)


@pytest.mark.parametrize("jit", [pytest.param(False, marks=pytest.mark.slow), True])
def test_terms_in_a_branch_of_a_graph(jit):
    path = terms.PathLength("z", "x", decay=1.0)
    others = [TERMS["classification"](), TERMS["perceptual_a_b"](), TERMS["kl_divergence_a_b"]()]
    tensors = {"a": A, "b": B, "labels": CLASSES}

    @tf.function(jit_compile=jit)
    def step(due):
        def evaluated():
            with tf.GradientTape(persistent=True) as tape:
                z = tf.constant(A[:, :, 0])
                tape.watch(z)
                x = z @ MATRIX
            scene = Scene({**tensors, "z": z, "x": x}, heads(), tape=tape)
            return tf.add_n([tf.reduce_mean(term.value(scene)) for term in (path, *others)])

        value = tf.cond(due, evaluated, lambda: 0.0)
        path.after_update(due)
        return value

    assert step(tf.constant(False)) == running(path) == 0.0
    assert step(tf.constant(True)) > 0.0 and running(path) > 0.0
