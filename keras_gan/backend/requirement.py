"""Errors for another Keras backend, or for a version without a required part."""

import importlib.metadata
import json
import os
import pathlib

_CURE = (
    'Set the environment variable KERAS_BACKEND=tensorflow, or "backend": "tensorflow" in '
    "~/.keras/keras.json, before Keras is imported."
)


def require_tensorflow():
    """Raise an `ImportError` for another Keras backend."""
    # Checked first: importing Keras would fail with a backend that is not installed.
    _check(os.environ.get("KERAS_BACKEND") or _in_settings_file() or "tensorflow")
    import keras

    _check(keras.backend.backend())


def _in_settings_file():
    """The backend that Keras's own settings ask for, or `None`."""
    folder = pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    try:
        return json.loads((folder / "keras.json").read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None


def _check(backend):
    if backend != "tensorflow":
        raise ImportError(
            f"keras_gan needs Keras's TensorFlow backend. Received: backend={backend!r}. {_CURE}"
        )


def changed(library, checked, error):
    """The `ImportError` for a library that lacks a part, which version `checked` has."""
    return ImportError(
        f"keras_gan needs a part of {library} that version {importlib.metadata.version(library)} "
        f"no longer has: {error}. Install {library}=={checked}."
    )
