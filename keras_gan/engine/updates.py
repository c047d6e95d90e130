"""One update of one player: applied if it is finite, remembered if it is not."""

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import private_keras, replicas
from keras_gan.engine.accumulation import adapts_scale, loss_scale
from keras_gan.engine.state import GRADIENT, RATE, WEIGHT
from keras_gan.optimizers import built_on, optimizer_parts


def norm(gradients, player):
    """The global norm of a `Player`'s dense gradients: a scalar."""
    known = [gradient for gradient in gradients if gradient is not None]
    _checks.check(
        bool(player.variables),
        f"The {player.name} must have trainable weights, but was frozen after `compile`.",
        cure="To let it pause, call the model's `set_phase`. While one player trains, the other is "
        "frozen automatically.",
        trainable=player.networks[0].trainable,
    )
    _checks.check(
        bool(known),
        f"The loss must depend on the {player.name}'s weights, but does not.",
        cure="All between them must be differentiable: networks, `augment` and terms. Whole "
        "numbers and rounding are not.",
    )
    return tf.linalg.global_norm(known)


def apply_if_finite(
    player, players, gradients, size, loss, state, after_update, *tensors, active=True, turns=None
):
    """Apply gradients, unless the loss, the learning rate or one of them is NaN or infinite.

    Neither are they applied at a learning rate below 0, at which losses would rise.

    An update that is not finite would spread to every weight, and stay in the moments of the
    optimizer. It is left out, and the first such one is kept in the state. With loss scaling,
    gradients that overflow are nothing to remember: the scale is halved.

    Args:
        player: the `Player` whose update it is.
        players: list of all `Player`s.
        gradients: one for each of its variables, not scaled, those of all replicas together;
            `None` where the loss does not depend on it.
        size: the `norm` of the gradients.
        loss: scalar that the gradients are of.
        state: the run's `TrainingState`.
        after_update: called with `tensors`, in the graph, once the update has been applied; it
            must use no other tensors of the step.
        *tensors: for `after_update`.
        active: whether the player has its turn, a bool or a tensor of one; if not, nothing is
            applied, and nothing is to be remembered.
        turns: `dict` from places of variables to boolean tensors: where false, the variable and the
            optimizer's state of it stay as they are. Default `None`: all take part.

    Returns:
        Boolean scalar: whether the update was applied.
    """
    optimizer, variables = player.optimizer, player.variables
    several = isinstance(optimizer, keras.optimizers.MultiOptimizer)
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]
    kept = [gradients[i] for i in known]

    places = list(turns or {})

    def update(kept, loss, turn, *tensors):
        held = [_held(optimizer, variables[place]) for place in places]
        for part, gradients, own in _by_part(optimizer, kept, [variables[i] for i in known]):
            part.apply(replicas.divide_by_replicas(_scaled(part, _clipped(part, gradients))), own)
        if several:
            optimizer.iterations.assign_add(1)
        for number, before in enumerate(held):
            for variable, value in before:
                variable.assign(tf.where(turn[number], variable.value, value))
        after_update(*tensors)

    def skip(kept, loss, turn, *tensors):
        overflow, rates = tf.constant(False), [_rate(each.optimizer) for each in players]
        if adapts_scale(optimizer):
            scale = tf.convert_to_tensor(optimizer.dynamic_scale)
            overflow = tf.math.is_finite(loss) & (scale > 1.0) & _is_rate(rates[player.number])
            overflow &= active
            optimizer.dynamic_scale.assign(tf.where(overflow, scale / 2.0, scale))
            optimizer.step_counter.assign(0)
        found = _what_is_broken(players, player.number, kept, known, rates[player.number])
        waits = overflow | (not active if isinstance(active, bool) else ~active)
        _note_failure(state, *found, tf.gather(rates, found[0]), unless=waits)

    finite = tf.math.is_finite(size) & tf.math.is_finite(loss) & _is_rate(_rate(optimizer))
    applied = finite if active is True else finite & active
    turn = tf.stack([turns[place] for place in places]) if places else tf.constant([True])
    replicas.cond(applied, update, skip, kept, loss, turn, *tensors)
    return applied


def _held(optimizer, variable):
    """A variable and the optimizer's state of it, with their values."""
    (part, *_), *_ = _by_part(optimizer, [None], [variable])
    part = part.inner_optimizer if adapts_scale(part) else part
    return [(v, tf.identity(v.value)) for v in (variable, *private_keras.slots(part, variable))]


def _by_part(optimizer, gradients, variables):
    """The parts of an optimizer, each with its gradients and variables.

    Keras's `MultiOptimizer.apply` takes no fewer variables than it was built for.
    """
    if not isinstance(optimizer, keras.optimizers.MultiOptimizer):
        return [(optimizer, gradients, variables)]
    found = []
    for part in optimizer_parts(optimizer):
        ids = {id(variable) for variable in built_on(part)}
        own = [place for place, variable in enumerate(variables) if id(variable) in ids]
        if own:
            found.append((part, [gradients[i] for i in own], [variables[i] for i in own]))
    return found


def _scaled(optimizer, gradients):
    """Gradients multiplied by what the optimizer divides them by."""
    scale = loss_scale(optimizer)
    if scale is None:
        return gradients
    return [gradient * tf.cast(scale, gradient.dtype) for gradient in gradients]


def _clipped(optimizer, gradients):
    """Gradients clipped as a whole: the optimizer itself would clip each replica's share."""
    if replicas.count() == 1:
        return gradients
    optimizer = optimizer.inner_optimizer if adapts_scale(optimizer) else optimizer
    if (optimizer.clipnorm or 0) > 0:  # Keras ignores limits of 0 and less
        return [tf.clip_by_norm(gradient, optimizer.clipnorm) for gradient in gradients]
    if (optimizer.global_clipnorm or 0) > 0:
        return tf.clip_by_global_norm(gradients, optimizer.global_clipnorm)[0]
    if (optimizer.clipvalue or 0) > 0:
        limit = optimizer.clipvalue
        return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
    return gradients


def _rate(optimizer):
    """The learning rate of an optimizer; of several the first that can be none, or the first."""
    rates = [
        tf.cast(tf.convert_to_tensor(part.learning_rate), "float64")
        for part in optimizer_parts(optimizer)
    ]
    if len(rates) == 1:
        return rates[0]
    rates = tf.stack(rates)
    return tf.gather(rates, tf.argmax(tf.cast(~_is_rate(rates), "int32")))


def _is_rate(value):
    """Whether a number can be a learning rate; 0 can, of a player that pauses."""
    return tf.math.is_finite(value) & (value >= 0.0)


def _what_is_broken(players, player, gradients, indices, rate):
    """What is to blame for an update that is not finite: `(player, variable, cause)`.

    A learning rate, or else a weight, of either player, that an update before has broken, or else
    a gradient, the first one; the variable is -1 for none.
    """
    index = _first_not_finite(gradients, indices)
    found = tf.stack([tf.constant(player, tf.int64), index, GRADIENT])
    for owner in reversed(players):
        index = _first_not_finite([v.value for v in owner.variables])
        found = tf.where(index < 0, found, tf.stack([owner.number, index, WEIGHT]))
    by_rate = tf.constant([player, -1, RATE], tf.int64)
    return tf.unstack(tf.where(_is_rate(rate), found, by_rate))


def _first_not_finite(tensors, indices=None):
    """The index of the first tensor that is not finite, or -1."""
    indices = range(len(tensors)) if indices is None else indices
    bad = tf.stack([~tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors])
    first = tf.gather(tf.constant(list(indices), tf.int64), tf.argmax(tf.cast(bad, tf.int32)))
    return tf.where(tf.reduce_any(bad), first, tf.constant(-1, tf.int64))


def _note_failure(state, player, variable, cause, rate, unless=False):
    """Keep what was not finite, if it is the first time."""
    first = (state.failed_step.value < 0) & ~tf.convert_to_tensor(unless)
    for kept, new in (
        (state.failed_player, player),
        (state.failed_variable, variable),
        (state.failed_cause, cause),
        (state.failed_rate, tf.bitcast(rate, tf.int64)),
        (state.failed_step, tf.convert_to_tensor(state.steps_seen.value)),
    ):
        kept.assign(tf.where(first, tf.cast(new, tf.int64), kept.value))


def note_broken_weight(gan):
    """Keep which trainable weight of a model is not finite, if no failure has been kept."""
    for player in gan._players:
        index = _first_not_finite([v.value for v in player.variables])
        if index >= 0:
            _note_failure(gan._state, player.number, index, WEIGHT, _rate(player.optimizer))
