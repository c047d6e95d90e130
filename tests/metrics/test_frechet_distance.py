"""The Fréchet distance against matrix roots, closed forms and singular covariances."""

import warnings

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from keras_gan.metrics import FrechetDistance
from keras_gan.metrics import frechet_distance as module
from keras_gan.metrics.frechet_distance import (
    distance_of_moments,
    error_of_moments,
    frechet_distance,
)
from keras_gan.metrics.moments import Moments


def normal(count, dimension, seed, *, rank=None):
    """Correlated samples whose spread falls over three orders of magnitude."""
    random = np.random.default_rng(seed)
    inner = random.normal(size=(count, rank or dimension))
    inner *= np.logspace(0, -3, rank or dimension)
    return inner @ random.normal(size=(rank or dimension, dimension)) + random.normal()


def by_matrix_root(real, fake):
    first, second = (np.cov(x, rowvar=False) for x in (real, fake))
    root = scipy.linalg.sqrtm(first @ second).real
    shift = real.mean(axis=0) - fake.mean(axis=0)
    return shift @ shift + np.trace(first + second - 2 * root)


def trace(*sets):
    return sum(np.var(x, axis=0).sum() for x in sets)


# === Values ===


@pytest.mark.parametrize("counts", [(300, 200), (2000, 50)])
def test_it_is_the_formula_with_the_matrix_root(counts):
    real, fake = normal(counts[0], 30, 0), 1.3 * normal(counts[1], 30, 1)
    expected = by_matrix_root(real, fake)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)
    found = distance_of_moments(*moments(real), *moments(fake))
    assert found == pytest.approx(expected, rel=1e-6)


def test_two_gaussians_whose_distance_is_known():
    # Covariances that commute: |m1 - m2|^2 + sum (s1 - s2)^2 over the common axes.
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    first, second = np.array([1.0, 2.0, 0.5, 3.0, 0.1]), np.array([2.0, 2.0, 0.1, 1.0, 0.0])
    found = distance_of_moments(
        np.ones(5), axes * first**2 @ axes.T, np.zeros(5), axes * second**2 @ axes.T
    )
    assert found == pytest.approx(5.0 + np.square(first - second).sum(), rel=1e-9)
    # In the plane tr(S^(1/2)) = sqrt(tr S + 2 sqrt(det S)), also of a product.
    a, b = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.6], [-0.6, 3.0]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    found = distance_of_moments(np.zeros(2), a, np.zeros(2), b)
    assert found == pytest.approx(7.0 - 2 * root, rel=1e-9)


def test_a_shift_a_set_with_itself_and_the_order():
    real, fake = normal(100, 8, 0), normal(120, 8, 1)
    assert frechet_distance(real, real + 2.0) == pytest.approx(4.0 * 8, rel=1e-9)
    assert frechet_distance(real, real) <= 1e-12 * trace(real)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-9)
    mixed = np.random.default_rng(0).permutation(real)
    assert frechet_distance(mixed, fake) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


def of_small_counts(real, fake):
    """In the coordinates of a common space that both sets span, where nothing is singular."""
    both = np.concatenate([real - real.mean(axis=0), fake - fake.mean(axis=0)])
    basis = np.linalg.svd(both, full_matrices=False)
    basis = basis[2][basis[1] > 1e-10 * basis[1][0]]
    first, second = ((x - x.mean(axis=0)) @ basis.T / np.sqrt(len(x) - 1) for x in (real, fake))
    root = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    shift = real.mean(axis=0) - fake.mean(axis=0)
    return shift @ shift + np.square(first).sum() + np.square(second).sum() - 2 * root


@pytest.mark.parametrize(
    "case", ["few", "few against many", "low rank", "constant", "constant in one", "same, few"]
)
def test_singular_covariances(case):
    real, fake = normal(200, 40, 0), normal(150, 40, 1)
    if case.startswith("few"):
        real, fake = real[:10], fake if "many" in case else fake[:15]
    elif case == "low rank":
        real, fake = normal(200, 40, 0, rank=5), normal(150, 40, 1, rank=7)
    elif case == "same, few":
        real = fake = real[:12]
    else:
        real[:, [3, 7]] = 0.1
        fake[:, [3] if case.endswith("one") else [3, 7]] = 1 / 3
    expected = of_small_counts(real, fake)
    of_moments = distance_of_moments(*moments(real), *moments(fake))
    for found in (frechet_distance(real, fake), of_moments):
        assert abs(found - expected) <= 1e-9 * trace(real, fake), case


def test_no_spread_at_all():
    assert frechet_distance(np.ones((5, 3)), np.zeros((4, 3))) == 3.0
    real = normal(50, 3, 0)
    found = frechet_distance(real, np.zeros((4, 3)))
    assert found == pytest.approx(np.square(real.mean(0)).sum() + trace(real) * 50 / 49, rel=1e-9)


def test_small_singular_values_are_not_lost_to_rounding():
    # The square of 1e-11 beside 1 is rounding: eigenvalues of the product's square miss the sum
    # by a part in a thousand here.
    random = np.random.default_rng(0)
    axes = [np.linalg.qr(random.normal(size=(200, 200)))[0] for _ in range(3)]
    deviations = np.sqrt(np.r_[1.0, np.full(199, 1e-11)])
    # Mixed once more, as samples are.
    factors = [axes[0] * deviations @ axes[i] for i in (1, 2)]
    expected = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    # As a share of the trace, which is 1.
    assert module._nuclear_norm(*factors) == pytest.approx(expected, abs=1e-9)


# === Standard error ===


def moments(samples):
    return samples.mean(axis=0), np.cov(samples, rowvar=False)


@pytest.mark.parametrize(("shift", "counts"), [(1.0, (400, 200)), (0.0, (150, 600))])
def test_the_error_is_the_spread_over_samples(shift, counts):
    random = np.random.default_rng(0)
    mixes = random.normal(size=(2, 5, 5)) * np.array([1.0, 1.5])[:, None, None]

    def drawn():
        real, fake = (random.normal(size=(n, 5)) @ m for n, m in zip(counts, mixes, strict=True))
        return real, fake + shift

    distances = [frechet_distance(*drawn()) for _ in range(400)]
    pairs = [drawn() for _ in range(20)]
    told = [error_of_moments(*moments(a), *moments(b), *counts) for a, b in pairs]
    assert np.mean(told) == pytest.approx(np.std(distances), rel=0.15)
    # Of another number of samples it is smaller by the root.
    real, fake = pairs[0]
    more = error_of_moments(*moments(real), *moments(fake), 4 * counts[0], 4 * counts[1])
    assert more == pytest.approx(told[0] / 2.0, rel=1e-9)


def test_the_error_of_one_feature_and_of_singular_covariances():
    # (m1 - m2)^2 + (s1 - s2)^2: derivatives by the mean and the variance of each side.
    first, second, counts = (1.0, 4.0), (3.0, 9.0), (50, 80)
    found = error_of_moments(
        np.array(first[:1]), np.array([first[1:]]), np.array(second[:1]), [second[1:]], *counts
    )
    slopes = 1.0 - 3.0 / 2.0, 1.0 - 2.0 / 3.0
    variances = [
        (4.0 * 2.0**2 * v + 2.0 * (slope * v) ** 2) / n
        for v, slope, n in zip((4.0, 9.0), slopes, counts, strict=True)
    ]
    assert found == pytest.approx(np.sqrt(sum(variances)), rel=1e-9)
    real, fake = normal(10, 40, 0), normal(15, 40, 1)
    assert 0.0 < error_of_moments(*moments(real), *moments(fake), 10, 15) < trace(real, fake)
    assert error_of_moments(*moments(np.ones((5, 3))), *moments(np.zeros((4, 3))), 5, 4) == 0.0


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 2), (5, 3)), "one dimension"),
        (((1, 2), (5, 2)), "n above 1"),
        (((5,), (5,)), "arrays"),
    ],
)
def test_sets_of_another_form_are_refused(shapes, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: real_shape"):
        frechet_distance(*(np.zeros(shape) for shape in shapes))
    with pytest.raises(ValueError, match="`fake` must be finite.*rows_that_are_not=1"):
        frechet_distance(np.zeros((3, 2)), [[0, 1], [0, np.nan], [1, 1]])


# === Metric ===


def test_moments_are_sound_far_from_zero():
    # The mean is 1e7 times the spread: sums of squares would have no digit left.
    samples = (np.random.default_rng(0).normal(size=(1000, 3)) + 1e7).astype("float64")
    metric = FrechetDistance()
    stream = Moments(metric, "m", dimension=3)
    for size in (0, 1, 199, 500, 300):
        stream.add(tf.constant(samples[:size]))
        samples = samples[size:]
    again = np.random.default_rng(0).normal(size=(1000, 3)) + 1e7
    mean, covariance = stream.value()
    assert stream.count() == 1000
    np.testing.assert_allclose(mean, again.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(again, rowvar=False), atol=1e-7)


def test_the_metric_is_the_function_and_keeps_no_samples():
    real, fake = (normal(500, 6, seed).astype("float32") for seed in (0, 1))
    metric = FrechetDistance()
    metric.build((6,))
    assert sum(int(np.prod(v.shape)) for v in metric.variables) == 2 * (1 + 6 + 36)
    assert all(str(v.dtype) == "float64" for v in metric.variables)
    for i in range(0, 500, 90):
        metric.update_state(tf.constant(real[i : i + 90]), tf.constant(fake[i : i + 90]))
    assert metric.result() == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    error = error_of_moments(*moments(real), *moments(fake), 500, 500)
    assert metric.standard_error() == pytest.approx(error, rel=1e-4)
    metric.reset_state()
    assert np.isnan(metric.standard_error())


def test_too_few_samples_are_told_once():
    real, fake = (normal(30, 40, seed).astype("float32") for seed in (0, 1))
    metric = FrechetDistance()
    for _ in range(2):
        metric.reset_state()
        metric.update_state(tf.constant(real), tf.constant(fake))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = metric.result()
        assert value == pytest.approx(frechet_distance(real, fake), rel=1e-6)
        told = [str(w.message) for w in caught]
        if _ == 0:
            assert len(told) == 1 and "30 reals and 30 fakes are too few for 40 feat" in told[0]
        else:
            assert told == []


def test_too_many_features_are_refused(monkeypatch):
    monkeypatch.setattr(module, "_MAX_DIMENSION", 10)
    with pytest.raises(ValueError, match="too large.*Received: dimension=12.*Pass `features`"):
        FrechetDistance().build((12,))
