"""A layer whose scale and shift follow from a class."""

import keras
from keras import ops

from keras_gan import _checks


@keras.saving.register_keras_serializable("keras_gan")
class ConditionalAffine(keras.layers.Layer):
    """Scales and shifts each channel by its class: `scale[label] * x + shift[label]`.

    Takes `[x, labels]`, `(batch, ..., channels)` and integers `(batch,)`. Scales start at 1, shifts
    at 0. After `BatchNormalization(center=False, scale=False)` it is the conditional BatchNorm of
    `networks.dcgan(conditional_norm=True)` and `networks.resnet(conditional_norm=True)`.

    Args:
        num_classes: number of classes.

    Raises:
        ValueError: if `num_classes` is not positive.

    Source: Dumoulin et al., "A Learned Representation for Artistic Style", ICLR 2017
    (arXiv:1610.07629); Miyato and Koyama, ICLR 2018 (arXiv:1802.05637).
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = _checks.positive_int(num_classes, "num_classes")

    def build(self, input_shape):
        shape = (self.num_classes, input_shape[0][-1])
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")

    def call(self, inputs):
        x, labels = inputs
        rows = (-1, *[1] * (len(x.shape) - 2), x.shape[-1])
        scale, shift = (
            ops.cast(ops.reshape(ops.take(table, labels, axis=0), rows), x.dtype)
            for table in (self.scale, self.shift)
        )
        return scale * x + shift

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
