"""Canaries of what `private_graphs` stands on."""

import keras
import numpy as np

from canaries import Canaries, network
from keras_gan.backend import private_graphs

canary = Canaries()


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
