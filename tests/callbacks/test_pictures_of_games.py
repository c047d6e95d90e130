"""What `ImageGrid` shows of games: rows of data with what is made of them, or samples by class."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from keras_gan import AdversarialModel, Critic, data, images, lettering, priors
from keras_gan.callbacks import ImageGrid

SKETCHES = (np.arange(12) * 10 + 20).astype("uint8").reshape(12, 1, 1, 1)
SKETCHES = np.broadcast_to(SKETCHES, (12, 4, 4, 1))
PHOTOS = np.broadcast_to(SKETCHES[:, :1, :1] + 5, (12, 8, 8, 3))


class Feed:
    """The examples of a data set, as `fit` leaves them."""

    def __init__(self, **samples):
        self.samples = samples


def judge(*shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    flat = [layers.Flatten()(tensor) for tensor in inputs]
    return keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(flat)))


def painter():
    """Makes the negative of a sketch, larger; noise and a thickness besides."""
    sketch = keras.Input((4, 4, 1), name="sketch")
    noise, thickness = keras.Input((3,), name="noise"), keras.Input((1,), name="thickness")
    silent = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    quiet = layers.Reshape((1, 1, 1))(silent(layers.Concatenate()([noise, thickness])))
    negative = layers.Conv2D(3, 1, kernel_initializer=keras.initializers.Constant(-1.0))
    painted = layers.UpSampling2D(2)(negative(layers.Add()([sketch, quiet])))
    generator = keras.Model(
        {"sketch": sketch, "noise": noise, "thickness": thickness}, {"painted": painted}
    )
    critic = Critic(judge((8, 8, 3), (4, 4, 1)), real="photo", fake="painted", condition="sketch")
    model = AdversarialModel(generator, critic, priors={"noise": "normal"})
    model.compile()
    return model


def drawn(model, grid, epochs=1):
    grid.set_params({"epochs": epochs})
    grid.set_model(model)
    grid.on_train_begin()
    for epoch in range(epochs):
        grid.on_epoch_begin(epoch)
        grid.on_epoch_end(epoch, {})
    grid.on_train_end()


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def middles(picture, rows, columns):
    """The grey in the middle of each cell."""
    height, width = picture.shape[0] / rows, picture.shape[1] / columns
    places = [
        (int((i + 0.5) * height), int((j + 0.5) * width))
        for i in range(rows)
        for j in range(columns)
    ]
    return np.array([picture[place].flat[0] for place in places], "int").reshape(rows, columns)


@pytest.mark.parametrize("held_out", [True, False])
def test_inputs_outputs_and_targets_of_the_same_rows_stand_side_by_side(tmp_path, held_out):
    model = painter()
    entries = {"sketch": SKETCHES, "photo": PHOTOS, "thickness": np.zeros((12, 1), "float32")}
    half = {name: array[:6] for name, array in entries.items()}
    model._training_feed = Feed(**entries)
    model._held_out_feed = Feed(**half) if held_out else None
    drawn(model, ImageGrid(tmp_path, rows=3, columns=6), epochs=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "epoch_0001.png",
        "epoch_0002.png",
        "training.gif",
    ]
    picture = read(tmp_path / "epoch_0001.png")
    np.testing.assert_array_equal(picture, read(tmp_path / "epoch_0002.png"))
    names = ["sketch", "painted", "photo"] * 2
    heading = picture[: lettering.LINE_HEIGHT]
    np.testing.assert_array_equal(heading[..., 0], lettering.heading(names, picture.shape[1]))
    cells = middles(picture[lettering.LINE_HEIGHT :], 3, 6).reshape(6, 3)
    sketches, painted, photos = cells.T
    np.testing.assert_array_equal(photos, sketches + 5)
    np.testing.assert_allclose(painted, 255 - sketches, atol=1)
    assert len(set(sketches)) == 6, "each row once"
    if held_out:
        assert set(sketches) == set(SKETCHES[:6, 0, 0, 0])
    else:
        assert not set(sketches) <= set(SKETCHES[:6, 0, 0, 0])


def test_fewer_rows_than_columns_leave_no_column_empty(tmp_path):
    model = painter()
    entries = {"sketch": SKETCHES, "photo": PHOTOS, "thickness": np.zeros((12, 1), "float32")}
    model._training_feed = Feed(**{name: array[:2] for name, array in entries.items()})
    drawn(model, ImageGrid(tmp_path, rows=3, columns=20, gif=False))
    picture = read(tmp_path / "epoch_0001.png")
    names = ["sketch", "painted", "photo"] * 2
    heading = picture[: lettering.LINE_HEIGHT]
    np.testing.assert_array_equal(heading[..., 0], lettering.heading(names, picture.shape[1]))


def test_rows_that_are_not_known_yet_are_drawn_later(tmp_path):
    model = painter()
    model._training_feed = Feed()
    model._training_feed.samples = None
    drawn(model, ImageGrid(tmp_path, rows=1, gif=False))
    assert list(tmp_path.iterdir()) == []


def test_labels_are_of_samples_that_are_drawn(tmp_path):
    with pytest.raises(ValueError, match="`labels` are for samples that are drawn"):
        drawn(painter(), ImageGrid(tmp_path, labels=1))


@pytest.fixture(scope="module")
def florist():
    """Makes plain images whose grey is that of their class."""
    noise, labels = keras.Input((3,), name="noise"), keras.Input((), dtype="int32", name="labels")
    embedding = layers.Embedding(3, 1, embeddings_initializer="zeros")
    silent = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    grey = layers.Add()([embedding(labels), silent(noise)])
    image = layers.UpSampling2D(8)(layers.Reshape((1, 1, 1))(grey))
    embedding.set_weights([np.float32([[-0.5], [0.0], [0.5]])])
    shown = keras.Input((8, 8, 1))
    kind = layers.Embedding(3, 2)(of := keras.Input((), dtype="int32"))
    both = layers.Concatenate()([layers.Flatten()(shown), kind])
    model = AdversarialModel(
        keras.Model({"noise": noise, "labels": labels}, {"flower": image}),
        Critic(
            keras.Model([shown, of], layers.Dense(1)(both)),
            real="photo",
            fake="flower",
            condition="labels",
        ),
        priors={"noise": "normal", "labels": priors.Categorical(3)},
    )
    model.compile()
    return model


GREYS = [int(images.to_uint8(np.float32(grey))) for grey in (-0.5, 0.0, 0.5)]


def test_a_categorical_name_is_a_class(florist, tmp_path):
    model = florist
    assert (model.num_classes, model.class_entry) == (3, "labels")
    model.class_names = None
    with pytest.raises(ValueError, match="does not know the names"):
        model.generate(inputs={"labels": ["rose"]})
    model.class_names = ["rose", "tulip", "lily"]
    made = model.generate(inputs={"labels": ["lily", "rose"]})
    assert images.to_uint8(made)[:, 0, 0, 0].tolist() == [GREYS[2], GREYS[0]]
    assert model.generate(2, inputs={"labels": "tulip"}).shape == (2, 8, 8, 1)
    again = AdversarialModel.from_config(model.get_config())
    assert again.class_names == ("rose", "tulip", "lily") and again.num_classes == 3
    with pytest.raises(ValueError, match="Did you mean 'rose'"):
        model.generate(inputs={"labels": ["rosa"]})
    with pytest.raises(ValueError, match="one name for each class"):
        model.class_names = ["rose"]
    assert painter().num_classes is None


def test_samples_that_are_drawn_stand_class_by_class(florist, tmp_path, monkeypatch):
    florist.class_names = ["rose", "tulip", "lily"]
    known = (np.arange(12) % 3).astype("int32")
    photos = np.broadcast_to((known * 10 + 100).astype("uint8").reshape(12, 1, 1, 1), (12, 8, 8, 1))
    florist._training_feed, florist._held_out_feed = Feed(photo=photos, labels=known), None
    told, grid = [], images.grid
    monkeypatch.setattr(images, "grid", lambda *a, **k: told.append(k) or grid(*a))
    drawn(florist, ImageGrid(tmp_path, columns=2))
    assert told == [{"row_names": ["rose", "tulip", "lily"]}] * 2
    real = middles(read(tmp_path / "real.png"), 3, 2)
    assert real.tolist() == [[100, 100], [110, 110], [120, 120]]
    cells = middles(read(tmp_path / "epoch_0001.png"), 3, 2)
    assert cells.tolist() == [[grey] * 2 for grey in GREYS]
    drawn(florist, ImageGrid(tmp_path, columns=2, rows=1, labels=["lily", "rose"]), epochs=1)
    cells = middles(read(tmp_path / "epoch_0001.png"), 1, 2)
    assert cells.tolist() == [[GREYS[2], GREYS[0]]]


def test_names_of_classes_come_with_the_data(florist):
    florist.class_names = None
    named = data.from_arrays(PHOTOS[..., :1], np.arange(12) % 3, class_names=["a", "b", "c"])
    florist._learn_class_names(named)
    assert florist.class_names == ("a", "b", "c")
    florist._learn_class_names(tf.data.Dataset.range(3))
    assert florist.class_names == ("a", "b", "c")


def test_what_makes_no_images_is_refused(tmp_path):
    source = keras.Input((2,), name="source")
    generator = keras.Model({"source": source}, {"moved": layers.Dense(2)(source)})
    model = AdversarialModel(
        generator, Critic(judge((2,), (2,)), real=("source", "target"), fake=("source", "moved"))
    )
    model.compile()
    with pytest.raises(ValueError, match=r"draws images.*sample_shape=\(2,\)"):
        drawn(model, ImageGrid(tmp_path))


def of_values(**options):
    """A game of numbers in the shape of images: four times the input."""
    noisy = keras.Input((4, 4, 1), name="noisy")
    times = layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(4.0))
    critic = Critic(judge((4, 4, 1)), real="clean", fake="made")
    generator = keras.Model({"noisy": noisy}, {"made": times(noisy)})
    model = AdversarialModel(generator, critic, values=["noisy", "clean"], **options)
    model.compile()
    return model


def test_numbers_are_drawn_on_the_scale_of_their_targets(tmp_path):
    model = of_values()
    steps = np.arange(6, dtype="float32").reshape(6, 1, 1, 1) * np.ones((1, 4, 4, 1), "float32")
    model._training_feed = Feed(noisy=steps, clean=4.0 * steps)
    drawn(model, ImageGrid(tmp_path, rows=8, columns=3, gif=False))
    picture = read(tmp_path / "epoch_0001.png")
    cells = middles(picture[lettering.LINE_HEIGHT :], 6, 3)  # no empty rows
    noisy, made, clean = cells.T
    np.testing.assert_array_equal(made, clean)
    assert sorted(clean) == [0, 51, 102, 153, 204, 255]
    np.testing.assert_allclose(noisy, clean / 4.0, atol=1)


def test_numbers_that_are_drawn_have_the_scale_of_the_reals(tmp_path):
    model = of_values(priors={"noisy": "uniform"})
    reals = np.linspace(0.0, 40.0, 6, dtype="float32").reshape(6, 1, 1, 1)
    model._training_feed = Feed(clean=np.broadcast_to(reals, (6, 4, 4, 1)))
    drawn(model, ImageGrid(tmp_path, rows=2, columns=3, gif=False))
    assert sorted(middles(read(tmp_path / "real.png"), 2, 3).flat) == [0, 51, 102, 153, 204, 255]
    assert read(tmp_path / "epoch_0001.png").max() <= 240  # at most 4 of 40, and the gutters
