"""Measurements of the package, which is not installed with it: see README.md."""

import os

# Before TensorFlow is imported, here and in the processes that are started.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
