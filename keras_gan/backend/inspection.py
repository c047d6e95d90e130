"""Properties of a network that are known before training, and whether a class is the user's."""

import sys

import keras

from keras_gan import _checks
from keras_gan.backend import private_graphs, private_keras

# Layers and operations that only change the shape, by class name.
_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Cropping2D")
# Activations by name, those of layers and those of operations.
BOUNDED = ("sigmoid", "hard_sigmoid", "hardsigmoid", "tanh", "softmax", "softsign")
NEVER_NEGATIVE = (
    *("sigmoid", "hard_sigmoid", "hardsigmoid", "softmax", "softplus"),
    *("relu", "relu6", "exponential", "exp"),
)
# Modules whose classes and functions are not the user's.
_LIBRARIES = {"keras", "keras_gan", "tensorflow", "numpy", *sys.stdlib_module_names} - {"__main__"}


def is_of_library(thing):
    """Whether a class or function is of Keras, TensorFlow, NumPy, Python or this package."""
    return (thing.__module__ or "").split(".")[0] in _LIBRARIES


def input_structure(network):
    """The symbolic inputs of a network in their structure, or `None` if unknown."""
    if getattr(network, "inputs", None):
        return network.inputs if isinstance(network, keras.Sequential) else network.input
    if not network.built:
        return None
    shapes = (network.get_build_config() or {}).get("input_shape")
    if shapes is None:
        return None
    # Of a network that is built by a call, the shapes are those of that batch.
    return keras.tree.map_shape_structure(lambda s: keras.KerasTensor((None, *s[1:])), shapes)


def check_built(network):
    """Check that a `network` argument is a built Keras model."""
    _checks.check(
        isinstance(network, keras.Model), "`network` must be a Keras model.", network=network
    )
    _checks.check(
        network.built,
        "`network` must be built.",
        cure="Call it on a batch first.",
        network=network.name,
    )


def check_takes_floats(network, name):
    """Check that a model which is given samples in [-1, 1] does not cut them to whole numbers.

    Keras converts to the type of an input without a word. Anything but a Keras model passes.
    """
    structure = getattr(network, "inputs", None) if isinstance(network, keras.Model) else None
    dtypes = [keras.backend.standardize_dtype(tensor.dtype) for tensor in structure or ()]
    _checks.check(
        all("float" in dtype for dtype in dtypes),
        f"`{name}` is given floats, images in [-1, 1], and must have an input of floats.",
        cure="Build it with a `keras.Input` of floats, and let it scale these itself: "
        "`keras.layers.Rescaling(127.5, 127.5)` makes them [0, 255].",
        dtypes=dtypes,
    )


def inputs_of(network):
    """The symbolic inputs of a network that takes one tensor, or a list of them; else `None`."""
    structure = input_structure(network)
    tensors = structure if isinstance(structure, (list, tuple)) else [structure]
    return list(tensors) if all(isinstance(t, keras.KerasTensor) for t in tensors) else None


def output_structure(network):
    """The symbolic outputs of a network whose inputs are known, as it returns them."""
    if getattr(network, "outputs", None):
        return network.outputs if isinstance(network, keras.Sequential) else network.output
    return network.compute_output_spec(input_structure(network))


def are_logits(shape):
    """Whether a batch of outputs is one logit a sample, or a map of them `(h, w, 1)`."""
    return len(shape) == 1 or shape[1:] == (1,) or (len(shape) >= 3 and shape[-1] == 1)


def is_image(sample_shape):
    """Whether samples are images: rank 3 with 1, 3 or 4 channels last."""
    return len(sample_shape) == 3 and sample_shape[-1] in (1, 3, 4)


def has_batch_norm(network):
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in all_layers(network))


def batch_norm_per_replica(network):
    """Whether a network has BatchNormalization with separate statistics per replica."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
        for layer in all_layers(network)
    )


def computes_in_float16(network):
    """Whether any layer of a network computes in float16."""
    return any(layer.compute_dtype == "float16" for layer in all_layers(network))


def flat_layers(network):
    """All layers of a network, including those of nested models."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)


def all_layers(network):
    """A network and all its nested layers, each once, outer ones first."""
    found, waiting = {}, [network]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in found:
            found[id(layer)] = layer
            waiting.extend(reversed(private_keras.sublayers(layer)))
    return list(found.values())


def is_saved_merged(network):
    """Whether Keras saves other weights than the current ones: LoRA and quantised layers."""
    return any(
        getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None)
        for layer in all_layers(network)
    )


def last_activation(network, *, guess=True):
    """The name of a network's last activation, such as "tanh" or "linear"; `None` if unknown.

    For a subclassed model it is a guess by the last layer, if `guess` is true.
    """
    layer, call = network, None
    while getattr(layer, "outputs", None) or type(layer).__name__ in _RESHAPING:
        outputs = getattr(layer, "outputs", None)
        tensor = outputs[0] if outputs else private_graphs.calls(layer)[call].input_tensors[0]
        layer, call = private_graphs.origin(tensor)
    if isinstance(layer, keras.Model):  # a subclass
        if not guess:
            return None
        layers = [part for part in flat_layers(layer) if type(part).__name__ not in _RESHAPING]
        layer = layers[-1] if layers else None
    if getattr(layer, "negative_slope", 0):  # a ReLU that lets negative values through
        return None
    activation = getattr(layer, "activation", layer)
    return getattr(activation, "__name__", type(activation).__name__).lower()
