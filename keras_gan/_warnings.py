"""Warnings with the line of the user's code as their source."""

import importlib.util
import os
import sys
import warnings

# Keras is located, not imported, because some processes do not need it.
_KERAS = importlib.util.find_spec("keras").origin
_INSIDE = tuple(os.path.dirname(path) + os.sep for path in (__file__, _KERAS))


def warn(text, place=None):
    """Warn at the nearest caller outside of this package and of Keras, or at a `place`."""
    if place is not None:
        warnings.warn_explicit(text, UserWarning, *place)
        return
    level, _ = _outside()
    warnings.warn(text, stacklevel=level)


def place():
    """Where `warn` would warn now, for a warning in another thread: `(file, line)`."""
    _, frame = _outside()
    return frame.f_code.co_filename, frame.f_lineno


def _outside():
    """The nearest caller of `warn` or `place` outside: its stack level there, and its frame."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    return level, frame
