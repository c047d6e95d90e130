"""Checks of arguments. Errors state the rule, the received value and the cure."""

import collections.abc
import difflib
import functools
import inspect
import math
import numbers
import operator

import numpy as np


def check(condition, rule, /, *, cure=None, **received):
    """Raise `ValueError` in the package's format unless `condition` is true.

    Args:
        condition: truth value; nothing happens when it is true.
        rule: sentence that says what must hold, ending in a full stop.
        cure: sentence on how to fix it, a function that returns one, or `None`.
        **received: the offending values, shown as `name=value`.

    Raises:
        ValueError: when `condition` is false.
    """
    if not condition:
        raise error(rule, cure=cure, **received)


def error(rule, *, cure=None, **received):
    """The `ValueError` of `check`, for `raise` with or without a cause."""
    return ValueError(sentence(rule, cure=cure, **received))


def sentence(rule, /, *, cure=None, **received):
    """The text of an error: rule, then `Received: name=value`, then the cure."""
    parts = [rule]
    if received:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        parts.append(f"Received: {values}.")
    cure = cure() if callable(cure) else cure
    if cure:
        parts.append(cure)
    return " ".join(parts)


def listed(given, name, kinds, what):
    """What an argument that takes one thing, or several, was given: a list.

    Args:
        given: `None`, one thing, or several.
        name: of the argument.
        kinds: types of one thing, a tuple.
        what: what they are, in the plural.

    Raises:
        ValueError: for a class, and for what cannot be gone through.
    """
    if given is None or isinstance(given, kinds):
        return [] if given is None else [given]
    check(
        isinstance(given, collections.abc.Iterable) and not inspect.isclass(given),
        f"`{name}` must be a list of {what}.",
        cure=create(given),
        **{name: given},
    )
    return list(given)


def create(given):
    """The cure of a class where an instance is needed, or `None`."""
    return f"Create one: `{given.__name__}(...)`." if inspect.isclass(given) else None


def positive_int(value, name, *, optional=False):
    """`value` as an `int` if it is a whole number of at least 1, or `None` if that is allowed."""
    if optional and value is None:
        return None
    return _whole(value, name, 1, "a positive integer")


def positive_ints(**values):
    """Several of them by their names, as a list of `int`."""
    return [positive_int(value, name) for name, value in values.items()]


def non_negative_int(value, name):
    """`value` as an `int` if it is a whole number of at least 0."""
    return _whole(value, name, 0, "a non-negative integer")


def seed(value, name="seed"):
    """`value` as an `int` if it is a whole number in [0, 2**63)."""
    whole = non_negative_int(value, name)
    check(whole < 2**63, f"`{name}` must be below 2**63.", **{name: value})
    return whole


def _whole(value, name, minimum, wanted):
    whole = isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))
    check(whole and value >= minimum, f"`{name}` must be {wanted}.", **{name: value})
    return int(value)


def number(value, name, *, minimum=None, maximum=None, above=None, below=None):
    """`value` as a `float` if it is a finite real number within the given bounds."""
    bounds = [
        ("of at least", minimum, operator.ge),
        ("of at most", maximum, operator.le),
        ("above", above, operator.gt),
        ("below", below, operator.lt),
    ]
    bounds = [known for known in bounds if known[1] is not None]
    limits = " and ".join(f"{word} {bound}" for word, bound, _ in bounds)
    rule = f"`{name}` must be a finite number{' ' + limits if limits else ''}."
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    try:
        finite = real and math.isfinite(value)
    except OverflowError:  # a whole number above all floats
        finite = False
    check(finite and all(holds(value, bound) for _, bound, holds in bounds), rule, **{name: value})
    return float(value)


def boolean(value, name):
    """`value` as a `bool` if it is one; 0, 1 and strings are refused."""
    check(isinstance(value, (bool, np.bool_)), f"`{name}` must be True or False.", **{name: value})
    return bool(value)


def one_of(value, name, choices):
    """`value` if it is among `choices`; the error names the nearest choice."""
    choices = tuple(choices)
    # `in` would compare arrays element by element; only plain values are choices.
    known = any(type(value) is type(choice) and value == choice for choice in choices)
    check(
        known,
        f"`{name}` must be one of {', '.join(map(repr, choices))}.",
        cure=did_you_mean(value, choices) if isinstance(value, str) else None,
        **{name: value},
    )
    return value


def closest(name, choices):
    """The known name most similar to `name`, or `None`."""
    # The first of names that differ only in case.
    known = {str(choice).lower(): str(choice) for choice in reversed(list(choices))}
    matches = difflib.get_close_matches(str(name).lower(), known, n=1)
    return known[matches[0]] if matches else None


def did_you_mean(name, choices):
    """A sentence that suggests the most similar known name, or `None`."""
    match, choices = closest(name, choices), list(map(str, choices))
    if match and difflib.SequenceMatcher(None, str(name).lower(), match.lower()).ratio() < 0.8:
        # Whole words of long names, such as "filter" of "generator_filters".
        alike = [c for c in choices if difflib.get_close_matches(name, c.split("_"), cutoff=0.8)]
        if len(alike) > 1:
            return f"Did you mean {', '.join(map(repr, alike[:-1]))} or {alike[-1]!r}?"
    return f"Did you mean {match!r}?" if match else None


def suggesting(function, *others, without=()):
    """Wrap `function` so that the error for an unknown argument suggests a known one.

    Args:
        function: a function, or a method, which is told as one of the object's own class.
        *others: functions that receive its further arguments.
        without: arguments of these that `function` sets itself.

    Returns:
        The function, which raises `TypeError` for an unknown keyword argument.
    """
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {
        name: None
        for each in (function, *others)
        for name, parameter in inspect.signature(each).parameters.items()
        if parameter.kind in kinds and (each is function or name not in without)
    }

    def shown(args):
        if next(iter(known), None) != "self":
            return function.__qualname__
        owner, method = type(args[0]).__name__, function.__name__
        return owner if method == "__init__" else f"{owner}.{method}"

    @functools.wraps(function)
    def called(*args, **kwargs):
        for name in kwargs:
            if name not in known:
                cure = did_you_mean(name, [n for n in known if n != "self"])
                told = f"`{shown(args)}` has no argument `{name}`."
                raise TypeError(" ".join(filter(None, (told, cure))))
        return function(*args, **kwargs)

    called.__signature__ = inspect.signature(function)  # Keras does not unwrap functions
    return called


class Suggesting:
    """Base of classes whose constructors suggest a known argument for an unknown one.

    Those of users, and those that pass further arguments on, are left as they are.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        made = vars(cls).get("__init__")
        if made is not None and cls.__module__.startswith("keras_gan."):
            cls.__init__ = suggesting(made)
