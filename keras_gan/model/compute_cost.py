"""Multiply-adds of networks, and the sizes of compiled calls and batches that follow from them."""

import math

from keras_gan.backend import inspection

# Multiply-adds of one compiled call: about 0.2 s on two cores, so that the progress bar and
# callbacks stay responsive. An MLP on points trains 1.5 times as fast with 32 steps in a call as
# with 4.
_PER_CALL = 4e9
_MOST_STEPS = 32
# Activations that a forward pass outside of training may hold at once: 256 MB in float32.
_PER_PASS = 2**26


def multiply_adds(network):
    """Multiply-adds of one sample's forward pass, from the layers' kernels and output sizes."""
    total = 0
    for layer in inspection.flat_layers(network):
        kernels = [w for w in layer.weights if len(w.shape) >= 2]
        if not kernels or hasattr(layer, "layers"):
            continue
        # A wrapper of a convolution may have a vector of its own.
        kernel = max(kernels, key=lambda w: len(w.shape))
        total += sum(math.prod(w.shape) for w in kernels) * _positions(layer, kernel)
    return total


def _positions(layer, kernel):
    """How many times a layer's kernel is applied to one sample."""
    if len(kernel.shape) < 3:
        return 1
    transposed = "Transpose" in type(layer).__name__
    tensor = getattr(layer, "input" if transposed else "output", None)
    sizes = getattr(tensor, "shape", None) or (1,)
    return math.prod(size or 1 for size in sizes[1:-1])


def samples_per_pass(network):
    """Batch size of a forward pass outside of training that fits into memory; at least 1."""
    outputs = [getattr(layer, "output", None) for layer in inspection.flat_layers(network)]
    shapes = [tensor.shape for tensor in outputs if hasattr(tensor, "shape")]
    values = sum(math.prod(size or 1 for size in shape[1:]) for shape in shapes)
    return max(1, _PER_PASS // max(values, 1))


def steps_per_execution(gan, rows):
    """Steps to run in one compiled call: many for small networks, 1 for large ones.

    Args:
        gan: a compiled model.
        rows: real samples per step.

    Returns:
        An integer from 1 to 32, a power of two.
    """
    critics = (critic.network for critic in gan.critics)
    forward = sum(multiply_adds(network) for network in (gan.generator, *critics))
    # Each update runs a forward and a backward pass of both networks. A backward pass costs as
    # much as two forward passes.
    step = 3 * rows * forward * (1 + gan.generator_steps / gan.discriminator_steps)
    return max(1, min(_MOST_STEPS, 2 ** int(math.log2(max(1.0, _PER_CALL / max(step, 1.0))))))


def largest_divisor(number, limit):
    """The largest divisor of a positive integer that is at most `limit`."""
    return max(k for k in range(1, limit + 1) if number % k == 0)
