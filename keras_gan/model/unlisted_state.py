"""Refuses parts of a game with variables that nobody saves, before they are lost."""

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.terms import Term

_VARIABLES = (keras.Variable, tf.Variable)
# What lists the state that is saved.
_LISTS = ("variables", "networks")


def check(model, game, optimizers):
    """Check that all variables which the parts of a game hold are saved with it.

    A weight or a moment that a part holds as an attribute, and does not list, would begin anew in
    a run that is resumed, without a word.

    Args:
        model: an `AdversarialModel`.
        game: its `Game`.
        optimizers: of its players.

    Raises:
        ValueError: for one that would be lost.
    """
    networks = [model.generator, model.averaged_generator, *(c.network for c in game.critics)]
    owned = {id(v) for owner in (*networks, *optimizers) for v in owner.variables}
    listing = [*(critic.loss for critic in game.critics), *game.parts_with_state]
    for part in {id(part): part for part in listing if part is not None}.values():
        _check(part, owned | _listed(part), _cure)
    weights = [part.weight for part in (*game.critics, *listing) if hasattr(part, "weight")]
    without = [*model.priors.values(), *filter(callable, weights), *map(_adaptive, game.critics)]
    for part in without:
        _check(part, owned, _cure_of_constants)
    if not game.augmentations:
        _check(game.augment, owned, _cure_of_function)


def _adaptive(critic):
    return None if callable(critic.weight) else critic.weight


def _listed(part):
    """The ids of the variables that are saved of a part."""
    networks = part.networks if isinstance(part, Term) else ()
    listed = [*getattr(part, "variables", ()), *(v for n in networks for v in n.variables)]
    return {id(variable) for variable in listed}


def _check(part, saved, cure_of):
    name, attributes = type(part).__name__, {}
    for each, value in _attributes(part).items():
        if any(id(variable) not in saved for variable in _variables_of(value)):
            attributes[each] = value
    _checks.check(
        not attributes,
        f"{name} keeps variables in {', '.join(f'`{each}`' for each in attributes)} that it does "
        "not list, so that saving and resuming would lose them.",
        cure=lambda: cure_of(part, attributes),
    )
    for each, value in _attributes(part).items():
        _checks.check(
            not _grows(value) or id(value) in map(id, getattr(part, "networks", ())),
            f"{name} keeps a {type(value).__name__} in `{each}` whose variables do not exist yet, "
            "so that saving and resuming would lose them.",
            cure="Build it, and list its variables.",
        )


def _attributes(part):
    """What a part holds, by name, but for its lists of what is saved."""
    if isinstance(part, keras.layers.Layer):
        return {"variables": part.variables}
    held = getattr(part, "__dict__", {})
    return {name: value for name, value in held.items() if name not in _LISTS}


def _variables_of(value):
    """The variables in an attribute: it, what it lists, or those in a list or a dict."""
    if isinstance(value, _VARIABLES):
        return [value]
    if isinstance(value, keras.random.SeedGenerator):
        return [value.state]
    if isinstance(value, dict):
        value = list(value.values())
    elif not isinstance(value, (list, tuple, set)):
        value = getattr(value, "variables", None)
    if not isinstance(value, (list, tuple, set)):
        return []
    return [variable for each in value for variable in _variables_of(each)]


def _grows(value):
    """Whether a layer or an optimizer will make variables when it is used."""
    if isinstance(value, keras.optimizers.Optimizer):
        return not value.built
    own_build = isinstance(value, keras.layers.Layer) and (
        isinstance(value, keras.Model) or type(value).build is not keras.layers.Layer.build
    )
    return own_build and not value.built


def _cure(part, attributes):
    """The line of `__init__` that lists them."""
    layers = {k: v for k, v in attributes.items() if isinstance(v, keras.layers.Layer)}
    if isinstance(part, Term) and layers:
        return f"Set `self.networks = ({', '.join(f'self.{k}' for k in layers)},)`."
    written = ", ".join(_written(name, value) for name, value in attributes.items())
    if isinstance(getattr(type(part), "variables", None), property):
        return f"Return them in `variables`: `[*others, {written}]`."
    if getattr(part, "variables", ()):
        written = f"*self.variables, {written}"
    return f"Set `self.variables = ({written},)` in `__init__`."


def _written(name, value):
    if isinstance(value, _VARIABLES):
        return f"self.{name}"
    if isinstance(value, keras.random.SeedGenerator):
        return f"self.{name}.state"
    if isinstance(value, dict):
        return f"*self.{name}.values()"
    return f"*self.{name}" if isinstance(value, (list, tuple, set)) else f"*self.{name}.variables"


def _cure_of_constants(part, attributes):
    del part, attributes
    return "It can keep no state: hold constants as NumPy arrays, and let it follow a schedule."


def _cure_of_function(part, attributes):
    del part, attributes
    return "Subclass `keras_gan.augment.Augmentation`, and list them in `variables`."
