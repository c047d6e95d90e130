"""A canary for each private name of Keras and TensorFlow that the package stands on."""

import contextlib
import functools
import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from keras_gan.backend import private_graphs, private_keras, private_tensorflow, requirement
from keras_gan.feeding.class_names import NamedDataset
from keras_gan.model.gan import GAN
from keras_gan.optimizers import OptimizerGroup

MODULES = (private_graphs, private_keras, private_tensorflow)


def described(thing):
    """What a docstring calls private, and what it says that it is needed for."""
    text = " ".join(inspect.getdoc(thing).split())
    found = re.search(r"Private: (.*?)\. .*Needed for: (.*?)\.( |$)", text)
    assert found, f"{thing.__name__} must tell what is private, why, and what it is needed for"
    return found[1], found[2]


@contextlib.contextmanager
def telling(thing):
    """Whatever fails inside is told in a sentence."""
    library = "TensorFlow" if thing.__module__ == private_tensorflow.__name__ else "Keras"
    try:
        yield
    except Exception as error:
        private, purpose = described(thing)
        pytest.fail(
            f"{library} has removed or changed {private}. keras_gan needs it for {purpose}; see "
            f"{thing.__module__}.{thing.__name__}. "
            f"{type(error).__name__}: {error}"
        )


# === A canary for each name ===

CANARIES = {}


def canary(thing):
    """Note a function as the canary of one of the package's own."""

    def noted(check):
        CANARIES[thing.__module__, thing.__name__] = thing, check
        return check

    return noted


def network():
    """Two calls of one layer, an operation, and a dropout."""
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(3, name="dense")
    outputs = keras.layers.Dropout(0.5)(keras.ops.tanh(dense(dense(inputs))))
    return keras.Model(inputs, outputs)


@canary(private_graphs.origin)
def _():
    model = network()
    assert private_graphs.origin(model.outputs[0]) == (model.layers[-1], 0)
    assert private_graphs.origin(model.inputs[0]) == (model.layers[0], 0)


@canary(private_graphs.calls)
def _():
    model = network()
    first, second = private_graphs.calls(model.get_layer("dense"))
    assert first.operation is second.operation is model.get_layer("dense")
    assert first.input_tensors == [model.inputs[0]] and second.input_tensors == first.outputs


@canary(private_graphs.calls_in)
def _():
    names = [node.operation.name for node in private_graphs.calls_in(network())]
    assert len(names) == 5 and names.count("dense") == 2


@canary(private_graphs.attach)
def _():
    model = network()
    dense = model.get_layer("dense")
    _, second = private_graphs.calls(dense)
    private_graphs.attach(second, lambda thing: thing)
    assert private_graphs.calls(dense)[2] is second
    assert private_graphs.origin(second.outputs[0]) == (dense, 2)


@canary(private_graphs.wire)
def _():
    model = network()
    expected = model(np.ones((1, 3)))
    for name in private_graphs.begun_anew(model).keys() & set(private_graphs._GRAPH):
        vars(model)[name] = None
    private_graphs.wire(model)
    np.testing.assert_array_equal(model(np.ones((1, 3))), expected)


@canary(private_graphs.begun_anew)
def _():
    model = network()
    anew = private_graphs.begun_anew(model)
    assert set(anew) <= set(vars(model)), set(anew) - set(vars(model))
    layer = keras.layers.Dense(1, activity_regularizer="l2")
    layer(np.ones((1, 3)))
    assert layer.losses
    vars(layer).update(private_graphs.begun_anew(layer))
    assert not layer.losses


@canary(private_graphs.is_origin)
def _():
    assert any(map(private_graphs.is_origin, vars(network().outputs[0])))


@canary(private_keras.sublayers)
def _():
    dense = keras.layers.Dense(3)
    assert private_keras.sublayers(keras.layers.TimeDistributed(dense)) == [dense]


@canary(private_keras.own_variables)
def _():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    assert private_keras.own_variables(layer) == layer.weights
    assert private_keras.own_variables(keras.Sequential([layer])) == []


@canary(private_keras.unbuild)
def _():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    private_keras.unbuild(layer)
    assert not layer.built and not layer.weights
    layer.build((None, 5))
    assert [v.shape for v in layer.weights] == [(5, 3), (3,)]


@canary(private_keras.build_shapes)
def _():
    layer = keras.layers.Dense(3)
    assert private_keras.build_shapes(layer) is None
    layer.build((None, 2))
    assert private_keras.build_shapes(layer) == {"input_shape": (None, 2)}


@canary(private_keras.draws_unseeded)
def _():
    kind = keras.initializers.RandomNormal
    assert private_keras.draws_unseeded(kind()) and not private_keras.draws_unseeded(kind(seed=1))


@canary(private_keras.seed_generators)
def _():
    layer = keras.layers.Dropout(0.5)
    assert private_keras.seed_generators(layer) == [layer.seed_generator]


@canary(private_keras.shared_generator)
def _():
    drawn = []
    for _ in range(2):
        with private_keras.shared_generator(keras.random.SeedGenerator(1)):
            drawn.append(float(keras.random.normal(())))
    drawn.append(float(keras.random.normal(())))
    assert drawn[0] == drawn[1] != drawn[2]


@canary(private_keras.tracker_class)
def _():
    kind = private_keras.tracker_class()
    assert kind.__module__.startswith("keras.")
    optimizer = keras.optimizers.SGD()
    assert any(isinstance(value, kind) for value in vars(optimizer).values())


@canary(private_keras.recount)
def _():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    (tracker,) = (v for v in vars(layer).values() if isinstance(v, private_keras.tracker_class()))
    before = dict(tracker.stored_ids)
    tracker.stored_ids = {}
    private_keras.recount(tracker)
    assert tracker.stored_ids == before and before["trainable_variables"]


@canary(private_keras.forget_parts)
def _():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.extra = keras.layers.Dense(2)
    private_keras.forget_parts(model, {id(model.extra)})
    assert model.extra not in private_keras.sublayers(model)


@canary(private_keras.trainer_attributes)
def _():
    found = private_keras.trainer_attributes()
    assert {"optimizer", "compiled"} <= set(found) and not {"name", "built"} & set(found)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for name, value in found.items():
        vars(model).pop(name, None)
        vars(model).update({} if value is NotImplemented else {name: value})
    assert not model.compiled and not hasattr(model, "optimizer")
    assert "_distribute_strategy" in vars(model)  # which a copy keeps
    model.compile("sgd", "mse")


@canary(private_keras.replace_dtype)
def _():
    for thing in (keras.Variable([1.0], dtype="float16"), keras.KerasTensor((1,), "float16")):
        private_keras.replace_dtype(thing, ("bfloat16",), "float32")
        assert thing.dtype == "float16"
        private_keras.replace_dtype(thing, ("float16",), "float32")
        assert thing.dtype == "float32"


@canary(private_keras.set_value)
def _():
    variable = keras.Variable([1.0], dtype="float16")
    private_keras.set_value(variable, tf.constant([2.0]))
    assert variable.value.dtype == "float32" and variable.numpy() == [2.0]


# A fit of one weight, in which everything private of `Trainer` is used.


class Adapter(private_keras.DatasetAdapter):
    def __init__(self, hooks):
        super().__init__(tf.data.Dataset.from_tensors(([[1.0]], [[1.0]])).repeat(7))
        self.hooks = hooks

    num_batches = 3

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


class Model(keras.Model):
    """Notes what Keras calls."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 1))
        self.built = True
        self.overridden, self.validations = [], []

    def call(self, x):
        return self.dense(x)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        self.overridden.append("_maybe_symbolic_build")

    def _get_metrics_result_or_logs(self, logs):
        self.overridden.append("_get_metrics_result_or_logs")
        return {"ours": 1.0}

    def evaluate(self, x=None, **options):
        self.validations.append(private_keras.is_validation(options))
        if self.validations[-1]:
            options |= private_keras.as_validation()
        return super().evaluate(x, **options)


def fitted(callback=None, **settings):
    model, hooks = Model(), []
    model.compile("sgd", "mse", run_eagerly=True)
    settings = {"callbacks": [callback] if callback else [], "verbose": 0, **settings}
    model.history = model.fit(Adapter(hooks), **settings)
    model.hooks = hooks
    return model


@canary(private_keras.DatasetAdapter)
def _():
    model = fitted(epochs=2)
    assert model.history.params["steps"] == 3
    # Keras ends one before the first.
    assert model.hooks == ["end", "begin", "end", "begin", "end"], model.hooks


@canary(private_keras.initial_epoch)
def _():
    model = Model()
    assert private_keras.initial_epoch(model) is None
    private_keras.set_initial_epoch(model, 2)
    assert private_keras.initial_epoch(model) == 2


@canary(private_keras.set_initial_epoch)
def _():
    class Resumes(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            private_keras.set_initial_epoch(self.model, 4)

    assert fitted(Resumes(), epochs=6).history.epoch == [4, 5]


@canary(private_keras.release_validation_data)
def _():
    class CutsOff(keras.callbacks.Callback):
        def on_test_end(self, logs=None):
            models.append(self.model)
            raise InterruptedError

    models = []
    with contextlib.suppress(InterruptedError):
        fitted(CutsOff(), validation_data=Adapter([]))
    (model,) = models
    held = [
        name for name, value in vars(model).items() if type(value).__name__ == "TFEpochIterator"
    ]
    assert held
    private_keras.release_validation_data(model)
    assert not any(hasattr(model, name) for name in held)


def validated():
    model = fitted(validation_data=Adapter([]))
    model.evaluate(np.ones((1, 1)), y=np.ones((1, 1)), verbose=0)
    assert model.validations == [True, False]
    assert "val_ours" in model.history.history


canary(private_keras.is_validation)(validated)
canary(private_keras.as_validation)(validated)


@canary(private_keras.optimized_variables)
def _():
    variable = keras.Variable(1.0)
    for optimizer in (
        keras.optimizers.SGD(),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
    ):
        assert private_keras.optimized_variables(optimizer) == []
        optimizer.build([variable])
        assert private_keras.optimized_variables(optimizer) == [variable]


@canary(private_keras.slots)
def _():
    variables = [keras.Variable([1.0, 2.0]), keras.Variable([3.0, 4.0])]
    for make, count in (
        (keras.optimizers.SGD, 0),
        (functools.partial(keras.optimizers.SGD, momentum=0.5), 1),
        (keras.optimizers.Adam, 2),
        (functools.partial(keras.optimizers.AdamW, use_ema=True), 3),
        (functools.partial(keras.optimizers.RMSprop, centered=True, momentum=0.5), 3),
    ):
        optimizer = make()
        optimizer.build(variables)
        slots = [private_keras.slots(optimizer, variable) for variable in variables]
        assert [len(each) for each in slots] == [count, count]
        assert not {id(v) for v in slots[0]} & {id(v) for v in slots[1]}


@canary(private_keras.learning_rate_variable)
def _():
    optimizer = keras.optimizers.SGD()
    optimizer.build([])
    assert any(v is private_keras.learning_rate_variable(optimizer) for v in optimizer.variables)


@canary(private_keras.counters)
def _():
    made = {
        keras.callbacks.ModelCheckpoint: keras.callbacks.ModelCheckpoint("model.keras"),
        keras.callbacks.SwapEMAWeights: keras.callbacks.SwapEMAWeights(),
        keras.callbacks.TensorBoard: keras.callbacks.TensorBoard(),
    }
    for kind, callback in made.items():
        assert private_keras.counters(kind) and all(
            hasattr(callback, name) for name in private_keras.counters(kind)
        )
    assert private_keras.counters(keras.callbacks.History) == ()


@canary(private_keras.profiles)
def _():
    assert private_keras.profiles(keras.callbacks.TensorBoard(profile_batch=2))
    assert not private_keras.profiles(keras.callbacks.TensorBoard())


@canary(private_keras.continue_curves)
def _():
    board = keras.callbacks.TensorBoard()
    before = dict(vars(board))
    private_keras.continue_curves(board, 7)
    changed = {name: value for name, value in vars(board).items() if value != before[name]}
    assert changed == {private_keras.counters(keras.callbacks.TensorBoard)[0]: 7}


@canary(private_keras.is_called_in_fit)
def _():
    seen = []

    class Bar(keras.callbacks.ProgbarLogger):
        def on_test_begin(self, logs=None):
            super().on_test_begin(logs)
            seen.append(private_keras.is_called_in_fit(self))

        def on_test_end(self, logs=None):
            seen.append(private_keras.is_called_in_fit(self))

    bar = Bar()
    model = fitted(bar, validation_data=Adapter([]), verbose=2)
    model.evaluate(np.ones((1, 1)), y=np.ones((1, 1)), callbacks=[Bar()], verbose=2)
    assert seen == [True, True, False, False]


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


@pytest.mark.parametrize("name", CANARIES, ids=lambda name: name[1])
def test_each_name_does_what_it_is_needed_for(name):
    thing, check = CANARIES[name]
    with telling(thing):
        check()


def test_each_name_has_a_canary():
    for module in MODULES:
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            if own and not name.startswith("_") and callable(thing):
                assert (module.__name__, name) in CANARIES, name
                assert described(thing)


def test_a_canary_fails_with_a_sentence(monkeypatch):
    monkeypatch.setattr(private_keras, "_SHARED", "another name")
    message = "Keras has removed or changed .*`global_state`.* keras_gan needs it for first weights"
    with (
        pytest.raises(pytest.fail.Exception, match=message),
        telling(private_keras.shared_generator),
    ):
        CANARIES[private_keras.__name__, "shared_generator"][1]()


def test_a_part_that_cannot_be_imported_is_told_of():
    error = requirement.changed("keras", "3.15.1", ImportError("cannot import name 'x'"))
    assert f"version {keras.__version__} no longer has: cannot import name 'x'. Install" in str(
        error
    )


# === What the package overrides ===


def test_what_is_overridden_is_there_and_called():
    model = fitted()
    assert set(model.overridden) == {"_maybe_symbolic_build", "_get_metrics_result_or_logs"}, (
        f"Keras no longer calls what GAN overrides: {private_keras.OVERRIDDEN}"
    )
    assert model.history.history == {"ours": [1.0]}
    for base, ours, name in (
        (keras.Model, GAN, "_maybe_symbolic_build"),
        (keras.Model, GAN, "_get_metrics_result_or_logs"),
        (tf.data.Dataset, NamedDataset, "_inputs"),
    ):
        told = {**private_keras.OVERRIDDEN, **private_tensorflow.OVERRIDDEN}[name]
        assert hasattr(base, name), f"No longer there: {told}."
        theirs, mine = (inspect.signature(getattr(kind, name)) for kind in (base, ours))
        assert list(theirs.parameters) == list(mine.parameters), f"Its arguments changed: {told}."


def test_a_named_data_set_has_the_options_of_its_own():
    options = tf.data.Options()
    options.autotune.enabled = False
    named = NamedDataset(tf.data.Dataset.range(3).with_options(options), ["a"])
    assert named.options().autotune.enabled is False, private_tensorflow.OVERRIDDEN["_inputs"]


def test_a_group_of_optimizers_has_no_variables():
    group = OptimizerGroup([keras.optimizers.SGD()])
    assert group.variables == [] and hasattr(keras.optimizers.SGD(), "_variables"), (
        f"No longer there: {private_keras.OVERRIDDEN['_variables']}."
    )
