"""Objects by name, config or instance."""

import inspect
import itertools
import re

import keras

from keras_gan import _checks, _warnings

# The quality metrics that need no argument, by name: `keras_gan.metrics` enters them, since the
# model, which takes their names, imports no catalogue.
METRICS = {}


class Configurable(_checks.Suggesting):
    """Saved and shown by the arguments of its constructor, each an attribute of the same name."""

    def get_config(self):
        """The constructor's arguments, for saving."""
        values = {name: getattr(self, name) for name in arguments(self) if hasattr(self, name)}
        serialized = keras.saving.serialize_keras_object
        return {name: serialized(v) if callable(v) else v for name, v in values.items()}

    @classmethod
    def from_config(cls, config):
        """The object of a `get_config`."""
        return cls(**config)

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({told})"


def arguments(thing):
    """The names of the arguments of an object's constructor."""
    parameters = inspect.signature(type(thing).__init__).parameters.values()
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.name != "self" and p.kind not in open_ended]


def get(identifier, known, kind, cure=lambda name: None):
    """Resolve `identifier` to an instance.

    Args:
        identifier: a key of `known`, a serialized Keras config (`dict`), or an instance of one of
            the classes' common base (returned as it is).
        known: `dict` from snake-case name to class.
        kind: kind of object ("loss", "prior"), for the error.
        cure: callable from an unknown name to a cure, or `None` for the nearest known name.

    Returns:
        The instance.

    Raises:
        ValueError: for an unknown name (the nearest known one is suggested), or for a class given
            in place of an instance.
    """
    if isinstance(identifier, str):
        _checks.check(
            identifier in known,
            f"Unknown {kind}. Known names: {', '.join(sorted(known))}.",
            cure=lambda: cure(identifier) or _checks.did_you_mean(identifier, known),
            **{kind: identifier},
        )
        return known[identifier]()
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    _checks.check(
        identifier is not None and not inspect.isclass(identifier),
        f"A {kind} must be a name or an instance.",
        cure=_checks.create(identifier) or f"Known names: {', '.join(sorted(known))}.",
        **{kind: identifier},
    )
    return identifier


def _of_keras(name):
    """The cure of a name that Keras has for a metric, or `None`."""
    try:
        found = keras.metrics.get(name)
    except ValueError:
        return None
    if not isinstance(found, keras.metrics.Metric):
        return None
    return f"Give a metric of Keras as an object: `keras.metrics.{type(found).__name__}()`."


def snake_case(name):
    """A class's name as a key: "LeastSquares" is "least_squares"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def metrics(given):
    """Metrics of `(real, fake)` from one or several names, configs or instances.

    Raises:
        ValueError: for objects that are not metrics, and for duplicate names.
    """
    kinds = (str, dict, keras.metrics.Metric)
    given = _checks.listed(given, "metrics", kinds, "names or instances")
    known = [get(one, METRICS, "metric", _of_keras) for one in given]
    for metric in known:
        _checks.check(
            isinstance(metric, keras.metrics.Metric),
            "`metrics` must be `keras.metrics.Metric`s with `update_state(real, fake)`.",
            metric=metric,
        )
    names = [metric.name for metric in known]
    _checks.check(len(set(names)) == len(names), "Metric names must differ.", names=names)
    for first, second in itertools.combinations(known, 2):
        if hasattr(first, "measures_like") and first.measures_like(second):
            _warnings.warn(
                f"`{first.name}` and `{second.name}` are the same metric with the same settings, "
                f"so that one figure is computed twice: leave `{second.name}` out."
            )
    return known
