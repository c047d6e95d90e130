"""The kernel distance: two sets of samples compared by all their moments up to the third."""

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.metrics import features as features_module
from keras_gan.metrics.kept_features import KeptFeatures

# Rows of a kernel matrix that are in memory at a time.
_ROWS = 1000

# === Pure functions ===


def kernel_distance(real, fake, *, subsets=100, subset_size=1000, degree=3, seed=0):
    """The squared maximum mean discrepancy of two sets of features, without bias.

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
        `(value, standard_error)`, floats. The error is over the drawing of both sets: a jackknife
        that leaves out the samples outside of each subset (of half the samples, where
        `subset_size` is more), with what the mean over few subsets adds. Where both sets are of
        one distribution it is too large, by 1.7 times for subsets of half the samples. NaN for
        fewer than two subsets, or four samples.

    Raises:
        ValueError: for arrays or arguments of another form.

    Sources: Bińkowski et al., "Demystifying MMD GANs", ICLR 2018 (arXiv:1801.01401); Shao and Wu,
    "A general theory for jackknife variance estimation", 1989.
    """
    real, fake = features_module.pair(real, fake)
    subsets = _checks.positive_int(subsets, "subsets")
    degree = _checks.positive_int(degree, "degree")
    count = min(len(real), len(fake))
    size = min(_checks.positive_int(subset_size, "subset_size"), count)
    _checks.check(size > 1, "`subset_size` must be at least 2.", subset_size=subset_size)
    random = np.random.default_rng(_checks.non_negative_int(seed, "seed"))

    def values(subsets, size):
        drawn = [_draw(len(samples), subsets, size, random) for samples in (real, fake)]
        return _discrepancies(real, fake, *drawn, degree)

    # If a subset is all of both sets, one is as good as many.
    whole = size == len(real) == len(fake)
    found = values(1 if whole else subsets, size)
    half, spread = count // 2, found
    if subsets > 1 and size > half > 1:
        size, spread = half, values(subsets, half)
    if len(spread) < 2 or size > half:
        return float(found.mean()), float("nan")
    of_all = size / (count - size) * spread.var(ddof=1)
    of_drawing = 0.0 if whole else found.var(ddof=1) / len(found)
    return float(found.mean()), float(np.sqrt(of_all + of_drawing))


def _draw(count, subsets, size, random):
    return np.stack([random.permutation(count)[:size] for _ in range(subsets)])


def _discrepancies(real, fake, real_rows, fake_rows, degree):
    """The unbiased estimate of each subset, of rows `(subsets, size)`: an array `(subsets,)`."""
    subsets, size = real_rows.shape
    if len(real) * len(fake) > subsets * size**2:
        pairs = zip(real_rows, fake_rows, strict=True)
        everything = np.arange(size)[None]
        found = [_sums(real[r], fake[f], everything, everything, degree) for r, f in pairs]
        within, between = (np.concatenate(sums) for sums in zip(*found, strict=True))
    else:  # the subsets share most pairs: look at each pair once
        within, between = _sums(real, fake, real_rows, fake_rows, degree)
    return within / (size * (size - 1)) - 2.0 * between / size**2


def _sums(real, fake, real_rows, fake_rows, degree):
    """Sums of kernels within both sides, without the diagonal, and between them, by subset."""
    real_chosen, fake_chosen = _chosen(real, real_rows), _chosen(fake, fake_rows)
    within = sum(
        _quadratic(x, chosen, x, chosen, degree) - _diagonal(x, degree) @ chosen
        for x, chosen in ((real, real_chosen), (fake, fake_chosen))
    )
    return within, _quadratic(real, real_chosen, fake, fake_chosen, degree)


def _chosen(samples, rows):
    """Ones where a sample is in a subset: an array `(n, subsets)`."""
    chosen = np.zeros((len(samples), len(rows)))
    np.put_along_axis(chosen, rows.T, 1.0, axis=0)
    return chosen


def _quadratic(x, x_chosen, y, y_chosen, degree):
    total = np.zeros(x_chosen.shape[1])
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        kernel = x[part] @ y.T
        kernel /= x.shape[1]
        kernel += 1.0
        kernel **= degree
        total += np.einsum("ij,ij->j", x_chosen[part], kernel @ y_chosen)
    return total


def _diagonal(x, degree):
    return (np.einsum("ij,ij->i", x, x) / x.shape[1] + 1.0) ** degree


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
        max_samples: how many reals, and fakes, are compared at most. Default 5,000.
        features: Keras model or callable from `(batch, *sample_shape)` to `(batch, ...)`;
            "inception" for Keras's InceptionV3, a download, whose values compare only among
            themselves and not with published ones; `None` takes samples of up to 1,024 values as
            they are, and larger ones through a fixed, seeded random convolutional embedding.
            Default `None`.
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
