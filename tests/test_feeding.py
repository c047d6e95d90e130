"""Good data on their way to a step arrive whole, and examples of them are kept."""

import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import feeds
from sample_feeds import (
    CLASSES,
    SIZE,
    counted_up,
    floats,
    let_go,  # noqa: F401
    noting,
    numbered,
    numbers,
    pipeline,
    unsized,
)

# === Floats in [0, 1] ===


@pytest.mark.parametrize(
    "source",
    [
        lambda x: x,
        pipeline,
        pytest.param(keras_gan.data.from_arrays, marks=pytest.mark.slow),
    ],
)
def test_floats_from_0_to_1_train_with_one_warning(source):
    gan = noting(SIZE)
    with pytest.warns(UserWarning) as caught:
        gan.fit(source(floats(0.0, 1.0, 64)), epochs=2, verbose=0)
    (told,) = (each for each in caught if each.category is UserWarning)
    assert re.search(r"floats in \[.*in \[-1, 1\].*samples|x \* 2 - 1", str(told.message))
    assert gan.steps_seen == len(gan.batches) > 0


def test_a_validation_split_does_not_warn_again():
    gan = noting(SIZE)
    with pytest.warns(UserWarning) as caught:
        gan.fit(floats(0.0, 1.0, 96), batch_size=32, validation_split=0.3, verbose=0)
    assert len(caught) == 1


def test_a_warning_made_an_error_stops_before_the_first_step():
    gan = noting(SIZE)
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="x \\* 2 - 1"):
        warnings.simplefilter("error")
        gan.fit(floats(0.0, 1.0, 64), verbose=0)
    assert gan.steps_seen == 0


# === What arrives ===


@pytest.mark.parametrize("n", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5))])
@pytest.mark.parametrize("form", ["static", "ragged", "generator"])
def test_batches_of_a_pipeline_are_joined(n, form):
    # 9 whole batches of 4, and one of 3.
    data = numbered(39, "float64")
    dataset = {
        "static": lambda: pipeline(*data, batch_size=4, drop_remainder=True),
        "ragged": lambda: pipeline(*data, batch_size=4),
        "generator": lambda: unsized(*data, batch_size=4),
    }[form]()
    gan = noting((2,), num_classes=CLASSES, n=n)
    history = gan.fit(dataset, epochs=2, verbose=0)  # 'ran out of data' would be an error
    steps = 9 // n
    assert numbers(gan) == 2 * counted_up(steps, 4 * n)
    assert gan.steps_seen == 2 * steps and gan.images_seen == 2 * steps * 4 * n
    assert len(history.epoch) == 2


def test_short_batches_in_between_are_left_out():
    parts = [
        (np.full((rows, 2), value, "float32"), np.zeros(rows, "int32"))
        for value, rows in enumerate([4, 3, 4, 1, 4, 4])
    ]
    signature = tf.TensorSpec([None, 2], "float32"), tf.TensorSpec([None], "int32")
    dataset = tf.data.Dataset.from_generator(lambda: iter(parts), output_signature=signature)
    gan = noting((2,), num_classes=CLASSES, n=2)
    gan.fit(dataset, verbose=0)
    joined = [samples[:, 0].tolist() for samples, _ in gan.batches]
    assert joined == [[0.0] * 4 + [2.0] * 4, [4.0] * 4 + [5.0] * 4]


def test_a_pipeline_whose_first_batch_is_short_is_refused():
    sizes = [3, 8, 8]

    def batches():
        yield from (helpers.points(size) for size in sizes)

    pipeline = tf.data.Dataset.from_generator(
        batches, output_signature=tf.TensorSpec((None, 2), tf.float32)
    )
    with pytest.raises(ValueError, match="of one size"):
        noting().fit(pipeline, verbose=0)


def test_a_pipeline_without_end_is_cut_into_epochs():
    x, y = numbered(36)
    dataset = pipeline(x, y, batch_size=4).repeat()
    gan = noting((2,), num_classes=CLASSES, n=2)
    gan.fit(dataset, epochs=2, steps_per_epoch=2, verbose=0)
    assert numbers(gan) == counted_up(4, 8)


def test_arrays_are_shuffled_and_each_sample_comes_once_an_epoch():
    x, y = numbered(64)
    gan = noting((2,), num_classes=CLASSES, n=2)
    gan.fit(x, y[:, None], batch_size=8, epochs=2, verbose=0)  # a column of labels is fine
    batches = numbers(gan)
    assert [len(batch) for batch in batches] == [16] * 8
    first, second = sum(batches[:4], []), sum(batches[4:], [])
    assert sorted(first) == sorted(second) == list(range(64))
    assert first != second and first != sorted(first)


def test_arrays_keep_their_order_without_shuffle():
    x, y = numbered(20)
    gan = noting((2,), num_classes=CLASSES)
    gan.fit((x, y), batch_size=8, shuffle=False, epochs=2, verbose=0)
    assert numbers(gan) == 2 * counted_up(2, 8)


@pytest.mark.parametrize("form", ["arrays", pytest.param("from_arrays", marks=pytest.mark.slow)])
def test_the_order_follows_from_the_seed_and_the_steps_seen(form):
    x, _ = numbered(64)
    gan = noting((2,))

    def order(*fits, start=0, seed=0, **settings):
        gan.seed = seed
        gan._state.steps_seen.assign(start)
        gan.batches = []
        for epochs in fits:
            if form == "arrays":
                gan.fit(x, batch_size=8, epochs=epochs, verbose=0, **settings)
            else:
                data = keras_gan.data.from_arrays(x, batch_size=8, seed=seed)
                gan.fit(data, epochs=epochs, verbose=0, **settings)
        return numbers(gan)

    straight = order(2)
    assert order(1, start=5) == straight[5:13]
    assert order(1, seed=1) != straight[:8]
    # Short epochs go on through the data where the last one stopped, and so does the next fit.
    assert order(2, 1, steps_per_epoch=3) == straight[:9]


def test_steps_per_epoch_may_exceed_a_pass():
    gan = noting((2,), num_classes=CLASSES)
    gan.fit(*numbered(24), batch_size=8, steps_per_epoch=7, verbose=0)
    assert len(gan.batches) == 7
    assert sorted(sum(numbers(gan)[:3], [])) == sorted(sum(numbers(gan)[3:6], []))


@pytest.mark.parametrize(
    ("source", "dtype", "wanted"),
    [
        pytest.param(lambda x: x, "uint8", "uint8", marks=pytest.mark.slow),
        (lambda x: x, "float16", "float32"),
        (pipeline, "uint8", "uint8"),
        pytest.param(pipeline, "float64", "float32", marks=pytest.mark.slow),
        (keras_gan.data.from_arrays, "uint8", "uint8"),
        pytest.param(keras_gan.data.from_arrays, "float64", "float32", marks=pytest.mark.slow),
    ],
)
def test_images_arrive_as_uint8_or_float32(source, dtype, wanted):
    gan = noting(SIZE)
    gan.fit(
        source((helpers.images(64) if dtype == "uint8" else floats(count=64)).astype(dtype)),
        verbose=0,
    )
    assert {batch.dtype.name for batch, _ in gan.batches} == {wanted}
    assert gan.reference_samples.dtype == wanted


def test_uint8_is_scaled_inside_the_graph():
    from keras_gan.feeding import sample_spec

    scaled = sample_spec.to_float(tf.constant([[[0, 255, 51]]], "uint8"))
    np.testing.assert_allclose(scaled, [[[-1.0, 1.0, -0.6]]], atol=1e-6)
    np.testing.assert_array_equal(sample_spec.to_float(tf.constant([[3]], "uint8")), 3.0)


# === What is kept for callbacks ===


@pytest.mark.parametrize(
    "source",
    [
        lambda x, y: (x, y),
        lambda x, y: keras_gan.data.from_arrays(x, y, batch_size=8),
        pytest.param(lambda x, y: pipeline(x, y), marks=pytest.mark.slow),
        lambda x, y: unsized(x, y),
    ],
    ids=["arrays", "from_arrays", "pipeline", "generator"],
)
def test_examples_are_kept_with_their_labels(source):
    x, y = numbered(64)
    gan = noting((2,), num_classes=CLASSES)
    assert gan.reference_samples is gan.held_out_samples is None
    assert gan.reference_labels is gan.held_out_labels is None
    # Each sample is kept once, whatever the number of epochs.
    gan.fit(source(x, y), validation_data=source(x[:24], y[:24]), epochs=2, verbose=0)
    for samples, given, count in (
        (gan.reference_samples, gan.reference_labels, 64),
        (gan.held_out_samples, gan.held_out_labels, 24),
    ):
        assert sorted(samples[:, 0]) == list(range(count))
        np.testing.assert_array_equal(given, samples[:, 0] % CLASSES)


@pytest.mark.parametrize("source", [lambda x: x, lambda x: pipeline(x, batch_size=600)])
def test_examples_are_at_most_2000(source):
    x, _ = numbered(2_400)
    gan = noting((2,))
    rows = 600 if source(x) is x else None
    gan.fit(source(x), validation_data=source(x), batch_size=rows, verbose=0)
    for samples in (gan.reference_samples, gan.held_out_samples):
        assert len(samples) == len(np.unique(samples[:, 0])) == 2_000


def test_a_validation_split_is_the_end_of_the_arrays():
    x, y = numbered(40)
    gan = noting((2,), num_classes=CLASSES)
    gan.fit(x, y, batch_size=4, validation_split=0.2, verbose=0)
    assert sorted(sum(numbers(gan), [])) == list(range(32))
    assert sorted(gan.held_out_samples[:, 0]) == list(range(32, 40))
    np.testing.assert_array_equal(gan.held_out_labels, gan.held_out_samples[:, 0] % CLASSES)
    assert len(gan.reference_samples) == 32


@pytest.mark.parametrize("labelled", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_data_set_of_this_package_holds_out_samples_from_everywhere(labelled):
    x, y = numbered(200)
    gan = noting((2,), num_classes=CLASSES if labelled else None)
    data = keras_gan.data.from_arrays(x, y if labelled else None, batch_size=50, seed=3)
    gan.fit(data, epochs=2, validation_split=0.1, verbose=0)
    held_out = set(gan.held_out_samples[:, 0])
    assert len(held_out) == 20 and min(held_out) < 50 and max(held_out) > 150
    order = numbers(gan)  # in each epoch 3 batches of the 180 samples
    seen = sum(order, [])
    assert len(set(seen[:150])) == len(set(seen[150:])) == 150 and not held_out & set(seen)
    assert not held_out & set(gan.reference_samples[:, 0])
    if labelled:
        np.testing.assert_array_equal(gan.held_out_labels, gan.held_out_samples[:, 0] % CLASSES)
    # It goes on where it stopped.
    gan.batches = []
    gan._state.steps_seen.assign(2)
    gan.fit(data, validation_split=0.1, verbose=0)
    assert numbers(gan) == order[2:5]


# === How data are read ===


def test_no_iterator_waits_for_a_tuner_that_nobody_asked_for():
    x, gan = helpers.points(8), noting()
    own = tf.data.Dataset.from_tensor_slices(x).batch(8)
    asked = tf.data.Options()
    asked.autotune.enabled = True
    for data, settings, tuned in (
        (x, {"batch_size": 8}, False),
        (keras_gan.data.from_arrays(x, batch_size=8), {}, False),
        (own, {}, False),
        (own.with_options(asked), {}, True),
    ):
        found = []

        def look(logs, found=found):
            for feed in (gan._training_feed, gan._held_out_feed):
                found.append(feed.dataset.options().autotune.enabled)

        watch = keras.callbacks.LambdaCallback(on_train_begin=look)
        gan.fit(data, epochs=0, validation_data=data, verbose=0, callbacks=[watch], **settings)
        assert found == [tuned, tuned]


@pytest.mark.parametrize("per_call", [1, 2, 3])
def test_one_iterator_serves_all_epochs_where_calls_divide_them(per_call, monkeypatch):
    made, iterate = [], tf.data.Dataset.__iter__

    def noted(dataset):
        made.append(dataset)
        return iterate(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", noted)
    gan = helpers.watched(steps_per_execution=per_call)
    gan.fit(helpers.points(32), batch_size=8, epochs=3, verbose=0)
    assert gan.steps_seen == 12
    # Keras makes one as each epoch begins, and another as it ends.
    assert len(made) == (1 if per_call < 3 else 6)


def test_an_epoch_is_read_from_where_training_is_as_it_begins():
    def jump(epoch, logs):
        gan._state.steps_seen.assign(6)

    x, _ = numbered(64)
    gan = noting((2,))
    gan.fit(x, batch_size=8, verbose=0)
    straight = numbers(gan)
    gan._state.steps_seen.assign(0)
    gan.batches = []
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=jump)]
    gan.fit(x, batch_size=8, steps_per_epoch=2, epochs=2, verbose=0, callbacks=callbacks)
    assert numbers(gan) == straight[:2] + straight[6:]


def test_what_callbacks_compare_with_is_finite():
    """Of a pipeline only the first batch is checked; the update of a bad one is left out."""
    samples = helpers.points(8)
    samples[3, 0], samples[5, 1] = np.nan, np.inf
    feed = feeds.Feed(tf.data.Dataset.from_tensors(samples), samples, np.arange(8))
    np.testing.assert_array_equal(feed.samples, samples[[0, 1, 2, 4, 6, 7]])
    assert list(feed.labels) == [0, 1, 2, 4, 6, 7]
    feed.keep(samples * np.nan, None)
    assert feed.samples is None and feed.labels is None
