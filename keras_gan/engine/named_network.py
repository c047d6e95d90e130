"""A Keras model as a function from named tensors to named tensors."""

import functools
import keyword
import re

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import inspection, private_graphs

# The names that Keras gives to inputs which the user has not named.
_UNNAMED = re.compile(r"(keras_tensor|input_layer)(_\d+)?$")


class NamedNetwork:
    """A network whose inputs and outputs have names.

    Args:
        network: built Keras model.
        inputs: `dict` from names to the symbolic inputs, in the order of the network.
        outputs: likewise of its outputs.
        keyed: whether the network itself takes a `dict`.
    """

    def __init__(self, network, inputs, outputs, *, keyed=False):
        self.network = network
        self.inputs, self.outputs = dict(inputs), dict(outputs)
        self._keyed = keyed
        self._cuts = {}

    def __call__(self, tensors, *, training):
        """The outputs by name, for tensors by name; other tensors are ignored."""
        # Keras takes no mixture of tensors and arrays.
        given = {name: _tensor(tensors[name]) for name in self.inputs}
        if not self._keyed:
            given = list(given.values())
            given = given[0] if len(given) == 1 else given
        made = self.network(given, training=training)
        if isinstance(made, dict):
            return {name: made[name] for name in self.outputs}
        return dict(zip(self.outputs, keras.tree.flatten(made), strict=True))

    def of_copy(self, network):
        """The same names for a copy of the network."""
        inputs, outputs = inspection.input_structure(network), inspection.output_structure(network)
        if not isinstance(inputs, dict):
            inputs = dict(zip(self.inputs, keras.tree.flatten(inputs), strict=True))
        if not isinstance(outputs, dict):
            outputs = dict(zip(self.outputs, keras.tree.flatten(outputs), strict=True))
        outputs = {name: outputs[name] for name in self.outputs}
        return NamedNetwork(network, inputs, outputs, keyed=self._keyed)

    def cut(self, outputs):
        """The part that makes these outputs; the whole network if it cannot be cut.

        The part shares layers and weights with the network.

        Args:
            outputs: names.
        """
        key = tuple(name for name in self.outputs if name in set(outputs))
        if key == tuple(self.outputs) and len(self.needed_for(key)) == len(self.inputs):
            return self
        if not _is_functional(self.network):
            return self
        if key not in self._cuts:
            given = {name: self.inputs[name] for name in self.needed_for(key)}
            made = {name: self.outputs[name] for name in key}
            network = keras.Model(list(given.values()), made, name=self.network.name)
            self._cuts[key] = NamedNetwork(network, given, made)
        return self._cuts[key]

    def needed_for(self, outputs):
        """The names of the inputs that these outputs depend on, in order."""
        if not _is_functional(self.network):
            return list(self.inputs)
        makers = {id(tensor): name for name, tensor in self.inputs.items()}
        needed, seen, waiting = set(), set(), [self.outputs[name] for name in outputs]
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            if id(tensor) in makers:
                needed.add(makers[id(tensor)])
                continue
            operation, call = private_graphs.origin(tensor)
            waiting.extend(private_graphs.calls(operation)[call].input_tensors)
        return [name for name in self.inputs if name in needed]


def named(network):
    """The `NamedNetwork` of a generator, by the names that it has.

    A single input without a name is called "latents", a single output "generated".

    Args:
        network: built Keras model.

    Raises:
        ValueError: for inputs and outputs without names, doubled names, and names that are no
            Python identifiers, which Keras and SavedModel would change.
    """
    structure = inspection.input_structure(network)
    keyed = isinstance(structure, dict)
    inputs = structure if keyed else _by_own_names(keras.tree.flatten(structure))
    structure = inspection.output_structure(network)
    if isinstance(structure, dict):
        outputs = structure
    else:
        flat = keras.tree.flatten(structure)
        _checks.check(
            len(flat) == 1,
            "The outputs of `generator` must have names.",
            cure="Return a dict: `keras.Model(generator.inputs, "
            "{'first': first, 'second': second})`.",
            outputs=len(flat),
        )
        outputs = {"generated": flat[0]}
    for kind, tensors in (("inputs", inputs), ("outputs", outputs)):
        for name, tensor in tensors.items():
            _check_name(name, kind)
            _checks.check(
                isinstance(tensor, keras.KerasTensor),
                f"The {kind} of `generator` must be single tensors by name.",
                cure="Give each a key of its own.",
                **{str(name): type(tensor).__name__},
            )
    both = [name for name in outputs if name in inputs]
    _checks.check(
        not both,
        "An input and an output of `generator` must not have the same name: a name means one "
        "tensor.",
        cure="Rename one of them.",
        doubled=both,
    )
    return NamedNetwork(network, inputs, outputs, keyed=keyed)


def _tensor(value):
    return value if isinstance(value, keras.KerasTensor) else tf.convert_to_tensor(value)


def _by_own_names(tensors):
    if len(tensors) == 1 and _UNNAMED.match(tensors[0].name):
        return {"latents": tensors[0]}
    names = [tensor.name for tensor in tensors]
    unnamed = [name for name in names if _UNNAMED.match(name)]
    _checks.check(
        not unnamed and len(set(names)) == len(names),
        "The inputs of `generator` must have names of their own.",
        cure="Name them: `keras.Input(shape, name='sketch')`, or give a dict: "
        "`keras.Model({'sketch': sketch, 'noise': noise}, outputs)`.",
        inputs=names,
    )
    return dict(zip(names, tensors, strict=True))


def _check_name(name, kind):
    _checks.check(
        isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name),
        f"The names of the {kind} of `generator` must be Python identifiers: Keras and SavedModel "
        "change others silently.",
        cure=f"Use `{_identifier(name)}`.",
        name=name,
    )


def _identifier(name):
    made = re.sub(r"\W+", "_", str(name)).strip("_") or "tensor"
    return f"tensor_{made}" if made[0].isdigit() or keyword.iskeyword(made) else made


def _is_functional(network):
    """Whether a network is no more than its graph, so that a part of it can run alone."""
    return bool(getattr(network, "inputs", None)) and type(network).call is _functional_call()


@functools.cache
def _functional_call():
    tensor = keras.Input((1,))
    return type(keras.Model(tensor, tensor)).call
