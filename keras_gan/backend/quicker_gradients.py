"""Gradients that TensorFlow computes slowly on processors, by other kernels.

Used while the graph of a training step is built, so that they serve any network, of Keras's own
layers too. GPUs are left alone. Measured on one thread of a processor with AMX:

- The gradient of a slice, as of a cropped map, is written element by element. Padding gives the
  same bits: 13 ms and 0.7 ms for bfloat16 maps of 7x7x128, 128 of them.
- The gradient of a convolution's kernel in bfloat16 multiplies one row of the outputs at a time,
  which fills AMX's tiles only where maps are 32 wide. One matrix product for each place of the
  kernel has all rows at once: 31 ms and 7 ms where 128 maps of 7x7x128 become 4x4x256.
"""

import tensorflow as tf

from keras_gan.backend import policies

# Where matrix products were quicker than the convolution's kernel.
_WIDEST, _FEWEST_FILTERS = 8, 128


def slice_gradient(inputs, attributes, output_shape):
    """The gradient of a slice, `StridedSliceGrad`, as padding.

    Args:
        inputs: the operation's tensors.
        attributes: `dict` from names to `AttrValue`s.
        output_shape: `tf.TensorShape` of its result.

    Returns:
        A tensor, or `None` if it is no padding.
    """
    shape, begin, _, strides, upstream = inputs
    begin, strides = map(tf.get_static_value, (begin, strides))
    others = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    if begin is None or strides is None or any(attributes[name].i for name in others):
        return None
    whole = attributes["begin_mask"].i
    starts = [0 if whole >> axis & 1 else int(start) for axis, start in enumerate(begin)]
    if (strides != 1).any() or min(starts) < 0 or _on_accelerator():
        return None
    starts += [0] * (output_shape.rank - len(starts))
    before = tf.minimum(tf.constant(starts, shape.dtype), shape)
    after = shape - before - tf.shape(upstream, shape.dtype)
    return tf.pad(upstream, tf.stack([before, after], axis=1))


def kernel_gradient(inputs, attributes, output_shape):
    """The gradient of a convolution's kernel, `Conv2DBackpropFilter`, as matrix products.

    Args:
        inputs: the operation's tensors.
        attributes: `dict` from names to `AttrValue`s.
        output_shape: `tf.TensorShape` of its result, the kernel's.

    Returns:
        A tensor, or `None` if the operation itself is quicker.
    """
    samples, _, upstream = inputs
    known = (*samples.shape[1:], *upstream.shape[1:], *output_shape)
    if None in known or samples.dtype != tf.bfloat16 or not policies.has_amx():
        return None
    stride = attributes["strides"].list.i[2]
    plain = (
        attributes["data_format"].s == b"NHWC"
        and attributes["padding"].s in (b"SAME", b"VALID")
        and set(attributes["dilations"].list.i) == {1}
        and attributes["strides"].list.i[1] == stride
        and not any(side % stride for side in output_shape[:2])
        and output_shape[2] == samples.shape[-1]  # no groups
    )
    quicker = upstream.shape[2] <= _WIDEST and upstream.shape[3] >= _FEWEST_FILTERS
    if not plain or not quicker or _on_accelerator():
        return None
    same = attributes["padding"].s == b"SAME"
    samples = _padded(samples, upstream, output_shape, stride, same)
    return _product(samples, upstream, output_shape, stride)


def _on_accelerator():
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def _padded(samples, upstream, kernel, stride, same):
    """Samples with what the convolution pads, without what no place of the kernel reads."""
    paddings, unread = [[0, 0]], []
    for axis in (1, 2):
        length = (upstream.shape[axis] - 1) * stride + kernel[axis - 1]
        missing = max(length - samples.shape[axis], 0) if same else 0
        paddings.append([missing // 2, missing - missing // 2])
        unread.append(samples.shape[axis] + missing - length)
    if any(map(any, paddings)):
        samples = tf.pad(samples, [*paddings, [0, 0]])
    if any(unread):
        height, width = (samples.shape[axis] - unread[axis - 1] for axis in (1, 2))
        samples = samples[:, :height, :width]
    return samples


def _product(samples, upstream, kernel, stride):
    """The gradient without padding, of a kernel whose sides are multiples of its stride."""
    kernel_height, kernel_width, channels, filters = kernel
    height, width = upstream.shape[1:3]
    rows = tf.reshape(upstream, [-1, filters])
    if stride > 1:
        # All samples under one place of a smaller kernel, whose stride is 1, beside each other.
        samples = tf.nn.space_to_depth(samples, stride)
    down, across = kernel_height // stride, kernel_width // stride
    products = [
        tf.matmul(
            tf.reshape(samples[:, y : y + height, x : x + width], [-1, stride**2 * channels]),
            rows,
            transpose_a=True,
        )
        for y in range(down)
        for x in range(across)
    ]
    gradient = tf.reshape(tf.stack(products), [down, across, stride, stride, channels, filters])
    return tf.reshape(tf.transpose(gradient, [0, 2, 1, 3, 4, 5]), kernel)
