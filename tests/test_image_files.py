"""PNG files and animations, read back with Pillow."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from keras_gan import images


def random_bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


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
