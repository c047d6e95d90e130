"""What real samples must be, and what they become inside a graph.

Images are `uint8`, or floats in [-1, 1]; `uint8` stays `uint8` until it is inside the graph.
"""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, inspection

# Rounding may carry a scaled image this far out of range.
_TOLERANCE = 1e-3


class SampleSpec:
    """What the networks take: the rule that all samples and labels are checked against.

    Args:
        sample_shape: of one sample; `None` where any size will do.
        num_classes: number of classes of a conditional model, else `None`.
    """

    def __init__(self, sample_shape, num_classes):
        self.sample_shape = tuple(sample_shape)
        self.num_classes = num_classes
        self.is_image = inspection.is_image(self.sample_shape)

    def samples(self, samples, name="samples", *, any_values=False):
        """Check an array of samples; returns it as uint8 or float32.

        Args:
            samples: array `(n, ...)`.
            name: what it is called in errors.
            any_values: whether shape and type alone are checked.

        Raises:
            ValueError: for a wrong shape, an empty array, a value that is not finite, images out
                of range.
        """
        samples = np.asarray(samples)
        self._shape(samples.shape, name)
        _checks.check(len(samples) > 0, f"`{name}` must not be empty.", shape=samples.shape)
        self._dtype(samples.dtype, name)
        if samples.dtype == np.uint8:
            return samples
        samples = samples.astype("float32", copy=False)
        if any_values:
            return samples
        finite = np.isfinite(samples)
        if not finite.all():
            bad = np.unique(np.nonzero(~finite)[0])
            raise ValueError(
                _checks.sentence(
                    f"`{name}` must be finite, but {len(bad)} of {len(samples)} hold NaN or "
                    f"infinity, the first at index {bad[0]}.",
                    shape=samples.shape,
                    cure="Remove or repair them.",
                )
            )
        if self.is_image:
            self._range(float(samples.min()), float(samples.max()), name)
        return samples

    def labels(self, labels, num_samples, name="labels"):
        """Check labels against the model and the samples; returns int32 `(n,)` or `None`.

        Raises:
            ValueError: if labels are missing or superfluous, or not whole numbers in range.
        """
        self.label_presence(labels is not None, name)
        if labels is None:
            return None
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        one_hot = labels.ndim > 1 or labels.size % num_samples == 0  # a pipeline's come flat
        _checks.check(
            labels.ndim == 1 and len(labels) == num_samples,
            f"`{name}` must have one class index for each sample.",
            cure=_LABEL_SHAPE_CURE if one_hot else None,
            labels_shape=labels.shape,
            num_samples=num_samples,
        )
        _checks.check(
            np.issubdtype(labels.dtype, np.integer),
            f"`{name}` must be integers.",
            cure=_LABEL_TYPE_CURE,
            dtype=str(labels.dtype),
        )
        low, high = int(labels.min()), int(labels.max())
        _checks.check(
            0 <= low and high < self.num_classes,
            f"`{name}` must be class indices from 0 to {self.num_classes - 1}.",
            cure="Count classes from 0, or build the networks with a larger `num_classes`.",
            minimum=low,
            maximum=high,
        )
        return labels.astype("int32")

    def label_presence(self, given, name="labels"):
        """Check that labels are given exactly if the networks take them."""
        if self.num_classes is not None:
            _checks.check(
                given,
                "The networks take labels: a conditional model is fed `(samples, labels)`.",
                cure="Call `fit(samples, labels)`, or give a data set of such pairs.",
                **{name: None},
            )
        else:
            _checks.check(
                not given,
                "The networks take no labels: the model is fed samples alone.",
                cure="Leave them out, or build networks with `num_classes=`.",
                **{name: "given"},
            )

    def tensors(self, samples, labels, name="samples"):
        """Check the `tf.TensorSpec`s of a pipeline's batches; `labels` may be `None`."""
        if samples.shape.rank is not None:
            self._shape(samples.shape, name)
        self._dtype(np.dtype(samples.dtype.as_numpy_dtype), name)
        self.label_presence(labels is not None)
        if labels is None:
            return
        shape = labels.shape
        _checks.check(
            shape.rank in (None, 1) or shape.rank == 2 and shape[1] in (None, 1),
            f"The labels in `{name}` must have one class index for each sample.",
            cure=_LABEL_SHAPE_CURE,
            labels_shape=tuple(shape),
        )
        _checks.check(
            labels.dtype.is_integer,
            f"The labels in `{name}` must be integers.",
            cure=_LABEL_TYPE_CURE,
            dtype=labels.dtype.name,
        )

    def _shape(self, shape, name):
        shape = tuple(shape)
        fits = agree(shape[1:], self.sample_shape)
        cure = None
        if agree((*shape[1:], 1), self.sample_shape):
            cure = f"Add the channel axis: `{name}[..., None]`."
        elif shape == self.sample_shape:
            cure = f"Add the batch axis: `{name}[None]`."
        wanted = ("batch", *self.sample_shape)
        _checks.check(
            fits,
            f"`{name}` must have the shape ({', '.join(map(str, wanted))}), which the "
            "discriminator takes.",
            cure=cure,
            shape=shape,
        )

    def _dtype(self, dtype, name):
        if self.is_image:
            _checks.check(
                dtype == np.uint8 or np.issubdtype(dtype, np.floating),
                f"`{name}` of images must be uint8 in [0, 255] or floats in [-1, 1].",
                cure="Use `.astype('uint8')` for values in [0, 255].",
                dtype=str(dtype),
            )
        else:
            _checks.check(
                np.issubdtype(dtype, np.number) and not np.issubdtype(dtype, np.complexfloating),
                f"`{name}` must be real numbers.",
                dtype=str(dtype),
            )

    def _range(self, low, high, name):
        outside = low < -1.0 - _TOLERANCE or high > 1.0 + _TOLERANCE
        _checks.check(
            not outside,
            f"`{name}` of images must be uint8 in [0, 255] or floats in [-1, 1].",
            cure=(
                "Use `x.astype('uint8')`, or `x / 127.5 - 1` for floats in [0, 255]."
                if low >= 0.0 and high <= 255.0 + _TOLERANCE
                else "Scale them to [-1, 1]."
            ),
            minimum=float(f"{low:.5g}"),
            maximum=float(f"{high:.5g}"),
        )
        if low >= 0.0:
            warnings.warn(
                f"`{name}` are floats in [{low:.3g}, {high:.3g}], but the generator makes images "
                "in [-1, 1]. If theirs is [0, 1], use `x * 2 - 1`, and a generator that ends in "
                "tanh.",
                stacklevel=4,
            )


_LABEL_SHAPE_CURE = "Turn one-hot labels into indices with `labels.argmax(-1)`."
_LABEL_TYPE_CURE = "Use `labels.astype('int32')` if they are class indices."


def agree(shape, wanted):
    """Whether two shapes are the same where both are known."""
    return len(shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


def to_float(samples, is_image):
    """Samples as float32 inside the graph; `uint8` images from [0, 255] to [-1, 1]."""
    if is_image and samples.dtype == tf.uint8:
        return tf.cast(samples, "float32") / 127.5 - 1.0
    return tf.cast(samples, "float32")


def as_floats(samples):
    """A batch outside of graphs as `to_float` makes it; whether it is images, its shape tells."""
    return to_float(tf.convert_to_tensor(samples), inspection.is_image(samples.shape[1:]))


def unpack(data):
    """`(samples, labels)` of what Keras hands to a step."""
    samples, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
    return samples, labels


def flat(data):
    """All tensors of a batch of samples, or of samples and labels: a list."""
    return [tensor for tensor in tf.nest.flatten(data) if tensor is not None]
