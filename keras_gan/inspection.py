"""What can be read off a network before it trains, and what would go wrong in training."""

import warnings

import keras

from keras_gan import _checks

_NORMALISATIONS = (keras.layers.BatchNormalization,)
# What changes the shape alone: layers and operations, by the names of their classes.
_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Cropping2D")
# Activations by name, those of layers and those of operations.
_BOUNDED = ("sigmoid", "hard_sigmoid", "hardsigmoid", "tanh", "softmax", "softsign")
_NEVER_NEGATIVE = (
    *("sigmoid", "hard_sigmoid", "hardsigmoid", "softmax", "softplus"),
    *("relu", "relu6", "exponential", "exp"),
)


def input_shapes(network, name):
    """The shapes of a network's inputs without their batch axes: a list of tuples.

    Raises:
        ValueError: if the network is not a built Keras model with weights.
    """
    _checks.check(
        isinstance(network, keras.Model),
        f"`{name}` must be a `keras.Model`.",
        **{name: network},
    )
    shapes = shapes_of(network)
    _checks.check(
        shapes is not None,
        f"`{name}` must be built, so that its weights exist.",
        cure="Start it with `keras.Input(shape)` or call `build` once.",
        **{name: network.name},
    )
    _checks.check(
        bool(network.weights),
        f"`{name}` must have weights to train.",
        **{name: network.name},
    )
    return [tuple(shape[1:]) for shape in shapes]


def shapes_of(network):
    inputs = getattr(network, "inputs", None)
    if inputs:
        return [tensor.shape for tensor in inputs]
    if not network.built:
        return None
    shape = (network.get_build_config() or {}).get("input_shape")
    if shape is None:
        return None
    several = isinstance(shape[0], (tuple, list))
    return list(shape) if several else [shape]


def output_shape(network):
    """The shape of a network's output without its batch axis."""
    outputs = getattr(network, "outputs", None)
    if outputs:
        return tuple(outputs[0].shape[1:])
    inputs = [keras.KerasTensor(shape) for shape in shapes_of(network)]
    output = network.compute_output_spec(inputs if len(inputs) > 1 else inputs[0])
    return tuple(output.shape[1:])


def check_pair(generator, discriminator, pack=1):
    """Check that two networks can play against each other.

    Args:
        generator: built Keras model from latents, and labels perhaps, to samples.
        discriminator: built Keras model from samples, and labels perhaps, to logits.
        pack: samples that the discriminator takes at a time, joined along the last axis.

    Returns:
        `(latent_dim, sample_shape, conditional)`.

    Raises:
        ValueError: naming what does not fit.
    """
    generator_inputs = input_shapes(generator, "generator")
    discriminator_inputs = input_shapes(discriminator, "discriminator")
    _checks.check(
        generator is not discriminator,
        "`generator` and `discriminator` must be two networks.",
        generator=generator.name,
        discriminator=discriminator.name,
    )
    _checks.check(
        len(generator_inputs) == len(discriminator_inputs) <= 2,
        "Both networks must take one input, or both a second one for the labels.",
        generator_inputs=generator_inputs,
        discriminator_inputs=discriminator_inputs,
    )
    for shapes in (generator_inputs, discriminator_inputs):
        _checks.check(
            len(shapes) == 1 or shapes[1] in ((), (1,)),
            "The second input of both networks must take class indices, one a sample.",
            cure="Use `keras.Input((), dtype='int32')` and an Embedding.",
            label_input=shapes[-1],
        )
    latent_shape = generator_inputs[0]
    _checks.check(
        len(latent_shape) == 1 and latent_shape[0] is not None,
        "`generator` must take latents of shape `(batch, latent_dim)`.",
        cure="Start it with `keras.Input((latent_dim,))`.",
        generator_input=latent_shape,
    )
    made, judged = output_shape(generator), discriminator_inputs[0]
    if pack > 1:
        _checks.check(
            len(made) == len(judged) and made[-1] is not None and judged[-1] == pack * made[-1],
            "`discriminator` must take packs of samples, joined along the last axis.",
            cure=f"Build it for them: `keras_gan.networks` do with `pack={pack}`.",
            pack=pack,
            generator_output=made,
            discriminator_input=judged,
        )
        judged = (*judged[:-1], made[-1])
    _checks.check(
        len(made) == len(judged)
        and all(a is None or b is None or a == b for a, b in zip(made, judged, strict=True)),
        "`generator` must make samples of the shape that `discriminator` takes.",
        generator_output=made,
        discriminator_input=judged,
    )
    logits = output_shape(discriminator)
    _checks.check(
        logits in ((), (1,)) or (len(logits) >= 2 and logits[-1] == 1),
        "`discriminator` must end in one logit a sample, or a map of them `(h, w, 1)`.",
        cure="End it with `keras.layers.Dense(1)`.",
        discriminator_output=logits,
    )
    if (end := last_activation(discriminator)) in _BOUNDED:
        warnings.warn(
            f"`discriminator` ends in a {end}, but losses take logits, which have no bounds: they "
            "apply an activation of their own, and with two the gradients vanish. Remove the last "
            "activation.",
            stacklevel=3,
        )
    if is_image(made) and (end := last_activation(generator)) in _NEVER_NEGATIVE:
        warnings.warn(
            f"`generator` ends in a {end}, which is never negative, but images are in [-1, 1]: it "
            "can make nothing darker than mid-grey. End it in tanh.",
            stacklevel=3,
        )
    sample_shape = tuple(a if a is not None else b for a, b in zip(made, judged, strict=True))
    return latent_shape[0], sample_shape, len(generator_inputs) == 2


def is_image(sample_shape):
    """Whether samples are images: rank 3 with 1, 3 or 4 channels last."""
    return len(sample_shape) == 3 and sample_shape[-1] in (1, 3, 4)


def has_batch_norm(network):
    """Whether a network's samples see each other through BatchNormalization."""
    return any(isinstance(layer, _NORMALISATIONS) for layer in all_layers(network))


def batch_norm_per_replica(network):
    """Whether a network has BatchNormalization with statistics of each replica's own."""
    return any(
        isinstance(layer, _NORMALISATIONS) and not layer.synchronized
        for layer in all_layers(network)
    )


def computes_in_float16(network):
    """Whether any layer of a network computes in float16."""
    return any(layer.compute_dtype == "float16" for layer in all_layers(network))


def flat_layers(network):
    """All layers of a network, those inside nested models included."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)


def all_layers(network):
    """A network and all layers in it, those inside of other layers too: each once, outer first."""
    found, waiting = {}, [network]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in found:
            found[id(layer)] = layer
            waiting.extend(reversed(layer._layers))
    return list(found.values())


def is_saved_merged(network):
    """Whether Keras writes other weights than there are: those of LoRA, and quantised ones."""
    return any(
        getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None)
        for layer in all_layers(network)
    )


def last_activation(network, *, guess=True):
    """The name of what makes a network's output, such as "tanh" or "linear"; `None` if unknown.

    Of a subclass, whose graph is not known, it is a guess by its last layer, if `guess` allows it.
    """
    layer, node = network, None
    while getattr(layer, "outputs", None) or type(layer).__name__ in _RESHAPING:
        outputs = getattr(layer, "outputs", None)
        tensor = outputs[0] if outputs else layer._inbound_nodes[node].input_tensors[0]
        layer, node, _ = tensor._keras_history
    if isinstance(layer, keras.Model):  # a subclass
        if not guess:
            return None
        layers = [part for part in flat_layers(layer) if type(part).__name__ not in _RESHAPING]
        layer = layers[-1] if layers else None
    if getattr(layer, "negative_slope", 0):  # a ReLU that lets negative values through
        return None
    activation = getattr(layer, "activation", layer)
    return getattr(activation, "__name__", type(activation).__name__).lower()


def check_classes(num_classes, *networks):
    """Check that the embeddings of labels, where they can be found, know all classes.

    Raises:
        ValueError: if one is smaller.
    """
    for network in networks:
        labels = network.inputs[1] if getattr(network, "inputs", None) else None
        for layer in network.layers if labels is not None else []:
            if not isinstance(layer, keras.layers.Embedding):
                continue
            fed = [t._keras_history[0] for node in layer._inbound_nodes for t in node.input_tensors]
            _checks.check(
                labels._keras_history[0] not in fed or layer.input_dim >= num_classes,
                f"`{network.name}` must know all classes, but its Embedding has fewer.",
                cure="Build the networks with the same `num_classes`.",
                num_classes=num_classes,
                input_dim=layer.input_dim,
            )
