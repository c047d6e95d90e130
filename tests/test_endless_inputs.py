"""Data without an end: nothing reads them to it, and each reader says where to tell the end."""

import itertools

import pytest
import tensorflow as tf

import keras_gan
from sample_feeds import Rows, judged, let_go, noting, numbered, told, without_end  # noqa: F401

X = numbered(8)[0]
# What reads data to their end, and the argument that tells where to end.
READING = {
    "fit": (lambda gan, data: gan.fit(data, verbose=0), "`steps_per_epoch=`"),
    "evaluate": (lambda gan, data: gan.evaluate(data, verbose=0), "`steps=`"),
    "validation": (
        lambda gan, data: gan.fit(X, batch_size=4, validation_data=data, verbose=0),
        "`validation_steps=`",
    ),
    "predict": (lambda gan, data: gan.predict(data, verbose=0), "`steps=`"),
    "evaluate_generator": (lambda gan, data: judged(data), "`num_samples=`"),
    "set_reference": (
        lambda gan, data: keras_gan.metrics.SlicedWasserstein().set_reference(data),
        "Give a number of its batches: `",
    ),
    "floor": (
        lambda gan, data: keras_gan.metrics.SlicedWasserstein().floor(data),
        "Give a number of its batches: `",
    ),
}
ENDLESS = {
    "a generator": without_end,
    "a PyDataset": lambda: Rows(X, endless=True),
    "a pipeline": lambda: tf.data.Dataset.from_tensor_slices(X).batch(4).repeat(),
    "a data set": lambda: keras_gan.data.from_arrays(X, batch_size=4).repeat(),
}


# Every reading of two forms, and every form in several readings.
AT_ONCE = {
    (reading, list(ENDLESS)[(place + step) % len(ENDLESS)])
    for place, reading in enumerate(READING)
    for step in (0, 1)
}


@pytest.mark.parametrize(
    ("reading", "form"),
    [
        pytest.param(reading, form, marks=() if (reading, form) in AT_ONCE else pytest.mark.slow)
        for reading in READING
        for form in ENDLESS
    ],
)
def test_what_has_no_end_is_not_read_to_it(reading, form):
    gan, (read, cure) = noting(), READING[reading]
    text = told(lambda: read(gan, ENDLESS[form]()))
    assert cure in text and "Received: " in text, text
    assert gan.steps_seen == 0


def test_a_number_of_batches_ends_what_has_no_end():
    gan, metric = noting(), keras_gan.metrics.SlicedWasserstein()
    gan.evaluate(without_end(), steps=2, verbose=0)
    found = [
        keras_gan.evaluate_generator(gan, form(), "sliced_wasserstein", 12)
        for form in ENDLESS.values()
    ]
    assert found[:3] == [found[0]] * 3 and found[3] != found[0], "a data set is shuffled"
    metric.set_reference(itertools.islice(without_end(), 3))
    assert metric._reference[0] == 24
    metric.set_reference(ENDLESS["a data set"]().take(3))
    assert metric._reference[0] == 12
