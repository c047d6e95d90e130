"""Neighbours, and what is counted with them, against brute force over all pairs."""

import numpy as np
import pytest

from keras_gan.metrics import neighbours
from keras_gan.metrics.density_coverage import density_coverage
from keras_gan.metrics.precision_recall import precision_recall


def squares(first, second):
    return np.square(first[:, None] - second).sum(axis=-1)


def brute_radii(points, k):
    own = squares(points, points)
    np.fill_diagonal(own, np.inf)
    return np.sort(own, axis=1)[:, k - 1]


def brute_force(real, fake, k):
    between = squares(real, fake)
    real_radii, fake_radii = brute_radii(real, k), brute_radii(fake, k)
    return {
        "precision": (between <= real_radii[:, None]).any(axis=0).mean(),
        "recall": (between <= fake_radii).any(axis=1).mean(),
        "density": (between < real_radii[:, None]).sum() / (k * len(fake)),
        "coverage": (between < real_radii[:, None]).any(axis=1).mean(),
    }


def normal(count, dimension, seed, mean=0.0, std=1.0):
    return np.random.default_rng(seed).normal(mean, std, (count, dimension))


def lattice(count, seed, size=4):
    return np.random.default_rng(seed).integers(0, size, (count, 3)).astype("float64")


def clusters(count, seed):
    """Two of them, so far apart that products round by more than neighbours differ."""
    points = normal(count, 4, seed, std=0.05)
    points[::2] += 1e6
    return points


SETS = {
    "two far clusters": (clusters(60, 0), clusters(60, 1)),
    "generic": (normal(90, 5, 0), normal(70, 5, 1, std=0.8)),
    "many ties": (lattice(80, 0), lattice(90, 1, size=3)),
    "the same in another order": (normal(60, 4, 0), normal(60, 4, 0)[::-1]),
    "far from zero": (normal(60, 4, 0, mean=1e6), normal(60, 4, 1, mean=1e6)),
    "collapsed": (normal(60, 4, 0), np.zeros((50, 4))),
    "collapsed onto a real": (normal(60, 4, 0), np.repeat(normal(60, 4, 0)[7:8], 50, axis=0)),
    "all the same": (np.full((20, 3), 0.1), np.full((30, 3), 0.1)),
    "far apart": (normal(60, 4, 0), normal(60, 4, 1, mean=100.0)),
}


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("name", SETS)
def test_they_are_what_brute_force_finds(name, k, monkeypatch):
    real, fake = SETS[name]
    expected = brute_force(real, fake, k)
    for block in (neighbours._BLOCK, 500):  # whole, and in blocks of some rows
        monkeypatch.setattr(neighbours, "_BLOCK", block)
        found = {**precision_recall(real, fake, k=k), **density_coverage(real, fake, k=k)}
        assert found == expected
        assert all(type(value) is float for value in found.values())


def test_a_set_against_itself_and_another_far_away():
    real, away = SETS["generic"][0], SETS["generic"][0] + 100.0
    assert precision_recall(real, real) == {"precision": 1.0, "recall": 1.0}
    # The k-th neighbour lies on the surface, which open balls leave out: k fakes, itself included.
    assert density_coverage(real, real) == {"density": 1.0, "coverage": 1.0}
    assert set(precision_recall(real, away).values()) == {0.0}
    assert set(density_coverage(real, away).values()) == {0.0}


def test_the_order_of_samples_does_not_matter():
    real, fake = SETS["many ties"]
    mixed = [np.random.default_rng(2).permutation(samples) for samples in (real, fake)]
    assert precision_recall(*mixed) == precision_recall(real, fake)
    assert density_coverage(*mixed) == density_coverage(real, fake)


def test_one_distribution_has_its_known_density_and_coverage():
    found = density_coverage(normal(2000, 6, 0), normal(2000, 6, 1), k=5)
    assert found["density"] == pytest.approx(1.0, abs=0.05)
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.015)


def test_four_of_eight_modes_are_half_of_the_coverage():
    random = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(8) / 8
    ring = np.c_[np.cos(angles), np.sin(angles)]

    def draw(modes):
        chosen = ring[random.integers(0, modes, 800)]
        return chosen + random.normal(0, 0.01, (800, 2))

    half, whole = (density_coverage(draw(8), draw(modes))["coverage"] for modes in (4, 8))
    assert whole > 0.94 and half == pytest.approx(0.5, abs=0.05)
    found = precision_recall(draw(8), draw(4))
    assert found["precision"] > 0.95 and found["recall"] == pytest.approx(0.5, abs=0.06)


def test_identical_points_are_exactly_at_zero():
    points = np.repeat(normal(30, 50, 0, mean=1e3), 4, axis=0)
    np.testing.assert_array_equal(neighbours.squared_radii(points, 3), 0.0)
    assert (neighbours.squared_radii(points, 4) > 1.0).all()
    nothing = np.zeros(len(points))
    for closed, expected in ((True, 4), (False, 0)):
        blocks = neighbours.within(points, points, nothing, closed=closed)
        counts = np.concatenate([inside.sum(axis=1) for _, inside in blocks])
        np.testing.assert_array_equal(counts, expected)


def test_memory_does_not_grow_with_the_pairs(monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", 10_000)
    points = normal(1000, 3, 0)
    sizes = [
        inside.shape for _, inside in neighbours.within(points, points, np.ones(1000), closed=1)
    ]
    assert sizes == [(10, 1000)] * 100


@pytest.mark.parametrize("function", [precision_recall, density_coverage])
def test_sets_of_another_form_are_refused(function):
    with pytest.raises(ValueError, match=r"n above 3.*real_shape=\(3, 2\).*k=3"):
        function(np.zeros((3, 2)), np.zeros((9, 2)), k=3)
    with pytest.raises(ValueError, match="`k` must be a positive integer.*k=0"):
        function(np.zeros((9, 2)), np.zeros((9, 2)), k=0)
    with pytest.raises(ValueError, match="`real` must be finite"):
        function(np.full((9, 2), np.inf), np.zeros((9, 2)))
