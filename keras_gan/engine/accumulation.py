"""The gradients of one update from those of its micro-batches, and the scale of their loss."""

import keras
import tensorflow as tf

from keras_gan.engine.loops import are_in_graph


def adapts_scale(optimizer):
    """Whether an optimizer looks for the scale of the loss itself."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def loss_scale(optimizer):
    """What the loss is multiplied by against underflow in float16; `None` for nothing.

    The optimizer divides gradients by it: a `LossScaleOptimizer` by a scale that it adapts, any
    other one by its `loss_scale_factor`.
    """
    if adapts_scale(optimizer):
        return tf.convert_to_tensor(optimizer.dynamic_scale)
    if optimizer.loss_scale_factor is None:
        return None
    return tf.constant(optimizer.loss_scale_factor, "float32")


def accumulated(part, count, scales):
    """One update's numbers from those of its micro-batches, made one after the other.

    In the graph all but the first are one loop, so that they use the memory of one.

    Args:
        part: called with the number of a micro-batch, a scalar; returns `(gradients, values,
            logits, turns)`: a list with `None` where there is no gradient, two nests, and what is
            the same in all micro-batches. All of these are of one size.
        count: how many; an integer.
        scales: what each gradient is multiplied by, or `None`: a list.

    Returns:
        The same of the whole batch: means, but all logits.
    """
    gradients, values, logits, turns = first = part(0)
    if count == 1 and all(scale is None for scale in scales):
        return first
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]

    def flat(gradients, values, logits, _):
        means = [*dense(gradients[i] for i in known), *tf.nest.flatten(values)]
        return means, tf.nest.flatten(logits)

    sums, rows = flat(*first)
    if count > 1:
        add_up = _add_up_in_a_loop if are_in_graph() else _add_up_one_by_one
        sums, rows = add_up(lambda number: flat(*part(number)), count, sums, rows)
    gradients = list(gradients)
    for i, gradient in zip(known, sums, strict=False):
        gradients[i] = gradient / (count if scales[i] is None else count * scales[i])
    means = [total / count for total in sums[len(known) :]]
    values, logits = (
        tf.nest.pack_sequence_as(nest, new) for nest, new in ((values, means), (logits, rows))
    )
    return gradients, values, logits, turns


def _add_up_one_by_one(part, count, sums, rows):
    rows = [rows]
    for number in range(1, count):
        with tf.control_dependencies(sums):  # the memory of the one before is free by then
            more, new = part(number)
            sums = [a + b for a, b in zip(sums, more, strict=True)]
        rows.append(new)
    return sums, [tf.concat(same, axis=0) for same in zip(*rows, strict=True)]


def _add_up_in_a_loop(part, count, sums, rows):
    kept = [tf.TensorArray(row.dtype, count, element_shape=row.shape).write(0, row) for row in rows]

    def add(number, sums, kept):
        more, new = part(number)
        sums = [a + b for a, b in zip(sums, more, strict=True)]
        return number + 1, sums, [k.write(number, row) for k, row in zip(kept, new, strict=True)]

    _, sums, kept = tf.while_loop(
        lambda number, *_: number < count, add, (1, sums, kept), parallel_iterations=1
    )
    return sums, [k.concat() for k in kept]


def dense(gradients):
    """Gradients without `tf.IndexedSlices`, which the tape gives for embeddings.

    Rows that a batch reads several times must be added before an optimizer squares them: Keras's
    adaptive ones square each slice, so that Adam's update would depend on how a batch is cut.
    """
    return [None if g is None else tf.convert_to_tensor(g) for g in gradients]
