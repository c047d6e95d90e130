"""Halving of images without aliases."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class LowPass(keras.layers.Layer):
    """Half the height and width, rounded up, without aliases: the mirror of bilinear doubling.

    Every second value of a convolution with `[1, 3, 3, 1] / 8` along both axes, zeros beyond the
    border.

    Source: Karras et al., CVPR 2020 (arXiv:1912.04958), after Zhang, ICML 2019 (arXiv:1904.11486).
    """

    def call(self, inputs):
        weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype("float32") / 64.0
        kernel = tf.tile(
            tf.constant(weights[:, :, None, None], inputs.dtype), [1, 1, inputs.shape[-1], 1]
        )
        sides = [[1, 1 + side % 2] for side in inputs.shape[1:3]]
        padded = tf.pad(inputs, [[0, 0], *sides, [0, 0]])
        return tf.nn.depthwise_conv2d(padded, kernel, [1, 2, 2, 1], "VALID")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, -(-height // 2), -(-width // 2), channels)
