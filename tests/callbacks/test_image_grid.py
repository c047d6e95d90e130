"""The pictures of a run: which, when, of what, and that taking them changes nothing."""

import io
import types

import keras
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import helpers
from keras_gan import images, lettering
from keras_gan.callbacks.image_grid import ImageGrid


def shade(number):
    """What the fake generator makes in an epoch."""
    return np.float32(number % 100 / 50 - 1)


def shades(numbers):
    return [int(images.to_uint8(shade(number))) for number in numbers]


class FakeGAN:
    """Makes plain images whose grey tells the epoch; draws no noise of its own."""

    def __init__(self, shape=(8, 8, 1), num_classes=None, count=100, labels=None):
        self.sample_shape, self.num_classes = shape, num_classes
        self.is_image = len(shape) == 3
        self.seed, self.epoch, self.calls = 0, -1, []
        # The pixel tells the sample, apart from the black of an empty cell.
        grey = (np.arange(count) % 200 + 50).astype("uint8")
        self.known = np.broadcast_to(grey.reshape(-1, 1, 1, 1), (count, 8, 8, 1)).copy()
        self.reference_samples = self.known
        self.reference_labels = labels

    def sample_latents(self, num_samples, seed):
        return np.random.default_rng(seed).normal(size=(num_samples, 3)).astype("float32")

    def generate(self, *, latents, labels=None, seed=None):
        assert seed is not None, "would draw from the model's own stream"
        assert (labels is None) == (self.num_classes is None)
        self.calls.append((latents.copy(), None if labels is None else labels.copy()))
        return np.full((len(latents), *self.sample_shape), self.grey, "float32")

    @property
    def grey(self):
        return shade(self.epoch + 1)

    def fit(self, callback, *, epochs, initial_epoch=0, until=None):
        callback.set_params({"epochs": epochs})
        callback.set_model(self)
        callback.on_train_begin()
        for self.epoch in range(initial_epoch, until or epochs):
            callback.on_epoch_begin(self.epoch)
            callback.on_epoch_end(self.epoch, {})
        callback.on_train_end()


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def epochs_in(folder):
    return [int(path.stem.split("_")[1]) for path in sorted(folder.glob("epoch_*.png"))]


def first_cells(path):
    """One pixel of every cell of a 2 x 3 grid, in reading order."""
    pixels = read(path)
    height, width = (size / n for size, n in zip(pixels.shape, (2, 3), strict=True))
    return [int(pixels[int((i + 0.5) * height), int((j + 0.5) * width)]) for i, j in CELLS]


CELLS = [(i, j) for i in range(2) for j in range(3)]


# === Files ===


def test_what_a_run_leaves_behind(tmp_path):
    gan = FakeGAN()
    gan.fit(ImageGrid(tmp_path / "new" / "run", rows=2, columns=3), epochs=3)
    folder = tmp_path / "new" / "run"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"epoch_{number:04d}.png" for number in (1, 2, 3)),
        "real.png",
        "training.gif",
    ]
    for number in (1, 2, 3):
        samples = np.full((6, 8, 8, 1), shade(number))
        expected = images.grid(samples, 2, 3)[..., 0]
        np.testing.assert_array_equal(read(folder / f"epoch_{number:04d}.png"), expected)


@pytest.mark.parametrize(
    ("every", "start", "epochs", "expected"),
    [
        (1, 0, 4, [1, 2, 3, 4]),
        (3, 0, 9, [3, 6, 9]),
        (3, 0, 8, [3, 6, 8]),  # and the last
        (5, 0, 2, [2]),
        (1, 5, 7, [6, 7]),
        (3, 5, 10, [6, 9, 10]),
    ],
)
def test_which_epochs_are_drawn(tmp_path, every, start, epochs, expected):
    callback = ImageGrid(tmp_path, rows=1, columns=2, every_epochs=every, gif=False)
    FakeGAN().fit(callback, epochs=epochs, initial_epoch=start)
    assert epochs_in(tmp_path) == expected
    assert not (tmp_path / "training.gif").exists()


def test_numbers_of_five_digits(tmp_path):
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=1), epochs=10_001, initial_epoch=9_998)
    assert epochs_in(tmp_path) == [10_000, 10_001, 9_999]
    assert gif_epochs(tmp_path) == shades([9_999, 10_000, 10_001])


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (8, 8, 4)])
def test_channels(tmp_path, shape):
    FakeGAN(shape).fit(ImageGrid(tmp_path), epochs=1)
    with Image.open(tmp_path / "epoch_0001.png") as image:
        assert image.mode == ("L" if shape[-1] == 1 else "RGB")
        assert min(image.size) >= 512


# === Latents and labels ===


def test_the_same_latents_every_time(tmp_path):
    gan = FakeGAN()
    gan.fit(ImageGrid(tmp_path, rows=2, columns=3, seed=7), epochs=3)
    gan.fit(ImageGrid(tmp_path, rows=2, columns=3, seed=7), epochs=4, initial_epoch=3)
    assert len(gan.calls) == 4
    for latents, _ in gan.calls:
        np.testing.assert_array_equal(latents, gan.sample_latents(6, 7))
    gan.fit(ImageGrid(tmp_path, rows=2, columns=3, seed=8), epochs=1)
    assert not np.array_equal(gan.calls[-1][0], gan.calls[0][0])


@pytest.mark.parametrize(
    ("num_classes", "labels", "expected"),
    [
        (3, None, [0, 1, 2, 0, 1, 2]),  # more classes than rows
        (2, None, [0, 0, 0, 1, 1, 1]),  # a class a row
        (1, None, [0] * 6),
        (4, None, [0, 1, 2, 3, 0, 1]),
        (9, [7, 3], [7, 7, 7, 3, 3, 3]),
        (9, None, [0, 1, 2, 3, 4, 5]),
        (9, 8, [8] * 6),
        (9, [5, 4, 3, 2, 1, 0], [5, 4, 3, 2, 1, 0]),
        (9, np.full(6, 7), [7] * 6),
    ],
)
def test_classes(tmp_path, num_classes, labels, expected):
    gan = FakeGAN(num_classes=num_classes, labels=np.arange(100) % num_classes)
    callback = ImageGrid(tmp_path, rows=2, columns=3, labels=labels)
    gan.fit(callback, epochs=2)
    assert callback.labels is labels
    for _, drawn in gan.calls:
        assert drawn.tolist() == expected
    # Real samples of the same classes lie in the same cells.
    found = [pixel - 50 for pixel in first_cells(tmp_path / "real.png")]
    assert [index % num_classes for index in found] == expected
    assert len(set(found)) == 6


def test_a_class_without_real_samples_stays_black(tmp_path):
    gan = FakeGAN(num_classes=3, labels=np.array([2] + [0] * 99))
    gan.fit(ImageGrid(tmp_path, rows=2, columns=3), epochs=1)
    cells = first_cells(tmp_path / "real.png")
    assert cells[1] == cells[4] == cells[5] == 0
    assert cells[2] == 50 and cells[0] > 50 and cells[3] > 50


NAMES = [f"kind {number}" for number in range(30)]


@pytest.mark.parametrize(
    ("num_classes", "options", "rows", "names"),
    [
        (3, {}, [0, 1, 2], NAMES[:3]),
        (12, {}, range(12), NAMES[:12]),
        (2, {"rows": 5}, [0, 1, 0, 1, 0], [NAMES[i] for i in (0, 1, 0, 1, 0)]),
        (3, {"labels": "kind 1"}, [1] * 8, [NAMES[1]] + [""] * 7),
        (3, {"labels": ["kind 2", "kind 0"]}, [2, 0], [NAMES[2], NAMES[0]]),
        (3, {"labels": [2, 2, 1], "columns": 1}, [2, 2, 1], [NAMES[2], "", NAMES[1]]),
        (3, {"labels": [0] * 8 + [1] * 8, "rows": 2}, [0, 1], NAMES[:2]),
        (3, {"labels": [0, 1] * 4 + [1] * 8, "rows": 2}, None, None),
        (9, {"rows": 2}, None, None),
    ],
)
def test_a_row_a_class_is_named(tmp_path, monkeypatch, num_classes, options, rows, names):
    drawn = []
    monkeypatch.setattr(
        images, "grid", lambda *a, **k: drawn.append((a, k)) or images_grid(*a, **k)
    )
    gan = FakeGAN(num_classes=num_classes, labels=np.arange(100) % num_classes)
    gan.class_names = tuple(NAMES[:num_classes])
    gan.fit(ImageGrid(tmp_path, **options), epochs=1)
    columns = options.get("columns", 8)
    if rows is not None:
        assert gan.calls[0][1].tolist() == np.repeat(rows, columns).tolist()
        assert [a[1:] for a, _ in drawn] == [(len(rows), columns)] * 2  # reals, then samples
    assert [k["row_names"] for _, k in drawn] == [names] * 2


images_grid = images.grid


def test_of_a_thousand_classes_a_hundred_have_rows(tmp_path):
    gan = FakeGAN(num_classes=1000, labels=np.arange(100))
    gan.fit(ImageGrid(tmp_path, columns=2, gif=False), epochs=1)
    assert gan.calls[0][1].tolist() == np.repeat(np.arange(100), 2).tolist()
    assert max(read(tmp_path / "epoch_0001.png").shape) < 1300, "in blocks"


def test_classes_without_names_are_numbered(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(images, "grid", lambda *a, **k: found.append(k) or images_grid(*a, **k))
    FakeGAN(num_classes=2, labels=np.arange(100) % 2).fit(ImageGrid(tmp_path), epochs=1)
    assert found[-1]["row_names"] == ["class 0", "class 1"]
    gan = FakeGAN(num_classes=2, labels=np.arange(100) % 2)
    gan.class_names = ("Rosé", "玫瑰")  # of which the font knows the first only
    gan.fit(ImageGrid(tmp_path), epochs=1)
    assert found[-1]["row_names"] == ["Rose", "class 1"]


# === Real samples ===


def test_real_samples_come_from_all_over_and_before_the_first_epoch(tmp_path):
    callback = ImageGrid(tmp_path, rows=2, columns=3)
    callback.set_model(FakeGAN())
    callback.on_train_begin()
    cells = first_cells(tmp_path / "real.png")
    assert len(set(cells)) == 6 and max(cells) - min(cells) > 20


def test_real_samples_of_a_pipeline_come_when_they_are_known(tmp_path):
    gan = FakeGAN()
    gan.reference_samples = None
    callback = ImageGrid(tmp_path, rows=2, columns=3)
    callback.set_model(gan)
    callback.on_train_begin()
    assert not (tmp_path / "real.png").exists()
    gan.reference_samples = gan.known
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0)
    before = read(tmp_path / "real.png")
    gan.reference_samples = 255 - gan.known  # once is enough
    callback.on_epoch_end(1)
    np.testing.assert_array_equal(read(tmp_path / "real.png"), before)


def test_few_real_samples_leave_cells_empty(tmp_path):
    FakeGAN(count=4).fit(ImageGrid(tmp_path, rows=2, columns=3), epochs=1)
    assert first_cells(tmp_path / "real.png")[4:] == [images.GUTTER_GREY] * 2


# === Animation ===


def gif_epochs(folder):
    """The grey of the first cell of each frame."""
    with Image.open(folder / "training.gif") as image:
        greys = []
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            greys.append(int(np.asarray(image.convert("L"))[30, 30]))
    return greys


def test_the_animation_of_a_resumed_run_is_whole(tmp_path):
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=2, gif=False), epochs=3)
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=2), epochs=6, initial_epoch=3)
    assert gif_epochs(tmp_path) == shades([1, 2, 3, 4, 5, 6])


def test_pictures_of_another_run_are_neither_used_nor_removed(tmp_path):
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=2), epochs=8)
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=2, every_epochs=2), epochs=4)
    assert gif_epochs(tmp_path) == shades([2, 4])
    assert epochs_in(tmp_path) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_no_animation_of_nothing(tmp_path):
    FakeGAN().fit(ImageGrid(tmp_path, every_epochs=5), epochs=0)
    assert [path.name for path in tmp_path.iterdir()] == ["real.png"]


# === Training that is stopped ===


class Stopping:
    """Stops after an epoch and, as training ends, brings that of another back."""

    def __init__(self, model, number):
        self.model, self.number = model, number

    def on_epoch_end(self):
        self.model.stop_training = self.model.epoch + 1 == self.number

    def on_train_end(self):
        self.model.epoch = 0


def stopped(folder, number, *, stops_first=False, state=None, epochs=10):
    """A run of ten epochs that is stopped, or gone on with; returns the grid's states."""
    gan, grid, states = FakeGAN(), ImageGrid(folder, rows=1, columns=2, every_epochs=4), []
    stopping = Stopping(gan, number)
    gan.stop_training = False
    grid.set_params({"epochs": epochs})
    grid.set_model(gan)
    grid.on_train_begin()
    start = 0
    if state is not None:
        grid.set_state(state[0])
        start, gan.stop_training = state[1:]
        gan.epoch = start - 1
    while start < epochs and not gan.stop_training:
        gan.epoch = start
        grid.on_epoch_begin(start)
        if stops_first:
            stopping.on_epoch_end()
        grid.on_epoch_end(start, {})
        if not stops_first:
            stopping.on_epoch_end()
        start += 1
        states.append((grid.get_state(), start, gan.stop_training))
    if stops_first:
        stopping.on_train_end()
    grid.on_train_end()
    return [*states, (grid.get_state(), start, gan.stop_training)]


@pytest.mark.parametrize("stops_first", [False, True])
def test_the_epoch_at_which_training_stops_is_drawn(tmp_path, stops_first):
    states = stopped(tmp_path, 6, stops_first=stops_first)
    assert epochs_in(tmp_path) == [4, 6]
    assert gif_epochs(tmp_path) == shades([4, 6]), "as it was, not as the weights of another"
    expected = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for number, state in enumerate(states):  # a run that was killed after any epoch, or had ended
        resumed = tmp_path / f"after_{number}"
        resumed.mkdir()
        for name in [n for n in expected if n != "training.gif"]:
            (resumed / name).write_bytes(expected[name])
        stopped(resumed, 6, stops_first=stops_first, state=state)
        assert {path.name: path.read_bytes() for path in resumed.iterdir()} == expected


def test_what_was_the_last_epoch_is_none_of_a_longer_run(tmp_path):
    state = stopped(tmp_path, None, epochs=6)[-1]
    assert gif_epochs(tmp_path) == shades([4, 6])
    stopped(tmp_path, None, epochs=9, state=state)
    assert gif_epochs(tmp_path) == shades([4, 8, 9])


def test_a_generator_that_overshoots_is_drawn(tmp_path):
    gan = FakeGAN()
    gan.generate = lambda **_: np.full((2, 8, 8, 1), 3.0, "float32")
    gan.fit(ImageGrid(tmp_path, rows=1, columns=2), epochs=1)
    assert read(tmp_path / "epoch_0001.png")[30, 30] == 255


# === Weights that come back ===


class Restoring:
    """Another callback that has brought the weights of an epoch back."""

    def __init__(self, number):
        self.restored_epoch = number


def early_stopping(number):
    callback = keras.callbacks.EarlyStopping(restore_best_weights=True)
    callback.best_epoch, callback.best_weights = number - 1, []
    return callback


@pytest.mark.parametrize("kind", [Restoring, early_stopping])
@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3)])
def test_weights_that_came_back_have_a_picture_of_their_own(tmp_path, kind, shape):
    gan, grid = FakeGAN(shape), ImageGrid(tmp_path, rows=2, columns=2, every_epochs=5)
    grid.meet([kind(2), grid])
    end, gan.epoch = grid.on_train_end, None

    def on_train_end():
        gan.epoch = 1  # the weights are those of epoch 2
        end()

    grid.on_train_end = on_train_end
    gan.fit(grid, epochs=4)
    assert epochs_in(tmp_path) == [4]
    plain = images.grid(np.full((4, *shape), shade(2)), 2, 2)
    marked = lettering.marked(plain, "epoch 2: weights restored")
    np.testing.assert_array_equal(read(tmp_path / "restored.png"), marked)
    again = ImageGrid(tmp_path, rows=2, columns=2)
    again.meet([kind(4), again])  # nothing came back
    FakeGAN(shape).fit(again, epochs=4)
    assert not (tmp_path / "restored.png").exists(), "an earlier run's misleads"


def test_only_an_own_picture_is_removed(tmp_path):
    images.save_png(tmp_path / "restored.png", np.zeros((4, 4)))
    FakeGAN().fit(ImageGrid(tmp_path, rows=1, columns=1), epochs=1)
    assert read(tmp_path / "restored.png").shape == (4, 4)


def test_two_grids_need_two_folders(tmp_path):
    first, second = ImageGrid(tmp_path / "a"), ImageGrid(tmp_path / "b" / ".." / "a")
    first.meet([first, second])
    assert "its own folder" in refused(FakeGAN(), callback=first)


# === TensorBoard ===


def test_tensorboard_gets_the_same_pictures(tmp_path):
    callback = ImageGrid(tmp_path / "a", rows=2, columns=3, log_dir=tmp_path / "logs")
    FakeGAN().fit(callback, epochs=5, initial_epoch=2)
    events = EventAccumulator(str(tmp_path / "logs"), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    assert sorted(events.Tags()["tensors"]) == ["real", "samples"]
    # The numbers of the files.
    assert [event.step for event in events.Tensors("samples")] == [3, 4, 5]
    for tag, step, name in [("real", 0, "real.png"), ("samples", 2, "epoch_0005.png")]:
        width, height, png = events.Tensors(tag)[step].tensor_proto.string_val
        pixels = read(io.BytesIO(png))
        assert (int(width), int(height)) == pixels.shape[::-1]
        np.testing.assert_array_equal(pixels, read(tmp_path / "a" / name))


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


def refused(gan, callback=None, **options):
    callback = callback or ImageGrid(**options)
    callback.set_model(gan)
    with pytest.raises(ValueError) as error:
        callback.on_train_begin()
    assert not getattr(gan, "calls", None)
    return str(error.value)


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
    assert "`ImageGrid` needs a `keras_gan.GAN`. Received: model='Sequential'" in message


def test_a_full_disk_does_not_end_the_run(tmp_path, monkeypatch):
    def full(path, content):
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


@pytest.mark.parametrize("num_classes", [None, 3])
def test_looking_changes_nothing(tmp_path, num_classes):
    samples = helpers.images(32)
    labels = None if num_classes is None else np.arange(32) % num_classes
    ends, draws = [], []
    for callbacks in ([], [ImageGrid(tmp_path, rows=2, columns=3, log_dir=tmp_path)]):
        keras.utils.set_random_seed(1)
        gan = helpers.gan((8, 8, 1), num_classes=num_classes, run_eagerly=True)
        gan.fit(samples, labels, epochs=2, batch_size=16, verbose=0, callbacks=callbacks)
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
