"""A network as it was before training: the same layers, with weights drawn anew."""

import contextlib
import inspect
import random

import keras
import numpy as np
from keras.src.backend.common import global_state

from keras_gan import _checks
from keras_gan.backend import copies, inspection

# Where Keras keeps the generator of those who draw without a seed.
_SHARED = "global_seed_generator"


def fresh(network, name, *, seed):
    """A copy of a network, under another name, that has not been trained.

    Its weights are drawn by their initializers, from `seed` alone and from no global state. Layers
    that do not train keep theirs.

    Args:
        network: built Keras model.
        name: of the copy.
        seed: integer. Initializers and random layers that were given seeds keep those.

    Returns:
        A Keras model of the same class, not compiled, that shares no layer and no variable with
        the network.

    Raises:
        ValueError: if a part of the network cannot be copied, or it is not known what a layer's
            weights were at first.
    """
    twin = copies.copy(network, name, local=True)
    with _seeded(seed):
        copier = copies.Copier(local=True)
        unbuilt = inspection.all_layers(copier.copied(network))
        for initializer in copier.made(keras.Initializer):
            if getattr(initializer, "_init_seed", 0) is None:
                initializer.seed = random.randint(1, 10**9)
        for generator in (*copier.made(keras.random.SeedGenerator), *_generators(twin)):
            first = generator.get_config()["seed"]
            first = random.randint(1, 10**9) if first is None else first
            generator.state.assign([first, 0])
        for layer in unbuilt:
            _unbuild(layer)
        for layer, again in zip(inspection.all_layers(twin), unbuilt, strict=True):
            if layer.trainable and _own(layer):
                for variable, first in zip(_own(layer), _first(layer, again), strict=True):
                    variable.assign(first)
    return twin


def check(network):
    """Check that `fresh` will work, as far as a network's own classes could prevent it.

    Raises:
        ValueError: as `fresh`.
    """
    foreign = (type(layer).__module__.split(".")[0] for layer in inspection.all_layers(network))
    if not {"keras", "keras_gan"}.issuperset(foreign):
        fresh(network, network.name, seed=0)


@contextlib.contextmanager
def _seeded(seed):
    """Whatever draws inside the block follows from `seed`; outside nobody notices."""
    # Keras draws the seeds of initializers and of dropout from Python's generator.
    states = random.getstate(), np.random.get_state()
    shared = global_state.get_global_attribute(_SHARED)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    own = keras.random.SeedGenerator(seed % 2**31, name=_SHARED)
    global_state.set_global_attribute(_SHARED, own)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        global_state.set_global_attribute(_SHARED, shared)


def _generators(network):
    return [part for layer in inspection.all_layers(network) for part in layer._seed_generators]


def _own(layer):
    """The variables of a layer itself, without those of the layers in it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _unbuild(layer):
    """Take a layer's own variables from it, so that it can be built again."""
    tracker = layer._tracker
    tracker.unlock()
    for kind in ("trainable_variables", "non_trainable_variables"):
        tracker.stored_ids[kind].clear()
        tracker.config[kind][1].clear()
    layer.built = False


# === What weights were at first ===


def _first(layer, unbuilt):
    """New variables with the first values of a layer's own."""
    for again in (_built_again, _made_again):
        try:
            found = again(unbuilt)
        except Exception:  # of the layer's own code, which was not written for this
            continue
        if [v.shape for v in found] == [v.shape for v in _own(layer)]:
            return found
    raise ValueError(
        _checks.sentence(
            "A layer's weights must be known as they are at first, for a network of the same "
            "architecture to be trained afresh.",
            cure="Make them in the layer's `build`, with `self.add_weight(...)`.",
            layer=layer.name,
            of=type(layer).__name__,
        )
    )


def _built_again(layer):
    if not layer.built:  # the layer that it is in may have done so
        layer.build(**layer._build_shapes_dict)
    return _own(layer)


def _made_again(layer):
    """For weights that are made in `__init__`."""
    try:
        new = type(layer).from_config(layer.get_config())
    except Exception:  # a class that was not written to be saved: its attributes tell the rest
        new = type(layer)(**_arguments(layer))
    if not new.built and layer._build_shapes_dict:
        new.build(**layer._build_shapes_dict)
    return _own(new)


def _arguments(layer):
    """Arguments to make a layer with: attributes of the same names, else defaults."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: getattr(layer, name)
        for name, parameter in inspect.signature(type(layer)).parameters.items()
        if parameter.kind in named
        and (hasattr(layer, name) or parameter.default is parameter.empty)
    }
