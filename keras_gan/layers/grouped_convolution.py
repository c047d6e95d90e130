"""Convolutions in groups by TensorFlow's own kernels."""

import functools

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras's Conv2D with TensorFlow's own kernels for groups.

    Keras 3 compiles a convolution in groups with XLA, whose gradients on CPUs are some hundred
    times slower than TensorFlow's. Where TensorFlow has none (in float16, or without oneDNN, on
    CPUs), each group is convolved by itself. Arguments and results are those of
    `keras.layers.Conv2D`, with channels last and padding "same" or "valid".
    """

    def convolution_op(self, inputs, kernel):
        def convolved(inputs, kernel):
            return tf.nn.conv2d(
                inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
            )

        if _groups_have_gradients(inputs.dtype):
            return convolved(inputs, kernel)
        groups = zip(
            tf.split(inputs, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True
        )
        return tf.concat([convolved(*group) for group in groups], -1)


@functools.cache
def _groups_have_gradients(dtype):
    """Whether TensorFlow can differentiate a convolution in groups here: tried once."""
    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 4, 4, 4],
                filter=tf.ones([3, 3, 2, 4], dtype),  # two groups of two channels
                out_backprop=tf.ones([1, 4, 4, 4], dtype),
                strides=[1, 1, 1, 1],
                padding="SAME",
            )
        except tf.errors.OpError:
            return False
    return True
