"""The state of functions that were given to a callback, which a resumed run restores.

The schedule of a `LearningRateScheduler` or a hook of a `LambdaCallback` may be an object with
`__call__`, a method, or a function that counts in its closure, in an attribute or in a global
variable. Their contents are searched recursively, as are the classes of objects and of the callback
itself, but not the objects of Keras, TensorFlow, NumPy or the standard library.
"""

import collections
import contextlib
import functools
import inspect
import io
import pathlib
import random
import types

import numpy as np

from keras_gan.backend.inspection import is_of_library
from keras_gan.callbacks import _generators

# Containers that are stored as lists and refilled in place.
_AS_LISTS = (set, collections.deque)
# What cannot change: settings, which a resumed run is given anew.
CONSTANT = (pathlib.PurePath, bytes)
_RANDOM = (random.Random, np.random.Generator, np.random.RandomState)
# Maximum depth of nested objects.
_DEPTH = 3


class Holder:
    """An object, class or function, and its values by name."""

    def __init__(self, path, held, put, is_function):
        self.path = path  # such as "schedule.counter"
        self.values = {name: value for name, value in held.items() if is_kept(value)}
        self._put = put
        self.unkept = [  # values that change but cannot be stored
            name
            for name, value in held.items()
            if name not in self.values
            and not isinstance(value, CONSTANT)
            and (_goes_on(value) or not is_function and _is_opaque(value))
        ]

    def put(self, name, value):
        """Restore a value; containers in place, because other objects may refer to them."""
        if not refill(self.values.get(name), value):
            self._put(name, original(value))


def holders(callback):
    """The `Holder`s that are reachable from a callback's functions and its own classes."""
    seen = set()
    yield from _of_classes(callback, seen)
    for name, value in list(vars(callback).items()):
        if callable(value):
            yield from _walk(value, name, seen, _DEPTH)


def is_kept(value):
    """Whether a backup keeps a value: what is plain, and random generators."""
    return is_plain(value) or _generators.is_known(value)


def is_plain(value):
    """Whether a backup can store a value: numbers, strings, arrays, and containers of these."""
    if isinstance(value, dict):
        return all(is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, *_AS_LISTS)):
        return all(map(is_plain, value))
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "biufc"
    return isinstance(value, (bool, int, float, str, type(None)))


def copied(value):
    """A deep copy of a value that `is_kept`, in the form of a backup."""
    if _generators.is_known(value):
        return copied(_generators.state(value))
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, (list, *_AS_LISTS)):
        return [copied(part) for part in value]
    if isinstance(value, tuple):
        return tuple(copied(part) for part in value)
    return value.copy() if isinstance(value, np.ndarray) else value


def same(first, second):
    """Whether two plain values are equal, including arrays in them."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return type(first) is type(second) and np.array_equal(first, second, equal_nan=False)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def original(value):
    """A value from its form in a backup."""
    return _generators.made(value) if _generators.is_state(value) else value


def refill(container, value):
    """Refill a container or generator with what is stored; `False` if it is not such a one."""
    if _generators.is_state(value):
        return _generators.restore(container, value)
    if isinstance(container, dict) and isinstance(value, dict):
        container.clear()
        container.update(value)
    elif isinstance(container, (list, *_AS_LISTS)) and isinstance(value, list):
        container.clear()
        getattr(container, "extend", getattr(container, "update", None))(value)
    else:
        return False
    return True


def _walk(thing, path, seen, depth):
    if inspect.ismethod(thing):
        thing = thing.__self__
    if isinstance(thing, functools.partial):
        for number, part in enumerate((thing.func, *thing.args, *thing.keywords.values())):
            yield from _walk(part, path if number == 0 else f"{path}[{number}]", seen, depth)
        return
    if id(thing) in seen or depth < 0 or not _is_walked(thing):
        return
    seen.add(id(thing))
    is_function = inspect.isfunction(thing)
    held, put = _of_function(thing) if is_function else (vars(thing), None)
    yield Holder(path, held, put or functools.partial(setattr, thing), is_function)
    if not is_function:
        yield from _of_classes(thing, seen)
    for name, value in list(held.items()):
        yield from _walk(value, f"{path}.{name}", seen, depth - 1)


def _of_classes(thing, seen):
    """The `Holder`s of an object's user-defined classes."""
    for kind in type(thing).__mro__:
        if id(kind) not in seen and not is_of_library(kind):
            seen.add(id(kind))
            held = {
                name: value
                for name, value in vars(kind).items()
                if not name.startswith("__") and (is_kept(value) or _goes_on(value))
            }
            yield Holder(kind.__qualname__, held, functools.partial(setattr, kind), True)


def _is_walked(thing):
    if isinstance(thing, (type, types.ModuleType)):
        return False
    if inspect.isfunction(thing):
        return not is_of_library(thing)
    # The state of models, callbacks and data sets is stored elsewhere.
    return hasattr(thing, "__dict__") and not any(map(is_of_library, type(thing).__mro__[:-1]))


def _of_function(function):
    """The values of a function by name, and functions that restore them."""
    code, scope = function.__code__, function.__globals__
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    attributes = vars(function)
    names = [name for name in code.co_names if name in scope and name not in attributes]
    held = {name: scope[name] for name in names}
    defaults = function.__defaults__ or ()
    held.update(zip(code.co_varnames[code.co_argcount - len(defaults) :], defaults, strict=False))
    for name, cell in cells.items():
        with contextlib.suppress(ValueError):  # empty
            held[name] = cell.cell_contents
    held.update(attributes)

    def put(name, value):
        if name in cells:
            cells[name].cell_contents = value
        elif name in names:
            scope[name] = value
        else:
            setattr(function, name, value)

    return held, put


def _goes_on(value):
    """Whether an object, or one in a container, yields another value each time."""
    if isinstance(value, dict):
        return any(map(_yields, value.values()))
    return any(map(_yields, value)) if isinstance(value, (list, tuple)) else _yields(value)


def _yields(value):
    iterates = hasattr(type(value), "__next__") and not isinstance(value, io.IOBase)
    return iterates or isinstance(value, _RANDOM)


def _is_opaque(value):
    """Whether an attribute is not searched, not a function and not stored elsewhere."""
    libraries = {base.__module__.split(".")[0] for base in type(value).__mro__[:-1]}
    kept = libraries & {"keras", "keras_gan", "tensorflow"}
    return not (kept or callable(value) or _is_walked(value) or inspect.ismodule(value))
