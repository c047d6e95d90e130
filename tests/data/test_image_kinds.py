"""What kinds of files a folder of images may hold: formats, depths of values, sizes."""

import io
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, features

from keras_gan import data
from keras_gan.data import image_files, pixels
from keras_gan.feeding import sources

TESTS = pathlib.Path(__file__).parents[1]
RAMP = np.linspace(0, 255, 64).astype("uint8").reshape(8, 8)


def load(folder, **settings):
    """The samples and labels of a folder in the order of its files."""
    settings = {"image_size": 8, "shuffle": False, **settings}
    dataset = data.from_folder(folder, **settings)
    source = dataset.source
    return sources.as_arrays(source.read(np.arange(source.num_samples)))


# === Formats ===

EXACT = [
    "apng",
    "bmp",
    "dib",
    "gif",
    "ico",
    "pcx",
    "png",
    "ppm",
    "qoi",
    "sgi",
    "tga",
    "tif",
    "tiff",
]
LOSSY = ["jfif", "jpe", "jpeg", "jpg", "jp2", "webp", *(["avif"] if features.check("avif") else [])]


@pytest.mark.parametrize("suffix", EXACT + LOSSY)
def test_what_pillow_reads_is_read(tmp_path, suffix):
    picture = np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=-1)
    if suffix == "gif":  # a palette of 256 colours
        picture = np.stack([RAMP] * 3, axis=-1)
    options = {"sizes": [(8, 8)]} if suffix == "ico" else {}  # by default, larger ones
    Image.fromarray(picture).save(tmp_path / f"a.{suffix.upper()}", **options)
    (sample,), _ = load(tmp_path)
    error = np.abs(sample.astype(int) - picture).mean()
    assert error == 0 if suffix in EXACT else error < 12


def test_files_are_known_by_their_content_too(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "0001", format="PNG")
    Image.fromarray(RAMP).save(tmp_path / "a.jpg", format="WEBP", lossless=True)
    Image.fromarray(RAMP).save(tmp_path / "b.photo", format="TIFF")
    samples, _ = load(tmp_path, channels=1)
    np.testing.assert_array_equal(samples[..., 0], [RAMP] * 3)


def test_the_rest_is_counted_and_named_in_one_warning(tmp_path):
    for name in ("rose/a.png", "tulip/a.webp"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(RAMP).save(tmp_path / name)
    for name in ("iris/a.heic", "iris/b.svg", "lily/a.png", "rose/film.mp4", "old.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0not one that Pillow reads")
    # What is no image, nor was meant to be one.
    for name in ("labels.csv", "rose/a.txt", "rose/.DS_Store", "Thumbs.db"):
        (tmp_path / name).write_text("x")
    with pytest.warns(UserWarning) as caught:
        dataset = data.from_folder(tmp_path, image_size=8, labels=True)
    assert [str(warning.message) for warning in caught] == [
        "3 of 5 images cannot be read: iris/a.heic, iris/b.svg, lily/a.png. "
        "2 files are no images that Pillow reads: old.zip, rose/film.mp4. "
        "2 classes have no image that can be read: iris, lily. They are left out."
    ]
    assert caught[0].filename == __file__
    assert dataset.class_names == ["rose", "tulip"]
    assert dataset.source.labels.tolist() == [0, 1]


def test_a_folder_without_images_names_what_it_holds(tmp_path):
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="must hold images .*other_files='images.zip'"):
        load(tmp_path)


def test_no_other_program_is_run_for_a_strangers_file(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a program is run")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    Image.fromarray(RAMP).save(tmp_path / "b.eps")
    (tmp_path / "c.png").write_bytes((tmp_path / "b.eps").read_bytes())
    with pytest.warns(UserWarning, match="1 of 2 images cannot be read: c.png. 1 files .* b.eps"):
        assert len(load(tmp_path)[0]) == 1
    assert "EPS" not in image_files.formats("b.eps")


# === Depths ===


def deep_png(values):
    """A PNG file of 16 bits a value: grey, grey and alpha, RGB or RGBA."""
    values = values if values.ndim == 3 else values[..., None]
    return tf.io.encode_png(values.astype("uint16")).numpy()


def ramp(bits, bands=1):
    """Values of all of so many bits, and what becomes of them in 8."""
    eight = np.stack([RAMP, RAMP.T, 255 - RAMP, RAMP[::-1]][:bands], axis=-1)
    low = np.random.default_rng(0).integers(0, 2 ** (bits - 8), eight.shape)
    return (eight.astype("uint16") << (bits - 8)) + low, eight


@pytest.mark.parametrize("limit", [2.0, 0.0])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize(
    "bits", [8, *(pytest.param(bits, marks=pytest.mark.slow) for bits in (10, 14)), 12, 16]
)
def test_the_bits_that_are_used_are_kept(tmp_path, bits, bands, limit):
    deep, eight = ramp(bits, bands)
    (tmp_path / "a.png").write_bytes(deep_png(deep))
    samples, _ = load(tmp_path, channels=bands, memory_limit_gib=limit)
    np.testing.assert_array_equal(samples[0], eight)


def test_all_images_of_a_folder_have_one_scale(tmp_path):
    """A dark picture stays darker than a bright one."""
    deep, eight = ramp(12)
    for name, values in {"a": deep, "b": deep >> 2, "c": deep >> 4}.items():
        (tmp_path / f"{name}.png").write_bytes(deep_png(values))
    Image.fromarray(RAMP).save(tmp_path / "d.png")  # of 8 bits, which stays what it is
    samples, _ = load(tmp_path, channels=1)
    np.testing.assert_array_equal(samples[..., 0], [RAMP, RAMP >> 2, RAMP >> 4, RAMP])
    source = data.from_folder(tmp_path, image_size=8, memory_limit_gib=0).source
    assert source.description()["bits_of_colours"] == 12


@pytest.mark.parametrize("bands", [2, 4])
def test_alpha_has_bits_of_its_own(tmp_path, bands):
    deep, eight = ramp(12, bands)
    deep[..., -1] = 0xFFFF
    (tmp_path / "a.png").write_bytes(deep_png(deep))
    (sample,), _ = load(tmp_path, channels=4)
    colours = eight[..., :-1] if bands == 4 else np.repeat(eight[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(sample[..., :3], colours)
    assert (sample[..., 3] == 255).all()
    (sample,), _ = load(tmp_path)
    np.testing.assert_array_equal(sample, colours)


def test_deep_images_are_turned_upright(tmp_path):
    deep, eight = ramp(12, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    for name, content in {"grey": deep[..., 0], "colour": deep}.items():
        png = deep_png(content)
        chunk = b"eXIf" + exif.tobytes()[6:]
        size, checksum = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
        at = png.index(b"IDAT") - 4
        (tmp_path / f"{name}.png").write_bytes(png[:at] + size + chunk + checksum + png[at:])
    (colour, grey), _ = load(tmp_path)
    np.testing.assert_array_equal(colour, np.rot90(eight, -1))
    np.testing.assert_array_equal(grey[..., 0], np.rot90(eight[..., 0], -1))


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floats_are_taken_in_the_range_that_they_have(tmp_path, white):
    values = (RAMP / 255 * white).astype("float32")
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    (sample,), _ = load(tmp_path, channels=1)
    assert sample[0, 0, 0] == 0
    np.testing.assert_array_equal(sample[..., 0].ravel()[1:], RAMP.ravel()[1:])


def test_integers_of_32_bits(tmp_path):
    values = RAMP.astype("int32") << 12
    values[0, 0] = -5
    Image.fromarray(values).save(tmp_path / "a.tif")
    (sample,), _ = load(tmp_path, channels=1)
    np.testing.assert_array_equal(sample[..., 0], RAMP)


# === Sizes ===


def test_the_pixels_of_all_images_in_flight_are_bounded(tmp_path, monkeypatch):
    for number in range(12):
        Image.new("RGB", (20, 20 + number)).save(tmp_path / f"{number}.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "large.png")  # alone above the limit
    monkeypatch.setattr(pixels, "IN_FLIGHT", pixels._InFlight(1_300))
    monkeypatch.setattr(pixels.os, "cpu_count", lambda: 8)
    decoded, lock, active, seen = pixels.Decoder._decoded, threading.Lock(), [], []

    def watched(self, file, image):
        size = image.width * image.height
        with lock:
            active.append(size)
            seen.append((len(active), sum(active)))
        time.sleep(0.01)
        try:
            return decoded(self, file, image)
        finally:
            with lock:
                active.remove(size)

    monkeypatch.setattr(pixels.Decoder, "_decoded", watched)
    assert len(load(tmp_path, batch_size=13)[0]) == 13
    assert max(count for count, _ in seen) > 1
    assert all(count == 1 or total <= 1_300 for count, total in seen)
    assert pixels.IN_FLIGHT.pixels == 0


def test_an_image_is_not_larger_than_pillow_allows(tmp_path, monkeypatch):
    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    Image.new("RGB", (31, 31)).save(tmp_path / "b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 900)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="at most 900 pixels.*31"):
        load(tmp_path, on_error="raise")
    with pytest.raises(ValueError, match="at most 900"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decoder = pixels.Decoder(
            8, channels=3, resample="box", crop_to_aspect_ratio=False, background=0
        )
        decoder.decode((tmp_path / "b.png").read_bytes())
    # The cure.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    assert len(load(tmp_path, on_error="raise")[0]) == 2


def large_png(side):
    """A PNG file of few bytes: RGBA of 16 bits, all zero."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    file, row = io.BytesIO(), bytes(1 + 8 * side)
    compressor = zlib.compressobj()
    for _ in range(side):
        file.write(compressor.compress(row))
    file.write(compressor.flush())
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", file.getvalue()), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


PEAK = """
import os, resource, sys
sys.path.insert(0, {tests!r})
import lean
lean.import_tensorflow()
from keras_gan import data
os.cpu_count = lambda: 8
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
before = peak()
data.from_folder(sys.argv[1], image_size=8)
print(peak() - before)
"""


@pytest.mark.slow
def test_the_peak_of_six_large_images_is_that_of_89_million_pixels(tmp_path):
    content = large_png(4_600)
    assert len(content) < 200_000
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(content)
    # An allocator may be set that keeps freed memory, which would be counted.
    allocator = ("GLIBC_TUNABLES", "PYTHONMALLOC")
    environment = {key: value for key, value in os.environ.items() if key not in allocator}
    out = subprocess.run(
        [sys.executable, "-c", PEAK.format(tests=str(TESTS)), tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    # Six at a time would take 1.5 GiB.
    assert float(out.stdout) < 1_024 * 1.3
