"""What `compile` makes of its arguments."""

import keras

from keras_gan import _checks, regularizers


def optimizer(identifier, name):
    """An optimizer from an instance, a name or `None` for `Adam(2e-4, beta_1=0.5)`."""
    if identifier is None:
        identifier = keras.optimizers.Adam(2e-4, beta_1=0.5)
    try:
        result = keras.optimizers.get(identifier)
    except ValueError:
        raise ValueError(
            _checks.sentence(
                f"`{name}` must be a Keras optimizer or the name of one.",
                cure="Use `keras.optimizers.Adam(2e-4, beta_1=0.5)` or 'adam'.",
                **{name: identifier},
            )
        ) from None
    # The name is the key of the learning rate in logs; Keras's own would be `adam_110`.
    result.name = name
    return result


def check_optimizers(players):
    """Check that each network has weights to train, and an optimizer of its own for them.

    Args:
        players: list of `(optimizer, network)` pairs.

    Raises:
        ValueError: if one optimizer serves both or has served another network, or a network has
            nothing to train.
    """
    first, second = (optimizer for optimizer, _ in players)
    _checks.check(
        first is not second,
        "Each network must have an optimizer of its own: an instance keeps the state of one "
        "network's weights.",
        cure="Create two.",
        optimizer=type(first).__name__,
    )
    for optimizer, network in players:
        _checks.check(
            bool(network.trainable_variables),
            "Both networks must have weights to train.",
            cure="Set `trainable = True` before compiling.",
            network=network.name,
            trainable=network.trainable,
        )
        _checks.check(
            not isinstance(optimizer, keras.optimizers.LossScaleOptimizer),
            "Loss scaling is not supported: the losses would not be scaled.",
            cure="Use the inner optimizer, with float32 or mixed_bfloat16 networks.",
            **{optimizer.name: type(optimizer).__name__},
        )
        known = {id(variable) for variable in getattr(optimizer, "_trainable_variables", ())}
        _checks.check(
            not optimizer.built or known.issuperset(id(v) for v in network.trainable_variables),
            f"`{optimizer.name}` must be new, or have trained the same network before: it keeps "
            "the state of that network's weights.",
            cure="Create a new one.",
            **{optimizer.name: type(optimizer).__name__},
        )


def regularizer_list(given):
    """Regularizers from one or several names, configs or instances."""
    if isinstance(given, (str, dict, regularizers.Regularizer)):
        given = [given]
    return [regularizers.get(regularizer) for regularizer in given or ()]


def log_names(penalties):
    """A key of its own in the logs for each penalty: `r1`, `r1_2`, ..."""
    names = []
    for penalty in penalties:
        number = sum(p.name == penalty.name for p in penalties[: len(names)])
        names.append(f"{penalty.name}_{number + 1}" if number else penalty.name)
    return names


def metric_list(given, sample_shape):
    """Quality metrics, built for the model's samples."""
    metrics = [given] if isinstance(given, keras.metrics.Metric) else list(given or ())
    for metric in metrics:
        _checks.check(
            isinstance(metric, keras.metrics.Metric),
            "`metrics` must be `keras.metrics.Metric`s with `update_state(real, fake)`.",
            metric=metric,
        )
        # Variables must exist before the first graph.
        if hasattr(metric, "build") and None not in sample_shape:
            metric.build(sample_shape)
    names = [metric.name for metric in metrics]
    _checks.check(len(set(names)) == len(names), "Metric names must differ.", names=names)
    return metrics
