"""What must be taken over the global batch: all replicas, and all micro-batches, together."""

import contextlib
import threading

import tensorflow as tf

from keras_gan.backend import packing


def count():
    """How many replicas train in step; 1 without a strategy."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def alone():
    """Whether there is no strategy: with one, one replica cannot all-reduce in a branch either."""
    return not tf.distribute.has_strategy()


def number():
    """Which of them this one is: 0 without a strategy, else an integer tensor."""
    if count() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group


# === Means over all ===


def mean(values):
    """Mean of `values` over the global batch, differentiable: a scalar."""
    return means(values)[0]


def means(*batches):
    """The mean of each batch over all replicas, differentiable: a list of scalars.

    Means that a loss needs of the same logits are taken by one call: each call is an all-reduce,
    and another one for its gradient, for which replicas wait for each other.
    """
    local = [tf.reduce_mean(values) for values in batches]
    if count() == 1:
        return local
    together = tf.distribute.get_replica_context().all_reduce("MEAN", tf.stack(local))
    return tf.unstack(together)


def mean_of_rows(values):
    """Mean of `(batch, ...)` over the rows of all replicas, differentiable: `(...)`."""
    local = tf.reduce_mean(values, axis=0)
    if count() == 1:
        return local
    return tf.distribute.get_replica_context().all_reduce("MEAN", local)


def gathered(rows):
    """The rows of all replicas, in their order."""
    if count() == 1:
        return rows
    return tf.distribute.get_replica_context().all_gather(rows, axis=0)


def own_rows(gathered_rows, size):
    """This replica's `size` rows of those of all."""
    if count() == 1:
        return gathered_rows
    first = number() * size
    return gathered_rows[first : first + size]


def all_reduce_mean(gradients):
    """Gradients of the mean loss of the global batch from those of each replica's mean loss."""
    if count() == 1:
        return gradients
    known = [gradient for gradient in gradients if gradient is not None]
    means = iter(tf.distribute.get_replica_context().all_reduce("MEAN", known)) if known else None
    return [None if gradient is None else next(means) for gradient in gradients]


def divide_by_replicas(gradients):
    """Each replica's share of the update: optimizers sum the gradients of all replicas."""
    if count() == 1:
        return gradients
    return [gradient / count() for gradient in gradients]


# === Random numbers ===

_PART = threading.local()  # replicas are threads


@contextlib.contextmanager
def micro_batch(part, parts, pack=1):
    """Inside, the batch at hand is every `parts`-th pack from pack `part` on of a larger one.

    Args:
        part: a number below `parts`.
        parts: how many micro-batches there are.
        pack: neighbours that stay together, a number of samples.
    """
    _PART.value = part, parts, pack
    try:
        yield
    finally:
        _PART.value = 0, 1, 1


@contextlib.contextmanager
def rows_of(samples):
    """Inside, `local_rows` draws for rows that are packs of so many samples; 1 by default."""
    before, _PART.samples = getattr(_PART, "samples", 1), samples
    try:
        yield
    finally:
        _PART.samples = before


def part_of_batch():
    """Which micro-batch is at hand, and of how many: `(0, 1)` for the whole batch."""
    return getattr(_PART, "value", (0, 1, 1))[:2]


def local_rows(draw, batch_size):
    """The rows that belong to the batch at hand of what `draw(global_batch_size)` gives.

    All replicas and micro-batches draw the same numbers and take different rows of them, so that
    together they see what one replica sees with the whole batch.
    """
    part, parts, pack = getattr(_PART, "value", (0, 1, 1))
    size, batch_size = pack // getattr(_PART, "samples", 1), batch_size * parts
    first = number() * batch_size
    whole = draw(batch_size * count())
    own = whole if count() == 1 else whole[first : first + batch_size]
    return packing.take_every(own, part, parts, size)


def decorrelate(generators):
    """Let the random states of layers (dropout), uint32 `(2,)`, differ between replicas.

    Keras mirrors them, so that all replicas would drop the same units. The first replica keeps its
    state.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1 or not generators:
        return
    states = [tf.constant(generator.numpy()) for generator in generators]

    def move():
        for generator, state in zip(generators, states, strict=True):
            shift = tf.cast(number(), state.dtype) * tf.constant([1_000_003, 0], state.dtype)
            generator.assign(state + shift)

    tf.function(lambda: strategy.run(move))()


# === Branches and logs ===


def cond(condition, first, second, *tensors):
    """Call `first(*tensors)` if a condition, the same on all replicas, holds; else `second`.

    There can be no all-reduce (which optimizers make) inside a replica's branch. So the branch is
    in the cross-replica context (`merge_call`), and each function runs on all replicas in it. The
    functions must use no other tensors.
    """

    def branch(condition, call):
        def done(function):
            call(function)
            return tf.constant(True)

        tf.cond(condition, lambda: done(first), lambda: done(second))

    if alone():
        branch(condition, lambda function: function(*tensors))
        return

    def together(strategy, condition, *tensors):
        condition = strategy.experimental_local_results(condition)[0]
        branch(condition, lambda function: strategy.run(function, tensors))

    tf.distribute.get_replica_context().merge_call(together, args=(condition, *tensors))


def logs(values):
    """A step's logs in the form that Keras can reduce: with several workers, of rank 1."""
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return {name: tf.reshape(value, [1]) for name, value in values.items()}
    return values


def workers():
    """The number of processes that train together under the strategy of the scope."""
    resolver = getattr(tf.distribute.get_strategy(), "cluster_resolver", None)
    if resolver is None:
        return 1
    tasks = resolver.cluster_spec().as_dict()
    return max(1, sum(len(tasks.get(kind, ())) for kind in ("chief", "worker")))
