"""Checks that a generator and a discriminator fit each other."""

import math

import keras
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import inspection, private_graphs
from keras_gan.feeding import shapes

# Names of a network's inputs and of their size in error messages.
_TAKES = {"generator": ("latents", "latent_dim"), "discriminator": ("samples", "*sample_shape")}


def check_pair(generator, discriminator, pack=1):
    """Check that a generator and a discriminator fit each other.

    Args:
        generator: built Keras model from latents, and optionally labels, to samples.
        discriminator: built Keras model from samples, and optionally labels, to logits.
        pack: samples that the discriminator takes at a time, joined along the last axis.

    Returns:
        `(latent_dim, sample_shape, conditional)`.

    Raises:
        ValueError: if they do not fit.
    """
    _check_floatx()
    networks = {"generator": generator, "discriminator": discriminator}
    inputs = {name: _inputs(network, name) for name, network in networks.items()}
    outputs = {name: _output(network, name) for name, network in networks.items()}
    _checks.check(
        generator is not discriminator,
        "`generator` and `discriminator` must be two networks.",
        generator=generator.name,
        discriminator=discriminator.name,
    )
    _check_labels(inputs)
    _check_numbers(inputs)
    latent_shape = _shape(inputs["generator"][0])
    _checks.check(
        len(latent_shape) == 1 and latent_shape[0] is not None,
        "`generator` must take latents of shape `(batch, latent_dim)`.",
        cure="Start it with `keras.Input((latent_dim,))`.",
        generator_input=latent_shape,
    )
    made, judged = _shape(outputs["generator"]), _shape(inputs["discriminator"][0])
    sample_shape = _sample_shape(made, judged, pack)
    _check_format(sample_shape, networks.values())
    _check_logits(outputs["discriminator"])
    _warn_of_activations(generator, discriminator, inspection.is_image(made))
    return latent_shape[0], sample_shape, len(inputs["generator"]) == 2


def check_classes(num_classes, *networks):
    """Check that the embeddings of labels that can be found have an entry for every class.

    Raises:
        ValueError: if one is smaller.
    """
    for network in networks:
        labels = network.inputs[1] if getattr(network, "inputs", None) else None
        for layer in network.layers if labels is not None else []:
            if not isinstance(layer, keras.layers.Embedding):
                continue
            fed = [t for call in private_graphs.calls(layer) for t in call.input_tensors]
            makers = [private_graphs.origin(tensor)[0] for tensor in fed]
            _checks.check(
                private_graphs.origin(labels)[0] not in makers or layer.input_dim >= num_classes,
                f"`{network.name}` must know all classes, but its Embedding has fewer.",
                cure="Build the networks with the same `num_classes`.",
                num_classes=num_classes,
                input_dim=layer.input_dim,
            )


# === One network ===


def check_network(network, name, batch=None):
    """Check that a network is a built Keras model with weights that can train.

    Args:
        network: what must be one.
        name: "generator" or "discriminator".
        batch: code for what it takes, in errors. Default: zeros of a GAN's shape.

    Returns:
        Its symbolic inputs, in their structure.

    Raises:
        ValueError: otherwise.
    """
    _checks.check(
        isinstance(network, keras.Model), f"`{name}` must be a `keras.Model`.", **{name: network}
    )
    takes, size = _TAKES.get(name, ("inputs", "..."))
    structure = inspection.input_structure(network)
    unbuilt = [layer for layer in inspection.all_layers(network) if not layer.built]
    batch = batch or f"keras.ops.zeros((1, {size}))"
    cure = f"Call it on a batch once, such as `{name}({batch})`."
    if isinstance(network, keras.Sequential):
        structure = structure if getattr(network, "inputs", None) else None
        cure = (
            "Start it with `keras.Input(shape)`. If it does, give your own layers in it "
            "`compute_output_shape(input_shape)`, without which Keras cannot build it."
        )
    _checks.check(
        structure is not None and (network.weights or not unbuilt),
        f"`{name}` must be built, so that its weights exist.",
        cure=cure,
        **{name: network.name},
    )
    _check_weights(network, name)
    return structure


def _inputs(network, name):
    """The symbolic inputs of a network: one tensor, or two."""
    structure, takes = check_network(network, name), _TAKES[name][0]
    inputs = inspection.inputs_of(network)
    _checks.check(
        inputs is not None,
        f"`{name}` must take one tensor, or a list of two.",
        cure=f"Build it as `keras.Model([{takes}, labels], outputs)`.",
        inputs=_described(structure),
    )
    return inputs


def _output(network, name):
    """The symbolic output of a network: one tensor."""
    try:
        structure = inspection.output_structure(network)
    except Exception as error:  # of the user's own code
        told = str(error).split("Error encountered:")[-1].strip().splitlines()[0]
        raise ValueError(
            _checks.sentence(
                f"`{name}` must run on one tensor, or on a list of two. {told}",
                cure="Let its `call` take all inputs in its first argument.",
                **{name: network.name},
            )
        ) from error
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        structure = structure[0]
    cure = f"Choose one: `keras.Model({name}.inputs, {name}.outputs[0])`."
    if not getattr(network, "outputs", None):
        cure = "Let its `call` return one tensor."
    _checks.check(
        isinstance(structure, keras.KerasTensor),
        f"`{name}` must have one output.",
        cure=cure,
        outputs=_described(structure),
    )
    _checks.check(
        tf.as_dtype(structure.dtype).is_floating,
        f"`{name}` must return floating-point numbers.",
        cure="Leave out the cast at its end: other numbers carry no gradient.",
        dtype=structure.dtype,
    )
    return structure


def _check_weights(network, name):
    _checks.check(
        bool(network.weights), f"`{name}` must have weights to train.", **{name: network.name}
    )
    for weight in network.trainable_weights:
        _checks.check(
            weight.dtype == "float32",
            f"`{name}` must keep the weights that train in float32: small updates get lost in "
            "fewer digits, and nothing here needs more.",
            cure='Build it under the dtype policy "mixed_bfloat16" or "mixed_float16" for speed, '
            'else "float32".',
            weight=weight.path,
            dtype=weight.dtype,
        )
    for layer in inspection.all_layers(network):
        mode = getattr(layer, "quantization_mode", None)
        _checks.check(
            not (mode and layer.trainable and not getattr(layer, "lora_enabled", False)),
            f"`{name}` must not be quantised where it trains: such kernels are not updated.",
            cure="Set `trainable = False` for the layer, or quantise what has been trained.",
            layer=layer.name,
            quantization_mode=mode,
        )


def _described(structure):
    """The shapes of a nested structure of symbolic tensors."""
    return keras.tree.map_structure(_shape, structure)


def _shape(tensor):
    return tuple(tensor.shape[1:])


# === Both ===


def _check_floatx():
    floatx = keras.config.floatx()
    _checks.check(
        floatx not in ("float16", "bfloat16"),
        "Keras's `floatx` must have full precision: metrics and learning rates have it, too.",
        cure='Use `keras.config.set_floatx("float32")`, and for speed the dtype policy '
        '"mixed_float16" or "mixed_bfloat16".',
        floatx=floatx,
    )


def _check_labels(inputs):
    shapes = {name: [_shape(tensor) for tensor in tensors] for name, tensors in inputs.items()}
    generator, discriminator = shapes.values()
    _checks.check(
        len(generator) == len(discriminator) <= 2,
        "Both networks must take one input, or both a second one for the labels.",
        generator_inputs=generator,
        discriminator_inputs=discriminator,
    )
    for name, (first, *second) in shapes.items():
        takes = _TAKES[name][0]
        _checks.check(
            not second or first not in _ONE_EACH or second[0] in _ONE_EACH,
            f"`{name}` must take {takes} first and labels second.",
            cure=f"Reverse them: `keras.Model({name}.inputs[::-1], {name}.outputs)`.",
            inputs=[first, *second],
        )
        _checks.check(
            not second or second[0] in _ONE_EACH,
            "The second input of both networks must take class indices, one a sample.",
            cure="Use `keras.Input((), dtype='int32')` and an Embedding.",
            label_input=[first, *second][-1],
        )


# The shapes of labels.
_ONE_EACH = ((), (1,))


def _check_numbers(inputs):
    """Check the input types of a network: dense floats, and numeric labels."""
    for name, tensors in inputs.items():
        takes = _TAKES[name][0], "labels"
        for tensor, what in zip(tensors, takes, strict=False):
            dtype = tf.as_dtype(tensor.dtype)
            _checks.check(
                (dtype.is_floating or (what == "labels" and dtype.is_integer))
                and not (tensor.sparse or tensor.ragged),
                f"`{name}` must take {what} as dense numbers"
                + (", floating-point ones." if what != "labels" else "."),
                cure="Use `keras.Input(shape)` for them."
                if what != "labels"
                else "Use `keras.Input(())`.",
                dtype=dtype.name,
                sparse=tensor.sparse,
                ragged=tensor.ragged,
            )


def _sample_shape(made, judged, pack):
    """The shape of samples; each network may leave sizes unspecified."""
    whole = judged
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
    known = None not in (*made, *judged) and math.prod(made) == math.prod(judged)
    _checks.check(
        shapes.agree(made, judged),
        "`generator` must make samples of the shape that `discriminator` takes.",
        cure=f"End `generator` in `keras.layers.Reshape({judged})`." if known else None,
        generator_output=made,
        discriminator_input=whole,
    )
    _checks.check(
        bool(made),
        "Samples must have an axis of their own.",
        cure="End `generator` in `keras.layers.Reshape((1,))`, and take `keras.Input((1,))`.",
        generator_output=made,
    )
    return tuple(a if a is not None else b for a, b in zip(made, judged, strict=True))


def _check_format(shape, networks):
    """Check that images have channels last, if the networks show that samples are images."""
    formats = {keras.config.image_data_format()}
    for network in networks:
        formats |= {getattr(layer, "data_format", None) for layer in inspection.all_layers(network)}
    first = len(shape) == 3 and shape[0] in (1, 3, 4) and not inspection.is_image(shape)
    _checks.check(
        not (first and "channels_first" in formats),
        "Images must have their channels last.",
        cure="End `generator` in `keras.layers.Permute((2, 3, 1))`, begin `discriminator` with "
        "`keras.layers.Permute((3, 1, 2))`.",
        sample_shape=shape,
    )


def _check_logits(logits):
    shape = tuple(logits.shape)
    _checks.check(
        inspection.are_logits(shape),
        "`discriminator` must end in one logit a sample, or a map of them `(h, w, 1)`.",
        cure="End it with `keras.layers.Dense(1)`.",
        discriminator_output=shape[1:] or shape,
    )


def _warn_of_activations(generator, discriminator, makes_images):
    warn_of_bounds(discriminator, "`discriminator`")
    if makes_images and (end := inspection.last_activation(generator)) in inspection.NEVER_NEGATIVE:
        _warnings.warn(
            f"`generator` ends in a {end}, which is never negative, but images are in [-1, 1]: it "
            "can make nothing darker than mid-grey. End it in tanh."
        )


def warn_of_bounds(network, name):
    """Warn of a network that ends in an activation where its logits should be."""
    if (end := inspection.last_activation(network)) in inspection.BOUNDED:
        _warnings.warn(
            f"{name} ends in a {end}, but losses take logits, which have no bounds: they apply an "
            "activation of their own, and with two the gradients vanish. Remove the last "
            "activation."
        )


def check_apart(generator, network, name):
    """Check that the generator shares no weights and no random generators with another network.

    Args:
        generator: Keras model.
        network: likewise.
        name: what the other one is called in errors.

    Raises:
        ValueError: with the names of shared variables.
    """
    known = {id(variable) for variable in generator.variables}
    shared = [variable.path for variable in network.variables if id(variable) in known]
    _checks.check(
        not shared,
        f"The generator and {name} must not share layers: they are updated separately, and a file "
        "stores each layer once.",
        cure="Copy what they share: `keras.models.clone_model`, then `set_weights`.",
        shared=shared[:3],
    )
