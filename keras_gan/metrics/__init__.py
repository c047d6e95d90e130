"""Quality metrics of `(real, fake)`, each in its own file."""

import functools

from keras_gan import _registry
from keras_gan.metrics.density_coverage import DensityCoverage
from keras_gan.metrics.frechet_distance import FrechetDistance
from keras_gan.metrics.inception_score import InceptionScore
from keras_gan.metrics.kernel_distance import KernelDistance
from keras_gan.metrics.mode_coverage import ModeCoverage
from keras_gan.metrics.precision_recall import PrecisionRecall
from keras_gan.metrics.sliced_wasserstein import SlicedWasserstein

_registry.METRICS.update(
    density_coverage=DensityCoverage,
    fid=functools.partial(FrechetDistance, name="fid"),
    frechet_distance=FrechetDistance,
    kernel_distance=KernelDistance,
    kid=functools.partial(KernelDistance, name="kid"),
    precision_recall=PrecisionRecall,
    sliced_wasserstein=SlicedWasserstein,
)

__all__ = [
    "DensityCoverage",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "ModeCoverage",
    "PrecisionRecall",
    "SlicedWasserstein",
]
