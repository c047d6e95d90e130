"""Random points at which penalties look at a discriminator: between kinds, and near the data.

Samples are tensors `(batch, ...)`, or tuples of tensors that are one sample together.
"""

import itertools

import tensorflow as tf

from keras_gan.backend import replicas, seeds


def mix(real, fake, seed):
    """A random point on the line between each pair: `e * real + (1 - e) * fake`, `e ~ U(0, 1)`.

    One factor a sample, the same for all its values, and for all tensors of a tuple. Integers
    cannot be mixed: those of the real sample are taken.
    """
    factors = _factors(real, seed)

    def mixed(real, fake):
        own = _like(factors, real)
        return own * real + (1.0 - own) * fake

    return _map_floating(mixed, real, fake)


def perturb(real, seed):
    """DRAGAN's neighbours of the data: `x + e * d`, `d = std/2 * U(0, 1)`, `e ~ U(0, 1)`.

    `std` is the standard deviation of all values of the global batch, `d` is drawn for every
    value, `e` for every sample. Each floating tensor of a tuple has its own `std`.
    """
    noise_seed, factor_seed = tf.unstack(tf.random.split(seed, 2))
    factors, numbers = _factors(real, factor_seed), itertools.count()

    def moved(part):
        part = tf.stop_gradient(part)
        mean = replicas.mean(part)
        std = tf.sqrt(replicas.mean(tf.square(part - mean)))
        own = seeds.fold(noise_seed, next(numbers)) if tf.nest.is_nested(real) else noise_seed
        return part + _like(factors, part) * 0.5 * std * _noise(part, own)

    return _map_floating(moved, real)


def _map_floating(function, first, *others):
    """`function` of the floating tensors of nests; what else there is stays the first's."""
    return tf.nest.map_structure(
        lambda part, *rest: function(part, *rest) if tf.as_dtype(part.dtype).is_floating else part,
        first,
        *others,
    )


def _factors(samples, seed):
    """float32 numbers in [0, 1), one for each sample."""
    return replicas.local_rows(
        lambda rows: tf.random.stateless_uniform([rows], seed, alg="philox"),
        tf.shape(tf.nest.flatten(samples)[0])[0],
    )


def _like(factors, part):
    """One factor a sample, in the form in which it multiplies a tensor."""
    return tf.cast(tf.reshape(factors, [-1] + [1] * (len(part.shape) - 1)), part.dtype)


def _noise(part, seed):
    """Numbers in [0, 1), one for each value of a tensor."""

    def draw(rows):
        shape = tf.concat([[rows], tf.shape(part)[1:]], axis=0)
        return tf.random.stateless_uniform(shape, seed, dtype=part.dtype, alg="philox")

    return replicas.local_rows(draw, tf.shape(part)[0])
