"""Operations that a model's graphs have in place of others: in a fixed order, or quicker."""

import contextlib
import functools

import tensorflow as tf

from keras_gan.backend import private_tensorflow, quicker_gradients


@contextlib.contextmanager
def replaced_operations():
    """Context in which graphs that this thread builds get other operations, see `_REPLACED`."""
    if tf.executing_eagerly():  # one operation after the other, each in an order of its own
        yield
        return

    def replace(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        if op_type not in _REPLACED:
            return outputs
        (output,), attributes = outputs, dict(zip(attrs[::2], attrs[1::2], strict=True))
        # The tape still records the operation itself, whose gradient is the same.
        with private_tensorflow.not_recorded():
            result = _REPLACED[op_type](inputs, attributes, output.shape)
        if result is None:
            return outputs
        result.set_shape(output.shape)
        return [result]

    # A new function each time: replicas are threads that share one list of callbacks.
    with private_tensorflow.replacing_operations(replace):
        yield


def _sums_of_two(inputs, attributes, output_shape):
    """The result of an `AddN` as sums of two tensors, one after the other."""
    del attributes, output_shape
    if len(inputs) < 3:
        return None
    return functools.reduce(lambda a, b: tf.raw_ops.AddN(inputs=[a, b]), inputs)


# Functions of an operation's inputs, its attributes and the `tf.TensorShape` of its only output,
# which return another output, or `None` to keep it.
_REPLACED = {
    "AddN": _sums_of_two,
    "StridedSliceGrad": quicker_gradients.slice_gradient,
    "Conv2DBackpropFilter": quicker_gradients.kernel_gradient,
}
