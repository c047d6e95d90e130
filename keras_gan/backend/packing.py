"""Packs of several samples for the discriminator (PacGAN).

A pack is `size` neighbours of a batch, joined along their last axis: channels of images, values of
vectors. Real and generated samples never share one.

Source: Lin et al., "PacGAN: The power of two samples in generative adversarial networks", NeurIPS
2018 (arXiv:1712.04086).
"""

import tensorflow as tf

from keras_gan import _checks


def checked(size, num_classes):
    """Check `pack` for a model with `num_classes` classes (`None` for no labels)."""
    size = _checks.positive_int(size, "pack")
    _checks.check(
        size == 1 or num_classes is None,
        "`pack` must be 1 for a conditional model: a discriminator takes one label for each of its "
        "inputs, and the neighbours in a batch are of different classes.",
        pack=size,
        num_classes=num_classes,
    )
    return size


def packed_shape(sample_shape, size):
    """The shape of `size` samples joined along the last axis."""
    return (*sample_shape[:-1], size * sample_shape[-1])


def packed(samples, size):
    """Packs of neighbours: `(n * size, ..., c)` to `(n, ..., size * c)`."""
    if size == 1:
        return samples
    shape = tf.shape(samples)
    members = tf.reshape(samples, tf.concat([[-1, size], shape[1:]], axis=0))
    last = len(samples.shape)  # of `members`, which have one axis more
    members = tf.transpose(members, [0, *range(2, last), 1, last])
    joined = tf.reshape(members, tf.concat([[-1], shape[1:-1], [size * shape[-1]]], axis=0))
    rows = None if samples.shape[0] is None else samples.shape[0] // size
    return tf.ensure_shape(joined, [rows, *packed_shape(samples.shape[1:], size)])


def unpacked(packs, size):
    """The inverse of `packed`: `(n, ..., size * c)` to `(n * size, ..., c)`."""
    if size == 1:
        return packs
    shape = tf.shape(packs)
    channels = packs.shape[-1] // size
    members = tf.reshape(packs, tf.concat([shape[:-1], [size, channels]], axis=0))
    last = len(packs.shape)
    members = tf.transpose(members, [0, last - 1, *range(1, last - 1), last])
    rows = None if packs.shape[0] is None else packs.shape[0] * size
    apart = tf.reshape(members, tf.concat([[-1], shape[1:-1], [channels]], axis=0))
    return tf.ensure_shape(apart, [rows, *packs.shape[1:-1], channels])


def pad_to_pack(samples, size):
    """Fill the last pack with the first samples."""
    if size == 1:
        return samples
    number = tf.shape(samples)[0]
    return tf.gather(samples, tf.range(-(-number // size) * size) % number)


def take_every(batch, start, step, size=1):
    """The packs `start`, `start + step`, ... of a batch, as rows of samples."""
    rest = tf.shape(batch)[1:]
    # An axis of its own to choose from: XLA has no slices of a begin known only when it runs.
    turns = tf.reshape(batch, tf.concat([[-1, step, size], rest], axis=0))
    chosen = tf.reshape(turns[:, start], tf.concat([[-1], rest], axis=0))
    rows = None if batch.shape[0] is None else batch.shape[0] // step
    return tf.ensure_shape(chosen, [rows, *batch.shape[1:]])
