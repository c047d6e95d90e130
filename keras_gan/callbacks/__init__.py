"""Callbacks for training, each in its own file."""

from keras_gan.callbacks.alternating_periods import AlternatingPeriods
from keras_gan.callbacks.convergence_stopping import ConvergenceStopping
from keras_gan.callbacks.image_grid import ImageGrid
from keras_gan.callbacks.run_board import RunBoard
from keras_gan.callbacks.run_report import RunReport
from keras_gan.callbacks.stop_on_non_finite import StopOnNonFinite
from keras_gan.callbacks.training_backup import TrainingBackup

__all__ = [
    "AlternatingPeriods",
    "ConvergenceStopping",
    "ImageGrid",
    "RunBoard",
    "RunReport",
    "StopOnNonFinite",
    "TrainingBackup",
]
