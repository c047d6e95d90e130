"""Values of terms against formulas in NumPy, and who learns what."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import terms
from scenes import Scene
from term_table import CLASSES, FAKE_LOGITS, LOGITS, OTHERS, TERMS, A, B, heads, network

RNG = np.random.default_rng(0)


# === Distances ===


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_distances_are_means_over_a_sample(dtype):
    scene = Scene({"a": tf.cast(A, dtype), "b": tf.cast(B, dtype)})
    a, b = (np.asarray(scene[name], "float64") for name in "ab")
    for term, expected in ((TERMS["l1_a_b"](), np.abs(a - b)), (TERMS["l2_a_b"](), (a - b) ** 2)):
        value = term.value(scene)
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, expected.mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_perceptual_averages_the_outputs_of_a_fixed_network(kind):
    fixed, scene = network(), Scene({"a": A, "b": B})
    before = helpers.values(fixed.variables)
    value = terms.Perceptual(fixed, "a", "b", distance=kind).value(scene)
    ours, theirs = (fixed(x) for x in (A, B))
    power = {"l1": 1, "l2": 2}[kind]
    differences = [np.abs(ours[key] - theirs[key]) ** power for key in ours]
    expected = sum(d.reshape(4, -1).mean(axis=1) for d in differences) / 2
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert helpers.same(before, helpers.values(fixed.variables))


def test_gradients_reach_both_tensors():
    with tf.GradientTape() as tape:
        a, b = tf.constant(A), tf.constant(B)
        tape.watch([a, b])
        value = TERMS["perceptual_a_b"]().value(Scene({"a": a, "b": b}))
    assert all(np.abs(g).max() > 0 for g in tape.gradient(value, [a, b]))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 1, 2)])
def test_shapes_that_would_broadcast_are_refused(shape):
    with pytest.raises(ValueError, match="must have one shape.*'a', 'b'"):
        TERMS["l1_a_b"]().value(Scene({"a": A, "b": np.zeros(shape, "float32")}))


def test_kl_divergence_is_that_of_normals():
    mean, log_variance = A, 0.3 * B
    value = terms.KLDivergence("m", "v").value(Scene({"m": mean, "v": log_variance}))
    samples = np.random.default_rng(1).normal(size=(100_000, 1, 1, 1)).astype("float32")
    x = mean + np.exp(0.5 * log_variance) * samples
    ratio = 0.5 * (x**2 - samples**2 - log_variance)  # log q(x) - log p(x)
    np.testing.assert_allclose(value, ratio.sum(axis=(2, 3)).mean(axis=0), rtol=0.02)
    np.testing.assert_array_equal(
        terms.KLDivergence("m", "v").value(Scene({"m": 0 * A, "v": 0 * A})), np.zeros(4)
    )


# === Features of critics ===


def features(scale=1.0):
    """Two features of different shapes for either side."""
    sides = {"real": (A, LOGITS), "fake": (scale * B, FAKE_LOGITS)}
    return lambda side: {"logits": None, "features": [sides[side][0], {"x": sides[side][1]}]}


@pytest.mark.parametrize("kind", ["l1", "l2"])
@pytest.mark.parametrize("of", ["samples", "means"])
def test_features_match(kind, of):
    term = terms.FeatureMatching(distance=kind, of=of)
    value = term.value(Scene({}, {"only": features()}))
    expected = []
    for real, fake in ((A, B), (LOGITS, FAKE_LOGITS)):
        if of == "means":
            real, fake = real.mean(axis=0, keepdims=True), fake.mean(axis=0, keepdims=True)
        difference = np.abs(real - fake) ** {"l1": 1, "l2": 2}[kind]
        expected.append(difference.reshape(len(difference), -1).mean(axis=1))
    expected = np.mean(expected, axis=0)
    assert value.shape == (() if of == "means" else (4,))
    np.testing.assert_allclose(value, expected[0] if of == "means" else expected, rtol=1e-5)


@pytest.mark.parametrize("of", ["samples", "means"])
def test_real_features_are_constants(of):
    real, fake = tf.constant(A), tf.constant(B)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        sides = {"real": {"features": real}, "fake": {"features": fake}}
        term = terms.FeatureMatching("judge", of=of)
        value = term.value(Scene({}, {"other": None, "judge": sides.get}))
    of_real, of_fake = tape.gradient(value, [real, fake])
    assert of_real is None and np.abs(of_fake).max() > 0


# === Heads ===


def cross_entropy(labels, logits):
    log_total = np.log(np.exp(logits).sum(axis=1))
    return log_total - logits[np.arange(len(labels)), labels]


OF_REAL, OF_FAKE = cross_entropy(CLASSES, LOGITS), cross_entropy(CLASSES, FAKE_LOGITS)
OF_OTHERS = cross_entropy(OTHERS, FAKE_LOGITS)


@pytest.mark.parametrize(
    "options, of_critics, of_generator",
    [
        ({"labels": "y"}, OF_REAL + OF_FAKE, OF_FAKE),
        ({"labels": "y", "fake_labels": "z"}, OF_REAL + OF_OTHERS, OF_OTHERS),
        ({"fake_labels": "z"}, OF_OTHERS, OF_OTHERS),
        ({"labels": "y", "player": "discriminator"}, OF_REAL, None),
        ({"labels": "y", "player": "generator"}, None, OF_FAKE),
    ],
)
def test_who_learns_which_labels_of_whom(options, of_critics, of_generator):
    term = terms.Classification(**options)
    for player, expected in (("discriminator", of_critics), ("generator", of_generator)):
        if expected is not None:
            tensors = {name: {"y": CLASSES, "z": OTHERS}[name] for name in term.reads}
            scene = Scene(tensors, heads(), player=player)
            np.testing.assert_allclose(term.value(scene), expected, rtol=1e-5)


def test_the_mean_is_over_known_labels():
    term = terms.Classification("y", player="discriminator")
    some = Scene({"y": [2, -1, 1, -1]}, heads(), player="discriminator")
    value = term.value(some)
    assert value.shape == (4,) and value[1] == value[3] == 0.0
    assert np.mean(value) == pytest.approx(OF_REAL[[0, 2]].mean(), rel=1e-5)
    none = Scene({"y": [-1] * 4}, heads(), player="discriminator")
    np.testing.assert_array_equal(term.value(none), np.zeros(4))


def test_the_share_of_known_labels_is_that_of_the_whole_batch():
    class Part(Scene):
        """The first rows of a batch with no further labels."""

        def fraction(self, name, predicate):
            return super().fraction(name, predicate) / 2.0

    term = terms.Classification("y", player="discriminator")
    value = term.value(Part({"y": [2, -1, 1, -1]}, heads(), player="discriminator"))
    assert np.mean(value) / 2 == pytest.approx(OF_REAL[[0, 2]].mean(), rel=1e-5)


def test_multi_hot_labels():
    labels = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [-1, 1, -1]], "float32")
    term = terms.Classification("y", player="discriminator")
    value = term.value(Scene({"y": labels}, heads(), player="discriminator"))
    each = np.logaddexp(0.0, LOGITS) - labels * LOGITS
    known = labels >= 0
    assert np.mean(value) == pytest.approx(each[known].mean(), rel=1e-5)
    np.testing.assert_allclose(value * known.mean(), (each * known).mean(axis=1), rtol=1e-5)


def test_a_class_at_each_place():
    logits = RNG.normal(size=(2, 5, 3)).astype("float32")
    labels = np.array([[0, 1, 2, -1, 1], [2, 2, -1, -1, 0]], "int64")
    term = terms.Classification("y", player="discriminator")
    scene = Scene({"y": labels}, heads(real=logits), player="discriminator")
    expected = cross_entropy(labels[labels >= 0], logits[labels >= 0]).mean()
    assert np.mean(term.value(scene)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros((4, 1), "int32"), "a value for each class.*shape \\(batch,\\)"),
        (np.zeros((4, 1, 1), "int32"), "must be indices, of one axis less"),
    ],
)
def test_labels_of_other_shapes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        terms.Classification("y").value(Scene({"y": labels}, heads()))


@pytest.mark.parametrize("shape", [(4, 3), (4,)])
def test_regression(shape):
    codes = RNG.normal(size=shape).astype("float32")
    predicted = LOGITS if shape == (4, 3) else LOGITS[:, :1]
    term = terms.Regression(fake_labels="code", head="code")
    value = term.value(Scene({"code": codes}, heads("code", fake=predicted)))
    squares = (codes.reshape(predicted.shape) - predicted) ** 2
    np.testing.assert_allclose(value, squares.mean(axis=1), rtol=1e-5)


def test_a_network_of_whole_numbers_would_see_no_difference_and_is_refused():
    pixels = keras.Input((4,), dtype="uint8")
    network = keras.Model(pixels, keras.layers.Rescaling(1.0 / 255.0)(pixels))
    with pytest.raises(ValueError, match="an input of floats"):
        terms.Perceptual(network, "a", "b")
