"""The generator's gradients from those of its parts: weights that are ratios of gradients."""

import tensorflow as tf

from keras_gan import _checks


def combined(gradients, critics, variables):
    """The gradients of the generator's whole loss.

    Args:
        gradients: those of the terms, then those of each critic with an `AdaptiveWeight`: one flat
            list, of the whole batch of all replicas, dense, with `None` where there is none.
        critics: these critics.
        variables: the generator's.

    Returns:
        `(gradients, logs)`: one for each variable, and the weights by their keys in the logs.
    """
    if not critics:
        return gradients, {}
    count = len(variables)
    parts = [gradients[first : first + count] for first in range(0, len(gradients), count)]
    total, logs = parts[0], {}
    for critic, own in zip(critics, parts[1:], strict=True):
        place = kernel_place(critic.weight.layer, variables)
        norms = [_norm(part[place]) for part in (parts[0], own)]
        weight = critic.weight.value(*norms)
        name = "adaptive_weight" if len(critics) == 1 else f"adaptive_weight_{critic.name}"
        logs[name] = weight
        total = [_sum(a, b, weight) for a, b in zip(total, own, strict=True)]
    return total, logs


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
