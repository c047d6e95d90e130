"""Sources side by side: each in its own order, each sample once a pass, any batch from the step."""

import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan.data import unpaired
from keras_gan.feeding import entry_data
from keras_gan.feeding.entries import EntrySpec, EntrySpecs
from keras_gan.feeding.sources import Source

LONG, SHORT, BATCH = 50, 12, 8


def points(count):
    return np.arange(count, dtype="float32")[:, None]


def labelled(count):
    return {"b": points(count), "labels": np.arange(count) % 3}


def data(**settings):
    """50 points without labels beside 12 with labels."""
    return unpaired(points(LONG), labelled(SHORT), names=["a"], batch_size=BATCH, **settings)


def read(dataset):
    """The numbers of both sources in each batch; labels must have stayed with their points."""
    found = []
    for batch in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(batch["labels"], batch["b"][:, 0] % 3)
        found.append((batch["a"][:, 0].astype(int).tolist(), batch["b"][:, 0].astype(int).tolist()))
    return found


def sides(batches):
    return [sum((batch[side] for batch in batches), []) for side in (0, 1)]


def stream(steps, start=0, batch_size=BATCH, **settings):
    return read(data(**settings).source.stream(lambda: start, steps, batch_size))


# === Order ===


@pytest.mark.parametrize("shuffle", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_stream_goes_on_with_the_exact_batch_from_any_step(shuffle):
    start = 0  # asked for when an iterator starts
    dataset = data(seed=3, shuffle=shuffle).source.stream(lambda: start, 20, BATCH)
    for first in (0, 10**6):
        start = first
        straight = read(dataset)
        for skipped in (5, 13) if first == 0 else (6,):
            start = first + skipped
            assert read(dataset)[: 20 - skipped] == straight[skipped:]


def test_each_sample_comes_once_in_each_pass_of_each_source():
    a, b = sides(stream(24))
    per_pass = LONG // BATCH * BATCH
    for first in range(0, len(a), per_pass):
        assert len(set(a[first : first + per_pass])) == per_pass
    # The shorter one goes on without a gap, also where a pass of the longer one ends.
    for first in range(0, len(b), SHORT):
        assert sorted(b[first : first + SHORT]) == list(range(SHORT))
    orders = {tuple(b[first : first + SHORT]) for first in range(0, len(b), SHORT)}
    assert len(orders) == len(b) // SHORT


def test_the_samples_of_the_shorter_one_do_not_depend_on_the_batches():
    assert sides(stream(12))[1] == sides(stream(6, batch_size=2 * BATCH))[1]


def test_orders_are_independent():
    x = points(LONG)
    twins = unpaired(x, x, names=("a", "b"), batch_size=LONG)
    (batch,) = twins.as_numpy_iterator()
    assert (batch["a"] != batch["b"]).mean() > 0.8
    (other,) = unpaired(x, x, names=("a", "b"), batch_size=LONG, seed=1).as_numpy_iterator()
    assert all((batch[name] != other[name]).mean() > 0.8 for name in "ab")


def test_sources_of_one_length_are_read_alike():
    x = points(20)
    source = unpaired(x, x, names=("a", "b"), batch_size=8).source
    batches = list(source.stream(lambda: 0, 4, 8).as_numpy_iterator())
    for name in "ab":
        for one in (batches[:2], batches[2:]):
            assert len(set(np.concatenate([batch[name] for batch in one])[:, 0])) == 16


def test_without_shuffling_all_keep_their_order():
    assert sides(stream(6, shuffle=False)) == [list(range(48)), list(range(12)) * 4]


def test_a_stream_has_static_shapes():
    spec = data().source.stream(lambda: 0, 3, BATCH).element_spec
    assert {name: part.shape for name, part in spec.items()} == {
        "a": (8, 1),
        "b": (8, 1),
        "labels": (8,),
    }


def test_an_iterator_makes_a_pass_over_the_longest():
    dataset = data()
    assert len(dataset) == 7
    for _ in range(2):
        batches = read(dataset)
        assert [len(batch[0]) for batch in batches] == [len(b[1]) for b in batches] == [8] * 6 + [2]
        a, b = sides(batches)
        assert sorted(a) == list(range(LONG)) and set(b) == set(range(SHORT))


# === What may be a source ===


def test_arrays_dicts_and_data_sets_are_joined():
    a = keras_gan.data.from_arrays(points(20))
    b = keras_gan.data.from_arrays(points(16), np.arange(16) % 3, class_names=["x", "y", "z"])
    c = keras_gan.data.from_arrays({"c": points(9), "d": points(9)})
    both = unpaired(unpaired(a, b, names=["a", ("b", "labels")]), c, {"e": points(5)})
    assert set(both.element_spec) == {"a", "b", "labels", "c", "d", "e"}
    assert both.class_names == ["x", "y", "z"]
    for batch in both.as_numpy_iterator():
        np.testing.assert_array_equal(batch["labels"], batch["b"][:, 0] % 3)
        np.testing.assert_array_equal(batch["c"], batch["d"])
    assert len(both.source.parts) == 4


@pytest.mark.parametrize(
    ("sources", "names", "message"),
    [
        ([], None, "must be given sources"),
        ([points(3), points(4)], ["a"], "`names` must have one name for each source that is no"),
        ([points(3)], None, r"names=None, sources=\['ndarray'\]"),
        ([points(3), points(4)], ["a", "a"], "different Python identifiers"),
        ([points(3)], ["a b"], "different Python identifiers"),
        ([{"a": points(3)}, points(4)], ["a"], "different Python identifiers"),
        ([points(0)], ["a"], "must not be empty"),
        ([points(3) * np.nan], ["a"], r"`sources\[0\]\['a'\]` must be finite"),
        (
            [{"a": points(3), "b": points(4)}],
            None,
            r"`sources\[0\]` must have one length.*a=3, b=4. .*sources of their own",
        ),
        ([tf.data.Dataset.range(3)], ["a"], r"`sources\[0\]` must be an array, a dict"),
        ([keras_gan.data.from_arrays(points(3), [0, 1, 0])], ["a"], "a tuple of two"),
        ([keras_gan.data.from_arrays(points(3))], [("a", "b")], "which has no labels"),
        ([points(3)], [("a", "b")], r"name of `sources\[0\]` must be a text"),
    ],
)
def test_what_is_no_source_is_refused(sources, names, message):
    with pytest.raises(ValueError, match=message):
        unpaired(*sources, names=names)


def test_what_can_only_be_read_in_order_is_refused():
    class Sequential(Source):
        is_random_access = False

    dataset = keras_gan.data.from_arrays(points(8))
    dataset.source = Sequential(8, tf.TensorSpec((1,), "float32"))
    with pytest.raises(ValueError, match="read in any order.*source=1.*memory_limit_gib"):
        unpaired(points(3), dataset, names=("a", "b"))


# === What is trained on ===


def rules():
    return EntrySpecs(
        {
            "a": EntrySpec("a", (1,), "float32"),
            "b": EntrySpec("b", (1,), "float32"),
            "labels": EntrySpec("labels", (), "int32", num_classes=3),
        }
    )


def training(x, start=0, **settings):
    settings = {"group": 1, "split": 0.0, "entries": rules(), **settings}
    return entry_data.training_feed(
        x,
        None,
        batch_size=None,
        parts=1,
        shuffle=True,
        seed=0,
        position=lambda: start,
        steps_per_epoch=None,
        **settings,
    )


@pytest.mark.parametrize("group", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_reads_the_stream(group):
    feed, _ = training(data(seed=1), start=4, group=group)
    assert feed.steps == 6 // group and feed.rows == 8 * group
    assert read(feed.dataset) == stream(6 // group, 4, batch_size=8 * group, seed=1)
    told = feed.description()
    feed.release()
    counts = {name: len(part) for name, part in feed.samples.items()}
    assert counts == {"a": LONG, "b": SHORT, "labels": SHORT}
    np.testing.assert_array_equal(feed.samples["labels"], feed.samples["b"][:, 0] % 3)
    assert {"checksum_of_a", "checksum_of_b", "checksum_of_labels"} <= set(told)


def test_entries_that_nobody_reads_are_left_out():
    entries = rules()
    del entries["a"]
    with pytest.warns(UserWarning, match="nothing in the model reads: a"):
        feed, _ = training(data(), entries=entries)
    assert set(feed.dataset.element_spec) == {"b", "labels"} and feed.steps == 1


def test_bad_entries_are_named():
    bad = {"b": points(2_500), "labels": np.arange(2_500)}
    with pytest.raises(ValueError, match="`labels in x` must be class indices from 0 to 2"):
        training(unpaired(points(50), bad, names=["a"], batch_size=4))


def test_a_split_holds_out_samples_of_every_source():
    entries = rules()
    feed, (x, y) = training(data(), split=0.25, entries=entries)
    a, b = sides(read(feed.dataset))
    held = entry_data.evaluation_feed(x, y, entries=entries, batch_size=None, checked=True)
    held_a, held_b = sides(read(held.dataset))
    assert len(held_b) == 3 == len(held_a)  # up to the shortest
    assert set(b) | set(held_b) == set(range(SHORT)) and not set(b) & set(held_b)
    assert not set(a) & set(held_a)


def test_validation_goes_up_to_the_shortest_in_the_same_order():
    feed = entry_data.evaluation_feed(data(), None, entries=rules(), batch_size=None)
    first, second = read(feed.dataset), read(feed.dataset)
    assert first == second and [len(batch[0]) for batch in first] == [8, 4]
    assert sorted(sides(first)[1]) == list(range(SHORT)) and len(set(sides(first)[0])) == SHORT
