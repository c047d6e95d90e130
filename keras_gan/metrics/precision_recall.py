"""Improved precision and recall: how many fakes look real, and how many reals can be made."""

import numpy as np

from keras_gan.metrics import neighbours

# === Pure functions ===


def precision_recall(real, fake, *, k=3):
    """Precision and recall of two sets of features.

    A set's *manifold* is the union of the balls about its points, each of which reaches to the
    point's k-th nearest neighbour in the set, surface included. Precision is the share of fakes in
    the manifold of the reals, recall the share of reals in the manifold of the fakes.

    Args:
        real: array `(n, dimension)` with more than `k` rows; the number of samples may differ.
        fake: array `(m, dimension)`.
        k: which neighbour, at least 1. Default 3.

    Returns:
        `dict` of `precision` and `recall`, floats in [0, 1].

    Raises:
        ValueError: for arrays of another form.

    Source: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019 (arXiv:1904.06991).
    """
    real, fake = neighbours.checked(real, fake, k)
    return {"precision": _share(fake, real, k), "recall": _share(real, fake, k)}


def _share(points, others, k):
    """The share of points in the manifold of the others."""
    radii = neighbours.squared_radii(others, k)
    blocks = neighbours.within(points, others, radii, closed=True)
    return float(np.concatenate([inside.any(axis=1) for _, inside in blocks]).mean())
