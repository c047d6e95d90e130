"""Copies of networks: all layers and variables anew, whatever classes they are of.

A copy is made object by object and not from a config, so that a network's classes need neither be
registered nor know how to be saved. Layers and variables that are shared within a network are
shared within its copy. What training cannot change (functions, policies, tensors) is shared with
the original.
"""

import collections
import copy as copying
import functools
import types

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks

# A function or an object that leads to one of these is copied; others are shared.
_STATE = (
    *(keras.Operation, keras.Variable, keras.Metric, keras.Optimizer, keras.Initializer),
    *(keras.random.SeedGenerator, keras.KerasTensor, tf.Variable),
)
_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, type})
_HALF = ("float16", "bfloat16")
_TRACKER = type(keras.layers.Layer()._tracker)


def copy(network, name, *, cure=None, **options):
    """A network of the same architecture and weights, under another name.

    Args:
        network: built Keras model.
        name: of the copy.
        cure: sentence for the error: how to do without a copy.
        **options: of `Copier`.

    Returns:
        A Keras model of the same class that shares no layer and no variable with the network, and
        that is not compiled.

    Raises:
        ValueError: if a part of the network cannot be copied.
    """
    try:
        twin = Copier(**options).copied(network)
    except Exception as error:
        told = (str(error).strip() or repr(error)).splitlines()[0]
        raise ValueError(
            _checks.sentence(
                f"A network must be made of parts that can be copied. {told}",
                network=network.name,
                cure=cure,
            )
        ) from error
    twin.name = name
    return twin


class Copier:
    """Copies objects that refer to each other in any way, in cycles too.

    Every object is first made empty and filled later, from a queue: a deep network needs no deep
    recursion.

    Args:
        full_precision: whether half precision becomes float32.
        local: whether variables are made where the copy is, in place of under the strategy that
            they were made under.
    """

    def __init__(self, *, full_precision=False, local=False):
        self.full_precision = full_precision
        self.local = local
        self._copies = {}
        self._originals = []  # kept alive, since copies are found by the identity of originals
        self._unfilled = collections.deque()

    def copied(self, thing):
        """The copy of a thing, and of all that it leads to."""
        result = self._of(thing)
        self._fill()
        graphs = [old for old in self._originals if isinstance(old, keras.Function)]
        for node in {id(node): node for graph in graphs for node in _nodes(graph)}.values():
            self._attach(node)
        self._fill()
        for graph in self.made(keras.Function):
            _wire(graph)
        for model in self.made(keras.Model):
            _uncompile(model)
        for tracker in self.made(_TRACKER):
            stores = {name: store for name, (_, store) in tracker.config.items()}
            tracker.stored_ids = {name: {id(part) for part in stores[name]} for name in stores}
        if self.full_precision:
            for new in self._copies.values():
                _to_full_precision(new)
        return result

    def made(self, kind):
        """The copies that are of a class."""
        return [new for new in self._copies.values() if isinstance(new, kind)]

    def _of(self, old):
        if type(old) in _PLAIN:
            return old
        if id(old) in self._copies:
            return self._copies[id(old)]
        new, fill = self._begun(old)
        if new is not old:
            self._copies[id(old)] = new
            self._originals.append(old)
            if fill is not None:
                self._unfilled.append((fill, new, old))
        return new

    def _fill(self):
        while self._unfilled:
            fill, new, old = self._unfilled.popleft()
            fill(new, old)

    def _begun(self, old):
        """An empty copy and what will fill it; the thing itself where it may be shared."""
        kind = type(old)
        if isinstance(old, tf.Variable) and self.local:
            return tf.Variable(old.read_value(), trainable=old.trainable, name="copy"), None
        if isinstance(old, tf.Variable) or issubclass(kind, np.ndarray):
            return copying.deepcopy(old), None
        for container, fill in self._containers.items():
            if issubclass(kind, container):
                return kind.__new__(kind), fill
        if isinstance(old, tuple):  # a named one, a plain one, or TensorFlow's proxy of one
            parts = [self._of(part) for part in old]
            return (kind(*parts) if hasattr(kind, "_fields") else kind(parts)), None
        if not _leads_to_state(old):
            return old, None
        if kind is types.FunctionType:
            return _with_own_cells(old), self._fill_function
        if kind is types.MethodType:
            return types.MethodType(self._of(old.__func__), self._of(old.__self__)), None
        if kind is functools.partial:
            keywords = {key: self._of(value) for key, value in old.keywords.items()}
            return functools.partial(self._of(old.func), *map(self._of, old.args), **keywords), None
        if isinstance(old, tf.types.experimental.PolymorphicFunction):
            return tf.function(self._of(old.python_function)), None
        return object.__new__(kind), self._fill_object

    # === Filling ===

    @functools.cached_property
    def _containers(self):
        return {list: self._fill_list, set: self._fill_set, dict: self._fill_dict}

    def _fill_list(self, new, old):
        list.extend(new, map(self._of, old))
        self._fill_attributes(new, old)

    def _fill_set(self, new, old):
        set.update(new, map(self._of, old))
        self._fill_attributes(new, old)

    def _fill_dict(self, new, old):
        if isinstance(old, collections.defaultdict):
            new.default_factory = self._of(old.default_factory)
        ordered = isinstance(old, collections.OrderedDict)
        put = collections.OrderedDict.__setitem__ if ordered else dict.__setitem__
        for key, value in old.items():
            put(new, self._of(key), self._of(value))
        self._fill_attributes(new, old)

    def _fill_function(self, new, old):
        for cell, original in zip(new.__closure__ or (), old.__closure__ or (), strict=True):
            for content in _contents(original):
                cell.cell_contents = self._of(content)
        new.__defaults__ = self._of(old.__defaults__)
        new.__kwdefaults__ = self._of(old.__kwdefaults__)
        self._fill_attributes(new, old)

    def _fill_object(self, new, old):
        anew = _anew(old)
        # Where a tensor comes from, `_attach` says.
        self._fill_attributes(new, old, {*anew, *_DEPENDENCIES, "_keras_history"})
        new.__dict__.update(anew)
        dependencies, by_name = (vars(old).get(name) for name in _DEPENDENCIES)
        if dependencies is not None:
            kept = [self._of(part) for part in dependencies if part.name not in anew]
            by_name = {k: self._of(v) for k, v in by_name.items() if k not in anew}
            new.__dict__.update(zip(_DEPENDENCIES, (kept, by_name), strict=True))

    def _fill_attributes(self, new, old, without=()):
        for key, value in getattr(old, "__dict__", {}).items():
            if key not in without:
                new.__dict__[key] = self._of(value)

    # === Graphs of functional models ===

    def _attach(self, node):
        """Copy one call of an operation, and say of its results where they come from."""
        operation = self._of(node.operation)
        for tensor in node.outputs:
            self._of(tensor)._keras_history = tensor._keras_history._replace(
                operation=operation, node_index=len(operation._inbound_nodes)
            )
        operation._inbound_nodes.append(self._of(node))
        for tensor in node.input_tensors:
            self._of(tensor._keras_history.operation)._outbound_nodes.append(self._of(node))


# What TensorFlow keeps of an object's attributes.
_DEPENDENCIES = (
    "_self_unconditional_checkpoint_dependencies",
    "_self_unconditional_dependency_names",
)
# What Keras keeps of a functional model's graph.
_GRAPH = ("_operations", "_nodes", "_nodes_by_depth", "_operations_by_depth")


def _nodes(graph):
    """The calls that a functional model is made of, in the order of each operation's calls."""
    own = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes}
    for operation in graph._operations:
        yield from (node for node in operation._inbound_nodes if id(node) in own)


def _wire(graph):
    """Let a copied functional model run through the copied calls."""
    same = keras.Function(graph._inputs_struct, graph._outputs_struct, name=graph.name)
    vars(graph).update({name: vars(same)[name] for name in _GRAPH})


def _anew(old):
    """The attributes that the copy of an object does not take from it: a `dict`."""
    result = {}
    if isinstance(old, keras.Operation):  # their calls may belong to other models, too
        result |= {"_inbound_nodes": [], "_outbound_nodes": []}
    if isinstance(old, keras.Layer):  # those of the last call
        result |= {"_losses": [], "_loss_ids": set(), "_losses_override": []}
    if isinstance(old, keras.Function):  # `_wire` has them; all operations must be copied by then
        result |= dict.fromkeys(_GRAPH[1:])
    return result


def _uncompile(model):
    """Take from a model what `compile` and `fit` of its own have given to it."""
    attributes = _trainer_attributes()
    gone = {id(vars(model)[name]) for name in attributes if name in vars(model)}
    for _, store in model._tracker.config.values():
        store[:] = [part for part in store if id(part) not in gone]
    for name, value in attributes.items():
        vars(model).pop(name, None)
        if value is not _NOTHING:
            vars(model)[name] = value
    dependencies, by_name = (vars(model).get(name) for name in _DEPENDENCIES)
    if dependencies is not None:
        dependencies[:] = [part for part in dependencies if part.name not in attributes]
        for name in attributes:
            by_name.pop(name, None)


_NOTHING = object()


@functools.cache
def _trainer_attributes():
    """The attributes that make a model a trainer, with their values before `compile`."""
    model, layer = keras.Model(name="blank"), keras.layers.Layer(name="blank")
    before = dict(vars(model))
    model.compile(keras.optimizers.SGD(name="blank"), "mse", metrics=["mse"])
    names = vars(model).keys() - vars(layer).keys() - {"_distribute_strategy"}
    return {n: before.get(n, _NOTHING) for n in names if not n.startswith("_self_")}


def _to_full_precision(new):
    """Let a copy that computes or is kept in half precision do so in float32."""
    if isinstance(new, keras.Layer) and new.compute_dtype in _HALF:
        mode = new.quantization_mode
        new.dtype_policy = f"{mode}_from_float32" if mode else "float32"
    if getattr(new, "_dtype", None) in _HALF:  # a variable, a symbolic tensor, an input
        new._dtype = "float32"
    if isinstance(new, keras.Variable) and new.value.dtype.name in _HALF:
        new._value = tf.Variable(tf.cast(new.value, "float32"), trainable=False)


# === What is shared ===


def _leads_to_state(thing):
    """Whether a function or an object holds layers or variables, however indirectly."""
    seen, waiting = set(), [thing]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _STATE) or _is_part_of_keras(part):
            return True
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(_parts(part))
    return False


def _is_part_of_keras(thing):
    policies = (keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap)
    return type(thing).__module__.startswith("keras.") and not isinstance(thing, policies)


def _parts(thing):
    """What a Python object refers to, as far as it may be copied."""
    if isinstance(thing, types.FunctionType):
        cells = [content for cell in thing.__closure__ or () for content in _contents(cell)]
        return [*cells, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
    if isinstance(thing, types.MethodType):
        return [thing.__func__, thing.__self__]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, tf.types.experimental.PolymorphicFunction):
        return [thing.python_function]
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set)):
        return list(thing)
    foreign = type(thing).__module__.split(".")[0] in ("builtins", "numpy", "tensorflow")
    return [] if foreign else list(getattr(thing, "__dict__", {}).values())


def _contents(cell):
    """What a closure's cell holds: one value, or none yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _with_own_cells(function):
    """The same function with a closure of its own, still empty."""
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    return types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, cells
    )
