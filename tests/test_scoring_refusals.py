"""What an evaluation of a generator refuses before anything is computed."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import _registry
from keras_gan.evaluation.scoring import evaluate_generator
from keras_gan.metrics import FrechetDistance, SlicedWasserstein
from scored import Recorder, compared, identity, points

# === What is refused ===


def images_in(low, high, count=70):
    values = np.random.default_rng(0).uniform(low, high, (count, 8, 8, 1))
    return values.astype("float32")


def generator_in(low, high):
    """A generator of images of that range."""

    def generator(latents):
        latents = tf.reshape(tf.sigmoid(4 * latents), (-1, 8, 8, 1))
        return latents * (high - low) + low

    return generator


@pytest.mark.parametrize(
    ("generator", "real", "told"),
    [
        ((-1, 1), images_in(0, 1), r"real=\(0\.0\d*, 1\.0\).*Use `real \* 2 - 1`"),
        ((0, 1), images_in(-1, 1), r"generated=\(.*Use `lambda latents: generator"),
        ((0, 1), helpers.images(70), r"generated=\(.*Use `lambda latents: generator"),
        ((0, 255), helpers.images(70), r"generated=\(.*, 2\d\d"),
        ((-1, 1), images_in(0, 255), "minimum=.*maximum=25.*127.5"),
    ],
)
def test_ranges_that_do_not_fit(generator, real, told):
    recorder = Recorder()
    with pytest.raises(ValueError, match=told):
        evaluate_generator(generator_in(*generator), real, recorder, latent_dim=64)
    assert not recorder.pairs


@pytest.mark.parametrize(
    ("generator", "real"),
    [
        ((0, 1), images_in(0, 1)),  # of one range, though not of ours
        ((0.7, 0.7), images_in(-1, 1)),  # collapsed
        ((0.0, 0.0), images_in(-1, 1)),
        ((-3, 3), images_in(-1, 1)),  # a linear end
        ((-1, 1), images_in(0.3, 1)),
    ],
)
def test_ranges_that_a_bad_generator_may_have(generator, real):
    assert len(compared(generator_in(*generator), real, latent_dim=64)[1]) == 70


def test_vectors_may_have_any_range():
    assert len(compared(identity, np.abs(points()), latent_dim=2)[1]) == 200


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("batch", [0, 2])
def test_samples_that_are_not_finite(bad, batch):
    calls = []

    def generator(latents):
        values = np.array(latents)
        if len(calls) == batch:
            values[[1, 3], 1] = bad
        calls.append(1)
        return values

    recorder = Recorder()
    with pytest.raises(ValueError, match="finite samples, but 2 of 64 hold NaN"):
        evaluate_generator(generator, points(), recorder, latent_dim=2)
    assert len(recorder.pairs) == batch


def with_nan():
    values = points()
    values[150, 1] = np.nan
    return values


def images_of(latents):
    return tf.reshape(tf.tanh(latents), (-1, 8, 8, 1))


def data_set(real):
    return tf.data.Dataset.from_tensor_slices(real).batch(16)


COLOURS = helpers.images(32, (8, 8, 3))
OTHER_SHAPES = {
    "no channel axis": (helpers.images(32)[..., 0], "Add the channel axis: `real["),
    "no channel axis in a data set": (
        data_set(helpers.images(32)[..., 0]),
        "Add the channel axis: `real.map(",
    ),
    "an axis too many": (helpers.images(32)[..., None], "Leave out the last axis: `"),
    "colours": (COLOURS, "Use `tf.image.rgb_to_grayscale("),
    "colours in a data set": (data_set(COLOURS), "Use `real.map("),
    "another size": (helpers.images(32)[:, :6], "Use `keras.ops.image.resize("),
    "flat": (helpers.images(32).reshape(32, 64) / np.float32(127.5) - 1, "Use `real.reshape("),
    "single images": (
        tf.data.Dataset.from_tensor_slices(helpers.images(32)),
        "Add the batch axis: `",
    ),
    "single labelled images": (
        tf.data.Dataset.from_tensor_slices((helpers.images(32), np.zeros(32, int))),
        "Use `real.batch(",
    ),
}


@pytest.mark.parametrize("kind", OTHER_SHAPES)
def test_reals_of_another_shape_are_refused_with_code_that_mends_them(kind):
    real, cure = OTHER_SHAPES[kind]
    with pytest.raises(ValueError) as caught:
        compared(images_of, real, latent_dim=64)
    text = str(caught.value)
    assert cure in text and "`generator` must" not in text, text
    names = {"real": real, "tf": tf, "keras": keras, "np": np, "batch_size": 16}
    code = re.search("`([^`]*)`", text[text.index(cure) :])[1]
    assert len(compared(images_of, eval(code, names), latent_dim=64)[1]) == 32


LABELLED = tf.data.Dataset.from_tensor_slices(points()).batch(20)
REFUSED = {
    "shape of a sample": (
        {"real": helpers.points()[:, :1]},
        r"`real` must have the shape \(batch, 2\), which `generator` makes.*shape=\(64, 1\)",
    ),
    "rank": ({"real": helpers.images()}, r"shape=\(32, 8, 8, 1\)"),
    "number": ({"generator": lambda latents: latents[:9]}, r"one sample for each latent.*\(9, 2\)"),
    "not batched": (
        {"real": tf.data.Dataset.from_tensor_slices(points())},
        r"shape=\(2,\). Add the batch axis: `real\.batch\(batch_size\)`",
    ),
    "one vector": ({"real": np.zeros(5)}, "at least one more"),
    "empty": ({"real": np.zeros((0, 2))}, "must not be empty"),
    "empty pipeline": ({"real": LABELLED.take(0)}, "must not be empty"),
    "emptied pipeline": ({"real": LABELLED.filter(lambda x: False)}, "must not be empty"),
    "not finite": ({"real": with_nan()}, "`real` must be finite, but 1 of 200"),
    "not finite in a pipeline": (
        {"real": tf.data.Dataset.from_tensor_slices(with_nan()).batch(200)},
        "`real` must be finite",
    ),
    "no samples": ({"real": None}, "`real` must be an array"),
    "a path": ({"real": "images"}, "`real` must be an array"),
    "pipeline of dicts": ({"real": LABELLED.map(lambda x: {"x": x})}, "must yield batches"),
    "too few": ({"num_samples": 201}, "num_reals=200, num_samples=201"),
    "too few for floors": (
        {"num_samples": 101, "floors": True},
        "twice as many for the floors.*num_reals=200, num_samples=101",
    ),
    "one for floors": ({"real": points(1), "floors": True}, "num_reals=0"),
    "too few in a pipeline": ({"real": LABELLED, "num_samples": 201}, "num_reals=200"),
    "without an end": ({"real": LABELLED.repeat()}, "Give `num_samples=`"),
    "floors of a pipeline": ({"real": LABELLED, "floors": True}, "Give `num_samples=`"),
    "one sample": (
        {"real": points(1), "metrics": "fid"},
        "`fid` compares at least 2 samples.*Give at least 2 reals.*",
    ),
    "three samples": (
        {"num_samples": 3, "metrics": "precision_recall"},
        "compares at least 4 samples.*num_samples=3",
    ),
    "one sample in a pipeline": (
        {"real": LABELLED.unbatch().batch(1).take(1), "metrics": "fid"},
        "compares at least 2 samples.*num_samples=1",
    ),
    "complex samples": (
        {"generator": lambda latents: tf.complex(latents, latents)},
        "`generator` must make real numbers.*`lambda latents: tf.math.real",
    ),
    "no number": ({"num_samples": 0}, "`num_samples` must be a positive integer"),
    "seed": ({"seed": -1}, "`seed` must be a non-negative"),
    "large seed": ({"seed": 2**63}, "below"),
    "floors": ({"floors": 1}, "`floors` must be True or False"),
    "no metric": ({"metrics": []}, "There must be a metric"),
    "unknown metric": ({"metrics": "sliced_waserstein"}, "Did you mean 'sliced_wasserstein'"),
    "a class": ({"metrics": SlicedWasserstein}, r"Create one: `SlicedWasserstein\("),
    "not a metric": ({"metrics": [len]}, "keras.metrics.Metric"),
    "two of a name": ({"metrics": ["sliced_wasserstein"] * 2}, "names must differ"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    changed, told = REFUSED[case]
    usual = {"generator": identity, "real": points(), "metrics": Recorder(), "latent_dim": 2}
    with pytest.raises(ValueError, match=re.compile(told, re.DOTALL)):
        evaluate_generator(**{**usual, **changed})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (helpers.points(150), "told which classes"),
        ((helpers.points(150), np.full(150, -1)), "class indices from 0"),
        ((helpers.points(150), np.zeros(150)), "must be integers"),
        ((helpers.points(150), np.zeros(149, int)), r"for each.*shape=\(149,\), num_samples=150"),
    ],
)
def test_labels_that_do_not_fit(given, told):
    generator = helpers.generator(num_classes=3)
    with pytest.raises(ValueError, match=told):
        evaluate_generator(generator, given, Recorder())


def test_labels_beyond_the_classes():
    with pytest.raises(ValueError, match="class indices from 0 to 2"):
        real = helpers.points(10), np.arange(10) % 4
        evaluate_generator(helpers.gan(num_classes=3), real, Recorder())


# Without the two short names, which stand for others of these.
@pytest.mark.parametrize("name", sorted({*_registry.METRICS} - {"fid", "kid"}))
def test_every_metric_that_needs_no_argument_has_its_name(name):
    result = evaluate_generator(identity, points(), name, latent_dim=2)
    assert all(key.startswith(name) and np.isfinite(value) for key, value in result.items())
    assert len(result) == len(_registry.METRICS[name]().result_keys or [None])


def test_a_metric_with_a_reference_keeps_it():
    metric = FrechetDistance()
    metric.set_reference(points() + 3)
    far = evaluate_generator(identity, points(), metric, floors=True, latent_dim=2)
    assert far["frechet_distance"] == pytest.approx(18, rel=0.2)
    assert metric.description()["reference"]
    assert metric.description()["fake_samples"] == 100
