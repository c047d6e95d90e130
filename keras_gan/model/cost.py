"""What passes cost: how many steps run in one compiled call, how many samples in one pass."""

import math

from keras_gan.backend import inspection

# A call's worth of multiply-adds: about a fifth of a second on two cores, so that a progress bar
# and callbacks still feel immediate. Small steps come and go in that time by the dozen: an MLP on
# points trains 1.5 times as fast with 32 of them in a call as with 4.
_PER_CALL = 4e9
_MOST_STEPS = 32
# Values of all layers that a pass outside of training may hold at once: 256 MB in float32.
_PER_PASS = 2**26


def multiply_adds(network):
    """Multiply-adds of one sample's forward pass, from the layers' kernels and output sizes."""
    total = 0
    for layer in inspection.flat_layers(network):
        kernels = [w for w in layer.weights if len(w.shape) >= 2]
        if not kernels or hasattr(layer, "layers"):
            continue
        # A convolution may be wrapped by a layer with a vector of its own.
        kernel = max(kernels, key=lambda w: len(w.shape))
        total += sum(math.prod(w.shape) for w in kernels) * _positions(layer, kernel)
    return total


def _positions(layer, kernel):
    """How often a layer's kernel is applied to one sample."""
    if len(kernel.shape) < 3:
        return 1
    transposed = "Transpose" in type(layer).__name__
    tensor = getattr(layer, "input" if transposed else "output", None)
    sizes = getattr(tensor, "shape", None) or (1,)
    return math.prod(size or 1 for size in sizes[1:-1])


def samples_a_pass(network):
    """How many samples may pass through a network at once, outside of training; at least 1."""
    outputs = [getattr(layer, "output", None) for layer in inspection.flat_layers(network)]
    shapes = [tensor.shape for tensor in outputs if hasattr(tensor, "shape")]
    values = sum(math.prod(size or 1 for size in shape[1:]) for shape in shapes)
    return max(1, _PER_PASS // max(values, 1))


def steps_per_execution(gan, rows):
    """Steps to run in one compiled call: many for small networks, 1 where a step is long.

    Args:
        gan: a compiled `GAN`.
        rows: real samples a step takes.

    Returns:
        An integer from 1 to 32, a power of two.
    """
    forward = multiply_adds(gan.generator), multiply_adds(gan.discriminator)
    # A forward and a backward pass of both networks for each update, the backward one costing
    # two forward ones.
    step = 3 * rows * sum(forward) * (1 + gan.generator_steps / gan.discriminator_steps)
    return max(1, min(_MOST_STEPS, 2 ** int(math.log2(max(1.0, _PER_CALL / max(step, 1.0))))))
