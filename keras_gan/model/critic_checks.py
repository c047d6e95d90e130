"""Checks of critics and priors against the generator, before `compile`."""

import keras

from keras_gan import _checks, priors
from keras_gan.backend import inspection
from keras_gan.feeding import shapes
from keras_gan.model import pairs


def named_critics(critics):
    """Critics as a list, each with a name of its own.

    Raises:
        ValueError: for doubled names, and for what is no `Critic`.
    """
    critics = list(critics) if isinstance(critics, (list, tuple)) else [critics]
    _checks.check(bool(critics), "A game needs a critic.", critics=critics)
    for critic in critics:
        _checks.check(
            hasattr(critic, "fake_condition"),
            "`critics` must be a `keras_gan.Critic`, or a list of them.",
            cure="Use `keras_gan.Critic(network, real='photo', fake='painted')`.",
            critic=critic if isinstance(critic, type) else type(critic).__name__,
        )
    for critic in critics:
        critic.name = critic.name or "critic"
    names = [critic.name for critic in critics]
    _checks.check(
        len(set(names)) == len(names) and "generator" not in names,
        "The critics must have different names, and none that of the generator.",
        cure="Name them: `keras_gan.Critic(..., name='of_faces')`.",
        names=names,
    )
    return critics


def checked_priors(given, generator, critics):
    """The priors by name, as objects.

    Raises:
        ValueError: for a name that the generator makes itself.
    """
    _checks.check(
        given is None or isinstance(given, dict),
        "`priors` must be a dict from names to priors.",
        cure="Use `priors={'latents': 'normal'}`.",
        priors=given,
    )
    found = {name: priors.get(prior) for name, prior in (given or {}).items()}
    made = [name for name in found if name in generator.outputs]
    _checks.check(
        not made,
        "A prior must be that of an input, or of a name that critics read; the generator makes "
        "these itself.",
        priors=made,
    )
    return found


def symbolic_inputs(critic):
    """The symbolic inputs of a critic's network, in order."""
    structure = inspection.input_structure(critic.network)
    _checks.check(
        structure is not None,
        f"The network of critic {critic.name!r} must be built, so that its weights exist.",
        cure="Call it once on a batch of what it judges, several as a list.",
        network=critic.network.name,
    )
    return keras.tree.flatten(structure)


def taken(critic):
    """What a critic is shown on both sides: pairs of a name and the symbolic input for it."""
    sides = [(*critic.real, *critic.condition)]
    if critic.fake:
        sides.append((*critic.fake, *critic.fake_condition))
    tensors = symbolic_inputs(critic)
    return [pair for side in sides for pair in zip(side, tensors, strict=True)]


def check_critic(critic, generator):
    """Check that a critic's network takes what it is shown, and returns what is understood.

    Raises:
        ValueError: otherwise.
    """
    tensors, names = symbolic_inputs(critic), (*critic.real, *critic.condition)
    _check_order(critic, names)
    _checks.check(
        len(tensors) == len(names),
        f"The network of critic {critic.name!r} must take as many tensors as it is shown: "
        f"{', '.join(names)}.",
        cure="Its inputs are those of `real`, then those of `condition`.",
        inputs=[tuple(tensor.shape[1:]) for tensor in tensors],
    )
    for name, tensor in taken(critic):
        known = generator.outputs.get(name, generator.inputs.get(name))
        if known is None and critic.pack > 1:
            known = tensor if not tensor.shape[1:] else None
        if known is not None:
            _check_fits(critic, name, tuple(known.shape[1:]), tuple(tensor.shape[1:]))
    if critic.fake and critic.loss != "none":
        _checks.check(
            any(name in generator.outputs for name in (*critic.fake, *critic.real)),
            f"Critic {critic.name!r} must judge something that the generator makes: "
            f"{', '.join(generator.outputs)}.",
            cure=_checks.did_you_mean(critic.fake[0], generator.outputs),
            fake=critic.fake,
        )
    logits_of(critic)


def _check_order(critic, names):
    """Check that a dict of inputs under the names that they are shown is in their order."""
    structure = inspection.input_structure(critic.network)
    keys = list(structure) if isinstance(structure, dict) else []
    _checks.check(
        sorted(keys) != sorted(names) or keys == list(names),
        f"The network of critic {critic.name!r} takes what it judges by position, whatever its "
        f"inputs are called: {', '.join(names)}.",
        cure="Write the inputs of `keras.Model` in this order.",
        inputs=keys,
    )


def warn_of_activation(critic):
    """Warn of a network that ends in an activation where its logits should be."""
    alone = not isinstance(inspection.output_structure(critic.network), (dict, list, tuple))
    if alone and critic.loss != "none":
        pairs.warn_of_bounds(critic.network, f"The network of critic {critic.name!r}")


def _check_fits(critic, name, made, taken):
    _checks.check(
        critic.pack == 1 or bool(made),
        f"Critic {critic.name!r} judges packs, which are joined along the last axis, but `{name}` "
        "is one number a sample.",
        cure="Let it have an axis of its own: `keras.Input((1,))`, or one-hot rows.",
        pack=critic.pack,
    )
    if critic.pack > 1 and made:
        last = None if made[-1] is None else made[-1] * critic.pack
        made = (*made[:-1], last)
    _checks.check(
        shapes.agree(made, taken),
        f"The network of critic {critic.name!r} must take what it judges, but `{name}` has "
        "another shape.",
        cure="Build it for packs: their last axis is `pack` times as long."
        if critic.pack > 1
        else f"Build it for `keras.Input({made})`. Its inputs are those of `real`, then those of "
        "`condition`, in the order of their names.",
        shape_of_it=made,
        network_takes=taken,
    )


def logits_of(critic):
    """The structure of a critic's outputs: a `dict` of symbolic tensors, checked."""
    structure = inspection.output_structure(critic.network)
    if not isinstance(structure, dict):
        structure = {"logits": structure}
    _checks.check(
        "logits" in structure or critic.loss == "none",
        f"The network of critic {critic.name!r} must return logits, or a dict with 'logits'.",
        cure="With `loss='none'`, for a network that terms alone train, there need be none.",
        outputs=list(structure),
    )
    for logits in keras.tree.flatten(structure.get("logits", [])):
        shape = tuple(logits.shape)
        _checks.check(
            inspection.are_logits(shape),
            f"Logits of critic {critic.name!r} must be one a sample, or maps of them (h, w, 1).",
            cure="End the network in `keras.layers.Dense(1)`. Several outputs that are no logits "
            "go into a dict, beside 'logits'.",
            shape=shape[1:] or shape,
        )
    return structure
