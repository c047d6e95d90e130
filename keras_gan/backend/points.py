"""Random points at which penalties look at a discriminator: between kinds, and near the data.

Samples are tensors `(batch, ...)`, or tuples of tensors that are one sample together.
"""

import tensorflow as tf

from keras_gan.backend import replicas, seeds


def mix(real, fake, seed):
    """A random point on the line between each pair: `e * real + (1 - e) * fake`, `e ~ U(0, 1)`.

    One factor a sample, the same for all its values, and for all tensors of a tuple. Integers
    cannot be mixed: those of the real sample are taken.
    """
    if tf.nest.is_nested(real):
        factors = _factors(real, seed)
        return _map_floating(
            lambda r, f: _like(factors, r) * r + (1.0 - _like(factors, r)) * f, real, fake
        )
    factors = _per_sample_uniform(real, seed)
    return factors * real + (1.0 - factors) * fake


def perturb(real, seed):
    """DRAGAN's neighbours of the data: `x + e * d`, `d = std/2 * U(0, 1)`, `e ~ U(0, 1)`.

    `std` is the standard deviation of all values of the global batch, `d` is drawn for every
    value, `e` for every sample. Each floating tensor of a tuple has its own `std`.
    """
    if tf.nest.is_nested(real):
        return _perturb_tuple(real, seed)
    real = tf.stop_gradient(real)
    mean = replicas.mean(real)
    std = tf.sqrt(replicas.mean(tf.square(real - mean)))
    noise_seed, factor_seed = tf.unstack(tf.random.split(seed, 2))
    noise = _uniform(real, tf.shape(real)[1:], noise_seed)
    return real + _per_sample_uniform(real, factor_seed) * 0.5 * std * noise


def _perturb_tuple(real, seed):
    noise_seed, factor_seed = tf.unstack(tf.random.split(seed, 2))
    factors = _factors(real, factor_seed)
    numbers = iter(range(len(tf.nest.flatten(real))))

    def moved(part):
        part = tf.stop_gradient(part)
        mean = replicas.mean(part)
        std = tf.sqrt(replicas.mean(tf.square(part - mean)))
        noise = _uniform(part, tf.shape(part)[1:], seeds.fold(noise_seed, next(numbers)))
        return part + _like(factors, part) * 0.5 * std * noise

    return _map_floating(moved, real)


def _map_floating(function, first, *others):
    """`function` of the floating tensors of nests; what else there is stays the first's."""
    return tf.nest.map_structure(
        lambda part, *rest: function(part, *rest) if part.dtype.is_floating else part,
        first,
        *others,
    )


def _factors(samples, seed):
    """float32 numbers in [0, 1), one for each sample of a nest."""
    return replicas.local_rows(
        lambda rows: tf.random.stateless_uniform([rows], seed, alg="philox"),
        tf.shape(tf.nest.flatten(samples)[0])[0],
    )


def _like(factors, part):
    """One factor a sample, in the form in which it multiplies a tensor."""
    return tf.cast(tf.reshape(factors, [-1] + [1] * (len(part.shape) - 1)), part.dtype)


def _per_sample_uniform(samples, seed):
    return _uniform(samples, tf.ones([len(samples.shape) - 1], "int32"), seed)


def _uniform(samples, shape, seed):
    """Numbers in [0, 1), of a shape for each sample."""

    def draw(rows):
        full = tf.concat([[rows], shape], axis=0)
        return tf.random.stateless_uniform(full, seed, dtype=samples.dtype, alg="philox")

    return replicas.local_rows(draw, tf.shape(samples)[0])
