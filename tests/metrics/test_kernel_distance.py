"""The kernel distance against its definition, and against drawing again."""

import numpy as np
import pytest

from keras_gan.metrics import kernel_distance as module
from keras_gan.metrics.kernel_distance import kernel_distance


def normal(count, dimension, seed, *, std=1.0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, std, (count, dimension))


def slowly(real, fake, degree=3):
    """The sums over pairs, one by one."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** degree

    def own(points):
        pairs = [(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return np.mean([k(x, y) for x, y in pairs])

    return own(real) + own(fake) - 2 * np.mean([k(x, y) for x in real for y in fake])


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_one_subset_of_full_size_is_the_definition(degree):
    real, fake = normal(25, 4, 0), normal(25, 4, 1, std=1.5)
    found, error = kernel_distance(real, fake, subsets=1, subset_size=25, degree=degree)
    assert found == pytest.approx(slowly(real, fake, degree), rel=1e-12)
    assert np.isnan(error)
    # Any more of them would be the same, so the default is this one too.
    assert kernel_distance(real, fake, degree=degree)[0] == found
    mixed = np.random.default_rng(0).permutation(real)
    assert kernel_distance(mixed, fake, degree=degree)[0] == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "subsets", "size"), [((60, 60), 4, 20), ((20, 30), 40, 15), ((10, 30), 9, 50)]
)
def test_subsets_drawn_one_by_one_and_from_the_whole_matrix_agree(
    counts, subsets, size, monkeypatch
):
    monkeypatch.setattr(module, "_ROWS", 7)
    real, fake = normal(counts[0], 3, 0), normal(counts[1], 3, 1, mean=0.5)
    size, random = min(size, *counts), np.random.default_rng(5)
    rows = [np.stack([random.permutation(n)[:size] for _ in range(subsets)]) for n in counts]
    expected = np.mean([slowly(real[r], fake[f]) for r, f in zip(*rows, strict=True)])
    found, _ = kernel_distance(real, fake, subsets=subsets, subset_size=size, seed=5)
    assert found == pytest.approx(expected, rel=1e-10)


def test_its_expectation_is_zero_for_one_distribution_and_grows_with_the_distance():
    found = [kernel_distance(normal(60, 3, 2 * i), normal(60, 3, 2 * i + 1)) for i in range(100)]
    values, errors = np.transpose(found)
    standard_error = values.std(ddof=1) / 10
    assert abs(values.mean()) < 3 * standard_error and (values < 0).any()
    assert np.mean(np.abs(values) < 3 * errors) > 0.95
    far = [kernel_distance(normal(60, 3, 0), normal(60, 3, 1, mean=m))[0] for m in (0.5, 1.0)]
    assert values.mean() + values.std() < far[0] < far[1]


@pytest.mark.parametrize(("size", "subsets"), [(1000, 40), (60, 40), (10, 5)])
def test_the_error_is_the_spread_of_drawn_samples(size, subsets):
    options = {"subset_size": size, "subsets": subsets}
    found = [
        kernel_distance(
            normal(120, 4, 2 * i), normal(120, 4, 2 * i + 1, mean=1.0), **options, seed=i
        )
        for i in range(80)
    ]
    values, errors = np.transpose(found)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(values.std(), rel=0.3)


def test_where_both_are_alike_the_error_is_on_the_safe_side():
    found = [kernel_distance(normal(100, 4, 2 * i), normal(100, 4, 2 * i + 1)) for i in range(80)]
    values, errors = np.transpose(found)
    assert 1.3 < np.sqrt(np.mean(np.square(errors))) / values.std() < 2.3


def test_the_seed_draws_the_subsets():
    real, fake = normal(50, 2, 0), normal(50, 2, 1)
    options = {"subsets": 5, "subset_size": 10}
    first = kernel_distance(real, fake, **options)
    assert kernel_distance(real, fake, **options) == first
    assert kernel_distance(real, fake, **options, seed=1) != first


def test_arguments_are_checked():
    points = np.zeros((5, 2))
    for name in ("subsets", "subset_size", "degree"):
        with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=0"):
            kernel_distance(points, points, **{name: 0})
    with pytest.raises(ValueError, match="`subset_size` must be at least 2"):
        kernel_distance(points, points, subset_size=1)
    with pytest.raises(ValueError, match="one dimension"):
        kernel_distance(points, points[:, :1])
