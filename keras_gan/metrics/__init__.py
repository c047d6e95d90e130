"""How good samples are: metrics of `(real, fake)`, each in its own file."""

from keras_gan.metrics.mode_coverage import ModeCoverage
from keras_gan.metrics.sliced_wasserstein import SlicedWasserstein

__all__ = ["ModeCoverage", "SlicedWasserstein"]
