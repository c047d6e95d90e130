"""Canaries of what `private_keras` stands on."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from canaries import Canaries
from keras_gan.backend import private_keras

canary = Canaries()


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
