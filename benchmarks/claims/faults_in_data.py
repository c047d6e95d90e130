"""Faults in what a GAN is fed."""

import struct
import zlib

import numpy as np

from benchmarks.claims.faults import (
    Faults,
    Outcome,
    callback,
    differences,
    gan,
    images,
    points,
    refused,
    state,
    watching,
)

fault = Faults()


def _fed(x, y=None, *, shape=(8, 8, 1), num_classes=None, **settings):
    """`fit` on data that must be refused before the first step."""
    model = gan(shape, num_classes=num_classes)
    arguments = {"batch_size": 16, **settings}
    return refused(model, lambda: model.fit(x, y, verbose=0, **arguments))


def _floats(value):
    x = np.zeros((64, 8, 8, 1), "float32")
    x[17, 3, 3] = value
    return x


def _labels(**changes):
    labels = np.arange(64) % 10
    for index, value in changes.items():
        labels[int(index[1:])] = value
    return labels


# === Arrays ===

ARRAYS = {
    "a NaN in one image": lambda: _fed(_floats(np.nan)),
    "an infinite pixel": lambda: _fed(_floats(np.inf)),
    "floats in [0, 255]": lambda: _fed(_floats(255.0)),
    "images of int32": lambda: _fed(images().astype("int32")),
    "images without a channel axis": lambda: _fed(images()[..., 0]),
    "images of three channels instead of one": lambda: _fed(images().repeat(3, axis=-1)),
    "images of another size": lambda: _fed(images()[:, :7]),
    "no samples": lambda: _fed(images()[:0]),
    "fewer samples than one batch": lambda: _fed(images(8)),
    "samples of unequal lengths": lambda: _fed([[0.0, 1.0], [0.0]], shape=(2,)),
    "text instead of numbers": lambda: _fed(np.array([["a", "b"]] * 64), shape=(2,)),
    "a NaN in the validation data": lambda: _fed(images(), validation_data=_floats(np.nan)),
    "labels missing": lambda: _fed(images(), num_classes=10),
    "labels superfluous": lambda: _fed(images(), _labels()),
    "a label out of range": lambda: _fed(images(), _labels(_9=10), num_classes=10),
    "a negative label": lambda: _fed(images(), _labels(_9=-1), num_classes=10),
    "labels as floats": lambda: _fed(images(), _labels().astype("float32"), num_classes=10),
    "one-hot labels": lambda: _fed(images(), np.eye(10)[_labels()], num_classes=10),
    "fewer labels than samples": lambda: _fed(images(), _labels()[:-1], num_classes=10),
}
for _what, _function in ARRAYS.items():
    fault(_what)(lambda place, function=_function: function())

# === Pipelines ===


def _batches(*batches, size=True):
    """A pipeline of given batches of points; of unknown length with `size=False`."""
    import tensorflow as tf

    spec = tf.TensorSpec((None, 2), "float32")
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    known = tf.data.experimental.assert_cardinality(len(batches))
    return dataset.apply(known) if size else dataset


def _pipeline(dataset, **settings):
    return _fed(dataset, shape=(2,), batch_size=None, **settings)


@fault("a NaN in a pipeline's first batch")
def nan_first(place):
    return _pipeline(_batches(points(16) * np.nan, points(16)))


@fault("a pipeline without end, no number of steps given")
def endless(place):
    return _pipeline(_batches(points(16)).repeat())


@fault("a pipeline of single samples")
def unbatched(place):
    return _pipeline(_batches(points(16)).unbatch())


@fault("an empty pipeline of unknown length")
def empty(place):
    return _pipeline(_batches(size=False))


def _broken_later(dataset, **settings):
    """A pipeline that breaks in its third step: the steps before it are not lost."""
    model, twin = gan(), gan()
    twin.fit(_batches(points(16), points(16, 1)), verbose=0)
    with watching() as seen:
        model.fit(dataset, verbose=0, **settings)
    kept = "" if model.steps_seen >= 2 else f"all but {model.steps_seen} steps"
    if seen.error is None:
        kept = "it went on"
    return Outcome(seen.words, kept or differences(state(twin), state(model)), seen.origin)


@fault("a pipeline that raises in the middle")
def raises(place):
    import tensorflow as tf

    def batches():
        yield points(16)
        yield points(16, 1)
        raise RuntimeError("the disk array has gone")

    spec = tf.TensorSpec((None, 2), "float32")
    return _broken_later(tf.data.Dataset.from_generator(batches, output_signature=spec))


@fault("a pipeline whose samples change their shape in the middle")
def reshaped(place):
    import tensorflow as tf

    batches = [points(16), points(16, 1), np.zeros((16, 3), "float32")]
    spec = tf.TensorSpec((None, None), "float32")
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    return _broken_later(dataset)


@fault("a label out of range in a pipeline's third batch")
def late_label(place):
    import tensorflow as tf

    labels = np.arange(48) % 10
    labels[40] = 12
    dataset = tf.data.Dataset.from_tensor_slices((points(48), labels)).batch(16)
    model = gan(num_classes=10)
    with watching() as seen:
        model.fit(dataset, verbose=0)
    lost = "" if seen.error is not None else "it went on"
    return Outcome(seen.words, lost, seen.origin)


@fault("a pipeline too short for one step")
def too_short(place):
    model = gan(discriminator_steps=3)
    dataset = _batches(points(16), points(16, 1), size=False)
    return refused(model, lambda: model.fit(dataset, verbose=0))


# === Folders of images ===


def _picture(path, shade=9):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(shade).integers(0, 256, (30, 30)).astype("uint8")
    Image.fromarray(noise).save(path)
    return path


def _folder(place, break_it, **settings):
    """A folder of nine sound pictures and one that `break_it(path)` breaks: one is left out."""
    from keras_gan import data

    for number in range(10):
        _picture(place / f"{number}.png", number)
    break_it(place / "7.png")
    with watching() as seen:
        source = data.from_folder(place, image_size=8, channels=1, **settings).source
    if seen.error is not None:
        return Outcome(seen.words, "the run", seen.origin)
    lost = "" if source.num_samples == 9 and len(seen.warnings) == 1 else "sound pictures"
    return Outcome(seen.words, lost, seen.origin)


def _bomb(path):
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def _flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def _linked(path, target):
    path.unlink()
    path.symlink_to(target)


PICTURES = {
    "a picture that is cut off": lambda path: path.write_bytes(path.read_bytes()[:-300]),
    "a picture damaged in the middle": lambda path: _flip(path, path.stat().st_size // 2),
    "a picture of no bytes": lambda path: path.write_bytes(b""),
    "a text named .png": lambda path: path.write_text("This is no picture."),
    "a picture of 30,000 x 30,000 pixels in 100 bytes": _bomb,
    "a link to a device that never ends": lambda path: _linked(path, "/dev/zero"),
    "a link to nowhere": lambda path: _linked(path, "nowhere.png"),
}
for _what, _break in PICTURES.items():
    fault(_what)(lambda place, break_it=_break: _folder(place, break_it))


@fault("an archive instead of a folder")
def archive(place):
    from keras_gan import data

    (place / "faces.zip").write_bytes(b"PK")
    return refused(None, lambda: data.from_folder(place / "faces.zip", image_size=8))


@fault("a folder without pictures")
def no_pictures(place):
    from keras_gan import data

    return refused(None, lambda: data.from_folder(place, image_size=8))


@fault("a picture that is removed while it is trained on")
def removed_picture(place):
    from keras_gan import data

    files = [_picture(place / f"{number}.png", number) for number in range(32)]
    dataset = data.from_folder(
        place, image_size=8, channels=1, batch_size=8, memory_limit_gib=0, seed=1
    )
    model, twin = gan((8, 8, 1)), gan((8, 8, 1))
    twin.fit(dataset, verbose=0)
    remove = callback(on_epoch_end=lambda epoch: files[5].unlink())
    with watching() as seen:
        model.fit(dataset, epochs=2, verbose=0, callbacks=[remove])
    lost = "the first epoch" if model.steps_seen < twin.steps_seen else ""
    return Outcome(seen.words, lost if seen.error is not None else "it went on", seen.origin)


@fault("an unknown name of a data set")
def unknown_name(place):
    from keras_gan import data

    return refused(None, lambda: data.from_tfds("fashion_mnits", data_dir=place))


@fault("a data set that is not there and must not be downloaded")
def not_prepared(place):
    from keras_gan import data

    return refused(None, lambda: data.from_tfds("mnist", data_dir=place, download=False))
