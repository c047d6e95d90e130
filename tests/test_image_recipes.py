"""Recipes of games from images to images: their papers' settings, and that they train."""

import functools

import keras
import numpy as np
import pytest

import games
import helpers
from keras_gan import losses, networks, recipes, terms
from keras_gan.networks.patch_discriminator import field_for

SMALL = {"filters": 2, "discriminator_filters": 2, "precision": None}
NAMES = ("pix2pix", "cycle_gan", "super_resolution")


def first_rows(data, count=4):
    """A batch of a game's data."""
    if isinstance(data, dict):
        return {name: values[:count] for name, values in data.items()}
    return next(data.as_numpy_iterator())


@pytest.fixture(scope="module")
def played():
    """A recipe's game by name, built once."""
    return functools.cache(lambda name: games.GAMES[f"{name}_recipe"]())


@pytest.mark.parametrize(
    "name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])]
)
def test_recipes_train_all_players(played, name):
    game = played(name)
    model, batch = game.model, first_rows(game.data)
    model.run_eagerly = True  # graphs take their time to make
    before = [helpers.values(network.trainable_variables) for network in networks_of(model)]
    for _ in range(1 if name == "pix2pix" else 2):  # a critic may start late
        logs = model.train_on_batch(batch, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values()), logs
    after = [helpers.values(network.trainable_variables) for network in networks_of(model)]
    assert not any(map(helpers.same, before, after))
    game.use(model)


def networks_of(model):
    return [model.generator, *(critic.network for critic in model.critics)]


@pytest.mark.parametrize("name", NAMES)
def test_all_optimizers_are_the_papers(played, name):
    model = played(name).model
    discriminators = model.discriminator_optimizer
    several = discriminators.values() if isinstance(discriminators, dict) else [discriminators]
    for adam in (model.generator_optimizer, *several):
        found = float(adam.learning_rate), adam.beta_1, adam.beta_2
        assert found == (pytest.approx(2e-4), 0.5, 0.999)


def test_pix2pix_is_the_papers_game():
    model = recipes.pix2pix((32, 32, 3), input_channels=12, **SMALL)
    (critic,) = model.critics
    assert type(model.adversarial_loss) is losses.NonSaturating
    assert (critic.real, critic.fake, critic.condition) == (
        ("target",),
        ("translated",),
        ("input",),
    )
    (distance,) = model.terms
    assert type(distance) is terms.L1 and distance.weight == 100.0
    assert distance.reads == ("target", "translated")
    assert [x.shape[-1] for x in critic.network.inputs] == [3, 12]
    assert critic.network.output_shape == (None, 4, 4, 1)  # patches of 70 pixels


def test_cycle_gan_is_the_papers_game():
    options = {"identity_weight": 5.0, "names": ("x", "y"), "blocks": 1}
    model = recipes.cycle_gan((8, 8, 3), **options, **SMALL)
    assert type(model.adversarial_loss) is losses.LeastSquares
    assert [(c.name, c.real, c.fake, c.pool_size) for c in model.critics] == [
        (f"of_{name}", (name,), (f"fake_{name}",), 50) for name in ("x", "y")
    ]
    assert [(term.reads, term.weight) for term in model.terms] == [
        (("x", "cycled_x"), 10.0),
        (("y", "cycled_y"), 10.0),
        (("x", "same_x"), 5.0),
        (("y", "same_y"), 5.0),
    ]
    images = {name: np.full((1, 8, 8, 3), 0.1, "float32") for name in ("x", "y")}
    to_x, to_y = (model.generator.get_layer(f"to_{name}") for name in ("x", "y"))
    made = model.generator(images)
    np.testing.assert_allclose(made["fake_y"], to_y(images["x"]), atol=1e-6)
    np.testing.assert_allclose(made["cycled_x"], to_x(to_y(images["x"])), atol=1e-6)
    np.testing.assert_allclose(made["same_x"], to_x(images["x"]), atol=1e-6)


def test_identities_are_left_out_where_they_have_no_weight():
    model = recipes.cycle_gan((8, 8, 1), blocks=1, **SMALL)
    assert set(model.generator.output) == {"fake_a", "fake_b", "cycled_a", "cycled_b"}
    assert len(model.terms) == 2


def test_super_resolution_begins_with_likeness():
    model = recipes.super_resolution((16, 16, 3), 4, start_step=50, blocks=1, **SMALL)
    (critic,) = model.critics
    distance, features = model.terms
    assert (critic.start_step, critic.weight, distance.weight) == (50, 0.01, 1.0)
    assert type(features) is terms.FeatureMatching
    assert [float(features.weight(step)) for step in (0, 49, 50)] == pytest.approx([0.0, 0.0, 0.1])
    assert model.generator.input["low"].shape == (None, 4, 4, 3)


def test_super_resolution_compares_features_of_a_network_that_is_given():
    image = keras.Input((16, 16, 3))
    network = keras.Model(image, keras.layers.AveragePooling2D(4)(image))
    options = {"perceptual": network, "perceptual_weight": 2.0, "start_step": 0, "blocks": 1}
    model = recipes.super_resolution((16, 16, 3), **options, **SMALL)
    _, features = model.terms
    assert type(features) is terms.Perceptual and features.network is network
    assert features.weight == 2.0 and features.reads == ("high", "upscaled")


def test_features_need_a_weight_of_their_own_where_the_game_has_none():
    image = keras.Input((8, 8, 3))
    given = {"perceptual": keras.Model(image, image), "adversarial_weight": 0.0}
    given |= {"scale": 2, "blocks": 1, **SMALL}
    with pytest.raises(ValueError, match="`perceptual_weight` must be given") as error:
        recipes.super_resolution((8, 8, 3), **given)
    assert "`perceptual_weight=0.1`" in str(error.value)
    model = recipes.super_resolution((8, 8, 3), perceptual_weight=0.1, start_step=0, **given)
    assert model.terms[1].weight == 0.1  # the cure


@pytest.mark.parametrize(("side", "strides"), [(8, 1), (16, 2), (32, 3), (64, 3), (256, 3)])
def test_patches_are_of_seventy_pixels_where_there_is_room(side, strides):
    shape = (side, side + 8, 1)
    field = field_for(shape)
    network = networks.patch_discriminator(shape, receptive_field=field, filters=2)
    assert network.output_shape[1] == side // 2**strides >= 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: recipes.pix2pix((8, 8)), "height, width, channels"),
        (lambda: recipes.pix2pix((8, 8, 1), names=("one",)), r"two names.*names=\('one',\)"),
        (lambda: recipes.pix2pix((8, 8, 1), receptive_field=20), "receptive_field=20"),
        (lambda: recipes.cycle_gan((8, 8, 1), identity_weight=-1), "identity_weight=-1"),
        (lambda: recipes.cycle_gan((8, 8, 1), names=("a", "a")), "which differ"),
        (lambda: recipes.cycle_gan((8, 8, 1), names=("1", "2")), "Python identifiers"),
        (lambda: recipes.pix2pix((8, 8, 1), names=("x", "translated")), "also from 'translated'"),
        (lambda: recipes.super_resolution((8, 8, 1), 2, names=(1, 2)), r"names=\(1, 2\)"),
        (lambda: recipes.pix2pix((8, 8, 1), l1_weight=-1), "`l1_weight` must be"),
        (lambda: recipes.cycle_gan((8, 8, 1), cycle_weight="a"), "`cycle_weight` must be"),
        (lambda: recipes.super_resolution((8, 8, 1), 2, l1_weight=-1), "`l1_weight` must be"),
        (lambda: recipes.pix2pix((8, 8, 1), learning_rate="fast", **SMALL), "`learning_rate` must"),
        (
            lambda: recipes.pix2pix((8, 8, 1), filters=2, discriminator_filters=0),
            "`discriminator_filters` must be",
        ),
        (lambda: recipes.super_resolution((10, 8, 1)), "`scale` must divide"),
        (lambda: recipes.super_resolution((8, 16, 1)), r"into 4 pixels.*image_shape=\(8, 16, 1\)"),
        (lambda: recipes.super_resolution((12, 12, 1), 3), "scale=3"),
        (lambda: recipes.super_resolution((16, 16, 1), 3), "must be one of 2, 4, 8"),
        (lambda: recipes.super_resolution((17, 9, 1), 2), r"Crop them: `images\[:, :16, :8\]`"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
