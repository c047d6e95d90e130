"""Density and coverage of generated samples."""

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.metrics import neighbours
from keras_gan.metrics.quality_metric import KeptFeatures

# === Pure functions ===


def density_coverage(real, fake, *, k=5):
    """Density and coverage of two sets of features.

    About each real lies an open ball that reaches to its k-th nearest real neighbour. Density is
    the number of balls that a fake lies in, divided by k, on average over fakes; coverage is the
    fraction of balls with at least one fake. Unlike precision and recall they are robust to
    outliers. For equal distributions density is 1 and coverage about `1 - 2^-k`, at equal counts.

    Args:
        real: array `(n, dimension)` with more than `k` rows; the number of samples may differ.
        fake: array `(m, dimension)`, likewise.
        k: number of the neighbour, at least 1. Default 5.

    Returns:
        `dict` of `density`, a float of at least 0, and `coverage`, a float in [0, 1].

    Raises:
        ValueError: for arrays of another form.
    """
    real, fake = neighbours.checked(real, fake, k)
    return density_coverage_within(real, neighbours.squared_radii(real, k), fake, k=k)


def density_coverage_within(real, radii, fake, *, k):
    """`density_coverage` of float64 arrays with `radii = neighbours.squared_radii(real, k)`."""
    balls, covered = 0, np.zeros(len(real), bool)
    for _, inside in neighbours.within(fake, real, radii, closed=False):
        balls += np.count_nonzero(inside)
        covered |= inside.any(axis=0)
    return {"density": float(balls / (k * len(fake))), "coverage": float(covered.mean())}


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class DensityCoverage(KeptFeatures):
    """Density and coverage of the features of fakes, see `density_coverage`.

    Higher is better. `density` is about 1 for a perfect generator, and may exceed it: it is high if
    fakes lie in dense regions of the reals. `coverage`, in [0, 1], is the fraction of the data that
    the generator covers; callbacks monitor it. Of more than `max_samples` samples the features of a
    random subset are kept; values of different sample counts are not comparable.

    Args:
        k: number of the neighbour that gives the radius of a ball. Default 5.
        max_samples: maximum number of reals, and of fakes, that are compared. Default 5,000.
        features: what is compared: a model, a name or `None`, as in `FrechetDistance`.
        seed: integer seed of embedding and subset. Default 0.
        name: the log keys' stem, after `val_`. Default `"density_coverage"`.

    Raises:
        ValueError: if a number is not positive or `features` not callable.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML
    2020 (arXiv:2002.09797).
    """

    result_keys = ("density", "coverage")
    primary_key = "coverage"

    def __init__(self, *, k=5, max_samples=5000, features=None, seed=0, name="density_coverage"):
        super().__init__(max_samples=max_samples, features=features, seed=seed, name=name)
        self.k = _checks.positive_int(k, "k")

    @property
    def needed(self):
        return self.k + 1

    def _compare(self, real, fake):
        return density_coverage(real, fake, k=self.k)
