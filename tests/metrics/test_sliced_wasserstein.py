"""The sliced Wasserstein distance against exact transport, closed forms and drawing again."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from keras_gan.backend import replicas
from keras_gan.metrics import SlicedWasserstein
from keras_gan.metrics import sliced_wasserstein as module
from keras_gan.metrics.sliced_wasserstein import distance_error, project, sliced_wasserstein


def normal(shape, seed, mean=0.0, std=1.0):
    return np.random.default_rng(seed).normal(mean, std, shape).astype("float32")


# === Pure functions ===


def test_on_a_line_it_is_exact_transport():
    real, fake = normal((60, 1), 0), normal((60, 1), 1, mean=0.5, std=2.0)
    cost = np.square(real - fake.T)
    expected = np.sqrt(cost[linear_sum_assignment(cost)].mean())
    assert sliced_wasserstein(real, fake) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dimension", [2, 64])
def test_a_shift_shows_as_root_mean_square_of_a_coordinate(dimension):
    real = normal((500, dimension), 0)
    shift = normal(dimension, 1)
    expected = np.linalg.norm(shift) / np.sqrt(dimension)
    found = sliced_wasserstein(real, real + shift, num_projections=5_000)
    assert found == pytest.approx(expected, rel=0.02)


def test_two_gaussians_of_different_spread():
    # W_2(N(0, 1), N(0, s^2)) = |s - 1| along every direction.
    real, fake = normal((20_000, 3), 0), normal((20_000, 3), 1, std=1.5)
    assert sliced_wasserstein(real, fake) == pytest.approx(0.5, abs=0.02)


def test_it_is_symmetric_zero_on_itself_and_blind_to_order():
    real, fake = normal((50, 4), 0), normal((50, 4), 1)
    assert sliced_wasserstein(real, real[::-1]) == 0.0
    assert sliced_wasserstein(real, fake) == pytest.approx(sliced_wasserstein(fake, real))
    assert sliced_wasserstein(real, fake[::-1]) == pytest.approx(sliced_wasserstein(real, fake))
    assert sliced_wasserstein(real, fake) != sliced_wasserstein(real, fake, seed=1)


def test_a_lost_mode_is_seen():
    random = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(8) / 8
    ring = np.c_[np.cos(angles), np.sin(angles)]

    def draw(modes):
        chosen = ring[random.integers(0, modes, 1000)]
        return chosen + random.normal(0, 0.01, (1000, 2))

    assert sliced_wasserstein(draw(8), draw(7)) > 1.5 * sliced_wasserstein(draw(8), draw(8))


@pytest.mark.parametrize("std", [1.0, 1.3])
def test_the_error_is_the_spread_of_drawn_samples(std):
    found, errors = [], []
    for i in range(60):
        pair = normal((300, 8), 2 * i), normal((300, 8), 2 * i + 1, std=std)
        found.append(sliced_wasserstein(*pair, num_projections=64))
        errors.append(distance_error(*project(*pair, num_projections=64)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(found), rel=0.35)


def test_the_error_needs_two_groups():
    assert np.isnan(distance_error(*project(normal((3, 2), 0), normal((3, 2), 1))))


@pytest.mark.parametrize(
    "shapes", [((5, 2), (4, 2)), ((5, 2), (5, 3)), ((0, 2), (0, 2)), ((5,), (5,))]
)
def test_samples_of_unlike_shape_are_refused(shapes):
    with pytest.raises(ValueError, match="one shape.*Received: real_shape"):
        sliced_wasserstein(*(np.zeros(shape) for shape in shapes))


# === Metric ===


def fill(metric, real, fake, batch_size=32, compiled=True, **options):
    update = metric.update_state
    if compiled:
        update = tf.function(update, autograph=False, **options)
    for i in range(0, len(real), batch_size):
        update(tf.constant(real[i : i + batch_size]), tf.constant(fake[i : i + batch_size]))
    return metric


def test_the_metric_is_the_function_in_batches():
    real, fake = normal((100, 8, 8, 1), 0), normal((100, 8, 8, 1), 1, mean=0.3)
    expected = sliced_wasserstein(real, fake)
    metric = SlicedWasserstein()
    metric.build((8, 8, 1))
    variables = len(metric.variables)
    assert fill(metric, real, fake).result() == pytest.approx(expected, rel=1e-5)
    assert isinstance(metric.result(), float)
    xla = fill(SlicedWasserstein(), real, fake, batch_size=50, jit_compile=True)
    assert xla.result() == pytest.approx(expected, rel=1e-5)
    error = distance_error(*project(real, fake))
    assert metric.standard_error() == pytest.approx(error, rel=0.5)
    assert len(metric.variables) == variables


def test_it_starts_again_after_a_reset():
    metric = SlicedWasserstein()
    assert np.isnan(metric.result())
    fill(metric, normal((64, 2), 0), normal((64, 2), 1), compiled=False)
    first = metric.result()
    fill(metric, normal((64, 2), 2), normal((64, 2), 3, mean=5.0), compiled=False)
    assert metric.result() > first
    metric.reset_state()
    assert np.isnan(metric.result())
    assert fill(metric, normal((64, 2), 0), normal((64, 2), 1)).result() == first


def test_of_more_samples_a_fair_share_is_kept():
    sorted_reals = np.arange(1000, dtype="float32")[:, None]
    metric = SlicedWasserstein(num_projections=1, max_samples=200)
    fill(metric, sorted_reals, sorted_reals, batch_size=100)
    real, fake = metric.projections()
    kept = np.abs(real[:, 0])
    assert len(kept) == 200 == len(np.unique(kept))
    np.testing.assert_array_equal(real, fake)
    # The mean of 200 of 1,000 numbers has a standard error of 18; the first 200 have 100.
    assert kept.mean() == pytest.approx(499.5, abs=60)
    again = SlicedWasserstein(num_projections=1, max_samples=200)
    fill(again, sorted_reals, sorted_reals, batch_size=100, compiled=False)
    np.testing.assert_array_equal(again.projections()[0], real)
    other = SlicedWasserstein(num_projections=1, max_samples=200, seed=1)
    fill(other, sorted_reals, sorted_reals, batch_size=100, compiled=False)
    assert not np.array_equal(other.projections()[0], real)


def test_unequal_batches_are_cut():
    metric = SlicedWasserstein()
    metric.update_state(tf.constant(normal((5, 2), 0)), tf.constant(normal((3, 2), 1)))
    assert [len(p) for p in metric.projections()] == [3, 3]
    metric.update_state(tf.constant(normal((2, 2), 0)), tf.constant(normal((5, 2), 1)))
    assert [v.numpy() for v in metric.variables if v.name.endswith("_seen")] == [5, 5]


@pytest.mark.parametrize("max_samples", [pytest.param(100, marks=pytest.mark.slow), 20])
def test_two_replicas_keep_to_their_own_parts(max_samples, monkeypatch):
    # Under a strategy Keras adds the replicas' copies of each variable up.
    copies = []
    for replica in range(2):
        monkeypatch.setattr(replicas, "count", lambda: 2)
        monkeypatch.setattr(replicas, "number", lambda replica=replica: replica)
        real, fake = normal((32, 2), 2 * replica), normal((32, 2), 2 * replica + 1, mean=1.0)
        copies.append(fill(SlicedWasserstein(max_samples=max_samples), real, fake, batch_size=8))
    whole = SlicedWasserstein(max_samples=max_samples)
    whole.build((2,))
    for variable, *parts in zip(whole.variables, *(c.variables for c in copies), strict=True):
        variable.assign(sum(tf.convert_to_tensor(part) for part in parts))
    for side in range(2):
        parts = [copy.projections()[side] for copy in copies]
        assert [len(part) for part in parts] == [min(32, max_samples // 2)] * 2
        np.testing.assert_array_equal(whole.projections()[side], np.concatenate(parts))
    keys = [np.asarray(tf.convert_to_tensor(copy.variables[1])) for copy in copies]
    assert not np.array_equal(*(drawn[drawn > 0] for drawn in keys)), "the same draws"


def test_features_are_applied():
    real, fake = normal((64, 6), 0), normal((64, 6), 1)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dropout(0.9)(keras.layers.Dense(3)(inputs)))
    expected = sliced_wasserstein(model(real), model(fake))
    metric = fill(SlicedWasserstein(features=model), real, fake)
    assert metric.result() == pytest.approx(expected, rel=1e-4)
    plain = fill(SlicedWasserstein(features=lambda x: x[:, :2]), real, fake, compiled=False)
    assert plain.result() == pytest.approx(sliced_wasserstein(real[:, :2], fake[:, :2]), rel=1e-4)


def test_the_config_makes_the_same_metric():
    inputs = keras.Input((4,))
    features = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    metric = SlicedWasserstein(
        num_projections=7, max_samples=9, features=features, seed=3, name="m"
    )
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert (again.num_projections, again.max_samples, again.seed, again.name) == (7, 9, 3, "m")
    assert isinstance(again.features, keras.Model)
    assert SlicedWasserstein.from_config(SlicedWasserstein().get_config()).features is None


@pytest.mark.parametrize(
    "argument", [{"num_projections": 0}, {"max_samples": 2.5}, {"features": "vgg"}, {"seed": -1}]
)
def test_arguments_are_checked(argument):
    (name,) = argument
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}="):
        SlicedWasserstein(**argument)


def test_the_module_names_its_directions():
    assert module.random_directions(5, 3).shape == (5, 3)
    np.testing.assert_allclose(np.linalg.norm(module.random_directions(5, 3), axis=0), 1, rtol=1e-6)
    assert SlicedWasserstein.direction == "min"
