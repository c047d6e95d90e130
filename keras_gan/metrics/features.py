"""Where samples are compared: as they are, or in a fixed space that needs no download."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import inspection
from keras_gan.feeding import conversion
from keras_gan.feeding.values import check_real, finite_rows
from keras_gan.metrics import applications
from keras_gan.metrics.gradient_histograms import GradientHistograms
from keras_gan.metrics.random_convolutions import RandomConvolutions

# Samples of up to this many values are compared as they are.
MAX_VALUES = 1024


def check(features):
    """`features` if a metric can use it.

    Raises:
        ValueError: for anything but a callable, a name of `applications.names` and `None`.
    """
    if isinstance(features, str):
        applications.check(features)
    _checks.check(
        features is None
        or isinstance(features, str)
        or callable(features)
        and not isinstance(features, type),
        "`features` must be a Keras model, a callable, a network of `keras.applications` by name, "
        'such as "inception_v3", or None.',
        cure=_checks.create(features),
        features=features,
    )
    inspection.check_takes_floats(features, "features")
    return features


def extractor(features, sample_shape, *, seed=0):
    """A function from a batch of samples to a batch of vectors.

    Args:
        features: a Keras model or callable from `(batch, *sample_shape)` to `(batch, ...)`, which
            is flattened; a name, see `applications.extractor`; or `None`: samples of up to
            1,024 values as they are, larger images by `GradientHistograms`, longer vectors by
            `sketch`, and other large samples by `RandomConvolutions`.
        sample_shape: tuple, a sample's shape without the batch axis.
        seed: integer seed of the random embedding. Default 0.

    Returns:
        A callable from `(batch, *sample_shape)` to a float32 tensor `(batch, dimension)`.

    Raises:
        ValueError: if `features` is not callable or `sample_shape` has unknown sizes; when the
            result is called, if `features` does not give one row of real numbers for each sample.
    """
    sample_shape = tuple(sample_shape)
    if isinstance(check(features), str):
        return applications.extractor(features, sample_shape)
    if features is not None:
        return lambda samples: _flat(_checked(_call(features, samples), samples))
    _checks.check(
        all(size is not None for size in sample_shape),
        "Samples must have known sizes to be compared as they are.",
        cure="Pass `features`, a model that maps any size to a vector.",
        sample_shape=sample_shape,
    )
    return _default(sample_shape, seed)[1]()


def text(features, sample_shape, *, seed=0):
    """What `extractor` of the same arguments compares samples by, in words."""
    if isinstance(features, str):
        return applications.text(features)
    if features is not None:
        name = getattr(features, "name", None) or getattr(features, "__name__", None)
        return str(name or type(features).__name__)
    return _default(sample_shape, seed)[0]


def _default(sample_shape, seed):
    """The embedding without `features`: what it is in words, and a function that makes it."""
    if math.prod(sample_shape) <= MAX_VALUES:
        return "the samples as they are", lambda: _flat
    if inspection.is_image(sample_shape):
        return "gradient histograms", lambda: GradientHistograms(sample_shape)
    if len(sample_shape) == 1:
        return f"fixed random projection of seed {seed}", lambda: sketch(sample_shape[0], seed=seed)
    make = functools.partial(RandomConvolutions, sample_shape, seed=seed)
    return f"fixed random convolutions of seed {seed}", make


def pair(real, fake, *, more_than=1, **received):
    """Two sets of features as float64 arrays.

    Raises:
        ValueError: unless they are finite arrays of one dimension with enough rows.
    """
    arrays = [numbers(real, "real"), numbers(fake, "fake")]
    fit = all(array.ndim == 2 and len(array) > more_than for array in arrays)
    _checks.check(
        fit and arrays[0].shape[1] == arrays[1].shape[1],
        f"Both sets must be arrays `(n, dimension)` of one dimension, with n above {more_than}.",
        real_shape=arrays[0].shape,
        fake_shape=arrays[1].shape,
        **received,
    )
    return arrays


def numbers(values, name, dtype="float64"):
    """An array of finite real numbers in a floating type.

    Raises:
        ValueError: for anything else.
    """
    array = conversion.array(values, name)
    check_real(array.dtype, name)
    array = array.astype(dtype, copy=False)
    rows = int(np.count_nonzero(~finite_rows(array)))
    _checks.check(
        rows == 0,
        f"`{name}` must be finite.",
        cure=f"Remove or repair them: `np.where(np.isfinite({name}), {name}, 0.0)` puts 0 in "
        "their place.",
        rows_that_are_not=rows,
    )
    return array


def in_batches(extract, samples, *, batch_size=256):
    """`extract` of a NumPy array, a batch at a time: a float32 array `(n, dimension)`."""
    samples = np.asarray(samples, "float32")
    starts = range(0, len(samples), batch_size)
    return np.concatenate([np.asarray(extract(samples[i : i + batch_size])) for i in starts])


def _call(features, samples):
    # Layers must not draw dropout or move their statistics; other callables know no such switch.
    if isinstance(features, tf.Module) or hasattr(features, "trainable_variables"):
        return features(samples, training=False)
    return features(samples)


def _checked(found, samples):
    """The one tensor of features, with a row for each sample."""
    parts = keras.tree.flatten(found)
    rule = "`features` must return one tensor of real numbers, a row for each sample."
    given = [getattr(part, "shape", type(part).__name__) for part in parts]
    _checks.check(
        len(parts) == 1,
        rule,
        cure="Of a network with several outputs make a model with one of them.",
        outputs=[tuple(shape) if not isinstance(shape, str) else shape for shape in given],
    )
    _checks.check(hasattr(parts[0], "shape"), rule, output=given[0])
    dtype, shape = tf.as_dtype(parts[0].dtype), tf.TensorShape(parts[0].shape)
    _checks.check(dtype.is_floating or dtype.is_integer or dtype.is_bool, rule, dtype=dtype.name)
    _checks.check(
        shape.rank != 0 and tf.TensorShape(samples.shape[:1]).is_compatible_with(shape[:1]),
        rule,
        shape=tuple(shape),
        samples=samples.shape[0],
    )
    return parts[0]


def _flat(samples):
    samples = tf.cast(samples, "float32")
    return tf.reshape(samples, (tf.shape(samples)[0], math.prod(samples.shape[1:])))


def sketch(num_values, *, seed=0):
    """A random projection of long vectors that keeps distances on average.

    `y[k] = sum of sign[i] x[i] over all i with bucket[i] = k`, with random signs and buckets: the
    memory is that of one vector, where a dense projection needs 1,024 of them.

    Args:
        num_values: length of the vectors.
        seed: integer seed. Default 0.

    Returns:
        A callable from `(batch, num_values)` to float32 `(batch, 1024)`.

    Source: Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", 2002.
    """
    random = np.random.default_rng(seed)
    buckets = random.integers(0, MAX_VALUES, num_values).astype("int32")
    signs = random.choice([-1.0, 1.0], num_values).astype("float32")

    def embed(samples):
        columns = tf.transpose(_flat(samples) * signs)
        return tf.transpose(tf.math.unsorted_segment_sum(columns, buckets, MAX_VALUES))

    return embed
