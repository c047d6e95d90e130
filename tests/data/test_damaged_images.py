"""Images from strangers: what is damaged or dangerous is left out or refused, never a crash."""

import os
import signal
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gan import data
from keras_gan.data import unchecked


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def encoded(folder, name, pixels=None, **options):
    """The bytes of an image that Pillow writes."""
    path = folder / f"encoded.{name}"
    Image.fromarray(noise(40, 30, 3) if pixels is None else pixels).save(path, **options)
    content = path.read_bytes()
    path.unlink()
    return content


def png_of_size(width, height):
    """A sound PNG file of some dozen bytes that claims to be large."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def flipped(content, place):
    content = bytearray(content)
    content[place] ^= 1
    return bytes(content)


def pipe(path):
    os.mkfifo(path)


def broken_link(path):
    path.symlink_to(path.with_name("nowhere.png"))


def endless_device(path):
    path.symlink_to("/dev/zero")


BAD = {
    "nothing": b"",
    "text": b"This is no image at all.\n" * 20,
    "cut off in its header": lambda at: encoded(at, "png")[:20],
    "cut off": lambda at: encoded(at, "png")[:-400],
    "jpeg, cut off": lambda at: encoded(at, "jpeg")[:-200],
    "gif, cut off": lambda at: encoded(at, "gif")[:-200],
    "bmp, cut off": lambda at: encoded(at, "bmp")[:-200],
    "damaged in the middle": lambda at: flipped(encoded(at, "png"), 1_800),
    "bomb": png_of_size(30_000, 30_000),
    "smaller bomb": png_of_size(10_000, 10_000),
    "of no size": png_of_size(0, 7),
    "other format": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "pipe": pipe,
    "broken link": broken_link,
    "endless device": endless_device,
}


def put(path, bad):
    if callable(bad) and bad.__name__ == "<lambda>":
        bad = bad(path.parent)
    if callable(bad):
        bad(path)
    else:
        path.write_bytes(bad)


@pytest.fixture(autouse=True)
def no_waiting():
    """A reader that waits for ever fails instead."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def load(folder, **settings):
    return data.from_folder(folder, image_size=4, shuffle=False, **settings)


@pytest.mark.parametrize(
    ("limit", "check_all"),
    [(2.0, True), (0.0, True), (0.0, False)],
    ids=["in memory", "decoded when needed", "unchecked"],
)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_left_out_with_one_warning(tmp_path, kind, limit, check_all, monkeypatch):
    for name in ("a.png", "z.png"):
        Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / name)
    put(tmp_path / "bad.png", BAD[kind])
    monkeypatch.setattr(unchecked, "SAMPLE", 1)
    with pytest.warns(UserWarning, match="1 of 3 images cannot be read: bad.png.") as caught:
        source = load(tmp_path, memory_limit_gib=limit, check_all=check_all).source
        samples = np.asarray(source.read(np.arange(source.num_samples)))
    assert len(caught) == 1
    assert samples.shape == (2 if check_all else 3, 4, 4, 3) and (samples == 9).all()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_refused_if_asked_for(tmp_path, kind):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    put(tmp_path / "bad.png", BAD[kind])
    with pytest.raises(ValueError, match="1 of 2 images cannot be read: bad.png. The first one's"):
        load(tmp_path, on_error="raise")


ODD = {
    "named otherwise": lambda at: encoded(at, "jpeg", quality=95),
    "animation": lambda at: encoded(
        at, "gif", save_all=True, append_images=[Image.new("L", (9, 9))]
    ),
    "16 bits": lambda at: encoded(at, "png", noise(5, 5).astype("uint16") * 256),
    "1 bit": lambda at: encoded(at, "png", noise(5, 5) > 99),
    "cmyk": lambda at: cmyk(at),
}


def cmyk(folder):
    Image.new("CMYK", (5, 5), (0, 255, 255, 0)).save(folder / "x.jpeg")
    content = (folder / "x.jpeg").read_bytes()
    (folder / "x.jpeg").unlink()
    return content


@pytest.mark.parametrize("kind", ODD)
def test_odd_images_are_read_all_the_same(tmp_path, kind):
    put(tmp_path / "odd.png", ODD[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples = load(tmp_path, on_error="raise", resample="nearest").source.samples
    assert samples.shape == (1, 4, 4, 3) and np.ptp(samples) > 50


def test_files_that_may_not_be_read_are_left_out(tmp_path, monkeypatch):
    for name in ("a.png", "secret.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    opened = Image.open

    def closed(file, *args, **kwargs):
        if "secret" in str(file):
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr(Image, "open", closed)
    with pytest.warns(UserWarning, match="1 of 2 images cannot be read: secret.png"):
        assert len(load(tmp_path).source.samples) == 1


@pytest.fixture
def closed_folder(tmp_path, monkeypatch):
    (tmp_path / "secret").mkdir()
    for name in ("a.png", "secret/b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    scan = os.scandir

    def closed(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)  # permissions do not bind an administrator
    return tmp_path


def test_folders_that_may_not_be_opened_are_named(closed_folder):
    with pytest.warns(UserWarning, match="1 folders cannot be opened: secret.") as caught:
        assert len(load(closed_folder).source.samples) == 1
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.raises(ValueError, match="Every folder.*closed='secret'"):
        load(closed_folder, on_error="raise")
