"""Terms against formulas in NumPy, what they read, and who learns what."""

import functools
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
import keras_gan
from keras_gan import AdaptiveWeight, schedules, terms
from keras_gan.augment import DiffAugment
from keras_gan.backend import replicas
from scenes import Scene

RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=(4, 3, 2)).astype("float32") for _ in range(2))
LOGITS = RNG.normal(size=(4, 3)).astype("float32")
FAKE_LOGITS = RNG.normal(size=(4, 3)).astype("float32")
CLASSES = np.array([2, 0, 1, 1], "int32")
OTHERS = np.array([0, 0, 2, 1], "int32")


def network():
    """Two outputs of different shapes, and another behaviour in training mode."""
    inputs = keras.Input((3, 2))
    x = layers.Dropout(0.5)(layers.Dense(4, activation="tanh")(inputs))
    return keras.Model(inputs, {"early": x, "late": layers.Dense(1)(layers.Flatten()(x))})


TERMS = {
    "l1_a_b": lambda **o: terms.L1("a", "b", **o),
    "l2_a_b": lambda **o: terms.L2("a", "b", **o),
    "perceptual_a_b": lambda **o: terms.Perceptual(network(), "a", "b", "l2", **o),
    "kl_divergence_a_b": lambda **o: terms.KLDivergence("a", "b", **o),
    "feature_matching": lambda **o: terms.FeatureMatching(of="means", distance="l2", **o),
    "feature_matching_faces": lambda **o: terms.FeatureMatching("faces", **o),
    "classification": lambda **o: terms.Classification("labels", **o),
    "classification_digit_faces": lambda **o: terms.Classification(
        fake_labels="codes", head="digit", critic="faces", **o
    ),
    "regression": lambda **o: terms.Regression("labels", player="discriminator", **o),
    "path_length_a_b": lambda **o: terms.PathLength("a", "b", decay=0.5, **o),
    "balanced_consistency": lambda **o: terms.BalancedConsistency(DiffAugment("translation"), **o),
    "latent_consistency": lambda **o: terms.LatentConsistency("a", "b", **o),
}


# === What all terms have ===


@pytest.mark.parametrize("name", TERMS)
def test_names_and_round_trip(name):
    term = TERMS[name](weight=schedules.Piecewise({0: 0.0, 9: 2.0}), every=3)
    assert term.name == name and term.every == 3
    again = terms.get(keras.saving.serialize_keras_object(term))
    assert type(again) is type(term) and again.get_config() == term.get_config()
    assert repr(again) == repr(term)
    for attribute in ("player", "reads", "critics", "needs", "differentiates"):
        assert getattr(again, attribute) == getattr(term, attribute)
    assert len(again.networks) == len(term.networks) == (name == "perceptual_a_b")
    assert len(again.variables) == len(term.variables) == (2 if term.differentiates else 0)
    assert TERMS[name](name="mine").name == "mine"
    assert terms.get(term) is term


@pytest.mark.parametrize(
    "name, reads, critics, needs",
    [
        ("l1_a_b", ("a", "b"), (), ()),
        ("perceptual_a_b", ("a", "b"), (), ()),
        ("kl_divergence_a_b", ("a", "b"), (), ()),
        ("feature_matching", (), (None,), ((None, "features"),)),
        ("feature_matching_faces", (), ("faces",), (("faces", "features"),)),
        ("classification", ("labels",), (None,), ((None, "classes"),)),
        ("classification_digit_faces", ("codes",), ("faces",), (("faces", "digit"),)),
        ("regression", ("labels",), (None,), ((None, "values"),)),
        ("path_length_a_b", ("a", "b"), (), ()),
        ("balanced_consistency", (), (None,), ()),
        ("latent_consistency", ("a", "b"), (None,), ()),
    ],
)
def test_what_is_read(name, reads, critics, needs):
    term = TERMS[name]()
    assert (term.reads, term.critics, term.needs) == (reads, critics, needs)


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


def heads(key="classes", real=LOGITS, fake=FAKE_LOGITS):
    return {"only": {"real": {key: real}, "fake": {key: fake}}.get}


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


# === Path length ===

MATRIX = RNG.normal(size=(3, 8)).astype("float32")


def linear_scene(count, shape=(8,), seed=(1, 2)):
    """Outputs that are linear in latents, on a tape."""
    latents = tf.random.stateless_normal([count, 3], [5, 6])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latents)
        outputs = tf.reshape(latents @ MATRIX, (count, *shape))
    return Scene({"z": latents, "x": outputs}, tape=tape, seed=seed)


def running(term):
    return float(term.mean.value)


@pytest.mark.parametrize("shape, pixels", [((8,), 1), ((2, 2, 2), 4)])
def test_squared_lengths_are_those_of_the_jacobian(shape, pixels):
    # With the mean at 0 the value is |J^T y|^2, whose expectation is the sum of J's squares.
    value = terms.PathLength("z", "x").value(linear_scene(20_000, shape))
    assert value.shape == (20_000,)
    expected = np.square(MATRIX).sum() / pixels
    assert np.mean(value) == pytest.approx(expected, rel=0.03)  # four standard errors


def test_latents_of_several_layers_are_averaged():
    styles = tf.ones((5, 4, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(styles)
        x = tf.reduce_sum(styles, axis=1) @ MATRIX
    several = terms.PathLength("w", "x").value(Scene({"w": styles, "x": x}, tape=tape))
    single = terms.PathLength("z", "x").value(linear_scene(5))
    np.testing.assert_allclose(several, single, rtol=1e-4)


def test_the_running_mean_follows_updates_alone():
    term = terms.PathLength("z", "x", decay=0.25)
    lengths = np.sqrt(term.value(linear_scene(16)))
    assert running(term) == 0.0
    term.after_update()
    assert running(term) == pytest.approx(0.25 * lengths.mean(), rel=1e-4)
    # An evaluation, and an update without one, change nothing.
    before = running(term)
    value = term.value(linear_scene(16))
    term.after_update(due=tf.constant(False))
    assert running(term) == before
    np.testing.assert_allclose(value, (lengths - before) ** 2, rtol=1e-3)
    term.value(linear_scene(16))
    term.after_update(due=tf.constant(True))
    assert running(term) == pytest.approx((0.25 + 0.75 * 0.25) * lengths.mean(), rel=1e-4)


def test_micro_batches_are_one_batch():
    whole, parts = terms.PathLength("z", "x"), terms.PathLength("z", "x")
    scene = linear_scene(16)
    expected = whole.value(scene)
    found = []
    for part in (0, 1):
        rows = tf.range(part, 16, 2)
        latents = tf.gather(scene["z"], rows)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(latents)
            x = latents @ MATRIX
        with replicas.micro_batch(part, 2):
            found.append(parts.value(Scene({"z": latents, "x": x}, tape=tape)))
    np.testing.assert_allclose(tf.reshape(tf.stack(found, 1), [-1]), expected, rtol=1e-5)
    for term in (whole, parts):
        term.after_update()
    assert running(parts) == pytest.approx(running(whole), rel=1e-5)
    # What a skipped update has left, such as a NaN, is gone with the next evaluation.
    parts.measured.assign(np.nan)
    parts.value(scene)
    parts.after_update()
    assert np.isfinite(running(parts))


def test_path_length_is_differentiable_where_it_is_flat():
    matrix = tf.Variable(np.zeros((3, 8), "float32"))
    latents = tf.ones((4, 3))
    with tf.GradientTape() as outer:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(latents)
            x = latents @ matrix
        value = terms.PathLength("z", "x").value(Scene({"z": latents, "x": x}, tape=tape))
    assert np.isfinite(outer.gradient(value, matrix)).all()


# === Terms of one's own ===


@keras.saving.register_keras_serializable("test_terms")
class Condition(terms.Term):
    """As the documentation shows."""

    def __init__(self, image, head="x", **options):
        super().__init__(**options)
        self.image, self.head, self.other = image, head, 3

    def value(self, scene):
        return scene[self.image]

    def get_config(self):
        return {**super().get_config(), "image": self.image, "head": self.head}


def test_a_term_of_ones_own_reads_the_names_it_was_built_with():
    term = Condition("photo", weight=2.0, player="both")
    assert term.reads == ("photo",) and term.name == "condition" and not term.differentiates
    again = terms.get(keras.saving.serialize_keras_object(term))
    assert again.get_config() == term.get_config()
    term = Condition("photo")
    term.reads = ("photo", "sketch")
    assert term.reads == ("photo", "sketch")

    class Own(terms.Term):
        """With its names in the class."""

        reads = ("a", "b")

    assert Own().reads == ("a", "b") and Own().name == "own" and list(Own().variables) == []
    with pytest.raises(NotImplementedError, match="Own must define `value"):
        Own().value(None)


# === Examples of docstrings ===


def example(documented):
    """The code in a docstring, as a `dict` of what it defines."""
    text = inspect.getdoc(documented)
    code = text.split("```python\n")[1].split("```")[0]
    defined = {"keras": keras, "keras_gan": keras_gan}
    exec(code, defined)
    return defined


def test_the_example_of_a_term():
    term = example(terms.Term)["TotalVariation"]("x", weight=0.1)
    images = np.zeros((2, 4, 4, 1), "float32")
    images[1, 2:] = 3.0  # one of three steps along the height
    np.testing.assert_allclose(term.value(Scene({"x": images})), [0.0, 1.0])
    again = terms.get(keras.saving.serialize_keras_object(term))
    assert again.reads == ("x",) and again.name == "total_variation" and again.weight == 0.1


@pytest.mark.slow
def test_the_example_of_a_perceptual_distance(monkeypatch):
    untrained = functools.partial(keras.applications.VGG19, weights=None)
    monkeypatch.setattr(keras.applications, "VGG19", untrained)
    term = example(terms.Perceptual)["term"]
    images = RNG.uniform(-1, 1, (2, 2, 64, 64, 3)).astype("float32")
    value = term.value(Scene({"photo": images[0], "painted": images[1]}))
    assert value.shape == (2,) and (value.numpy() > 0).all()


# === Errors ===


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: terms.L1("a", "a"), "different tensors"),
        (lambda: terms.L1("a", "b c"), "name of a tensor.*b='b c'"),
        (lambda: terms.L1("a", 3), "b=3"),
        (lambda: terms.L1("a", "b", weight=-1.0), "weight=-1.0"),
        (lambda: terms.L1("a", "b", weight=schedules.Piecewise({0: -1.0})), "at least 0"),
        (lambda: terms.L1("a", "b", player="generators"), "Did you mean 'generator'"),
        (lambda: terms.L1("a", "b", every=0), "every=0"),
        (lambda: terms.L1("a", "b", name=""), "`name` must be a string"),
        (lambda: terms.Perceptual(layers.Dense(2), "a", "b"), "must be a Keras model"),
        (lambda: terms.Perceptual(keras.Sequential([layers.Dense(2)]), "a", "b"), "be built"),
        (lambda: terms.Perceptual(network(), "a", "b", "l3"), "distance='l3'"),
        (lambda: terms.FeatureMatching(3), "critic=3"),
        (lambda: terms.FeatureMatching(of="mean"), "Did you mean 'means'"),
        (lambda: terms.Classification(), "give `labels`, or `fake_labels`"),
        (lambda: terms.Classification("y", fake_labels=None), "own samples"),
        (lambda: terms.Classification(player="discriminator"), "give `labels`"),
        (
            lambda: terms.Classification("y", fake_labels="z", player="discriminator"),
            "real samples alone.*player='both'",
        ),
        (lambda: terms.Regression("y", head=3), "head=3"),
        (lambda: terms.PathLength("z", "x", decay=0.0), "decay=0.0"),
        (lambda: terms.get("l1"), "must be a `keras_gan.terms.Term`.*such as L1"),
        (lambda: terms.get(terms.L1), "must be a `keras_gan.terms.Term`"),
        (lambda: AdaptiveWeight(""), "name of a layer"),
        (lambda: AdaptiveWeight("last", maximum=0.0), "maximum=0.0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# === Adaptive weights ===


def test_an_adaptive_weight_is_a_ratio_of_norms():
    weight = AdaptiveWeight("last", maximum=50.0)
    assert float(weight.value(3.0, 1.5)) == pytest.approx(3.0 / (1.5 + 1e-4))
    assert float(weight.value(tf.constant(3.0), 0.0)) == 50.0
    assert float(weight.value(0.0, 0.0)) == 0.0
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(weight))
    assert repr(again) == repr(weight) == "AdaptiveWeight('last', maximum=50.0)"
    norm = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(norm)
        value = weight.value(norm, norm)
    assert tape.gradient(value, norm) is None


# === Replicas, branches and XLA ===


class GlobalScene(Scene):
    """Means over the rows of all replicas."""

    def mean(self, values):
        return tf.distribute.get_replica_context().all_reduce("MEAN", super().mean(values))


def rows_of(number, count):
    """A scene of one of `count` replicas: its rows of sixteen."""
    latents = tf.random.stateless_normal([16, 3], [5, 6])
    latents = latents[number * 16 // count : (number + 1) * 16 // count]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latents)
        x = latents @ MATRIX
    sides = {"real": {"features": [latents, x]}, "fake": {"features": [2.0 * latents, x**2]}}
    return GlobalScene({"z": latents, "x": x}, {"only": sides.get}, tape=tape)


def test_two_replicas_are_one_batch(two_replicas):
    matching = terms.FeatureMatching(of="means")
    single = terms.PathLength("z", "x", decay=0.5)
    whole = rows_of(0, 1)
    expected = single.value(whole)
    single.after_update()
    with two_replicas.scope():
        term = terms.PathLength("z", "x", decay=0.5)

    @tf.function
    def step():
        def local():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            scene = rows_of(number, 2)
            values = term.value(scene), matching.value(scene)
            term.after_update()
            return values

        return [two_replicas.experimental_local_results(v) for v in two_replicas.run(local)]

    lengths, matched = step()
    np.testing.assert_allclose(tf.concat(lengths, 0), expected, rtol=1e-4)
    np.testing.assert_allclose(matched, [matching.value(whole)] * 2, rtol=1e-5)
    np.testing.assert_allclose(term.mean.numpy(), single.mean.numpy(), rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_terms_in_a_branch_of_a_graph(jit):
    path = terms.PathLength("z", "x", decay=1.0)
    others = [TERMS["classification"](), TERMS["perceptual_a_b"](), TERMS["kl_divergence_a_b"]()]
    tensors = {"a": A, "b": B, "labels": CLASSES}

    @tf.function(jit_compile=jit)
    def step(due):
        def evaluated():
            with tf.GradientTape(persistent=True) as tape:
                z = tf.constant(A[:, :, 0])
                tape.watch(z)
                x = z @ MATRIX
            scene = Scene({**tensors, "z": z, "x": x}, heads(), tape=tape)
            return tf.add_n([tf.reduce_mean(term.value(scene)) for term in (path, *others)])

        value = tf.cond(due, evaluated, lambda: 0.0)
        path.after_update(due)
        return value

    assert step(tf.constant(False)) == running(path) == 0.0
    assert step(tf.constant(True)) > 0.0 and running(path) > 0.0
