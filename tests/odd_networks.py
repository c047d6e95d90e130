"""Networks as people write them, of classes that Keras could not make again from a config."""

import collections
import functools
import types
import weakref

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class WithoutKwargs(layers.Layer):
    """Its `__init__` takes nothing of Keras's."""

    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


class HoldsLayer(layers.Layer):
    """It is given another layer."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)


class HoldsArray(layers.Layer):
    """It is given an array."""

    def __init__(self, shift):
        super().__init__()
        self.shift = shift

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="random_normal")

    def call(self, inputs):
        return inputs * self.scale + tf.constant(self.shift, inputs.dtype)


class MadeInInit(layers.Layer):
    """Its weights are there before it is built."""

    def __init__(self, size, mean):
        super().__init__()
        self.size, self.mean = size, mean
        self.scale = self.add_weight(shape=(size,), initializer="random_normal")

    def call(self, inputs):
        return (inputs - tf.constant(self.mean, inputs.dtype)) * self.scale


class MadeInBuild(layers.Layer):
    """It makes layers while it is built."""

    def __init__(self, number):
        super().__init__()
        self.number, self.inner = number, []

    def build(self, input_shape):
        for _ in range(self.number):
            self.inner.append(layers.Dense(input_shape[-1]))
            self.inner[-1].build(input_shape)
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return functools.reduce(lambda x, layer: layer(x), self.inner, inputs) * self.scale


class Referring(layers.Layer):
    """It keeps its layers in all kinds of places, and calls them by all kinds of ways."""

    def __init__(self):
        super().__init__()
        self.pair = layers.Dense(4), layers.Dense(4)
        self.by_name = {"a": layers.Dense(4)}
        self.by_closure = lambda x: self.pair[1](x)
        self.by_partial = functools.partial(tf.add, self.pair[0].count_params)
        self.by_method = self.by_name["a"].__call__
        self.by_function = tf.function(self.by_name["a"].__call__)
        self.by_object = Helper(self)
        self.by_slot = Slotted(self.pair[0])
        self.by_weak_reference = weakref.ref(self.pair[1])
        self.by_queue = collections.deque([self.by_name["a"]], maxlen=1)
        self.by_set = frozenset(self.pair)
        self.by_view = types.MappingProxyType({"b": self.pair[1]})

    def call(self, inputs):
        x = self.by_closure(self.pair[0](inputs))
        x = self.by_object(self.by_function(self.by_method(x)))
        x = self.by_queue[0](self.by_weak_reference()(self.by_slot(x)))
        return sum(layer(x) for layer in self.by_set) + self.by_view["b"](x)


class Helper:
    """An object of no class of Keras's."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x):
        return self.layer.pair[0](x)


class Slotted:
    """An object without a `__dict__`, its attribute private."""

    __slots__ = ("__layer",)

    def __init__(self, layer):
        self.__layer = layer

    def __call__(self, x):
        return self.__layer(x)


class Tied(layers.Layer):
    """It uses another layer's kernel."""

    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def call(self, inputs):
        return tf.matmul(inputs, self.dense.kernel, transpose_b=True)


class Subclass(keras.Model):
    """A network that is not functional, holds an array, and has no `build`."""

    def __init__(self, units, scale):
        super().__init__()
        self.scale = scale
        self.hidden, self.last = layers.Dense(4), layers.Dense(units)

    def call(self, inputs, training=False):
        return self.last(tf.nn.relu(self.hidden(inputs))) * self.scale


class Conditional(keras.Model):
    """A subclassed network of two inputs."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.last = layers.Dense(4), layers.Dense(units)
        self.embedding = layers.Embedding(3, 4)

    def call(self, inputs, training=False):
        x, labels = inputs
        return self.last(self.hidden(x) + self.embedding(labels))


class FunctionalSubclass(keras.Model):
    """A functional network of a class of its own, which does more than its graph."""

    def __init__(self, size, units, scale):
        inputs = keras.Input((size,))
        super().__init__(inputs, layers.Dense(units)(inputs))
        self.scale = scale

    def call(self, inputs, training=False):
        return super().call(inputs, training=training) * self.scale


def sequence(size, *parts):
    return keras.Sequential([keras.Input((size,)), *parts])


def called(network, *inputs):
    """A network that is built by a call on a batch."""
    network(list(inputs) if len(inputs) > 1 else inputs[0])
    return network


def _subclass(size, units):
    return called(Subclass(units, np.float32([2.0])), tf.zeros((1, size)))


def _nested(size, units):
    inner = sequence(size, HoldsArray(1.0), layers.Lambda(lambda x: 2.0 * x), layers.Dense(4))
    return sequence(size, inner, layers.Dense(units))


def _shared(size, units):
    """One layer that is called twice, and a network that is in two others."""
    inputs, dense = keras.Input((size,)), layers.Dense(size)
    inner, other = sequence(size, layers.Dense(size)), keras.Input((size,))
    middle = keras.Model(other, inner(dense(other)))
    return keras.Model(inputs, layers.Dense(units)(middle(inner(dense(inputs)))))


def _tied(size, units):
    inputs, dense = keras.Input((size,)), layers.Dense(6)
    return keras.Model(inputs, layers.Dense(units)(Tied(dense)(dense(inputs))))


def _operations(size, units):
    inputs = keras.Input((size,))
    return keras.Model(inputs, keras.ops.tanh(2.0 * layers.Dense(units)(inputs)))


def _random(size, units):
    return sequence(
        *(size, layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5)),
        *(layers.GaussianNoise(0.1), layers.Dense(units)),
    )


def _recurrent(size, units):
    cells = [layers.GRUCell(3), layers.LSTMCell(2)]
    parts = layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.RNN(cells)
    return sequence(size, layers.Reshape((size, 1)), *parts, layers.Dense(units))


def _low_rank(size, units):
    network = sequence(size, layers.Dense(4), layers.Dense(units))
    network.layers[0].enable_lora(2)
    return network


# From the sizes of a sample that comes in and one that goes out to a network.
KINDS = {
    "without kwargs": lambda i, o: sequence(i, WithoutKwargs(4), layers.Dense(o)),
    "holds a layer": lambda i, o: sequence(i, HoldsLayer(layers.Dense(4)), layers.Dense(o)),
    "holds an array": lambda i, o: sequence(i, HoldsArray(np.ones(i)), layers.Dense(o)),
    "made in init": lambda i, o: sequence(i, MadeInInit(i, np.ones(i)), layers.Dense(o)),
    "made in build": lambda i, o: sequence(i, MadeInBuild(2), layers.Dense(o)),
    "referring": lambda i, o: sequence(i, Referring(), layers.Dense(o)),
    "subclass": _subclass,
    "functional subclass": lambda i, o: FunctionalSubclass(i, o, np.float32([2.0])),
    "nested": _nested,
    "shared": _shared,
    "tied": _tied,
    "operations": _operations,
    "random": _random,
    "recurrent": _recurrent,
    "low rank": _low_rank,
}
