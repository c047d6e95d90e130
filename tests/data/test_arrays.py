"""Data sets of arrays."""

import builtins

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import data
from keras_gan.feeding import sources


def arrays(dataset):
    """All samples and labels (or `None`) of a data set, joined."""
    batches = [sources.as_arrays(batch) for batch in dataset]
    samples, labels = zip(*batches, strict=True)
    return np.concatenate(samples), None if labels[0] is None else np.concatenate(labels)


def test_from_arrays():
    images, labels = data.digits(labels=True)
    dataset = data.from_arrays(images, labels, batch_size=100, seed=1)
    assert len(dataset) == 18
    assert isinstance(dataset, tf.data.Dataset)
    assert (dataset.batch_size, dataset.source.num_samples, dataset.source.seed) == (100, 1797, 1)
    seen, classes = arrays(dataset)
    assert sorted(map(bytes, seen)) == sorted(map(bytes, images))
    by_image = {bytes(image): label for image, label in zip(images, labels, strict=True)}
    assert all(by_image[bytes(image)] == label for image, label in zip(seen, classes, strict=True))


def test_from_arrays_without_shuffling_or_labels():
    points = data.ring(100)
    samples, labels = arrays(data.from_arrays(points, shuffle=False, batch_size=30))
    np.testing.assert_array_equal(samples, points)
    assert labels is None


def test_from_arrays_checks_its_arguments():
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        data.from_arrays(data.ring(10), batch_size=0)
    with pytest.raises(ValueError, match="`labels` must have one class index for"):
        data.from_arrays(data.ring(10), np.arange(9))


def test_keras_can_fit_on_a_data_set():
    dataset = data.from_arrays(data.ring(50), np.arange(50) % 2, batch_size=16)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(dataset, epochs=2, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2


def test_heavy_modules_are_imported_where_they_are_used(monkeypatch):
    importing = builtins.__import__

    def without(name, *arguments, **options):
        assert name.split(".")[0] not in ("PIL", "tensorflow_datasets", "sklearn"), name
        return importing(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    data.digits()
    data.stacked_mnist(np.zeros((3, 28, 28), "uint8"), 2)
    len(list(data.from_arrays(data.ring(10))))


def test_a_dict_of_arrays_keeps_its_rows_and_types():
    given = {
        "photo": np.arange(30, dtype="uint8").reshape(30, 1, 1, 1),
        "number": np.arange(30),
        "known": np.arange(30) % 2 == 0,
        "point": [[float(i)] for i in range(30)],
    }
    dataset = data.from_arrays(given, batch_size=8, seed=2)
    assert len(dataset) == 4 and dataset.class_names is None
    batches = list(dataset.as_numpy_iterator())
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in given}
    assert {name: str(part.dtype) for name, part in found.items()} == {
        "photo": "uint8",
        "number": "int64",
        "known": "bool",
        "point": "float32",
    }
    assert sorted(found["number"]) == list(range(30)) and found["number"].tolist() != list(
        range(30)
    )
    for name in given:
        np.testing.assert_array_equal(found[name], np.asarray(given[name])[found["number"]])


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ({}, {}, "`samples` must hold arrays"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, {}, "`samples` must have one length.*a=3, b=4"),
        ({"a": np.zeros((0, 2))}, {}, r"`samples\['a'\]` must not be empty"),
        ({"a": [np.inf]}, {}, r"`samples\['a'\]` must be finite"),
        ({"a": ["x"]}, {}, r"`samples\['a'\]` must be an array of numbers"),
        ({"a b": [1]}, {}, "different Python identifiers"),
        ({"a": [1]}, {"labels": [1]}, "must be left out.*Put the labels into the dict"),
        ({"a": [1]}, {"class_names": ["x"]}, "must be left out"),
    ],
)
def test_a_dict_that_is_none_is_refused(given, settings, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(given, **settings)
