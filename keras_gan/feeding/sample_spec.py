"""The specification that samples and labels are checked against: shape, type, range, classes.

The allowed values are documented in `feeding.values`. `uint8` is converted inside the graph.
"""

import contextlib
import contextvars

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import inspection
from keras_gan.feeding import conversion, labels, shapes, values
from keras_gan.feeding.cures import Form


class SampleSpec:
    """The samples and labels that the networks take; every input is checked against it.

    Args:
        sample_shape: shape of one sample, with `None` for axes of any size.
        num_classes: number of classes of a conditional model, else `None`.
        reach: `values.Reach` of the generator, or `None` if unknown.
    """

    def __init__(self, sample_shape, num_classes, reach=None):
        self.sample_shape = tuple(sample_shape)
        self.num_classes = num_classes
        self.reach = reach
        self.is_image = inspection.is_image(self.sample_shape)

    def samples(self, samples, name="samples", *, form=None, warn=True):
        """Check shape, type and values of samples; returns them as uint8 or float32.

        Args:
            samples: array `(n, ...)`, or what converts to one.
            name: the name of the argument in errors.
            form: `Form` of the data that cures refer to. Default: that of `samples`.
            warn: whether to warn about values that are allowed but probably a mistake.

        Raises:
            ValueError: for a wrong shape, an empty array, a value that is not finite, images out
                of range, values that the generator cannot reach.
        """
        samples, form = self._array(samples, name, form)
        return values.checked(samples, self.is_image, name, form, reach=self.reach, warn=warn)

    def typed(self, samples, name="samples", *, form=None):
        """Check only shape and type of samples; returns them as uint8 or float32."""
        samples, form = self._array(samples, name, form)
        return values.typed(samples, self.is_image, name, form)

    def generated(self, samples, name="samples"):
        """Check samples that may be generated, and so may exceed their range."""
        samples, form = self._array(samples, name, None)
        return values.generated(samples, self.is_image, name, form)

    def _array(self, samples, name, form):
        form = form or Form.of(samples, name)
        samples = conversion.array(samples, name)
        _checks.check(samples.size > 0, f"`{name}` must not be empty.", shape=samples.shape)
        shapes.check(samples.shape, self.sample_shape, name, form)
        return samples, form

    def labels(self, classes, num_samples, name="labels", *, form=None):
        """Check labels against the model and the samples; returns int32 `(n,)` or `None`.

        Raises:
            ValueError: if labels are missing or superfluous, or not whole numbers in range.
        """
        self.label_presence(classes is not None, form)
        if classes is None:
            return None
        return labels.checked(classes, num_samples, self.num_classes, name=name, form=form)

    def label_presence(self, given, form=None):
        """Check that labels are given if and only if the networks take them."""
        if self.num_classes is not None:
            _checks.check(
                given,
                "The networks take labels: a conditional model is fed `(samples, labels)`.",
                cure="Give them too, as in `fit(samples, labels)`, or within the data set.",
                labels=None,
            )
            return
        leave_out = "Leave them out" if form is None else form.without_labels()
        _checks.check(
            not given,
            "The networks take no labels: the model is fed samples only.",
            cure=f"{leave_out}, or build networks with `num_classes=`.",
            labels="given",
        )

    def tensors(self, samples, classes, name, form):
        """Check the `tf.TensorSpec`s of a pipeline's batches; `classes` may be `None`."""
        self.label_presence(classes is not None, form)
        if samples.shape.rank is not None:
            shapes.check(samples.shape, self.sample_shape, name, form)
        values.check_type(np.dtype(samples.dtype.as_numpy_dtype), self.is_image, name, form)
        if classes is not None:
            name = f"labels in {name}"
            labels.check_shape(classes.shape, name, form)
            labels.check_type(np.dtype(classes.dtype.as_numpy_dtype), name, form)


def checked(samples, name="samples", *, reach=None, warn=True):
    """Check samples without a model; returns uint8 or float32, see `SampleSpec.samples`."""
    form = Form.of(samples, name)
    samples = conversion.array(samples, name)
    _checks.check(
        samples.ndim >= 2,
        f"`{name}` must have a batch axis and at least one more.",
        cure=lambda: f"Use {form.samples('{}[:, None]')} for single numbers.",
        shape=samples.shape,
    )
    spec = SampleSpec(samples.shape[1:], None, reach)
    return spec.samples(samples, name, form=form, warn=warn)


def checked_generated(samples, name):
    """Check samples that may be generated, see `SampleSpec.generated`."""
    samples = conversion.array(samples, name)
    return SampleSpec(samples.shape[1:], None).generated(samples, name)


_UNCHECKED = contextvars.ContextVar("unchecked", default=False)


@contextlib.contextmanager
def unchecked():
    """Context without checks of samples, for those of a generator that may have diverged."""
    token = _UNCHECKED.set(True)
    try:
        yield
    finally:
        _UNCHECKED.reset(token)


def are_checked():
    """Whether metrics and scores check their samples: not inside a graph or `unchecked()`."""
    return not tf.inside_function() and not _UNCHECKED.get()


def to_float(samples):
    """Samples as float32; scales uint8 pixels from [0, 255] to [-1, 1], see `feeding.values`."""
    if values.is_pixels(samples.dtype, samples.shape[1:]):
        return tf.cast(samples, "float32") / 127.5 - 1.0
    return tf.cast(samples, "float32")


def as_floats(samples):
    """`to_float` of an array."""
    return to_float(tf.convert_to_tensor(samples))


def unpack(data):
    """`(samples, labels)` of the data that Keras passes to a step."""
    samples, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
    return samples, labels


def flat(data):
    """All tensors of a batch, with or without labels, as a list."""
    return [tensor for tensor in tf.nest.flatten(data) if tensor is not None]
