"""Dicts of arrays on their way to a step: order and resume as for samples, errors by name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from entry_feeds import CLASSES, evaluation, numbered, numbers, refused, rules, streamed, training
from keras_gan.feeding import entry_data, fit_data
from keras_gan.feeding.entries import EntrySpec, EntrySpecs
from keras_gan.feeding.sample_spec import SampleSpec
from sample_feeds import counted_up, unsized


def epochs(make, steps, count):
    """The batches of some epochs, each with a new iterator, as Keras reads them."""
    return sum((numbers(make(steps * epoch).dataset) for epoch in range(count)), [])


# === Arrays ===


@pytest.mark.parametrize(
    "group, shuffle",
    [
        (1, False),
        (2, True),
        pytest.param(1, True, marks=pytest.mark.slow),
        pytest.param(2, False, marks=pytest.mark.slow),
    ],
)
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


@pytest.fixture(scope="module")
def straight():
    """Three epochs of a run that does not stop."""
    return epochs(lambda done: training(numbered(70), start=done)[0], 8, 3)


@pytest.mark.parametrize(
    "start", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 8)), 7, 13]
)
def test_a_run_resumes_at_the_exact_batch(straight, start):
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
        (numbered(8), np.zeros(8), "`y` must be a dict of arrays.*into one dict: `{'point': ..., "),
        ((numbered(8), {}, np.ones(8)), None, "or a pair of them.*parts=3.*sample_weight="),
        (
            np.zeros((8, 2)),
            None,
            "since the model reads several entries: point, .*Give each by its name: `",
        ),
        (None, None, r"must be a dict.*x=None. Give the real samples"),
        (
            (np.zeros((8, 2)), np.zeros(8)),
            None,
            "x='tuple'. Give each by its name: `{'point': ..., ",
        ),
        ("images", None, "must be a dict.*keras_gan.data.from_folder"),
        ({**numbered(16), "point": np.zeros((15, 2))}, None, "one length.*point=15, number=16"),
        (numbered(4), None, "One step must fit into the data.*num_samples=4"),
    ],
)
def test_bad_data_are_refused(x, y, message):
    refused(message, x, y)


@pytest.mark.parametrize("batched", [True, False])
def test_the_code_for_tuples_names_each_part_by_its_shape(batched):
    rules = {"labels": EntrySpec("labels", (), "int32", num_classes=3)}
    rules["photo"] = EntrySpec("photo", (8, 8, 1), "float32")
    parts = helpers.images(6, (8, 8, 1)), np.arange(6) % 3
    if batched:
        x = tf.data.Dataset.from_tensors(parts)
    else:
        x = keras_gan.data.from_arrays(*parts, batch_size=3)
    with pytest.raises(ValueError, match="must yield dicts of batches") as error:
        training(x, entries=EntrySpecs(rules), batch_size=None)
    cured = eval(str(error.value).rsplit("`", 2)[1], {"keras_gan": keras_gan, "x": x})
    found = {name: spec.shape.rank for name, spec in cured.element_spec.items()}
    assert found == {"photo": 4, "labels": 1}


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
    model.compile(steps_per_execution=1)
    feed, held_out = training(numbered(50), split=0.2, shuffle=False)
    model.fit(feed.for_keras(), verbose=0)
    model.evaluate(evaluation(*held_out, checked=True).for_keras(), verbose=0)
    assert model.batches == [*counted_up(5, 8), list(range(40, 48)), [48, 49]]
    model.batches.clear()
    feed = streamed(unsized({**numbered(40), "labels": np.full(40, CLASSES)}))
    with pytest.raises(ValueError, match="`labels in x` must be class"), fit_data.passing(feed):
        model.fit(feed.for_keras(), verbose=0)
    assert model.batches == []
