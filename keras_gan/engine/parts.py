"""The parts of a player's loss, and which weights have their turn in a step."""

import typing

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight


class Part(typing.NamedTuple):
    """A part of a player's loss.

    Attributes:
        loss: weighted scalar; not weighted if the weight is a ratio of gradients.
        active: whether it counts in this step: `True`, or a boolean tensor.
        critic: the `CompiledCritic` whose loss it is; `None` of terms and layers.
    """

    loss: typing.Any
    active: typing.Any = True
    critic: typing.Any = None

    @property
    def is_adaptive(self):
        """Whether its weight is a ratio of gradients."""
        return self.critic is not None and isinstance(self.critic.weight, AdaptiveWeight)


def layer_losses(network):
    """The sum of the losses that a network's own layers add (weight decay, activity penalties)."""
    # Those of activities come in the precision that their layer computes in.
    return tf.add_n([tf.cast(loss, "float32") for loss in network.losses] or [tf.constant(0.0)])


def activity_losses(network):
    """The part of `layer_losses` that comes from the last pass, not from the weights."""
    weights = [v.regularizer(v) for v in network.trainable_variables if v.regularizer]
    return layer_losses(network) - (tf.add_n(weights) if weights else 0.0)


def total_of(parts):
    """The sum of parts, those of critics first; 0 of none."""
    if not parts:
        return tf.zeros([])
    ordered = sorted(parts, key=lambda part: part.critic is None)
    total = ordered[0].loss
    for part in ordered[1:]:
        total += part.loss
    return total


def has_turn(parts):
    """Whether any of a player's parts counts in this step: a boolean, or a tensor of one.

    Args:
        parts: list of `Part`s, without what layers add: weight decay alone trains nothing.
    """
    actives = [part.active for part in parts]
    if any(active is True for active in actives):
        return True
    return tf.reduce_any(tf.stack(actives)) if actives else False


def turns(tape, parts, variables):
    """Which variables have no turn in every step.

    A variable that nothing but inactive parts can reach is left out of an update, and not given a
    gradient of zeros, by which momentum and weight decay would still move it.

    Args:
        tape: persistent tape of the parts.
        parts: list of `Part`s, without what layers add.
        variables: the player's.

    Returns:
        `dict` from places of variables to boolean tensors; others always have their turn.
    """
    always, sometimes = set(), {}
    for part in parts:
        # Nothing of these gradients is used, so that none is computed in a graph.
        reached = tape.gradient(part.loss, variables)
        places = [place for place, gradient in enumerate(reached) if gradient is not None]
        if part.active is True:
            always.update(places)
        else:
            for place in places:
                before = sometimes.get(place)
                sometimes[place] = part.active if before is None else before | part.active
    return {place: active for place, active in sometimes.items() if place not in always}


def is_number(weight):
    """Whether a weight is a number, and not the tensor of a schedule."""
    return isinstance(weight, (int, float))
