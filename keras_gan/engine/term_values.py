"""The value of a term within an update: weighted for the loss, unweighted for the logs."""

import tensorflow as tf

from keras_gan import losses
from keras_gan.backend import replicas
from keras_gan.engine.game import weight_of


def evaluated(term, scene, state, updates):
    """A term's part of the loss.

    Args:
        term: a `Term`.
        scene: the `Scene` that it reads.
        state: the run's `TrainingState`.
        updates: attempted updates of the player whose loss it is, a scalar tensor.

    Returns:
        `(weighted, (value, due))`: what is added to the loss, and for the logs the unweighted value
        and whether it was evaluated, float32 scalars.
    """
    weight = weight_of(term, state)
    zero = tf.zeros([])
    if isinstance(weight, (int, float)) and weight == 0.0:
        return zero, (zero, zero)
    due = True if term.every == 1 else tf.equal(updates % term.every, 0)
    if not isinstance(weight, (int, float)):
        due = tf.not_equal(weight, 0.0) if due is True else due & tf.not_equal(weight, 0.0)
    if due is True:
        value = mean_of_term(term, scene)
        return weight * value, (value, tf.ones([]))
    counts = tf.cast(due, "float32")
    if replicas.alone():
        value = tf.cond(due, lambda: mean_of_term(term, scene.branch()), lambda: tf.zeros([]))
    else:  # replicas cannot meet inside of a branch
        value = counts * mean_of_term(term, scene)
    return weight * term.every * value, (value, counts)


def log_key(term, player):
    """The key of a term's value in the logs of a player's update."""
    return f"d_{term.name}" if player == "discriminator" and term.player == "both" else term.name


def mean_of_term(term, scene):
    """A term's unweighted value, averaged over the batch: a float32 scalar."""
    value = tf.cast(term.value(scene), "float32")
    return tf.reduce_mean(losses.per_sample(value) if len(value.shape) else value)
