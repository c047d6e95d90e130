"""Batch normalization by one kernel."""

import keras
import tensorflow as tf
from keras import ops

from keras_gan.backend import replicas

# What cuDNN asks for; TensorFlow would raise a smaller one without a word.
_LEAST_EPSILON = 1.001e-5
_DTYPES = ("float32", "bfloat16", "float16")


@keras.saving.register_keras_serializable("keras_gan")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's BatchNormalization on TensorFlow's fused kernel, quicker in training.

    In training mode Keras has a kernel for each of the mean, the variance, the scale and the shift,
    and several for their gradients; in half precision each of them reads the inputs in float32.
    Here it is one kernel, and one for the gradients, which compute in float32 whatever they read.
    Sums are the same, in another order.

    Arguments, weights and results are those of `keras.layers.BatchNormalization`, so that the
    weights of one are loaded into the other. In inference mode, where Keras multiplies and adds
    once, and wherever the kernel does not apply, the computation is Keras's own: for another axis
    than the last, a mask, `renorm`, an `epsilon` below 1.001e-5, other types than float32, bfloat16
    and float16, and `synchronized` statistics of several replicas.

    Gradients of gradients, which penalties need, differ from Keras's in training mode: those of the
    kernel are right, but TensorFlow's moments, which Keras uses, leave out how the variance depends
    on the mean, of which only the first derivative is 0.

    Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift", ICML 2015 (arXiv:1502.03167).
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable and mask is None and self._has_kernel(inputs)):
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        images = len(inputs.shape) == 4
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs if images else tf.reshape(inputs, [-1, 1, 1, channels]),
            scale=ops.cast(self.gamma, "float32") if self.scale else tf.ones([channels]),
            offset=ops.cast(self.beta, "float32") if self.center else tf.zeros([channels]),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel's variance is that of a sample, Keras's that of the batch itself.
        rows = ops.cast(tf.size(inputs, tf.int64) // channels, "float32")
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * ((rows - 1.0) / rows))
        return outputs if images else tf.reshape(outputs, tf.shape(inputs))

    def _has_kernel(self, inputs):
        several = self.synchronized and replicas.count() > 1
        return (
            self.axis in (-1, len(inputs.shape) - 1)
            and inputs.dtype.name == self.compute_dtype in _DTYPES
            and self.epsilon >= _LEAST_EPSILON
            and not (self.renorm or several)
        )

    def _follow(self, average, value):
        average.assign(ops.cast(average, "float32") * self.momentum + value * (1.0 - self.momentum))
