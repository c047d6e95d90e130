"""All that the package builds is saved, and loads in safe mode."""

import json
import marshal
import pickle
import re
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import helpers
import keras_gan
from keras_gan import metrics, networks, recipes, regularizers
from keras_gan.layers import MinibatchStdDev, SpectralNormalization
from keras_gan.model import state_parts
from keras_gan.model.gan import GAN

SMALL = {"generator_filters": 2, "discriminator_filters": 2, "latent_dim": 3}
IMAGE = (8, 8, 1)

# === All that the package builds ===


def special_layers():
    x = inputs = keras.Input(IMAGE)
    x = SpectralNormalization(layers.Conv2D(2, 3, strides=2))(x)
    x = SpectralNormalization(layers.Conv2DTranspose(2, 3), power_iterations=2)(x)
    x = layers.Flatten()(MinibatchStdDev(group_size=2)(x))
    return keras.Model(inputs, SpectralNormalization(layers.Dense(1))(x))


def compiled(pair, **settings):
    gan = GAN(*pair, num_classes=settings.pop("num_classes", None))
    gan.compile(**settings)
    return gan


def features():
    inputs = keras.Input((2,))
    return keras.Model(inputs, layers.Dense(3)(inputs))


def of_points(**settings):
    return helpers.gan(**settings)


BUILDERS = {
    "networks.mlp": lambda: compiled(networks.mlp((2,), 3, width=4)),
    "networks.mlp labels": lambda: compiled(
        networks.mlp(IMAGE, 3, width=4, num_classes=2), num_classes=2
    ),
    "networks.dcgan": lambda: compiled(networks.dcgan(IMAGE, **SMALL)),
    "networks.dcgan labels": lambda: compiled(
        networks.dcgan((9, 11, 3), num_classes=2, **SMALL), num_classes=2
    ),
    "networks.r3gan": lambda: compiled(networks.r3gan(IMAGE, 3, filters=16)),
    "networks.r3gan labels": lambda: compiled(
        networks.r3gan((9, 11, 3), 3, filters=16, num_classes=2), num_classes=2
    ),
    "networks.resnet": lambda: compiled(networks.resnet(IMAGE, **SMALL)),
    "networks.resnet labels": lambda: compiled(
        networks.resnet((9, 11, 3), num_classes=2, **SMALL), num_classes=2
    ),
    "layers": lambda: compiled((networks.dcgan(IMAGE, **SMALL)[0], special_layers())),
    "recipes.mlp": lambda: recipes.mlp((2,), latent_dim=3, width=4),
    "recipes.mlp precision": lambda: recipes.mlp((2,), width=4, precision="mixed_bfloat16"),
    "recipes.dcgan": lambda: recipes.dcgan(IMAGE, **SMALL),
    "recipes.wgan_gp": lambda: recipes.wgan_gp(IMAGE, num_classes=2, **SMALL),
    "recipes.r3gan": lambda: recipes.r3gan(IMAGE, latent_dim=3, filters=16, pack=2),
    "recipes.sngan": lambda: recipes.sngan(IMAGE, num_classes=2, **SMALL),
    "metrics": lambda: of_points(
        metrics=[
            metrics.SlicedWasserstein(num_projections=8, seed=3),
            metrics.ModeCoverage(modes=keras_gan.data.ring_modes(), std=0.02),
            metrics.SlicedWasserstein(features=features(), name="of_features"),
            metrics.FrechetDistance(features=features()),
            metrics.KernelDistance(subsets=3, max_samples=20),
            metrics.InceptionScore(features(), logits=True),
            metrics.PrecisionRecall(k=4, max_samples=20),
            metrics.DensityCoverage(k=4, max_samples=20),
        ]
    ),
    "periods, steps, schedules, regularizers": lambda: of_points(
        regularizers=sorted(regularizers._KNOWN),
        discriminator_steps=3,
        generator_optimizer=keras.optimizers.RMSprop(
            keras.optimizers.schedules.CosineDecay(1e-3, 10)
        ),
        discriminator_optimizer=keras.optimizers.Adam(use_ema=True, clipnorm=1.0),
        steps_per_execution=2,
    ),
    "no average, a prior": lambda: GAN(
        helpers.generator(), helpers.discriminator(), prior="uniform", ema_halflife_images=None
    ),
    # "normal" is the default.
    "prior": lambda: GAN(helpers.generator(), helpers.discriminator(), prior="truncated_normal"),
}

# Networks that are no pair; games of them are saved where games are tested.
SINGLE = {
    "autoencoder": lambda: networks.autoencoder(IMAGE, 3, filters=2)[1],
    "classifying_discriminator": lambda: networks.classifying_discriminator(IMAGE, 3, filters=2),
    "encoder": lambda: networks.encoder(IMAGE, {"mean": 3}, filters=2, noise=0.1, dropout=0.5),
    "joint_discriminator": lambda: networks.joint_discriminator(IMAGE, 3, filters=2, width=4),
    "multi_scale": lambda: networks.multi_scale((32, 32, 3), scales=2, filters=2),
    "patch_discriminator": lambda: networks.patch_discriminator((32, 32, 3), filters=2),
    "resnet_translator": lambda: networks.resnet_translator(IMAGE, filters=2, blocks=1),
    "super_resolution": lambda: networks.super_resolution(IMAGE, 2, filters=2, blocks=1),
    "unet": lambda: networks.unet(IMAGE, filters=2),
}

# That each loss goes through a config is asked where losses are tested. All recipes, and with them
# the networks without labels, are saved and loaded where networks are tested.
ELSEWHERE = {name for name in BUILDERS if name.startswith(("networks.", "recipes."))}
ELSEWHERE -= {"recipes.mlp precision", *(name for name in BUILDERS if name.endswith(" labels"))}
LONG = {f"networks.{name} labels" for name in ("mlp", "r3gan", "resnet")}


def test_the_table_is_complete():
    names = {name.split()[0] for name in BUILDERS} | {f"networks.{name}" for name in SINGLE}
    recipe_names = {
        name
        for name, f in vars(recipes).items()
        if getattr(f, "__module__", "") == recipes.__name__
    }
    public = {f"recipes.{name}" for name in recipe_names if not name.startswith("_")}
    assert public | {f"networks.{name}" for name in networks.__all__} <= names
    built = {type(metric).__name__ for metric in BUILDERS["metrics"]().quality_metrics}
    assert set(metrics.__all__) == built


# The others are made of the same layers.
QUICK = ("encoder", "multi_scale", "super_resolution", "unet")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SINGLE]
)
def test_safe_mode_loads_networks_alone(tmp_path, name):
    network = SINGLE[name]()
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    for weight, kept in zip(network.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
        for name in BUILDERS
        if name not in ELSEWHERE
    ],
)
def test_safe_mode_loads_what_the_package_builds(tmp_path, monkeypatch, name):
    model = BUILDERS[name]()
    path = tmp_path / "gan.keras"
    model.save(path)
    parts = helpers.members(path)
    assert set(parts) == {"metadata.json", "config.json", "model.weights.h5"}
    assert not re.search(rb"lambda|pickle|marshal", parts["config.json"], re.IGNORECASE)

    def forbidden(*args, **kwargs):
        raise AssertionError("code was read from a file")

    for module, function in ((pickle, "loads"), (pickle, "load"), (marshal, "loads")):
        monkeypatch.setattr(module, function, forbidden)
    keras.utils.set_random_seed(99)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = keras.saving.load_model(path)
    monkeypatch.undo()
    assert json.dumps(twin.get_config()) == json.dumps(model.get_config())
    assert json.dumps(twin.get_compile_config()) == json.dumps(model.get_compile_config())
    for ours, theirs in zip(everything(model), everything(twin), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def everything(model):
    """All variables of a model and of what belongs to it."""
    parts = [*model.variables, *state_parts.own(model).values()]
    if model.compiled:
        for optimizer in model.optimizer.optimizers:
            parts += optimizer.variables
    for metric in model.quality_metrics:
        parts += getattr(getattr(metric, "features", None), "variables", [])
    return helpers.values(parts)
