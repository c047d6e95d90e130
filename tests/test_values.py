"""One rule for samples and labels, whichever door they come in by."""

import contextlib
import re
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan import metrics
from keras_gan.evaluation import scoring
from keras_gan.feeding import fit_data, values
from keras_gan.feeding.sample_spec import SampleSpec
from value_feeds import CLASSES, IMAGE, fed, pipeline, pixels

# === What becomes of values ===

SHAPES = {
    "grey without channels": (28, 28),
    "series": (16, 6),
    "two bands": (8, 8, 2),
    "five bands": (8, 8, 5),
    "a volume": (4, 8, 8, 1),
    "a video": (3, 8, 8, 3),
    "an image": IMAGE,
}


# The others have as many axes as one of these.
ONE_OF_EACH_RANK = ("grey without channels", "five bands", "a volume")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=() if k in ONE_OF_EACH_RANK else pytest.mark.slow) for k in SHAPES],
)
def test_uint8_is_pixels_whatever_the_rank(kind):
    x = pixels(8, *SHAPES[kind])
    np.testing.assert_allclose(fed(x)[0], x[:4] / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(fed(x > 127)[0], np.where(x[:4] > 127, 1.0, -1.0))


@pytest.mark.parametrize(
    ("dtype", "form"),
    [
        *(("uint8", list), ("uint8", pipeline), ("bool", list)),
        *(("bool", tf.constant), ("bool", pipeline)),
    ],
)
def test_pixels_may_come_in_any_form(dtype, form):
    x = (pixels(8, 4, 6) > 127).astype(dtype) * np.array(255 if dtype == "uint8" else 1, dtype)
    np.testing.assert_array_equal(
        fed(form(x), shape=(4, 6))[0], np.where(x[:4] > 0, np.float32(1), np.float32(-1))
    )


@pytest.mark.parametrize(
    ("dtype", "form"),
    [
        *((dtype, np.asarray) for dtype in ("uint8", "bool", "int64", "float64")),
        *(("uint8", pipeline), ("float64", pipeline)),
    ],
)
def test_vectors_are_numbers(dtype, form):
    x = (np.arange(40).reshape(8, 5) % 7).astype(dtype)
    np.testing.assert_array_equal(fed(form(x), shape=(5,))[0], x[:4].astype("float32"))


@pytest.mark.parametrize("form", [lambda x: x, pipeline])
def test_vectors_of_bytes_must_say_what_they_are(form):
    message = r"pixels or numbers, and must say which.*maximum=255.* / 127.5 - 1.*float32"
    with pytest.raises(ValueError, match=message):
        fed(form(pixels(8, 64)), shape=(64,))


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        (np.asarray, (8, 8)),
        (pipeline, IMAGE),
        pytest.param(np.asarray, IMAGE, marks=pytest.mark.slow),
        pytest.param(pipeline, (8, 8), marks=pytest.mark.slow),
    ],
)
def test_bytes_of_0_and_1_are_told(form, shape):
    x = pixels(8, *shape) // 128
    with pytest.warns(UserWarning, match=r"`x` are uint8 of 0 and 1 alone.* \* 255") as caught:
        fed(form(x), shape=shape)
    assert len(caught) == 1
    fed(form(x * 255), shape=shape)
    black = np.zeros((8, *shape), "uint8")  # a picture, too
    complaint = contextlib.nullcontext()
    if form is not pipeline:
        complaint = pytest.warns(UserWarning, match="All 8 samples of .* are the same")
    with complaint:
        fed(form(black), shape=shape)


def test_pixels_reach_a_gan_and_its_callbacks_alike():
    gan = helpers.gan((4, 4), run_eagerly=True)
    x = pixels(32, 4, 4)
    floats = x / np.float32(127.5) - 1
    np.testing.assert_allclose(gan.score(x), gan.score(floats), atol=1e-6)
    figures = [gan.evaluate(data, return_dict=True, verbose=0) for data in (x, floats)]
    assert figures[0] == pytest.approx(figures[1], rel=1e-5)
    gan.fit(x, batch_size=16, validation_split=0.5, verbose=0)
    from keras_gan.model import watched_gan

    assert np.abs(watched_gan.in_model_range(gan.reference_samples)).max() <= 1.0


# === The reach of the generator ===

NORMAL = np.random.default_rng(0).normal(size=(64, 24, 6)).astype("float32")


@pytest.mark.parametrize(
    ("activation", "form"),
    [
        *(("tanh", pipeline), ("sigmoid", np.asarray), ("softsign", np.asarray)),
        *(("relu", pipeline), ("softplus", np.asarray)),
    ],
)
def test_data_beyond_a_bounded_generator_are_refused(activation, form):
    message = f"reach of the generator, which ends in a {activation}.*minimum=-.*without an act"
    with pytest.raises(ValueError, match=message):
        fed(form(NORMAL), shape=(24, 6), activation=activation)


@pytest.mark.parametrize(
    ("x", "activation"),
    [
        (NORMAL, "linear"),
        (NORMAL, "leaky_relu"),
        (NORMAL / 4, "tanh"),  # a few values are out of range
        (np.abs(NORMAL), "relu"),
        (NORMAL * 0.01 + 1.0, "tanh"),  # all but within reach
        (NORMAL[:3, :1, 0] / 2.0, "tanh"),  # too few to say
        (pixels(8, 4, 4), "tanh"),
        (np.abs(NORMAL) / 4, "sigmoid"),
    ],
)
def test_data_within_reach_pass(x, activation):
    fed(np.concatenate([x, x]), shape=x.shape[1:], activation=activation)


def test_images_need_a_generator_that_can_be_dark():
    with pytest.raises(ValueError, match=r"ends in a sigmoid.*End the generator in tanh\."):
        fed(pixels(8, *IMAGE), activation="sigmoid")


def test_the_last_activation_of_a_subclass_is_a_guess():
    class Generator(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, activation="tanh")

        def call(self, latents):
            return 4 * self.dense(latents)

    generator = Generator()
    generator(tf.zeros((1, 3)))
    spec = SampleSpec((2,), None, values.reach(generator))
    with pytest.warns(UserWarning, match="reach of the generator"):
        spec.samples(3 * helpers.points())


def test_the_layers_after_an_activation_count():
    inputs = keras.Input((3,))
    tanh = keras.layers.Dense(2, activation="tanh")(inputs)
    assert values.reach(keras.Model(inputs, keras.layers.Rescaling(100.0)(tanh))) is None
    assert values.reach(keras.Model(inputs, keras.layers.Reshape((2, 1))(tanh))).high == 1.0


@pytest.mark.parametrize("form", [lambda x: x, pipeline])
def test_numbers_far_from_a_new_generator_are_told(form):
    x = pixels(8, 12, 12).astype("float32")
    with pytest.warns(UserWarning, match="mean of 1.*deviation of 7.*Standardise"):
        fed(form(x), shape=(12, 12), activation="linear")
    with pytest.raises(ValueError, match="reach"):
        fed(form(x), shape=(12, 12), activation="tanh")


# === One rule at every door ===


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    return helpers.gan(IMAGE)


def compared(real, fake=None):
    metric = metrics.FrechetDistance()
    metric.update_state(real, real if fake is None else fake)
    return metric.result()


def refer(real):
    metric = metrics.FrechetDistance()
    metric.set_reference(real)
    metric.update_state(None, helpers.images(128, IMAGE, seed=3))
    return metric.result()


DOORS = {
    "fit": lambda gan, x: gan.fit(x, batch_size=8, verbose=0),
    "validation_data": lambda gan, x: gan.fit(
        helpers.images(shape=IMAGE), batch_size=8, validation_data=x, verbose=0
    ),
    "validation_data of a tuple": lambda gan, x: gan.fit(
        helpers.images(shape=IMAGE), batch_size=8, validation_data=(x,), verbose=0
    ),
    "evaluate": lambda gan, x: gan.evaluate(x, verbose=0),
    "train_on_batch": lambda gan, x: gan.train_on_batch(x),
    "test_on_batch": lambda gan, x: gan.test_on_batch(x),
    "score": lambda gan, x: gan.score(x),
    "from_arrays": lambda gan, x: keras_gan.data.from_arrays(x),
    "set_reference": lambda gan, x: refer(x),
    "floor": lambda gan, x: metrics.FrechetDistance().floor(x),
    "update_state": lambda gan, x: compared(x),
    "evaluate_generator": lambda gan, x: keras_gan.evaluate_generator(gan, x, "sliced_wasserstein"),
}
# Those that any range may pass that a generator may have.
TOLERANT = ("score",)

BAD = {
    "in [0, 255]": (pixels(128, *IMAGE).astype("float32"), values.IMAGES),
    "int64": (pixels(128, *IMAGE).astype("int64"), values.IMAGES),
    "uint16": (pixels(128, *IMAGE).astype("uint16"), values.IMAGES),
    "complex": (pixels(128, *IMAGE).astype("complex64"), "must be real numbers."),
    "empty": (pixels(128, *IMAGE)[:0], "must not be empty."),
    "two sizes": ([pixels(8, 8, 1), pixels(9, 8, 1)], "must be an array of numbers, all samples"),
    "text": (np.full((4, *IMAGE), "a"), "must be an array of numbers, all samples of one shape."),
    "NaN": (np.full((128, *IMAGE), np.nan), "must be finite, but 128 of 128 hold NaN"),
    "in [-3, 3]": (NORMAL[..., :1].repeat(3, 1)[:, :64].reshape(-1, *IMAGE), values.IMAGES),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_bad_samples_are_refused_in_the_same_words(gan, door, kind):
    x, rule = BAD[kind]
    if door in TOLERANT and kind in ("NaN", "in [-3, 3]"):
        return
    with pytest.raises(ValueError) as caught:
        DOORS[door](gan, x)
    assert re.match(rf"`[\w\[\]]+` {re.escape(rule)}", str(caught.value)), str(caught.value)
    assert "Received: " in str(caught.value) and "\n" not in str(caught.value)
    assert gan.steps_seen == 0


@pytest.mark.parametrize("door", [door for door in DOORS if door not in ("fit", *TOLERANT)])
def test_floats_from_0_to_1_are_told_at_every_door(gan, door):
    if door == "evaluate_generator":  # which compares the ranges of both sides
        return
    x = (pixels(128, *IMAGE) / 255.0).astype("float32")
    with warnings.catch_warnings(), pytest.raises(UserWarning, match=r"floats in \[0, 1\]"):
        warnings.simplefilter("error")
        DOORS[door](gan, x)
    assert gan.steps_seen == 0


def test_a_metric_gives_one_figure_for_one_set():
    x = pixels(160, *IMAGE)
    for measure in (refer, compared, metrics.FrechetDistance().floor):
        assert measure(x) == pytest.approx(measure(x / np.float32(127.5) - 1), rel=1e-4)
        assert measure(list(x)) == pytest.approx(measure(x), rel=1e-6)
    batches = pipeline(x, np.zeros(160, int))
    assert refer(batches) == pytest.approx(refer(x), rel=1e-4)


def test_fakes_may_overshoot_but_must_not_be_bytes():
    x = pixels(128, *IMAGE)
    overshooting = (x / np.float32(127.5) - 1) * 1.2
    assert np.isfinite(compared(x, overshooting))
    assert np.isfinite(helpers.gan(IMAGE).score(overshooting)).all()
    with pytest.raises(ValueError, match=re.escape(f"`fake` {values.IMAGES}")):
        compared(x, x.astype("float32"))


# === Pairs and lists ===


def test_two_images_are_two_samples():
    pair = list(pixels(2, *IMAGE))
    for form in (list, tuple):
        x, y, _ = fit_data.unpacked(form(pair), None, 3, "x")
        assert len(x) == 2 and y is None
    x, y, names = fit_data.unpacked([pixels(2, *IMAGE), np.zeros(2)], None, 3, "x")
    assert x.shape == (2, *IMAGE) and y.shape == (2,) and names == ("x[0]", "x[1]")
    x, y, _ = fit_data.unpacked((pixels(2, *IMAGE),), None, 3, "x")
    assert x.shape == (2, *IMAGE) and y is None


@pytest.mark.parametrize(
    "call",
    [
        lambda gan, x, w: gan.fit(x, sample_weight=w),
        lambda gan, x, w: gan.fit(x, class_weight={0: 1.0}),
        lambda gan, x, w: gan.train_on_batch(x, sample_weight=w),
        lambda gan, x, w: gan.train_on_batch(x, class_weight={0: 1.0}),
        lambda gan, x, w: gan.evaluate(x, sample_weight=w),
        lambda gan, x, w: gan.test_on_batch(x, sample_weight=w),
    ],
)
def test_weights_of_samples_are_refused(gan, call):
    x = helpers.images(shape=IMAGE)
    with pytest.raises(TypeError, match=r"has no argument `\w+_weight`. Samples have no weights"):
        call(gan, x, np.ones(len(x)))


@pytest.mark.parametrize("data", [lambda *d: d, lambda *d: pipeline(*d)])
def test_weights_in_the_data_are_refused(gan, data):
    x = helpers.images(shape=IMAGE)
    batch_size = 8 if isinstance(data(x, x, x), tuple) else None
    with pytest.raises(ValueError, match="Samples (have no weights|cannot be weighted)"):
        gan.fit(data(x, np.zeros(32, int), np.ones(32)), batch_size=batch_size, verbose=0)


# === Labels ===

SAMPLES = pixels(16, *IMAGE)
INDICES = np.arange(16) % CLASSES
BAD_LABELS = {
    "one-hot": (np.eye(CLASSES)[INDICES], "must have one class index for each sample."),
    "multi-hot": (np.ones((16, CLASSES), int), "must have one class index for each sample."),
    "too few": (INDICES[:15], "must have one class index for each sample."),
    "floats": (INDICES.astype("float32"), "must be integers."),
    "words": (INDICES.astype(str), "must be integers."),
    "far out of range": (INDICES + 2**32, "must be class indices from 0"),
    "negative": (INDICES - 1, "must be class indices from 0"),
}
ADAPTER = types.SimpleNamespace(reach=None, takes_labels=False)
LABEL_DOORS = {
    "fit": lambda x, y: fed(x, y, num_classes=CLASSES),
    "pair": lambda x, y: fed((x, y), shape=IMAGE, num_classes=CLASSES),
    "list": lambda x, y: fed([x, list(y)], shape=IMAGE, num_classes=CLASSES),
    "pipeline": lambda x, y: fed(pipeline(x, y), shape=IMAGE, num_classes=CLASSES),
    "train_on_batch": lambda x, y: fit_data.checked_batch(x, y, SampleSpec(IMAGE, CLASSES)),
    "from_arrays": keras_gan.data.from_arrays,
    "evaluate_generator": lambda x, y: scoring._dataset((x, y), ADAPTER, 0, None),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
@pytest.mark.parametrize("door", LABEL_DOORS)
def test_bad_labels_are_refused_in_the_same_words(door, kind):
    y, rule = BAD_LABELS[kind]
    if door == "pipeline" and kind == "too few":
        return
    with pytest.raises(ValueError) as caught:
        LABEL_DOORS[door](SAMPLES, y)
    assert re.match(rf"`[\w\[\] ]+` {re.escape(rule)}", str(caught.value)), str(caught.value)


@pytest.mark.parametrize("door", LABEL_DOORS)
def test_good_labels_are_taken(door):
    LABEL_DOORS[door](SAMPLES, INDICES)


def test_warnings_point_at_the_line_of_the_user():
    far = helpers.points(16) * 1e4
    few, images = metrics.FrechetDistance(), helpers.images(16)
    few.update_state(images, images[::-1])
    with pytest.warns(UserWarning, match="Standardise") as told:
        keras_gan.recipes.mlp((2,), width=8).fit(far, batch_size=8, epochs=0, verbose=0)
    assert {warning.filename for warning in told} == {__file__}
    with pytest.warns(UserWarning, match="too few") as told:
        few.result()
    assert {warning.filename for warning in told} == {__file__}
