"""What is exported: the averaged generator, alone, and equal to `generate`."""

import contextlib
import inspect
import io
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import AdversarialModel, Critic, priors
from keras_gan.model import exported_gan

CLASSES = 3
SIZE = (8, 8, 1)
SEEDS = (0, 7, 2**40 + 1)
LABELS = np.arange(5) % CLASSES


def different(gan):
    """Moves the averaged generator away from the raw one, and out of [-1, 1]."""
    rng = np.random.default_rng(0)
    for variable in gan.averaged_generator.weights:
        variable.assign(rng.normal(size=variable.shape))
    return gan


@pytest.fixture(scope="module")
def gans():
    keras.utils.set_random_seed(0)
    return {
        "images": different(helpers.gan(SIZE)),
        "labelled": different(helpers.gan((2,), num_classes=CLASSES)),
    }


@pytest.fixture(scope="module")
def folders(gans, tmp_path_factory):
    """Both models as SavedModels."""
    result = {}
    for name, gan in gans.items():
        result[name] = tmp_path_factory.mktemp("export") / name
        result[name].mkdir()  # an empty folder will do
        with contextlib.redirect_stdout(io.StringIO()) as told:
            gan.export(result[name])
        assert not told.getvalue()
    return result


@pytest.fixture(scope="module")
def loaded(folders):
    return {name: tf.saved_model.load(str(folder)) for name, folder in folders.items()}


def test_a_card_is_beside_a_saved_model(folders):
    for name, folder in folders.items():
        found = {path.name for path in folder.iterdir()}
        assert {"README.md", "config.json"} <= found
        assert ("samples.png" in found) == (name == "images")


def served(images, labelled, latents):
    """What the SavedModels in two folders give; nothing here comes from this package or Keras."""
    results = {}
    model = tf.saved_model.load(str(images))
    results["serve"] = model.serve(tf.constant(latents))
    signature = model.signatures["serving_default"]
    results["default"] = signature(latents=tf.constant(latents))["output_0"]
    for seed in (0, 7, 2**40 + 1):
        results[f"sample_{seed}"] = model.sample(5, seed, 1.0)
    results["one"] = model.sample(1, 7, 1.0)
    results["many"] = model.sample(300, 7, 1.0)
    results["half"] = model.sample(5, 7, 0.5)
    results["uint8"] = model.sample_uint8(num_samples=300, seed=7, truncation=1.0)

    model = tf.saved_model.load(str(labelled))
    labels = tf.constant(np.arange(5) % 3, "int32")
    results["labelled_serve"] = model.serve(tf.constant(latents), labels)
    results["labelled"] = model.sample(5, 7, 0.5, labels)
    results["named"] = model.sample(num_samples=5, seed=7, truncation=0.5, labels=labels)
    results["has_uint8"] = hasattr(model, "sample_uint8")
    return {name: np.asarray(value) for name, value in results.items()}


@pytest.fixture(scope="module")
def elsewhere(gans, folders):
    """What the SavedModels give."""
    return served(folders["images"], folders["labelled"], gans["images"].sample_latents(5, seed=3))


ELSEWHERE = f"""
import sys
sys.modules.update(sklearn=None, matplotlib=None)  # Keras imports them, and uses neither here
import numpy as np
import tensorflow as tf

{inspect.getsource(served)}

images, labelled, out = sys.argv[1:]
results = served(images, labelled, np.load(out)["latents"])
assert not [name for name in sys.modules if name.startswith("keras_gan")]
np.savez(out, **results)
"""


@pytest.mark.slow
def test_a_process_that_has_never_heard_of_this_package_gets_the_same(
    gans, folders, elsewhere, tmp_path
):
    out = tmp_path / "out.npz"
    np.savez(out, latents=gans["images"].sample_latents(5, seed=3))
    command = [sys.executable, "-I", "-c", ELSEWHERE, folders["images"], folders["labelled"], out]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found = dict(np.load(out))
    assert found.keys() == elsewhere.keys()
    for name, value in elsewhere.items():
        close(found[name], value)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


# === SavedModel ===


def test_serve_runs_the_averaged_generator(gans, elsewhere):
    gan = gans["images"]
    latents = gan.sample_latents(5, seed=3)
    close(elsewhere["serve"], gan.generate(latents=latents))
    close(elsewhere["serve"], gan.predict(latents, verbose=0))
    close(elsewhere["default"], elsewhere["serve"])
    assert elsewhere["serve"].dtype == np.float32
    raw = gan.generate(latents=latents, averaged=False)
    assert np.abs(elsewhere["serve"] - raw).max() > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_sample_equals_generate(gans, elsewhere, seed):
    close(elsewhere[f"sample_{seed}"], gans["images"].generate(5, seed=seed))


def test_seeds_give_different_samples(elsewhere):
    for seed in SEEDS[1:]:
        assert np.abs(elsewhere[f"sample_{seed}"] - elsewhere["sample_0"]).max() > 0.1


def test_sample_takes_any_number(gans, elsewhere):
    close(elsewhere["one"], gans["images"].generate(1, seed=7))
    close(elsewhere["many"], gans["images"].generate(300, seed=7))


def test_sample_truncates(gans, elsewhere):
    close(elsewhere["half"], gans["images"].generate(5, seed=7, truncation=0.5))
    assert np.abs(elsewhere["half"] - elsewhere["sample_7"]).max() > 0.1


def test_sample_uint8_rounds(elsewhere):
    assert elsewhere["uint8"].dtype == np.uint8
    expected = np.clip(np.round((elsewhere["many"].astype("float64") + 1) * 127.5), 0, 255)
    # A value halfway between two integers may go to either.
    assert np.abs(elsewhere["uint8"] - expected).max() <= 1
    assert (elsewhere["uint8"] == expected).mean() > 0.999


def test_to_uint8_saturates():
    images = [-3.0, -1.0, -0.999, 0.0, 0.5, 0.999, 1.0, 1.1, np.inf]
    # (x + 1) * 127.5: 0.1275, 127.5 (to the even neighbour), 191.25, 254.87.
    expected = [0, 0, 0, 128, 191, 255, 255, 255, 255]
    np.testing.assert_array_equal(exported_gan.to_uint8(tf.constant(images)), expected)


def test_to_uint8_inverts_the_scaling_of_data():
    values = np.arange(256)
    scaled = tf.constant(values / 127.5 - 1, "float32")
    np.testing.assert_array_equal(exported_gan.to_uint8(scaled), values)


def test_a_conditional_export_takes_labels(gans, elsewhere):
    gan = gans["labelled"]
    expected = gan.generate(labels=LABELS, seed=7, truncation=0.5)
    close(elsewhere["labelled"], expected)
    close(elsewhere["named"], expected)
    latents = gans["images"].sample_latents(5, seed=3)
    close(elsewhere["labelled_serve"], gan.generate(latents=latents, labels=LABELS))
    others = gan.generate(labels=(LABELS + 1) % CLASSES, seed=7, truncation=0.5)
    assert np.abs(expected - others).max() > 0.1


def test_vectors_have_no_uint8(elsewhere):
    assert not elsewhere["has_uint8"]


@pytest.mark.parametrize("name", ["images", "labelled"])
def test_the_weights_are_those_of_the_averaged_generator_alone(gans, folders, name):
    checkpoint = tf.train.load_checkpoint(str(folders[name] / "variables" / "variables"))
    stored = [
        checkpoint.get_tensor(path)
        for path in checkpoint.get_variable_to_shape_map()
        if not path.startswith("_CHECKPOINTABLE")
    ]
    wanted = helpers.values(gans[name].averaged_generator.weights)
    # Keras writes each of them twice.
    assert {array.tobytes() for array in stored} == {array.tobytes() for array in wanted}
    assert len(stored) == 2 * len(wanted)


# === Files ===


def contents(folder):
    folder = pathlib.Path(folder)
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_export_takes_the_place_of_an_older_one_and_changes_no_model(
    gans, folders, tmp_path, capsys
):
    path, before = tmp_path / "deep" / "generator", helpers.state(gans["labelled"])
    shutil.copytree(folders["images"], path)  # with a `samples.png`, which the other has not
    gans["labelled"].export(path, verbose=True)
    assert "Saved artifact" in capsys.readouterr().out, "what Keras tells on request"
    assert not (path / "samples.png").exists()
    assert [p.name for p in path.parent.iterdir()] == ["generator"]
    loaded = tf.saved_model.load(str(path))
    samples = loaded.sample(2, 1, 1.0, tf.constant([0, 1]))
    close(samples, gans["labelled"].generate(labels=[0, 1], seed=1))
    helpers.assert_same(before, helpers.state(gans["labelled"]))


@pytest.mark.parametrize("fails", ["write_out", "add_endpoint"])
def test_a_failed_export_leaves_the_older_one(gans, folders, monkeypatch, fails):
    before = contents(folders["images"].parent)

    def broken(self, path, *arguments, **settings):
        if fails == "write_out":
            pathlib.Path(path).mkdir()
            (pathlib.Path(path) / "saved_model.pb").write_text("half")
        raise OSError("the disk is full")

    monkeypatch.setattr(type(keras.export.ExportArchive()), fails, broken)
    with pytest.raises(OSError, match="the disk is full"):
        gans["images"].export(folders["images"])
    assert contents(folders["images"].parent) == before


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        (
            "g",
            {"format": "tf_savedmodel"},
            "`format` must be one of.*Did you mean 'tf_saved_model'",
        ),
        ("g", {"format": "tflite"}, "`format` must be one of.*Received: format='tflite'"),
        ("g", {"format": "litert"}, r"must end in \.tflite.*Received: path="),
        ("g.tflite", {"format": "onnx"}, r"must end in \.onnx.*Received: path="),
        ("g", {"format": "onnx"}, r"must end in \.onnx.*Received: path="),
        ("g.ONNX", {}, r"must end in \.onnx.*Received: path="),
        ("g.keras", {}, r"of a folder, not of a file of Keras.*g\.keras'. To save .* use `save`"),
        ("g", {"opset_version": 18}, r"takes no further options.*options=\['opset_version'\]"),
    ],
)
def test_bad_arguments_are_refused(gans, tmp_path, path, settings, message):
    with pytest.raises(ValueError, match=message):
        gans["labelled"].export(tmp_path / path, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["", ".onnx", ".tflite"])
def test_a_path_that_is_no_unicode_is_refused(gans, tmp_path, ending):
    path = os.path.join(tmp_path, os.fsdecode(b"\xff") + ending)
    for given in (path, os.fsencode(path)):
        with pytest.raises(ValueError, match="`path` must be of Unicode.*Received: path=") as error:
            gans["images"].export(given)
        str(error.value).encode()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_export_never_takes_the_place_of_something_else(gans, tmp_path, kind):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "epoch_0001.png").write_text("precious")
    (tmp_path / "file").write_text("precious")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=f"SavedModel.*path='.*{kind}'"):
        gans["images"].export(tmp_path / kind)
    assert contents(tmp_path) == before


# === Arguments of an exported model ===


def test_an_exported_model_has_the_defaults_of_generate(gans, loaded):
    images, labelled = loaded.values()
    close(images.sample(3, 7), gans["images"].generate(3, seed=7))
    np.testing.assert_array_equal(images.sample_uint8(3, 7), images.sample_uint8(3, 7, 1.0))
    labels = tf.constant([0, 1, 2])
    expected = gans["labelled"].generate(labels=labels.numpy(), seed=7)
    close(labelled.sample(3, 7, labels=labels), expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, -1, 2], "must be class indices from 0 to 2"),
        ([0, 1, CLASSES], "must be class indices from 0 to 2"),
        ([0, 1], "must be one for each sample"),
    ],
)
def test_an_exported_model_refuses_labels_that_are_no_classes(loaded, labels, message):
    model, labels = loaded["labelled"], tf.constant(labels)
    for call in (
        lambda: model.sample(3, 7, labels=labels),
        lambda: model.serve(tf.zeros((3, helpers.LATENT)), labels),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call()


def test_onnx_without_its_extra_is_refused(gans, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = r"needs packages.*missing=\['onnx', 'tf2onnx'\].*pip install 'keras-gan\[onnx\]'"
    with pytest.raises(ImportError, match=message):
        gans["images"].export(tmp_path / "generator.onnx", format="onnx")
    assert not list(tmp_path.iterdir())


def test_the_classes_of_any_model_are_checked_and_named(tmp_path):
    noise, labels = keras.Input((4,), name="noise"), keras.Input((), dtype="int32", name="labels")
    embedded = keras.layers.Embedding(3, 2)(labels)
    made = keras.layers.Dense(2)(keras.layers.Concatenate()([noise, embedded]))
    game = AdversarialModel(
        keras.Model({"noise": noise, "labels": labels}, {"made": made}),
        Critic(helpers.discriminator(), real="points", fake="made"),
        priors={"noise": "normal", "labels": priors.Categorical(3)},
    )
    game.class_names = ["a", "b", "c"]
    game.export(tmp_path / "exported")
    loaded = tf.saved_model.load(tmp_path / "exported")
    assert loaded.class_names().numpy().tolist() == [b"a", b"b", b"c"]
    np.testing.assert_allclose(loaded.sample(3, 1), game.generate(3, seed=1), atol=1e-6)
    for label in (-1, 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` must be class.* 0 to 2"):
            loaded.serve(noise=tf.zeros((1, 4)), labels=tf.constant([label]))
