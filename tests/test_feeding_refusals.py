"""Bad data on their way to a step are refused before it, in one sentence."""

import re

import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import fit_data
from keras_gan.feeding.sample_spec import SampleSpec
from sample_feeds import (
    CLASSES,
    SIZE,
    floats,
    labels,
    pipeline,
    unsized,
)


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


def with_nan():
    x = floats()
    x[5, 0, 0, 0] = x[7, 0, 0, 0] = np.nan
    return x


# === Bad arrays ===

OUT_OF_RANGE = r"must be uint8 in \[0, 255\] or floats in \[-1, 1\].*minimum=.*maximum=.*x / 127.5"

BAD_IMAGES = {
    "in [0, 255]": (lambda: floats(0, 255), OUT_OF_RANGE),
    "in [-2, 2]": (lambda: floats(-2, 2), r"minimum=-.*maximum=.*Scale them to \[-1, 1\]"),
    "NaN": (with_nan, r"must be finite, but 2 of 32 hold NaN.*index 5.*Remove or repair"),
    "no channels": (
        lambda: helpers.images()[..., 0],
        r"shape \(batch, 8, 8, 1\).*shape=\(32, 8, 8\).*\[\.\.\., None\]",
    ),
    "one image": (lambda: helpers.images()[0], r"shape=\(8, 8, 1\).*Add the batch axis"),
    "another size": (lambda: helpers.images(8, (16, 16, 1)), r"shape=\(8, 16, 16, 1\)"),
    "int32": (
        lambda: helpers.images().astype("int32"),
        r"must be uint8.*dtype='int32'.*astype\('uint8'\)",
    ),
    "none": (lambda: helpers.images(0), r"must not be empty.*shape=\(0, 8, 8, 1\)"),
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
        (3, "x='int'. Give the real samples, or a data set of their batches"),
        (iter([1]), r"Use the generator `\(batch for batch in x\)`"),
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
    refused(models["images"], message, helpers.images(), batch_size=8, **settings)


def test_unknown_arguments_are_refused(models):
    with pytest.raises(
        TypeError, match="`Watched.fit` has no argument `epoch`. Did you mean 'epochs'"
    ):
        models["images"].fit(helpers.images(), epoch=3)


def test_a_network_frozen_after_compiling_is_refused():
    gan = helpers.watched(SIZE)
    gan.discriminator.trainable = False
    refused(
        gan,
        r"trainable weights.*Set `discriminator.trainable = True`",
        helpers.images(),
        batch_size=8,
    )


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
BAD_KINDS = {
    "words": (lambda: labels().astype("<U1"), r"dtype='<U1'. Number the classes: `np.unique\(y"),
    "bytes": (lambda: labels().astype("S1"), r"dtype='\|S1'. Number the classes"),
    "a list of words": (lambda: [str(n) for n in labels()], r"dtype='<U1'. Number the classes"),
    "fractions": (lambda: labels() + 0.5, "dtype='float64'. Number the classes"),
    "large floats": (lambda: labels() + 1e20, "dtype='float64'. Number the classes"),
    "complex": (lambda: labels() + 1j, "dtype='complex128'. Number the classes"),
    **{
        str(bad): (
            lambda bad=bad: np.where(labels() == 1, bad, labels()),
            r"must be integers, but some are NaN or infinite. Received: dtype='float64', "
            r"not_finite=\d+, first=\d+. Leave out .* `np.isfinite\(y\)`",
        )
        for bad in (np.nan, np.inf)
    },
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", BAD_KINDS)
def test_labels_of_other_kinds_are_told_as_they_were_given(models, kind):
    make, message = BAD_KINDS[kind]
    refused(models["labelled"], message, helpers.images(), make(), batch_size=8)


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_refused(models, kind):
    make, message = BAD_LABELS[kind]
    refused(models["labelled"], message, helpers.images(), make(), batch_size=8)


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
    parts = [helpers.images()] if kind == "missing" else [helpers.images(), make()]
    message = message.replace(r"argmax\(-1\)", r"x\.map\(.*tf.argmax\(labels, -1\)")
    message = message.replace(r"astype\('int32'\)", r"x\.map\(.*tf.cast\(labels, 'int32'\)")
    # The first of these batches has labels 1, 2, 3 or -1, 0, 1, too.
    refused(models["labelled"], message, source(*parts))


def test_labels_that_are_not_as_many_are_refused(models):
    message = r"one class index for each sample.*labels_shape=\(31,\).*num_samples=32\.$"
    refused(models["labelled"], message, helpers.images(), labels(31))


def test_superfluous_labels_are_refused(models):
    message = "take no labels.*Received: labels='given'.*num_classes="
    refused(models["images"], message, helpers.images(), labels())
    refused(models["images"], message, (helpers.images(), labels()))
    refused(models["images"], message, pipeline(helpers.images(), labels()))


# === The form of a data set ===


def test_a_data_set_of_single_samples_is_refused(models):
    message = r"must yield batches.*element_spec.*\.batch\(batch_size\)"
    for name, data in (("images", helpers.images()), ("points", helpers.points())):
        refused(models[name], message, tf.data.Dataset.from_tensor_slices(data))
    refused(models["images"], message, tf.data.Dataset.range(8))


def test_a_data_set_of_dicts_is_refused(models):
    data = pipeline({"image": helpers.images(), "label": labels()})
    refused(models["labelled"], r"batches of samples, or of \(samples, labels\).*\.map", data)


@pytest.mark.parametrize("settings", [{"y": labels()}, {"batch_size": 8}])
def test_what_a_data_set_brings_itself_is_refused(models, settings):
    message = "With a data set.*must be left out.*Put labels and batches into the data set"
    refused(models["images"], message, pipeline(helpers.images()), **settings)


def test_a_pipeline_is_not_split(models):
    # `.skip` and `.take` of what is shuffled anew would train on what is held out.
    message = "`validation_split` must be left out.*before you shuffle.*from_folder"
    refused(models["images"], message, pipeline(helpers.images()), validation_split=0.1)


def test_an_empty_data_set_is_refused(models):
    refused(models["images"], "must not be empty", pipeline(helpers.images(0)))
    # Of this one it is only known after it has been read.
    refused(models["images"], "must not be empty", unsized(helpers.images(0)))


def test_a_data_set_without_end_needs_a_number_of_steps(models):
    message = r"must end.*steps=None.*Leave out `\.repeat\(\)`"
    endless = pipeline(helpers.images()).repeat()
    refused(models["images"], f"`x` {message}", endless)
    refused(
        models["images"],
        f"`val.*` {message}",
        helpers.images(),
        batch_size=8,
        validation_data=endless,
    )


def test_a_step_that_does_not_fit_into_the_data_is_refused(models):
    message = "One step must fit into the data.*discriminator_steps=5.*Use a smaller `?batch.size"
    gan = models["five"]
    refused(gan, message, helpers.images(32), batch_size=8)
    refused(gan, message, keras_gan.data.from_arrays(helpers.images(32), batch_size=8))
    refused(gan, message, pipeline(helpers.images(32), batch_size=8))
    # Five batches, but the last one is short.
    refused(gan, message, pipeline(helpers.images(39), batch_size=8))
    refused(gan, message, unsized(helpers.images(32), batch_size=8))
    refused(
        models["images"], "One step must fit.*batch_size=64.*num_samples=32", helpers.images(32)
    )


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (floats(0, 255), OUT_OF_RANGE.replace("x / 127.5", "validation_data / 127.5")),
        (helpers.images()[..., 0], "shape.*channel axis"),
        (pipeline(helpers.images().astype("int32")), "must be uint8.*int32"),
        (pipeline(helpers.images(), labels()), "take no labels"),
        ((helpers.images(), labels()), "take no labels"),
        (helpers.images(0), "must not be empty"),
        ("held-out", "must be an array"),
        (
            (pipeline(helpers.images()), labels()),
            "labels must be left out.*Put them into the data set",
        ),
    ],
)
def test_bad_validation_data_are_refused(models, validation, message):
    refused(models["images"], message, helpers.images(), batch_size=8, validation_data=validation)


def test_bad_values_in_a_validation_pipeline_are_named(models):
    # Reading it before the first step could have effects, so this comes with the evaluation.
    message = OUT_OF_RANGE.replace("x / 127.5", r"validation_data\.map\(.* / 127.5")
    with pytest.raises(ValueError, match=f"`validation_data` .*{message}"):
        helpers.watched(SIZE).fit(
            helpers.images(), batch_size=32, validation_data=pipeline(floats(0, 255)), verbose=0
        )


@pytest.mark.parametrize("split", [-0.1, 1.0, 1.5, 0.999])
def test_bad_validation_splits_are_refused(models, split):
    message = "`validation_split` must.*Received: validation_split="
    refused(models["images"], message, helpers.images(), batch_size=8, validation_split=split)
