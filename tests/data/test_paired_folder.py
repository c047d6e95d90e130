"""Pairs of images: two folders matched by name, or one of images side by side."""

import warnings

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import from_paired_folder, paired_folder, unpaired
from keras_gan.feeding import entry_data, entry_sources
from keras_gan.feeding.entries import EntrySpec, EntrySpecs


def picture(path, value, size=(4, 6)):
    """Save a grey image of one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, "uint8")).save(path)
    return path


def side_by_side(path, left, right, size=(4, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    halves = [np.full(size, value, "uint8") for value in (left, right)]
    Image.fromarray(np.concatenate(halves, axis=1)).save(path)


@pytest.fixture
def pairs(tmp_path):
    """Twelve pairs `i`, `100 + i`, some in a folder within."""
    for i in range(12):
        name = f"{'deep/' if i > 8 else ''}{i:02d}"
        picture(tmp_path / "a" / f"{name}.png", i)
        picture(tmp_path / "b" / f"{name}.bmp", 100 + i)
    return tmp_path / "a", tmp_path / "b"


def load(*folders, **settings):
    """All pairs of values in the order of the data set, whose images are of one value each."""
    dataset = from_paired_folder(*folders, **{"shuffle": False, "channels": 1, **settings})
    batches = list(dataset.as_numpy_iterator())
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    for images in found.values():
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, images[:, :1, :1, :1] + np.zeros_like(images))
    return {name: images[:, 0, 0, 0].tolist() for name, images in found.items()}


# === What is read ===


@pytest.mark.parametrize("limit", [2.0, 0.0])
def test_two_folders_are_matched_by_name(pairs, limit):
    found = load(*pairs, names=("x", "y"), memory_limit_gib=limit)
    assert found == {"x": list(range(12)), "y": list(range(100, 112))}


@pytest.mark.parametrize("limit", [pytest.param(2.0, marks=pytest.mark.slow), 0.0])
def test_halves_of_images_side_by_side_are_pairs(tmp_path, limit):
    for i in range(5):
        side_by_side(tmp_path / f"{i}.png", i, 200 + i)
    # Resized apart: a filter over the border would mix them.
    for settings in ({}, {"image_size": (3, 5)}, {"image_size": 16}):
        found = load(tmp_path, memory_limit_gib=limit, **settings)
        assert found == {"a": list(range(5)), "b": list(range(200, 205))}
    (batch,) = from_paired_folder(tmp_path).as_numpy_iterator()
    assert batch["a"].shape == batch["b"].shape == (5, 4, 6, 3)


def test_the_middle_column_of_an_odd_width_is_left_out(tmp_path):
    picture(tmp_path / "a.png", 0, (1, 1))
    row = np.array([[1, 2, 9, 3, 4]], "uint8")
    Image.fromarray(row).save(tmp_path / "a.png")
    (batch,) = from_paired_folder(tmp_path, channels=1).as_numpy_iterator()
    assert batch["a"].ravel().tolist() == [1, 2] and batch["b"].ravel().tolist() == [3, 4]


def test_each_side_may_have_its_own_size_and_channels(tmp_path):
    picture(tmp_path / "low" / "1.png", 1, (4, 6))
    picture(tmp_path / "high" / "1.png", 2, (8, 12))
    folders = tmp_path / "low", tmp_path / "high"
    (batch,) = from_paired_folder(*folders, channels=(1, 3)).as_numpy_iterator()
    assert (batch["a"].shape, batch["b"].shape) == ((1, 4, 6, 1), (1, 8, 12, 3))
    (batch,) = from_paired_folder(*folders, image_size=5).as_numpy_iterator()
    assert batch["a"].shape == batch["b"].shape == (1, 5, 5, 3)


def test_a_turned_image_is_measured_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (6, 4)).save(tmp_path / "1.jpg", exif=exif)
    (batch,) = from_paired_folder(tmp_path, channels=1).as_numpy_iterator()
    assert batch["a"].shape == (1, 6, 2, 1)


# === Order ===


@pytest.mark.parametrize("limit", [pytest.param(2.0, marks=pytest.mark.slow), 0.0])
def test_pairs_stay_together_and_a_run_resumes_at_the_exact_batch(pairs, limit):
    entries = EntrySpecs({name: EntrySpec(name, (4, 6, 1), "float32") for name in "ab"})
    dataset = from_paired_folder(
        *pairs, channels=1, batch_size=5, seed=1, memory_limit_gib=limit, names=("a", "b")
    )

    def read(start, steps):
        settings = {"group": 1, "parts": 1, "shuffle": True, "seed": 0}
        feed, _ = entry_data.training_feed(
            dataset,
            None,
            entries=entries,
            batch_size=None,
            position=lambda: start,
            steps_per_epoch=steps,
            **settings,
        )
        batches = list(feed.dataset.as_numpy_iterator())
        for batch in batches:
            np.testing.assert_array_equal(batch["a"] + 100, batch["b"])
        assert len(feed.samples["a"]) == 12
        assert {"checksum_of_a", "checksum_of_b"} <= set(feed.description())
        return [batch["a"][:, 0, 0, 0].tolist() for batch in batches]

    straight = read(0, 6)
    assert len(set(sum(straight[:2], []))) == 10 and straight[:2] != straight[2:4]
    for start in (1, 3):
        assert read(start, 3) == straight[start : start + 3]


def test_pairs_in_files_may_lie_beside_other_data(pairs):
    dataset = from_paired_folder(*pairs, channels=1, memory_limit_gib=0.0)
    both = unpaired(dataset, np.zeros((40, 2)), names=["c"], batch_size=8)
    for batch in both.as_numpy_iterator():
        np.testing.assert_array_equal(batch["a"] + 100, batch["b"])
        assert len(batch["c"]) == len(batch["a"]) == 8
    # What a model reads of it comes in the same order.
    entries = EntrySpecs({"a": EntrySpec("a", (4, 6, 1), "float32"), "c": EntrySpec("c")})
    with pytest.warns(UserWarning, match="nothing in the model reads: b"):
        source = entry_sources.by_entry(both.source, entries, "x")
    found, wanted = (
        [*s.stream(lambda: 3, 4, 8).as_numpy_iterator()] for s in (source, both.source)
    )
    for batch, whole in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(batch["a"], whole["a"])


def test_another_folder_is_another_description(pairs, tmp_path):
    def told():
        dataset = from_paired_folder(*pairs, channels=1, memory_limit_gib=0.0)
        return dataset.source.description()

    before = told()
    assert before == told() and str(tmp_path) not in str(before)
    pairs[1].joinpath("00.bmp").rename(pairs[1] / "00.dib")
    after = told()
    assert [key for key in before if before[key] != after[key]] == ["checksum_of_b"]


# === What is left out ===


@pytest.mark.parametrize("limit", [2.0, 0.0])
def test_what_is_left_out_is_told_of_in_one_warning(pairs, limit):
    picture(pairs[0] / "only_a.png", 1)
    picture(pairs[1] / "deep" / "only_b.png", 1)
    (pairs[1] / "03.bmp").write_bytes(b"BM no image")
    (pairs[0] / "tool.exe").write_bytes(b"x")
    with pytest.warns(UserWarning) as caught:
        found = load(*pairs, memory_limit_gib=limit)
    wanted = [i for i in range(12) if i != 3]
    assert found == {"a": wanted, "b": [100 + i for i in wanted]}
    (warning,) = caught
    text = str(warning.message)
    assert "1 files are no images that Pillow reads: tool.exe." in text
    assert "2 images have no partner: " in text and "only_a.png" in text and "only_b.png" in text
    assert "1 of 12 images cannot be read: 03.bmp." in text and text.endswith("They are left out.")


def test_halves_that_cannot_be_read_are_told_of_once(tmp_path):
    for i in range(3):
        side_by_side(tmp_path / f"{i}.png", i, 200 + i)
    (tmp_path / "1.png").write_bytes(b"\x89PNG no image")
    with pytest.warns(UserWarning) as caught:
        assert load(tmp_path) == {"a": [0, 2], "b": [200, 202]}
    assert len(caught) == 1 and str(caught[0].message).count("cannot be read") == 1


def test_nothing_is_said_where_nothing_is_left_out(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(*pairs)


# === What is refused ===


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b: ((a, b), {"names": ("a", "a")}), "different Python identifiers"),
        (lambda a, b: ((a, b), {"names": ("a", "b", "c")}), "`names` must be two"),
        (lambda a, b: ((a, b), {"on_error": "ignore"}), "on_error"),
        (lambda a, b: ((a, b), {"channels": (1, 2)}), "`channels` must be one of"),
        (lambda a, b: ((a, b), {"channels": (1, 3, 3)}), "or a pair of them"),
        (lambda a, b: ((a, b), {"image_size": 0}), "image_size"),
        (lambda a, b: ((a, a), {}), "must be two folders.*Leave out `b`"),
        (lambda a, b: ((a / "no", b), {}), "`a` must be a folder, but it does not exist"),
        (lambda a, b: ((a, b / "00.bmp"), {}), "`b` must be a folder.*Unpack"),
        (lambda a, b: ((a, b / "deep"), {}), "images of the same names.*a='00, 01.*b='09, 10, 11"),
    ],
)
def test_bad_arguments_are_refused(pairs, change, message):
    folders, settings = change(*pairs)
    with pytest.raises(ValueError, match=message):
        from_paired_folder(*folders, **settings)


def test_what_is_left_out_may_be_refused(pairs):
    picture(pairs[1] / "only_b.png", 1)
    message = "Each image must have a partner.*only_b.png.*on_error='skip'"
    with pytest.raises(ValueError, match=message):
        from_paired_folder(*pairs, on_error="raise")


def test_two_images_of_one_name_are_refused(pairs):
    picture(pairs[0] / "00.bmp", 1)
    with pytest.raises(ValueError, match="different names, whatever their suffix.*00.bmp.*00.png"):
        from_paired_folder(*pairs)


def test_images_of_several_sizes_need_a_size(pairs):
    picture(pairs[1] / "05.bmp", 105, (9, 9))
    message = r"images of 'b' differ in size.*image_size=None, sizes=\[\(4, 6\), \(9, 9\)\]"
    with pytest.raises(ValueError, match=message):
        from_paired_folder(*pairs)
    assert load(*pairs, image_size=4)["b"][5] == 105


def test_pairs_of_which_none_can_be_read_are_refused(tmp_path):
    picture(tmp_path / "a" / "1.png", 1), picture(tmp_path / "b" / "1.png", 1)
    picture(tmp_path / "a" / "2.png", 1), picture(tmp_path / "b" / "2.png", 1)
    (tmp_path / "a" / "1.png").write_bytes(b"\x89PNG")
    (tmp_path / "b" / "2.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match="One pair of images at least must be readable"):
        from_paired_folder(tmp_path / "a", tmp_path / "b")


def test_an_image_too_narrow_for_two_cannot_be_read(tmp_path):
    picture(tmp_path / "1.png", 1, (4, 1))
    with pytest.raises(ValueError, match="1 of 1 images cannot be read.*wide enough for two"):
        from_paired_folder(tmp_path, image_size=4)


def test_a_file_that_is_lost_in_training_is_named(pairs):
    dataset = from_paired_folder(*pairs, channels=1, memory_limit_gib=0.0)
    (pairs[1] / "04.bmp").unlink()
    assert isinstance(dataset.source, paired_folder.PairSource)
    with pytest.raises(Exception, match="must stay as they are while they are trained on"):
        list(dataset)


def test_files_that_change_in_training_are_named(pairs):
    source = from_paired_folder(*pairs, channels=1, memory_limit_gib=0.0).source
    for name in ("03", "04"):
        path = pairs[1] / f"{name}.bmp"
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(Exception, match=r"unreadable=\['\S+03.bmp', '\S+04.bmp'\]"):
        source.read(np.arange(12))
