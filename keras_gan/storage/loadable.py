"""Checks at saving time that a model's file can be loaded."""

import random
import warnings
import zipfile

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import network_configs

_KERAS = ("keras", "keras_hub", "keras_cv", "keras_nlp")
# Of an activation that is a lambda, Keras writes the code without the word `__lambda__`.
_ACTIVATION = "an activation that is a lambda"
_KEYS_OF_CODE = {"value"}, {"code", "defaults", "closure"}
_DECORATE = "`@keras.saving.register_keras_serializable()`"


def serialized(thing, name):
    """The config of an object, or an error if Keras cannot create one."""
    try:
        with warnings.catch_warnings():
            # Lambdas are reported by `check_config`.
            warnings.filterwarnings("ignore", message="The object being serialized includes a")
            return network_configs.serialized(thing)
    except (TypeError, ValueError, NotImplementedError, OSError) as error:
        if isinstance(error, ValueError) and " Received: " in str(error):
            raise  # an error of this package for a part
        # `OSError`: Keras reads the source of a lambda, which does not exist in an interpreter.
        raise _checks.error(
            f"`{name}` must have a config to be saved. {first_words(error)}",
            cure="Give its class, or that of a part of it, `get_config` and `from_config`, or "
            f"write it as a function; and decorate it with {_DECORATE}. Or use `save_weights`, "
            "which writes no config.",
            **{name: thing},
        ) from error


def check_config(config):
    """Check that `load_model` finds all classes and functions of a config in this process.

    Returns the names of classes and functions that belong neither to Keras nor to this package.
    Only loading shows whether they can be re-created.
    """
    lost, own = {}, []
    for path, node in _objects(config, ""):
        what, is_own = _found(node)
        if what is not None:
            lost[path or "model"] = what
        elif is_own:
            own.append(node["class_name"])
    _checks.check(
        not lost,
        "A file must name only what `load_model` can find: classes and functions that are "
        "registered.",
        cure=f"Decorate them with {_DECORATE}, a lambda once it is a function; or use "
        "`save_weights`, which writes no config.",
        **dict(list(lost.items())[:3]),
    )
    return sorted(set(own))


def check_file(path, own):
    """Load a model's file as a test, without side effects; `own` names the user's classes."""
    state = random.getstate()  # Keras draws seeds from it
    try:
        with tf.device("CPU:0"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras.saving.load_model(path)
    except Exception as error:
        raise _checks.error(
            "A file must restore the model, but what `get_config` of your own classes returns does "
            f"not. {first_words(error)}",
            cure="Let it return all arguments of `__init__`, and make all weights in `__init__` or "
            "`build`; or use `save_weights`, which writes no config.",
            own=own,
        ) from error
    finally:
        random.setstate(state)


def load(path):
    """The model of a file of Keras.

    Raises:
        ValueError: if it cannot be loaded.
    """
    try:
        return keras.saving.load_model(path)
    # Archives that lack a part, or hold something else under its name, raise nearly anything.
    except (OSError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise _checks.error(
            "The file must be a complete one of Keras, but it cannot be read "
            f"({first_words(error)}).",
            cure="Use an older one.",
            path=str(path),
        ) from error


def first_words(error):
    """The message of a Keras error, without configs and lists."""
    text = str(error).split("Exception encountered: ")[-1].strip()
    if text.startswith("A total of"):
        text = text.split("\n\n")[1]
    text = " ".join(text.split("\n\n")[0].split("Full object config:")[0].split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _objects(part, path):
    """All serialized objects in a config: `(path, dict)`."""
    if isinstance(part, dict):
        if isinstance(part.get("class_name"), str) and "config" in part:
            yield path, part
        for key, value in part.items():
            inner = path if key in ("config", "compile_config") else f"{path}.{key}".lstrip(".")
            if str(key).endswith("activation") and _is_code(value):
                yield inner, {"class_name": _ACTIVATION, "config": value}
            yield from _objects(value, inner)
    elif isinstance(part, (list, tuple)):
        for number, value in enumerate(part):
            yield from _objects(value, f"{path}[{number}]")


def _is_code(value):
    return isinstance(value, dict) and set(value) in _KEYS_OF_CODE


def _found(node):
    """`(what is missing or None, whether it is the user's)` of a serialized object."""
    kind, module = node["class_name"], node.get("module") or ""
    if kind == _ACTIVATION:
        return "a lambda", True
    if kind in ("function", "__lambda__"):
        name = "a lambda" if kind == "__lambda__" else f"the function {node['config']}"
        try:
            keras.saving.deserialize_keras_object(node)
        except (TypeError, ValueError):
            return name, True
        return None, False
    if kind.startswith("__") or module.split(".")[0] in _KERAS:
        return None, False
    known = keras.saving.get_registered_object(node.get("registered_name") or kind)
    if known is None:
        return f"the class {kind}", True
    return None, known.__module__.split(".")[0] != "keras_gan"
