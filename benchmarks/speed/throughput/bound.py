"""The bound: each convolution and matrix product of one step, timed alone, times how often it runs.

A step makes `n` updates of the discriminator and `m` of the generator, and shares the generator's
last pass for the former with the first for the latter, unless it is cut into micro-batches. What no
implementation can leave out, of each layer:

- the generator: a forward pass for each update, and in each of its own the gradients of its
  weights and, but for the first layer, of its inputs;
- the discriminator: in each update two forward passes, two gradients of the weights and, but for
  the first layer, of the inputs; in each of the generator's one forward pass and one gradient of
  the inputs;
- a gradient penalty: in each update one more forward pass and gradient of the inputs, and for the
  derivative of that gradient one forward pass and one gradient of the weights (leaky ReLU has no
  second derivative).

Arguments: workload, precision, seconds a kernel. One JSON line. Each kernel is TensorFlow's, run in
a compiled loop; the best of five loops counts. A convolution to few channels is timed as
`keras_gan.layers.ImageConv2D` makes it, too, and a kernel's gradient as the matrix products that
`keras_gan` has in its place in bfloat16; the faster way counts.
"""

import sys
import time

import tensorflow as tf

from benchmarks.speed.throughput.worker import Worker
from benchmarks.speed.throughput.workloads import WORKLOADS

LOOPS = 5


def main(workload, precision, seconds):
    worker, workload = Worker(), WORKLOADS[workload]
    rows = []
    for name, layer, kind, times in kernels(workload):
        each = best(*kernel(layer, kind, workload.batch, precision), seconds)
        if layer.makes_image and kind != "inputs":
            each = min(each, best(*to_image(layer, kind, workload.batch, precision), seconds))
        if layer.kind != "dense" and kind == "weights" and precision == "bfloat16":
            call, tensors = kernel(layer, kind, workload.batch, precision)
            each = min(each, best(as_products(call), tensors, seconds))
        operations = 2 * multiply_adds(layer) * workload.batch
        rows.append(
            {
                "layer": name,
                "kernel": kind,
                "times": times,
                "milliseconds": round(each * 1e3, 4),
                "gigaflops_a_second": round(operations / each / 1e9, 1),
            }
        )
    total = sum(row["times"] * row["milliseconds"] for row in rows)
    worker.say(milliseconds=round(total, 3), kernels=rows)


def kernels(workload):
    """`(name, layer, kind, how often in a step)` of all kernels of a step."""
    n, m = workload.discriminator_steps, workload.generator_steps
    penalty, shared = workload.penalty_weight is not None, workload.accumulation_steps == 1
    for number, layer in enumerate(workload.generator):
        name = f"generator {number}"
        yield name, layer, "forward", n + m - shared
        yield name, layer, "weights", m
        if number or workload.num_classes:
            yield name, layer, "inputs", m
    for number, layer in enumerate(workload.discriminator):
        name = f"discriminator {number}"
        yield name, layer, "forward", n * (2 + 2 * penalty) + m
        yield name, layer, "weights", n * (2 + penalty)
        yield name, layer, "inputs", n * (2 * bool(number) + penalty) + m


def work(workload):
    """Multiply-adds of a step for each real image that it takes."""
    total = sum(times * multiply_adds(layer) for _, layer, _, times in kernels(workload))
    return total / workload.discriminator_steps


def multiply_adds(layer):
    """Of one sample."""
    # A transposed convolution is applied at each place that comes in, another one that goes out.
    side = layer.size if layer.kind == "up" else layer.side
    return layer.inputs * layer.outputs * layer.kernel**2 * side**2


def kernel(layer, kind, batch, precision):
    """A function of two tensors, and the tensors."""
    dense = layer.kind == "dense"
    shapes = {
        "x": (batch, layer.inputs) if dense else (batch, layer.size, layer.size, layer.inputs),
        "g": (batch, layer.outputs) if dense else (batch, layer.side, layer.side, layer.outputs),
        "w": (layer.inputs, layer.outputs)
        if dense
        else (layer.kernel, layer.kernel, layer.inputs, layer.outputs),
    }
    if layer.kind == "up":
        shapes["w"] = (layer.kernel, layer.kernel, layer.outputs, layer.inputs)
    options = {"strides": [1, layer.stride, layer.stride, 1], "padding": "SAME"}

    def convolve(x, w):
        return tf.nn.conv2d(x, w, **options)

    def inputs_of(shape):
        return lambda g, w: tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=w, out_backprop=g, **options
        )

    def weights_of(x, g):
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=shapes["w"], out_backprop=g, **options
        )

    call = {
        ("dense", "forward"): tf.matmul,
        ("dense", "weights"): lambda x, g: tf.matmul(x, g, transpose_a=True),
        ("dense", "inputs"): lambda g, w: tf.matmul(g, w, transpose_b=True),
        ("conv", "forward"): convolve,
        ("conv", "weights"): weights_of,
        ("conv", "inputs"): inputs_of(shapes["x"]),
        ("up", "forward"): inputs_of(shapes["g"]),
        ("up", "weights"): lambda x, g: weights_of(g, x),
        ("up", "inputs"): convolve,
    }[layer.kind, kind]
    names = {"forward": "xw", "weights": "xg", "inputs": "gw"}[kind]
    return call, [tf.cast(tf.random.normal(shapes[name]), precision) for name in names]


def as_products(call):
    """A function whose convolutions' gradients are matrix products, as in this package's steps."""
    from keras_gan.backend.replaced_operations import replaced_operations

    def replaced(*tensors):
        with replaced_operations():
            return call(*tensors)

    return replaced


def to_image(layer, kind, batch, precision):
    """The like of `kernel` for a convolution to few channels, as one matrix product."""
    from keras_gan.layers import ImageConv2D

    convolve = ImageConv2D(layer.outputs, layer.kernel, padding="same", dtype=precision)
    _, (x, w) = kernel(layer, "forward", batch, precision)
    if kind == "forward":
        return convolve.convolution_op, [x, w]

    def weights(x, g):
        with tf.GradientTape() as tape:
            tape.watch(w)
            y = convolve.convolution_op(x, w)
        return tape.gradient(y, w, output_gradients=g)

    return weights, kernel(layer, kind, batch, precision)[1]


def repeated(call):
    """A compiled function of `(count, *tensors)`: so many calls, and one value of the last."""

    @tf.function
    def loop(count, first, second):
        # What a turn makes goes on to the next and to the end, or it would be left out.
        _, made = tf.while_loop(
            lambda i, _: i < count,
            lambda i, _: (i + 1, call(first, second)),
            (tf.constant(0), tf.zeros_like(call(first, second))),
        )
        return tf.reshape(made, [-1])[0]

    return loop


def best(call, tensors, seconds):
    """Seconds of one call, at best."""
    loop = repeated(call)

    def timed(count):
        begin = time.perf_counter()
        loop(tf.constant(count), *tensors).numpy()
        return (time.perf_counter() - begin) / count

    timed(1)
    count = max(3, round(seconds / LOOPS / min(timed(3) for _ in range(2))))
    return min(timed(count) for _ in range(LOOPS))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
