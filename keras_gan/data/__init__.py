"""Data to train on: shipped, synthetic, or from arrays, folders and TensorFlow Datasets."""

from keras_gan.data.arrays import from_arrays
from keras_gan.data.catalogue import from_tfds
from keras_gan.data.folder import from_folder
from keras_gan.data.paired_folder import from_paired_folder
from keras_gan.data.shipped import digits
from keras_gan.data.synthetic import grid, grid_modes, ring, ring_modes, stacked_mnist
from keras_gan.data.unpaired import unpaired

__all__ = [
    "digits",
    "from_arrays",
    "from_folder",
    "from_paired_folder",
    "from_tfds",
    "grid",
    "grid_modes",
    "ring",
    "ring_modes",
    "stacked_mnist",
    "unpaired",
]
