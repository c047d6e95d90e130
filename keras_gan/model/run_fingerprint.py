"""The fingerprint of a run: all settings that its results depend on, as plain values by name.

A backup is resumed only by a run with the same fingerprint. It leaves out what changes no result
(paths, names, verbosity) and what the run itself changes (learning rates). Layers are identified by
their position, because Keras numbers their names by what else the process has built.
"""

import codecs
import dis
import functools
import inspect
import marshal
import warnings
import weakref
import zlib

import keras
import tensorflow as tf

from keras_gan import schedules
from keras_gan.backend import inspection, network_configs
from keras_gan.backend.inspection import is_of_library

# Keys of configs that do not affect the computation, or are there a second time.
_OF_KERAS = ("module", "registered_name", "build_config", "compile_config")
_SILENT = (*_OF_KERAS, network_configs.POLICIES, "name")

# The config of each prior of this process at its first use.
_FIRST_PRIORS = weakref.WeakKeyDictionary()

# How far functions that a function calls are followed.
_DEPTH = 3


def of_model(gan):
    """The networks and settings of a compiled model: a nested `dict`."""
    optimizers = {}
    for player, rates in zip(gan._players, gan._first_rates, strict=True):
        optimizers[f"{player.name}_optimizer"] = _config(player.optimizer)
        rate = rates[0] if len(rates) == 1 else rates
        optimizers[f"{player.name}_optimizer.learning_rate"] = rate
    return {
        **gan._parts_described(_network, of_prior, _config),
        "ema_halflife_images": _plain(schedules.config(gan.ema_halflife_images), _SILENT, {}),
        "seed": gan.seed,
        "loss": _config(gan.adversarial_loss),
        "regularizers": [_config(r) for r in gan.regularizers],
        **({"terms": [_config(term) for term in gan.terms]} if gan.terms else {}),
        **({} if gan.augment is None else {"augment": _config(gan.augment)}),
        "discriminator_steps": gan.discriminator_steps,
        "generator_steps": gan.generator_steps,
        "accumulation_steps": gan.accumulation_steps,
        "metrics": [_config(m) for m in gan.quality_metrics],
        "jit_compile": gan._compile_arguments["jit_compile"],
        **optimizers,
        **({} if gan.phase == "both" else {"phase": gan.phase}),
    }


def of_prior(prior):
    """The config of a prior at its first use, so that e.g. a counter of its calls is ignored."""
    told = _config(prior)
    try:
        first = _FIRST_PRIORS.setdefault(prior, told)
    except TypeError:  # not hashable
        return told
    if first is told or not isinstance(first.get("config"), dict):
        return first
    # Arguments of the constructor are always settings.
    settings = inspect.signature(type(prior).__init__).parameters
    fresh = {name: value for name, value in told["config"].items() if name in settings}
    return {**first, "config": {**first["config"], **fresh}}


def flat(tree, path=""):
    """Flatten a nested `dict` to plain values by paths such as `"generator.layers[3].units"`."""
    if isinstance(tree, dict):
        parts = [(f"{path}.{key}" if path else str(key), value) for key, value in tree.items()]
        # A serialized object is named by its class; its settings come directly below.
        parts = [(name.removesuffix(".class_name"), value) for name, value in parts]
        parts = [(name.removesuffix(".config"), value) for name, value in parts]
    elif isinstance(tree, (list, tuple)):
        parts = [(f"{path}[{number}]", value) for number, value in enumerate(tree)]
    else:
        return {path: tree}
    return {name: value for part, inner in parts for name, value in flat(inner, part).items()}


def differences(before, now):
    """Sentences that list where two `flat` fingerprints differ."""
    # Those of earlier versions name modules in the configs of a critic's own parts.
    before = {k: v for k, v in before.items() if k.rpartition(".")[2] not in _OF_KERAS}

    def shown(fingerprint, name):
        return repr(fingerprint[name]) if name in fingerprint else "nothing"

    return [
        f"{name}: {shown(before, name)} in the backup, {shown(now, name)} now"
        for name in {**before, **now}
        if shown(before, name) != shown(now, name)
    ]


# === Configs ===


def _network(network):
    config = _serialized(network)
    names = {}
    _name_by_place(config.get("config"), names)
    # The seeds of random generators are part of a run's state, not of its settings.
    return _plain(config, (*_SILENT, "seed"), names)


def _config(thing):
    told, names = _serialized(thing), {}
    _name_by_place(told, names)  # of the layers of its networks
    told = _plain(told, _SILENT, names)
    if inspect.isfunction(thing) and isinstance(told, dict):
        return {**told, **_of_function(thing)}
    if inspect.ismethod(thing):
        return {**told, **_of_callable(thing)}
    if isinstance(told, dict) and isinstance(told.get("config"), dict):
        return {**told, "config": {**_missing_arguments(thing, told["config"]), **told["config"]}}
    return told


def _missing_arguments(thing, config):
    """Arguments of a user's class that its `get_config` leaves out, if they are attributes."""
    if is_of_library(type(thing)) or not hasattr(thing, "__dict__"):
        return {}
    names = set(inspect.signature(type(thing).__init__).parameters).difference(config, _SILENT)
    return {name: _value(vars(thing)[name]) for name in sorted(names.intersection(vars(thing)))}


def _serialized(thing):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about objects that could not be deserialized
            return _with_code(keras.saving.serialize_keras_object(thing), _functions_of(thing))
    except Exception:  # a user's class without `get_config`
        weights = [list(weight.shape) for weight in getattr(thing, "weights", ())]
        told = {"weights": weights, **_of_callable(thing)}
        return {"class_name": type(thing).__name__, "config": told}


def _functions_of(thing):
    """The functions among the attributes of an object and of its layers, by name."""
    layers = inspection.all_layers(thing) if isinstance(thing, keras.layers.Layer) else [thing]
    values = [value for part in layers for value in getattr(part, "__dict__", {}).values()]
    return {value.__name__: value for value in values if inspect.isfunction(value)}


def _with_code(config, functions):
    """Add a checksum of the code to functions in a config; Keras stores only their name."""
    if isinstance(config, (list, tuple)):
        return [_with_code(part, functions) for part in config]
    if not isinstance(config, dict):
        return config
    name = config.get("config")
    if config.get("class_name") == "function" and isinstance(name, str):
        function = keras.saving.get_registered_object(name) or functions.get(name)
        if inspect.isfunction(function) and not function.__module__.startswith("keras."):
            return {**config, **_of_function(function)}
        return config
    return {key: _with_code(value, functions) for key, value in config.items()}


def _name_by_place(config, names):
    """Fill `names` with a position-based name for each layer of all networks in a config."""
    if isinstance(config, (list, tuple)):
        for part in config:
            _name_by_place(part, names)
    if not isinstance(config, dict):
        return
    layers = config.get("layers")
    for layer in layers if isinstance(layers, list) else ():
        # A user's layer without `get_config` has its name in the network's config alone.
        name = layer["config"].get("name") or layer.get("name")
        names.setdefault(name, f"layer {len(names)}")
        _name_by_place(layer["config"], names)
    for key, part in config.items():
        if key != "layers":
            _name_by_place(part, names)


def _plain(config, silent, names):
    """A config without `silent` keys, with layers named by their position."""
    if isinstance(config, dict):
        name = str(config.get("class_name"))
        if name.endswith("DTypePolicy"):
            return config["config"]["name"]
        if name == "__keras_tensor__":
            return _plain(config["config"]["keras_history"], silent, names)
        if name == "__lambda__":
            code, defaults, closure = config["config"]["value"]
            code = marshal.loads(codecs.decode(code.encode(), "base64"))  # from this process
            return {"class_name": name, **_of_code(code, defaults, None, closure)}
        return {
            key: _plain(value, silent, names)
            for key, value in config.items()
            # A learning rate schedule is a setting; a plain number may have changed during the run.
            if key not in silent and not (key == "learning_rate" and isinstance(value, float))
        }
    if isinstance(config, (list, tuple)):
        return [_plain(part, silent, names) for part in config]
    if isinstance(config, str):
        return names.get(config, config)
    return config if isinstance(config, (bool, int, float, type(None))) else str(config)


# === Functions ===


def _of_callable(thing):
    """What identifies a callable without a config: its arguments or plain attributes."""
    if isinstance(thing, functools.partial):
        called = _of_function(thing.func) if inspect.isfunction(thing.func) else {}
        given = {"arguments": _value(thing.args), "keywords": _value(thing.keywords)}
        return {"function": getattr(thing.func, "__name__", ""), **called, **given}
    if inspect.ismethod(thing):
        return {**_of_function(thing.__func__), "of": _of_callable(thing.__self__)}
    if isinstance(thing, keras.layers.Layer):  # its attributes are Keras's internal state
        return {}
    return {name: _value(value) for name, value in sorted(getattr(thing, "__dict__", {}).items())}


def _of_function(function, depth=_DEPTH):
    closure = tuple(_cell(cell) for cell in function.__closure__ or ())
    told = _of_code(
        function.__code__, function.__defaults__, function.__kwdefaults__, closure, depth
    )
    found = {name: _value(value, depth) for name, value in _globals(function).items()}
    return {**told, "globals": found} if found else told


def _of_code(code, defaults, keyword_defaults, closure, depth=_DEPTH):
    return {
        "code": f"{zlib.crc32(repr(_instructions(code)).encode()):08x}",
        "defaults": _value(defaults, depth),
        "keyword_defaults": _value(keyword_defaults, depth),
        "closure": _value(closure, depth),
    }


def _globals(function):
    """The constants and own functions of its module that a function reads and does not assign."""
    read, assigned = set(), set()
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        waiting += filter(inspect.iscode, code.co_consts)
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                read.add(step.argval)
            elif step.opname == "STORE_GLOBAL":
                assigned.add(step.argval)
    names = sorted(read.difference(assigned).intersection(function.__globals__))
    # `__file__` and `__name__` are another where the file lies, or is started, elsewhere.
    known = {name: function.__globals__[name] for name in names if not name.startswith("__")}
    return {
        name: value
        for name, value in known.items()
        if isinstance(value, (bool, int, float, str, tuple, tf.Tensor))
        or inspect.isfunction(value)
        and not is_of_library(value)
    }


def _instructions(code):
    """The bytecode and constants of a function, without file name and line numbers."""
    return code.co_code, list(map(_constant, code.co_consts)), code.co_names, code.co_varnames


def _constant(constant):
    if inspect.iscode(constant):
        return _instructions(constant)
    if isinstance(constant, frozenset):  # whose order differs between processes
        return f"frozenset({{{', '.join(sorted(map(repr, constant)))}}})"
    return repr(constant)


def _cell(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _value(value, depth=_DEPTH):
    """A plain value, or a checksum or type name in its place."""
    if isinstance(value, dict):
        return {str(key): _value(part, depth) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(part, depth) for part in value]
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if inspect.isfunction(value) and not is_of_library(value) and depth:
        return {"function": value.__name__, **_of_function(value, depth - 1)}
    if inspect.isfunction(value):
        return f"{value.__name__}, {zlib.crc32(repr(_instructions(value.__code__)).encode()):08x}"
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):  # a NumPy array or scalar
        return f"{value.dtype}, {zlib.crc32(value.tobytes()):08x}"
    return type(value).__name__
