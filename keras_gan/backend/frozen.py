"""A layer that runs a fixed network within another one."""

import keras

from keras_gan.backend import inspection, network_configs


@keras.saving.register_keras_serializable("keras_gan")
class Frozen(keras.layers.Layer):
    """A network within a network that never trains and always runs in inference mode.

    For a pretrained encoder, a loss network or a renderer in a generator or a critic. Keras has no
    such thing: inside a functional model, `network(x, training=False)` is overruled by the outer
    model's `training=True` (dropout then drops, BatchNormalization moves its statistics).

    - Its weights are in no `trainable_variables`. Setting `trainable`, of it or of a model around
      it, changes nothing.
    - It is called as `network(inputs, training=False)`, whatever `training` says. Gradients reach
      its inputs. It casts no inputs: the network has a precision of its own.
    - The moving average of a generator shares the network instead of copying it; exported files
      have a copy.

    ```python
    features = keras_gan.layers.Frozen(encoder)(image)
    ```

    Args:
        network: Keras model, built. Its `trainable` is set to `False`.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: if `network` is no Keras model, or is not built.
    """

    def __init__(self, network, **kwargs):
        inspection.check_built(network)
        super().__init__(**{**kwargs, "autocast": False})
        self.network = network
        network.trainable = False
        self.built = True

    @property
    def trainable(self):
        return False

    @trainable.setter
    def trainable(self, value):
        """Models set it of all their layers; this one stays as it is."""

    def call(self, inputs, training=None):
        del training
        return self.network(inputs, training=False)

    def compute_output_spec(self, inputs, training=None):
        del training
        return self.network.compute_output_spec(inputs, training=False)

    def get_config(self):
        network = network_configs.serialized(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config):
        network = network_configs.deserialized(config["network"])
        return cls(**{**config, "network": network})


def frozen_networks(layers):
    """The networks of all `Frozen` layers among some layers."""
    return [layer.network for layer in layers if isinstance(layer, Frozen)]
