"""The pictures of a run: which, when and of what."""

import numpy as np
import pytest
from PIL import Image

from grid_fakes import FakeGAN, epochs_in, first_cells, gif_epochs, read, shade, shades
from keras_gan import images
from keras_gan.callbacks.image_grid import ImageGrid

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
