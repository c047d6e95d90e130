"""Terms: their names and configs, what they read, and what they refuse."""

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
from scenes import Scene
from term_table import TERMS, network

# === What all terms have ===


def config(term):
    """Its config, with an augmentation in it as a config, too."""
    known = term.get_config()
    serialized = keras.saving.serialize_keras_object
    return {k: v if isinstance(v, dict) else serialized(v) for k, v in known.items()}


@pytest.mark.parametrize("name", TERMS)
def test_names_and_round_trip(name):
    term = TERMS[name](weight=schedules.Piecewise({0: 0.0, 9: 2.0}), every=3)
    assert term.name == name and term.every == 3
    again = terms.get(keras.saving.serialize_keras_object(term))
    assert type(again) is type(term) and config(again) == config(term)
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
        ("balanced_consistency", (), (None,), ((None, "logits"),)),
        ("clustering_code_faces", (), ("faces",), (("faces", "code"),)),
        ("latent_consistency", ("a", "b"), (None,), ((None, "logits"),)),
    ],
)
def test_what_is_read(name, reads, critics, needs):
    term = TERMS[name]()
    assert (term.reads, term.critics, term.needs) == (reads, critics, needs)


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
    images = np.random.default_rng(0).uniform(-1, 1, (2, 2, 64, 64, 3)).astype("float32")
    value = term.value(Scene({"photo": images[0], "painted": images[1]}))
    assert value.shape == (2,) and (value.numpy() > 0).all()


# === Errors ===


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: terms.L1("a", "a"), "different tensors"),
        (lambda: terms.LatentConsistency("a", "a"), "`made` and `near` must be different tensors"),
        (lambda: terms.KLDivergence("a", "a"), "`mean` and `log_variance` must be different"),
        (lambda: terms.PathLength("a", "a"), "`latents` and `output` must be different tensors"),
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


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([(3,)], r"take what it compares, but `generated`.*\(2,\), network_takes=\(3,\).*`keras"),
        ([(2,), (2,)], r"must take one tensor. Received: inputs=\[\(2,\), \(2,\)\]"),
        ([(None,)], None),
        ([(2, 1)], None),  # Keras adds the axis
    ],
)
def test_the_network_of_a_term_must_take_what_it_compares(inputs, message):
    inputs = [keras.Input(shape) for shape in inputs]
    fixed = keras.Model(inputs[0] if inputs[1:] == [] else inputs, inputs[0] * 2.0)
    critic = keras_gan.Critic(helpers.discriminator(), real="row", fake="generated")
    model = keras_gan.AdversarialModel(helpers.generator(), critic, priors={"latents": "normal"})
    settings = {"terms": [terms.Perceptual(fixed, "row", "generated")]}
    if message is None:
        model.compile(**settings)
    else:
        with pytest.raises(ValueError, match=f"network of term 'perceptual_row_gen.*{message}"):
            model.compile(**settings)
