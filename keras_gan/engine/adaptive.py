"""The generator's gradients from those of its parts: weights that are ratios of gradients."""

import tensorflow as tf

from keras_gan import _checks
from keras_gan.engine.parts import total_of


def num_sums(critics):
    """How many losses are differentiated apart, see `sums`."""
    return 2 + len(critics) if critics else 1


def sums(parts, critics):
    """The losses that are differentiated apart.

    Args:
        parts: list of the generator's `Part`s, the last one what its layers add.
        critics: those with an `AdaptiveWeight`.

    Returns:
        The sum of all in a list; with such critics that of terms and layers, that of other critics,
        and the loss of each of these critics.
    """
    if not critics:
        return [total_of(parts)]
    plain = [part for part in parts if not part.is_adaptive]
    apart = [part for part in plain if part.critic is None]
    others = [part for part in plain if part.critic is not None]
    return [total_of(apart), total_of(others), *(p.loss for p in parts if p.is_adaptive)]


def combined(gradients, critics, variables):
    """The gradients of the generator's whole loss.

    Args:
        gradients: those of each of `sums`, one after the other: one flat list, of the whole batch
            of all replicas, dense, with `None` where there is none.
        critics: those with an `AdaptiveWeight`.
        variables: the generator's.

    Returns:
        `(gradients, logs)`: one for each variable, and the weights by their keys in the logs.
    """
    if not critics:
        return gradients, {}
    count = len(variables)
    parts = [gradients[first : first + count] for first in range(0, len(gradients), count)]
    of_terms, of_others, *adaptive = parts
    total = [_sum(a, b, 1.0) for a, b in zip(of_terms, of_others, strict=True)]
    logs = {}
    for critic, own in zip(critics, adaptive, strict=True):
        place = kernel_place(critic.weight.layer, variables)
        weight = critic.weight.value(_norm(of_terms[place]), _norm(own[place]))
        logs[log_key(critic, critics)] = weight
        total = [_sum(a, b, weight) for a, b in zip(total, own, strict=True)]
    return total, logs


def log_key(critic, critics):
    """The key in the logs of a critic's weight, one of those with an `AdaptiveWeight`."""
    return "adaptive_weight" if len(critics) == 1 else f"adaptive_weight_{critic.name}"


def kernel_place(layer, variables):
    """The place of a layer's kernel among variables.

    Raises:
        ValueError: if there is none, or more than one layer of that name.
    """
    found = [
        place
        for place, variable in enumerate(variables)
        if layer in variable.path.split("/")[:-1] and len(variable.shape) > 1
    ]
    kernels = [place for place in found if variables[place].name == "kernel"] or found
    _checks.check(
        len(kernels) == 1,
        "`AdaptiveWeight` needs the name of one layer of the generator with one kernel.",
        cure="Name the layer whose output is the sample: `keras.layers.Conv2D(..., name='last')`.",
        layer=layer,
        kernels=[variables[place].path for place in kernels],
    )
    return kernels[0]


def _norm(gradient):
    return tf.zeros([]) if gradient is None else tf.norm(gradient)


def _sum(first, second, weight):
    if second is None:
        return first
    return weight * second if first is None else first + weight * second
