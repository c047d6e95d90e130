"""What is watched of a critic: both sides as it is shown them, from the same rows and a seed."""

import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic, priors
from keras_gan.callbacks import _fresh_discriminator, _measuring

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(40, 2)).astype("float32")
IDS = (np.arange(40) % 3).astype("int32")


def joint(*sizes):
    inputs = [keras.Input((size,)) for size in sizes]
    x = layers.Dense(8, "relu")(layers.Concatenate()(inputs))
    return keras.Model(inputs, {"logits": layers.Dense(1)(x), "classes": layers.Dense(3)(x)})


@pytest.fixture(scope="module")
def encoder():
    """A generator of samples and codes, whose critic judges both as one (BiGAN)."""
    keras.utils.set_random_seed(0)
    row, latents = keras.Input((2,), name="row"), keras.Input((3,), name="latents")
    decoded = layers.GaussianNoise(0.0)(layers.Dense(2, name="decoder")(latents))
    generator = keras.Model(
        {"row": row, "latents": latents},
        {"generated": decoded, "encoded": layers.Dense(3, name="encoder")(row)},
    )
    critic = Critic(joint(2, 3), real=("row", "encoded"), fake=("generated", "latents"))
    model = AdversarialModel(generator, critic, priors={"latents": "normal"})
    model.compile()
    (pair,) = model.watched_pairs()
    return model, pair


def test_both_sides_of_a_nest_come_from_the_rows_and_the_seed(encoder):
    model, pair = encoder
    assert pair.names == ("row", "generated") and not pair.reals_change
    first, again, other = (pair.tensors({"row": ROWS}, seed, averaged=False) for seed in (1, 1, 2))
    assert first.keys() == {"row", "encoded", "generated", "latents"}
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["latents"], other["latents"])
    kernel, bias = model.generator.get_layer("encoder").get_weights()
    np.testing.assert_allclose(first["encoded"], ROWS @ kernel + bias, rtol=1e-5, atol=1e-5)
    made = model.generate(inputs={"latents": first["latents"]}, outputs="generated", averaged=False)
    np.testing.assert_allclose(first["generated"], made, rtol=1e-6)
    for kind, names in (("real", ("row", "encoded")), ("fake", ("generated", "latents"))):
        known = model.score({name: first[name] for name in names}, names=names)
        scores = pair.score(kind, first)
        assert scores.shape == (40,)
        np.testing.assert_allclose(scores, known["logits"][:, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(pair.compared({"row": ROWS}, 1, "real"), ROWS)


def test_averaged_and_raw_generator_are_told_apart(encoder):
    model, pair = encoder
    before = model.generator.get_weights()
    model.generator.set_weights([weight + 1.0 for weight in before])
    try:
        raw, averaged = (pair.tensors({"row": ROWS}, 1, averaged=a)["encoded"] for a in (0, 1))
    finally:
        model.generator.set_weights(before)
    assert np.abs(raw - averaged).min() > 0.0


def test_a_fresh_critic_takes_nests_and_finds_a_difference(encoder, monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 60)
    monkeypatch.setattr(_fresh_discriminator, "_RATE", 1e-2)
    _, pair = encoder
    critic = _fresh_discriminator.FreshDiscriminator(pair.network, seed=0)
    real, fake, labels = pair.sides({"row": ROWS}, 1)
    assert [part.shape for part in real] == [(40, 2), (40, 3)] and labels is None
    far = [part + 2.0 for part in fake]
    assert critic.auc((real, far, None), (real, far, None), seed=0) > 0.8
    assert critic.auc((real, real, None), (real, real, None), seed=0) == pytest.approx(0.5)


def test_conditions_are_those_of_each_side_and_packs_are_filled():
    keras.utils.set_random_seed(0)
    labels = keras.Input((), dtype="int32", name="labels")
    wrong = keras.Input((), dtype="int32", name="wrong")
    latents = keras.Input((3,), name="latents")
    x = layers.Concatenate()([latents, layers.Embedding(3, 2)(wrong)])
    generator = keras.Model([latents, wrong], {"generated": layers.Dense(2)(x)})
    sample = keras.Input((2,))
    joined = layers.Concatenate()([sample, layers.Embedding(3, 4)(labels)])
    conditional = keras.Model([sample, labels], layers.Dense(1)(joined))
    model = AdversarialModel(
        generator,
        [
            Critic(
                conditional,
                real="row",
                fake="generated",
                condition="labels",
                fake_condition="wrong",
                name="conditional",
            ),
            Critic(helpers.discriminator((6,)), real="row", fake="generated", pack=3, name="packs"),
            Critic(helpers.discriminator((2,)), real="row", loss="none", name="idle"),
        ],
        priors={"latents": "normal", "wrong": priors.Shuffled("labels")},
    )
    model.compile()
    conditional, packs = model.watched_pairs()
    rows = {"row": ROWS, "labels": IDS}
    tensors = conditional.tensors(rows, 5)
    np.testing.assert_array_equal(np.sort(tensors["wrong"]), np.sort(IDS))
    assert not np.array_equal(tensors["wrong"], IDS)
    known = model.score(
        {"generated": tensors["generated"], "wrong": tensors["wrong"]}, "conditional"
    )
    scores = conditional.score("fake", tensors)
    np.testing.assert_allclose(scores, known["logits"][:, 0], rtol=1e-5, atol=1e-6)
    assert packs.score("real", packs.tensors(rows, 5)).shape == (14,)
    filled = {"row": np.concatenate([ROWS, ROWS[:2]])}
    known = model.score(filled, "packs")["logits"][:, 0]
    np.testing.assert_allclose(packs.score("real", rows), known, rtol=1e-5, atol=1e-6)
    # Held-out rows may be more or fewer than those of training; neither is taken for the other.
    model._training_feed = Feed({"row": ROWS, "labels": IDS[:30]})
    found = _measuring.scored(conditional, 0)
    assert found["num_real"] == found["num_fake"] == 30 and not found["held_out"]
    model._held_out_feed = Feed({"row": ROWS[:7], "labels": IDS[:7]})
    found = _measuring.scored(packs, 0)
    assert (found["num_real"], found["num_train"], found["held_out"]) == (3, 10, True)


class Feed:
    """The examples of a data set, as `fit` leaves them."""

    def __init__(self, samples):
        self.samples = samples


def test_a_gan_is_watched_by_its_own_methods():
    model = helpers.gan(num_classes=3)
    (pair,) = model.watched_pairs()
    rows = {"samples": ROWS, "labels": IDS}
    tensors = pair.tensors(rows, 4, averaged=False)
    made = model.generate(40, labels=IDS, seed=4, averaged=False)
    np.testing.assert_array_equal(tensors["generated"], made)
    np.testing.assert_array_equal(pair.score("fake", tensors), model.score(made, IDS))
    np.testing.assert_array_equal(pair.score_reals(rows), model.score(ROWS, IDS))
    latents = model.sample_latents(40, 4)
    averaged = model.generate(latents=latents, labels=IDS)
    np.testing.assert_array_equal(pair.compared(rows, 4, "fake"), averaged)
    first = model.generate(8, labels=np.arange(8) % 3, seed=0, averaged=False)
    np.testing.assert_array_equal(pair.first_samples(8), first)
    with pytest.raises(ValueError, match="has one pair"):
        model.watched_pairs([("samples", "latents")])
