"""One update of one player: applied if it is finite, remembered if it is not."""

import contextlib

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import replicas
from keras_gan.engine.state import (
    DISCRIMINATOR,
    GENERATOR,
    GRADIENT,
    PLAYERS,
    RATE,
    WEIGHT,
    add,
    random_generators,
)

# === Who stands still ===


class Statistics:
    """A network's own statistics and random generators as they were, to go back to.

    BatchNorm's moving averages and a power iteration's vectors advance with every pass in training
    mode: with those made for the other player, and with those of an update that is not applied
    since something in it was not finite. Dropout's random generator advances likewise.

    Args:
        network: Keras model whose non-trainable variables are kept.
    """

    def __init__(self, network):
        self._weights = _kept(network.non_trainable_weights)
        self._generators = _kept(random_generators(network))

    def restore(self, *, unless=False):
        """Go back.

        Args:
            unless: condition for statistics to stay as they are, a bool or a tensor of one. With a
                tensor the network has had its turn, and its random numbers are used up.
        """
        for variable, before in self._weights:
            if unless is not False:
                before = tf.where(unless, variable.value, before)
            variable.assign(before)
        if unless is False:
            for variable, before in self._generators:
                variable.assign(before)

    def draw_anew(self, seed):
        """Let random layers draw other numbers than they would: those of a seed, int32 `(2,)`."""
        for variable, before in self._generators:
            variable.assign(before + tf.cast(tf.stack([seed[0], 0]), before.dtype))


def _kept(variables):
    return [(variable, tf.identity(variable.value)) for variable in variables]


@contextlib.contextmanager
def standing_still(network, seed):
    """Undo what passes inside the block write into a network's statistics and random generators.

    Inside, its random layers draw from a seed: as the generators stand still, they would give all
    passes between two of the network's own updates the same dropout.
    """
    statistics = Statistics(network)
    statistics.draw_anew(seed)
    yield
    statistics.restore()


# === Losses of layers ===


def layer_losses(network):
    """The sum of the losses that a network's own layers add (weight decay and the like)."""
    # Those of activities come in the precision that their layer computes in.
    return tf.add_n([tf.cast(loss, "float32") for loss in network.losses] or [tf.constant(0.0)])


def activity_losses(network):
    """The part of `layer_losses` that comes from the last pass, not from the weights."""
    weights = [v.regularizer(v) for v in network.trainable_variables if v.regularizer]
    return layer_losses(network) - (tf.add_n(weights) if weights else 0.0)


# === Gradients ===


def loss_scale(optimizer):
    """What the loss is multiplied by against underflow in float16; `None` for nothing.

    The optimizer divides gradients by it: a `LossScaleOptimizer` by a scale that it adapts, any
    other one by its `loss_scale_factor`.
    """
    if _scales(optimizer):
        return tf.convert_to_tensor(optimizer.dynamic_scale)
    if optimizer.loss_scale_factor is None:
        return None
    return tf.constant(optimizer.loss_scale_factor, "float32")


def accumulated(part, count, scale):
    """One update's numbers from those of its micro-batches, made one after the other.

    In the graph all but the first are one loop, so that they use the memory of one.

    Args:
        part: called with the number of a micro-batch, a scalar; returns `(gradients, loss, logits,
            values)`, the last two being nests. All micro-batches are of one size.
        count: how many; an integer.
        scale: what the gradients are multiplied by, or `None`.

    Returns:
        The same of the whole batch: means, but all logits.
    """
    gradients, loss, logits, values = first = part(0)
    if count == 1 and scale is None:
        return first
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]

    def flat(gradients, loss, logits, values):
        return [
            *dense(gradients[i] for i in known),
            loss,
            *tf.nest.flatten(values),
        ], tf.nest.flatten(logits)

    sums, rows = flat(*first)
    if count > 1:
        add_up = _add_up_in_a_loop if _loops() else _add_up_one_by_one
        sums, rows = add_up(lambda number: flat(*part(number)), count, sums, rows)
    summed, (loss, *values_of_all) = sums[: len(known)], [s / count for s in sums[len(known) :]]
    for i, gradient in zip(known, summed, strict=True):
        gradients[i] = gradient / (count if scale is None else count * scale)
    logits, values = (
        tf.nest.pack_sequence_as(nest, new)
        for nest, new in ((logits, rows), (values, values_of_all))
    )
    return gradients, loss, logits, values


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


def norm(gradients, player):
    """The global norm of a player's dense gradients: a scalar."""
    known = [gradient for gradient in gradients if gradient is not None]
    _checks.check(
        bool(known), f"The loss must depend on the {PLAYERS[player]}'s weights, but does not."
    )
    return tf.linalg.global_norm(known)


# === Updating ===


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
    if count < 2 or not _loops():
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


def _loops():
    """Whether loops are made in the graph: replicas cannot meet inside of one."""
    return replicas.alone() and not tf.executing_eagerly()


def apply_if_finite(
    player, optimizers, gradients, variables, size, loss, state, after_update, *tensors
):
    """Apply gradients, unless the loss, the learning rate or one of them is NaN or infinite.

    Neither are they applied at a learning rate below 0, at which losses would rise.

    An update that is not finite would spread to every weight, and to the moments of the optimizer
    for good. It is left out, and the first such one is kept in the state. With loss scaling,
    gradients that overflow are nothing to remember: the scale is halved.

    Args:
        player: `DISCRIMINATOR` or `GENERATOR`.
        optimizers: those of both players, built.
        gradients: one for each variable, not scaled, those of all replicas together; `None` where
            the loss does not depend on it.
        variables: the trainable variables of both players, two lists.
        size: the `norm` of the gradients.
        loss: scalar that the gradients are of.
        state: the run's `TrainingState`.
        after_update: called with `tensors`, in the graph, once the update has been applied; it
            must use no other tensors of the step.
        *tensors: for `after_update`.

    Returns:
        Boolean scalar: whether the update was applied.
    """
    optimizer = optimizers[player]
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]
    kept = [gradients[i] for i in known]

    def update(kept, loss, *tensors):
        optimizer.apply(
            replicas.share(_scaled(optimizer, _clipped(optimizer, kept))),
            [variables[player][i] for i in known],
        )
        after_update(*tensors)

    def skip(kept, loss, *tensors):
        overflow, rates = tf.constant(False), [_rate(each) for each in optimizers]
        if _scales(optimizer):
            scale = tf.convert_to_tensor(optimizer.dynamic_scale)
            overflow = tf.math.is_finite(loss) & (scale > 1.0) & _is_rate(rates[player])
            optimizer.dynamic_scale.assign(tf.where(overflow, scale / 2.0, scale))
            optimizer.step_counter.assign(0)
        found = _what_is_broken(player, kept, known, variables, rates[player])
        _note_failure(state, *found, tf.gather(rates, found[0]), unless=overflow)

    finite = tf.math.is_finite(size) & tf.math.is_finite(loss) & _is_rate(_rate(optimizer))
    replicas.either(finite, update, skip, kept, loss, *tensors)
    add((state.discriminator_updates, state.generator_updates)[player], 1)
    return finite


def _scales(optimizer):
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


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
    optimizer = optimizer.inner_optimizer if _scales(optimizer) else optimizer
    if (optimizer.clipnorm or 0) > 0:  # Keras ignores limits of 0 and less
        return [tf.clip_by_norm(gradient, optimizer.clipnorm) for gradient in gradients]
    if (optimizer.global_clipnorm or 0) > 0:
        return tf.clip_by_global_norm(gradients, optimizer.global_clipnorm)[0]
    if (optimizer.clipvalue or 0) > 0:
        limit = optimizer.clipvalue
        return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
    return gradients


def _rate(optimizer):
    return tf.cast(tf.convert_to_tensor(optimizer.learning_rate), "float64")


def _is_rate(value):
    """Whether a number can be a learning rate; 0 can, of a player that pauses."""
    return tf.math.is_finite(value) & (value >= 0.0)


def _what_is_broken(player, gradients, indices, variables, rate):
    """What is to blame for an update that is not finite: `(player, variable, cause)`.

    A learning rate, or else a weight, of either player, that an update before has broken, or else
    a gradient, the first one; the variable is -1 for none.
    """
    index = _first_not_finite(gradients, indices)
    found = tf.stack([tf.constant(player, tf.int64), index, GRADIENT])
    for owner in (GENERATOR, DISCRIMINATOR):
        index = _first_not_finite([v.value for v in variables[owner]])
        found = tf.where(index < 0, found, tf.stack([owner, index, WEIGHT]))
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
    networks = (gan.discriminator, gan.generator)
    optimizers = (gan.discriminator_optimizer, gan.generator_optimizer)
    for player, (network, optimizer) in enumerate(zip(networks, optimizers, strict=True)):
        index = _first_not_finite([v.value for v in network.trainable_variables])
        if index >= 0:
            _note_failure(gan._state, player, index, WEIGHT, _rate(optimizer))
