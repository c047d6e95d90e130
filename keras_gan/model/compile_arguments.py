"""Checks and conversion of the arguments of `compile`."""

import inspect
import math

import keras
import tensorflow as tf

from keras_gan import _checks, _registry, _warnings, optimizers, regularizers
from keras_gan.backend import inspection
from keras_gan.engine.state import PLAYERS
from keras_gan.feeding import cures

# Arguments of Keras that have no equivalent here.
_KNOWN_ELSEWHERE = {
    "d_optimizer": "Did you mean 'discriminator_optimizer'?",
    "g_optimizer": "Did you mean 'generator_optimizer'?",
    "optimizer": "There are two: `generator_optimizer` and `discriminator_optimizer`.",
    "sample_weight": cures.NO_WEIGHTS,
    "class_weight": cures.NO_WEIGHTS,
}


def refuse(unknown, method):
    """Raise `TypeError` for unknown arguments, with a suggestion."""
    for name in unknown:
        cure = _checks.did_you_mean(
            name, [key for key in inspect.signature(method).parameters if key != "unknown"]
        )
        cure = _KNOWN_ELSEWHERE.get(name, cure)
        parts = [f"`GAN.{method.__name__}` has no argument `{name}`.", cure]
        raise TypeError(" ".join(filter(None, parts)))


def trained(gan):
    """The ids of the trainable weights: `dict` of lists by player."""
    networks = {player: getattr(gan, player) for player in PLAYERS}
    return {player: _ids(network.trainable_variables) for player, network in networks.items()}


def _ids(variables):
    return [id(variable) for variable in variables]


def check_trainable(gan):
    """Check that the trainable weights are the same as in `compile`."""
    for player, now in trained(gan).items():
        network, before = getattr(gan, player), gan._trained[player]
        _checks.check(
            bool(now),
            f"`{player}` must have trainable weights. Do not freeze it yourself: while one player "
            "trains, the other is frozen automatically.",
            cure=_thaw(player, network),
            trainable=network.trainable,
        )
        changed = {
            "unfrozen": [w.path for w in network.weights if id(w) in set(now).difference(before)],
            "frozen": [w.path for w in network.weights if id(w) in set(before).difference(now)],
        }
        _checks.check(
            set(now) == set(before),
            f"A change of `trainable` needs a new `compile`, but `{player}` was changed after the "
            "last one.",
            cure="Call `compile` again; where layers were unfrozen, with a new optimizer.",
            **{how: paths[:3] for how, paths in changed.items() if paths},
        )


def _thaw(name, network):
    """The cure for a network without trainable weights."""
    if network.trainable:  # Keras ignores an assignment of the same value
        return (
            f"Its layers are frozen individually: set `{name}.trainable = False`, then "
            f"`{name}.trainable = True`, which unfreezes all of them, and call `compile`."
        )
    return f"Set `{name}.trainable = True` and call `compile`."


def callback_list(given):
    """A flat list of callbacks from one instance or a nested structure of them."""
    callbacks = keras.tree.flatten([] if given is None else given)
    for callback in callbacks:
        _checks.check(
            isinstance(callback, keras.callbacks.Callback),
            "`callbacks` must be a list of instances of callbacks.",
            cure=f"Create one: `{callback.__name__}(...)`." if inspect.isclass(callback) else None,
            callback=callback,
        )
    return callbacks


def optimizer(identifier, player, network):
    """A player's optimizer: an instance, one by name, or `Adam(2e-4, beta_1=0.5)` for `None`.

    For a network that computes in float16 it is wrapped in a loss scale of its own.
    """
    name = f"{player}_optimizer"
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
    _checks.check(
        not isinstance(result, keras.optimizers.MultiOptimizer),
        f"`{name}` must be one optimizer with one learning rate.",
        cure="Use one for all of a network's weights.",
        **{name: type(result).__name__},
    )
    scaled = isinstance(result, keras.optimizers.LossScaleOptimizer)
    inner = result.inner_optimizer if scaled else result
    check_finite(inner, name)
    _checks.check(
        not inner.gradient_accumulation_steps,
        f"`{name}` must not accumulate gradients: the moving average and the counters would count "
        "steps that do not update weights.",
        cure="Use `compile(accumulation_steps=...)`.",
        gradient_accumulation_steps=inner.gradient_accumulation_steps,
    )
    if not scaled and inspection.computes_in_float16(network):
        result = keras.optimizers.LossScaleOptimizer(result)
    # The name is the key of the learning rate in logs; Keras's own would be `adam_110`.
    result.name = name
    return result


def check_finite(optimizer, name):
    """Check an optimizer's numbers: one that is NaN or infinite would ruin all weights at once."""
    given = {key: value for key, value in vars(optimizer).items() if not key.startswith("_")}
    given["learning_rate"] = optimizer.learning_rate
    for key, value in given.items():
        if key == "learning_rate" or isinstance(value, float):
            value = float(tf.convert_to_tensor(value))
            _checks.check(
                math.isfinite(value), f"`{key}` of `{name}` must be finite.", **{key: value}
            )
            _checks.check(
                key != "learning_rate" or value >= 0.0,
                f"`learning_rate` of `{name}` must not be negative: losses would rise.",
                learning_rate=value,
            )
    scale = optimizer.loss_scale_factor
    _checks.check(
        scale is None or scale > 0,
        f"`loss_scale_factor` of `{name}` must be above 0: the loss is multiplied by it, and the "
        "gradients are divided by it.",
        loss_scale_factor=scale,
    )


def check_optimizers(players, trained):
    """Check that each network has weights to train, and an optimizer of its own for them.

    Args:
        players: list of `(optimizer, network)` pairs, the generator's first.
        trained: the identities of the weights that train, by player.

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
    for player, (optimizer, network) in zip(("generator", "discriminator"), players, strict=True):
        _checks.check(
            bool(trained[player]),
            "Both networks must have weights to train.",
            cure=_thaw(player, network),
            network=network.name,
            trainable=network.trainable,
        )
        known = set(_ids(optimizers.built_on(optimizer)))
        _checks.check(
            not optimizer.built or known.issuperset(trained[player]),
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
    """Quality metrics from one or several names, configs or instances, built for the samples."""
    if isinstance(given, (str, dict, keras.metrics.Metric)):
        given = [given]
    metrics = _registry.metrics(given or ())
    for metric in metrics:
        _check_compares(metric, sample_shape)
        # Variables must exist before the first graph.
        if hasattr(metric, "build") and None not in sample_shape:
            metric.build(sample_shape)
    return metrics


# Modules of Keras metrics that accept reals and fakes but compute nothing meaningful from them.
_OF_LABELS = (
    "accuracy_metrics",
    "confusion_metrics",
    "f_score_metrics",
    "hinge_metrics",
    "iou_metrics",
)


def _check_compares(metric, sample_shape):
    """Check that a metric takes reals and fakes; Keras metrics may take other arguments."""
    parameters = list(inspect.signature(metric.update_state).parameters.values())
    places = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    takes_two = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    takes_two |= len(places) > 1 and places[1] != "sample_weight"
    failed = None if takes_two else f"it takes {', '.join(places) or 'nothing'}"
    module = type(metric).__module__
    if module.startswith("keras.") and module.split(".")[-1] in _OF_LABELS:
        failed = "it compares labels with predictions"
    if (
        failed is None
        and module.startswith("keras.")
        and None not in sample_shape
        and not tf.distribute.has_strategy()
    ):
        batch = tf.reshape(tf.linspace(-1.0, 1.0, 2 * math.prod(sample_shape)), (2, *sample_shape))
        try:
            metric.update_state(batch, -batch)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            failed = str(error).splitlines()[0]
        metric.reset_state()
    _checks.check(
        failed is None,
        f"`{metric.name}` must compare reals with fakes: `update_state(real, fake)`.",
        cure=f"Use one of `keras_gan.metrics`, by name: {', '.join(sorted(_registry.METRICS))}.",
        metric=type(metric).__name__,
        because=failed,
    )


def check_strategy(strategy, players, others, *, steps_per_execution, jit_compile):
    """Refuse what Keras does not support under a strategy or with several replicas.

    Args:
        strategy: the strategy that the model was made under.
        players: list of `(optimizer, network)` pairs.
        others: regularizers and metrics.
        steps_per_execution: as given to `compile`.
        jit_compile: as given to `compile`.

    Raises:
        ValueError: for weights overwritten by an optimizer's average; with several replicas for
            steps that are compiled together, XLA, and networks made elsewhere.
    """
    with strategy.scope():
        if not tf.distribute.has_strategy():
            return
    for optimizer, _ in players:
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        _checks.check(
            not (optimizer.use_ema and optimizer.ema_overwrite_frequency),
            "Under a strategy Keras cannot overwrite weights with an optimizer's average.",
            cure="Leave `ema_overwrite_frequency` out: weights are overwritten when `fit` ends.",
            ema_overwrite_frequency=optimizer.ema_overwrite_frequency,
        )
    if strategy.num_replicas_in_sync == 1:
        return
    _checks.check(
        steps_per_execution in (1, "auto"),
        "With several replicas, `steps_per_execution` must be 1.",
        steps_per_execution=steps_per_execution,
        replicas=strategy.num_replicas_in_sync,
    )
    _checks.check(
        jit_compile is not True,
        "With several replicas, XLA cannot be used.",
        cure="Leave `jit_compile` out.",
        jit_compile=jit_compile,
        replicas=strategy.num_replicas_in_sync,
    )
    parts = [part for player in players for part in player]
    for part in (*parts, *others):
        _checks.check(
            all(strategy.extended.variable_created_in_scope(v.value) for v in part.variables),
            "Networks, optimizers, regularizers and metrics must be made under the strategy that "
            "they train under: each replica needs its own copy of their variables.",
            cure="Make and compile all of them within `with strategy.scope():`.",
            made_elsewhere=getattr(part, "name", type(part).__name__),
        )


def warn_of_batch_norm(gan):
    """Warn if BatchNormalization conflicts with the compiled settings."""
    gradient = [r for r in gan.regularizers if isinstance(r, _GRADIENT_PENALTIES)]
    if gradient and inspection.has_batch_norm(gan.discriminator):
        _warnings.warn(
            "`discriminator` has BatchNormalization, which makes each logit depend on the whole "
            f"batch, so {gradient[0].name} does not penalise the gradient of single samples. "
            "Use LayerNormalization or none."
        )
    for network in (gan.generator, gan.discriminator):
        if gan.accumulation_steps > 1 and inspection.has_batch_norm(network):
            _warnings.warn(
                f"`{network.name}` has BatchNormalization. With accumulation_steps="
                f"{gan.accumulation_steps} its statistics are those of a micro-batch, not of the "
                "batch. Use another normalisation, or larger micro-batches."
            )
        several = gan.distribute_strategy.num_replicas_in_sync > 1
        if several and inspection.batch_norm_per_replica(network):
            _warnings.warn(
                f"`{network.name}` has BatchNormalization with separate statistics per replica: "
                "results depend on the number of replicas, and only the first one's are saved. "
                "Use `BatchNormalization(synchronized=True)`."
            )


_GRADIENT_PENALTIES = (regularizers.GradientPenalty, regularizers.R1, regularizers.R2)
