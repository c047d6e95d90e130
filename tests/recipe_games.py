"""The recipes that are games of several networks, at toy size."""

import numpy as np

import helpers
from game_parts import PlayedGame, check, classes, photos
from keras_gan import data, recipes

SHAPE = (8, 8, 1)
OF_CODES = {"generator_filters": 4, "discriminator_filters": 4, "latent_dim": 4}
OF_PICTURES = {"filters": 2, "discriminator_filters": 2, "precision": None}


def images(count=20):
    return helpers.images(count, SHAPE)


def acgan():
    model = recipes.acgan(SHAPE, 3, **OF_CODES)

    def use(model):
        check(model.generate(4, inputs={"labels": 2}), 4, *SHAPE)
        assert model.score({"image": images(5)})["classes"].shape == (5, 3)

    return PlayedGame(model, {"image": images(), "labels": classes(20, 3)}, use)


def infogan():
    model = recipes.infogan(SHAPE, categories=3, styles=2, **OF_CODES)

    def use(model):
        style = np.linspace(-1.0, 1.0, 10, dtype="float32").reshape(5, 2)
        sweep = {"code": 1, "style": style, "latents": np.zeros((1, 4), "float32")}
        check(model.generate(inputs=sweep), 5, *SHAPE)
        assert model.score({"image": images(5)})["code"].shape == (5, 3)

    return PlayedGame(model, {"image": images()}, use)


def semi_supervised():
    model = recipes.semi_supervised(SHAPE, 3, **OF_CODES)
    few = {"labelled": images(6), "labels": classes(6, 3)}

    def use(model):
        check(model.generate(4), 4, *SHAPE)
        found = model.score({"labelled": images(5)}, critic="classifier")
        assert found["classes"].shape == (5, 3)

    return PlayedGame(model, data.unpaired({"image": images()}, few, batch_size=4), use, None)


def bigan():
    model = recipes.bigan(SHAPE, **OF_CODES)

    def use(model):
        check(model.generate(4), 4, *SHAPE)
        check(recipes.anomaly_score(model, images(5)), 5)

    return PlayedGame(model, {"image": images()}, use)


def vae_gan():
    model = recipes.vae_gan(SHAPE, **OF_CODES)

    def use(model):
        check(model.generate(4, outputs="sampled"), 4, *SHAPE)
        check(model.generate(inputs={"image": images(3)}, outputs="decoded"), 3, *SHAPE)
        check(model.generate(inputs={"image": images(3)}, outputs="mean"), 3, 4)

    return PlayedGame(model, {"image": images()}, use)


def pix2pix_recipe():
    """Grey pictures to coloured ones."""
    model = recipes.pix2pix((8, 8, 3), input_channels=1, names=("sketch", "photo"), **OF_PICTURES)
    pictures = photos(16)
    sketches = pictures.mean(-1, keepdims=True)

    def use(model):
        check(model.generate(inputs={"sketch": sketches[:2]}), 2, 8, 8, 3)

    return PlayedGame(model, {"sketch": sketches, "photo": pictures}, use)


def cycle_gan_recipe():
    """Two kinds of pictures, with identities and a pool that is full soon."""
    model = recipes.cycle_gan((8, 8, 3), identity_weight=5.0, pool_size=6, blocks=1, **OF_PICTURES)
    first, second = photos(16), photos(10, seed=1)

    def use(model):
        painted = model.generate(inputs={"a": first[:2]}, outputs="fake_b")
        check(painted, 2, 8, 8, 3)
        expected = model.averaged_generator.get_layer("to_b")(first[:2])
        np.testing.assert_allclose(painted, expected, atol=1e-6)

    return PlayedGame(
        model, data.unpaired(first, second, names=("a", "b"), batch_size=4), use, None
    )


def super_resolution_recipe():
    """Likeness in the first step, and the game from the second on."""
    model = recipes.super_resolution((8, 8, 3), 2, start_step=1, blocks=1, **OF_PICTURES)
    high = photos(16)
    low = high.reshape(16, 4, 2, 4, 2, 3).mean((2, 4))

    def use(model):
        check(model.generate(inputs={"low": low[:2]}), 2, 8, 8, 3)

    return PlayedGame(model, {"low": low, "high": high}, use)
