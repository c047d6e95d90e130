"""Pictures: exact pixels where they are promised, or built independently."""

import numpy as np
import pytest
from PIL import Image

from keras_gan import images, lettering
from keras_gan.model import exported_gan


def random_bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


# === Pixels ===


def test_every_byte_survives_the_way_there_and_back():
    everything = np.arange(256).astype("uint8")
    floats = everything.astype("float32") / 127.5 - 1.0
    np.testing.assert_array_equal(images.to_uint8(floats), everything)
    np.testing.assert_array_equal(images.to_uint8(floats.astype("float64")), everything)
    assert images.to_uint8(everything) is everything


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1.0, 0),
        (1.0, 255),
        (0.0, 128),  # 127.5, halves to even
        (-7.0, 0),
        (7.0, 255),
        (1e30, 255),
        (np.inf, 255),
        (-np.inf, 0),
        (np.nan, 0),
        (0.4 / 127.5 - 1, 0),
        (0.6 / 127.5 - 1, 1),
    ],
)
def test_values_are_rounded_and_never_wrap_around(value, expected):
    assert images.to_uint8(np.array([value], "float32"))[0] == expected


def test_an_exported_generator_makes_the_same_bytes():
    halves = (np.arange(0.5, 255) / 127.5 - 1).astype("float32")
    values = np.random.default_rng(0).uniform(-1.2, 1.2, 100_000).astype("float32")
    for floats in (halves, values):
        np.testing.assert_array_equal(
            images.to_uint8(floats), exported_gan.to_uint8(floats).numpy()
        )


def test_enlarging_repeats_pixels():
    pictures = random_bytes(3, 4, 5, 2)
    large = images.enlarge(pictures, 3)
    assert large.shape == (3, 12, 15, 2)
    for down in range(3):
        for right in range(3):
            np.testing.assert_array_equal(large[:, down::3, right::3], pictures)


def test_transparency_shows_checkers():
    picture = random_bytes(20, 24, 4)
    picture[:10, :, 3] = 0
    picture[15:, :, 3] = 255
    made = images.on_checkers(picture)
    np.testing.assert_array_equal(made[15:], picture[15:, :, :3])
    row, column = np.mgrid[:10, :24]
    squares = np.where((row // 8 + column // 8) % 2, 153, 102)
    for channel in range(3):
        np.testing.assert_array_equal(made[:10, :, channel], squares)
    # Pillow's own composition, in integers.
    row, column = np.mgrid[:20, :24]
    paper = np.where((row // 8 + column // 8) % 2, 153, 102).astype("uint8")
    paper = Image.fromarray(paper).convert("RGBA")
    expected = Image.alpha_composite(paper, Image.fromarray(picture)).convert("RGB")
    assert np.abs(made.astype(int) - np.asarray(expected)).max() <= 1


# === Grids ===


def by_hand(samples, rows, columns, factor, gutter):
    """The grid from padded cells, stacked in rows."""
    cells = samples.repeat(factor, 1).repeat(factor, 2)
    spare = rows * columns - len(cells)
    filler = np.full((spare, *cells.shape[1:]), 192, "uint8")
    cells = np.concatenate([cells, filler])
    cells = np.pad(cells, ((0, 0), (gutter, 0), (gutter, 0), (0, 0)), constant_values=192)
    lines = [np.hstack(list(cells[i * columns : (i + 1) * columns])) for i in range(rows)]
    return np.pad(np.vstack(lines), ((0, gutter), (0, gutter), (0, 0)), constant_values=192)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("shape", "count", "rows", "columns", "factor", "gutter"),
    [
        ((8, 8), 64, 8, 8, 8, 2),
        ((8, 6), 10, 3, 4, 22, 5),
        ((64, 64), 64, 8, 8, 1, 2),
        ((300, 200), 4, 2, 2, 1, 9),
    ],
)
def test_cells_gutters_and_empty_cells(channels, shape, count, rows, columns, factor, gutter):
    samples = random_bytes(count, *shape, channels)
    picture = images.grid(samples, rows, columns)
    expected = by_hand(samples, rows, columns, factor, gutter)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("size", [1, 2, 8, 28, 32, 48, 64, 100, 128, 256])
@pytest.mark.parametrize("cells", [1, 2, 8])
def test_a_person_can_see_it(size, cells):
    picture = images.grid(np.zeros((cells * cells, size, size, 1)), cells, cells)
    assert max(picture.shape) >= 512
    assert max(picture.shape) <= max(1024, size * cells) * 1.1
    # Large samples keep their size: nothing is thrown away.
    assert max(picture.shape) >= size * cells


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_gutters_stand_out(grey):
    picture = images.grid(np.full((4, 64, 64, 1), grey, "uint8")).astype(int)
    assert np.abs(picture[0] - grey).min() >= 50


def test_transparent_samples_are_laid_on_checkers():
    samples = random_bytes(4, 64, 64, 4)
    picture = images.grid(samples, 2, 2)
    large = samples.repeat(4, 1).repeat(4, 2)
    assert picture.shape[-1] == 3
    np.testing.assert_array_equal(picture[8 : 8 + 256, 8 : 8 + 256], images.on_checkers(large[0]))


def test_floats_and_bytes_make_the_same_grid():
    samples = random_bytes(9, 8, 8, 3)
    floats = samples.astype("float32") / 127.5 - 1
    np.testing.assert_array_equal(images.grid(floats), images.grid(samples))


@pytest.mark.parametrize(
    ("count", "given", "layout"),
    [
        (64, {}, (8, 8)),
        (10, {}, (3, 4)),
        (1, {}, (1, 1)),
        (10, {"rows": 2}, (2, 5)),
        (10, {"columns": 3}, (4, 3)),
        (3, {"rows": 2, "columns": 8}, (2, 8)),
    ],
)
def test_layout(count, given, layout):
    samples = random_bytes(count, 64, 64, 1)
    rows, columns = layout
    np.testing.assert_array_equal(
        images.grid(samples, **given), images.grid(samples, rows=rows, columns=columns)
    )
    assert images._layout(count, given.get("rows"), given.get("columns")) == layout


@pytest.mark.parametrize(
    ("samples", "given", "words"),
    [
        (np.zeros((4, 2)), {}, r"must be images.*Received: shape=\(4, 2\)\.$"),
        (np.zeros((4, 8, 8)), {}, r"Received: shape=\(4, 8, 8\).*samples\[\.\.\., None\]"),
        (np.zeros((4, 3, 8, 8)), {}, r"channels go last.*moveaxis\(samples, 1, -1\)"),
        (np.zeros((4, 8, 8, 2)), {}, "1, 3 or 4 channels"),
        (np.zeros((0, 8, 8, 1)), {}, "at least one sample.*Received: shape"),
        (np.zeros((4, 8, 8, 1), int), {}, "uint8 .*dtype='int64'.*astype"),
        (np.zeros((5, 8, 8, 1)), {"rows": 2, "columns": 2}, "samples=5, rows=2, columns=2"),
        (np.zeros((4, 8, 8, 1)), {"rows": 0}, "`rows` must be a positive.*Received: rows=0"),
        (np.zeros((4, 8, 8, 1)), {"columns": 1.5}, "`columns` must be a positive"),
    ],
)
def test_what_cannot_be_a_grid_is_refused(samples, given, words):
    with pytest.raises(ValueError, match=words):
        images.grid(samples, **given)


# === Names of rows ===


def test_names_stand_beside_their_rows():
    samples = random_bytes(6, 20, 20, 3)
    named = images.grid(samples, 3, 2, row_names=["one", "", "three"])
    plain = images.grid(samples, 3, 2)
    margin = named.shape[1] - plain.shape[1]
    assert margin == lettering.width(["three"]) > 8 and len(named) == len(plain)
    np.testing.assert_array_equal(named[:, margin:], plain)
    written = (named[:, :margin] < 100).any(axis=(1, 2))  # rows of pixels with ink
    step = len(plain) // 3
    assert [written[i * step : (i + 1) * step].any() for i in range(3)] == [True, False, True]
    middle = step // 2
    assert written[middle - 8 : middle + 8].sum() == written[:step].sum(), "level with its row"
    np.testing.assert_array_equal(named[:, :margin, 0], named[:, :margin, 2])


def test_rows_are_high_enough_for_their_names():
    lines = images.grid(random_bytes(3, 2, 200, 1), 3, 1, row_names=["x"] * 3)
    assert len(lines) >= 3 * lettering.LINE_HEIGHT


def test_many_named_rows_lie_in_blocks():
    names = [str(row) for row in range(100)]
    for row in (0, 37, 99):  # each row is there once, whole
        samples = np.zeros((100, 4, 32, 32, 1), "uint8")
        samples[row] = 255
        picture = images.grid(samples.reshape(-1, 32, 32, 1), 100, 4, row_names=names)
        assert max(picture.shape) < 2 * min(picture.shape[:2])
        places = np.argwhere(picture[..., 0] == 255)
        assert len(places) == 4 * 32 * 32 and np.ptp(places[:, 0]) == 31


@pytest.mark.parametrize("names", [["a"], ["a", 2], "ab", ["a", "b", "c"]])
def test_names_must_be_one_a_row(names):
    with pytest.raises(ValueError, match="each of the 2 rows. Received: row_names="):
        images.grid(random_bytes(4, 8, 8, 1), 2, 2, row_names=names)


def test_what_the_font_cannot_draw():
    assert lettering.drawable("Crème brûlée", "") == "Creme brulee"
    assert lettering.drawable("玫瑰", "class 3") == "class 3"
    assert lettering.drawable("a" * 30, "") == "a" * 21 + "..."
    assert lettering.drawable("two\nlines", "1") == "1"


@pytest.mark.parametrize("channels", [1, 3])
def test_a_marked_picture_has_a_frame_and_words(channels):
    picture = random_bytes(60, 200, channels)
    marked = lettering.marked(picture, "epoch 12")
    np.testing.assert_array_equal(marked[4:64, 4:204], np.broadcast_to(picture, (60, 200, 3)))
    frame = np.concatenate([marked[:4].reshape(-1, 3), marked[:, -4:].reshape(-1, 3)])
    assert (frame == (0, 160, 0)).all() and (marked[64:-4] < 100).any()
    assert lettering.marked(picture[:, :5], "epoch 12").shape[1] > 40


@pytest.mark.filterwarnings("error")
def test_nan_is_black():
    np.testing.assert_array_equal(images.to_uint8(np.array([np.nan, 2.0, -2.0])), [0, 255, 0])
    lost, black = np.full((2, 4, 4, 1), np.nan, "float32"), np.full((2, 4, 4, 1), -1.0, "float32")
    np.testing.assert_array_equal(images.grid(lost), images.grid(black))
