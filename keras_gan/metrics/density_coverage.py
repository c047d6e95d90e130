"""Density and coverage: how deep fakes lie among reals, and how many reals have one near."""

import numpy as np

from keras_gan.metrics import neighbours

# === Pure functions ===


def density_coverage(real, fake, *, k=5):
    """Density and coverage of two sets of features.

    About each real lies an open ball that reaches to its k-th nearest real neighbour. Density is
    the number of balls that a fake lies in, divided by k, on average over fakes; coverage is the
    share of balls with at least one fake. Unlike precision and recall they are not misled by a few
    outliers. For one distribution density is 1 and coverage about `1 - 2^-k`, at equal counts.

    Args:
        real: array `(n, dimension)` with more than `k` rows; the number of samples may differ.
        fake: array `(m, dimension)`, likewise.
        k: which neighbour, at least 1. Default 5.

    Returns:
        `dict` of `density`, a float of at least 0, and `coverage`, a float in [0, 1].

    Raises:
        ValueError: for arrays of another form.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML
    2020 (arXiv:2002.09797).
    """
    real, fake = neighbours.checked(real, fake, k)
    radii = neighbours.squared_radii(real, k)
    balls, covered = 0, np.zeros(len(real), bool)
    for _, inside in neighbours.within(fake, real, radii, closed=False):
        balls += np.count_nonzero(inside)
        covered |= inside.any(axis=0)
    return {"density": float(balls / (k * len(fake))), "coverage": float(covered.mean())}
