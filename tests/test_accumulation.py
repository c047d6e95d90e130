"""Micro-batches: the same update for less memory."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan import AdversarialModel, Critic, losses, recipes, regularizers
from keras_gan.layers import SpectralNormalization
from keras_gan.model.gan import GAN


def train(parts, *, num_classes=None, optimizer=lambda: keras.optimizers.SGD(0.1), **settings):
    keras.utils.set_random_seed(0)
    networks = [
        make(num_classes=num_classes) for make in (helpers.generator, helpers.discriminator)
    ]
    gan = GAN(*networks, num_classes=num_classes)
    gan.compile(optimizer(), optimizer(), accumulation_steps=parts, **settings)
    count = 8 * 2 * settings.get("discriminator_steps", 1)
    labels = np.arange(count) % num_classes if num_classes else None
    history = gan.fit(helpers.points(count), labels, batch_size=8, verbose=0).history
    return gan, history


def adam():
    """Adam, which squares gradients: those of an embedding's rows must have been added before."""
    return keras.optimizers.Adam(1e-2, epsilon=1e-3)


SEVERAL_UPDATES = {"discriminator_steps": 2, "generator_steps": 2}
PENALTIES = [regularizers.GradientPenalty(1.0), regularizers.R1(0.1, every=2)]
SMOOTHED = losses.NonSaturating(label_smoothing=0.1)
CONDITIONAL = {"num_classes": 3, "optimizer": adam}


# Each loss and each penalty for itself takes five times as long.
@pytest.mark.parametrize(
    "parts, settings",
    [
        pytest.param(2, {"regularizers": [*PENALTIES, "lecam"], "run_eagerly": True}, id="eager"),
        pytest.param(2, {**CONDITIONAL, "run_eagerly": True}, id="conditional"),
        *(
            pytest.param(parts, settings, id=f"{name}-{parts}", marks=pytest.mark.slow)
            for name, parts, settings in (
                ("all", 4, {"regularizers": [*PENALTIES, "lecam"], **SEVERAL_UPDATES}),
                ("paired", 2, {"loss": "relativistic_paired", "run_eagerly": True}),
                ("wasserstein", 2, {"loss": "wasserstein", "run_eagerly": True}),
                ("smoothed", 8, {"loss": SMOOTHED, "run_eagerly": True}),
                ("conditional", 8, CONDITIONAL),
            )
        ),
    ],
)
def test_the_update_is_that_of_the_whole_batch(parts, settings):
    # The whole batch needs no graph to be what the parts are compared with.
    whole, whole_logs = train(1, **{**settings, "run_eagerly": True})
    cut, cut_logs = train(parts, **settings)
    for a, b in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for key in whole_logs:
        np.testing.assert_allclose(whole_logs[key], cut_logs[key], atol=1e-5, err_msg=key)
    for name in ("images_seen", "steps_seen"):
        assert getattr(whole, name) == getattr(cut, name)
    counters = [
        [
            int(model._state.variables()[n].numpy())
            for n in ("generator_images", "generator_updates")
        ]
        for model in (whole, cut)
    ]
    assert counters[0] == counters[1]


@pytest.mark.parametrize(
    "eager", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["eager", "graph"]
)
def test_power_iterations_are_those_of_the_whole_batch(eager):
    def normalised(inputs, width, outputs):
        x = SpectralNormalization(keras.layers.Dense(width, activation="tanh"))(inputs)
        return keras.Model(inputs, SpectralNormalization(keras.layers.Dense(outputs))(x))

    def trained(parts):
        keras.utils.set_random_seed(0)
        networks = (keras.Input((helpers.LATENT,)), 8, 2), (keras.Input((2,)), 8, 1)
        gan = GAN(*(normalised(*each) for each in networks))
        how = {"run_eagerly": eager or parts == 1}
        gan.compile(*helpers.sgd(), accumulation_steps=parts, generator_steps=2, **how)
        gan.train_on_batch(helpers.points(8))
        return gan.get_weights()

    for whole, cut in zip(trained(1), trained(2), strict=True):
        np.testing.assert_allclose(whole, cut, atol=3e-7)


@pytest.mark.slow
def test_critics_of_different_packs_get_the_draws_of_the_whole_batch():
    def trained(parts):
        keras.utils.set_random_seed(0)
        critics = [
            Critic(
                helpers.discriminator((2 * pack,)),
                real="samples",
                fake="generated",
                name=name,
                pack=pack,
            )
            for name, pack in (("single", 1), ("pairs", 2))
        ]
        latents = keras.Input((helpers.LATENT,), name="latents")
        generator = keras.Model({"latents": latents}, {"generated": helpers.generator()(latents)})
        model = AdversarialModel(generator, critics, priors={"latents": "normal"})
        model.compile(
            keras.optimizers.SGD(0.1),
            keras.optimizers.SGD(0.1),
            accumulation_steps=parts,
            regularizers=[regularizers.GradientPenalty(1.0)],
            run_eagerly=True,
        )
        model.fit({"samples": helpers.points(16)}, batch_size=8, verbose=0)
        return model

    for ours, theirs in zip(trained(1).weights, trained(2).weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
def test_a_loop_of_micro_batches_of_images():
    # In a graph of this size Grappler's rewriting of additions made two of one name.
    gan = recipes.dcgan((64, 64, 3), precision=None)
    with pytest.warns(UserWarning, match="those of a micro-batch"):
        gan.compile(accumulation_steps=2, steps_per_execution=1)
    gan.fit(helpers.images(2 * 16, (64, 64, 3)), batch_size=16, verbose=0)
    assert gan.steps_seen == 2 and gan.first_failure is None


def test_a_batch_that_cannot_be_cut_is_refused():
    gan = helpers.gan(accumulation_steps=3)
    with pytest.raises(ValueError, match="multiple of `accumulation_steps`"):
        gan.fit(helpers.points(), batch_size=8)
    with pytest.raises(ValueError, match="batch_size=8, shares=3"):
        gan.train_on_batch(helpers.points(8))


def test_batch_norm_is_warned_of():
    with pytest.warns(UserWarning, match="those of a micro-batch"):
        helpers.gan(batch_norm=True, accumulation_steps=2)


def test_optimizers_that_accumulate_are_refused():
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match=r"compile\(accumulation_steps"):
        helpers.gan(generator_optimizer=optimizer)


def test_it_is_saved(tmp_path):
    helpers.gan(accumulation_steps=2).save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").accumulation_steps == 2
