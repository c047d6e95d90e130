"""Base of metrics that compare single samples, and so keep their features."""

import numpy as np

from keras_gan import _checks
from keras_gan.metrics.quality_metric import FeatureMetric
from keras_gan.metrics.reservoir import Reservoir


class KeptFeatures(FeatureMetric):
    """A metric of the features of up to `max_samples` reals and as many fakes."""

    def __init__(self, *, max_samples, features, seed, name):
        super().__init__(features=features, seed=seed, name=name)
        self.max_samples = _checks.positive_int(max_samples, "max_samples")

    def _make_side(self, name):
        return Reservoir(
            self, name, max_samples=self.max_samples, width=self._width(), seed=self.seed
        )

    def _subsample(self, real):
        if not hasattr(real, "shape") or len(real) <= self.max_samples:
            return real
        drawn = np.random.default_rng(self.seed).permutation(len(real))
        return real[np.sort(drawn[: self.max_samples])]

    def _width(self):
        return self._dimension
