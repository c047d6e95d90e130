"""Bit-identical results: sums of three and more tensors in a fixed order.

On a CPU, TensorFlow's `AddN` adds into whichever input's memory is free first, so that the order
of a sum of three or more tensors, and with it the last bit, depends on timing. Two parts of
TensorFlow make such sums: the gradient tape, where a tensor is used three times, and Grappler's
arithmetic optimization, out of chains of additions. In a model's own functions the first become
sums of two, and the second is off. Both settings belong to the calling thread and to these calls:
other models in the process are compiled as before.

`tf.config.experimental.enable_op_determinism` does not help: it has no ordered `AddN`.
"""

import contextlib
import functools

import tensorflow as tf

from keras_gan.backend import private_tensorflow
from keras_gan.backend.replaced_operations import replaced_operations


class Deterministic:
    """Mixin of `AdversarialModel` that compiles its functions with a fixed order of sums."""

    def make_train_function(self, force=False):
        return self._make_ordered("train_function", super().make_train_function, force)

    def make_test_function(self, force=False):
        return self._make_ordered("test_function", super().make_test_function, force)

    def make_predict_function(self, force=False):
        return self._make_ordered("predict_function", super().make_predict_function, force)

    def predict_step(self, data):
        with ordered_sums():
            return super().predict_step(data)

    def _make_ordered(self, name, make, force):
        if force or getattr(self, name) is None:
            make(force=True)
            setattr(self, name, ordered(getattr(self, name)))
        return getattr(self, name)


def ordered(function):
    """A function that runs within `ordered_sums`."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        with ordered_sums():
            return function(*args, **kwargs)

    return call


@contextlib.contextmanager
def ordered_sums():
    """Context in which this thread compiles sums of tensors with a fixed order.

    Around the call of a `tf.function` this switches arithmetic optimization off for it. Where a
    graph is built, inside of such a function, sums are cut into sums of two, and slow gradients
    become other operations, see `replaced_operations`. Both are needed.
    """
    with private_tensorflow.configured(_without_arithmetic_optimization), replaced_operations():
        yield


@functools.lru_cache(maxsize=8)
def _without_arithmetic_optimization(serialized):
    """A `ConfigProto`; everything else is as the user has set it."""
    config = tf.compat.v1.ConfigProto.FromString(serialized)
    options = config.graph_options.rewrite_options
    options.arithmetic_optimization = options.OFF
    return config
