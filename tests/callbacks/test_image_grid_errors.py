"""What an image grid refuses, and one with a real model."""

import types

import keras
import numpy as np
import pytest

import helpers
from grid_fakes import FakeGAN, epochs_in, read, refused
from keras_gan import images
from keras_gan.callbacks.image_grid import ImageGrid

# === Errors ===


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"directory": ""}, "`directory` must be a folder's path. Received: directory=''"),
        ({"directory": None}, "Received: directory=None"),
        ({"log_dir": 3}, "`log_dir` must be a folder's path or None. Received: log_dir=3"),
        ({"rows": 0}, "`rows` must be a positive integer. Received: rows=0"),
        ({"columns": 2.0}, "`columns` must be"),
        ({"every_epochs": 0}, "`every_epochs` must be"),
        ({"seed": -1}, "`seed` must be a non-negative"),
        ({"gif": "no"}, "`gif` must be True or False"),
        ({"labels": [0, 1], "rows": 8}, r"each of the 64 cells. Received: labels_shape=\(2,\)"),
        ({"labels": [0] * 101}, r"each of the 64 cells.*labels_shape=\(101,\).*Give `rows=`"),
        ({"labels": [[0] * 8] * 8}, "one for each"),
        ({"labels": [0.5] * 64}, "integers of at least 0"),
        ({"labels": []}, "`labels` must be classes"),
        ({"labels": -1}, "integers of at least 0. Received: labels=-1"),
    ],
)
def test_arguments_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        ImageGrid(**{"directory": "runs", **options})


@pytest.mark.parametrize("shape", [(2,), (28, 28), (16, 16, 7)])
def test_samples_must_be_images(tmp_path, shape):
    gan = FakeGAN()
    gan.sample_shape, gan.is_image = shape, False
    message = refused(gan, directory=tmp_path / "run")
    assert f"Received: sample_shape={shape}." in message
    assert "Leave it out and plot" in message
    assert ("channel axis of size 1" in message) == (len(shape) == 2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("argument", ["directory", "log_dir"])
def test_a_folder_that_cannot_be_written_to_is_found_before_training(tmp_path, argument):
    (tmp_path / "file").touch()
    folders = {"directory": tmp_path / "run", argument: tmp_path / "file" / "run"}
    assert f"`{argument}` must be a folder that can be written to" in refused(FakeGAN(), **folders)


def test_labels_must_fit_the_model(tmp_path):
    message = refused(FakeGAN(), directory=tmp_path, labels=3)
    assert "takes none" in message and "labels=3" in message
    message = refused(FakeGAN(num_classes=3), directory=tmp_path, labels=3)
    assert "from 0 to 2. Received: labels=3" in message
    gan = FakeGAN(num_classes=2)
    gan.class_names = ("rose", "tulip")
    message = refused(gan, directory=tmp_path, labels=["rose", "tulp"])
    assert "The model knows rose, tulip. Received: labels='tulp'. Did you mean 'tulip'?" in message
    message = refused(FakeGAN(num_classes=2), directory=tmp_path, labels="rose")
    assert "does not know the names of its classes" in message


def test_another_model_is_refused(tmp_path):
    message = refused(keras.Sequential(), directory=tmp_path)
    assert "`ImageGrid` needs a model of `keras_gan`" in message
    assert "Received: model='Sequential'" in message


def test_a_full_disk_does_not_end_the_run(tmp_path, monkeypatch):
    def full(path, content, comment):
        raise OSError(28, "No space left on device")

    gan = FakeGAN()
    callback = ImageGrid(tmp_path, rows=1, columns=1)
    monkeypatch.setattr(images, "save_png", full)
    with pytest.warns(UserWarning) as caught:
        gan.fit(callback, epochs=2)
    names = ["real.png", "epoch_0001.png", "epoch_0002.png"]
    for warning, name in zip(caught, names, strict=True):
        assert f"{name}' could not be written (No space left on device)" in str(warning.message)
    assert len(gan.calls) == 2
    assert not list(tmp_path.iterdir())


# === The real model ===


@pytest.mark.parametrize("num_classes", [3, pytest.param(None, marks=pytest.mark.slow)])
def test_looking_changes_nothing(tmp_path, num_classes):
    samples = helpers.images(32)
    labels = None if num_classes is None else np.arange(32) % num_classes
    ends, draws = [], []
    for callbacks in ([], [ImageGrid(tmp_path, rows=2, columns=3, log_dir=tmp_path)]):
        keras.utils.set_random_seed(1)
        settings = {"run_eagerly": True, **helpers.by_sgd()}  # for two steps
        gan = helpers.gan((8, 8, 1), num_classes=num_classes, **settings)
        gan.fit(samples, labels, epochs=2, batch_size=32, verbose=0, callbacks=callbacks)
        ends.append(helpers.state(gan))
        draws.append(gan.generate(4))
    helpers.assert_same(*ends)
    np.testing.assert_array_equal(*draws)
    # The last picture shows the averaged generator as it is now.
    classes = None if num_classes is None else [0, 1, 2] * 2
    shown = gan.generate(latents=gan.sample_latents(6, 0), labels=classes)
    expected = images.grid(shown, 2, 3)[..., 0]  # two rows, for three classes
    np.testing.assert_array_equal(read(tmp_path / "epoch_0002.png"), expected)
    assert {path.name for path in tmp_path.iterdir()} > {"real.png", "training.gif"}


def test_keras_passes_what_it_needs(tmp_path):
    """A plain Keras run: the hooks' names and the parameters that they read."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    fake = FakeGAN()
    callback = ImageGrid(tmp_path, rows=1, columns=1, every_epochs=3)
    callback.set_model = types.MethodType(lambda self, _: setattr(self, "_model", fake), callback)
    model.fit(
        np.zeros((2, 1)), np.zeros((2, 1)), epochs=5, initial_epoch=1, verbose=0, callbacks=callback
    )
    assert epochs_in(tmp_path) == [3, 5]
