"""Images sampled at other places: shifts and affine maps, one for each image.

All is made of `tf.gather` of pixels, so that the gradients at the images, of any order, are the
true ones. That of `ImageProjectiveTransformV3`, on which Keras's affine transforms stand, is
another: the gradient's image under the inverse map.
"""

import tensorflow as tf


def sizes(images):
    """Height and width: integers, or integer tensors where they are known in a step only."""
    shape = tf.shape(images)
    return [images.shape[axis] or shape[axis] for axis in (1, 2)]


def shifted(images, down, right):
    """Images moved by whole pixels; what was outside is 0.

    Args:
        images: `(batch, height, width, channels)`.
        down: int32 `(batch,)`.
        right: likewise.
    """
    height, width = sizes(images)
    rows = tf.range(height)[None, :, None] - down[:, None, None]
    columns = tf.range(width)[None, None, :] - right[:, None, None]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = _pixels(
        images, tf.clip_by_value(rows, 0, height - 1), tf.clip_by_value(columns, 0, width - 1)
    )
    return tf.where(inside[..., None], found, tf.zeros_like(found))


def warped(images, linear, offset):
    """Images under affine maps, bilinear, reflected at their borders without doubling them.

    The pixel at `p` is what was at `linear p + offset`, in pixels from the centre: rows, columns.

    Args:
        images: `(batch, height, width, channels)`, float32; of integers the nearest pixel is taken.
        linear: float32 `(batch, 2, 2)`.
        offset: float32 `(batch, 2)`.
    """
    height, width = sizes(images)
    centre = [(tf.cast(size, "float32") - 1.0) / 2.0 for size in (height, width)]
    y = (tf.range(height, dtype="float32") - centre[0])[None, :, None]
    x = (tf.range(width, dtype="float32") - centre[1])[None, None, :]
    rows, columns = (
        linear[:, axis, 0, None, None] * y
        + linear[:, axis, 1, None, None] * x
        + (offset[:, axis] + centre[axis])[:, None, None]
        for axis in (0, 1)
    )
    if not images.dtype.is_floating:
        return _reflected(images, tf.round(rows), tf.round(columns))
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    upper, lower = (
        (1.0 - right) * _reflected(images, row, left) + right * _reflected(images, row, left + 1.0)
        for row in (top, top + 1.0)
    )
    return (1.0 - down) * upper + down * lower


def _reflected(images, rows, columns):
    """The pixels at whole places, inside or outside."""
    places = [
        _mirrored(tf.cast(place, "int32"), size)
        for place, size in zip((rows, columns), sizes(images), strict=True)
    ]
    return _pixels(images, *places)


def _mirrored(places, size):
    period = tf.maximum(2 * (size - 1), 1)
    turned = tf.math.floormod(places, period)
    return tf.minimum(turned, period - turned)


def _pixels(images, rows, columns):
    """The pixels at places inside, int32 of shapes that broadcast to `(batch, height, width)`."""
    height, width = sizes(images)
    flat = tf.reshape(images, [-1, height * width, images.shape[-1]])
    return tf.gather(flat, rows * width + columns, batch_dims=1)
