"""The batches of a pipeline that yields samples, or samples and labels."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.feeding import conversion, cures
from keras_gan.feeding.cures import Form
from keras_gan.feeding.shapes import agree


class SampleBatches:
    """What a pipeline for a model of samples must yield, and how its batches are checked.

    Args:
        spec: the model's `SampleSpec`.
        name: name of the data in errors.
    """

    def __init__(self, spec, name):
        self._spec = spec
        self._name = name

    def arrays(self, batch):
        """A batch that was read in Python, as an array or a tuple of two."""
        return sample_arrays(batch, self._name)

    def open(self, spec, *, is_read):
        """Check what can be known before reading.

        Args:
            spec: `element_spec` of the pipeline.
            is_read: whether it is read in Python.

        Raises:
            ValueError: if such batches cannot be taken.
        """
        parts = parts_of(spec, self._name)
        shape = parts[0].shape
        single = shape.rank and shape[0] is not None and agree(shape, self._spec.sample_shape)
        _checks.check(
            shape.rank != 0 and not single,
            f"`{self._name}` must yield batches.",
            cure=None if is_read else f"Use `{self._name}.batch(batch_size)`.",
            element_spec=spec,
        )
        kind = "batches" if is_read else "dataset"
        self._form = Form(kind, self._name, labelled=len(parts) == 2)
        self._spec.tensors(parts[0], parts[1] if len(parts) == 2 else None, self._name, self._form)

    # === In the graph ===

    def cast(self, samples, *labels):
        """A batch as it is checked and kept."""
        if samples.dtype == tf.bool and len(self._spec.sample_shape) > 1:
            samples = tf.cast(samples, "uint8") * 255
        if samples.dtype != tf.uint8:
            samples = tf.cast(samples, "float32")
        return (samples, conversion.in_64_bits(labels[0])) if labels else samples

    def is_bad(self, samples, *labels):
        """Whether a batch does not fit the model, as a boolean tensor."""
        shape, wanted = tf.shape(samples), self._spec.sample_shape
        sizes = [size if size is not None else -1 for size in (None, *wanted)]
        bad = tf.cond(
            tf.equal(tf.size(shape), len(sizes)),
            lambda: tf.reduce_any((shape != sizes) & (tf.constant(sizes) >= 0)),
            lambda: True,
        )
        for classes in labels:
            outside = (classes < 0) | (classes >= self._spec.num_classes)
            bad |= tf.reduce_any(outside) | tf.not_equal(tf.size(classes), shape[0])
        return bad

    def shaped(self, samples, *labels):
        """A batch after its check, with its static shape."""
        samples = tf.ensure_shape(samples, [None, *self._spec.sample_shape])
        return (samples, tf.reshape(tf.cast(labels[0], "int32"), [-1])) if labels else samples

    # === Arrays ===

    def checked(self, samples, labels=None, *, first, warn):
        """Check a batch; returns it as it is kept.

        Args:
            samples: array.
            labels: array, or `None`.
            first: whether it is the first one, of which values are checked.
            warn: whether to warn of values that are allowed but probably a mistake.
        """
        name, form = self._name, self._form
        if first:
            self._spec.samples(samples, name, form=form, warn=warn)
        else:
            self._spec.typed(samples, name, form=form)
        return samples, self._spec.labels(labels, len(samples), f"labels in {name}", form=form)

    def joined(self, batches):
        """Kept batches as `(samples, labels)`."""
        return tuple(
            None if part[0] is None else np.concatenate(part) for part in zip(*batches, strict=True)
        )


def sample_arrays(batch, name):
    """The samples of a batch, and its labels if there are any: an array, or a tuple of two."""
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    parts = [part for part in parts if part is not None]
    _checks.check(bool(parts), f"`{name}` must not be empty.", batches=0)
    _checks.check(
        len(parts) < 3 and not isinstance(parts[0], dict),
        f"`{name}` must yield batches of samples, or of (samples, labels).",
        cure=None if isinstance(parts[0], dict) else cures.NO_WEIGHTS,
        batch=type(parts[0]).__name__ if isinstance(parts[0], dict) else f"{len(parts)} parts",
    )
    names = (name, f"labels in {name}")
    arrays = [conversion.array(part, name) for part, name in zip(parts, names, strict=False)]
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def parts_of(spec, name):
    """The `tf.TensorSpec`s of samples, and of labels if there are any, as a tuple.

    Args:
        spec: `element_spec` of a pipeline.
        name: the name of the pipeline in errors.

    Raises:
        ValueError: for anything else, such as a `dict`.
    """
    parts = tuple(spec) if isinstance(spec, (tuple, list)) else (spec,)
    _checks.check(
        len(parts) in (1, 2) and all(isinstance(part, tf.TensorSpec) for part in parts),
        f"`{name}` must yield batches of samples, or of (samples, labels).",
        cure=lambda: _cure_of_structure(spec, name),
        element_spec=spec,
    )
    return parts


def _cure_of_structure(spec, name):
    if isinstance(spec, dict) and len(spec) == 1:
        return f"Use `{name}.map(lambda batch: batch[{next(iter(spec))!r}])`."
    if isinstance(spec, dict) and len(spec) > 1:
        first, second = list(spec)[:2]
        pair = f"batch[{first!r}], batch[{second!r}]"
        return f"Use `{name}.map(lambda batch: ({pair}))`, or its own keys."
    if isinstance(spec, (tuple, list)) and len(spec) == 3:
        code = f"`{name}.map(lambda samples, labels, weights: (samples, labels))`"
        return f"Samples cannot be weighted: use {code}."
    return cure_of_kind(spec, name) or "Use `.map` to bring it into that form."


def cure_of_kind(spec, name):
    """How to make dense tensors of others, or `None`."""
    if isinstance(spec, tf.SparseTensorSpec):
        return f"Use `{name}.map(tf.sparse.to_dense)`."
    if isinstance(spec, tf.RaggedTensorSpec):
        code = f"`{name}.map(lambda batch: batch.to_tensor())`"
        return f"Use {code} where all samples have one shape."
    return None
