"""Updates one after the other, as one loop in the graph where there can be one."""

import tensorflow as tf

from keras_gan.backend import replicas


def in_turn(update, count):
    """The results of `update(0)` to `update(count - 1)`, made one after the other.

    Several are one loop in the graph, so that they are traced and compiled once, and use the
    memory of one.

    Args:
        update: called with the number of the update, a scalar; returns a nest of float32 scalars.
        count: how many; an integer.

    Returns:
        A list of nests.
    """
    if count < 2 or not are_in_graph():
        return [update(number) for number in range(count)]
    nest = None

    def row(number):
        nonlocal nest
        nest = update(number)
        return tf.stack(tf.nest.flatten(nest))

    rows = tf.map_fn(row, tf.range(count), fn_output_signature="float32", parallel_iterations=1)
    columns = tf.unstack(rows, num=len(tf.nest.flatten(nest)), axis=1)
    lists = [tf.unstack(column, num=count) for column in columns]
    return [tf.nest.pack_sequence_as(nest, scalars) for scalars in zip(*lists, strict=True)]


def are_in_graph():
    """Whether loops are made in the graph: there can be no all-reduce inside one."""
    return replicas.alone() and not tf.executing_eagerly()
