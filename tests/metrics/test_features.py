"""The default feature space: fixed, seeded, and sensitive to what matters."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.metrics import features
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
    "shape", [(1025,), (32, 32, 3), (33, 65, 1), (600, 3), (4, 24, 24, 3), (1, 1, 2000)]
)
def test_large_samples_become_fixed_vectors(shape):
    samples = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    extract = features.extractor(None, shape)
    first = extract(samples)
    assert first.shape[0] == 3 and first.shape[1] >= 100 and np.isfinite(first).all()
    np.testing.assert_allclose(tf.function(extract)(samples), first, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(features.extractor(None, shape)(samples), first)
    # Each sample by itself: its neighbours in the batch do not matter.
    np.testing.assert_allclose(extract(samples[1:2])[0], first[1], rtol=1e-4, atol=1e-5)
    batches = features.in_batches(extract, samples, batch_size=2)
    np.testing.assert_allclose(batches, first, rtol=1e-4, atol=1e-5)


def test_the_seed_decides_and_global_randomness_is_left_alone():
    samples = images(2)
    keras.utils.set_random_seed(1)
    expected = np.random.normal()
    keras.utils.set_random_seed(1)
    first = features.extractor(None, (32, 32, 3), seed=0)(samples)
    assert np.random.normal() == expected
    keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(features.extractor(None, (32, 32, 3), seed=0)(samples), first)
    assert not np.allclose(features.extractor(None, (32, 32, 3), seed=1)(samples), first)


def test_the_sketch_keeps_distances():
    vectors = np.random.default_rng(0).normal(size=(200, 5000)).astype("float32")
    sketched = np.asarray(features.sketch(5000, seed=0)(vectors))
    ratios = np.linalg.norm(sketched, axis=1) / np.linalg.norm(vectors, axis=1)
    assert ratios.mean() == pytest.approx(1.0, abs=0.01) and ratios.std() < 0.05


def test_convolutions_see_worse_images():
    extract = features.extractor(None, (32, 32, 3))
    random = np.random.default_rng(1)
    real, other = images(300), images(300, seed=1)

    def distance(fake):
        return sliced_wasserstein(extract(real), extract(fake.astype("float32")))

    floor = distance(other)
    blurred = np.asarray(tf.image.resize(tf.image.resize(other, (4, 4)), (32, 32)))
    noisy = [distance(other + random.normal(0, std, other.shape)) for std in (0.3, 0.6)]
    repeated = np.repeat(other[:6], 50, axis=0)
    mirrored = np.concatenate([other[:, :16], other[:, :16]], axis=1)
    assert floor < noisy[0] < noisy[1]
    for worse in (noisy[0], distance(blurred), distance(repeated), distance(0.5 * other)):
        assert worse > 1.5 * floor
    assert distance(mirrored) > floor


def test_what_is_given_is_used():
    samples = images(2, (8, 8, 1))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    extracted = features.extractor(model, (8, 8, 1))(samples)
    np.testing.assert_allclose(extracted, np.reshape(model(samples), (2, -1)))
    with pytest.raises(ValueError, match="`features` must be.*Received"):
        features.extractor("vgg", (8, 8, 1))
    with pytest.raises(ValueError, match="known sizes.*Pass `features`"):
        features.extractor(None, (None, None, 3))
