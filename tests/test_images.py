"""Pictures: exact pixels where they are promised, read back with Pillow or built independently."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

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


# === PNG ===


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_png_holds_the_exact_pixels(tmp_path, shape):
    picture = random_bytes(*shape)
    path = tmp_path / "new" / "folder" / "picture.png"
    images.save_png(path, picture)
    np.testing.assert_array_equal(read(path), picture[..., 0] if shape[-1] == 1 else picture)
    images.save_png(str(path), picture.astype("float32") / 127.5 - 1)
    np.testing.assert_array_equal(read(path), picture[..., 0] if shape[-1] == 1 else picture)


@pytest.mark.parametrize(
    ("shape", "words"), [((2, 5, 7, 3), r"images\.grid"), ((5, 7, 2), "Received"), ((5,), "shape")]
)
def test_png_takes_one_picture(tmp_path, shape, words):
    with pytest.raises(ValueError, match=words):
        images.save_png(tmp_path / "picture.png", np.zeros(shape))
    assert not list(tmp_path.iterdir())


def test_other_ranges_are_refused(tmp_path):
    floats = random_bytes(2, 4, 4, 1).astype("float32")
    message = r"floats in \[-1, 1\].*maximum=2.*x / 127.5 - 1"
    with pytest.raises(ValueError, match=message):
        images.grid(floats)
    with pytest.raises(ValueError, match=message):
        images.save_png(tmp_path / "a.png", floats[0])
    images.grid(floats / 127.5 - 1.0 + 0.6)  # a generator that overshoots


@pytest.mark.parametrize("name", ["a.jpg", "a"])
def test_files_end_like_what_is_in_them(tmp_path, name):
    with pytest.raises(ValueError, match=f"must end in `.png`.*Received: path=.*{name}"):
        images.save_png(tmp_path / name, random_bytes(5, 7))
    with pytest.raises(ValueError, match="must end in `.gif`"):
        images.save_gif(tmp_path / name, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, kind):
    source, path = tmp_path / "source.png", tmp_path / f"file.{kind}"
    images.save_png(source, random_bytes(5, 7))
    path.write_bytes(b"old")

    def broken(self, file, **options):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        if kind == "png":
            images.save_png(path, random_bytes(5, 7))
        else:
            images.save_gif(path, [source])
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"file.{kind}", "source.png"]


# === GIF ===


def write_frames(folder, count, shape=(40, 60)):
    pictures = [random_bytes(*shape, seed=seed) for seed in range(count)]
    paths = [folder / f"{number}.png" for number in range(count)]
    for path, picture in zip(paths, pictures, strict=True):
        images.save_png(path, picture)
    return pictures, paths


def frames_of(path):
    with Image.open(path) as image:
        loop = image.info["loop"]
        frames = [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return frames, loop


@pytest.mark.parametrize("count", [2, 5, 40])
def test_gif_of_greys_is_exact_and_holds_the_last_frame(tmp_path, count):
    pictures, paths = write_frames(tmp_path, count)
    images.save_gif(tmp_path / "a.gif", paths)
    frames, loop = frames_of(tmp_path / "a.gif")
    assert loop == 0  # for ever
    assert len(frames) == count
    for (frame, _), picture in zip(frames, pictures, strict=True):
        for channel in range(3):
            np.testing.assert_array_equal(frame[..., channel], picture)
    *durations, last = [duration for _, duration in frames]
    assert set(durations) == {min(500, 10_000 // count)}
    assert last == 2_000


def test_gif_of_one_frame(tmp_path):
    pictures, paths = write_frames(tmp_path, 1)
    images.save_gif(tmp_path / "a.gif", paths)
    np.testing.assert_array_equal(read(tmp_path / "a.gif"), pictures[0])


def test_equal_frames_keep_their_time(tmp_path):
    _, paths = write_frames(tmp_path, 2)
    images.save_gif(tmp_path / "a.gif", [paths[0], paths[0], paths[1]])
    frames, _ = frames_of(tmp_path / "a.gif")
    assert [duration for _, duration in frames] == [1_000, 2_000]


@pytest.mark.parametrize("structured", [True, False])
def test_gif_keeps_colours_nearly(tmp_path, structured):
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    paths = []
    for number in range(3):
        blue = np.full_like(rows, number / 2) if structured else rows * columns
        picture = np.stack([rows, columns, blue], -1)
        paths.append(tmp_path / f"{number}.png")
        images.save_png(paths[-1], np.roll(picture, 10 * number, 0))
    images.save_gif(tmp_path / "a.gif", paths)
    frames, _ = frames_of(tmp_path / "a.gif")
    for (frame, _), path in zip(frames, paths, strict=True):
        error = np.abs(frame.astype(int) - read(path))
        assert error.mean() < 6


def test_gif_takes_frames_from_all_over(tmp_path):
    pictures, paths = write_frames(tmp_path, 21, (4, 4))
    images.save_gif(tmp_path / "a.gif", paths, max_frames=5)
    frames, _ = frames_of(tmp_path / "a.gif")
    assert len(frames) == 5
    for (frame, _), number in zip(frames, [0, 5, 10, 15, 20], strict=True):
        np.testing.assert_array_equal(frame[..., 0], pictures[number])


@pytest.mark.parametrize(("count", "limit"), [(3, 5), (5, 5), (101, 100), (1000, 7)])
def test_spread_keeps_both_ends_and_the_order(count, limit):
    chosen = images.spread(range(count), limit)
    assert len(chosen) == min(count, limit)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    gaps = np.diff(chosen)
    assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 1


def test_frames_of_another_size_are_left_out(tmp_path):
    _, paths = write_frames(tmp_path, 3, (40, 60))
    images.save_png(paths[0], random_bytes(50, 60))
    images.save_gif(tmp_path / "a.gif", paths)
    frames, _ = frames_of(tmp_path / "a.gif")
    assert [frame.shape for frame, _ in frames] == [(40, 60, 3)] * 2


def test_large_frames_are_shrunk(tmp_path):
    images.save_png(tmp_path / "0.png", np.full((300, 2500), 77, "uint8"))
    images.save_gif(tmp_path / "a.gif", [tmp_path / "0.png"])
    assert read(tmp_path / "a.gif").shape == (100, 834)
    ((frame, _),) = frames_of(tmp_path / "a.gif")[0]
    assert set(np.unique(frame)) == {77}


def test_gif_refuses_what_it_cannot_do(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        images.save_gif(tmp_path / "a.gif", [])
    with pytest.raises(ValueError, match="`max_frames` must be at least 2.*Received: max_frames=1"):
        images.save_gif(tmp_path / "a.gif", ["x.png"], max_frames=1)
    with pytest.raises(OSError, match="cannot identify|x.png"):
        images.save_gif(tmp_path / "a.gif", [io.BytesIO(b"no picture")])
    assert not list(tmp_path.iterdir())


def test_gif_leaves_out_what_cannot_be_read(tmp_path):
    frames = [tmp_path / f"{number}.png" for number in range(4)]
    for number, frame in enumerate(frames):
        images.save_png(frame, np.full((8, 8, 1), 50 * number, "uint8"))
    content = bytearray(frames[1].read_bytes())
    content[-20] ^= 1  # in the pixels or their checksum
    frames[1].write_bytes(content)
    frames[3].write_bytes(frames[3].read_bytes()[:40])
    with pytest.warns(UserWarning, match="2 of 4 frames cannot be read.*1.png, .*3.png"):
        images.save_gif(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 2
