"""Canaries: a check of each private name, and the sentence that tells of one that fails."""

import contextlib
import inspect
import re

import keras
import pytest

from keras_gan.backend import private_tensorflow


class Canaries(dict):
    """Functions of the package with their checks, by module and name.

    Called with such a function, a decorator that enters the check of it.
    """

    def __call__(self, thing):
        def enter(check):
            self[thing.__module__, thing.__name__] = thing, check
            return check

        return enter


def described(thing):
    """What a docstring calls private, and what it says that it is needed for."""
    text = " ".join(inspect.getdoc(thing).split())
    found = re.search(r"Private: (.*?)\. .*Needed for: (.*?)\.( |$)", text)
    assert found, f"{thing.__name__} must tell what is private, why, and what it is needed for"
    return found[1], found[2]


@contextlib.contextmanager
def telling(thing):
    """Whatever fails inside is told in a sentence."""
    library = "TensorFlow" if thing.__module__ == private_tensorflow.__name__ else "Keras"
    try:
        yield
    except Exception as error:
        private, purpose = described(thing)
        pytest.fail(
            f"{library} has removed or changed {private}. keras_gan needs it for {purpose}; see "
            f"{thing.__module__}.{thing.__name__}. "
            f"{type(error).__name__}: {error}"
        )


def network():
    """Two calls of one layer, an operation, and a dropout."""
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(3, name="dense")
    outputs = keras.layers.Dropout(0.5)(keras.ops.tanh(dense(dense(inputs))))
    return keras.Model(inputs, outputs)
