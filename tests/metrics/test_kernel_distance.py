"""The kernel distance against its definition, and against drawing again."""

import itertools

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
    # Any more of them would be the same, so the default is this one too.
    assert kernel_distance(real, fake, degree=degree) == (found, error)
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


# === Standard error ===


def means(real, fake):
    """What variances are made of, from all tuples of different samples, one by one."""

    def k(a, b):
        return (a @ b / len(a) + 1.0) ** 3

    n, m = range(len(real)), range(len(fake))

    def own(x, ids):
        pairs = [k(x[a], x[b]) ** 2 for a, b in itertools.permutations(ids, 2)]
        shared = [k(x[a], x[b]) * k(x[a], x[c]) for a, b, c in itertools.permutations(ids, 3)]
        none = [k(x[a], x[b]) * k(x[c], x[d]) for a, b, c, d in itertools.permutations(ids, 4)]
        return np.mean(pairs), np.mean(shared), np.mean(none)

    def shared_with(x, ids, y):
        triples = list(itertools.permutations(ids, 2))
        shared = [k(x[a], x[b]) * k(x[a], z) for a, b in triples for z in y]
        none = [k(x[a], x[b]) * k(x[c], z) for a, b, c in itertools.permutations(ids, 3) for z in y]
        return np.mean(shared) - np.mean(none)

    both = list(itertools.permutations(m, 2))
    mixed = np.mean([k(x, y) ** 2 for x in real for y in fake])
    share_real = np.mean([k(x, fake[a]) * k(x, fake[b]) for x in real for a, b in both])
    share_fake = np.mean(
        [k(real[a], y) * k(real[b], y) for a, b in itertools.permutations(n, 2) for y in fake]
    )
    none = np.mean(
        [
            k(real[a], fake[c]) * k(real[b], fake[d])
            for a, b in itertools.permutations(n, 2)
            for c, d in both
        ]
    )
    of_h, remaining = [], []
    for x, ids, y, cross in ((real, n, fake, share_real), (fake, m, real, share_fake)):
        pair, shared, apart = own(x, ids)
        of_h.append(shared - apart + cross - none - 2.0 * shared_with(x, ids, y))
        remaining.append(pair - apart - 2.0 * (shared - apart))
    return [*of_h, *remaining, mixed - share_real - share_fake + none]


def test_the_variance_is_made_of_products_of_kernels_that_share_what_they_should():
    real, fake = normal(6, 2, 0), normal(5, 2, 1, mean=0.5)
    everything = [np.arange(len(x))[None] for x in (real, fake)]
    found = module._variances(module._sums(real, fake, *everything, 3))
    np.testing.assert_allclose(found, means(real, fake), rtol=1e-9)


def ratio(counts, options, *, dimension=16, draws=300, **others):
    """The error, in the square mean, over how much the value really varies between drawings."""
    found = [
        kernel_distance(
            normal(counts[0], dimension, 2 * i),
            normal(counts[1], dimension, 2 * i + 1, **others),
            **options,
            seed=i,
        )
        for i in range(draws)
    ]
    values, errors = np.transpose(found)
    return np.sqrt(np.mean(np.square(errors))) / values.std(ddof=1)


KINDS = {"alike": {}, "shifted": {"mean": 1.0}, "wider": {"std": 1.5}}
# Of each, those that go without asking.
DRAWINGS = [
    ((60, 60), {}, ("alike", "shifted", "wider")),
    ((200, 20), {"subsets": 20}, ()),
    ((20, 200), {"subsets": 20}, ()),
    ((60, 60), {"subset_size": 20, "subsets": 5}, ("shifted",)),
    ((200, 80), {"subset_size": 10, "subsets": 8}, ("alike",)),  # one by one
]


# The standard deviation of 300 values is itself known to 4 %.
@pytest.mark.parametrize(
    ("counts", "options", "others"),
    [
        pytest.param(
            counts,
            options,
            others,
            id=f"{counts}-{len(options)}-{kind}",
            marks=() if kind in quick else pytest.mark.slow,
        )
        for counts, options, quick in DRAWINGS
        for kind, others in KINDS.items()
    ],
)
def test_the_error_is_the_spread_of_drawn_samples(counts, options, others):
    assert ratio(counts, options, **others) == pytest.approx(1.0, abs=0.15)


MANY_COUNTS = [
    ((200, 200), {}),
    ((400, 40), {"subsets": 10}),
    ((40, 400), {"subsets": 10}),
    ((500, 50), {"subset_size": 40, "subsets": 20}),
    ((30, 30), {}),
]


# Each counts have each kind, and each kind both dimensions.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "options", "kind", "dimension"),
    [
        pytest.param(
            counts, options, kind, (8, 64)[(row + column) % 2], id=f"{counts}-{len(options)}-{kind}"
        )
        for row, (counts, options) in enumerate(MANY_COUNTS)
        for column, kind in enumerate(KINDS)
    ],
)
def test_the_error_is_right_at_many_counts(counts, options, kind, dimension):
    found = ratio(counts, options, dimension=dimension, **KINDS[kind])
    assert found == pytest.approx(1.0, abs=0.15)


def test_an_error_needs_four_samples():
    assert np.isnan(kernel_distance(normal(3, 2, 0), normal(50, 2, 1))[1])
    assert kernel_distance(normal(4, 2, 0), normal(50, 2, 1))[1] > 0.0
    points = np.ones((10, 2))
    assert kernel_distance(points, points) == (0.0, 0.0)


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
