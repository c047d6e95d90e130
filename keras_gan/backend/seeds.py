"""Random numbers as functions of a position, so that a run can be repeated and resumed.

Nothing here has state: what is drawn depends on the model's seed, on the stream it is drawn for
and on how many steps have been done. Saving the step counter saves all of them.
"""

import itertools

import tensorflow as tf

# Streams that must never share a number.
TRAINING, EVALUATION, SAMPLING, STANDING = 0, 1, 2, 3


def pair(seed):
    """The int32 `(2,)` form of an integer seed (a Python integer or an int64 tensor)."""
    return tf.bitcast(tf.cast(seed, "int64"), "int32")


def fold(seed, number):
    """A new int32 `(2,)` seed from one and an integer."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


def sequence(seed, stream, position, first=0):
    """An endless iterator of seeds for one step.

    Args:
        seed: the model's integer seed.
        stream: `TRAINING`, `EVALUATION`, `SAMPLING` or `STANDING`.
        position: int64 scalar, the number of the step.
        first: how many of the step's seeds to pass over: an integer, or a scalar of them.

    Yields:
        int32 `(2,)` tensors.
    """
    base = fold(fold(pair(seed), stream), position)
    for number in itertools.count():
        yield fold(base, first + number)
