"""Do the contenders of the recipes' benchmark play the recipes' games?"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from benchmarks.speed.throughput import documentation_recipes as plain
from benchmarks.speed.throughput.recipes import RECIPES
from keras_gan import recipes, regularizers

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow

BATCH = 4
LOSSES = {"hinge": "Hinge", "relativistic": "RelativisticPaired", "non_saturating": "NonSaturating"}


def small(name):
    side = 16 if name == "pix2pix" else 8
    return dataclasses.replace(
        RECIPES[name],
        sample_shape=(side, side, 3),
        latent_dim=RECIPES[name].latent_dim and 3,
        filters=8,
        batch=BATCH,
        num_samples=BATCH,
    )


def shapes(network):
    return sorted(tuple(weight.shape) for weight in network.trainable_weights)


def first(value):
    """The value that a number or a schedule has at the start."""
    return value["config"]["start"] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in ("dcgan", "r3gan") else pytest.mark.slow) for n in RECIPES],
)
def test_settings_and_networks_are_those_of_the_recipe(name):
    workload = RECIPES[name]
    model = getattr(recipes, name)(workload.sample_shape, precision="float32")
    ours = [model.generator, model.critics[0].network]
    pair = plain.build(workload, "float32")
    assert [shapes(network) for network in ours] == [shapes(network) for network in pair]
    counts = [sum(map(np.prod, shapes(network))) for network in pair]
    assert counts == list(workload.parameters.values())
    if workload.latent_dim:
        assert model.generator.input_shape == (None, workload.latent_dim)
    config = model.get_compile_config()
    assert config["loss"]["class_name"] == LOSSES[workload.loss]
    for player in ("generator", "discriminator"):
        adam = config[f"{player}_optimizer"]["config"]
        found = [first(adam[key]) for key in ("learning_rate", "beta_1", "beta_2")]
        expected = [workload.learning_rate, workload.beta_1, workload.beta_2]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    weights = [first(each["config"]["weight"]) for each in config["regularizers"]]
    np.testing.assert_allclose(weights, [workload.gamma] * 2 if workload.gamma else [])
    terms = [each["config"]["weight"] for each in config["terms"]]
    assert terms == ([workload.l1_weight] if workload.l1_weight else [])


@pytest.mark.parametrize(
    "name", ["dcgan", *(pytest.param(n, marks=pytest.mark.slow) for n in ("sngan", "r3gan"))]
)
def test_a_plain_step_is_a_step_of_ours(name):
    """With the same noise, all weights are the same after a step with SGD."""
    workload, random = small(name), np.random.default_rng(0)
    latents = tf.constant(random.standard_normal((BATCH, 3)), "float32")
    real = random.uniform(-1, 1, (BATCH, *workload.sample_shape)).astype("float32")
    model = plain.model(workload, "float32")
    model.latents = lambda: latents
    for network in (model.generator, model.discriminator):
        for weight in network.trainable_weights:  # blocks of r3gan start at 0
            weight.assign_add(0.05 * random.standard_normal(weight.shape))
    pair = [keras.models.clone_model(n) for n in (model.generator, model.discriminator)]
    for copy, network in zip(pair, (model.generator, model.discriminator), strict=True):
        copy.set_weights(network.get_weights())
    before = [weight.numpy() for network in pair for weight in network.trainable_weights]
    model.d_optimizer, model.g_optimizer = (keras.optimizers.SGD(0.01) for _ in "dg")
    model.train_step(tf.constant(real))

    gan = keras_gan.GAN(
        *pair,
        prior=lambda shape, seed: tf.constant(latents)[: shape[0]],
        ema_halflife_images=None,
    )
    penalties = [regularizers.R1, regularizers.R2] if workload.gamma else []
    gan.compile(
        *(keras.optimizers.SGD(0.01) for _ in "gd"),
        {"relativistic": "relativistic_paired"}.get(workload.loss, workload.loss),
        regularizers=[kind(workload.gamma) for kind in penalties],
        run_eagerly=True,
    )
    gan.train_on_batch(real)
    after = [weight.numpy() for network in pair for weight in network.trainable_weights]
    theirs = [
        weight.numpy()
        for network in (model.generator, model.discriminator)
        for weight in network.trainable_weights
    ]
    moved = [np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True) if a.size > 20]
    assert all(moved)
    for ours, other in zip(after, theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-3, atol=1e-5)
    # The average started before the weights were changed, so that it is compared after that.
    model.average = [tf.Variable(weight) for weight in before[: len(model.average)]]
    model.finish(0.0, 0.0)
    for average, old, new in zip(model.average, before, theirs, strict=False):
        expected = workload.decay * old + (1.0 - workload.decay) * new
        np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)


def test_a_plain_step_from_image_to_image_trains_both_players():
    workload = small("pix2pix")
    model, data = plain.model(workload, "float32"), plain.dataset(workload, *workload.data())
    pair = (model.generator, model.discriminator)
    before = [[w.numpy() for w in network.trainable_weights] for network in pair]
    logs = model.train_step(next(iter(data)))
    assert np.isfinite([float(value) for value in logs.values()]).all()
    for network, old in zip(pair, before, strict=True):
        moved = [
            np.any(w.numpy() != o) for w, o in zip(network.trainable_weights, old, strict=True)
        ]
        assert all(moved)


@pytest.mark.parametrize("name", RECIPES)
def test_networks_in_torch_have_the_same_weights(name):
    pytest.importorskip("torch")
    from benchmarks.speed.throughput import torch_recipes

    few = [part if part is None else part[:BATCH] for part in RECIPES[name].data()]
    game = torch_recipes.Game(RECIPES[name], *few, bfloat16=False)
    assert game.parameters() == RECIPES[name].parameters
