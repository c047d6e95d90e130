"""Data on their way to a step: bad ones are refused before it, good ones arrive whole."""

import functools
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import feeds, fit_data
from keras_gan.feeding.sample_spec import SampleSpec
from keras_gan.model.gan import GAN

CLASSES = 3
SIZE = (8, 8, 1)


@pytest.fixture(scope="module")
def models():
    """Models that refuse what they are given, made once: their counters stay at 0."""
    return {
        "images": helpers.watched(SIZE),
        "labelled": helpers.watched(SIZE, num_classes=CLASSES),
        "points": helpers.watched((2,)),
        "five": helpers.watched(SIZE, n=5),
    }


def refused(gan, message, *arguments, **settings):
    """`fit` raises ONE ValueError, which matches, says what it got, and comes before any step."""
    with pytest.raises(ValueError) as caught:
        gan.fit(*arguments, verbose=0, **settings)
    text = str(caught.value)
    assert type(caught.value) is ValueError, "an error of TensorFlow's"
    assert re.search(message, text, re.DOTALL), text
    assert "Received: " in text and "\n" not in text, text
    assert gan.steps_seen == 0


def images(count=32):
    return helpers.images(count, SIZE)


def floats(low=-1.0, high=1.0, count=32):
    return np.random.default_rng(0).uniform(low, high, (count, *SIZE)).astype("float32")


def with_nan():
    x = floats()
    x[5, 0, 0, 0] = x[7, 0, 0, 0] = np.nan
    return x


def labels(count=32):
    return np.arange(count) % CLASSES


def pipeline(*parts, batch_size=8, **settings):
    data = parts if len(parts) > 1 else parts[0]
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size, **settings)


def unsized(*parts, batch_size=8):
    """The same as a pipeline of which nothing is known but dtypes and ranks."""
    spec = tuple(tf.TensorSpec([None] * np.ndim(part), np.asarray(part).dtype) for part in parts)

    def batches():
        for first in range(0, len(parts[0]), batch_size):
            batch = tuple(part[first : first + batch_size] for part in parts)
            yield batch if len(batch) > 1 else batch[0]

    signature = spec if len(spec) > 1 else spec[0]
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


# === Bad arrays ===

OUT_OF_RANGE = r"must be uint8 in \[0, 255\] or floats in \[-1, 1\].*minimum=.*maximum=.*x / 127.5"

BAD_IMAGES = {
    "in [0, 255]": (lambda: floats(0, 255), OUT_OF_RANGE),
    "in [-2, 2]": (lambda: floats(-2, 2), r"minimum=-.*maximum=.*Scale them to \[-1, 1\]"),
    "NaN": (with_nan, r"must be finite, but 2 of 32 hold NaN.*index 5.*Remove or repair"),
    "no channels": (
        lambda: images()[..., 0],
        r"shape \(batch, 8, 8, 1\).*shape=\(32, 8, 8\).*\[\.\.\., None\]",
    ),
    "one image": (lambda: images()[0], r"shape=\(8, 8, 1\).*Add the batch axis"),
    "another size": (lambda: helpers.images(8, (16, 16, 1)), r"shape=\(8, 16, 16, 1\)"),
    "int32": (lambda: images().astype("int32"), r"must be uint8.*dtype='int32'.*astype\('uint8'\)"),
    "none": (lambda: images(0), r"must not be empty.*shape=\(0, 8, 8, 1\)"),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images_are_refused(models, kind):
    make, message = BAD_IMAGES[kind]
    refused(models["images"], f"`x` .*{message}", make())


def each_in_a_pipeline(kinds, quick):
    """Kinds and forms, most of them with `--slow`."""
    return [
        pytest.param(
            kind,
            form,
            id=f"{kind}-{form.__name__}",
            marks=() if (kind, form) in quick else pytest.mark.slow,
        )
        for kind in kinds
        for form in (pipeline, unsized)
    ]


# What is wrong can be seen in the specification of a pipeline, or on its first batch only.
@pytest.mark.parametrize(
    "kind, source",
    each_in_a_pipeline(
        [kind for kind in BAD_IMAGES if kind not in ("one image", "none")],
        quick=[
            *((kind, pipeline) for kind in ("in [0, 255]", "no channels")),
            *((kind, unsized) for kind in ("NaN", "another size")),
        ],
    ),
)
def test_bad_images_in_a_pipeline_are_refused(models, source, kind):
    make, message = BAD_IMAGES[kind]
    # A pipeline is looked at batch by batch, and changed by `map`.
    message = message.replace("2 of 32", "2 of 8").replace("(32,", "(None,")
    message = message.replace("x / 127.5", r"x\.map\(.* / 127.5")
    message = message.replace(r"astype\('uint8'\)", r"x\.map\(lambda samples: tf.cast\(samples")
    message = re.sub(r"shape=[^)]*\)", "shape=.*", message)
    refused(models["images"], f"`x` .*{message}", source(make()))


def test_a_bad_batch_is_what_is_told_though_data_are_read_ahead_to_their_end():
    feed, _ = fit_data.training_feed(
        unsized(helpers.images(8, (16, 16, 1))),
        None,
        spec=SampleSpec(SIZE, None),
        batch_size=None,
        group=1,
        parts=1,
        shuffle=True,
        seed=0,
        position=lambda: 0,
        steps_per_epoch=None,
    )
    batches = iter(feed.dataset)
    for _ in range(2):  # quietly: an error of the pipeline would print its call stacks
        with pytest.raises(StopIteration):
            next(batches)
    with pytest.raises(ValueError, match="8, 16, 16, 1"):
        feed.check_epoch()
    with pytest.raises(ValueError, match="8, 16, 16, 1"), fit_data.passing(feed):
        raise tf.errors.InvalidArgumentError(None, None, "IteratorGetNext")


@pytest.mark.parametrize(
    "kind",
    [
        *("in [0, 255]", "none"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("NaN", "int32")),
    ],
)
def test_bad_images_in_a_source_are_refused(kind):
    make, message = BAD_IMAGES[kind]
    gan = helpers.watched(SIZE)
    with pytest.raises(ValueError, match=message.split(".*")[0]):
        gan.fit(keras_gan.data.from_arrays(make()), verbose=0)
    assert gan.steps_seen == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1.0, np.inf]], "must be finite"),
        (np.zeros((8, 3)), r"shape \(batch, 2\).*shape=\(8, 3\)"),
        (np.zeros((8, 2), "complex64"), "real numbers.*complex64"),
        (np.full((8, 2), "a"), "array of numbers.*dtype="),
        ([[1.0, 1e300]], r"`x` must fit into float32.*maximum=1e\+300"),
        ([[1e300, np.nan]], "must be finite"),
    ],
)
def test_bad_vectors_are_refused(models, data, message):
    refused(models["points"], message, np.array(data))


@pytest.mark.parametrize(
    ("data", "cure"),
    [
        (None, r"x=None. Give the real samples: `fit\(samples\)`"),
        ("my_images", "x='my_images'.*keras_gan.data.from_folder"),
        (3, "x='int'. Wrap a generator"),
        (iter([1]), "Wrap a generator"),
        (tf.sparse.eye(3), r"Use `tf.sparse.to_dense\(x\)`"),
        (tf.ragged.constant([[1.0], []]), r"Use `x.to_tensor\(\)`"),
        ({"image": [1.0]}, "Give the array that is in it"),
    ],
)
def test_what_is_no_data_is_refused(models, data, cure):
    message = "must be an array of samples or a `tf.data.Dataset`"
    refused(models["images"], f"{message}.*{cure}", data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": "5"}, "`epochs` must be a non-negative integer. Received: epochs='5'"),
        ({"epochs": 1.5}, "`epochs` must be"),
        ({"epochs": -1}, "`epochs` must be"),
        ({"initial_epoch": -1}, "`initial_epoch` must be"),
        ({"validation_freq": 0}, "`validation_freq` must be a positive integer"),
        ({"validation_freq": "2"}, "`validation_freq` must be"),
        ({"validation_freq": [1, 0]}, "`validation_freq` must be"),
        ({"validation_steps": 0}, "`validation_steps` must be"),
        ({"validation_batch_size": 0}, "`validation_batch_size` must be"),
        ({"callbacks": keras_gan.callbacks.ImageGrid}, r"list of instances.*`ImageGrid\(...\)`"),
        ({"callbacks": ["image_grid"]}, "list of instances.*Received: callback='image_grid'"),
    ],
)
def test_bad_settings_are_refused(models, settings, message):
    refused(models["images"], message, images(), batch_size=8, **settings)


def test_unknown_arguments_are_refused(models):
    with pytest.raises(
        TypeError, match="`Watched.fit` has no argument `epoch`. Did you mean 'epochs'"
    ):
        models["images"].fit(images(), epoch=3)


def test_a_network_frozen_after_compiling_is_refused():
    gan = helpers.watched(SIZE)
    gan.discriminator.trainable = False
    refused(gan, r"trainable weights.*Set `discriminator.trainable = True`", images(), batch_size=8)


def test_numbers_in_errors_are_short(models):
    slightly = floats(-1, 1)
    slightly[0, 0, 0, 0] = -1.0010001
    refused(models["images"], r"minimum=-1.001, maximum=\S{1,7}\. Scale", slightly, batch_size=8)


# === Labels ===

BAD_LABELS = {
    "missing": (lambda: None, r"conditional model is fed `\(samples, labels\)`.*fit\(samples, la"),
    "out of range": (lambda: labels() + 1, r"indices from 0 to 2.*minimum=1, maximum=3"),
    "negative": (lambda: labels() - 1, r"indices from 0 to 2.*minimum=-1, maximum=1"),
    "beyond int64": (
        lambda: labels().astype("uint64") + np.uint64(2**63),
        r"indices from 0 to 2.*minimum=92233720368547758\d\d, maximum=92233720368547758\d\d. Num",
    ),
    "one-hot": (lambda: np.eye(CLASSES, dtype=int)[labels()], r"one class index.*argmax\(-1\)"),
    "floats": (lambda: labels().astype("float32"), r"integers.*float32.*astype\('int32'\)"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_refused(models, kind):
    make, message = BAD_LABELS[kind]
    refused(models["labelled"], message, images(), make(), batch_size=8)


@pytest.mark.parametrize(
    "kind, source",
    each_in_a_pipeline(
        BAD_LABELS,
        quick=[
            *((kind, pipeline) for kind in ("missing", "beyond int64")),
            *((kind, unsized) for kind in ("out of range", "one-hot")),
        ],
    ),
)
def test_bad_labels_in_a_pipeline_are_refused(models, source, kind):
    make, message = BAD_LABELS[kind]
    parts = [images()] if kind == "missing" else [images(), make()]
    message = message.replace(r"argmax\(-1\)", r"x\.map\(.*tf.argmax\(labels, -1\)")
    message = message.replace(r"astype\('int32'\)", r"x\.map\(.*tf.cast\(labels, 'int32'\)")
    # The first of these batches has labels 1, 2, 3 or -1, 0, 1, too.
    refused(models["labelled"], message, source(*parts))


def test_labels_that_are_not_as_many_are_refused(models):
    message = r"one class index for each sample.*labels_shape=\(31,\).*num_samples=32\.$"
    refused(models["labelled"], message, images(), labels(31))


def test_superfluous_labels_are_refused(models):
    message = "take no labels.*Received: labels='given'.*num_classes="
    refused(models["images"], message, images(), labels())
    refused(models["images"], message, (images(), labels()))
    refused(models["images"], message, pipeline(images(), labels()))


# === The form of a data set ===


def test_a_data_set_of_single_samples_is_refused(models):
    message = r"must yield batches.*element_spec.*\.batch\(batch_size\)"
    for name, data in (("images", images()), ("points", helpers.points())):
        refused(models[name], message, tf.data.Dataset.from_tensor_slices(data))
    refused(models["images"], message, tf.data.Dataset.range(8))


def test_a_data_set_of_dicts_is_refused(models):
    data = pipeline({"image": images(), "label": labels()})
    refused(models["labelled"], r"batches of samples, or of \(samples, labels\).*\.map", data)


@pytest.mark.parametrize("settings", [{"y": labels()}, {"batch_size": 8}])
def test_what_a_data_set_brings_itself_is_refused(models, settings):
    message = "With a data set.*must be left out.*Put labels and batches into the data set"
    refused(models["images"], message, pipeline(images()), **settings)


def test_a_pipeline_is_not_split(models):
    # `.skip` and `.take` of what is shuffled anew would train on what is held out.
    message = "`validation_split` must be left out.*before you shuffle.*from_folder"
    refused(models["images"], message, pipeline(images()), validation_split=0.1)


def test_an_empty_data_set_is_refused(models):
    refused(models["images"], "must not be empty", pipeline(images(0)))
    # Of this one it is only known after it has been read.
    refused(models["images"], "must not be empty", unsized(images(0)))


def test_a_data_set_without_end_needs_a_number_of_steps(models):
    message = r"must end.*steps=None.*Leave out `\.repeat\(\)`"
    endless = pipeline(images()).repeat()
    refused(models["images"], f"`x` {message}", endless)
    refused(models["images"], f"`val.*` {message}", images(), batch_size=8, validation_data=endless)


def test_a_step_that_does_not_fit_into_the_data_is_refused(models):
    message = "One step must fit into the data.*discriminator_steps=5.*Use a smaller `?batch.size"
    gan = models["five"]
    refused(gan, message, images(32), batch_size=8)
    refused(gan, message, keras_gan.data.from_arrays(images(32), batch_size=8))
    refused(gan, message, pipeline(images(32), batch_size=8))
    # Five batches, but the last one is short.
    refused(gan, message, pipeline(images(39), batch_size=8))
    refused(gan, message, unsized(images(32), batch_size=8))
    refused(models["images"], "One step must fit.*batch_size=64.*num_samples=32", images(32))


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (floats(0, 255), OUT_OF_RANGE.replace("x / 127.5", "validation_data / 127.5")),
        (images()[..., 0], "shape.*channel axis"),
        (pipeline(images().astype("int32")), "must be uint8.*int32"),
        (pipeline(images(), labels()), "take no labels"),
        ((images(), labels()), "take no labels"),
        (images(0), "must not be empty"),
        ("held-out", "must be an array"),
        ((pipeline(images()), labels()), "labels must be left out.*Put them into the data set"),
    ],
)
def test_bad_validation_data_are_refused(models, validation, message):
    refused(models["images"], message, images(), batch_size=8, validation_data=validation)


def test_bad_values_in_a_validation_pipeline_are_named(models):
    # Reading it before the first step would not be innocent; so this comes with the evaluation.
    message = OUT_OF_RANGE.replace("x / 127.5", r"validation_data\.map\(.* / 127.5")
    with pytest.raises(ValueError, match=f"`validation_data` .*{message}"):
        helpers.watched(SIZE).fit(
            images(), batch_size=32, validation_data=pipeline(floats(0, 255)), verbose=0
        )


@pytest.mark.parametrize("split", [-0.1, 1.0, 1.5, 0.999])
def test_bad_validation_splits_are_refused(models, split):
    message = "`validation_split` must.*Received: validation_split="
    refused(models["images"], message, images(), batch_size=8, validation_split=split)


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
    gan = helpers.watched(SIZE)
    with pytest.warns(UserWarning) as caught:
        gan.fit(source(floats(0.0, 1.0, 64)), epochs=2, verbose=0)
    assert len(caught) == 1
    assert re.search(r"floats in \[.*in \[-1, 1\].*samples|x \* 2 - 1", str(caught[0].message))
    assert gan.steps_seen == len(gan.batches) > 0


def test_a_validation_split_does_not_warn_again():
    gan = helpers.watched(SIZE)
    with pytest.warns(UserWarning) as caught:
        gan.fit(floats(0.0, 1.0, 96), batch_size=32, validation_split=0.3, verbose=0)
    assert len(caught) == 1


def test_a_warning_made_an_error_stops_before_the_first_step():
    gan = helpers.watched(SIZE)
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="x \\* 2 - 1"):
        warnings.simplefilter("error")
        gan.fit(floats(0.0, 1.0, 64), verbose=0)
    assert gan.steps_seen == 0


# === What arrives ===


@functools.cache
def _made(shape, num_classes, n):
    return helpers.watched(shape, num_classes=num_classes, n=n)


def noting(shape, *, num_classes=None, n=1):
    """A `Watched` as if it were new: one of a kind is made, and traced, for all tests."""
    gan = _made(shape, num_classes, n)
    gan.seed, gan.batches = 0, []
    gan._training_feed = gan._held_out_feed = None
    for counter in ("steps_seen", "images_seen"):
        getattr(gan._state, counter).assign(0)
    return gan


@pytest.fixture(autouse=True, scope="module")
def let_go():
    yield
    _made.cache_clear()


def numbered(count, dtype="float32"):
    """Points `(i, -i)` with labels `i % 3`."""
    return (np.arange(count)[:, None] * [1.0, -1.0]).astype(dtype), labels(count)


def numbers(gan, labelled=True):
    """The numbers of the samples in each batch that arrived; labels must have stayed with them."""
    for samples, given in gan.batches:
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples[:, 0], -samples[:, 1])
        if labelled:
            assert given.dtype == np.int32
            np.testing.assert_array_equal(given, samples[:, 0].astype(int) % CLASSES)
        else:
            assert given is None
    return [samples[:, 0].astype(int).tolist() for samples, _ in gan.batches]


def counted_up(steps, rows):
    return np.arange(steps * rows).reshape(steps, rows).tolist()


# One of each form, and of each number.
@pytest.mark.parametrize(
    "form, n",
    [
        pytest.param(form, n, marks=() if n == only else pytest.mark.slow)
        for form, only in (("static", 1), ("ragged", 5), ("generator", 2))
        for n in (1, 2, 5)
    ],
)
def test_batches_of_a_pipeline_are_joined(n, form):
    # 17 whole batches of 4, and one of 3.
    data = numbered(71, "float64")
    dataset = {
        "static": lambda: pipeline(*data, batch_size=4, drop_remainder=True),
        "ragged": lambda: pipeline(*data, batch_size=4),
        "generator": lambda: unsized(*data, batch_size=4),
    }[form]()
    gan = noting((2,), num_classes=CLASSES, n=n)
    history = gan.fit(dataset, epochs=2, verbose=0)  # 'ran out of data' would be an error
    steps = 17 // n
    assert numbers(gan) == 2 * counted_up(steps, 4 * n)
    assert gan.steps_seen == 2 * steps and gan.images_seen == 2 * steps * 4 * n
    assert len(history.epoch) == 2


def test_short_batches_in_between_are_left_out():
    parts = [np.full((rows, 2), value, "float32") for value, rows in enumerate([4, 3, 4, 1, 4, 4])]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(parts), output_signature=tf.TensorSpec([None, 2], "float32")
    )
    gan = noting((2,), n=2)
    gan.fit(dataset, verbose=0)
    joined = [samples[:, 0].tolist() for samples, _ in gan.batches]
    assert joined == [[0.0] * 4 + [2.0] * 4, [4.0] * 4 + [5.0] * 4]


@pytest.mark.parametrize("n", [1, 2])
def test_a_pipeline_without_end_is_cut_into_epochs(n):
    x, y = numbered(36)
    dataset = pipeline(x, y, batch_size=4).repeat()
    gan = noting((2,), num_classes=CLASSES, n=n)
    gan.fit(dataset, epochs=2, steps_per_epoch=2, verbose=0)
    assert numbers(gan) == counted_up(4, 4 * n)


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


@pytest.mark.parametrize("form", ["arrays", "from_arrays"])
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
        return numbers(gan, labelled=False)

    straight = order(2)
    assert order(1, start=5) == straight[5:13]
    assert order(1, seed=1) != straight[:8]
    # Short epochs go on through the data where the last one stopped, and so does the next fit.
    assert order(3, 2, steps_per_epoch=3) == straight[:15]


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
    gan.fit(source((images(64) if dtype == "uint8" else floats(count=64)).astype(dtype)), verbose=0)
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
        lambda x, y: pipeline(x, y),
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


@pytest.mark.parametrize("source", [lambda x: x, lambda x: pipeline(x, batch_size=200)])
def test_examples_are_at_most_2000(source):
    x, _ = numbered(5_000)
    gan = noting((2,))
    gan.fit(source(x), validation_data=source(x), verbose=0)
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


@pytest.mark.parametrize("labelled", [False, True])
def test_a_data_set_of_this_package_holds_out_samples_from_everywhere(labelled):
    x, y = numbered(200)
    gan = noting((2,), num_classes=CLASSES if labelled else None)
    data = keras_gan.data.from_arrays(x, y if labelled else None, batch_size=4, seed=3)
    gan.fit(data, epochs=2, validation_split=0.1, verbose=0)
    held_out = set(gan.held_out_samples[:, 0])
    assert len(held_out) == 20 and min(held_out) < 50 and max(held_out) > 150
    seen = sum(numbers(gan, labelled), [])
    assert len(seen) == 2 * 180 and set(seen) == set(range(200)) - held_out
    assert not held_out & set(gan.reference_samples[:, 0])
    if labelled:
        np.testing.assert_array_equal(gan.held_out_labels, gan.held_out_samples[:, 0] % CLASSES)


def test_a_split_data_set_goes_on_where_it_stopped():
    data = keras_gan.data.from_arrays(numbered(100)[0], batch_size=8, seed=3)
    gan = noting((2,))

    def order(start, epochs):
        gan.batches = []
        gan._state.steps_seen.assign(start)
        gan.fit(data, epochs=epochs, validation_split=0.1, verbose=0)
        return numbers(gan, labelled=False)

    assert order(5, 1) == order(0, 2)[5:16]


# === A whole GAN ===


@pytest.fixture(scope="module")
def whole():
    """A GAN with everything that an evaluation could disturb, and its state at the start."""
    keras.utils.set_random_seed(0)
    gan = helpers.gan(
        batch_norm=True,
        dropout=0.3,
        metrics=[keras_gan.metrics.SlicedWasserstein()],
        steps_per_execution=1,
    )
    gan._warned_of_metrics = True  # some of these runs have no validation data
    return gan, helpers.snapshot(gan)


def restored(whole):
    gan, before = whole
    helpers.restore(before)
    return gan


def test_validation_leaves_training_alone(whole):
    x, held_out = helpers.points(32), helpers.points(24, seed=1)
    states = []
    for settings in ({}, {"validation_data": held_out}):
        gan = restored(whole)
        history = gan.fit(x, batch_size=8, epochs=2, verbose=0, **settings)
        states.append(helpers.state(gan))
        states[-1].pop("state_evaluation_step")
    assert any(key.startswith("val_") for key in history.history)
    assert states[0]["state_steps_seen"] == 8
    helpers.assert_same(*states)


def test_evaluate_is_repeatable_and_changes_nothing(whole):
    gan = restored(whole)
    gan.fit(helpers.points(64), batch_size=8, verbose=0)
    before = helpers.state(gan)
    results = [
        gan.evaluate(helpers.points(20, seed=1), batch_size=8, return_dict=True, verbose=0)
        for _ in range(2)
    ]
    assert results[0] == results[1]
    assert {"d_loss", "g_loss", "sliced_wasserstein"} <= set(results[0])
    after = helpers.state(gan)
    before.pop("state_evaluation_step"), after.pop("state_evaluation_step")
    helpers.assert_same(before, after)
    # Other noise would give another result.
    assert gan.evaluate(helpers.points(20, seed=2), verbose=0, return_dict=True) != results[0]


def test_evaluate_takes_pipelines(whole):
    gan, points = restored(whole), helpers.points(20)
    # Of batches of 8, 8 and 4; that their end is not announced must not make Keras warn.
    results = [
        gan.evaluate(data, batch_size=8, return_dict=True, verbose=0)
        for data in (points, pipeline(points), unsized(points))
    ]
    assert results[0] == results[1] == results[2]
    two = gan.evaluate(pipeline(points).repeat(), steps=2, return_dict=True, verbose=0)
    assert two == gan.evaluate(points[:16], batch_size=8, return_dict=True, verbose=0)


@pytest.mark.parametrize(("x", "message"), [(np.zeros((8, 3)), "shape"), ([[np.nan, 0]], "finite")])
def test_evaluate_refuses_bad_data(whole, x, message):
    with pytest.raises(ValueError, match=f"`x` must .*{message}"):
        whole[0].evaluate(np.array(x), verbose=0)


def test_train_on_batch():
    gan = helpers.gan(discriminator_steps=2, run_eagerly=True)
    before = helpers.values(gan.generator.weights)
    logs = gan.train_on_batch(helpers.points(16), return_dict=True)
    assert np.isfinite(list(logs.values())).all() and "d_loss" in logs
    assert gan.steps_seen == 1 and gan.images_seen == 16
    assert gan.discriminator_optimizer.iterations == 2 * gan.generator_optimizer.iterations == 2
    assert not helpers.same(before, helpers.values(gan.generator.weights))


def test_train_on_batch_refuses_what_does_not_fit():
    gan = helpers.watched(n=2)
    with pytest.raises(ValueError, match="multiple of `discriminator_steps`.*batch=15"):
        gan.train_on_batch(helpers.points(15))
    with pytest.raises(ValueError, match="take no labels"):
        gan.train_on_batch(helpers.points(16), labels(16))
    with pytest.raises(ValueError, match="`x` must have the shape"):
        gan.train_on_batch(np.zeros((16, 3), "float32"))
    assert gan.steps_seen == 0


def test_train_on_batch_takes_labels():
    gan = helpers.gan(num_classes=CLASSES, run_eagerly=True)
    with pytest.raises(ValueError, match=r"conditional model is fed `\(samples, labels\)`"):
        gan.train_on_batch(helpers.points(16))
    gan.train_on_batch(helpers.points(16), labels(16))
    assert gan.steps_seen == 1


def test_what_is_not_compiled_does_not_train():
    gan = GAN(helpers.generator(), helpers.discriminator())
    for call in (gan.fit, gan.train_on_batch, gan.evaluate, gan.test_on_batch):
        with pytest.raises(ValueError, match=r"must be compiled .*Call `compile\(\)`"):
            call(helpers.points())


# === How data are read ===


def test_no_iterator_waits_for_a_tuner_that_nobody_asked_for():
    x, gan = helpers.points(8), helpers.watched()
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
        gan.fit(data, validation_data=data, verbose=0, callbacks=[watch], **settings)
        assert found == [tuned, tuned]


def test_what_callbacks_compare_with_is_finite():
    """Of a pipeline only the first batch is checked; the update of a bad one is left out."""
    samples = helpers.points(8)
    samples[3, 0], samples[5, 1] = np.nan, np.inf
    feed = feeds.Feed(tf.data.Dataset.from_tensors(samples), samples, np.arange(8))
    np.testing.assert_array_equal(feed.samples, samples[[0, 1, 2, 4, 6, 7]])
    assert list(feed.labels) == [0, 1, 2, 4, 6, 7]
    feed.keep(samples * np.nan, None)
    assert feed.samples is None and feed.labels is None
