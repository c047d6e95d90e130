"""Copies of networks with quicker layers: the same numbers, no shared variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import odd_networks
from keras_gan import layers


def nested():
    """Layers in a functional model, a sequential one within it, a wrapper; twice the same one."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2, 2, 28), name="x")
    norm = keras.layers.BatchNormalization(name="norm")
    inner = keras.Sequential(
        [
            keras.layers.BatchNormalization(name="inner_norm"),
            keras.layers.Dropout(0.3),
        ]
    )
    x = norm(inner(norm(inputs)))
    x = layers.SpectralNormalization(keras.layers.Conv2D(3, 3, padding="same", name="image"))(x)
    x = keras.layers.Conv2DTranspose(2, 2, name="up")(x)
    return keras.Model({"x": inputs}, {"y": x, "z": norm(inputs)}, name="nested")


def test_the_copy_computes_the_same_with_quicker_layers():
    model = nested()
    model.compile("adam", "mse")
    fused = layers.fuse(model)
    inner = fused.layers[2]
    kinds = {layer.name: type(layer) for layer in (*fused.layers, *inner.layers)}
    assert kinds["norm"] is kinds["inner_norm"] is layers.BatchNormalization
    assert kinds["up"] is keras.layers.Conv2DTranspose
    wrapped = next(x for x in fused.layers if isinstance(x, layers.SpectralNormalization))
    assert type(wrapped.layer) is layers.ImageConv2D
    assert type(model.get_layer("norm")) is keras.layers.BatchNormalization
    assert type(fused) is type(model) and fused.name == "nested" and not fused.compiled
    assert not {id(v) for v in fused.variables} & {id(v) for v in model.variables}
    x = {"x": np.random.default_rng(0).normal(size=(6, 2, 2, 28)).astype("float32")}
    for training in (True, False):
        expected, found = model(x, training=training), fused(x, training=training)
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(fused.weights, model.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_convolutions_in_groups_are_those_of_the_package():
    model = keras.Sequential([keras.Input((4, 4, 4)), keras.layers.Conv2D(4, 3, groups=2)])
    assert [type(layer) for layer in layers.fuse(model).layers] == [layers.GroupedConv2D]


def test_the_copy_is_saved_as_what_it_is(tmp_path):
    fused = layers.fuse(helpers.generator(batch_norm=True))
    fused.save(tmp_path / "fused.keras")
    again = keras.saving.load_model(tmp_path / "fused.keras")
    assert [type(x) for x in again.layers] == [type(x) for x in fused.layers]
    assert layers.BatchNormalization in map(type, again.layers)
    assert helpers.same(again.get_weights(), fused.get_weights())


def test_what_is_made_in_code_is_refused():
    subclass = odd_networks.called(odd_networks.Subclass(2, 1.0), tf.zeros((1, helpers.LATENT)))
    for model in (subclass, keras.layers.Dense(1), "dcgan"):
        with pytest.raises(ValueError, match="functional or a sequential.*BatchNormalization` it"):
            layers.fuse(model)
    with pytest.raises(ValueError, match="must be built.*`Input`"):
        layers.fuse(keras.Sequential([keras.layers.Dense(1)]))
