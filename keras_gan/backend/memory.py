"""Frees objects that TensorFlow would keep until the process ends."""

import weakref

import tensorflow as tf

from keras_gan.backend import private_tensorflow


@tf.autograph.experimental.do_not_convert
def numpy_function(function, inputs, dtype, *, stateful=True):
    """`tf.numpy_function`, with a function that is freed together with the graph that calls it.

    TensorFlow keeps every such function, and with it all that the function refers to: a bound
    method keeps its object, a closure over the model keeps the model, and these keep the data.
    """
    reference = weakref.ref(function)
    call = lambda *arrays: reference()(*arrays)  # noqa: E731
    result = tf.numpy_function(call, inputs, dtype, stateful=stateful)
    # All graphs around it, too: the graph of a data set that is made within another one's `map`
    # is gone as soon as that `map` has been traced.
    graph = tf.compat.v1.get_default_graph()
    while graph.building_function:
        graph._keras_gan_functions = [*getattr(graph, "_keras_gan_functions", ()), function]
        graph = graph.outer_graph
    return result


class CustomGradients:
    """The functions that TensorFlow registers for custom gradients, of some graphs.

    Each call of a `tf.custom_gradient` in a graph leaves a function in a registry of TensorFlow's,
    which keeps the whole graph and so the memory of all variables in it. Every Keras optimizer
    makes such calls (it sums gradients over replicas), and so does `keras.ops.silu`.
    """

    def __init__(self):
        self._graphs = weakref.WeakSet()

    def note(self):
        """Record the graph that is being traced, if there is one."""
        graph = tf.compat.v1.get_default_graph()
        if graph.building_function:
            self._graphs.add(graph)

    def forget(self):
        """Remove the functions of the recorded graphs from the registry, after tracing.

        They would be needed only to differentiate a whole training step; the gradients within it
        are traced already.
        """
        if not self._graphs:
            return
        private_tensorflow.forget_custom_gradients(self._owns)
        self._graphs.clear()

    def _owns(self, graph):
        while graph.building_function:
            if graph in self._graphs:
                return True
            graph = graph.outer_graph
        return False
