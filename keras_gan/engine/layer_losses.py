"""Losses that the layers of a network add: weight decay, penalties on activities."""

import tensorflow as tf


def layer_losses(network):
    """The sum of the losses that a network's own layers add (weight decay, activity penalties)."""
    # Those of activities come in the precision that their layer computes in.
    return tf.add_n([tf.cast(loss, "float32") for loss in network.losses] or [tf.constant(0.0)])


def activity_losses(network):
    """The part of `layer_losses` that comes from the last pass, not from the weights."""
    weights = [v.regularizer(v) for v in network.trainable_variables if v.regularizer]
    return layer_losses(network) - (tf.add_n(weights) if weights else 0.0)
