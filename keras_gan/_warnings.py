"""Warnings with the line of the user's code as their source."""

import importlib.util
import os
import sys
import warnings

# Keras is located, not imported, because some processes do not need it.
_KERAS = importlib.util.find_spec("keras").origin
_INSIDE = tuple(os.path.dirname(path) + os.sep for path in (__file__, _KERAS))


def warn(text):
    """Warn at the nearest caller outside of this package and of Keras."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
