"""The value of a term within an update: weighted for the loss, unweighted for the logs."""

import tensorflow as tf

from keras_gan import losses
from keras_gan.engine.game import weight_of
from keras_gan.engine.loops import are_in_graph
from keras_gan.engine.parts import Part, is_number


def evaluated(term, scene, state, updates):
    """A term's part of a player's loss.

    Args:
        term: a `Term`.
        scene: the `Scene` that it reads.
        state: the run's `TrainingState`.
        updates: attempted updates of the player whose loss it is, a scalar tensor.

    Returns:
        `(part, (value, due))`: the weighted `Part` of the loss, `None` with a weight of 0; and for
        the logs the unweighted value and whether it was evaluated, float32 scalars.
    """
    weight = weight_of(term, state)
    if is_number(weight) and weight == 0.0:
        return None, (tf.zeros([]), tf.zeros([]))
    active = True if is_number(weight) else tf.not_equal(weight, 0.0)
    due = active
    if term.every > 1:
        on_turn = tf.equal(updates % term.every, 0)
        due = on_turn if active is True else on_turn & active
    if due is True:
        value = mean_of_term(term, scene)
        return Part(weight * value), (value, tf.ones([]))
    counts = tf.cast(due, "float32")
    if are_in_graph():
        value = tf.cond(due, lambda: mean_of_term(term, scene.branch()), lambda: tf.zeros([]))
    else:  # no all-reduce inside a branch; run eagerly, one that is not taken has no gradient
        value = counts * mean_of_term(term, scene)
    return Part(weight * term.every * value, active), (value, counts)


def log_key(term, player):
    """The key of a term's value in the logs of a player's update."""
    return f"d_{term.name}" if player == "discriminator" and term.player == "both" else term.name


def mean_of_term(term, scene):
    """A term's unweighted value, averaged over the batch: a float32 scalar.

    Raises:
        ValueError: for a term that computes with NumPy.
    """
    try:
        value = term.value(scene)
    except (AttributeError, NotImplementedError) as error:
        if "numpy" not in str(error):
            raise
        raise ValueError(
            f"Term {term.name!r} must compute with `keras.ops`: NumPy cannot read a tensor of a "
            "training step, and no gradient flows through it."
        ) from error
    value = tf.cast(value, "float32")
    return tf.reduce_mean(losses.per_sample(value) if len(value.shape) else value)
