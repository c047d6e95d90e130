"""Checks and conversion of the arguments of `compile`."""

import inspect
import math

import keras
import tensorflow as tf

from keras_gan import _checks, _registry, _warnings, regularizers, terms
from keras_gan.backend import inspection
from keras_gan.feeding import cures
from keras_gan.optimizers import optimizer_parts

# Their layers add losses by regularizers alone.
_LIBRARIES = ("builtins", "keras", "keras_gan", "tensorflow")
# Arguments of Keras that have no equivalent here.
_KNOWN_ELSEWHERE = {
    "d_optimizer": "Did you mean 'discriminator_optimizer'?",
    "g_optimizer": "Did you mean 'generator_optimizer'?",
    "optimizer": "There are two: `generator_optimizer` and `discriminator_optimizer`.",
}


def refuse(unknown, method):
    """Raise `TypeError` for unknown arguments, with a suggestion."""
    for name in unknown:
        cure = _checks.did_you_mean(
            name, [key for key in inspect.signature(method).parameters if key != "unknown"]
        )
        cure = _KNOWN_ELSEWHERE.get(name, cure)
        owner = method.__self__
        if name in ("sample_weight", "class_weight"):
            entries = owner.is_fed_entries
            cure = cures.WEIGHTS_ARE_AN_ENTRY if entries else cures.NO_WEIGHTS
        parts = [f"`{type(owner).__name__}.{method.__name__}` has no argument `{name}`.", cure]
        raise TypeError(" ".join(filter(None, parts)))


def callback_list(given):
    """A flat list of callbacks from one instance or a nested structure of them."""
    callbacks = keras.tree.flatten([] if given is None else given)
    for callback in callbacks:
        _checks.check(
            isinstance(callback, keras.callbacks.Callback),
            "`callbacks` must be a list of instances of callbacks.",
            cure=_checks.create(callback),
            callback=callback,
        )
    return callbacks


def may_add_losses(network):
    """Whether layers of a network add losses, as far as that can be told without a pass."""
    if any(getattr(v, "regularizer", None) for v in network.trainable_variables):
        return True
    return any(
        getattr(layer, "activity_regularizer", None) or _has_own_losses(type(layer))
        for layer in inspection.all_layers(network)
    )


def _has_own_losses(kind):
    """Whether the code of a layer's class, as far as it is a user's, adds losses."""
    own = [base for base in kind.__mro__ if base.__module__.split(".")[0] not in _LIBRARIES]
    parts = [part for base in own for part in vars(base).values()]
    codes = [getattr(inspect.unwrap(part), "__code__", None) for part in parts if callable(part)]
    return any("losses" in vars(base) for base in own) or any(map(_names_add_loss, codes))


def _names_add_loss(code):
    if not inspect.iscode(code):
        return False
    return "add_loss" in code.co_names or any(map(_names_add_loss, code.co_consts))


def term_list(given):
    """Terms from one or several instances or configs."""
    given = _checks.listed(given, "terms", (str, dict, terms.Term), "`keras_gan.terms.Term`s")
    return [terms.get(term) for term in given]


def regularizer_list(given):
    """Regularizers from one or several names, configs or instances."""
    kinds = (str, dict, regularizers.Regularizer)
    given = _checks.listed(given, "regularizers", kinds, "names or instances")
    return [regularizers.get(regularizer) for regularizer in given]


def log_names(penalties):
    """A key of its own in the logs for each penalty: `r1`, `r1_2`, ..."""
    names = []
    for penalty in penalties:
        number = sum(p.name == penalty.name for p in penalties[: len(names)])
        names.append(f"{penalty.name}_{number + 1}" if number else penalty.name)
    return names


def compared(given, default_pair, shape_of):
    """Metrics with the names that they compare: a list of `(metric, real, fake)`.

    Args:
        given: metrics as `metric_list` takes them, or a `dict` of these by pairs of names.
        default_pair: the names that metrics compare without any.
        shape_of: callable from a name to the shape of a row, or `None`.
    """
    named = isinstance(given, dict) and "class_name" not in given
    if not named:
        given = {default_pair: given}
    for pair in given:
        _checks.check(
            isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, str) for n in pair),
            "The keys of `metrics` must be pairs of names, such as ('photo', 'painted').",
            cure="Of what is judged together, give each pair of names its own metrics.",
            key=pair,
        )
    found = []
    for pair, metrics in given.items():
        shape = next((shape for name in pair if (shape := shape_of(name)) is not None), (None,))
        found += [(metric, *pair) for metric in metric_list(metrics, shape, of_any=named)]
    names = [metric.name for metric, *_ in found]
    _checks.check(
        len(set(names)) == len(names),
        "Metric names must differ.",
        cure=lambda: _cure_of_doubled(found, names),
        names=names,
    )
    return found


def _cure_of_doubled(found, names):
    """The last of several metrics of one name, with a name of its own."""
    metric, _, fake = next(each for each in reversed(found) if names.count(each[0].name) > 1)
    owner = "keras_gan" if type(metric).__module__.startswith("keras_gan.") else "keras"
    return (
        f"Name one of them: `{owner}.metrics.{type(metric).__name__}"
        f"(name='{metric.name}_of_{fake}')`."
    )


def warn_of_nest(model):
    """Warn of metrics without names that compare a part of what the first critic judges.

    Not of an image that is judged with a code or with classes: it is what quality is asked of.

    Args:
        model: an `AdversarialModel`.
    """
    critic, (real, fake) = model.critics[0], model._default_pair()
    others = [pair for pair in zip(critic.real, critic.fake, strict=False) if pair[0] != real]
    rows = all(len(model._shape_of(name) or (0,)) == 1 for name in critic.fake)
    if others and rows:
        _warnings.warn(
            f"`metrics` compare {real!r} with {fake!r} alone, the first that critic "
            f"{critic.name!r} judges, and not {', '.join(repr(name) for name, _ in others)}. "
            f"Name what they compare: `metrics={{{(real, fake)!r}: [...], {others[0]!r}: [...]}}`."
        )


def metric_list(given, sample_shape, *, of_any=False):
    """Quality metrics from one or several names, configs or instances, built for the samples.

    With `of_any`, they may compare anything, such as labels with predictions.
    """
    metrics = _registry.metrics(given)
    for metric in metrics:
        _check_compares(metric, sample_shape, of_any)
        # Variables must exist before the first graph.
        if hasattr(metric, "build") and None not in sample_shape:
            metric.build(sample_shape)
    return metrics


# Modules of Keras metrics that accept reals and fakes but compute nothing meaningful from them.
_OF_OTHERS = {
    **dict.fromkeys(
        (
            "accuracy_metrics",
            "confusion_metrics",
            "f_score_metrics",
            "hinge_metrics",
            "iou_metrics",
        ),
        "it compares labels with predictions",
    ),
    "probabilistic_metrics": "it compares probabilities",
}


def _check_compares(metric, sample_shape, of_any=False):
    """Check that a metric takes reals and fakes; Keras metrics may take other arguments."""
    parameters = list(inspect.signature(metric.update_state).parameters.values())
    places = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    takes_two = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    takes_two |= len(places) > 1 and places[1] != "sample_weight"
    failed = None if takes_two else f"it takes {', '.join(places) or 'nothing'}"
    module = type(metric).__module__
    if not of_any and module.startswith("keras."):
        failed = _OF_OTHERS.get(module.split(".")[-1], failed)
    if (
        failed is None
        and not of_any
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
        players: list of `Player`s.
        others: regularizers, terms and metrics.
        steps_per_execution: as given to `compile`.
        jit_compile: as given to `compile`.

    Raises:
        ValueError: for weights overwritten by an optimizer's average; with several replicas for
            steps that are compiled together, XLA, and networks made elsewhere.
    """
    with strategy.scope():
        if not tf.distribute.has_strategy():
            return
    for optimizer in (part for player in players for part in optimizer_parts(player.optimizer)):
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
    parts = [part for player in players for part in (player.optimizer, *player.networks)]
    for part in (*parts, *others):
        _checks.check(
            all(strategy.extended.variable_created_in_scope(v.value) for v in part.variables),
            "Networks, optimizers, losses, regularizers and metrics must be made under the "
            "strategy that they train under: each replica needs its own copy of their variables.",
            cure="Make and compile all of them within `with strategy.scope():`.",
            made_elsewhere=getattr(part, "name", type(part).__name__),
        )


def warn_of_batch_norm(gan):
    """Warn if BatchNormalization conflicts with the compiled settings."""
    for critic in gan._game.critics:
        gradient = [r for r in critic.regularizers if isinstance(r, _GRADIENT_PENALTIES)]
        if gradient and inspection.has_batch_norm(critic.network):
            _warnings.warn(
                f"`{critic.name}` has BatchNormalization, which makes each logit depend on the "
                f"whole batch, so {gradient[0].name} does not penalise the gradient of single "
                "samples. Use LayerNormalization or none."
            )
    for network in (gan.generator, *(n for player in gan._players[:-1] for n in player.networks)):
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
