"""The digits are the original ones."""

import hashlib
import pathlib

import numpy as np
import pytest

from keras_gan import data


def test_digits_are_the_original_ones():
    images = data.digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8, 1), "uint8")
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    assert digest == "b41ca9fd335466eee997366c2e6f6bbe0a1b4582afe091fc4eba35f4a254182f"
    assert images.min() == 0 and images.max() == 255
    assert images.mean() == pytest.approx(77.854, abs=1e-3)


def test_digits_equal_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = data.digits(labels=True)
    original = datasets.load_digits()
    np.testing.assert_array_equal(np.round(images[..., 0] * (16 / 255)), original.images)
    np.testing.assert_array_equal(labels, original.target)


def test_digits_with_labels():
    images, labels = data.digits(labels=True)
    np.testing.assert_array_equal(images, data.digits())
    assert (labels.shape, labels.dtype) == ((1797,), "int32")
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_belong_to_the_caller():
    data.digits()[:] = 0
    assert data.digits().max() == 255


def test_digits_name_their_authors():
    licence = pathlib.Path(data.__file__).with_name("digits.LICENSE.md").read_text()
    assert "Alpaydin" in licence and "Kaynak" in licence and "CC BY 4.0" in licence


def test_digits_refuses_other_arguments():
    with pytest.raises(ValueError, match="`labels` must be True or False"):
        data.digits(labels=3)
