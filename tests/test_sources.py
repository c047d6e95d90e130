"""The order of samples: each one once a pass, and any batch from its position alone."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.feeding import sources
from keras_gan.feeding.orders import shuffled


def numbered(count, **settings):
    """A source whose sample `i` is the pair `(i, -i)` with the label `i % 10`."""
    samples = np.arange(count, dtype="float32")[:, None] * [1.0, -1.0]
    return sources.ArraySource(samples, np.arange(count) % 10, **settings)


def orders(dataset):
    """The numbers of the samples in each batch; checks that labels stayed with their samples."""
    batches = []
    for samples, labels in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(samples[:, 0], -samples[:, 1])
        np.testing.assert_array_equal(labels, samples[:, 0].astype(int) % 10)
        batches.append(samples[:, 0].astype(int))
    return batches


# === Order ===


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 100, 1_797])
def test_shuffled_is_a_permutation(count):
    for pass_index in range(3):
        order = shuffled(tf.range(count, dtype="int64"), 7, pass_index, count)
        np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_shuffled_depends_on_seed_pass_and_block():
    positions = tf.range(100, dtype="int64")
    seen = [
        tuple(shuffled(positions, seed, pass_index, 100, block).numpy())
        for seed in (0, 1)
        for pass_index in (-1, 0, 1)
        for block in (0, 1)
    ]
    assert len(set(seen)) == len(seen)
    again = shuffled(positions, 1, tf.constant(1, "int64"), 100, 1)
    assert tuple(again.numpy()) == seen[-1]


def test_orders_of_passes_are_independent():
    # TensorFlow's own `index_shuffle` fails here: 0.9 between some passes.
    count = 20_000
    positions = tf.range(count, dtype="int64")
    passes = np.stack([shuffled(positions, 0, p, count).numpy() for p in range(30)])
    scores = np.concatenate([passes, np.arange(count)[None]])
    between = np.corrcoef(scores) - np.eye(len(scores))
    within = [np.corrcoef(order[:-1], order[1:])[0, 1] for order in passes]
    assert np.abs(between).max() < 5 / np.sqrt(count)
    assert np.abs(within).max() < 5 / np.sqrt(count)


def test_batches_of_sorted_data_are_mixed():
    # The number of a class's samples in a batch has the variance of drawing without replacement.
    count, batch = 1_800, 60
    positions = tf.range(count, dtype="int64")
    passes = np.stack([shuffled(positions, 3, p, count).numpy() for p in range(40)])
    classes = (passes // (count // 10)).reshape(-1, batch)
    variance = np.mean([np.sum(classes == k, axis=1).var() for k in range(10)])
    expected = batch * 0.1 * 0.9 * (count - batch) / (count - 1)
    assert 0.9 < variance / expected < 1.1


# === Batches ===


def test_a_pass_has_each_sample_once_and_a_short_last_batch():
    batches = orders(numbered(100).batches(0, 32))
    assert [len(batch) for batch in batches] == [32, 32, 32, 4]
    assert set(np.concatenate(batches)) == set(range(100))


def test_passes_differ_and_repeat():
    source, twin = numbered(100, seed=5), numbered(100, seed=5)
    first, second = (np.concatenate(orders(source.batches(p, 10))) for p in range(2))
    assert (first != second).mean() > 0.9
    np.testing.assert_array_equal(second, np.concatenate(orders(twin.batches(1, 10))))
    other = np.concatenate(orders(numbered(100, seed=6).batches(0, 10)))
    assert (first != other).mean() > 0.9


def test_order_ignores_the_global_seed():
    source = numbered(50)
    tf.random.set_seed(1)
    before = orders(source.batches(0, 10))
    tf.random.set_seed(2)
    np.testing.assert_array_equal(before, orders(source.batches(0, 10)))


def test_batches_takes_tensors():
    source = numbered(100)
    tensors = source.batches(tf.constant(2, "int64"), 10)
    np.testing.assert_array_equal(orders(tensors), orders(source.batches(2, 10)))


def test_without_shuffling_order_is_kept():
    source = numbered(25, shuffle=False)
    for pass_index in range(2):
        batches = orders(source.batches(pass_index, 10))
        np.testing.assert_array_equal(np.concatenate(batches), np.arange(25))


# === Stream ===


@pytest.mark.parametrize("shuffle", [True, False])
def test_stream_from_a_step_is_the_tail_of_the_straight_stream(shuffle):
    source = numbered(70, seed=2, shuffle=shuffle)  # 4 steps a pass, 6 samples left over
    straight = orders(source.stream(lambda: 0, 20, 16))
    start = 0  # asked for when an iterator starts
    resumed = numbered(70, seed=2, shuffle=shuffle).stream(lambda: start, 20, 16)
    for start in (0, 3, 4, 14):
        np.testing.assert_array_equal(straight[start:], orders(resumed)[: 20 - start])


def test_stream_is_pass_after_pass():
    source = numbered(70)
    batches = orders(source.stream(lambda: 0, 12, 16))
    for pass_index in range(3):  # without the 6 samples left over
        part = batches[4 * pass_index : 4 * pass_index + 4]
        np.testing.assert_array_equal(part, orders(source.batches(pass_index, 16))[:4])
        assert len(set(np.concatenate(part))) == 64


def test_stream_asks_for_its_start_with_each_iterator():
    position = [0]
    source = numbered(64)
    stream = source.stream(lambda: position[0], 3, 16)
    straight = orders(source.stream(lambda: 0, 9, 16))
    for done in (0, 3, 6):
        position[0] = done
        np.testing.assert_array_equal(orders(stream), straight[done : done + 3])


def test_stream_start_far_away_is_immediate():
    batches = orders(numbered(1_000).stream(lambda: 10**15, 2, 10))
    assert len(batches) == 2


def test_stream_has_length_and_static_shapes():
    stream = numbered(70).stream(lambda: 5, 9, 16)
    assert len(stream) == 9
    samples, labels = stream.element_spec
    assert samples == tf.TensorSpec((16, 2), "float32")
    assert labels == tf.TensorSpec((16,), "int32")


# === Data sets ===


def test_dataset_yields_everything_with_a_short_last_batch():
    dataset = numbered(70).dataset(16)
    assert len(dataset) == 5
    batches = orders(dataset)
    assert [len(batch) for batch in batches] == [16, 16, 16, 16, 6]
    assert set(np.concatenate(batches)) == set(range(70))


def test_dataset_reshuffles_with_each_iterator():
    source = numbered(64)
    dataset = source.dataset(16)
    for pass_index in range(3):
        np.testing.assert_array_equal(orders(dataset), orders(source.batches(pass_index, 16))[:4])


def test_dataset_larger_batch_than_data():
    batches = orders(numbered(5).dataset(16))
    assert [len(batch) for batch in batches] == [5]


def test_dataset_has_a_static_batch_dimension_where_it_can():
    assert numbered(64).dataset(16).element_spec[0].shape == (16, 2)
    assert numbered(70).dataset(16).element_spec[0].shape[1:] == (2,)
    assert numbered(70).dataset(16).element_spec[0].shape[0] is None


def test_dataset_tells_where_it_comes_from():
    source = numbered(64)
    dataset = source.dataset(16)
    assert dataset.source is source
    assert dataset.batch_size == 16


# === Splitting ===


def places(source):
    return sorted(np.concatenate(orders(source.one_pass(7))))


def test_a_split_is_drawn_by_the_seed_and_shares_nothing():
    splits = [[places(part) for part in numbered(50, seed=s).split(0.3)] for s in (1, 1, 2)]
    assert splits[0] == splits[1] != splits[2]
    for rest, held_out in splits:
        assert (len(rest), len(held_out)) == (35, 15)
        assert sorted(rest + held_out) == list(range(50))


def test_a_split_keeps_the_order_of_what_is_not_shuffled():
    for part in numbered(50, shuffle=False).split(0.3):
        order = np.concatenate(orders(part.one_pass(7)))
        assert list(order) == sorted(order)


def test_a_split_tells_itself_from_others():
    rest, held_out = numbered(50).split(0.3)
    other, _ = numbered(50, seed=1).split(0.3)
    told = [source.description() for source in (rest, held_out, other, numbered(50))]
    assert all(a != b for i, a in enumerate(told) for b in told[:i])
    assert told[0] == numbered(50).split(0.3)[0].description()


# === Examples ===


def test_examples_are_distinct_and_change_nothing():
    source = numbered(100)
    samples, labels = source.examples(40)
    np.testing.assert_array_equal(labels, samples[:, 0].astype(int) % 10)
    assert len(set(samples[:, 0])) == 40
    again, _ = source.examples(40)
    np.testing.assert_array_equal(samples, again)
    samples[:] = 0.0
    np.testing.assert_array_equal(source.examples(40)[0], again)
    straight = orders(numbered(100).stream(lambda: 0, 5, 10))
    np.testing.assert_array_equal(orders(source.stream(lambda: 0, 5, 10)), straight)


def test_examples_are_at_most_all():
    samples, _ = numbered(10, shuffle=False).examples(50)
    assert set(samples[:, 0]) == set(range(10))


def test_examples_of_unlabelled_samples():
    samples, labels = sources.ArraySource(np.zeros((5, 2))).examples(3)
    assert samples.shape == (3, 2)
    assert labels is None


def test_base_class_draws_examples_through_read():
    class Doubled(sources.Source):
        def read(self, indices):
            return tf.cast(indices, "float32")[:, None] * 2.0

    source = Doubled(20, tf.TensorSpec((1,), "float32"))
    samples, labels = source.examples(20)
    assert sorted(samples[:, 0]) == list(range(0, 40, 2))
    assert labels is None
    assert len(list(source.stream(lambda: 3, 4, 5))) == 4


# === Arrays ===


@pytest.mark.parametrize(
    "dtype, kept",
    [
        ("uint8", "uint8"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float32"),
        ("int64", "float32"),
        ("uint16", "float32"),
        ("bool", "float32"),
    ],
)
def test_types_of_vectors(dtype, kept):
    source = sources.ArraySource(np.ones((6, 3), dtype))
    assert source.element_spec == tf.TensorSpec((3,), kept)
    (batch,) = source.stream(lambda: 0, 1, 6).as_numpy_iterator()
    assert batch.dtype == kept
    np.testing.assert_array_equal(batch, np.ones((6, 3)))


def test_values_survive():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3)).astype("uint8")
    source = sources.ArraySource(images, shuffle=False)
    batches = list(source.dataset(8).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate(batches), images)
    np.testing.assert_array_equal(source.samples, images)


def test_tensors_and_lists_are_arrays():
    assert sources.ArraySource(tf.zeros((4, 2))).samples.shape == (4, 2)
    assert sources.ArraySource([[1, 2], [3, 4]], [0, 1]).labels.tolist() == [0, 1]
    bfloat16 = tf.cast([[1.5, 2.0]], "bfloat16").numpy()
    assert sources.ArraySource(bfloat16).samples.dtype == "float32"


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "int8"])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_labels_become_int32(dtype, shape):
    labels = np.arange(6, dtype=dtype).reshape(shape)
    source = sources.ArraySource(np.zeros((6, 2)), labels)
    assert source.labels.dtype == "int32"
    np.testing.assert_array_equal(source.labels, np.arange(6))


@pytest.mark.parametrize(
    "samples, message",
    [
        (np.zeros((0, 2)), r"must not be empty. Received: shape=\(0, 2\)"),
        (np.zeros((3, 0)), "must not be empty"),
        (np.zeros(5), r"`samples\[:, None\]`"),
        (np.float32(1.0), "batch axis"),
        (np.zeros((5, 2), "complex64"), "real numbers.*complex64"),
        (np.array([["a", "b"]]), "array of numbers.*samples='ndarray'.*data frame"),
        (np.array([[None, 1]]), "array of numbers"),
        (np.zeros((2, 2), "datetime64[s]"), "array of numbers"),
        ([[1, 2], [3]], "all samples of one shape.*samples='list'"),
        (None, "array of numbers.*NoneType"),
        (np.zeros((5, 8, 8, 1), "int64"), r"astype\('uint8'\)"),
        (np.zeros((5, 8, 8, 3), "uint16"), "uint16"),
        (np.full((5, 8, 8, 3), 4_000, "uint16"), r"`samples / 2047.5 - 1`"),
        (np.full((5, 8, 8, 3), 255.0), r"uint8 in \[0, 255\] or floats in \[-1, 1\]"),
        (np.full((5, 2), np.nan), "must be finite, but 5 of 5"),
    ],
)
def test_samples_that_are_none(samples, message):
    with pytest.raises(ValueError, match=message):
        sources.ArraySource(samples)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.arange(5), r"one class index for each.*labels_shape=\(5,\), num_samples=6"),
        (np.eye(6, dtype=int), "argmax"),
        (np.zeros(6), "must be integers.*float64"),
        (np.zeros(6, bool), "must be integers"),
        (np.arange(6) - 1, "from 0 on.*minimum=-1"),
        (np.full(6, 2**31), "from 0 on"),
        (["a"] * 6, "must be integers.*np.unique"),
    ],
)
def test_labels_that_are_none(labels, message):
    with pytest.raises(ValueError, match=message):
        sources.ArraySource(np.zeros((6, 2)), labels)


@pytest.mark.parametrize("settings", [{"seed": -1}, {"seed": 1.5}, {"seed": 2**63}, {"shuffle": 1}])
def test_settings_are_checked(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        numbered(6, **settings)


def test_large_seeds_work():
    assert len(orders(numbered(6, seed=2**63 - 1).stream(lambda: 0, 2, 3))) == 2
