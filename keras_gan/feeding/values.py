"""Checks of the values of samples.

| type | vectors, one axis a sample | two axes or more |
|---|---|---|
| `bool` | the numbers 0 and 1 | pixels, black and white: 0 and 255 |
| `uint8` | numbers; above 127 they may be pixels, and must say which | pixels in [0, 255] |
| other integers | numbers | numbers; of images: refused |
| floats | numbers | numbers; of images: in [-1, 1] |

Pixels become floats in [-1, 1] inside the graph. Images have three axes, the last of 1, 3 or 4. All
values are finite, and within the range of a generator that ends in a bounded activation.
"""

import collections
import math

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import inspection
from keras_gan.feeding import cures, outliers

# Tolerance for rounding of scaled images.
_TOLERANCE = 1e-3
# Images with a minimum of at least 0 and a maximum above this are in another range.
_OVERSHOOT = 1.5
# A vector of `uint8` with larger values may be an image and must be converted explicitly.
_LARGEST_CODE = 127
# What a bounded generator may miss: values as far out of its range, as a share of its width, and
# the share of all values that may lie further out.
_MARGIN, _SHARE = 0.05, 0.01
# Means and standard deviations that are too far from those of an untrained generator.
_FAR = 10.0
# Squares of larger numbers may be beyond float32, so that they cannot be standardised in it.
_HUGE = 1e15

IMAGES = "of images must be uint8 in [0, 255] or floats in [-1, 1]."

Reach = collections.namedtuple("Reach", ["low", "high", "activation", "certain"])

_INFINITY = float("inf")
_RANGES = {
    **dict.fromkeys(("tanh", "hard_tanh", "hardtanh", "softsign", "soft_sign"), (-1.0, 1.0)),
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "hardsigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("relu", "softplus", "exponential", "exp"), (0.0, _INFINITY)),
    "relu6": (0.0, 6.0),
    "linear": (-_INFINITY, _INFINITY),
}


def reach(generator):
    """The `Reach` of a network by its last activation, or `None` if unknown.

    `certain` is `False` for a subclassed model, whose last layer is a guess.
    """
    activation = inspection.last_activation(generator)
    if activation not in _RANGES:
        return None
    certain = inspection.last_activation(generator, guess=False) is not None
    return Reach(*_RANGES[activation], activation, certain)


def is_pixels(dtype, sample_shape):
    """Whether samples of this type and shape, without the batch axis, are pixels in [0, 255]."""
    return tf.as_dtype(dtype) == tf.uint8 and len(sample_shape) >= 2


# === Types ===


def check_type(dtype, is_image, name, form):
    """Check the NumPy type of samples with unknown values."""
    check_real(dtype, name)
    if is_image and _is_other_integer(dtype):
        _refuse_integers(dtype, 0, np.iinfo(dtype).max if dtype == np.uint16 else 255, name, form)


def typed(samples, is_image, name, form):
    """Samples as uint8 or float32, without a check of their values."""
    dtype = samples.dtype
    check_real(dtype, name)
    if is_image and _is_other_integer(dtype):
        _refuse_integers(dtype, int(samples.min()), int(samples.max()), name, form)
    if dtype.kind == "b" and samples.ndim > 2:
        return samples.astype("uint8") * np.uint8(255)
    with np.errstate(over="ignore"):  # infinity is reported where values are checked
        return samples if dtype == np.uint8 else samples.astype("float32", copy=False)


def check_real(dtype, name):
    """Check that a NumPy type is a real numeric type."""
    # `bfloat16` has no NumPy kind.
    real = dtype.kind in "buif" or dtype.kind == "V" and tf.as_dtype(dtype).is_floating
    _checks.check(real, f"`{name}` must be real numbers.", dtype=str(dtype))


def _is_other_integer(dtype):
    return dtype.kind in "iu" and dtype != np.uint8


def _refuse_integers(dtype, low, high, name, form):
    cure = f"Use {cures.as_bytes(form)} for values in [0, 255]."
    if low < 0 or high > 255:
        cure = f"Use {cures.scaled(form, low, high, pixels=True)}."
    raise _checks.error(f"`{name}` {IMAGES}", cure=cure, dtype=str(dtype))


# === Values ===


def checked(samples, is_image, name, form, *, reach=None, warn=True, entry=None):
    """Check type and values of samples; returns them as uint8 or float32.

    Args:
        samples: array `(n, ...)` with n above 0.
        is_image: whether they are images.
        name: name of the samples in errors.
        form: `cures.Form` of the samples.
        reach: `Reach` of the generator, or `None`.
        warn: whether to warn of values that are allowed, but probably a mistake.
        entry: the name of an entry of a game, which `values` of its model can declare to be
            numbers.

    Raises:
        ValueError: for values that cannot be trained on.
    """
    given, samples = samples, typed(samples, is_image, name, form)
    if samples.dtype == np.float32:
        _check_finite(samples, given, name, form)
    low, high = float(samples.min()), float(samples.max())
    pixels = is_pixels(samples.dtype, samples.shape[1:])
    if samples.dtype == np.uint8 and not pixels:
        check_codes(high, name, form, axes=" of one axis")
    if is_image and not pixels:
        _check_range(low, high, name, form, warn, entry)
    if pixels and high == 1 and warn:
        _warn_of_bits(is_image, name, form)
    if reach is not None:
        check_reach(samples, (low, high), pixels, is_image, name, form, reach, given.dtype)
    if warn and not pixels and not is_image:
        # No scale suits both outliers and the others.
        told = samples.dtype == np.float32 and outliers.warn(samples, name, form, given.dtype)
        if not told and _starts_near_0(reach):
            _warn_of_scale(samples, (low, high), name, form)
    return samples


def generated(samples, is_image, name, form):
    """Samples as uint8 or float32 that may be generated, and so may exceed their range."""
    given, samples = samples, typed(samples, is_image, name, form)
    if samples.dtype == np.float32:
        _check_finite(samples, given, name, form)
    if is_image and samples.dtype != np.uint8 and samples.size:
        low, high = float(samples.min()), float(samples.max())
        if low >= 0.0 and high > _OVERSHOOT:
            _check_range(low, high, name, form, warn=False)
    return samples


def finite_rows(samples):
    """Which samples hold neither NaN nor infinity: a boolean array `(n,)`."""
    return np.isfinite(samples).all(axis=tuple(range(1, samples.ndim)))


def _check_finite(samples, given, name, form):
    finite = np.isfinite(samples)
    if finite.all():
        return
    _checks.check(
        not np.isfinite(given).all(),
        f"`{name}` must fit into float32, whose largest number is 3.4e38.",
        cure="Scale them, or remove what is no measurement.",
        minimum=float(given.min()),
        maximum=float(given.max()),
    )
    bad = np.flatnonzero(~finite_rows(samples))
    repair = form.samples(
        "np.where(np.isfinite({0}), {0}, 0.0)", "tf.where(tf.math.is_finite({0}), {0}, 0.0)"
    )
    raise _checks.error(
        f"`{name}` must be finite, but {len(bad)} of {len(samples)} hold NaN or infinity, the "
        f"first at index {bad[0]}.",
        cure=f"Remove or repair them: {repair} puts 0 in their place.",
        shape=samples.shape,
    )


def check_codes(high, name, form, axes=""):
    """Check that numbers in `uint8` are not pixels.

    Args:
        high: the largest one.
        name: name of the numbers in errors.
        form: `cures.Form` of them.
        axes: what their shape is, in errors.
    """
    scaled = cures.scaled(form, 0.0, 255.0)
    _checks.check(
        high <= _LARGEST_CODE,
        f"`{name}`{axes} in uint8 may be pixels or numbers, and must say which.",
        cure=f"Use {scaled} for pixels, {cures.as_floats(form)} for numbers.",
        maximum=int(high),
    )


def _check_range(low, high, name, form, warn, entry=None):
    def cure():
        if entry is not None:
            return _cure_of_entry(low, high, entry, form)
        scaled = cures.scaled(form, low, high, pixels=True)
        if low >= 0.0 and 2.0 < high <= 255.0 + _TOLERANCE:
            return f"Use {cures.as_bytes(form)}, or {scaled}, for values in [0, 255]."
        return f"Scale them to [-1, 1]: {scaled}."

    _checks.check(
        low >= -1.0 - _TOLERANCE and high <= 1.0 + _TOLERANCE,
        f"`{name}` {IMAGES}",
        cure=cure,
        minimum=float(f"{low:.5g}"),
        maximum=float(f"{high:.5g}"),
    )
    if low >= 0.0 and warn:
        _warnings.warn(
            f"`{name}` are floats in [{low:.3g}, {high:.3g}], but the generator makes images in "
            f"[-1, 1]. If theirs is [0, 1], use {form.samples('{} * 2 - 1')}, and a generator that "
            "ends in tanh."
        )


def _cure_of_entry(low, high, entry, form):
    """Of one entry among several, whose scales must be the same."""
    pixels = ""
    if low >= 0.0 and _LARGEST_CODE < high <= 255.0 + _TOLERANCE:
        scaled = cures.scaled(form, low, high, pixels=True)
        pixels = f" For pixels in [0, 255] use {cures.as_bytes(form)}, or {scaled}."
    return (
        "Scale all entries of images to [-1, 1] by the same numbers. If they are other numbers, "
        f"name all such entries: `AdversarialModel(..., values=[{entry!r}, ...])`.{pixels}"
    )


def check_reach(samples, extremes, pixels, is_image, name, form, reach, given):
    """Check that a generator can reach the values of samples.

    Args:
        samples: array, `uint8` or `float32`.
        extremes: their smallest and largest value.
        pixels: whether they are pixels in [0, 255].
        is_image: whether they are images.
        name: name of the samples in errors.
        form: `cures.Form` of the samples.
        reach: `Reach` of the generator.
        given: their NumPy type as they were given.
    """
    margin = _MARGIN * (reach.high - reach.low if reach.high < _INFINITY else 1.0)
    low, high = reach.low - margin, reach.high + margin
    if pixels:  # compare as bytes: floats would take four times the memory
        low, high = (low + 1.0) * 127.5, (high + 1.0) * 127.5
    if low <= extremes[0] and extremes[1] <= high:
        return
    outside = np.count_nonzero((samples < low) | (samples > high))
    expected = _SHARE * samples.size
    if outside <= expected + 3.0 * math.sqrt(expected) + 2.0:  # a few values may be outliers
        return
    if pixels:
        extremes = tuple(value / 127.5 - 1.0 for value in extremes)
    text = _checks.sentence(
        f"`{name}` must be within reach of the generator, which ends in a {reach.activation} and "
        f"makes values in [{reach.low:g}, {reach.high:g}], but "
        f"{outside / samples.size:.0%} of their values are not.",
        cure=_cure_of_reach(extremes, pixels, is_image, form, reach, given),
        minimum=float(f"{extremes[0]:.5g}"),
        maximum=float(f"{extremes[1]:.5g}"),
    )
    if reach.certain:
        raise ValueError(text)
    _warnings.warn(text)


def _cure_of_reach(extremes, pixels, is_image, form, reach, given):
    low, high = extremes
    bounds = reach.low, reach.high
    if is_image or pixels and bounds != (0.0, 1.0):
        return "End the generator in tanh."
    if bounds == (0.0, 1.0):
        if given.kind == "b":
            change = cures.as_floats(form)
        elif given == np.uint8:
            change = cures.linear(form, " / 255.0")
        else:
            change = cures.scaled_to_unit(form, low, high)
    elif bounds == (-1.0, 1.0):
        change = cures.scaled(form, low, high)
    else:
        return "End the generator without an activation."
    return f"Use {change}, or end the generator without an activation."


# === What is allowed, but most likely not meant ===


def warn_if_all_the_same(samples, name):
    """Warn of training samples that are all equal, but not of single numbers, as of a Dirac-GAN.

    Args:
        samples: some of them, an array `(n, ...)`, or a `dict` of arrays of named entries.
        name: what they are called.
    """
    arrays = [part for part in tf.nest.flatten(samples) if part[0].size > 1]
    if arrays and all(map(_are_all_the_same, arrays)):
        _warnings.warn(
            f"All {len(arrays[0])} samples of `{name}` that were looked at are the same, so that "
            "there is one point to learn: look at how they were made."
        )


def _are_all_the_same(array):
    """Whether there are several rows, all of them equal."""
    if len(array) < 2 or not np.array_equal(array[0], array[-1]):
        return False
    return bool((array == array[0]).all())


def _warn_of_bits(is_image, name, form):
    numbers = "" if is_image else f", or {cures.as_floats(form)} for numbers"
    _warnings.warn(
        f"`{name}` are uint8 of 0 and 1 alone, but pixels are in [0, 255], so that these are all "
        f"but black. Use {form.samples('{} * 255')} for black and white{numbers}."
    )


def _starts_near_0(reach):
    """Whether a new generator makes values about 0 and 1, but may make any."""
    return reach is not None and reach.activation == "linear" and reach.certain


def _warn_of_scale(samples, extremes, name, form):
    if max(map(abs, extremes)) <= _FAR or _are_all_the_same(samples):  # which has no scale
        return
    # Squares of large numbers are beyond float32.
    mean, deviation = float(samples.mean(dtype="float64")), float(samples.std(dtype="float64"))
    if max(abs(mean), deviation) > _FAR:
        _warnings.warn(
            f"`{name}` have a mean of {mean:.3g} and a standard deviation of {deviation:.3g}, but "
            "the values of a new generator are about 0 and 1, and training takes very long to get "
            f"from there. {_cure_of_scale(extremes, mean, deviation, form)}"
        )


def _cure_of_scale(extremes, mean, deviation, form):
    largest = max(map(abs, extremes))
    if largest > _HUGE:
        return f"Scale them first: {cures.linear(form, f' / {cures.rounded_up(largest)}')}."
    return f"Standardise them: {cures.standardised(form, mean, deviation)}."
