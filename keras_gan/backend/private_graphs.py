"""Keras's private record of functional models: which call made which symbolic tensor.

As in `private_keras`, no other module names these attributes, and each docstring tells what is
private, why no public name does, and what it is needed for. All were checked with Keras 3.15.1.
"""

import keras

# What a functional model keeps of its graph.
_GRAPH = ("_operations", "_nodes", "_nodes_by_depth", "_operations_by_depth")
_ORIGIN = "_keras_history"


def origin(tensor):
    """The operation that a symbolic tensor comes from, and the number of the call.

    Private: `KerasTensor._keras_history`, with `operation` and `node_index`. Nothing public leads
    from a tensor to what made it.
    Needed for: the last activation of a network, and the layers that take its labels.
    """
    history = tensor._keras_history
    return history.operation, history.node_index


def calls(operation):
    """The calls of a layer or operation on symbolic tensors: a list of nodes.

    Private: `Operation._inbound_nodes`; of a node, `operation`, `outputs` and `input_tensors`.
    `Layer.input` is there for layers that were called once, and not for operations.
    Needed for: the last activation of a network, the layers that take its labels, and copies.
    """
    return operation._inbound_nodes


def calls_in(graph):
    """The calls that a functional model is made of, in the order of each operation's calls.

    Private: `Function._nodes_by_depth` and `Function._operations`. `Model.layers` has no
    operations, and tells nothing of calls.
    Needed for: copies of functional networks.
    """
    own = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes}
    for operation in graph._operations:
        yield from (node for node in calls(operation) if id(node) in own)


def attach(node, copy_of):
    """Copy one call of an operation, and say of its results where they come from.

    Private: `KerasTensor._keras_history`, `Operation._inbound_nodes` and `_outbound_nodes`.
    Calling the copied operation anew would need its arguments, and run its code again.
    Needed for: copies of functional networks.

    `copy_of` gives the copy of an operation, a tensor or a node.
    """
    operation = copy_of(node.operation)
    number = len(operation._inbound_nodes)
    for tensor in node.outputs:
        history = tensor._keras_history
        copy_of(tensor)._keras_history = history._replace(operation=operation, node_index=number)
    operation._inbound_nodes.append(copy_of(node))
    for tensor in node.input_tensors:
        copy_of(tensor._keras_history.operation)._outbound_nodes.append(copy_of(node))


def wire(graph):
    """Let a copied functional model run through the copied calls.

    Private: `Function._inputs_struct`, `_outputs_struct`, and what its constructor makes of them:
    `_operations`, `_nodes`, `_nodes_by_depth`, `_operations_by_depth`. The constructor of a
    subclass may take anything.
    Needed for: copies of functional networks.
    """
    same = keras.Function(graph._inputs_struct, graph._outputs_struct, name=graph.name)
    vars(graph).update({name: vars(same)[name] for name in _GRAPH})


def begun_anew(old):
    """A `dict` of attributes that the copy of an object does not take from it, and first values.

    Private: `Operation._inbound_nodes` and `_outbound_nodes`; `Layer._losses`, `_loss_ids` and
    `_losses_override`; those of `wire`. Copies are made without a constructor.
    Needed for: copies of networks.
    """
    result = {}
    if isinstance(old, keras.Operation):  # their calls may belong to other models, too
        result |= {"_inbound_nodes": [], "_outbound_nodes": []}
    if isinstance(old, keras.Layer):  # those of the last call
        result |= {"_losses": [], "_loss_ids": set(), "_losses_override": []}
    if isinstance(old, keras.Function):  # `wire` has them; all operations must be copied by then
        result |= dict.fromkeys(_GRAPH[1:])
    return result


def is_origin(attribute):
    """Whether the attribute of that name says where a symbolic tensor comes from.

    Private: `KerasTensor._keras_history`. It leads to operations that are no part of a copy.
    Needed for: copies of functional networks, which `attach` tells it.
    """
    return attribute == _ORIGIN
