"""Untrained copies of networks, with new initial weights."""

import contextlib
import inspect
import random

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.backend import copies, inspection, private_keras


def fresh(network, name, *, seed):
    """An untrained copy of a network, under another name, see `copies.copy`.

    Its weights are drawn by their initializers, from `seed` alone and from no global state. Layers
    that do not train keep theirs; initializers and random layers that were given seeds keep those.

    Raises:
        ValueError: if a part of the network cannot be copied, or the initial weights of a layer are
            unknown.
    """
    twin = copies.copy(network, name, local=True)
    with _seeded(seed):
        copier = copies.Copier(local=True)
        unbuilt = inspection.all_layers(copier.copied(network))
        for initializer in copier.made(keras.Initializer):
            if private_keras.draws_unseeded(initializer):
                initializer.seed = random.randint(1, 10**9)
        layers = inspection.all_layers(twin)
        generators = [part for layer in layers for part in private_keras.seed_generators(layer)]
        for generator in (*copier.made(keras.random.SeedGenerator), *generators):
            first = generator.get_config()["seed"]
            first = random.randint(1, 10**9) if first is None else first
            generator.state.assign([first, 0])
        for layer in unbuilt:
            private_keras.unbuild(layer)
        for layer, again in zip(layers, unbuilt, strict=True):
            own = private_keras.own_variables(layer)
            if layer.trainable and own:
                for variable, first in zip(own, _first(layer, again), strict=True):
                    variable.assign(first)
    return twin


def check(network):
    """Check that `fresh` supports the classes of a network, or raise its error."""
    foreign = (type(layer).__module__.split(".")[0] for layer in inspection.all_layers(network))
    if not {"keras", "keras_gan"}.issuperset(foreign):
        fresh(network, network.name, seed=0)


@contextlib.contextmanager
def _seeded(seed):
    """Context in which all random numbers follow from `seed`; restores the state afterwards."""
    # Keras draws the seeds of initializers and of dropout from Python's generator.
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        with private_keras.shared_generator(keras.random.SeedGenerator(seed % 2**31)):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


# === What weights were at first ===


def _first(layer, unbuilt):
    """New variables with the initial values of a layer."""
    for again in (_built_again, _made_again):
        try:
            found = again(unbuilt)
        except Exception:  # the layer's code may raise anything
            continue
        if [v.shape for v in found] == [v.shape for v in private_keras.own_variables(layer)]:
            return found
    raise _checks.error(
        "A layer's weights must be known as they are at first, for a network of the same "
        "architecture to be trained afresh.",
        cure="Make them in the layer's `build`, with `self.add_weight(...)`.",
        layer=layer.name,
        of=type(layer).__name__,
    )


def _built_again(layer):
    if not layer.built:  # the layer that it is in may have done so
        layer.build(**private_keras.build_shapes(layer))
    return private_keras.own_variables(layer)


def _made_again(layer):
    """For weights that are made in `__init__`."""
    try:
        new = type(layer).from_config(layer.get_config())
    except Exception:  # a class without `get_config`: use its attributes
        new = type(layer)(**_arguments(layer))
    if not new.built and private_keras.build_shapes(layer):
        new.build(**private_keras.build_shapes(layer))
    return private_keras.own_variables(new)


def _arguments(layer):
    """Constructor arguments of a layer: attributes of the same names, else defaults."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: getattr(layer, name)
        for name, parameter in inspect.signature(type(layer)).parameters.items()
        if parameter.kind in named
        and (hasattr(layer, name) or parameter.default is parameter.empty)
    }
