"""Improved precision and recall of generated samples."""

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.metrics import neighbours
from keras_gan.metrics.quality_metric import KeptFeatures

# === Pure functions ===


def precision_recall(real, fake, *, k=3):
    """Precision and recall of two sets of features.

    The *manifold* of a set is the union of closed balls about its points, whose radius is the
    distance to the k-th nearest neighbour in the set. Precision is the fraction of fakes in the
    manifold of the reals, recall the fraction of reals in the manifold of the fakes.

    Args:
        real: array `(n, dimension)` with more than `k` rows; the number of samples may differ.
        fake: array `(m, dimension)`.
        k: number of the neighbour, at least 1. Default 3.

    Returns:
        `dict` of `precision` and `recall`, floats in [0, 1].

    Raises:
        ValueError: for arrays of another form.
    """
    real, fake = neighbours.checked(real, fake, k)
    return {"precision": _share(fake, real, k), "recall": _share(real, fake, k)}


def _share(points, others, k):
    """The fraction of points in the manifold of the other set."""
    radii = neighbours.squared_radii(others, k)
    blocks = neighbours.within(points, others, radii, closed=True)
    return float(np.concatenate([inside.any(axis=1) for _, inside in blocks]).mean())


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class PrecisionRecall(KeptFeatures):
    """Precision and recall of the features of fakes, see `precision_recall`.

    Higher is better, both are in [0, 1]. `precision`, which callbacks monitor, is the fraction of
    fakes that look real; `recall` the fraction of reals that the generator could have generated. It
    is also high for fakes scattered far from the data, as before training. Of more than
    `max_samples` samples the features of a random subset are kept; values of different sample
    counts are not comparable.

    Args:
        k: number of the neighbour that gives the radius of a ball. Default 3.
        max_samples: maximum number of reals, and of fakes, that are compared. Default 5,000.
        features: what is compared: a model, a name or `None`, as in `FrechetDistance`.
        seed: integer seed of embedding and subset. Default 0.
        name: the log keys' stem, after `val_`. Default `"precision_recall"`.

    Raises:
        ValueError: if a number is not positive or `features` not callable.

    Source: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019 (arXiv:1904.06991).
    """

    result_keys = ("precision", "recall")
    primary_key = "precision"

    def __init__(self, *, k=3, max_samples=5000, features=None, seed=0, name="precision_recall"):
        super().__init__(max_samples=max_samples, features=features, seed=seed, name=name)
        self.k = _checks.positive_int(k, "k")

    @property
    def needed(self):
        return self.k + 1

    def _compare(self, real, fake):
        return precision_recall(real, fake, k=self.k)
