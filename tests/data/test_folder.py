"""Folders of images: what is in them, what is skipped, what is refused."""

import pathlib
import warnings
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gan import data
from keras_gan.data import file_source, left_out, pixels
from keras_gan.feeding import sources

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def arrays(dataset):
    """All samples and labels (or `None`) of a data set, joined."""
    batches = [sources.as_arrays(batch) for batch in dataset]
    samples, labels = zip(*batches, strict=True)
    return np.concatenate(samples), None if labels[0] is None else np.concatenate(labels)


def picture(path, values, mode=None, **options):
    """Save an image of constant `values` of 4 rows and 6 columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values, "uint8")
    array = np.broadcast_to(values, (4, 6, *values.shape))
    image = Image.fromarray(np.ascontiguousarray(array))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def load(path, **settings):
    """The samples and labels of a folder in the order of its files."""
    settings = {"image_size": (4, 6), "shuffle": False, **settings}
    return arrays(data.from_folder(path, **settings))


def test_folder_reads_all_formats_in_order_of_paths(tmp_path):
    picture(tmp_path / "a.png", [10, 20, 30])
    picture(tmp_path / "b.BMP", [40, 50, 60])
    picture(tmp_path / "c.gif", [255, 0, 0])
    picture(tmp_path / "d.JPG", [100, 100, 100])
    picture(tmp_path / "deep" / "er" / "e.jpeg", [200, 200, 200], quality=95)
    (tmp_path / "notes.txt").write_text("not an image")
    samples, labels = load(str(tmp_path))
    assert (samples.shape, samples.dtype) == ((5, 4, 6, 3), "uint8")
    assert labels is None
    expected = [[10, 20, 30], [40, 50, 60], [255, 0, 0], [100] * 3, [200] * 3]
    np.testing.assert_allclose(samples[:, 0, 0].astype(int), expected, atol=1)
    np.testing.assert_array_equal(samples[:3], np.broadcast_to(samples[:3, :1, :1], (3, 4, 6, 3)))


def test_folder_reads_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    samples, _ = load(tmp_path)
    assert samples[:, 0, 0].tolist() == [[255, 0, 0]]


@pytest.mark.parametrize(
    "background, paper",
    [
        ("white", (255, 255, 255)),
        ("#102030", (16, 32, 48)),
        (0, (0, 0, 0)),
        ((10, 200, 90), (10, 200, 90)),
    ],
)
def test_folder_lays_transparent_images_on_a_background(tmp_path, background, paper):
    for alpha in (0, 51, 128, 255):
        picture(tmp_path / f"{alpha:03d}.png", [200, 100, 0, alpha])
    samples, _ = load(tmp_path, background=background)
    for sample, alpha in zip(samples, (0, 51, 128, 255), strict=True):
        exact = (np.array([200, 100, 0]) * alpha + np.array(paper) * (255 - alpha)) / 255
        np.testing.assert_allclose(sample[0, 0], exact, atol=0.51)


def test_folder_knows_all_kinds_of_transparency(tmp_path):
    picture(tmp_path / "a.png", [80, 0], mode="LA")
    palette = Image.new("P", (6, 4))
    palette.putpalette([250, 0, 0, 0, 250, 0])
    palette.save(tmp_path / "b.png", transparency=0)
    palette.save(tmp_path / "c.gif", transparency=0)
    Image.new("RGB", (6, 4), (1, 2, 3)).save(tmp_path / "d.png", transparency=(1, 2, 3))
    Image.new("L", (6, 4), 9).save(tmp_path / "e.png", transparency=9)
    samples, _ = load(tmp_path, background=(7, 8, 9))
    np.testing.assert_array_equal(samples[:, 0, 0], [[7, 8, 9]] * 5)


def test_folder_channels(tmp_path):
    picture(tmp_path / "a.png", [200, 100, 50])
    picture(tmp_path / "b.png", 77)
    picture(tmp_path / "c.png", [10, 20, 30, 40])
    grey, _ = load(tmp_path, channels=1)
    assert grey[:, 0, 0].tolist() == [[124], [77], [218]]
    colour, _ = load(tmp_path)
    assert colour[1, 0, 0].tolist() == [77, 77, 77]
    alpha, _ = load(tmp_path, channels=4)
    assert alpha[:, 0, 0].tolist() == [[200, 100, 50, 255], [77, 77, 77, 255], [10, 20, 30, 40]]


def test_folder_scales_sixteen_bits_down(tmp_path):
    values = np.array([[0, 255, 256, 32_768, 65_535]], "uint16")
    Image.fromarray(values).save(tmp_path / "a.png")
    samples, _ = load(tmp_path, image_size=(1, 5), channels=1)
    assert samples[0, 0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_folder_honours_exif_orientation(tmp_path):
    image = Image.new("RGB", (6, 4), "black")
    image.paste("white", (0, 0, 3, 4))  # left half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "a.png", exif=exif)
    samples, _ = load(tmp_path, image_size=(6, 4))
    assert (samples[0, :3] == 255).all() and (samples[0, 3:] == 0).all()


def test_folder_resizes_with_the_filter_it_is_told(tmp_path):
    values = np.zeros((2, 2, 3), "uint8")
    values[0, 0] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    nearest, _ = load(tmp_path, image_size=4, resample="nearest")
    np.testing.assert_array_equal(nearest[0], values.repeat(2, axis=0).repeat(2, axis=1))
    box, _ = load(tmp_path, image_size=1, resample="box")
    assert box[0, 0, 0].tolist() == [64, 64, 64]
    default, _ = load(tmp_path, image_size=7)
    image = Image.fromarray(values).resize((7, 7), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(default[0], np.asarray(image))


def test_folder_image_size_is_height_and_width(tmp_path):
    picture(tmp_path / "a.png", [1, 2, 3])
    assert load(tmp_path, image_size=(3, 5))[0].shape == (1, 3, 5, 3)
    assert load(tmp_path, image_size=8)[0].shape == (1, 8, 8, 3)


def test_folder_stretches_or_crops(tmp_path):
    values = np.zeros((4, 8, 3), "uint8")
    values[:, :2] = values[:, 6:] = 255  # both margins are white
    Image.fromarray(values).save(tmp_path / "a.png")
    cropped, _ = load(tmp_path, image_size=4, crop_to_aspect_ratio=True)
    assert cropped.max() == 0
    stretched, _ = load(tmp_path, image_size=4, resample="nearest")
    assert stretched[0, 0, :, 0].tolist() == [255, 0, 0, 255]


def test_folder_labels_are_the_first_folders(tmp_path):
    picture(tmp_path / "dog" / "b.png", [2, 2, 2])
    picture(tmp_path / "cat" / "a.png", [0, 0, 0])
    picture(tmp_path / "dog" / "a" / "x.png", [1, 1, 1])
    picture(tmp_path / "eel" / "a.png", [3, 3, 3])
    (tmp_path / "empty").mkdir()
    dataset = data.from_folder(tmp_path, image_size=(4, 6), labels=True, shuffle=False)
    assert dataset.class_names == ["cat", "dog", "eel"]
    assert dataset.element_spec[1].dtype == tf.int32
    samples, labels = arrays(dataset)
    assert samples[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert labels.tolist() == [0, 1, 1, 2]
    assert data.from_folder(tmp_path, image_size=4).class_names is None


def test_folder_labels_stay_with_their_images(tmp_path):
    for value in range(12):
        picture(tmp_path / f"class_{value % 3}" / f"{value}.png", [value] * 3)
    for limit in (1.0, 0.0):
        dataset = data.from_folder(
            tmp_path, image_size=(4, 6), labels=True, batch_size=5, memory_limit_gib=limit
        )
        for _ in range(2):
            samples, labels = arrays(dataset)
            assert sorted(samples[:, 0, 0, 0]) == list(range(12))
            np.testing.assert_array_equal(samples[:, 0, 0, 0] % 3, labels)


def test_folder_with_labels_refuses_loose_images(tmp_path):
    picture(tmp_path / "cat" / "a.png", [0, 0, 0])
    picture(tmp_path / "cover.png", [0, 0, 0])
    with pytest.raises(ValueError, match="folder of its class.*cover.png.*labels=False"):
        load(tmp_path, labels=True)


def test_folder_leaves_hidden_files_out(tmp_path):
    picture(tmp_path / "a.png", [9, 9, 9])
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    picture(tmp_path / ".cache" / "b.png", [2, 2, 2])
    picture(tmp_path / "__MACOSX" / "c.png", [3, 3, 3])
    assert load(tmp_path)[0][:, 0, 0, 0].tolist() == [9]


def test_folder_follows_links_but_not_in_circles(tmp_path):
    picture(tmp_path / "elsewhere" / "a.png", [9, 9, 9])
    root = tmp_path / "root"
    root.mkdir()
    try:
        (root / "cat").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "back").symlink_to(root)
    except OSError:
        pytest.skip("links cannot be made here")
    samples, labels = load(root, labels=True)
    assert (len(samples), labels.tolist()) == (1, [0])


def damaged(tmp_path, good=3):
    """A folder of good images and of four that cannot be read; their names."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
    for index in range(good):
        picture(tmp_path / f"good_{index}.png", [index] * 3)
    (tmp_path / "bad_1.png").write_bytes(b"this is no image")
    (tmp_path / "bad_2.jpg").touch()
    for name in ("bad_3.png", "bad_4.jpg"):
        Image.fromarray(noise).save(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    return ["bad_1.png", "bad_2.jpg", "bad_3.png", "bad_4.jpg"]


@pytest.mark.parametrize("limit", [1.0, 0.0])
def test_folder_skips_what_it_cannot_read_with_one_warning(tmp_path, limit):
    names = damaged(tmp_path)
    with pytest.warns(UserWarning) as caught:
        samples, _ = load(tmp_path, memory_limit_gib=limit)
    assert samples[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(caught) == 1
    assert str(caught[0].message) == (
        f"4 of 7 images cannot be read: {', '.join(names)}. They are left out."
    )
    assert caught[0].filename == __file__


def test_folder_names_only_some_of_many(tmp_path):
    picture(tmp_path / "z.png", [9, 9, 9])
    for index in range(8):
        (tmp_path / f"{index}.png").touch()
    with pytest.warns(UserWarning, match="8 of 9 .* 0.png, .* 4.png and 3 more. They are"):
        load(tmp_path)


def test_folder_keeps_labels_right_when_it_skips(tmp_path):
    for name in ("a", "b", "c"):
        picture(tmp_path / name / "1.png", [ord(name)] * 3)
    (tmp_path / "a" / "0.png").touch()
    (tmp_path / "b" / "1.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="2 of 4"):
        samples, labels = load(tmp_path, labels=True)
    assert samples[:, 0, 0, 0].tolist() == [ord("a"), ord("c")]
    assert labels.tolist() == [0, 1]


def test_folder_raises_if_told_to(tmp_path):
    damaged(tmp_path)
    message = "4 of 7 images.*bad_1.png.*UnidentifiedImageError.*on_error='skip'"
    with pytest.raises(ValueError, match=message):
        load(tmp_path, on_error="raise")
    errors = {str(tmp_path / "a.png"): "OSError: broken data stream."}
    told = str(left_out.refusal(errors, 2, tmp_path, can_skip=True))
    assert "The first one's error: OSError: broken data stream. Received: " in told


@pytest.mark.parametrize("on_error", ["skip", "raise"])
def test_folder_of_damaged_images_only(tmp_path, on_error):
    damaged(tmp_path, good=0)
    with pytest.raises(ValueError, match="4 of 4 images cannot be read.*Repair or remove them.$"):
        load(tmp_path, on_error=on_error)


def test_folder_empty_missing_or_none(tmp_path):
    with pytest.raises(ValueError, match=r"must hold images \(.png, .*Received: path="):
        load(tmp_path)
    with pytest.raises(ValueError, match="it does not exist. Received: path=.*nowhere"):
        load(tmp_path / "nowhere")
    archive = tmp_path / "images.zip"
    archive.touch()
    with pytest.raises(ValueError, match="Unpack archives first"):
        load(archive)
    with pytest.raises(ValueError, match="`path` must be a folder. Received: path=None"):
        load(None)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"image_size": 0}, "`image_size` must be a positive integer"),
        ({"image_size": (4, 6, 3)}, "`image_size`"),
        ({"image_size": None}, "`image_size`"),
        ({"channels": 2}, "`channels` must be one of 1, 3, 4"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"labels": "yes"}, "`labels` must be True or False"),
        ({"on_error": "ignore"}, "`on_error` must be one of 'skip', 'raise'"),
        ({"resample": "lancsoz"}, "Did you mean 'lanczos'"),
        ({"background": "whitish"}, "`background` must be a colour.*whitish"),
        ({"background": (1, 2)}, "`background`"),
        ({"background": 256}, "`background`"),
        ({"background": None}, "`background`"),
        ({"crop_to_aspect_ratio": 1}, "`crop_to_aspect_ratio`"),
        ({"memory_limit_gib": -1}, "`memory_limit_gib`"),
        ({"shuffle": "no"}, "`shuffle`"),
        ({"seed": -1}, "`seed`"),
    ],
)
def test_folder_checks_its_arguments(tmp_path, settings, message):
    picture(tmp_path / "a.png", [1, 2, 3])
    with pytest.raises(ValueError, match=message):
        load(tmp_path, **settings)


def test_folder_on_demand_equals_folder_in_memory(tmp_path):
    for value in range(11):
        picture(tmp_path / f"class_{value % 2}" / f"{value:02d}.png", [value, 2 * value, 0])
    settings = {"image_size": 5, "labels": True, "batch_size": 4, "seed": 3}
    memory = data.from_folder(tmp_path, **settings)
    demand = data.from_folder(tmp_path, memory_limit_gib=0.0, **settings)
    assert isinstance(memory.source, sources.ArraySource)
    assert isinstance(demand.source, file_source.FileSource)
    assert demand.element_spec == memory.element_spec
    assert demand.source.element_spec == memory.source.element_spec
    for _ in range(2):
        for one, other in zip(memory, demand, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
    streams = [dataset.source.stream(lambda: 3, 7, 4) for dataset in (memory, demand)]
    assert streams[1].element_spec[0].shape == (4, 5, 5, 3)
    for one, other in zip(*streams, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    held_out = [dataset.source.split(0.4)[1] for dataset in (memory, demand)]
    for pair in ((memory.source, demand.source), held_out):
        for one, other in zip(*(source.examples(5) for source in pair), strict=True):
            np.testing.assert_array_equal(one, other)


def test_folder_hides_only_remarks_of_pillow(tmp_path, monkeypatch):
    picture(tmp_path / "a.png", [1, 2, 3])
    decode = pixels.Decoder.decode

    def remarking(self, file):
        warnings.warn_explicit(
            "odd EXIF data", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin"
        )
        return decode(self, file)

    monkeypatch.setattr(pixels.Decoder, "decode", remarking)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(tmp_path)
        warnings.warn("another", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["another"]


def test_folder_of_real_images(tmp_path):
    archive = SHARED / "tinyhero_64.zip"
    if not archive.exists():
        pytest.skip("the images are not there")
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".png"))
        opened.extractall(tmp_path, names[::30])
    root = tmp_path / pathlib.PurePosixPath(names[0]).parents[1]
    dataset = data.from_folder(root, image_size=64, labels=True)
    samples, labels = arrays(dataset)
    assert len(samples) == len(names[::30])
    assert len(dataset.class_names) == 4
    assert set(labels) == {0, 1, 2, 3}
    assert samples[:, 0, 0].min() == 255  # white corners
