"""The version, in its own file so that building needs no TensorFlow."""

__version__ = "0.1.0"
