"""The kernel distance (MMD), which compares moments up to the third."""

import collections

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.metrics import features as features_module
from keras_gan.metrics.quality_metric import KeptFeatures

# Rows of a kernel matrix in memory at a time.
_ROWS = 1000

# === Pure functions ===


def kernel_distance(real, fake, *, subsets=100, subset_size=1000, degree=3, seed=0):
    """Unbiased estimate of the squared maximum mean discrepancy of two sets of features.

    `mean_(i!=j) k(x_i, x_j) + mean_(i!=j) k(y_i, y_j) - 2 mean_(i,j) k(x_i, y_j)` with the kernel
    `k(x, y) = (x . y / dimension + 1)^degree`, the mean over random subsets of both. Its
    expectation is 0 for one distribution, so it may be negative. With the features of an Inception
    network it is known as KID.

    Args:
        real: array `(n, dimension)` with n of at least 2; the number of samples may differ.
        fake: array `(m, dimension)`.
        subsets: number of subsets. Default 100.
        subset_size: samples in each, drawn without repetition; at most as many as the smaller
            set has, in which case there is one subset, all of it. Default 1,000.
        degree: of the kernel, at least 1. Default 3.
        seed: integer seed of the subsets. Default 0.

    Returns:
        `(value, standard_error)`, floats. The error is over the drawing of both sets and of the
        subsets, for equal and for differing counts and distributions; NaN for fewer than four
        samples. It is accurate within 15 % for two and more features, and noisy for a single
        feature of two equal distributions.

    Raises:
        ValueError: for arrays or arguments of another form.

    Source of the error: Sutherland and Deka, "Unbiased estimators for the variance of MMD
    estimators", 2019 (arXiv:1906.02104).
    """
    real, fake = features_module.pair(real, fake)
    subsets = _checks.positive_int(subsets, "subsets")
    degree = _checks.positive_int(degree, "degree")
    counts = len(real), len(fake)
    size = min(_checks.positive_int(subset_size, "subset_size"), *counts)
    _checks.check(size > 1, "`subset_size` must be at least 2.", subset_size=subset_size)
    random = np.random.default_rng(_checks.seed(seed))
    if counts == (size, size):  # a subset contains both sets completely, so one is enough
        subsets = 1
    rows = [_draw(count, subsets, size, random) for count in counts]
    if counts[0] * counts[1] > subsets * size**2:
        all_of_it = np.arange(size)[None]
        pairs = zip(*rows, strict=True)
        found = [_sums(real[r], fake[f], all_of_it, all_of_it, degree) for r, f in pairs]
    else:  # the subsets share most pairs: compute each pair once
        found = [_sums(real, fake, *rows, degree)]
    values = [s.within / (size * (size - 1)) - 2.0 * s.between / size**2 for s in found]
    variances = np.mean([_variances(sums) for sums in found], axis=0)
    return float(np.mean(values)), _standard_error(variances, counts, size, subsets)


def _draw(count, subsets, size, random):
    return np.stack([random.permutation(count)[:size] for _ in range(subsets)])


# Sums of the kernels of pairs.
# within: `(subsets,)`, of pairs of two reals and of two fakes in a subset.
# between: `(subsets,)`, of pairs of a real and a fake in a subset.
# own: of the reals and of the fakes, each one's sum over the others of its kind, and all squares.
# cross: each real's sum over all fakes, each fake's over all reals, and all squares.
_Sums = collections.namedtuple("_Sums", "within between own cross")


def _sums(real, fake, real_rows, fake_rows, degree):
    """The sums of all pairs of samples, and of those in subsets, of rows `(subsets, size)`."""
    real, fake = (real, _chosen(real, real_rows)), (fake, _chosen(fake, fake_rows))
    within, own = 0.0, []
    for x, chosen in (real, fake):
        in_subsets, by_row, _, squares = _kernel_sums(x, chosen, x, chosen, degree)
        diagonal = (np.einsum("ij,ij->i", x, x) / x.shape[1] + 1.0) ** degree
        within = within + in_subsets - diagonal @ chosen
        own.append((by_row - diagonal, squares - diagonal @ diagonal))
    between, *cross = _kernel_sums(*real, *fake, degree)
    return _Sums(within, between, own, cross)


def _chosen(samples, rows):
    """Ones where a sample is in a subset: an array `(n, subsets)`."""
    chosen = np.zeros((len(samples), len(rows)))
    np.put_along_axis(chosen, rows.T, 1.0, axis=0)
    return chosen


def _kernel_sums(x, x_chosen, y, y_chosen, degree):
    """The sums of a kernel matrix in each subset, of its rows, its columns, and its squares."""
    in_subsets, squares = np.zeros(x_chosen.shape[1]), 0.0
    by_row, by_column = np.zeros(len(x)), np.zeros(len(y))
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        kernel = x[part] @ y.T
        kernel /= x.shape[1]
        kernel += 1.0
        kernel **= degree
        in_subsets += np.einsum("ij,ij->j", x_chosen[part], kernel @ y_chosen)
        by_row[part] = kernel.sum(axis=1)
        by_column += kernel.sum(axis=0)
        squares += np.einsum("ij,ij->", kernel, kernel)
    return in_subsets, by_row, by_column, squares


# === Standard error ===

# With `h(z) = E k(z, x) - E k(z, y)`, the estimate from all pairs of n reals and m fakes has the
# variance
#     V(n, m) = 4 / n var h(x) + 4 / m var h(y)
#         + 2 / (n (n - 1)) r(x, x') + 2 / (m (m - 1)) r(y, y') + 4 / (n m) r(x, y),
# where r(a, b) = var k(a, b) - var E[k | a] - var E[k | b] is what remains of a pair. Each of the
# five is estimated without bias: by products of two kernels that share as many samples as the
# product that is meant, and no others.

# The first line is 0 for one distribution, and its estimate is then as often below 0. The variance
# is at least this share of the second line, which is known well.
_LEAST = 0.3


def _standard_error(variances, counts, size, subsets):
    """The error of a mean over subsets, which itself estimates what all pairs would give.

    By the law of total variance that of `b` subsets of `s` samples is
    `(1 - 1 / b) V(n, m) + V(s, s) / b`.
    """
    parts = np.array([_parts(variances, *counts), _parts(variances, size, size)])
    first, second = np.array([1.0 - 1.0 / subsets, 1.0 / subsets]) @ parts
    return float(np.sqrt(np.maximum(first + second, _LEAST * np.maximum(second, 0.0))))


def _parts(variances, n, m):
    """The two lines of `V(n, m)`."""
    real, fake, two_reals, two_fakes, mixed = variances
    remaining = 2.0 * two_reals / (n * (n - 1)) + 2.0 * two_fakes / (m * (m - 1))
    return 4.0 * real / n + 4.0 * fake / m, remaining + 4.0 * mixed / (n * m)


def _variances(sums):
    """The five numbers that `V` is made of; NaN for fewer than four samples."""
    counts = [len(by_row) for by_row, _ in sums.own]
    if min(counts) < 4:
        return np.full(5, np.nan)
    *of_cross, of_mixed = _cross_variances(*sums.cross)
    of_h, remaining = [], []
    for side, count in enumerate(reversed(counts)):
        by_row, squares = sums.own[side]
        of_own, of_pair = _own_variances(by_row, squares)
        shared = _covariance(by_row, sums.cross[side], count)
        of_h.append(of_own + of_cross[side] - 2.0 * shared)
        remaining.append(of_pair - 2.0 * of_own)
    return np.array([*of_h, *remaining, of_mixed - sum(of_cross)])


def _own_variances(by_row, squares):
    """`var E[k(x, x') | x]` and `var k(x, x')`."""
    n = len(by_row)
    share_one = by_row @ by_row - squares
    share_none = by_row.sum() ** 2 - 4.0 * share_one - 2.0 * squares
    mean_squared = share_none / (n * (n - 1) * (n - 2) * (n - 3))
    of_one = share_one / (n * (n - 1) * (n - 2))
    return of_one - mean_squared, squares / (n * (n - 1)) - mean_squared


def _cross_variances(by_real, by_fake, squares):
    """`var E[k(x, y) | x]`, `var E[k(x, y) | y]` and `var k(x, y)`."""
    n, m = len(by_real), len(by_fake)
    share_real, share_fake = by_real @ by_real - squares, by_fake @ by_fake - squares
    share_none = by_real.sum() ** 2 - share_real - share_fake - squares
    mean_squared = share_none / (n * (n - 1) * m * (m - 1))
    of_real, of_fake = share_real / (n * m * (m - 1)), share_fake / (n * m * (n - 1))
    return of_real - mean_squared, of_fake - mean_squared, squares / (n * m) - mean_squared


def _covariance(by_own, by_other, m):
    """`cov(E[k(x, x') | x], E[k(x, y) | x])` of sums over others of a kind, and over `m` others."""
    n = len(by_own)
    share_one = by_own @ by_other
    share_none = by_own.sum() * by_other.sum() - 2.0 * share_one
    return share_one / (n * (n - 1) * m) - share_none / (n * (n - 1) * (n - 2) * m)


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class KernelDistance(KeptFeatures):
    """The kernel distance between the features of reals and fakes, see `kernel_distance`.

    Lower is better, 0 is its expectation for a perfect generator whatever the number of samples,
    and it may be negative. Of more than `max_samples` samples the features of a random subset are
    kept.

    Args:
        subsets: number of random subsets whose values are averaged. Default 100.
        subset_size: samples in each, at most as many as there are. Default 1,000.
        degree: of the polynomial kernel. Default 3.
        max_samples: maximum number of reals, and of fakes, that are compared. Default 5,000.
        features: what is compared: a model, a name or `None`, as in `FrechetDistance`.
        seed: integer seed of all that is drawn. Default 0.
        name: the log key, after `val_`. Default `"kernel_distance"`.

    Raises:
        ValueError: if a number is not positive or `features` not callable.

    Source: Bińkowski et al., "Demystifying MMD GANs", ICLR 2018 (arXiv:1801.01401).
    """

    needed = 2

    def __init__(
        self,
        *,
        subsets=100,
        subset_size=1000,
        degree=3,
        max_samples=5000,
        features=None,
        seed=0,
        name="kernel_distance",
    ):
        super().__init__(max_samples=max_samples, features=features, seed=seed, name=name)
        self.subsets = _checks.positive_int(subsets, "subsets")
        self.subset_size = _checks.positive_int(subset_size, "subset_size")
        self.degree = _checks.positive_int(degree, "degree")

    def _compare(self, real, fake):
        return kernel_distance(
            real,
            fake,
            subsets=self.subsets,
            subset_size=self.subset_size,
            degree=self.degree,
            seed=self.seed,
        )

    def _result_of(self, outcome):
        return float("nan") if outcome is None else outcome[0]

    def standard_error(self):
        """The standard error of `result`, see `kernel_distance`."""
        outcome = self._compared()
        return float("nan") if outcome is None else outcome[1]
