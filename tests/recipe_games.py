"""The recipes that are games of several networks, at toy size."""

import numpy as np

import helpers
from game_parts import PlayedGame, check, classes
from keras_gan import data, recipes

SHAPE = (8, 8, 1)
SMALL = {"generator_filters": 4, "discriminator_filters": 4, "latent_dim": 4}


def images(count=20):
    return helpers.images(count, SHAPE)


def acgan():
    model = recipes.acgan(SHAPE, 3, **SMALL)

    def use(model):
        check(model.generate(4, inputs={"labels": 2}), 4, *SHAPE)
        assert model.score({"image": images(5)})["classes"].shape == (5, 3)

    return PlayedGame(model, {"image": images(), "labels": classes(20, 3)}, use)


def infogan():
    model = recipes.infogan(SHAPE, categories=3, styles=2, **SMALL)

    def use(model):
        style = np.linspace(-1.0, 1.0, 10, dtype="float32").reshape(5, 2)
        sweep = {"code": 1, "style": style, "latents": np.zeros((1, 4), "float32")}
        check(model.generate(inputs=sweep), 5, *SHAPE)
        assert model.score({"image": images(5)})["code"].shape == (5, 3)

    return PlayedGame(model, {"image": images()}, use)


def semi_supervised():
    model = recipes.semi_supervised(SHAPE, 3, **SMALL)
    few = {"labelled": images(6), "labels": classes(6, 3)}

    def use(model):
        check(model.generate(4), 4, *SHAPE)
        found = model.score({"labelled": images(5)}, critic="classifier")
        assert found["classes"].shape == (5, 3)

    return PlayedGame(model, data.unpaired({"image": images()}, few, batch_size=4), use, None)


def bigan():
    model = recipes.bigan(SHAPE, **SMALL)

    def use(model):
        check(model.generate(4), 4, *SHAPE)
        check(recipes.anomaly_score(model, images(5)), 5)

    return PlayedGame(model, {"image": images()}, use)


def vae_gan():
    model = recipes.vae_gan(SHAPE, **SMALL)

    def use(model):
        check(model.generate(4, outputs="sampled"), 4, *SHAPE)
        check(model.generate(inputs={"image": images(3)}, outputs="decoded"), 3, *SHAPE)
        check(model.generate(inputs={"image": images(3)}, outputs="mean"), 3, 4)

    return PlayedGame(model, {"image": images()}, use)
