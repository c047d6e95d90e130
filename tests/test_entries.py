"""The rules of entries: each is read off the input that takes it, and bad ones are named."""

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan.feeding.cures import Form
from keras_gan.feeding.entries import EntrySpec, EntrySpecs, LabelSpec, check_names
from keras_gan.feeding.values import Reach

IMAGE = (8, 8, 1)


def floats(low, high, shape=IMAGE, count=6):
    return np.random.default_rng(0).uniform(low, high, (count, *shape)).astype("float32")


# === What arrives ===


@pytest.mark.parametrize(
    ("rule", "given", "dtype", "expected"),
    [
        (((3,), "float32"), np.arange(6, dtype="int64").reshape(2, 3), "float32", None),
        (((3,), "float16"), np.ones((2, 3)), "float32", None),
        (((), "int32"), np.array([[1], [2]]), "int32", [1, 2]),
        (((), "int32"), np.array([True, False]), "int32", [1, 0]),
        (((1,), "int32"), np.array([1, -2]), "int32", [[1], [-2]]),
        (((1,), "float32"), np.array([1.5, 2.0]), "float32", [[1.5], [2.0]]),
        (((), "bool"), np.array([1, 0, 1]), "bool", [True, False, True]),
        (((5,), "int32"), np.arange(10, dtype="uint8").reshape(2, 5), "int32", None),
        ((None, None), np.arange(4, dtype="int64"), "int32", None),
        ((None, None), np.arange(4.0), "float32", None),
        ((None, None), np.array([True, False]), "bool", None),
        ((None, None), np.ones((2, 3, 4), "uint8"), "int32", None),
    ],
)
def test_what_the_networks_take_follows_from_the_input(rule, given, dtype, expected):
    spec = EntrySpec("entry", *rule)
    tensor = spec.to_tensor(tf.constant(spec.checked(given)))
    assert tensor.dtype.name == dtype
    np.testing.assert_array_equal(tensor, given if expected is None else expected)


@pytest.mark.parametrize("shape", [IMAGE, None])
def test_pixels_stay_bytes_and_become_floats_in_the_graph(shape):
    images = helpers.images(6, IMAGE)
    spec = EntrySpec("photo", shape, None if shape is None else "float32")
    kept = spec.checked(images)
    assert kept.dtype == np.uint8
    np.testing.assert_allclose(spec.to_tensor(tf.constant(kept)), images / 127.5 - 1, atol=1e-6)
    black = spec.to_tensor(tf.constant(spec.checked(images > 100)))
    np.testing.assert_array_equal(black, np.where(images > 100, 1.0, -1.0))


def test_values_are_no_pixels_though_they_look_like_them():
    mask = helpers.images(6, IMAGE)
    spec = EntrySpec("mask", IMAGE, "float32", is_values=True)
    for given in (mask, mask > 100, mask.astype("int64"), mask * 100.0):
        kept = spec.checked(given)
        np.testing.assert_array_equal(spec.to_tensor(tf.constant(kept)), np.float32(given))
    assert spec.checked(mask).dtype == np.uint8  # four times smaller than what steps get


# === What is refused ===


@pytest.mark.parametrize(
    ("rule", "settings", "given", "message"),
    [
        ((IMAGE, "float32"), {}, floats(0, 255), r"uint8 in \[0, 255\] or.*`x\['e'\] / 127.5 - 1`"),
        ((IMAGE, "float32"), {}, floats(-1, 1)[..., 0], r"batch, 8, 8, 1\), which its input takes"),
        ((IMAGE, "float32"), {}, np.zeros((0, *IMAGE)), "must not be empty"),
        (((3,), "float32"), {}, [[1.0, np.nan, 0.0]], "must be finite, but 1 of 1"),
        (((3,), "float32"), {}, "abc", "array of numbers"),
        (((4, 4), "float32"), {}, np.full((2, 4, 4), 200, "uint8"), "in uint8 may be pixels or"),
        (((3,), "float32"), {"reach": Reach(-1, 1, "tanh", True)}, 9 * np.ones((2, 3)), "within"),
        (
            (IMAGE, "float32"),
            {"reach": Reach(0, 1, "sigmoid", True), "is_values": True},
            np.full((2, *IMAGE), 7, "uint8"),
            "within reach",
        ),
        (((), "int32"), {}, [0.5], "whole numbers, since its input takes int32.*float64"),
        (((), "int32"), {}, [1.0], r"np.asarray\(x\['e'\]\).astype\('int32'\)"),
        (((), "int32"), {}, [2**31], "from -2147483648 to 2147483647.*maximum=2147483648"),
        (((), "uint8"), {}, [-1], "from 0 to 255.*minimum=-1"),
        (((), "bool"), {}, [2], "from 0 to 1.*bool"),
        (((), "int32"), {"num_classes": 3}, [0, 3], "class indices from 0 to 2.*maximum=3"),
        (((), "int32"), {"num_classes": 3}, [0, -1], "class indices from 0 to 2.*minimum=-1"),
        (((), "int32"), {"num_classes": 3}, [True], "must be integers"),
        (((), "int32"), {"num_classes": 3}, np.eye(3, dtype=int), "one class index for each.*arg"),
        (((5,), "int32"), {"num_classes": 3}, np.full((2, 5), 4), "from 0 to 2.*maximum=4"),
        (
            ((), "int32"),
            {"num_classes": 3, "allow_unknown": True},
            [-2, 3],
            "from 0 to 2, or -1 where the class is unknown",
        ),
    ],
)
def test_what_does_not_fit_the_input_is_refused(rule, settings, given, message):
    with pytest.raises(ValueError, match=rf"`x\['e'\]`.*{message}"):
        EntrySpec("e", *rule, **settings).checked(given, "x['e']")


def test_unknown_classes_are_taken_where_they_may_be():
    spec = EntrySpec("labels", (), "int32", num_classes=3, allow_unknown=True)
    np.testing.assert_array_equal(spec.checked([2, -1, 0, -100]), [2, -1, 0, -100])


@pytest.mark.parametrize(
    ("head", "given", "shape", "dtype"),
    [
        ((3,), [2, -1], (2,), "int32"),
        ((3,), np.array([[2], [-100]], "int8"), (2,), "int32"),  # a column
        ((3,), np.eye(3, dtype="float32"), (3, 3), "float32"),  # multi-hot
        ((3,), np.eye(3, dtype="bool"), (3, 3), "bool"),
        ((1,), [[0.0], [1.0]], (2, 1), "float32"),
        ((None, None, 3), np.full((2, 4, 5), 2), (2, 4, 5), "int32"),  # maps
    ],
)
def test_labels_of_a_head_are_indices_or_multi_hot(head, given, shape, dtype):
    found = LabelSpec("labels", head).checked(given)
    assert (found.shape, found.dtype) == (shape, dtype)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0, 3], "class indices from 0 to 2, or -1 where.*maximum=3"),
        ([0.0, 1.0], r"must be integers.*np.asarray\(x\['e'\]\).astype\('int32'\)"),
        (np.eye(4), "one class index for each sample.*argmax"),
        (["a", "b"], r"Number the classes: `np.unique\(np.asarray\(x\['e'\]\), return_inverse"),
    ],
)
def test_labels_that_do_not_fit_the_head_are_refused(given, message):
    with pytest.raises(ValueError, match=rf"`x\['e'\]`.*{message}"):
        LabelSpec("e", (3,)).checked(given, "x['e']")


def test_names_of_classes_are_refused_with_code_that_numbers_them():
    names = np.array(["rose", "tulip", "rose"])
    spec = EntrySpec("labels", (), "int32", num_classes=2)
    with pytest.raises(ValueError, match="`labels` must be integers") as error:
        spec.checked(names)
    code = str(error.value).rsplit("`", 2)[1]
    np.testing.assert_array_equal(spec.checked(eval(code, {"labels": names, "np": np})), [0, 1, 0])


def test_cures_change_the_entry_alone():
    spec = EntrySpec("photo", IMAGE, "float32")
    form = Form("dataset", "data", entry="photo")
    images = np.random.default_rng(0).uniform(0, 255, (4, *IMAGE)).astype("float32")
    with pytest.raises(ValueError, match="photo in data") as caught:
        spec.checked(images, "photo in data", form=form)
    code = str(caught.value).rsplit("`", 2)[1]
    data = tf.data.Dataset.from_tensors({"photo": images, "other": [1]})
    (cured,) = eval(code, {"data": data, "tf": tf})
    spec.checked(cured["photo"])
    assert list(cured) == ["photo", "other"]


# === Whole dicts ===


def specs():
    return EntrySpecs(
        {
            "photo": EntrySpec("photo", IMAGE, "float32"),
            "labels": EntrySpec("labels", (), "int32", num_classes=3),
        }
    )


def given(**changes):
    return {"labels": np.arange(6) % 3, "photo": helpers.images(6, IMAGE), **changes}


def test_a_dict_comes_in_the_order_of_the_rules():
    found = specs().checked(given())
    assert list(found) == ["photo", "labels"]
    tensors = specs().to_tensors({key: tf.constant(part) for key, part in found.items()})
    assert {key: t.dtype.name for key, t in tensors.items()} == {
        "photo": "float32",
        "labels": "int32",
    }


def test_missing_entries_are_refused_in_a_sentence_that_lists_what_exists():
    arrays = given()
    arrays["foto"] = arrays.pop("photo")
    message = (
        r"`x` must have the entries that the model reads: photo, labels. Received: "
        r"missing=\['photo'\], entries=\['labels', 'foto'\]. Rename 'foto' if it is 'photo'."
    )
    with pytest.raises(ValueError, match=message):
        specs().checked(arrays)
    with pytest.raises(ValueError, match="must have an entry that the model reads"):
        specs().checked({"a": [1]}, optional=("photo", "labels"))


def test_optional_entries_may_be_missing():
    arrays = given()
    del arrays["labels"]
    assert list(specs().checked(arrays, optional=("labels",))) == ["photo"]


def test_what_nobody_reads_is_left_out_with_one_warning():
    rules = specs()
    with pytest.warns(UserWarning) as caught:
        found = rules.checked(given(index=np.arange(9), path=["a"]))
        rules.checked(given(index=np.arange(9)), "validation_data")
    assert list(found) == ["photo", "labels"] and len(caught) == 1
    assert "nothing in the model reads: index, path. They are left out" in str(caught[0].message)


def test_lengths_must_agree_and_are_named():
    message = "`x` must have one length. Received: photo=6, labels=5. .*data.unpaired"
    with pytest.raises(ValueError, match=message):
        specs().checked(given(labels=np.arange(5) % 3))


def test_the_bad_entry_is_named():
    with pytest.raises(ValueError, match=r"`x\['labels'\]` must be class indices"):
        specs().checked(given(labels=np.arange(6)))
    with pytest.raises(ValueError, match=r"`x\['labels'\]` must be class indices"):
        specs().checked(given(labels=np.arange(6)), typed=True)


@pytest.mark.parametrize("names", [["a", "a"], ["a b"], [1], ["a", ""]])
def test_names_are_identifiers(names):
    with pytest.raises(ValueError, match="different Python identifiers"):
        check_names(names)
