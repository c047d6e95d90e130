"""TensorFlow's private API, as far as the package needs it: no other module names it.

Each docstring tells what is private, why no public name does, and what it is needed for. All were
checked with TensorFlow 2.21.0. `tests/test_private_api.py` tries each, and fails with that
sentence where a new version has taken it away.
"""

import contextlib
import inspect

import tensorflow as tf

from keras_gan.backend import requirement

CHECKED = "2.21.0"

try:
    from tensorflow.python.eager import context, record
    from tensorflow.python.framework import op_callbacks
except ImportError as error:
    raise requirement.changed("tensorflow", CHECKED, error) from error

# Methods of TensorFlow's that a class of the package overrides, and what for.
OVERRIDDEN = {
    "_inputs": "`tf.data.Dataset._inputs`: a data set with class names tells what it is made of, "
    "so that the options of that one count",
}
# Where TensorFlow keeps what an object consists of, see `dependencies`.
DEPENDENCIES = (
    "_self_unconditional_checkpoint_dependencies",
    "_self_unconditional_dependency_names",
)


# === Options of calls, and operations while a graph is built ===


@contextlib.contextmanager
def configured(change):
    """Inside, Grappler treats the `tf.function`s that this thread calls as another config says.

    Private: `context().function_call_options` and `FunctionCallOptions` of
    `tensorflow.python.eager.context`. `tf.config.optimizer` changes the whole process.
    Needed for: sums in one order, so that a run gives the same bits each time.

    `change` takes a serialized `ConfigProto` and returns a `ConfigProto`.
    """
    here = context.context()
    before = here.function_call_options
    config = change(before.config_proto_serialized)
    here.function_call_options = context.FunctionCallOptions(before.executor_type, config)
    try:
        yield
    finally:
        here.function_call_options = before


@contextlib.contextmanager
def replacing_operations(replace):
    """Inside, a function may put other results in place of those of each new operation.

    Private: `add_op_callback` and `remove_op_callback` of
    `tensorflow.python.framework.op_callbacks`. No public function sees operations as they are made.
    Needed for: sums in one order, so that a run gives the same bits each time.

    `replace` takes `(op_type, inputs, attrs, outputs, op_name, graph)` and returns the outputs.
    """
    op_callbacks.add_op_callback(replace)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(replace)


def not_recorded():
    """A context in which no gradient tape notes what is computed.

    Private: `stop_recording` of `tensorflow.python.eager.record`. `tf.GradientTape.stop_recording`
    needs the tape, which may be a user's.
    Needed for: gradients that stay the same where a sum is cut into sums of two.
    """
    return record.stop_recording()


# === What TensorFlow keeps until the process ends ===


def forget_custom_gradients(is_owned):
    """Drop what `tf.custom_gradient` has left behind of graphs for which `is_owned(graph)` is true.

    Private: `gradient_registry._registry` of `tensorflow.python.framework.ops`, and the closures
    of the functions in it. Nothing public removes one.
    Needed for: memory that does not grow with each model.

    Without it nothing else changes: where TensorFlow has changed, this does nothing.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.framework import ops

        registry = ops.gradient_registry._registry
        for name in [name for name in registry if name.startswith("CustomGradient-")]:
            graph = _graph_of(registry[name]["type"])
            if graph is not None and is_owned(graph):
                registry.pop(name, None)


def _graph_of(gradient):
    """The graph that a registered function belongs to, or `None`."""
    try:  # the registered function calls another one, which knows the results of the call
        (inner,) = inspect.getclosurevars(gradient).nonlocals.values()
        results = tf.nest.flatten(inspect.getclosurevars(inner).nonlocals["result"])
        return results[0].graph
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return None


def forget_scalars():
    """Empty TensorFlow's cache of scalars.

    Each Python number that becomes an eager tensor is kept with it, about 0.7 KB, as long as the
    process lives. `keras.callbacks.TensorBoard` makes one of every log of every batch, which comes
    to gigabytes in a run of days. The cache is there to save time alone.

    Private: `TFE_ClearScalarCache` of `tensorflow.python.pywrap_tfe`. Nothing public empties it.
    Needed for: memory that does not grow with each step.

    Without it nothing else changes: where TensorFlow has changed, this does nothing.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python import pywrap_tfe

        pywrap_tfe.TFE_ClearScalarCache()


# === Objects ===


def variant(dataset):
    """The tensor that stands for a data set, to make another one of.

    Private: `tf.data.Dataset._variant_tensor`, which the constructor asks for. Public methods give
    plain data sets, which have no names of classes.
    Needed for: data sets with class names.
    """
    return dataset._variant_tensor


def dependencies(thing):
    """What TensorFlow has noted of an object's parts: the list and the `dict`, or `None` twice.

    Private: `_self_unconditional_checkpoint_dependencies` and
    `_self_unconditional_dependency_names`. Nothing public takes a part out of them.
    Needed for: copies of networks that share nothing with their originals.
    """
    return tuple(vars(thing).get(name) for name in DEPENDENCIES)
