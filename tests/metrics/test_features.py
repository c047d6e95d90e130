"""The default feature space: fixed, seeded, and sensitive to what matters."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.metrics import KernelDistance, features
from keras_gan.metrics.gradient_histograms import GradientHistograms
from keras_gan.metrics.random_convolutions import RandomConvolutions
from keras_gan.metrics.sliced_wasserstein import sliced_wasserstein


def images(count, shape=(32, 32, 3), seed=0):
    """Smooth random images in [-1, 1]."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (count, 8, 8, shape[-1]))
    return np.asarray(tf.image.resize(coarse, shape[:2]), "float32")


@pytest.mark.parametrize("shape", [(2,), (1024,), (8, 8, 1), (28, 28, 1), (16, 4)])
def test_small_samples_stay_as_they_are(shape):
    samples = np.random.default_rng(0).normal(size=(5, *shape)).astype("float32")
    extracted = features.extractor(None, shape)(samples)
    np.testing.assert_array_equal(extracted, samples.reshape(5, -1))


@pytest.mark.parametrize(
    "shape",
    [
        *((1025,), (37, 40, 4), (600, 3), (4, 24, 24, 3), (1, 1, 2000)),
        *(pytest.param(shape, marks=pytest.mark.slow) for shape in [(32, 32, 3), (33, 65, 1)]),
    ],
)
def test_large_samples_become_fixed_vectors(shape):
    samples = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    extract = features.extractor(None, shape)
    first = extract(samples)
    assert first.shape[0] == 3 and first.shape[1] >= 60 and np.isfinite(first).all()
    np.testing.assert_allclose(tf.function(extract)(samples), first, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(features.extractor(None, shape)(samples), first)
    # Each sample by itself: its neighbours in the batch do not matter.
    np.testing.assert_allclose(extract(samples[1:2])[0], first[1], rtol=1e-4, atol=1e-5)
    batches = features.in_batches(extract, samples, batch_size=2)
    np.testing.assert_allclose(batches, first, rtol=1e-4, atol=1e-5)


def test_the_seed_decides_and_global_randomness_is_left_alone():
    shape = (4, 24, 24, 3)
    samples = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    keras.utils.set_random_seed(1)
    expected = np.random.normal()
    keras.utils.set_random_seed(1)
    first = features.extractor(None, shape, seed=0)(samples)
    assert np.random.normal() == expected
    keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(features.extractor(None, shape, seed=0)(samples), first)
    assert not np.allclose(features.extractor(None, shape, seed=1)(samples), first)


def test_the_sketch_keeps_distances():
    vectors = np.random.default_rng(0).normal(size=(200, 5000)).astype("float32")
    sketched = np.asarray(features.sketch(5000, seed=0)(vectors))
    ratios = np.linalg.norm(sketched, axis=1) / np.linalg.norm(vectors, axis=1)
    assert ratios.mean() == pytest.approx(1.0, abs=0.01) and ratios.std() < 0.05


@pytest.mark.parametrize("of", [GradientHistograms, RandomConvolutions])
def test_worse_images_are_farther_away(of):
    extract = of((32, 32, 3))
    random = np.random.default_rng(1)
    real, other = extract(images(300)), images(300, seed=1)

    def distance(fake):
        return sliced_wasserstein(real, extract(fake.astype("float32")))

    floor = distance(other)
    blurred = np.asarray(tf.image.resize(tf.image.resize(other, (4, 4)), (32, 32)))
    noisy = [distance(other + random.normal(0, std, other.shape)) for std in (0.3, 0.6)]
    repeated = np.repeat(other[:6], 50, axis=0)
    mirrored = np.concatenate([other[:, :16], other[:, :16]], axis=1)
    assert floor < noisy[0] < noisy[1]
    for worse in (noisy[0], distance(blurred), distance(repeated), distance(0.5 * other)):
        assert worse > 1.5 * floor
    assert distance(mirrored) > floor


def test_a_ramp_of_grey_has_one_direction():
    """Worked out by hand: a slope of 1/16 to the right, doubled on each level of the pyramid."""
    ramp = np.broadcast_to(np.arange(64) / 16.0, (1, 64, 64))[..., None].astype("float32")
    found = np.asarray(GradientHistograms((64, 64, 1))(ramp))[0]
    left, right = 15.5 / 16, 47.5 / 16
    np.testing.assert_allclose(found[:4], [left, right, left, right], rtol=1e-6)
    # To the right, down and right, down, down and left; then the opposite directions.
    share = np.array([1.0, np.sqrt(0.5), 0.0, 0.0, 0.0, 0.0, 0.0, np.sqrt(0.5)])
    for level, values in enumerate(found[4:].reshape(5, 12)):
        width, slope = 64 / 2**level, 2**level / 16
        # The first and the last column have half of a slope.
        size, square = slope * (width - 1) / width, slope**2 * (width - 1.5) / width
        np.testing.assert_allclose(values[:8], np.sqrt(size * share + 1e-3), rtol=1e-5)
        expected = (square * np.array([1.0, 0.5, 0.0, 0.5]) + 1e-6) ** 0.25
        np.testing.assert_allclose(values[8:], expected, rtol=1e-5)


def test_luminance_has_directions_and_grey_has_no_colour():
    random = np.random.default_rng(0)
    grey = np.repeat(random.uniform(-1, 1, (1, 40, 40, 1)), 3, axis=-1)
    embed = GradientHistograms((40, 40, 3))
    found, mirrored = (
        np.asarray(embed(x))[0, 12:].reshape(-1, 20)[:3] for x in (grey, grey[:, :, ::-1])
    )
    np.testing.assert_allclose(found[:, [8, 9, 10, 11]], np.sqrt(1e-3), rtol=1e-3)
    turned = [4, 3, 2, 1, 0, 7, 6, 5, 8, 9, 10, 11, 12, 15, 14, 13, 16, 17, 18, 19]
    np.testing.assert_allclose(found, mirrored[:, turned], rtol=1e-4)


def test_a_tint_is_seen_where_it_is():
    random = np.random.default_rng(0)
    image = random.uniform(-1, 1, (1, 40, 40, 3)).astype("float32")
    tinted = image.copy()
    tinted[:, :20, :20, 0] += 0.25
    embed = GradientHistograms((40, 40, 3))
    moved = np.asarray(embed(tinted) - embed(image))[0]
    np.testing.assert_allclose(moved[:12], [0.25, *[0.0] * 11], atol=1e-6)


def test_what_is_given_is_used():
    samples = images(2, (8, 8, 1))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    extracted = features.extractor(model, (8, 8, 1))(samples)
    np.testing.assert_allclose(extracted, np.reshape(model(samples), (2, -1)))
    with pytest.raises(ValueError, match="`features` must be.*Received"):
        features.extractor("vgg", (8, 8, 1))
    with pytest.raises(ValueError, match="known sizes.*Pass `features`"):
        features.extractor(None, (None, None, 3))


def of(outputs, dtype="float32"):
    """A model whose outputs are made by a function of its flattened input of 8x8 pixels."""
    image = keras.Input((8, 8, 1), dtype=dtype)
    flat = keras.layers.Flatten()(keras.layers.Rescaling(0.5)(image))
    return keras.Model(image, outputs(flat))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: of(lambda x: [x, x]), "outputs=[(1, 64), (1, 64)]"),
        (lambda: of(lambda x: {"a": x, "b": x[:, :3]}), "outputs=[(1, 64), (1, 3)]"),
        (lambda: lambda x: None, "one tensor of real numbers"),
        (lambda: tf.reduce_mean, "shape=(), samples=1"),
        (lambda: lambda x: tf.reshape(x, (-1, 32)), "shape=(2, 32), samples=1"),
        (lambda: lambda x: tf.cast(x, "complex64"), "dtype='complex64'"),
        (lambda: lambda x: tf.fill((tf.shape(x)[0], 2), "a"), "dtype='string'"),
        (lambda: of(lambda x: x, "uint8"), "dtypes=['uint8']"),
    ],
)
def test_features_that_are_not_one_row_for_each_sample_are_refused(given, words):
    with pytest.raises(ValueError) as error:
        KernelDistance(features=given()).build((8, 8, 1))
    assert words in str(error.value) and "`features`" in str(error.value)


def test_a_list_of_one_output_and_whole_numbers_are_features():
    for given in (of(lambda x: [x]), lambda x: tf.cast(x * 9.0, "int32"), lambda x: np.array(x)):
        assert features.extractor(given, (8, 8, 1))(tf.ones((3, 8, 8, 1))).shape == (3, 64)
