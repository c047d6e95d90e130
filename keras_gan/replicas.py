"""One helper for what must be taken over the batch of all replicas together."""

import tensorflow as tf


def count():
    """How many replicas train in step; 1 without a strategy."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def mean(values):
    """Mean of `values` over the global batch, differentiable: a scalar."""
    local = tf.reduce_mean(values)
    if count() == 1:
        return local
    return tf.distribute.get_replica_context().all_reduce("MEAN", local)


def rows(draw, batch_size):
    """This replica's rows of what `draw(global_batch_size)` gives.

    All replicas draw the same numbers and take different rows of them, so that R replicas see
    together what one would see with R times the batch.
    """
    if count() == 1:
        return draw(batch_size)
    first = tf.distribute.get_replica_context().replica_id_in_sync_group * batch_size
    return draw(batch_size * count())[first : first + batch_size]


def share(gradients):
    """Each replica's share of the update: optimizers sum the gradients of all replicas."""
    if count() == 1:
        return gradients
    return [None if gradient is None else gradient / count() for gradient in gradients]
