"""Configs of several networks that may share layers, and still do when they are re-made."""

import keras

from keras_gan import _checks
from keras_gan.engine.players import groups
from keras_gan.storage import loadable


def serialized(networks):
    """The config of a list of networks: one each, or one of a joint model if they share layers.

    Raises:
        ValueError: for networks that share layers and are not functional, so that no config can
            tell it.
    """
    if len(groups(networks)) == len(networks):
        return [loadable.serialized(network, "critics") for network in networks]
    for network in networks:
        _checks.check(
            bool(getattr(network, "inputs", None)) and not isinstance(network, keras.Sequential),
            "Critics that share layers must be functional models to be saved: the config of "
            "another model does not tell which layers are shared.",
            cure="Use `keras.Model(network.inputs, network.outputs)` for a `Sequential`; or give "
            "them one network with several outputs, or use `save_weights`.",
            network=network.name,
        )
    inputs, outputs = [], []
    parts = [
        {
            "name": network.name,
            "inputs": _places(network.input, inputs),
            "outputs": _places(network.output, outputs),
        }
        for network in networks
    ]
    joint = keras.Model(inputs, outputs, name="critics")
    return {"joint": loadable.serialized(joint, "critics"), "parts": parts}


def deserialized(config, read):
    """The networks of a `serialized`.

    Args:
        config: the config.
        read: callable from the config of a network to the network.
    """
    if isinstance(config, (list, tuple)):
        return [read(each) for each in config]
    joint = read(config["joint"])
    made = []
    for part in config["parts"]:
        inputs, outputs = (
            keras.tree.map_structure(lambda place, of=of: of[place], part[key])
            for key, of in (("inputs", joint.inputs), ("outputs", joint.outputs))
        )
        made.append(keras.Model(inputs, outputs, name=part["name"]))
    return made


def _places(structure, known):
    """The structure of places in a list, to which its tensors are added."""

    def place(tensor):
        known.append(tensor)
        return len(known) - 1

    return keras.tree.map_structure(place, structure)
