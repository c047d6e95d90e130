"""The optimizers of players: from what `compile` was given, checked against what trains."""

import math
import numbers

import keras
import tensorflow as tf

from keras_gan import _checks, optimizers
from keras_gan.backend import inspection
from keras_gan.engine.players import unique


def trained(players):
    """The ids of the trainable weights: `dict` of lists by the name of the player."""
    return {player.name: _ids(player.variables) for player in players}


def _ids(variables):
    return [id(variable) for variable in variables]


def check_trainable(gan):
    """Check that the trainable weights are the same as in `compile`."""
    for player in gan._players:
        now, before = _ids(player.variables), gan._trained[player.name]
        _checks.check(
            bool(now),
            f"`{player.name}` must have trainable weights. Do not freeze it yourself: while one "
            "player trains, the other is frozen automatically.",
            cure=_thaw(player),
            trainable=player.networks[0].trainable,
        )
        changed = {
            "unfrozen": [w.path for w in player.weights if id(w) in set(now).difference(before)],
            "frozen": [w.path for w in player.weights if id(w) in set(before).difference(now)],
        }
        _checks.check(
            set(now) == set(before),
            f"A change of `trainable` needs a new `compile`, but `{player.name}` was changed after "
            "the last one.",
            cure="Call `compile` again; where layers were unfrozen, with a new optimizer.",
            **{how: paths[:3] for how, paths in changed.items() if paths},
        )


def _thaw(player):
    """The cure for a player without trainable weights."""
    name, network = player.name, player.networks[0]
    if network.trainable:  # Keras ignores an assignment of the same value
        return (
            f"Its layers are frozen individually: set `{name}.trainable = False`, then "
            f"`{name}.trainable = True`, which unfreezes all of them, and call `compile`."
        )
    return f"Set `{name}.trainable = True` and call `compile`."


def optimizers_of_critics(given, names):
    """What was given for each of the critics' players, in their order: a list.

    A single optimizer for several becomes a copy for each: a critic that starts late must not
    inherit another's count of steps.

    Args:
        given: an optimizer, a name, `None`, or a `dict` of these by name.
        names: of the players.

    Raises:
        ValueError: for names that are no player's.
    """
    if isinstance(given, dict) and "class_name" not in given:
        others = [name for name in given if name not in names]
        _checks.check(
            not others,
            "The keys of `discriminator_optimizer` must be names of critics (of those that share "
            f"weights, the first's): {', '.join(names)}.",
            cure=_checks.did_you_mean(others[0], names) if others else None,
            unknown=others,
        )
        return [given.get(name) for name in names]
    if len(names) == 1 or given is None or isinstance(given, str):
        return [given] * len(names)
    if isinstance(given, dict):
        return [keras.optimizers.deserialize(given) for _ in names]
    _checks.check(
        not getattr(given, "built", False),
        "An optimizer for several critics must be new: each gets a copy of it.",
        cure="Create a new one, or give a dict by the names of critics.",
        discriminator_optimizer=type(given).__name__,
    )
    return [type(given).from_config(given.get_config()) for _ in names]


def optimizer(identifier, player, networks, *, from_file=False):
    """A player's optimizer: an instance, one by name, or `Adam(2e-4, beta_1=0.5)` for `None`.

    For networks that compute in float16 it is wrapped in a loss scale of its own; one from a file
    has it already, if it had it when it was saved.
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
    scaled = isinstance(result, keras.optimizers.LossScaleOptimizer)
    half = not from_file and any(map(inspection.computes_in_float16, networks))
    inner = result.inner_optimizer if scaled else result
    several = isinstance(inner, keras.optimizers.MultiOptimizer)
    _checks.check(
        not several or not (scaled or half),
        f"`{name}` must be one optimizer with one learning rate where the loss is scaled.",
        cure="Use float32 or bfloat16, or one optimizer for all of a network's weights.",
        **{name: type(inner).__name__},
    )
    if several and not result.built:
        # Before checks: what a callable gives is known by then.
        result.build(unique(v for network in networks for v in network.trainable_variables))
    for number, part in enumerate(optimizers.optimizer_parts(result)):
        check_numbers(part, name)
        _checks.check(
            not part.gradient_accumulation_steps,
            f"`{name}` must not accumulate gradients: the moving average and the counters would "
            "count steps that do not update weights.",
            cure="Use `compile(accumulation_steps=...)`.",
            gradient_accumulation_steps=part.gradient_accumulation_steps,
        )
        if several:
            part.name = f"{name}_{number}"
    if half and not scaled:
        result = keras.optimizers.LossScaleOptimizer(result)
    # The name is the key of the learning rate in logs; Keras's own would be `adam_110`.
    result.name = name
    return result


# What holds of an optimizer's numbers beside being finite. Keras ignores limits of 0 and less.
_ABOVE_0 = ("clipnorm", "clipvalue", "global_clipnorm")
_AT_LEAST_0 = ("epsilon", "weight_decay")
_DECAYS = ("beta_1", "beta_2", "rho", "momentum")


def check_numbers(optimizer, name):
    """Check an optimizer's numbers: those out of range would ruin all weights, or do nothing."""
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
    for key, value in given.items():
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            continue
        told = {key: value}
        _checks.check(
            key not in _ABOVE_0 or value > 0.0,
            f"`{key}` of `{name}` must be above 0, or Keras does not clip.",
            cure="Leave it out for no limit.",
            **told,
        )
        _checks.check(
            key not in _AT_LEAST_0 or value >= 0.0,
            f"`{key}` of `{name}` must not be negative.",
            cure="Leave it out for the default.",
            **told,
        )
        _checks.check(
            key not in _DECAYS or 0.0 <= value < 1.0,
            f"`{key}` of `{name}` must be in [0, 1).",
            cure="Leave it out for the default.",
            **told,
        )
    scale = optimizer.loss_scale_factor
    _checks.check(
        scale is None or scale > 0,
        f"`loss_scale_factor` of `{name}` must be above 0: the loss is multiplied by it, and the "
        "gradients are divided by it.",
        loss_scale_factor=scale,
    )


def check_optimizers(players, trained):
    """Check that each player has weights to train, and an optimizer of its own for them.

    Args:
        players: list of `Player`s.
        trained: the identities of the weights that train, by the name of the player.

    Raises:
        ValueError: if one optimizer serves two or has served another network, or a player has
            nothing to train.
    """
    for number, player in enumerate(players):
        _checks.check(
            all(player.optimizer is not other.optimizer for other in players[:number]),
            "Each network must have an optimizer of its own: an instance keeps the state of one "
            "network's weights.",
            cure="Create two.",
            optimizer=type(player.optimizer).__name__,
        )
    for player in reversed(players):
        optimizer = player.optimizer
        _checks.check(
            bool(trained[player.name]),
            "Both networks must have weights to train.",
            cure=_thaw(player),
            network=player.networks[0].name,
            trainable=player.networks[0].trainable,
        )
        known = set(_ids(optimizers.built_on(optimizer)))
        _checks.check(
            not optimizer.built or known.issuperset(trained[player.name]),
            f"`{optimizer.name}` must be new, or have trained the same network before: it keeps "
            "the state of that network's weights.",
            cure="Create a new one.",
            **{optimizer.name: type(optimizer).__name__},
        )
