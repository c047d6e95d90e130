"""The states of random generators that callbacks hold, as plain values for a backup."""

import random

import keras
import numpy as np
import tensorflow as tf

# The key of a state's kind; a user's `dict` has no such key.
_KIND = "__generator__"


def is_known(value):
    """Whether a value is a random generator whose state can be read and set."""
    return _kind(value) is not None


def state(generator):
    """The state of a generator: a `dict` of plain values and arrays."""
    kind = _kind(generator)
    return {_KIND: kind, "state": _KINDS[kind][1](generator)}


def is_state(value):
    """Whether a value is the result of `state`."""
    return isinstance(value, dict) and _KIND in value


def restore(generator, value):
    """Set the result of `state`, in place: whether the generator is of that kind."""
    if _kind(generator) != value[_KIND] or _bits(generator) != _bits_of(value):
        return False
    _KINDS[value[_KIND]][2](generator, value["state"])
    return True


def made(value):
    """A new generator with the result of `state`."""
    kind = value[_KIND]
    generator = _KINDS[kind][3](value["state"])
    _KINDS[kind][2](generator, value["state"])
    return generator


def _kind(value):
    if isinstance(value, random.SystemRandom):  # it has no state
        return None
    bits = _bits(value)
    if bits is not None and not hasattr(np.random, bits):  # of another package
        return None
    return next((name for name, (kind, *_) in _KINDS.items() if isinstance(value, kind)), None)


def _bits(value):
    """The name of the bit generator of one of NumPy's generators, else `None`."""
    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=False)["bit_generator"]
    bits = getattr(value, "bit_generator", value)
    return type(bits).__name__ if isinstance(bits, np.random.BitGenerator) else None


def _bits_of(value):
    told = value["state"]
    return told.get("bit_generator") if isinstance(told, dict) else None


def _new_bits(told):
    return getattr(np.random, told["bit_generator"])()


# By name: the class, how a state is read, how it is set, and a new one for a state.
_KINDS = {
    "Generator": (
        np.random.Generator,
        lambda generator: generator.bit_generator.state,
        lambda generator, told: setattr(generator.bit_generator, "state", told),
        lambda told: np.random.Generator(_new_bits(told)),
    ),
    "BitGenerator": (
        np.random.BitGenerator,
        lambda generator: generator.state,
        lambda generator, told: setattr(generator, "state", told),
        _new_bits,
    ),
    "RandomState": (
        np.random.RandomState,
        lambda generator: generator.get_state(legacy=False),
        lambda generator, told: generator.set_state(told),
        lambda told: np.random.RandomState(_new_bits(told)),
    ),
    "Random": (
        random.Random,
        lambda generator: generator.getstate(),
        lambda generator, told: generator.setstate(told),
        lambda _: random.Random(),
    ),
    "SeedGenerator": (
        keras.random.SeedGenerator,
        lambda generator: np.array(generator.state),
        lambda generator, told: generator.state.assign(told),
        lambda _: keras.random.SeedGenerator(0),
    ),
    "tf.random.Generator": (
        tf.random.Generator,
        lambda generator: (generator.algorithm, np.array(generator.state)),
        lambda generator, told: generator.state.assign(told[1]),
        lambda told: tf.random.Generator.from_state(told[1], told[0]),
    ),
}
