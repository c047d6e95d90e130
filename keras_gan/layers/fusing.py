"""A user's network with this package's quicker layers in place of Keras's."""

import keras

from keras_gan import _checks
from keras_gan.backend import copies
from keras_gan.layers.batch_normalization import BatchNormalization
from keras_gan.layers.grouped_convolution import GroupedConv2D
from keras_gan.layers.image_convolution import ImageConv2D

_QUICKER = {
    keras.layers.BatchNormalization: BatchNormalization,
    keras.layers.Conv2D: ImageConv2D,
}


def fuse(model):
    """A copy of a network that computes the same, quicker: with layers of this package.

    Each `keras.layers.BatchNormalization` becomes a `BatchNormalization`, each
    `keras.layers.Conv2D` an `ImageConv2D`, which leaves all but convolutions to few channels to
    Keras, or with groups a `GroupedConv2D`. Layers in nested functional and sequential models and
    in wrappers are among them; those in layers of your own, subclasses and transposed convolutions
    stay as they are. Sums come in another order, so that results agree up to rounding.

    ```python
    gan = keras_gan.GAN(keras_gan.layers.fuse(generator), keras_gan.layers.fuse(discriminator))
    ```

    Args:
        model: functional or sequential Keras model, built.

    Returns:
        A model of the same class, with the same names, values of weights and states of random
        generators, that is not compiled. It shares no variable with `model`, except in `Frozen`
        layers.

    Raises:
        ValueError: if `model` is neither functional nor sequential: a subclass makes its layers in
            its own code, and would have Keras's again when it is loaded from a file.
    """
    _checks.check(
        _is_listed(model),
        "`model` must be a functional or a sequential model.",
        cure="In a subclass, use `keras_gan.layers.BatchNormalization` itself.",
        model=model,
    )
    _checks.check(
        model.built, "`model` must be built.", cure="Give it an `Input`.", model=model.name
    )
    twin = copies.copy(model, model.name)
    for layer in _listed(twin):
        layer.__class__ = _quicker(layer)
    return twin


def _quicker(layer):
    """The class of a layer that computes the same with the same weights and config."""
    kind = _QUICKER.get(type(layer), type(layer))
    grouped = kind is ImageConv2D and layer.groups > 1 and layer.data_format == "channels_last"
    return GroupedConv2D if grouped else kind


def _is_listed(thing):
    """Whether something is a model whose config lists all its layers: of a class of Keras's own."""
    return isinstance(thing, keras.Model) and type(thing).__module__.startswith("keras.")


def _listed(model):
    """The layers that the config of a model lists, however deep."""
    for layer in model.layers:
        while isinstance(layer, keras.layers.Wrapper):
            layer = layer.layer
        if _is_listed(layer):
            yield from _listed(layer)
        else:
            yield layer
