"""Deep copies of networks of any class.

A network is copied object by object and not by its config, so its classes need neither registration
nor `get_config`. Layers and variables that are shared within a network are shared within its copy.
Objects that training cannot change (functions, policies, tensors) are shared with the original. So
are the networks of `Frozen` layers, unless a copy must differ from its original.
"""

import collections
import copy as copying
import functools
import types
import weakref

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import inspection, private_graphs, private_keras, private_tensorflow
from keras_gan.backend.frozen import frozen_networks

# A function or an object that leads to one of these is copied; others are shared.
_STATE = (
    *(keras.Operation, keras.Variable, keras.Metric, keras.Optimizer, keras.Initializer),
    *(keras.random.SeedGenerator, keras.KerasTensor, tf.Variable),
)
_POLICIES = (keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap)
_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, type})
_HALF = ("float16", "bfloat16")


def copy(network, name, *, cure=None, **options):
    """A network of the same class and weights, under another name, that is not compiled.

    It shares no layer and no variable with the network, but for those of `Frozen` layers; with any
    of the options, not these either.

    Args:
        network: built Keras model.
        name: of the copy.
        cure: sentence for the error: how to do without a copy.
        **options: of `Copier`.

    Raises:
        ValueError: if a part of the network cannot be copied.
    """
    try:
        twin = Copier(**options).copied(network)
    except Exception as error:
        told = (str(error).strip() or repr(error)).splitlines()[0]
        rule = f"A network must be made of parts that can be copied. {told}"
        raise _checks.error(rule, network=network.name, cure=cure) from error
    twin.name = name
    return twin


class Copier:
    """Copies graphs of objects, including cycles.

    Every object is created empty and filled later from a queue, which avoids deep recursion.

    Args:
        full_precision: whether half precision becomes float32.
        local: whether variables are created in the current scope, not under the original strategy.
    """

    def __init__(self, *, full_precision=False, local=False):
        self.full_precision = full_precision
        self.local = local
        self._copies = {}
        self._shared = {}
        self._originals = []  # kept alive, since copies are found by the identity of originals
        self._unfilled = collections.deque()

    def copied(self, thing):
        """The copy of an object and of everything it refers to."""
        if isinstance(thing, keras.Layer) and not self.full_precision and not self.local:
            fixed = frozen_networks(inspection.all_layers(thing))
            self._shared.update((id(network), network) for network in fixed)
        result = self._of(thing)
        self._fill()
        graphs = [old for old in self._originals if isinstance(old, keras.Function)]
        nodes = [node for graph in graphs for node in private_graphs.calls_in(graph)]
        for node in {id(node): node for node in nodes}.values():
            private_graphs.attach(node, self._of)
        self._fill()
        for graph in self.made(keras.Function):
            private_graphs.wire(graph)
        for model in self.made(keras.Model):
            _uncompile(model)
        for tracker in self.made(private_keras.tracker_class()):
            private_keras.recount(tracker)
        self._renew_weak_references()
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
        if id(old) in self._shared:
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
        """An empty copy and a function that fills it; the object itself if it may be shared."""
        kind = type(old)
        if isinstance(old, tf.Variable) and self.local:
            return tf.Variable(old.read_value(), trainable=old.trainable, name="copy"), None
        if isinstance(old, tf.Variable) or issubclass(kind, np.ndarray):
            return copying.deepcopy(old), None
        containers = {list: self._fill_list, set: self._fill_set, dict: self._fill_dict}
        for container, fill in containers.items():
            if issubclass(kind, container):
                return kind.__new__(kind), fill
        if isinstance(old, (tuple, frozenset)):  # or a named one, or TensorFlow's proxy of one
            parts = [self._of(part) for part in old]
            return (kind(*parts) if hasattr(kind, "_fields") else kind(parts)), None
        if not _leads_to_state(old):
            return old, None
        if isinstance(old, collections.deque):
            return kind(maxlen=old.maxlen), self._fill_deque
        if kind is types.MappingProxyType:
            return kind(self._of(dict(old))), None
        if kind is types.FunctionType:
            return _with_own_cells(old), self._fill_function
        if kind is types.MethodType:
            return types.MethodType(self._of(old.__func__), self._of(old.__self__)), None
        if kind is functools.partial:
            keywords = {key: self._of(value) for key, value in old.keywords.items()}
            return functools.partial(self._of(old.func), *map(self._of, old.args), **keywords), None
        if isinstance(old, tf.types.experimental.PolymorphicFunction):
            return tf.function(self._of(old.python_function)), None
        has_slots_alone = not hasattr(old, "__dict__")
        return object.__new__(kind), self._fill_attributes if has_slots_alone else self._fill_object

    # === Filling ===

    def _fill_list(self, new, old):
        list.extend(new, map(self._of, old))
        self._fill_attributes(new, old)

    def _fill_deque(self, new, old):
        new.extend(map(self._of, old))

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
        anew = private_graphs.begun_anew(old)
        self._fill_attributes(new, old, {*anew, *private_tensorflow.DEPENDENCIES})
        new.__dict__.update(anew)
        dependencies, by_name = private_tensorflow.dependencies(old)
        if dependencies is not None:
            kept = [self._of(part) for part in dependencies if part.name not in anew]
            by_name = {k: self._of(v) for k, v in by_name.items() if k not in anew}
            names = private_tensorflow.DEPENDENCIES
            new.__dict__.update(zip(names, (kept, by_name), strict=True))

    def _fill_attributes(self, new, old, without=()):
        for key, value in _slots(old).items():
            object.__setattr__(new, key, self._of(value))
        for key, value in getattr(old, "__dict__", {}).items():
            # The history of symbolic tensors is set after all objects are copied.
            if key not in without and not private_graphs.is_origin(key):
                new.__dict__[key] = self._of(value)

    def _renew_weak_references(self):
        """Let attributes that are weak references to what was copied lead to the copies."""
        for new in self._copies.values():
            for key, value in getattr(new, "__dict__", {}).items():
                if type(value) is weakref.ref and id(value()) in self._copies:
                    new.__dict__[key] = weakref.ref(self._copies[id(value())])


def _uncompile(model):
    """Remove the state that `compile` and `fit` added to a model."""
    attributes = private_keras.trainer_attributes()
    gone = {id(vars(model)[name]) for name in attributes if name in vars(model)}
    private_keras.forget_parts(model, gone)
    for name, value in attributes.items():
        vars(model).pop(name, None)
        if value is not NotImplemented:
            vars(model)[name] = value
    dependencies, by_name = private_tensorflow.dependencies(model)
    if dependencies is not None:
        dependencies[:] = [part for part in dependencies if part.name not in attributes]
        for name in attributes:
            by_name.pop(name, None)


def _to_full_precision(new):
    """Convert a copy from half precision to float32."""
    if isinstance(new, keras.Layer) and new.compute_dtype in _HALF:
        mode = new.quantization_mode
        new.dtype_policy = f"{mode}_from_float32" if mode else "float32"
    private_keras.replace_dtype(new, _HALF, "float32")
    if isinstance(new, keras.Variable) and new.value.dtype.name in _HALF:
        private_keras.set_value(new, tf.cast(new.value, "float32"))


# === What is shared ===


def _leads_to_state(thing):
    """Whether a function or an object refers to layers or variables, directly or not."""
    seen, waiting = set(), [thing]
    while waiting:
        part = waiting.pop()
        of_keras = type(part).__module__.startswith("keras.") and not isinstance(part, _POLICIES)
        if isinstance(part, _STATE) or of_keras:
            return True
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(_parts(part))
    return False


def _parts(thing):
    """The objects that a Python object refers to and that may be copied."""
    if isinstance(thing, types.FunctionType):
        cells = [content for cell in thing.__closure__ or () for content in _contents(cell)]
        return [*cells, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
    if isinstance(thing, types.MethodType):
        return [thing.__func__, thing.__self__]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, tf.types.experimental.PolymorphicFunction):
        return [thing.python_function]
    if isinstance(thing, (dict, types.MappingProxyType)):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set, frozenset, collections.deque)):
        return list(thing)
    if type(thing).__module__.split(".")[0] in ("builtins", "numpy", "tensorflow"):
        return []
    return [*getattr(thing, "__dict__", {}).values(), *_slots(thing).values()]


def _slots(thing):
    """The attributes of an object that are in slots, by name."""
    names = [
        name  # as Python keeps it: `_Class__name` of a private one
        for kind in type(thing).__mro__
        if "__slots__" in vars(kind)
        for name, part in vars(kind).items()
        if isinstance(part, types.MemberDescriptorType)
    ]
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def _contents(cell):
    """The value of a closure's cell, if it has one."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _with_own_cells(function):
    """The same function with a new, empty closure."""
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    return types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, cells
    )
