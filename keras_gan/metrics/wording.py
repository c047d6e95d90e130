"""A line on a metric: its value, how to read it, and its settings."""

import math

import tensorflow as tf

from keras_gan import directions


def line(metric, *, compute):
    """The line of a quality metric, whose result is computed for it only if `compute`."""
    if tf.inside_function():  # where nothing has a value
        return metric.name
    parts = ["not computed yet"]
    if compute or metric._is_computed():
        parts = [_figures(metric.result())]
        error = metric.standard_error() if hasattr(metric, "standard_error") else math.nan
        if math.isfinite(error):  # not of one sample, for example
            parts[0] += f" +- {error:.2g}"
    words = directions.in_words(metric.result_keys or [directions.kind(type(metric))])
    if not words and metric.direction:  # of a class that the table does not know
        words = directions.WORDS[metric.direction]
    if words:
        parts.append(words)
    if metric._known_floor is not None:
        count, value = metric._known_floor
        of = "" if count == metric._counts()[1] else f" of {count} samples"
        parts.append(f"reals{of} reach {_figures(value)}")
    told = ", ".join(f"{key}: {value}" for key, value in metric.description().items())
    return f"{metric.name} {', '.join(parts)} ({told})"


def _figures(result):
    if not isinstance(result, dict):
        return _number(result)
    return ", ".join(f"{key} {_number(value)}" for key, value in result.items())


def _number(value):
    return f"{value:.6g}" if math.isfinite(value) else str(float(value))
