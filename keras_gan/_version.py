"""The version, apart from the package's map so that building needs no TensorFlow."""

__version__ = "0.1.0"
