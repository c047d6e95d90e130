"""Whether a lower or a higher value of a metric is better."""

from keras_gan import _registry

# By the name of a metric, or of one of its values.
_DIRECTIONS = {
    "coverage": "max",
    "density": "max",
    "fid": "min",
    "frechet_distance": "min",
    "high_quality": "max",
    "inception_score": "max",
    "kernel_distance": "min",
    "kid": "min",
    "modes": "max",
    "precision": "max",
    "recall": "max",
    "reverse_kl": "min",
    "sliced_wasserstein": "min",
}
WORDS = {"min": "lower is better", "max": "higher is better"}


def of_key(key):
    """ "min" or "max" for a log key such as `val_ring_reverse_kl`; `None` if unknown."""
    known = (d for end, d in _DIRECTIONS.items() if key == end or key.endswith(f"_{end}"))
    return next(known, None)


def of_metric(metric):
    """ "min" or "max" for a metric, by its attribute or else its class; `None` if unknown.

    Keras's metrics may have "down" or "up".
    """
    own = getattr(metric, "direction", None)
    keras_own = {"down": "min", "up": "max"}.get(getattr(metric, "_direction", None))
    return own or keras_own or of_key(getattr(metric, "primary_key", None) or kind(type(metric)))


def in_words(keys):
    """A text such as "lower is better" for the values with these names."""
    known = {key: direction for key in keys if (direction := of_key(key))}
    if len(set(known.values())) == 1 and len(known) == len(keys):
        return WORDS[next(iter(known.values()))]
    return ", ".join(f"{key}: {WORDS[direction]}" for key, direction in known.items())


def kind(metric_class):
    """The key of a class, e.g. `frechet_distance` for `FrechetDistance`."""
    return _registry.snake_case(metric_class.__name__)
