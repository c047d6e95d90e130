"""Canaries of what `private_tensorflow` stands on."""

import keras
import tensorflow as tf
from tensorflow.python.eager import context

from canaries import Canaries, network
from keras_gan.backend import private_tensorflow
from keras_gan.feeding.class_names import NamedDataset

canary = Canaries()


@canary(private_tensorflow.configured)
def _():
    def change(serialized):
        return tf.compat.v1.ConfigProto.FromString(
            serialized
            + tf.compat.v1.ConfigProto(inter_op_parallelism_threads=3).SerializeToString()
        )

    before = context.context().function_call_options
    with private_tensorflow.configured(change):
        inside = context.context().function_call_options.config_proto_serialized
    assert tf.compat.v1.ConfigProto.FromString(inside).inter_op_parallelism_threads == 3
    assert context.context().function_call_options is before


@canary(private_tensorflow.replacing_operations)
def _():
    def negated(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        return [tf.raw_ops.Neg(x=outputs[0])] if op_type == "Sin" else outputs

    @tf.function(autograph=False)
    def call(x):
        with private_tensorflow.replacing_operations(negated):
            first = tf.sin(x)
        return first, tf.sin(x)

    first, second = call(tf.constant(1.0))
    assert first == -second != 0


@canary(private_tensorflow.not_recorded)
def _():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with private_tensorflow.not_recorded():
            z = x * x
        y = x * 3.0 + z
    assert float(tape.gradient(y, x)) == 3.0


@canary(private_tensorflow.forget_custom_gradients)
def _():
    @tf.custom_gradient
    def square(x):
        return x * x, lambda upstream: 2.0 * x * upstream

    graph = tf.function(square).get_concrete_function(tf.TensorSpec(())).graph
    found = []

    def is_owned(other):
        found.append(other is graph)
        return other is graph

    private_tensorflow.forget_custom_gradients(is_owned)
    assert any(found)
    found.clear()
    private_tensorflow.forget_custom_gradients(is_owned)
    assert not any(found)


@canary(private_tensorflow.forget_scalars)
def _():
    from tensorflow.python import pywrap_tfe

    pywrap_tfe.TFE_ClearScalarCache()
    private_tensorflow.forget_scalars()
    assert float(tf.constant(1.5) + 1.5) == 3.0


@canary(private_tensorflow.variant)
def _():
    dataset = NamedDataset(tf.data.Dataset.range(3), ["a"])
    assert [int(x) for x in dataset] == [0, 1, 2]


@canary(private_tensorflow.dependencies)
def _():
    model = network()
    model.extra = keras.layers.Dense(1)
    kept, by_name = private_tensorflow.dependencies(model)
    assert "extra" in [part.name for part in kept] and by_name["extra"] is model.extra
