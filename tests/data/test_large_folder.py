"""Large folders: what is read before the first step, and what is checked later."""

import gc
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gan import data
from keras_gan.data import folder, pixels, unchecked
from keras_gan.feeding import sources


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (value,) * 3).save(path)


@pytest.fixture
def numbered(tmp_path):
    """A folder of 23 images of three classes; image `i` has the value `i`."""
    for value in range(23):
        save(tmp_path / f"class_{value % 3}" / f"{value:02d}.png", value)
    return tmp_path


@pytest.fixture
def small_sample(monkeypatch):
    """Looking at the first and the last image alone, so that small folders are like large ones."""
    monkeypatch.setattr(unchecked, "SAMPLE", 2)


@pytest.fixture(autouse=True)
def nothing_left_to_tell():
    """What a test has not read to the end is told of before the next one."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def load(path, **settings):
    settings = {"image_size": (4, 6), "batch_size": 4, "check_all": False, **settings}
    return data.from_folder(path, **settings)


def values(batches):
    """The value of each image of some batches, and the labels (or `None`)."""
    parts = [sources.as_arrays(batch) for batch in batches]
    samples = np.concatenate([samples[:, 0, 0, 0] for samples, _ in parts]).tolist()
    labels = None if parts[0][1] is None else np.concatenate([part[1] for part in parts]).tolist()
    return samples, labels


def spoil(root, *numbers):
    """Make some images of `numbered` unreadable; their names."""
    names = [f"class_{number % 3}/{number:02d}.png" for number in numbers]
    for name in names:
        (root / name).write_bytes(b"")
    return sorted(names)


@pytest.fixture
def decoded(monkeypatch):
    """The files that are decoded or looked at."""
    found = []
    for name in ("decode", "look"):
        method = getattr(pixels.Decoder, name)

        def noted(self, file, *, method=method, **settings):
            found.append(file)
            return method(self, file, **settings)

        monkeypatch.setattr(pixels.Decoder, name, noted)
    return found


# === Good files ===


@pytest.mark.parametrize(
    ("labels", "limit"),
    [
        pytest.param(True, 1.0, id="labels, kept"),
        pytest.param(False, 0.0, id="decoded when needed"),
    ],
)
def test_batches_are_those_of_a_folder_that_is_checked_whole(numbered, limit, labels):
    whole, late = (
        load(numbered, labels=labels, memory_limit_gib=limit, seed=3, check_all=check_all)
        for check_all in (True, False)
    )
    assert isinstance(late.source, unchecked.UncheckedSource)
    assert (late.element_spec, late.class_names) == (whole.element_spec, whole.class_names)
    for _ in range(2):
        assert values(late) == values(whole)
    held_out = [dataset.source.split(0.4)[1].dataset(4) for dataset in (whole, late)]
    assert values(held_out[0]) == values(held_out[1])
    for one, other in zip(*(set_.source.examples(5) for set_ in (whole, late)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["kept", "decoded when needed"])
def test_images_that_fit_into_memory_are_decoded_once(numbered, small_sample, decoded, limit):
    dataset = load(numbered, memory_limit_gib=limit)
    assert 0 < len(decoded) <= 3
    decoded.clear()
    values(dataset)
    assert len(decoded) == len(set(decoded)) == 23
    values(dataset)
    assert len(decoded) == (23 if limit else 46)


def test_small_folders_are_checked_whole(numbered, monkeypatch):
    def is_whole():
        source = load(numbered, check_all=None).source
        return not isinstance(source, unchecked.UncheckedSource)

    assert is_whole()
    size = sum(path.stat().st_size for path in numbered.rglob("*.png"))
    for name, most in (("_FILES", 23), ("_BYTES", size)):
        monkeypatch.setattr(folder, name, most)
        assert is_whole()
        monkeypatch.setattr(folder, name, most - 1)
        assert not is_whole()
        monkeypatch.undo()
    with pytest.raises(ValueError, match="`check_all` must be True or False"):
        load(numbered, check_all="yes")


def test_the_description_changes_with_the_files(numbered):
    def described():
        return load(numbered, labels=True).source.description()

    before = described()
    assert described() == before
    save(numbered / "class_0" / "more.png", 1)
    assert described() != before
    (numbered / "class_0" / "more.png").unlink()
    with open(numbered / "class_0" / "00.png", "ab") as file:
        file.write(b"0")
    assert described() != before


# === Bad files ===


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["kept", "decoded when needed"])
def test_what_cannot_be_read_is_named_once_after_a_pass(numbered, small_sample, limit):
    names = spoil(numbered, 4, 5, 7, 10)
    save(numbered / "class_2" / "23.png", 23)
    dataset = load(numbered, labels=True, memory_limit_gib=limit)
    with pytest.warns(UserWarning) as caught:
        samples, labels = values(dataset)
    values(dataset)
    told = f"4 of 24 images cannot be read: {', '.join(names)}. They are left out."
    assert [str(warning.message) for warning in caught] == [told]
    assert caught[0].filename == __file__
    # Others are in their places, with the labels of the others.
    assert len(samples) == len(dataset.source.files) == 24
    assert set(samples) == set(range(24)) - {4, 5, 7, 10}
    assert labels == [value % 3 for value in samples]


def test_the_incomplete_batch_of_a_pass_is_not_waited_for(numbered, small_sample):
    (name,) = spoil(numbered, 4)
    source = load(numbered, shuffle=False).source
    for start in range(0, 16, 4):
        source.read(np.arange(start, start + 4))
    with pytest.warns(UserWarning, match=f"1 of 23 images cannot be read: {name}.") as caught:
        source.read(np.arange(16, 20))
    source.read(np.arange(20, 23))
    assert len(caught) == 1


def test_what_is_found_is_told_of_when_the_data_are_no_longer_used(numbered, small_sample):
    (name,) = spoil(numbered, 4)
    source = load(numbered, shuffle=False).source
    source.read(np.arange(11))
    with pytest.warns(UserWarning, match=f"1 of 23 images cannot be read: {name}."):
        del source
        gc.collect()


def test_any_batch_can_be_read_first(numbered, small_sample):
    """The order does not depend on what has been read: a resumed run goes on exactly."""
    spoil(numbered, 1, 4, 5, 7, 10, 16)

    def stream(start, count):
        source = load(numbered, labels=True, seed=1, memory_limit_gib=0.0).source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [values([batch]) for batch in source.stream(lambda: start, count, 4)]

    whole = stream(0, 12)
    for start in (1, 9):
        assert stream(start, 12 - start) == whole[start:]


def test_many_bad_files_in_a_row_have_many_in_their_places():
    taken = [[next(unchecked._tried(place, 1_000))] for place in range(1_000)]
    assert taken == [[place] for place in range(1_000)]
    for size in (1, 2, 7, 1_000):
        for place in range(min(size, 50)):
            assert sorted(unchecked._tried(place, size)) == list(range(size))
    # The last third of a folder cannot be read.
    stand_in = [next(p for p in unchecked._tried(i, 999) if p < 666) for i in range(666, 999)]
    assert max(np.bincount(stand_in)) < 6


@pytest.mark.parametrize("number", [0, 4], ids=["of the sample", "another"])
def test_an_unreadable_file_is_an_error_if_asked_for(numbered, small_sample, number):
    (name,) = spoil(numbered, number)
    told = f"1 of 23 images cannot be read: {name}. The first one's error: .*'skip'"
    with pytest.raises(Exception, match=told) as caught:
        values(load(numbered, on_error="raise"))
    assert (caught.type is ValueError) == (number == 0)


def test_a_folder_of_unreadable_images_is_refused(numbered, small_sample):
    spoil(numbered, *range(23))
    with pytest.raises(ValueError, match="23 of 23 images cannot be read: .*remove them.$"):
        load(numbered)


def test_a_folder_without_a_readable_image_is_no_class(numbered, small_sample):
    spoil(numbered, *range(1, 23, 3))
    with pytest.warns(UserWarning) as caught:
        dataset = load(numbered, labels=True)
        samples, labels = values(dataset)
    assert dataset.class_names == ["class_0", "class_2"]
    assert labels == [value % 3 // 2 for value in samples]
    assert len(samples) == 23 - 8
    assert [str(warning.message).split(":")[0] for warning in caught] == [
        "1 classes have no image that can be read",
        "8 of 23 images cannot be read",
    ]


@pytest.mark.parametrize("is_read", [False, True], ids=["unread", "read before"])
def test_a_file_that_is_gone_is_an_error(numbered, small_sample, is_read):
    source = load(numbered, memory_limit_gib=0.0, shuffle=False).source
    if is_read:
        source.read(np.arange(23))
    os.remove(source.files[5])
    with pytest.raises(Exception, match="must stay as they are.*missing=.*class_0/15.png"):
        source.read(np.arange(23))


def test_an_exhausted_machine_is_not_the_fault_of_a_file(numbered, small_sample, monkeypatch):
    source = load(numbered, shuffle=False).source

    def exhausted(*args, **kwargs):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(pixels, "_open", exhausted)
        with pytest.raises(Exception, match="Too many open files"):
            source.read(np.arange(23))
    assert values([source.read(np.arange(23))])[0][:4] == [0, 3, 6, 9]


def test_remarks_of_pillow_are_hidden(numbered, small_sample, monkeypatch):
    dataset, decode = load(numbered), pixels.Decoder.decode

    def remarking(self, file, **settings):
        warnings.warn_explicit("odd", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        return decode(self, file, **settings)

    monkeypatch.setattr(pixels.Decoder, "decode", remarking)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        assert len(values(dataset)[0]) == 23
        filters = len(warnings.filters)
        values(load(numbered))
        assert len(warnings.filters) == filters
    assert caught == []


# === Bits ===


def deep_png(values):
    """A PNG file of 16 bits of an array `(height, width)` of grey or `(height, width, bands)`."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    kind = 0 if values.ndim == 2 else {2: 4, 3: 2, 4: 6}[values.shape[-1]]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def grey(bits):
    return deep_png(np.full((4, 6), 2**bits - 1))


def test_the_bits_of_the_sample_hold_for_all(tmp_path, small_sample):
    for name, bits in {"a": 12, "b": 11, "c": 8, "d": 12}.items():
        (tmp_path / f"{name}.png").write_bytes(grey(bits))
    whole, late = (load(tmp_path, shuffle=False, check_all=check) for check in (True, False))
    assert values(late)[0] == values(whole)[0] == [255, 127, 15, 255]
    assert late.source.description()["bits_of_colours"] == 12


def floats(path, white):
    Image.fromarray(np.full((4, 6), white, "float32")).save(path)


@pytest.mark.parametrize(
    ("sample", "other"),
    [
        (lambda path: path.write_bytes(grey(12)), lambda path: path.write_bytes(grey(13))),
        (lambda path: save(path, 9), lambda path: path.write_bytes(grey(12))),
        (
            lambda path: path.write_bytes(deep_png(np.full((4, 6, 3), 2**16 - 1))),
            lambda path: path.write_bytes(deep_png(np.full((4, 6, 4), 2**12 - 1))),
        ),
        (lambda path: path.write_bytes(grey(16)), lambda path: floats(path, 1.0)),
        (lambda path: floats(path, 1.0), lambda path: floats(path, 255.0)),
    ],
    ids=["more bits", "none before", "alpha", "floats", "larger floats"],
)
def test_an_image_that_contradicts_the_sample_is_left_out(tmp_path, small_sample, sample, other):
    for name in ("a", "z"):
        sample(tmp_path / f"{name}.tif")
    other(tmp_path / "deep.tif")
    dataset = load(tmp_path, channels=4)
    told = "1 of 3 images have more bits per value than the 2 files .*`check_all=True`.*deep.tif. T"
    with pytest.warns(UserWarning, match=told):
        taken = [tuple(sample[0, 0]) for sample in np.concatenate(list(dataset))]
        first = load(tmp_path, channels=4).source.read(np.zeros(1, "int64"))
    assert taken == [tuple(first[0, 0, 0].numpy())] * 3
    with pytest.raises(Exception, match="no more bits.*deep.tif.*Use `check_all=True`"):
        list(load(tmp_path, on_error="raise"))
    # The cure.
    assert len(values(load(tmp_path, on_error="raise", check_all=True))[0]) == 3


# === A hundred thousand files ===

MANY = 100_000


@pytest.fixture
def many(tmp_path):
    """A folder of many links to some hundred images, of which the last three are damaged.

    BMP: of a PNG file, the checksums would be checked, too.
    """
    for value in range(200):
        save(tmp_path / "distinct" / f"{value}.bmp", value)
    (tmp_path / "distinct" / "bad.bmp").write_bytes(b"no image")
    root = tmp_path / "many"
    for number in range(MANY):
        if number % 1_000 == 0:
            (root / f"{number // 1_000:03d}").mkdir(parents=True)
        name = "bad" if number >= MANY - 4 and number < MANY - 1 else number % 200
        os.link(
            tmp_path / "distinct" / f"{name}.bmp", root / f"{number // 1_000:03d}" / f"{number}.bmp"
        )
    return root


@pytest.mark.slow
def test_a_hundred_thousand_files(many, decoded):
    def stream(start, steps):
        return load(many, check_all=None, memory_limit_gib=0.0).source.stream(
            lambda: start, steps, 500
        )

    whole = []
    with pytest.warns(UserWarning) as caught:
        for batch in stream(0, MANY // 500):
            if not whole:
                assert len(decoded) < MANY / 20
            whole.append(values([batch]))
    assert [str(warning.message) for warning in caught] == [
        "3 of 100000 images cannot be read: 099/99996.bmp, 099/99997.bmp, 099/99998.bmp. They are "
        "left out."
    ]
    # A run that goes on.
    decoded.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rest = [values([batch]) for batch in stream(150, 10)]
    assert rest == whole[150:160]
    assert len(decoded) < MANY / 10
