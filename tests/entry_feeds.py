"""Entries that carry their numbers, and feeds of them: which rows arrived, and what is refused."""

import re

import numpy as np
import pytest

from keras_gan.feeding import entry_data
from keras_gan.feeding.entries import EntrySpec, EntrySpecs
from sample_feeds import CLASSES


def rules(*names):
    known = {
        "point": EntrySpec("point", (2,), "float32"),
        "number": EntrySpec("number", (), "int32"),
        "labels": EntrySpec("labels", (), "int32", num_classes=CLASSES),
    }
    return EntrySpecs({name: known[name] for name in names or known})


def numbered(count):
    """Points `(i, -i)`, their numbers `i`, and labels `i % 3`."""
    number = np.arange(count)
    point = (number[:, None] * [1.0, -1.0]).astype("float32")
    return {"point": point, "number": number, "labels": number % CLASSES}


def training(x, y=None, *, entries=None, start=0, **settings):
    settings = {
        "batch_size": 8,
        "group": 1,
        "parts": 1,
        "shuffle": True,
        "seed": 0,
        "position": lambda: start,
        "steps_per_epoch": None,
        **settings,
    }
    return entry_data.training_feed(x, y, entries=entries or rules(), **settings)


def evaluation(x, y=None, *, entries=None, **settings):
    settings = {"batch_size": 8, **settings}
    return entry_data.evaluation_feed(x, y, entries=entries or rules(), **settings)


def streamed(x, **settings):
    return training(x, batch_size=None, **settings)[0]


def numbers(dataset):
    """The numbers in each batch; the entries of a row must have stayed together."""
    found = []
    for batch in dataset.as_numpy_iterator():
        number = batch["number"]
        assert number.dtype == batch["labels"].dtype == np.int32
        np.testing.assert_array_equal(batch["point"], number[:, None] * [1.0, -1.0])
        np.testing.assert_array_equal(batch["labels"], number % CLASSES)
        found.append(number.tolist())
    return found


def read(feed):
    """The batches of an epoch as numbers; raises what was found in the data at its end."""
    found = numbers(feed.dataset)
    feed.check_epoch()
    return found


def refused(message, *arguments, call=training, **settings):
    with pytest.raises(ValueError) as caught:
        call(*arguments, **settings)
    text = str(caught.value)
    assert re.search(message, text), text
    assert "Received: " in text and "\n" not in text, text
