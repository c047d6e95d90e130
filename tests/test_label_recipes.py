"""Recipes with labels and codes: what reaches which network, and what their figures are made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import recipe_games
from keras_gan import AdversarialModel, Critic, augment, layers, losses, priors, recipes, terms
from keras_gan.recipes import anomaly

SHAPE, SMALL = recipe_games.SHAPE, recipe_games.OF_CODES


@pytest.fixture(scope="module")
def bigan():
    keras.utils.set_random_seed(0)
    return recipes.bigan(SHAPE, **SMALL)


@pytest.fixture(scope="module")
def infogan():
    keras.utils.set_random_seed(0)
    return recipes.infogan(SHAPE, categories=3, **SMALL)


# === Games ===


def test_what_acgan_is_made_of():
    model = recipes.acgan(SHAPE, 3, class_weight=0.5, gamma=0.2, **SMALL)
    assert type(model.adversarial_loss) is losses.RelativisticPaired
    assert [penalty.weight for penalty in model.regularizers] == [0.2, 0.2]
    (term,) = model.terms
    assert (type(term), term.labels, term.weight) == (terms.Classification, "labels", 0.5)
    assert term.player == "both" and model.num_classes == 3


def classes_game(player):
    """A generator and a critic that names classes, of rows of two numbers."""
    latents, labels = keras.Input((2,), name="latents"), keras.Input((), dtype="int32", name="kind")
    made = keras.layers.Dense(2)(latents + keras.layers.Embedding(3, 2)(labels))
    row = keras.Input((2,))
    heads = {"logits": keras.layers.Dense(1)(row), "classes": keras.layers.Dense(3)(row)}
    model = AdversarialModel(
        keras.Model({"latents": latents, "kind": labels}, {"generated": made}),
        Critic(keras.Model(row, heads), real="row", fake="generated"),
        priors={"latents": "normal", "kind": priors.Categorical(3)},
    )
    name = "kind" if player == "both" else "given"
    model.compile(terms=[terms.Classification(name, player=player)])
    return model


def test_labels_that_a_head_learns_must_be_in_the_data_although_they_have_a_prior():
    model, rows = classes_game("both"), np.zeros((6, 2), "float32")
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"reads: kind, row.*missing=\['kind'\]"):
            call({"row": rows})
    with pytest.raises(ValueError, match="Rename 'kinds' if it is 'kind'"):
        model.fit({"row": rows, "kinds": [0, 1, 2] * 2})
    assert model.generate(2).shape == (2, 2)  # classes are drawn


def test_the_head_of_a_classifier_says_how_many_classes_there_are():
    model, rows = classes_game("discriminator"), np.zeros((6, 2), "float32")
    with pytest.raises(ValueError, match=r"x\['given'\].*from 0 to 2, or -1.*num_classes=5"):
        model.fit({"row": rows, "given": [0, 1, 2, 3, 4, -1]})


def test_the_generator_of_acgan_alone_may_take_classes_by_its_norms():
    model = recipes.acgan(SHAPE, 3, conditional_norm=True, **SMALL)
    kinds = {type(layer) for layer in model.generator.layers}
    assert layers.ConditionalAffine in kinds and len(model.critics[0].network.inputs) == 1


def test_codes_of_infogan_change_its_samples_and_are_learned_on_generated_ones_alone(infogan):
    given = {"latents": np.ones((1, 4), "float32"), "style": np.zeros((1, 2), "float32")}
    by_code = infogan.generate(inputs={**given, "code": [0, 1, 2]})
    assert len(np.unique(by_code.round(5), axis=0)) == 3
    styles = np.array([[-1, 0], [1, 0], [0, 1]], "float32")
    by_style = infogan.generate(inputs={**given, "code": 0, "style": styles})
    assert len(np.unique(by_style.round(5), axis=0)) == 3
    code, clusters, style = infogan.terms
    assert [(t.labels, t.fake_labels, t.weight) for t in (code, style)] == [
        (None, "code", 1.0),
        (None, "style", 0.1),
    ]
    assert (clusters.head, clusters.player, clusters.weight) == ("code", "discriminator", 3.0)


def test_infogan_without_styles_has_a_category_alone():
    model = recipes.infogan(SHAPE, categories=3, styles=0, cluster_weight=0, **SMALL)
    assert set(model.priors) == {"latents", "code"} and len(model.terms) == 1


def test_infogan_takes_the_changes_that_categories_shall_not_see():
    changes = augment.Affine(turn=0.0)
    model = recipes.infogan(SHAPE, categories=3, augmentation=changes, **SMALL)
    assert model.terms[1].augmentation is changes


def test_codes_and_styles_are_read_from_one_hidden_layer(infogan):
    network = infogan.critics[0].network
    hidden = network.get_layer("infogan_hidden_activation").output
    heads = [network.get_layer(f"discriminator_{name}").input for name in ("code", "style")]
    assert all(given is hidden for given in heads) and hidden.shape == (None, 128)
    assert network.get_layer("discriminator_score").input is not hidden
    assert set(network.output) == {"logits", "features", "code", "style"}


def test_the_logit_of_a_classifying_discriminator_leaves_one_class_to_samples():
    model = recipes.semi_supervised(SHAPE, 3, **SMALL)
    found = model.score({"image": recipe_games.images(5)}, critic="critic")
    of_classes = np.exp(found["classes"].astype("float64"))
    real = of_classes.sum(-1) / (of_classes.sum(-1) + 1.0)  # the last class has the logit 0
    np.testing.assert_allclose(1 / (1 + np.exp(-found["logits"][:, 0])), real, rtol=1e-4)
    network, same = (critic.network for critic in model.critics)
    assert network is same and model.critics[0].weight == 0.0


def gradients(model, output):
    """Of the sum of an output, by the encoder's and by the decoder's weights, as flat vectors."""
    inputs = {
        "image": tf.constant(recipe_games.images(4) / 127.5 - 1.0, "float32"),
        "noise": tf.constant(np.random.default_rng(0).normal(size=(4, 4)), "float32"),
    }
    parts = [model.generator.get_layer(name) for name in ("encoder", "generator")]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model.generator(inputs)[output])
    found = tape.gradient(total, [part.trainable_variables for part in parts])
    return [
        np.concatenate([np.zeros(1), *(np.ravel(g) for g in part if g is not None)])
        for part in found
    ]


def test_what_reaches_the_encoder_of_a_vae_gan():
    def made(weight):
        keras.utils.set_random_seed(0)
        return recipes.vae_gan(SHAPE, likeness_weight=weight, **SMALL)

    model, light = made(1.0), made(0.1)
    encoder, decoder = gradients(model, "decoded")
    of_light, decoder_of_light = gradients(light, "decoded")
    assert np.abs(encoder).max() > 0.0
    # The decoder's loss has the weight, the encoder's has not.
    np.testing.assert_allclose(0.1 * of_light, encoder, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(decoder_of_light, decoder, rtol=1e-4, atol=1e-5)
    adversarial, of_decoder = gradients(model, "judged")
    assert np.abs(adversarial).max() == 0.0 and np.abs(of_decoder).max() > 0.0
    features = model.critics[0].network.output["features"].shape[-1]
    assert [term.weight for term in light.terms] == [0.1, 2.0 / features]


def test_bigan_without_reconstructions_is_the_papers_game(bigan):
    assert [type(term) for term in bigan.terms] == [terms.L1]
    assert recipes.bigan(SHAPE, reconstruction_weight=0.0, **SMALL).terms == []


# === Anomalies ===


def test_the_score_is_that_of_the_formula(bigan):
    images = recipe_games.images(5)
    floats = (images / 127.5 - 1.0).astype("float32")
    made = bigan.generate(inputs={"image": images}, outputs=["encoded", "rebuilt"])
    network = bigan.critics[0].network
    of_image, of_rebuilt = (
        network([x, made["encoded"]])["features"].numpy() for x in (floats, made["rebuilt"])
    )
    pixels = ((floats - made["rebuilt"]) ** 2).mean(axis=(1, 2, 3))
    pixels /= floats.var(axis=(1, 2, 3)) + 0.01
    features = ((of_image - of_rebuilt) ** 2).mean(axis=1) / (of_image.var(axis=1) + 0.01)
    scores = recipes.anomaly_score(bigan, images, feature_weight=0.3, batch_size=2)
    np.testing.assert_allclose(scores, 0.7 * pixels + 0.3 * features, rtol=1e-4)
    same = recipes.anomaly_score(bigan, floats, feature_weight=0.3)
    np.testing.assert_allclose(same, scores, rtol=1e-4)


def test_scores_take_what_converts_to_an_array(bigan):
    images = recipe_games.images(3)
    known = recipes.anomaly_score(bigan, images)
    for given in (list(images), tf.constant(images)):
        np.testing.assert_allclose(recipes.anomaly_score(bigan, given), known, rtol=1e-5)
    for given in (None, {"image": images}, tf.data.Dataset.from_tensors(images)):
        with pytest.raises(ValueError, match="`samples` must be an array of numbers"):
            recipes.anomaly_score(bigan, given)


def test_contrast_alone_is_not_unusual(bigan):
    """A flat image has a finite score, and what is rebuilt exactly has none."""
    flat = np.full((2, *SHAPE), 0.5, "float32")
    assert np.isfinite(recipes.anomaly_score(bigan, flat)).all()
    share = anomaly._left(
        np.array([[1.0, -1.0], [0.1, -0.1]]), np.array([[0.5, -0.5], [0.05, -0.05]])
    )
    np.testing.assert_allclose(share, [0.25 / 1.01, 0.0025 / 0.02])


def test_features_may_be_several(bigan, monkeypatch):
    def score(inputs, critic, outputs):
        return {"features": [inputs["image"][:, :2], inputs["encoded"]]}

    monkeypatch.setattr(bigan, "score", score)
    images = recipe_games.images(3)
    made = bigan.generate(inputs={"image": images}, outputs=["encoded", "rebuilt"])
    shown, codes = (images / 127.5 - 1.0)[:, :2].reshape(3, -1), made["encoded"]
    left = ((shown - made["rebuilt"][:, :2].reshape(3, -1)) ** 2).sum(axis=1)  # codes are the same
    both = np.concatenate([shown, codes], axis=1)
    expected = left / both.shape[1] / (both.var(axis=1) + 0.01)
    scores = recipes.anomaly_score(bigan, images, feature_weight=1.0)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_scores_of_a_model_that_cannot_rebuild_are_refused(infogan):
    for other in (infogan, helpers.gan()):
        with pytest.raises(ValueError, match="'encoded' and 'rebuilt'.*`keras_gan.recipes.bigan`"):
            recipes.anomaly_score(other, recipe_games.images(5))


# === Arguments ===


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: recipes.acgan(SHAPE, 0), "num_classes=0"),
        (lambda: recipes.acgan(SHAPE, None), "num_classes=None"),
        (lambda: recipes.semi_supervised(SHAPE, 3, generator_filters=0), "generator_filters=0"),
        (lambda: recipes.semi_supervised(SHAPE, 3, dropout=1.0), "dropout.*below 1.0"),
        (lambda: recipes.infogan(SHAPE, categories=0), "categories=0"),
        (lambda: recipes.infogan((8, 8)), "height, width, channels"),
        (lambda: recipes.acgan(SHAPE, 3, class_weight=-1), "`class_weight` must be"),
        (lambda: recipes.acgan(SHAPE, 3, gamma=-1, **SMALL), "`gamma` must be"),
        (lambda: recipes.infogan(SHAPE, code_weight=-1, **SMALL), "`code_weight` must be"),
        (lambda: recipes.infogan(SHAPE, style_weight=-1, **SMALL), "`style_weight` must be"),
        (lambda: recipes.infogan(SHAPE, cluster_weight=-1, **SMALL), "`cluster_weight` must be"),
        (lambda: recipes.infogan(SHAPE, augmentation="affine", **SMALL), "`augmentation` must be"),
        (lambda: recipes.vae_gan(SHAPE, kl_weight=-1, **SMALL), "`kl_weight` must be"),
        (lambda: recipes.bigan(SHAPE, discriminator_filters=0), "`discriminator_filters` must be"),
        (lambda: recipes.bigan(SHAPE, reconstruction_weight=-1), "reconstruction_weight"),
        (lambda: recipes.vae_gan(SHAPE, likeness_weight=0.0), "likeness_weight.*above 0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_misspelled_arguments_are_told_of():
    with pytest.raises(TypeError, match="Did you mean 'attention'"):
        recipes.acgan(SHAPE, 3, atention=4)
