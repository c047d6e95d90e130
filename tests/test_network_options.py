"""Attention, conditional BatchNorm and heads: options of networks, and the layers behind them."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan import layers, networks

RANDOM = np.random.default_rng(0)
FEW = {"generator_filters": 4, "discriminator_filters": 4}


def of_shape(*shape):
    return RANDOM.normal(size=shape).astype("float32")


# === Layers ===


def test_attention_starts_as_nothing_and_then_adds_what_the_softmax_weighs():
    x, queries, keys, values = (
        of_shape(*shape) for shape in [(2, 4, 3, 5), (2, 4, 3, 2), (2, 2, 2, 2), (2, 2, 2, 5)]
    )
    layer = layers.SelfAttention()
    np.testing.assert_array_equal(layer([x, queries, keys, values]), x)
    layer.gamma.assign(0.5)
    found = layer([x, queries, keys, values]).numpy()
    for sample in range(2):
        for place in np.ndindex(4, 3):
            products = keys[sample].reshape(-1, 2) @ queries[sample][place]
            weights = np.exp(products) / np.exp(products).sum()
            attended = weights @ values[sample].reshape(-1, 5)
            expected = x[sample][place] + 0.5 * attended
            np.testing.assert_allclose(found[sample][place], expected, rtol=1e-4, atol=1e-5)


def test_scales_and_shifts_are_those_of_the_class():
    layer = layers.ConditionalAffine(3)
    x, labels = of_shape(4, 2, 2, 5), np.array([2, 0, 2, 1], "int32")
    np.testing.assert_array_equal(layer([x, labels]), x)
    scale, shift = of_shape(3, 5), of_shape(3, 5)
    layer.set_weights([scale, shift])
    expected = scale[labels][:, None, None] * x + shift[labels][:, None, None]
    np.testing.assert_allclose(layer([x, labels]), expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_layers_are_saved_and_keep_the_precision(policy, tmp_path):
    maps = [keras.Input((4, 4, size)) for size in (6, 2, 2, 6)]
    label = keras.Input((), dtype="int32")
    attended = layers.SelfAttention(dtype=policy)(maps)
    scaled = layers.ConditionalAffine(3, dtype=policy)([attended, label])
    model = keras.Model([*maps, label], scaled)
    model.set_weights([of_shape(*weight.shape) for weight in model.weights])
    inputs = [*(of_shape(2, *x.shape[1:]) for x in maps), np.array([0, 2], "int32")]
    before = model(inputs)
    assert before.dtype == ("float32" if policy == "float32" else "bfloat16")
    model.save(tmp_path / "model.keras")
    after = keras.saving.load_model(tmp_path / "model.keras")(inputs)
    np.testing.assert_array_equal(np.asarray(before, "float32"), np.asarray(after, "float32"))


# === Networks ===


@pytest.mark.parametrize("family", [networks.dcgan, networks.resnet])
def test_attention_is_in_both_networks_at_the_map_of_that_height(family):
    pair = family((20, 12, 3), 4, attention=5, **FEW)
    for network in pair:
        name = f"{network.name}_attention"
        wrapped = family is networks.resnet and network.name == "discriminator"
        end = "_normalised" if wrapped else ""
        assert network.get_layer(name).output.shape[1:3] == (5, 3)
        assert network.get_layer(f"{name}_queries{end}").output.shape[1:3] == (5, 3)
        assert network.get_layer(f"{name}_values_pool").output.shape[1:3] == (3, 2)


@pytest.mark.parametrize("family", [networks.dcgan, networks.resnet])
def test_conditional_norms_take_the_label_in_place_of_the_latent(family):
    generator, _ = family((8, 8, 1), 4, num_classes=3, conditional_norm=True, **FEW)
    scaled = [x for x in generator.layers if isinstance(x, layers.ConditionalAffine)]
    normed = [x for x in generator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(scaled) == len(normed) > 1
    assert not any(layer.scale or layer.center for layer in normed)
    assert not any(isinstance(x, keras.layers.Embedding) for x in generator.layers)
    latents, labels = np.ones((3, 4), "float32"), np.arange(3)
    samples = generator([latents, labels]).numpy()
    np.testing.assert_allclose(samples[0], samples[1], atol=1e-6)  # all classes start alike
    scaled[0].shift.assign(of_shape(*scaled[0].shift.shape))
    samples = generator([latents, labels]).numpy()
    assert not np.allclose(samples[0], samples[1])


def test_heads_are_beside_the_logit_and_read_the_features():
    _, discriminator = networks.dcgan((8, 8, 1), 4, heads={"classes": 3, "style": 2}, **FEW)
    outputs = discriminator(helpers.images(5).astype("float32"))
    shapes = {name: value.shape[1:] for name, value in outputs.items()}
    assert shapes == {"logits": (1,), "classes": (3,), "style": (2,), "features": (32,)}
    for name in ("logits", "classes"):
        layer = "score" if name == "logits" else name
        kernel, bias = discriminator.get_layer(f"discriminator_{layer}").get_weights()
        expected = outputs["features"].numpy() @ kernel + bias
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-3, atol=1e-3)


def test_an_encoder_is_disturbed_in_training_alone():
    encoder = networks.encoder((8, 8, 1), {"mean": 3}, filters=4, noise=0.5, dropout=0.5)
    images = of_shape(4, 8, 8, 1)
    outputs = encoder(images)
    assert {k: v.shape[1:] for k, v in outputs.items()} == {"mean": (3,), "features": (32,)}
    np.testing.assert_array_equal(outputs["mean"], encoder(images)["mean"])
    assert not np.allclose(encoder(images, training=True)["features"], outputs["features"])


def test_a_joint_discriminator_reads_the_image_and_the_code():
    network = networks.joint_discriminator((8, 8, 1), 3, filters=4, width=8)
    images, codes = of_shape(2, 8, 8, 1), of_shape(2, 3)
    logits = network([images, codes])["logits"].numpy()
    assert logits.shape == (2, 1)
    assert not np.allclose(logits, network([images[::-1], codes])["logits"])
    assert not np.allclose(logits, network([images, codes[::-1]])["logits"])


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: networks.dcgan((28, 28, 1), attention=28),
            "height of a map.*14, 7, 4.*attention=28",
        ),
        (lambda: networks.resnet((8, 8, 1), attention=3), "attention=3"),
        (lambda: networks.dcgan((8, 8, 1), conditional_norm=True), "needs classes.*`num_classes=`"),
        (
            lambda: networks.dcgan(
                (8, 8, 1), num_classes=2, conditional_norm=True, batch_norm=False
            ),
            "needs `batch_norm=True`",
        ),
        (lambda: networks.dcgan((8, 8, 1), heads={"logits": 3}), "'logits' and 'features'"),
        (lambda: networks.dcgan((8, 8, 1), heads={"classes": 0}), r"heads\['classes'\].*=0"),
        (lambda: networks.encoder((8, 8, 1), {}), "a name at least"),
        (lambda: networks.joint_discriminator((8, 8, 1), 0), "code_dim=0"),
        (lambda: networks.classifying_discriminator((8, 8, 1), 0), "num_classes=0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
