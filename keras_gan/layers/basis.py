"""A learned map, for the start of a generator."""

import keras
import tensorflow as tf

from keras_gan import _checks


@keras.saving.register_keras_serializable("keras_gan")
class Basis(keras.layers.Layer):
    """A learned map whose channels the inputs scale, for the start of a generator.

    Takes vectors `(batch, channels)` to `(batch, *size, channels)`: `basis * vector`. The basis
    starts as normal noise.

    Args:
        size: `(height, width)` of the map.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(_checks.positive_int(side, "size") for side in size)

    def build(self, input_shape):
        self.basis = self.add_weight(
            shape=(*self.size, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="basis",
        )

    def call(self, inputs):
        return inputs[:, None, None, :] * tf.convert_to_tensor(self.basis)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
