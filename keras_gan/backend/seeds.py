"""Random numbers as functions of a position, so that runs are reproducible and resumable.

Nothing here has state: these random numbers depend on the model's seed, the stream and the number
of steps. Saving the step counter saves all of them. Random layers, such as dropout, have states of
their own, which are saved (`engine.state.random_generators`).
"""

import itertools

import numpy as np
import tensorflow as tf

# Independent streams.
TRAINING, EVALUATION, SAMPLING, STANDING = 0, 1, 2, 3
TERMS, AUGMENTING, POOLS = 4, 5, 6


def pair(seed):
    """The int32 `(2,)` form of an integer seed (a Python integer or an int64 tensor)."""
    return tf.bitcast(tf.cast(seed, "int64"), "int32")


def hashed(words, bits):
    """An integer of so many bits, up to 64, that depends on all of `words`, which are integers."""
    word = np.random.SeedSequence(words).generate_state(1, "uint64")[0]
    return int(word) >> (64 - bits)  # NumPy 1 shifts no `uint64` by a Python integer


# What TensorFlow scrambles seeds with, and its number of the Philox algorithm.
_KEY = np.array([0x02461E293EC8F720], "uint64")
_PHILOX = 1


def fold(seed, number):
    """A new `(2,)` seed from one and an integer, of the integer's dtype.

    The values of `tf.random.experimental.stateless_fold_in(seed, number, alg="philox")`, bit for
    bit, with and without XLA. That function adds 47 operations to a graph, this one 15, and a step
    folds a dozen times.
    """
    number = tf.convert_to_tensor(number)
    mixed = _drawn([2, 2], _KEY, tf.cast(seed, "uint64"), "uint32")
    key, counter = tf.split(tf.bitcast(mixed, "uint64"), 2)
    counter = tf.concat([np.zeros(1, "uint64"), counter], axis=0)
    return tf.stack([_drawn([], key, counter, number.dtype), number])


def _drawn(shape, key, counter, dtype):
    """Random integers of a dtype's whole range."""
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=np.array(shape, "int32"), key=key, counter=counter, alg=_PHILOX, dtype=dtype
    )


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
