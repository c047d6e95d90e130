"""Dicts on their way to a step: order, resume and grouping as for samples, errors by name."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import entry_data, fit_data, sources
from keras_gan.feeding.entries import EntrySpec, EntrySpecs
from keras_gan.feeding.sample_spec import SampleSpec

CLASSES = 3


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


def epochs(make, steps, count):
    """The batches of some epochs, each with a new iterator, as Keras reads them."""
    return sum((numbers(make(steps * epoch).dataset) for epoch in range(count)), [])


# === Arrays ===


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_order_of_a_dict_is_that_of_samples(group, shuffle):
    x = numbered(70)
    settings = {"group": group, "shuffle": shuffle, "seed": 3}
    feed, _ = training(x, start=5, **settings)
    spec = {"spec": SampleSpec((2,), CLASSES), "batch_size": 8, "parts": 1}
    same, _ = fit_data.training_feed(
        x["point"],
        x["labels"],
        **spec,
        position=lambda: 5,
        steps_per_epoch=None,
        **settings,
    )
    assert feed.steps == same.steps and feed.rows == same.rows == 8 * group
    wanted = [samples[:, 0].astype(int).tolist() for samples, _ in same.dataset.as_numpy_iterator()]
    assert numbers(feed.dataset) == wanted


@pytest.mark.parametrize("start", [0, 1, 7, 8, 13])
def test_a_run_resumes_at_the_exact_batch(start):
    straight = epochs(lambda done: training(numbered(70), start=done)[0], 8, 3)
    resumed = numbers(training(numbered(70), start=start)[0].dataset)
    assert resumed == straight[start : start + 8]


def test_each_row_comes_once_a_pass_with_a_static_batch_dimension():
    feed, held_out = training(numbered(64))
    assert held_out is None
    assert sorted(sum(numbers(feed.dataset), [])) == list(range(64))
    assert feed.dataset.element_spec["point"] == tf.TensorSpec((8, 2), "float32")


PAIRS = {
    "one dict": lambda x: (x, None),
    "a pair": lambda x: (({"point": x.pop("point")}, x), None),
    "a pair without y": lambda x: ((x, None), None),
    "x and y": lambda x: ({"labels": x.pop("labels")}, x),
    "an array and y": lambda x: (x.pop("point"), x),
}


@pytest.mark.parametrize("form", PAIRS)
def test_dicts_are_joined(form):
    feed, _ = training(*PAIRS[form](numbered(32)))
    assert sorted(sum(numbers(feed.dataset), [])) == list(range(32))


@pytest.mark.parametrize("convert", [np.asarray, list, tf.constant])
def test_an_array_is_the_one_entry_that_is_needed(convert):
    x = numbered(16)["point"]
    feed, _ = training(convert(x), entries=rules("point"), shuffle=False)
    batches = [batch["point"] for batch in feed.dataset.as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate(batches), x)
    feed, _ = training(convert(x), entries=rules("point", "labels"), optional=("labels",))
    assert list(feed.dataset.element_spec) == ["point"]


def test_a_frame_is_a_dict_of_columns_or_one_entry():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"number": range(16), "labels": np.arange(16) % 3})
    feed, _ = training(frame, entries=rules("number", "labels"), shuffle=False)
    batches = list(feed.dataset.as_numpy_iterator())
    assert np.concatenate([b["number"] for b in batches]).tolist() == list(range(16))
    feed, _ = training(frame, entries=rules("point"), shuffle=False)
    assert next(feed.dataset.as_numpy_iterator())["point"][5].tolist() == [5.0, 2.0]
    feed, _ = training(
        {"point": frame, "labels": frame["labels"]}, entries=rules("point", "labels")
    )
    assert feed.dataset.element_spec["point"].shape == (8, 2)


def test_a_validation_split_is_the_end_of_every_array():
    entries = rules()
    feed, held_out = training(numbered(40), split=0.2, entries=entries)
    assert sorted(sum(numbers(feed.dataset), [])) == list(range(32))
    feed = evaluation(*held_out, entries=entries, checked=True, batch_size=3)
    assert numbers(feed.dataset) == [[32, 33, 34], [35, 36, 37], [38, 39]]


def test_an_evaluation_reads_everything_in_order():
    feed = evaluation(numbered(20))
    assert [len(batch) for batch in numbers(feed.dataset)] == [8, 8, 4]
    assert sum(numbers(feed.dataset), []) == list(range(20))
    assert numbers(evaluation(numbered(20), steps=1).dataset) == [list(range(8))]
    assert [len(batch) for batch in numbers(evaluation(numbered(20), replicas=3).dataset)] == [
        6,
        6,
        3,
    ]


# === What is kept ===


def test_examples_are_kept_of_each_entry():
    feed, _ = training(numbered(5_000))
    assert feed.labels is None
    number = feed.samples["number"]
    assert len(set(number)) == len(number) == 2_000
    np.testing.assert_array_equal(feed.samples["labels"], number % CLASSES)


def test_examples_are_finite_and_come_once():
    x = {name: np.concatenate([part] * 3) for name, part in numbered(10).items()}
    feed, _ = training(x)
    assert sorted(feed.samples["number"]) == list(range(10))
    x = numbered(10)
    x["point"][3, 0] = np.nan
    feed.keep({key: np.asarray(part) for key, part in x.items()}, None)
    assert feed.samples["number"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    # Equal in one entry alone: no repetition.
    x = {**numbered(10), "labels": np.zeros(10, int)}
    assert len(training(x)[0].samples["labels"]) == 10


def test_the_description_has_a_checksum_for_each_entry():
    told = training(numbered(16))[0].description()
    assert {f"checksum_of_{name}" for name in rules()} <= set(told)
    for name in rules():
        x = numbered(16)
        x[name] = x[name][::-1].copy()
        other = training(x)[0].description()
        assert [key for key in told if told[key] != other[key]] == [f"checksum_of_{name}"]
    # The order of a dict says nothing.
    assert training(dict(reversed(numbered(16).items())))[0].description() == told


# === What is refused ===


def refused(message, *arguments, call=training, **settings):
    with pytest.raises(ValueError) as caught:
        call(*arguments, **settings)
    text = str(caught.value)
    assert re.search(message, text), text
    assert "Received: " in text and "\n" not in text, text


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ({"point": numbered(8)["point"]}, None, r"missing=\['number', 'labels'\], entries="),
        ({**numbered(16), "labels": np.arange(16)}, None, r"`x\['labels'\]` must be class indices"),
        (
            ({"point": np.full((8, 2), np.nan)}, {**numbered(8), "point": None}),
            None,
            r"in `x\[0\]` or in `x\[1\]`, not in both.*entries=\['point'\]",
        ),
        (numbered(8), {"labels": [0]}, r"in `x` or in `y`, not in both"),
        (numbered(8), np.zeros(8), "`y` must be a dict of arrays"),
        ((numbered(8), {}, np.ones(8)), None, "or a pair of them.*parts=3.*sample_weight="),
        (
            np.zeros((8, 2)),
            None,
            "must be a dict of arrays, since the model reads several.*point, ",
        ),
        (None, None, r"must be a dict.*x=None. Give the real samples"),
        ((np.zeros((8, 2)), np.zeros(8)), None, "must be a dict of arrays.*x='tuple'"),
        ("images", None, "must be a dict.*keras_gan.data.from_folder"),
        ({**numbered(16), "point": np.zeros((15, 2))}, None, "one length.*point=15, number=16"),
        (numbered(4), None, "One step must fit into the data.*num_samples=4"),
    ],
)
def test_bad_data_are_refused(x, y, message):
    refused(message, x, y)


def test_bad_validation_data_are_named():
    x = {**numbered(8), "number": np.zeros(8)}
    refused(r"`validation_data\['number'\]` must be whole numbers", x, call=evaluation)
    refused(r"`validation_data\[1\]\['number'\]`", ({}, x), call=evaluation)
    refused(r"`x\['number'\]`", x, call=evaluation, name="x")


def test_a_batch_is_checked_as_a_whole():
    batch = entry_data.checked_batch(numbered(4), None, rules())
    assert list(batch) == ["point", "number", "labels"]
    with pytest.raises(ValueError, match="missing="):
        entry_data.checked_batch({}, None, rules())


# === Pipelines ===


def pipeline(x, batch_size=8, **settings):
    return tf.data.Dataset.from_tensor_slices(x).batch(batch_size, **settings)


def unsized(x, batch_size=8):
    """The same as a pipeline of which nothing is known but dtypes and ranks."""
    signature = {
        name: tf.TensorSpec([None] * np.ndim(part), np.asarray(part).dtype)
        for name, part in x.items()
    }

    def batches():
        for first in range(0, len(x["number"]), batch_size):
            yield {name: part[first : first + batch_size] for name, part in x.items()}

    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def pairs(x):
    """The same as pairs of dicts."""
    return pipeline(x).map(
        lambda b: ({"point": b["point"]}, {k: b[k] for k in ("number", "labels")})
    )


def read(feed):
    """The batches of an epoch as numbers; raises what was found in the data at its end."""
    found = numbers(feed.dataset)
    feed.check_epoch()
    return found


def counted_up(steps, rows):
    return np.arange(steps * rows).reshape(steps, rows).tolist()


def streamed(x, **settings):
    return training(x, batch_size=None, **settings)[0]


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("make", [pipeline, unsized, pairs])
def test_batches_of_dicts_are_joined(make, group):
    feed = streamed(make(numbered(71)), group=group)
    assert read(feed) == counted_up(8 // group, 8 * group)
    assert feed.samples["number"].tolist() == list(range(71))
    assert feed.samples["labels"].dtype == np.int32 and feed.labels is None
    assert feed.description()["pipeline"]


def test_a_static_batch_dimension_stays_static():
    feed = streamed(pipeline(numbered(64), drop_remainder=True), group=2)
    assert feed.rows == 16 and feed.dataset.element_spec["number"].shape == (16,)


def test_an_evaluation_of_a_pipeline_reads_everything():
    feed = evaluation(pipeline(numbered(20)), batch_size=None)
    assert sum(read(feed), []) == list(range(20))
    feed = evaluation(unsized(numbered(20)), batch_size=None, replicas=3)
    assert [len(batch) for batch in read(feed)] == [6, 6, 3]


def test_entries_of_a_pipeline_take_the_form_of_their_inputs():
    x = {"point": [[1, 2]] * 8, "number": np.arange(8)[:, None], "labels": np.zeros(8, "uint8")}
    with pytest.warns(UserWarning, match="nothing in the model reads: path"):
        feed = streamed(pipeline({**x, "path": ["a"] * 8}))
    (batch,) = feed.dataset
    assert {key: (t.dtype.name, t.shape) for key, t in batch.items()} == {
        "point": ("float32", (8, 2)),
        "number": ("int32", (8,)),
        "labels": ("int32", (8,)),
    }


def test_batches_of_arrays_are_the_one_entry_that_is_needed():
    feed = streamed(pipeline(numbered(16)["point"]), entries=rules("point"))
    assert [batch["point"][0, 0] for batch in feed.dataset.as_numpy_iterator()] == [0.0, 8.0]


@pytest.mark.parametrize("batch", [2, 70])
def test_a_bad_batch_in_the_middle_is_named(batch):
    x = numbered(640)
    x["labels"][8 * batch + 1] = CLASSES
    feed = streamed(pipeline(x))
    with pytest.raises(ValueError, match=r"`labels in x` must be class indices from 0 to 2"):
        read(feed)
    assert len(numbers(streamed(pipeline(x)).dataset)) == batch


def test_batches_of_other_shapes_or_lengths_are_named():
    def batches(last):
        yield numbered(8)
        yield {**numbered(8), **last}

    signature = {
        "point": tf.TensorSpec(None, "float32"),
        "number": tf.TensorSpec([None], "int64"),
        "labels": tf.TensorSpec([None], "int64"),
    }
    for last, message in (
        ({"point": np.zeros((8, 3), "float32")}, r"`point in x` must have the shape \(batch, 2\)"),
        ({"number": np.arange(7)}, "The entries of `x` must have one length.*number=7"),
        (numbered(9), "The batches of a pipeline must be of one size"),
    ):
        data = tf.data.Dataset.from_generator(
            lambda last=last: batches(last), output_signature=signature
        )
        with pytest.raises(ValueError, match=message):
            read(streamed(data))


def test_values_of_the_first_batch_are_checked_and_cured():
    x = numbered(16)
    x["point"][3] = np.nan
    feed = streamed(pipeline(x))
    cure = (
        r"`x.map\(lambda batch: {\*\*batch, 'point': tf.where\(tf.math.is_finite\(batch\['point'\]"
    )
    with pytest.raises(ValueError, match="`point in x` must be finite.*" + cure):
        read(feed)
    cure = r"`x.map\(lambda x, y: \({\*\*x, 'point': .*}, y\)\)`"
    with pytest.raises(ValueError, match=cure):
        read(streamed(pairs(x)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: pipeline({"point": np.zeros((8, 2))}), r"missing=\['number', 'labels'\]"),
        (lambda: tf.data.Dataset.from_tensor_slices(numbered(8)), r"must yield batches.*\.batch\("),
        (lambda: pipeline(np.zeros((8, 2))), "must yield dicts of batches.*point, number, labels"),
        (
            lambda: pipeline(tuple(numbered(8).values())),
            r"x.map\(lambda point, number, labels: {'point': point, 'number': number, ",
        ),
        (lambda: pipeline((numbered(8), numbered(8))), "not in both.*entries="),
        (
            lambda: pipeline({**numbered(8), "labels": np.zeros(8)}),
            r"`labels in x` must be integers.*x.map\(lambda batch",
        ),
        (
            lambda: pipeline({**numbered(8), "number": np.zeros(8)}),
            "whole numbers, since its input",
        ),
        (lambda: pipeline(numbered(8)).repeat(), "must end.*steps_per_epoch"),
    ],
)
def test_pipelines_that_cannot_be_taken_are_refused(data, message):
    refused(message, data(), batch_size=None)


def test_what_a_data_set_brings_itself_is_refused():
    refused("With a data set.*must be left out", pipeline(numbered(8)), batch_size=8)
    refused("`validation_split` must be", pipeline(numbered(16)), batch_size=None, split=0.5)
    with pytest.raises(ValueError, match="labels must be left out"):
        evaluation(pipeline(numbered(8)), numbered(8))


def test_another_first_batch_than_that_of_the_run_is_warned_of():
    first = streamed(pipeline(numbered(16)))
    read(first)
    assert first.checksum()
    same, other = streamed(pipeline(numbered(16))), streamed(pipeline(numbered(16), batch_size=4))
    for feed in (same, other):
        feed.expect(first.checksum(), "x")
    read(same)
    with pytest.warns(UserWarning, match="The first batch of `x` is not the one"):
        read(other)


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


def test_a_batch_of_one_array_is_the_one_entry_that_is_needed():
    point = numbered(8)["point"]
    for batch in (point, [point], (point, None), {"point": point}):
        feed = streamed(iter_of(batch), entries=rules("point"))
        (found,) = feed.dataset.as_numpy_iterator()
        np.testing.assert_array_equal(found["point"], point)


@pytest.mark.parametrize("form", FORMS)
def test_other_inputs_are_read(form):
    feed = streamed(FORMS[form](numbered(32)), shuffle=False)
    assert read(feed) == counted_up(4, 8)
    steps = 2 if form == "a generator" else None
    feed = evaluation(FORMS[form](numbered(32)), batch_size=None, steps=steps)
    assert read(feed) == counted_up(steps or 4, 8)


def test_a_py_dataset_resumes_at_the_epoch():
    def epoch(start):
        return read(streamed(Rows(numbered(64)), start=start, seed=1))

    assert epoch(8) == epoch(11) != epoch(0)
    assert sorted(sum(epoch(8), [])) == list(range(64))


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
        "must yield dicts of batches.*2 parts", iter_of((np.zeros(8), np.zeros(8))), batch_size=None
    )

    def changing():
        yield numbered(8)
        yield {**numbered(8), "number": np.zeros((8, 1))}

    feed = streamed(changing())
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


class Sequential(sources.Source):
    """Samples that cannot be read in any order."""

    is_random_access = False

    def batches(self, pass_index, first_step, batch_size, *, drop_tail=True):
        first = tf.cast(first_step, "int64") * batch_size
        rows = tf.data.Dataset.range(first, self.num_samples)
        return rows.batch(batch_size, drop_remainder=drop_tail).map(
            lambda rows: tf.cast(rows[:, None], "float32") * [1.0, -1.0]
        )

    def examples(self, limit):
        return next(self.batches(0, 0, self.num_samples).as_numpy_iterator())[:limit], None


def test_a_source_that_is_read_in_order_is_the_one_entry_that_is_needed():
    data = Sequential(20, tf.TensorSpec((2,), "float32")).dataset(8)
    feed = streamed(data, entries=rules("point"), start=1, steps_per_epoch=2)
    found = [batch["point"][:, 0].tolist() for batch in feed.dataset.as_numpy_iterator()]
    assert found == [list(range(8, 16)), list(range(8))]
    assert len(feed.samples["point"]) == 20


def test_a_gan_refuses_a_data_set_of_dicts():
    with pytest.raises(ValueError, match="must yield batches of samples"):
        helpers.watched().fit(data_set(numbered(16)), verbose=0)


# === Into Keras ===


class Watched(keras.Model):
    """A model that notes the batches of its steps."""

    def train_step(self, data):
        with tf.control_dependencies([tf.numpy_function(self.note, [data["number"]], tf.int64)]):
            return {"loss": tf.reduce_mean(data["point"])}

    def test_step(self, data):
        return self.train_step(data)

    def note(self, number):
        self.batches.append(number.tolist())
        return np.int64(0)


def test_steps_of_keras_get_the_dicts():
    model = Watched()
    model.batches = []
    model.compile()
    feed, held_out = training(numbered(50), split=0.2, shuffle=False)
    model.fit(feed.for_keras(), verbose=0)
    model.evaluate(evaluation(*held_out, checked=True).for_keras(), verbose=0)
    assert model.batches == [*counted_up(5, 8), list(range(40, 48)), [48, 49]]
    model.batches.clear()
    feed = streamed(unsized({**numbered(40), "labels": np.full(40, CLASSES)}))
    with pytest.raises(ValueError, match="`labels in x` must be class"), fit_data.passing(feed):
        model.fit(feed.for_keras(), verbose=0)
    assert model.batches == []
