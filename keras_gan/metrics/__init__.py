"""How good samples are: metrics of `(real, fake)`, each in its own file."""

from keras_gan.metrics.density_coverage import DensityCoverage
from keras_gan.metrics.frechet_distance import FrechetDistance
from keras_gan.metrics.inception_score import InceptionScore
from keras_gan.metrics.kernel_distance import KernelDistance
from keras_gan.metrics.mode_coverage import ModeCoverage
from keras_gan.metrics.precision_recall import PrecisionRecall
from keras_gan.metrics.sliced_wasserstein import SlicedWasserstein

__all__ = [
    "DensityCoverage",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "ModeCoverage",
    "PrecisionRecall",
    "SlicedWasserstein",
]
