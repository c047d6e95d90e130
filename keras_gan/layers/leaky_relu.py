"""Leaky ReLU with its gradient written out."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras's LeakyReLU with its gradient written out: `upstream * (1 if x > 0 else slope)`.

    TensorFlow's own gradient operation is lost when a convolution, its bias and the activation are
    merged, which it reports as an error (`remapper failed`) in every run. Results are the same.

    Arguments are those of `keras.layers.LeakyReLU`.
    """

    def call(self, inputs):
        return _leaky_relu(inputs, self.negative_slope)

    def compute_output_shape(self, input_shape):
        return input_shape


def _leaky_relu(inputs, slope):
    @tf.custom_gradient
    def activated(x):
        outputs = tf.nn.leaky_relu(x, slope)

        def gradient(upstream):
            # Of the outputs, whose signs are those of the inputs: the inputs are what is lost.
            one, other = (tf.constant(value, x.dtype) for value in (1.0, slope))
            return upstream * tf.where(outputs > 0, one, other)

        return outputs, gradient

    return activated(inputs)
