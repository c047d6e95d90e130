"""A layer that lets far places of a map see each other."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gan")
class SelfAttention(keras.layers.Layer):
    """Adds to a map what it attends to: `x + gamma * softmax(q k^T) v`.

    Takes `[x, queries, keys, values]`, each `(batch, height, width, channels)`. Queries have the
    height and width of `x`, keys and values another one (they may be pooled); queries and keys
    agree in their channels, values and `x` in theirs. The softmax is over all places of the keys.
    The scalar `gamma` is learned and starts at 0: at first the layer changes nothing. The three
    maps are made of `x` by convolutions of 1x1, which `networks.dcgan(attention=...)` and
    `networks.resnet(attention=...)` have before it.

    Source: Zhang et al., "Self-Attention Generative Adversarial Networks", ICML 2019
    (arXiv:1805.08318). Departure: the products are summed in float32.
    """

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def call(self, inputs):
        x, *parts = inputs
        queries, keys, values = (
            ops.reshape(ops.cast(part, "float32"), (-1, math.prod(part.shape[1:3]), part.shape[-1]))
            for part in parts
        )
        weights = ops.softmax(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))))
        attended = ops.reshape(ops.matmul(weights, values), (-1, *x.shape[1:]))
        return x + ops.cast(self.gamma, x.dtype) * ops.cast(attended, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
