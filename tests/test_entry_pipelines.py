"""Pipelines of dicts on their way to a step: joined, checked batch by batch, cured by `map`."""

import numpy as np
import pytest
import tensorflow as tf

from entry_feeds import CLASSES, evaluation, numbered, numbers, read, refused, rules, streamed
from sample_feeds import counted_up, pipeline, unsized


def pairs(x):
    """The same as pairs of dicts."""
    return pipeline(x).map(
        lambda b: ({"point": b["point"]}, {k: b[k] for k in ("number", "labels")})
    )


@pytest.mark.parametrize(
    "make, group",
    [
        pytest.param(make, group, marks=() if group == only else pytest.mark.slow)
        for make, only in ((pipeline, 1), (unsized, 3), (pairs, 1))
        for group in (1, 3)
    ],
)
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


@pytest.mark.parametrize("batch", [pytest.param(2, marks=pytest.mark.slow), 70])
def test_a_bad_batch_in_the_middle_is_named(batch):
    x = numbered(8 * batch + 16)
    x["labels"][8 * batch + 1] = CLASSES
    feed = streamed(pipeline(x))
    assert len(numbers(feed.dataset)) == batch
    with pytest.raises(ValueError, match=r"`labels in x` must be class indices from 0 to 2"):
        feed.check_epoch()


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
