"""Spectral normalization as a reparametrisation."""

import keras
import tensorflow as tf

from keras_gan import _checks


@keras.saving.register_keras_serializable("keras_gan")
class SpectralNormalization(keras.layers.Wrapper):
    """A layer whose kernel is divided by its largest singular value: `W / sigma(W)`.

    A reparametrisation: the wrapped layer's own kernel is never overwritten, and the gradient
    flows through `sigma = v^T W u`. (The layer of that name in Keras overwrites `W` in each
    forward pass in training mode.) `u` follows by power iteration in training mode; a `GAN`
    undoes what passes made for the generator do to it, and to the `W` of Keras's layer.

    Args:
        layer: Dense, Conv1D, Conv2D, Conv3D or a transposed one, any layer with a `kernel`; or
            an Embedding.
        power_iterations: iterations a pass, at least 1. Default 1.

    Raises:
        ValueError: if the layer has no kernel, or `power_iterations` is not positive.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR
    2018 (arXiv:1802.05957).
    """

    def __init__(self, layer, *, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = _checks.positive_int(power_iterations, "power_iterations")

    def build(self, input_shape):
        super().build(input_shape)
        kernel = self._kernel
        _checks.check(
            kernel is not None, "The wrapped layer must have a `kernel`.", layer=self.layer.name
        )
        # In a transposed convolution the output channels come last but one.
        self._transposed = "Transpose" in type(self.layer).__name__
        channels = kernel.shape[-2] if self._transposed else kernel.shape[-1]
        self.vector = self.add_weight(
            shape=(channels, 1),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            name="singular_vector",
            dtype="float32",
            autocast=False,
        )

    def call(self, inputs, training=False):
        sigma = self._sigma(tf.cast(self._kernel, "float32"), training)
        if isinstance(self.layer, keras.layers.Embedding):  # its inputs are indices
            outputs = self.layer(inputs)
            return outputs / tf.cast(sigma, outputs.dtype)
        # The layer is linear in kernel and inputs up to its bias, so that dividing the inputs
        # divides the kernel, whatever kind of layer it is.
        return self.layer(inputs / tf.cast(sigma, inputs.dtype))

    @property
    def _kernel(self):
        name = "embeddings" if isinstance(self.layer, keras.layers.Embedding) else "kernel"
        return getattr(self.layer, name, None)

    def _sigma(self, kernel, training):
        if self._transposed:
            rank = len(kernel.shape)
            kernel = tf.transpose(kernel, [*range(rank - 2), rank - 1, rank - 2])
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        fixed = tf.stop_gradient(matrix)
        u = tf.math.l2_normalize(self.vector.value)
        v = tf.math.l2_normalize(fixed @ u)
        for _ in range(self.power_iterations if training else 0):
            u = tf.math.l2_normalize(tf.transpose(fixed) @ v)
            v = tf.math.l2_normalize(fixed @ u)
        if training:
            self.vector.assign(u)
        return tf.reduce_sum(v * (matrix @ tf.stop_gradient(u)))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "power_iterations": self.power_iterations}
