"""Dicts from PyDatasets, generators, loaders and data sets of this package."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from entry_feeds import (
    CLASSES,
    evaluation,
    numbered,
    numbers,
    read,
    refused,
    rules,
    streamed,
    training,
)
from keras_gan.feeding import sequential_source, sources
from sample_feeds import counted_up

# === Keras's other inputs ===


class Rows(keras.utils.PyDataset):
    """Batches of dicts, or of pairs of them."""

    def __init__(self, x, batch_size=8, pair=False):
        super().__init__()
        self.x, self.batch_size, self.pair = x, batch_size, pair

    @property
    def num_batches(self):
        return len(self.x["number"]) // self.batch_size

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        batch = {key: part[rows] for key, part in self.x.items()}
        return ({"point": batch.pop("point")}, batch) if self.pair else batch


def generator(x, batch_size=8):
    for first in range(0, len(x["number"]), batch_size):
        yield {key: part[first : first + batch_size] for key, part in x.items()}


class DataLoader:
    """A stand-in: iterable anew with each pass."""

    def __init__(self, x):
        self.x = x

    def __iter__(self):
        return generator(self.x)


DataLoader.__module__ = "torch.utils.data.dataloader"
FORMS = {
    "a PyDataset": Rows,
    "pairs": lambda x: Rows(x, pair=True),
    "a generator": generator,
    "a loader": DataLoader,
}


def iter_of(*batches):
    yield from batches


@pytest.mark.parametrize(
    "form",
    [
        *(list, "pair"),
        *(pytest.param(form, marks=pytest.mark.slow) for form in ("array", "dict")),
    ],
)
def test_a_batch_of_one_array_is_the_one_entry_that_is_needed(form):
    point = numbered(8)["point"]
    forms = {"array": point, list: [point], "pair": (point, None), "dict": {"point": point}}
    feed = streamed(iter_of(forms[form]), entries=rules("point"), steps_per_epoch=1)
    (found,) = feed.dataset.as_numpy_iterator()
    np.testing.assert_array_equal(found["point"], point)


@pytest.mark.parametrize(
    "form", [pytest.param(f, marks=pytest.mark.slow if f == "pairs" else ()) for f in FORMS]
)
def test_other_inputs_are_read(form):
    steps = 4 if form == "a generator" else None
    feed = streamed(FORMS[form](numbered(32)), shuffle=False, steps_per_epoch=steps)
    assert read(feed) == counted_up(4, 8)
    if form == "a generator":
        refused("`steps_per_epoch=`", generator(numbered(32)), batch_size=None)
        refused("`steps=`", generator(numbered(32)), call=evaluation, batch_size=None, name="x")
    steps = 2 if form == "a generator" else None
    feed = evaluation(FORMS[form](numbered(32)), batch_size=None, steps=steps)
    assert read(feed) == counted_up(steps or 4, 8)


def test_a_py_dataset_resumes_at_the_epoch():
    def epoch(start):
        return read(streamed(Rows(numbered(64)), start=start, seed=1))

    first, second = epoch(0), epoch(8)
    assert second == epoch(11) != first
    assert sorted(sum(second, [])) == list(range(64))


def test_bad_batches_of_other_inputs_are_named():
    x = numbered(32)
    x["labels"][20] = CLASSES
    with pytest.raises(
        ValueError, match="`labels in x` must be class indices.*in each batch|Build"
    ):
        read(streamed(generator(x), steps_per_epoch=4))
    refused(
        r"missing=\['labels'\]",
        Rows({k: numbered(8)[k] for k in ("point", "number")}),
        batch_size=None,
    )

    refused(
        "must yield dicts of batches.*2 parts",
        iter_of((np.zeros(8), np.zeros(8))),
        batch_size=None,
        steps_per_epoch=1,
    )

    def changing():
        yield numbered(8)
        yield {**numbered(8), "number": np.zeros((8, 1))}

    feed = streamed(changing(), steps_per_epoch=2)
    with pytest.raises(ValueError, match="one rank and type.*'number': .1, 'int64'"):
        read(feed)


# === Data sets of this package ===


def data_set(x, **settings):
    source = sources.ArraySource(x, check=False, **settings)
    return source.dataset(8)


def test_a_data_set_of_this_package_is_read_as_its_arrays_are():
    x = numbered(70)
    feed = streamed(data_set(x, seed=3), start=5)
    assert numbers(feed.dataset) == numbers(training(x, seed=3, start=5)[0].dataset)
    assert feed.description() == training(x, seed=3)[0].description()


def test_a_data_set_of_this_package_is_split_at_random():
    entries = rules()
    feed, held_out = training(data_set(numbered(100)), batch_size=None, split=0.2, entries=entries)
    kept = sum(numbers(feed.dataset), [])
    held = sum(read(evaluation(*held_out, batch_size=None, entries=entries, checked=True)), [])
    assert len(held) == 20 and not set(held) & set(kept) and max(held) > 60 > min(held)


def test_a_data_set_of_this_package_is_checked_completely():
    x = numbered(5_000)
    x["labels"][4_321] = CLASSES
    refused(r"`labels in x` must be class indices", data_set(x), batch_size=None)
    with pytest.warns(UserWarning, match="nothing in the model reads: more"):
        feed = streamed(data_set({**numbered(16), "more": np.zeros(16)}))
    assert set(feed.dataset.element_spec) == set(rules())


def test_a_data_set_of_samples_is_the_one_entry_that_is_needed():
    data = sources.ArraySource(numbered(64)["point"]).dataset(8)
    feed = streamed(data, entries=rules("point"))
    points = np.concatenate([b["point"] for b in feed.dataset.as_numpy_iterator()])
    assert sorted(points[:, 0]) == list(range(64))
    refused("must yield dicts of batches", data, batch_size=None)
    feed = evaluation(data, batch_size=None, entries=rules("point"))
    assert len(list(feed.dataset)) == 8


def test_samples_with_labels_are_named_first():
    x = numbered(64)
    data = sources.ArraySource(x["point"], x["labels"]).dataset(64)
    with pytest.raises(ValueError, match="must yield dicts") as caught:
        streamed(data, entries=rules("point", "labels"))
    code = str(caught.value).rsplit("`", 2)[1]
    cured = eval(code, {"x": data, "keras_gan": keras_gan})
    feed = streamed(cured, entries=rules("point", "labels"))
    for batch in feed.dataset.as_numpy_iterator():
        np.testing.assert_array_equal(batch["labels"], batch["point"][:, 0] % CLASSES)


class Sequential(sequential_source.Sequential):
    """Samples that cannot be read in any order."""

    def rest(self, pass_index, first_step, batch_size, *, drop_tail):
        first = tf.cast(first_step, "int64") * batch_size
        rows = tf.data.Dataset.range(first, self.num_samples)
        return rows.batch(batch_size, drop_remainder=drop_tail).map(
            lambda rows: tf.cast(rows[:, None], "float32") * [1.0, -1.0]
        )

    def examples(self, limit):
        return next(self.batches(0, self.num_samples).as_numpy_iterator())[:limit], None


def test_a_source_that_is_read_in_order_is_the_one_entry_that_is_needed():
    data = Sequential(20, tf.TensorSpec((2,), "float32")).dataset(8)
    feed = streamed(data, entries=rules("point"), start=1, steps_per_epoch=2)
    found = [batch["point"][:, 0].tolist() for batch in feed.dataset.as_numpy_iterator()]
    assert found == [list(range(8, 16)), list(range(8))]
    assert len(feed.samples["point"]) == 20


def test_a_gan_refuses_a_data_set_of_dicts():
    with pytest.raises(ValueError, match="must yield batches of samples"):
        helpers.watched().fit(data_set(numbered(16)), verbose=0)
