"""One update of one player: applied if it is finite, remembered if it is not."""

import contextlib

import tensorflow as tf

from keras_gan import _checks
from keras_gan.state import PLAYERS, add


@contextlib.contextmanager
def standing_still(network, *, when=True):
    """Undo what passes inside the block write into a network's own statistics.

    BatchNorm's moving averages and a power iteration's vectors advance with every pass in training
    mode, those made for the other player included. The player that stands still must not.

    Args:
        network: Keras model whose non-trainable weights are to stay.
        when: `False` lets them go.
    """
    variables = network.non_trainable_weights if when else []
    before = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def layer_losses(network):
    """The sum of the losses that a network's own layers add (weight decay and the like)."""
    return tf.add_n(network.losses) if network.losses else tf.constant(0.0)


def activity_losses(network):
    """The part of `layer_losses` that comes from the last pass, not from the weights."""
    weights = [v.regularizer(v) for v in network.trainable_variables if v.regularizer]
    return layer_losses(network) - (tf.add_n(weights) if weights else 0.0)


def apply_if_finite(player, optimizer, gradients, variables, loss, state, after_update):
    """Apply gradients, unless the loss or one of them is NaN or infinite.

    An update that is not finite would spread to every weight, and to the moments of the optimizer
    for good. It is left out, and the first such one is kept in the state.

    Args:
        player: `DISCRIMINATOR` or `GENERATOR`.
        optimizer: of that player, built.
        gradients: one for each variable; `None` where the loss does not depend on it.
        variables: the player's trainable variables.
        loss: scalar that the gradients are of.
        state: the run's `TrainingState`.
        after_update: called, in the graph, once the update has been applied.
    """
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]
    kept = [gradients[i] for i in known]

    def update():
        optimizer.apply(kept, [variables[i] for i in known])
        after_update()
        return tf.constant(True)

    def skip():
        _note_failure(player, kept, known, state)
        return tf.constant(False)

    tf.cond(tf.math.is_finite(norm(gradients, player)) & tf.math.is_finite(loss), update, skip)
    add((state.discriminator_updates, state.generator_updates)[player], 1)


def norm(gradients, player):
    """The global norm of a player's gradients: a scalar."""
    known = [gradient for gradient in gradients if gradient is not None]
    _checks.check(
        bool(known), f"The loss must depend on the {PLAYERS[player]}'s weights, but does not."
    )
    return tf.linalg.global_norm(known)


def _note_failure(player, gradients, indices, state):
    bad = tf.stack([~tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    worst = tf.gather(tf.constant(indices, tf.int64), tf.argmax(tf.cast(bad, tf.int32)))
    variable = tf.where(tf.reduce_any(bad), worst, tf.constant(-1, tf.int64))
    first = state.failed_step.value < 0
    for kept, new in (
        (state.failed_player, tf.constant(player, tf.int64)),
        (state.failed_variable, variable),
        (state.failed_step, tf.convert_to_tensor(state.steps_seen.value)),
    ):
        kept.assign(tf.where(first, new, kept.value))
