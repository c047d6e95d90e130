"""What an export says of itself."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import AdversarialModel, Critic
from keras_gan.model import model_card


@pytest.fixture(scope="module")
def gan():
    return helpers.gan((8, 8, 1), num_classes=2, regularizers=["r1"], run_eagerly=True)


def test_the_card_has_data_recipe_figures_and_use(gan, tmp_path):
    gan.class_names = ["<script>", "a|b"]
    model_card.write(gan, tmp_path, figures={"fid": 3.25, "fid_floor": float("inf")})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["sample_shape"] == [8, 8, 1] and config["latent_dim"] == helpers.LATENT
    assert config["class_names"] == ["<script>", "a|b"] and config["num_classes"] == 2
    assert config["metrics"] == {"fid": 3.25, "fid_floor": "inf"}
    assert config["recipe"]["loss"] == "NonSaturating" and config["verdict"] is None
    text = (tmp_path / "README.md").read_text()
    assert "tf.saved_model.load" in text and "onnxruntime" in text and "labels=" in text
    assert "| fid_floor |" in text and f'load("{tmp_path.name}")' in text
    assert "Verdict: none, since" in text and "samples.png" in text
    assert "| 0 | &#60;script&#62; |\n| 1 | a&#124;b |" in text, "callers give the numbers"
    assert (tmp_path / "samples.png").stat().st_size > 0


@pytest.mark.parametrize("data", ["array", "pipeline"])
def test_the_card_knows_the_data_of_a_fit_that_is_over(gan, tmp_path, data):
    images, labels = helpers.images(8, (8, 8, 1)), np.arange(8) % 2
    given = {"x": images, "y": labels, "batch_size": 4}
    if data == "pipeline":
        given = {"x": tf.data.Dataset.from_tensor_slices((images, labels)).batch(4, True)}
    gan.fit(**given, verbose=0)
    model_card.write(gan, tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())["data"]
    assert told["steps_per_epoch"] == 2 and "8, 8, 1)" in str(told)
    text = (tmp_path / "README.md").read_text()
    assert "8, 8, 1), int" in text and "TensorSpec" not in text
    if data == "array":
        assert told["num_samples"] == gan.run_description()["data.num_samples"] == 8


def test_names_and_messages_are_no_markup(gan, tmp_path):
    message = "stalled <img src=x onerror=alert(1)> [x](javascript:1)\n# title"
    verdict = types.SimpleNamespace(to_json=lambda: json.dumps({"message": message}))
    gan.verdict = verdict
    try:
        model_card.write(gan, tmp_path)
    finally:
        gan.verdict = None
    text = (tmp_path / "README.md").read_text()
    assert "<img" not in text and "](javascript" not in text and "\n# title" not in text
    assert json.loads((tmp_path / "config.json").read_text())["verdict"]["message"] == message


def test_a_model_that_is_no_gan_has_a_card_without_pictures(tmp_path):
    model = types.SimpleNamespace(steps_seen=3, images_seen=48, compiled=False)
    model_card.write(model, tmp_path, outputs="painted")
    assert json.loads((tmp_path / "config.json").read_text())["outputs"] == ["painted"]
    assert not (tmp_path / "samples.png").exists()
    assert "serve(...)" in (tmp_path / "README.md").read_text()


def test_the_card_of_a_game_names_inputs_and_draws(tmp_path):
    x, z = keras.Input((4,), name="x"), keras.Input((2,), name="z")
    generator = keras.Model({"x": x, "z": z}, {"y": keras.layers.Dense(4)(x), "near": z + 1.0})
    judge = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    priors = {"z": "normal"}
    model = AdversarialModel(generator, Critic(judge, real="r", fake="y"), priors=priors)
    model._state.steps_seen.assign(1)
    said = []
    for outputs in ("y", "near", ["y", "near"]):
        arguments = model._exported(outputs).arguments
        model_card.write(model, tmp_path, outputs, arguments=arguments)
        said.append((tmp_path / "README.md").read_text())
    assert "serve(x=...)\n# x: float32 (batch, 4)" in said[0] and "sample(" not in said[0]
    assert "sample(num_samples=16, seed=0, truncation=1.0)" in said[1]
    assert "serve(x=..., z=...)" in said[2] and "sample(x=..., seed=0, " in said[2]
    assert "Trained for 1 step on" in said[0]


@pytest.mark.parametrize(
    "given, shown",
    [
        ("sliced_wasserstein", "sliced_wasserstein"),
        ("regularizers[0].weight", "regularizers[0].weight"),
        ("R&D, 2 & 3!", "R&D, 2 & 3!"),
        ("_a_ __b__", "&#95;a&#95; &#95;&#95;b&#95;&#95;"),
        ("![x](y)", "![x&#93;(y)"),
        ("&lt;b", "&#38;lt;b"),
        ("a|`b`*c* <i> \\|", "a&#124;&#96;b&#96;&#42;c&#42; &#60;i&#62; &#92;&#124;"),
    ],
)
def test_only_markup_is_escaped(given, shown):
    assert model_card._inline(given) == shown
