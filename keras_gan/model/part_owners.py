"""Parts of `compile` that keep a state: each goes on with the model that it began with."""

import weakref

from keras_gan import _checks

# What stands for the generator that a part was compiled with; a generator may be gone before.
_OWNERS, _GENERATORS = weakref.WeakKeyDictionary(), weakref.WeakKeyDictionary()


def check(generator, parts):
    """Check that no part has the state of another model.

    Args:
        generator: the network of the model.
        parts: its losses, regularizers, terms and augmentations.

    Raises:
        ValueError: otherwise.
    """
    for part in _with_state(parts):
        _checks.check(
            _OWNERS.get(part) in (None, _GENERATORS.get(generator)),
            f"{type(part).__name__} keeps a state, so that it must be new, or have been of the "
            "same model before: here it would go on from where another one left it.",
            cure="Create a new one.",
            part=part,
        )


def note(generator, parts):
    """Remember that parts belong to a model from now on."""
    token = _GENERATORS.setdefault(generator, object())
    _OWNERS.update((part, token) for part in _with_state(parts))


def _with_state(parts):
    # A user's class with an `__eq__` of its own may have no hash.
    return [part for part in parts if part.variables and type(part).__hash__ is not None]
