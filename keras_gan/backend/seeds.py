"""Random numbers as functions of a position, so that runs are reproducible and resumable.

Nothing here has state: random numbers depend on the model's seed, the stream and the number of
steps. Saving the step counter saves all of them.
"""

import itertools

import tensorflow as tf

# Independent streams.
TRAINING, EVALUATION, SAMPLING, STANDING = 0, 1, 2, 3
TERMS, AUGMENTING, POOLS = 4, 5, 6


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
        stream: one of those above, such as `TRAINING`.
        position: int64 scalar, the number of the step.
        first: number of the step's seeds to skip: an integer or an integer scalar tensor.

    Yields:
        int32 `(2,)` tensors.
    """
    base = fold(fold(pair(seed), stream), position)
    for number in itertools.count():
        yield fold(base, first + number)
