"""A line on a metric: its value, how to read it, and its settings."""

import math

import tensorflow as tf

from keras_gan import directions


def line(metric, *, compute):
    """The line of a quality metric.

    Args:
        metric: a `QualityMetric`.
        compute: whether its result may be computed for it; a result that is there is told anyway.
    """
    if tf.inside_function():  # where nothing has a value
        return metric.name
    parts = [*_values(metric, compute), *_direction(metric), *_floor(metric)]
    told = ", ".join(f"{key}: {value}" for key, value in metric.description().items())
    return f"{metric.name} {', '.join(parts)} ({told})"


def _values(metric, compute):
    if not compute and not metric._is_computed():
        return ["not computed yet"]
    values = [_figures(metric.result())]
    error = metric.standard_error() if hasattr(metric, "standard_error") else math.nan
    if math.isfinite(error):  # not of one sample, for example
        values[0] += f" +- {error:.2g}"
    return values


def _direction(metric):
    keys = metric.result_keys or [directions.kind(type(metric))]
    words = directions.in_words(keys)
    if not words and metric.direction:  # of a class that the table does not know
        words = directions.WORDS[metric.direction]
    return [words] if words else []


def _floor(metric):
    """The floor, if it was computed."""
    if metric._known_floor is None:
        return []
    count, value = metric._known_floor
    of = "" if count == metric._counts()[1] else f" of {count} samples"
    return [f"reals{of} reach {_figures(value)}"]


def _figures(result):
    if not isinstance(result, dict):
        return _number(result)
    return ", ".join(f"{key} {_number(value)}" for key, value in result.items())


def _number(value):
    return f"{value:.6g}" if math.isfinite(value) else str(float(value))
