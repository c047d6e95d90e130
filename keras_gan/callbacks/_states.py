"""The state of callbacks in backups: a protocol, and a table for Keras's callbacks.

A resumable callback has `get_state()`, which returns a tree of `dict`s, lists, plain values and
NumPy arrays that it does not modify afterwards, and `set_state(state)`, which is called after
`on_train_begin`. A callback without state returns an empty one.
"""

import csv
import dis
import functools
import inspect
import pathlib

import keras
import numpy as np

from keras_gan.backend import private_keras
from keras_gan.callbacks import _held
from keras_gan.storage import files

_ATTRIBUTES = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.ModelCheckpoint: ("best",),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: (),
    keras.callbacks.TensorBoard: (),
    # Callbacks that depend only on the epoch, the logs and the model.
    keras.callbacks.LambdaCallback: (),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.ProgbarLogger: (),
    keras.callbacks.RemoteMonitor: (),
    keras.callbacks.TerminateOnNaN: (),
}


_KINDS = {*_ATTRIBUTES, keras.callbacks.CSVLogger, keras.callbacks.Callback}
# Keys of the state of a `CSVLogger`: the bytes of its file, and its columns.
_CSV = ("text", "keys")
# The key of the state of a callback's functions; no attribute has such a name.
_HELD = "its functions"
# The key of what a user's subclass adds to the state of a callback of this package.
_ADDED = "its additions"


def start(callbacks):
    """What callbacks hold beside the state of their base class before training, for `get_all`."""
    return {
        name: {**_own(callback), _HELD: _of_functions(callback)}
        for name, callback in _named(callbacks)
        if _may_add(callback)
    }


def get_all(callbacks, start=None):
    """The states of callbacks, by class and position among callbacks of that class.

    The result of `start` is not among them: settings, which a resumed run may change.
    """
    start = start or {}
    states = {name: _get(callback, start.get(name)) for name, callback in _named(callbacks)}
    return {name: state for name, state in states.items() if state is not None}


def set_all(callbacks, states):
    """Restore callbacks from the result of `get_all`.

    Returns the names of callbacks that could not be restored, of values of others that a backup
    cannot keep, and of states without a callback.
    """
    anew, unkept, left = [], [], set(states)
    for name, callback in _named(callbacks):
        if name in states and _fits(callback, states[name]):
            _set(callback, states[name])
            left.discard(name)
            unkept += [f"{name}.{lost}" for lost in _unkept(callback)]
        else:
            state = _get(callback)
            if state is None or state.keys() - {_HELD}:
                anew.append(name)
    return anew, unkept, sorted(name for name in left if states[name])


def unkept(callbacks):
    """Names of values of callbacks that a backup cannot keep."""
    return [f"{name}.{lost}" for name, callback in _named(callbacks) for lost in _unkept(callback)]


def _named(callbacks):
    counts = {}
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] = counts.get(name, 0) + 1
        yield name if counts[name] == 1 else f"{name} {counts[name]}", callback


def _attributes(callback):
    """The table's entry for a callback or a subclass, with what is private.

    Of other subclasses of `Callback` nothing, but for what they add; `None` for this package's.
    """
    for kind, attributes in _ATTRIBUTES.items():
        if isinstance(callback, kind):
            return (*attributes, *private_keras.counters(kind))
    return None if _is_ours(type(callback)) else ()


def _knows(callback):
    own = hasattr(callback, "get_state") and hasattr(callback, "set_state")
    return own or _is_of_keras(callback)


def _fits(callback, state):
    """Whether a callback can use a state; one of another version may be incomplete."""
    if not _is_of_keras(callback):
        return _knows(callback)
    known = _attributes(callback)
    return not set(_CSV if known is None else known) - state.keys()


def _is_of_keras(callback):
    """Whether the state is known from Keras's class and additions by subclasses and functions."""
    known = isinstance(callback, keras.callbacks.CSVLogger) or _attributes(callback) is not None
    return known and not hasattr(callback, "get_state")


def _inherits_ours(callback):
    """Whether a user's subclass of a callback of this package inherits its `get_state`."""
    owners = (kind for kind in type(callback).__mro__ if "get_state" in vars(kind))
    return not _is_ours(type(callback)) and _is_ours(next(owners, object))


def _is_ours(kind):
    return kind.__module__.startswith("keras_gan.")


def _may_add(callback):
    """Whether a callback may hold more than its base class, which has to be looked for."""
    return _is_of_keras(callback) or _inherits_ours(callback)


def _get(callback, start=None):
    if not _knows(callback):
        return None
    if hasattr(callback, "get_state"):
        state = callback.get_state()
        added = _added(callback, start) if _inherits_ours(callback) else {}
        return {**state, _ADDED: added} if added else state
    if isinstance(callback, keras.callbacks.CSVLogger):
        path = pathlib.Path(callback.filename)
        text = path.read_bytes() if path.exists() else b""
        known = {"text": np.frombuffer(text, "uint8"), "keys": callback.keys}
    else:
        known = {name: _copied(getattr(callback, name)) for name in _attributes(callback)}
    return {**known, **_added(callback, start)}


def _added(callback, start):
    """What a subclass and its functions hold, as far as it has changed since the start."""
    before = start or {}
    held = {
        path: _changed(before.get(_HELD, {}).get(path, {}), values)
        for path, values in _of_functions(callback).items()
    }
    held = {path: values for path, values in held.items() if values}
    return {**_changed(before, _own(callback)), **({_HELD: held} if held else {})}


def _changed(before, now):
    return {
        name: value
        for name, value in now.items()
        if name not in before or not _held.same(before[name], value)
    }


def _of_functions(callback):
    """Plain values of a callback's functions: `dict`s by path and name."""
    found = _held.holders(callback)
    return {holder.path: _held.copied(holder.values) for holder in found}


def _own(callback):
    """Plain attributes that a subclass adds."""
    if type(callback) in _KINDS:
        return {}
    skipped = _attributes_of_base(callback)
    return {
        name: _held.copied(value)
        for name, value in vars(callback).items()
        if name not in skipped and _held.is_kept(value)
    }


def _unkept(callback):
    """Names of values of a subclass or function that a backup cannot keep."""
    if not _may_add(callback):
        return []
    skipped = _attributes_of_base(callback)
    own = [
        name
        for name, value in vars(callback).items()
        if name not in skipped
        and not (_held.is_kept(value) or isinstance(value, _held.CONSTANT) or callable(value))
    ]
    own = own if type(callback) not in _KINDS else []
    return own + [f"{h.path}.{name}" for h in _held.holders(callback) for name in h.unkept]


def _attributes_of_base(callback):
    """Attributes that Keras or this package sets: settings, and those in its state."""
    bases = type(callback).__mro__
    return _attributes_set_by(next(kind for kind in bases if kind in _KINDS or _is_ours(kind)))


@functools.cache
def _attributes_set_by(kind):
    """All attribute names that a class and its bases have, or set in their methods."""
    names = set()
    for base in kind.__mro__[:-1]:
        names.update(vars(base))
        for method in vars(base).values():
            code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
            names.update(_stored_by(code) if code else ())
    return names


def _stored_by(code):
    """The names of attributes that code assigns to, functions within it included."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR"}
    return names.union(*(_stored_by(c) for c in code.co_consts if inspect.iscode(c)))


def _set(callback, state):
    if hasattr(callback, "set_state"):
        added = state.get(_ADDED, {}) if _inherits_ours(callback) else {}
        callback.set_state({k: v for k, v in state.items() if k != _ADDED} if added else state)
        _put(callback, added)
        return
    known = _attributes(callback)
    if isinstance(callback, keras.callbacks.CSVLogger):
        known = _CSV
        _set_csv(callback, state)
    else:
        for name in known:
            setattr(callback, name, state[name])
    _put(callback, {name: value for name, value in state.items() if name not in known})


def _put(callback, added):
    """Restore the result of `_added`."""
    for name in added.keys() - {_HELD}:
        is_method = callable(getattr(type(callback), name, None))
        # In place: other objects may refer to the container, which may be a `defaultdict`.
        if not is_method and not _held.refill(vars(callback).get(name), added[name]):
            setattr(callback, name, _held.original(added[name]))
    for holder in _held.holders(callback):
        for name, value in added.get(_HELD, {}).get(holder.path, {}).items():
            holder.put(name, value)


def _copied(value):
    """A copy of all containers, which Keras modifies later; it never writes into arrays."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return list(value) if isinstance(value, list) else value


def _set_csv(logger, state):
    """Restore the file of a `CSVLogger`, which `on_train_begin` has emptied or has more rows."""
    logger.csv_file.close()
    text = state["text"].tobytes()
    with files.replacing(logger.filename) as temporary:
        temporary.write_bytes(text)
    logger.csv_file = open(logger.filename, "a")
    logger.keys = state["keys"]
    if logger.keys is not None:  # its header has been written
        fields = ["epoch", *logger.keys]
        logger.writer = csv.DictWriter(logger.csv_file, fields, delimiter=logger.sep)
    elif logger.append:
        logger.append_header = not text
