"""Facts about data: shape, count, classes, batches."""

import collections
import types

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import inspection
from keras_gan.feeding import fit_data, readers, sample_spec, values
from keras_gan.feeding import labels as labels_module
from keras_gan.feeding.cures import Form
from keras_gan.feeding.sample_batches import parts_of

# Sides of images from this on; fewer are no images.
_LEAST_SIDE = 4
# Maximum number of values of samples that are not images, for fully connected networks.
_MOST_VALUES = 4096

Facts = collections.namedtuple("Facts", "sample_shape count num_classes batch_size")


def look(data, labels=None, num_classes=None, *, as_images=False):
    """The `Facts` of data as `fit` takes them.

    The count is `None` if it is not known, the number of classes without labels, and the size of a
    batch of arrays. Data that `fit` would refuse, that can be read only once, that have labels of
    unknown number, or that no recipe is made for raise an error. With `as_images`, so do pixels
    without a channel axis, images with the channels first, and single images in place of batches.
    """
    samples, labels, names = fit_data.unpacked(data, labels, None, "data")
    _checks.check(
        not isinstance(samples, types.GeneratorType),
        "A generator can be read once, so that no step can be tried.",
        cure="Give a `keras.utils.PyDataset`, or arrays.",
        data="generator",
    )
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    if isinstance(samples, tf.data.Dataset) or readers.is_read(samples):
        fit_data.check_unlabelled(labels)
        facts, dtype, form = _of_batches(samples, num_classes)
    else:
        form = Form.of(samples, names[0])
        samples = sample_spec.checked(samples, names[0])
        dtype = samples.dtype
        if labels is not None:
            labels = labels_module.checked(labels, len(samples), num_classes, name=names[1])
            num_classes = num_classes or int(labels.max()) + 1
        facts = Facts(samples.shape[1:], len(samples), num_classes, None)
    if as_images:
        _check_channels(tf.as_dtype(dtype), facts.sample_shape, form)
    _check_shape(facts.sample_shape)
    return facts


def _of_batches(data, num_classes):
    """The `Facts` of batches, the type of the samples, and their `Form`."""
    source = getattr(data, "source", None)
    if source is not None:
        spec = tf.nest.flatten(source.element_spec)
        form = Form("dataset", "data", labelled=len(spec) > 1)
        return _of_source(source, data.batch_size, num_classes), spec[0].dtype, form
    count, kind = None, "dataset"
    if readers.is_read(data):
        reader = readers.reader(data, "data")
        batch = next(iter(reader.one_pass()), None)
        reader.check(1)
        parts, batches, kind = tf.nest.flatten(batch), reader.batches, "batches"
    else:
        parts, batches = parts_of(data.element_spec, "data"), int(data.cardinality())
    form = Form(kind, "data", labelled=len(parts) > 1)
    shape, dtype = parts[0].shape, np.dtype(tf.as_dtype(parts[0].dtype).as_numpy_dtype)
    values.check_real(dtype, "data")
    if kind == "dataset" and parts[0].shape.is_fully_defined():
        _check_batched(tuple(shape), dtype, form)
    if not tf.TensorShape(shape).is_fully_defined():
        first = next(iter(data.take(1)), None)
        _checks.check(first is not None, "`data` must not be empty.", batches=0)
        shape = tf.nest.flatten(first)[0].shape
    _checks.check(
        len(shape) > 1,
        "`data` must yield batches of samples with at least one axis.",
        cure=lambda: _cure_of_numbers(shape, form),
        shape=tuple(shape),
    )
    batch_size, *shape = shape
    shape = tuple(shape)
    if batches > 0:
        count = batches * batch_size
    facts = Facts(shape, count, _classes(len(parts) > 1, None, num_classes), batch_size)
    return facts, dtype, form


def _of_source(source, batch_size, num_classes):
    spec = tf.nest.flatten(source.element_spec)
    known = len(source.class_names) if source.class_names else None
    if known is None and getattr(source, "labels", None) is not None:
        known = int(source.labels.max()) + 1
    num_classes = _classes(len(spec) > 1, known, num_classes)
    return Facts(tuple(spec[0].shape), source.num_samples, num_classes, batch_size)


def _classes(labelled, known, given):
    num_classes = given or known
    _checks.check(
        num_classes is not None or not labelled,
        "The data have labels, of which it is not known how many classes they are of.",
        cure="Pass `num_classes=`.",
        num_classes=None,
    )
    return num_classes if labelled else None


def _cure_of_numbers(shape, form):
    """What to do with batches that have no axis but their own, or not even that."""
    axis = form.samples("{}[..., None]")
    if form.kind != "dataset":
        return f"Use {axis} for single numbers."
    batch = f"`{form.name}.batch(batch_size)`"
    if not shape:
        return f"For single numbers use {axis}, and then `.batch(batch_size)`."
    return f"Use {batch} for single samples, {axis} for batches of single numbers."


def _check_batched(shape, dtype, form):
    """Check that the elements of a pipeline, of a known shape, are no single images."""
    if not (inspection.is_image(shape) and min(shape[:2]) >= _LEAST_SIDE):
        return
    _checks.check(
        dtype not in (tf.uint8, tf.bool),
        f"`{form.name}` must yield batches.",
        cure=f"Use `{form.name}.batch(batch_size)`.",
        element_shape=shape,
    )
    _warnings.warn(
        f"An element of `{form.name}` of the shape {shape} is taken for a batch of {shape[0]} "
        f"samples. If it is one image, use `{form.name}.batch(batch_size)`."
    )


def _check_channels(dtype, shape, form):
    """Check that images have a channel axis, and that it is the last one."""
    _checks.check(
        len(shape) != 2 or dtype not in (tf.uint8, tf.bool),
        f"`{form.name}` of {dtype.name} with two axes a sample are images, which need a channel "
        "axis.",
        cure=lambda: (
            f"Did you mean {(*shape, 1)}? Add the channel axis: {form.samples('{}[..., None]')}."
        ),
        sample_shape=shape,
    )
    last = (*shape[1:], *shape[:1])
    _checks.check(
        inspection.is_image(shape) or not inspection.is_image(last) or min(last[:2]) < _LEAST_SIDE,
        f"`{form.name}` of images must have the channels in the last axis.",
        cure=lambda: (
            f"Did you mean {last}? Move them: "
            f"{form.samples('np.moveaxis({}, 1, -1)', 'tf.transpose({}, [0, 2, 3, 1])')}. "
            f"For samples that are no images use `keras_gan.recipes.mlp({shape})`."
        ),
        sample_shape=shape,
    )


def _check_shape(shape):
    known = all(size is not None for size in shape)
    values = tf.TensorShape(shape).num_elements() if known else None
    _checks.check(
        known and (inspection.is_image(shape) or values <= _MOST_VALUES),
        "There are recipes for images of 1, 3 or 4 channels, and for samples of up to "
        f"{_MOST_VALUES:,} values.",
        cure="Build networks for these and give them to `keras_gan.GAN`.",
        sample_shape=shape,
    )
