"""An argument that there is not is answered with the nearest one that there is."""

import inspect
import warnings

import keras
import pytest

import helpers
import keras_gan
from keras_gan import (
    GAN,
    AdversarialModel,
    Critic,
    augment,
    callbacks,
    data,
    evaluate_generator,
    images,
    losses,
    metrics,
    networks,
    optimizers,
    priors,
    recipes,
    regularizers,
    schedules,
    terms,
)

GAN_OF_POINTS = GAN(helpers.generator(), helpers.discriminator())
MISSPELT = {
    "anomaly_score": (lambda **k: recipes.anomaly_score(1, 2, **k), "batchsize", "batch_size"),
    "ImageGrid": (lambda **k: callbacks.ImageGrid("runs", **k), "colums", "columns"),
    "ConvergenceStopping": (callbacks.ConvergenceStopping, "pacience", "patience"),
    "TrainingBackup": (
        lambda **k: callbacks.TrainingBackup("runs", **k),
        "every_epoch",
        "every_epochs",
    ),
    "AlternatingPeriods": (callbacks.AlternatingPeriods, "gen_epochs", "generator_epochs"),
    "GAN": (lambda **k: GAN(None, None, **k), "n_classes", "num_classes"),
    "evaluate_generator": (lambda **k: evaluate_generator(1, 2, 3, **k), "floor", "floors"),
    "from_folder": (lambda **k: data.from_folder("runs", **k), "img_size", "image_size"),
    "from_arrays": (lambda **k: data.from_arrays([1], **k), "batchsize", "batch_size"),
    "from_tfds": (lambda **k: data.from_tfds("mnist", **k), "data_dirs", "data_dir"),
    "mlp": (lambda **k: networks.mlp((2,), **k), "latent_dims", "latent_dim"),
    "dcgan": (lambda **k: recipes.dcgan((8, 8, 1), **k), "learningrate", "learning_rate"),
    "wgan_gp": (lambda **k: recipes.wgan_gp((8, 8, 1), **k), "max_filter", "max_filters"),
    "sngan": (lambda **k: recipes.sngan((8, 8, 1), **k), "num_class", "num_classes"),
    "R1": (regularizers.R1, "wieght", "weight"),
    "NonSaturating": (losses.NonSaturating, "label_smothing", "label_smoothing"),
    "L1": (lambda **k: terms.L1("a", "b", **k), "wait", "weight"),
    "Cosine": (lambda **k: schedules.Cosine(1.0, 0.0, **k), "over_image", "over_images"),
    "Uniform": (priors.Uniform, "hgih", "high"),
    "KernelDistance": (metrics.KernelDistance, "subset", "subsets"),
    "Adaptive": (lambda **k: augment.Adaptive("color", **k), "ramp_image", "ramp_images"),
    "Adam": (optimizers.Adam, "beta1", "beta_1"),
    "GAN.generate": (lambda **k: GAN_OF_POINTS.generate(**k), "num", None),
    "GAN.score": (lambda **k: GAN_OF_POINTS.score(1, **k), "label", "labels"),
    "GAN.interpolate": (lambda **k: GAN_OF_POINTS.interpolate(1, 2, **k), "step", "steps"),
    "GAN.predict": (lambda **k: GAN_OF_POINTS.predict(1, **k), "batchsize", "batch_size"),
    "r3gan": (lambda **k: recipes.r3gan((8, 8, 1), **k), "latentdim", "latent_dim"),
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_argument_gets_a_suggestion(name):
    call, given, meant = MISSPELT[name]
    with pytest.raises(TypeError) as error:
        call(**{given: 1})
    told = f"`{name}` has no argument `{given}`."
    assert str(error.value) == (f"{told} Did you mean {meant!r}?" if meant else told)


def test_a_word_of_several_long_names_suggests_each():
    told = "Did you mean 'generator_filters', 'discriminator_filters' or 'max_filters'?"
    with pytest.raises(TypeError, match=told.replace("?", r"\?")):
        recipes.dcgan((8, 8, 1), filter=4)


def test_classes_of_users_keep_their_own_arguments():
    class Own(regularizers.R1):
        """Passes further arguments on."""

        def __init__(self, **options):
            super().__init__(**options)

    assert Own(weight=2.0).weight == 2.0
    with pytest.raises(TypeError, match="`Own` has no argument `wieght`. Did you mean 'weight'"):
        Own(wieght=2.0)


def test_methods_of_games_and_exports_suggest_too():
    inputs = keras.Input((helpers.LATENT,), name="latents")
    generator = keras.Model(inputs, {"generated": helpers.generator()(inputs)})
    critic = Critic(helpers.discriminator(), real="samples", fake="generated")
    game = AdversarialModel(generator, critic, priors={"latents": "normal"})
    with pytest.raises(TypeError, match="`AdversarialModel.generate` has no argument `sed`. Did"):
        game.generate(sed=1)
    with pytest.raises(TypeError, match="`AdversarialModel.score` has no argument `output`"):
        game.score(1, output=1)
    with pytest.raises(ValueError, match=r"options=\['formt'\]. Did you mean 'format'"):
        GAN_OF_POINTS.export("runs", formt="onnx")


@pytest.mark.parametrize(
    ("recipe", "given"),
    [
        ("pix2pix", {"output_channels": 3}),
        ("cycle_gan", {"output_channels": 3}),
        ("cycle_gan", {"name": "translator"}),
        ("dcgan", {"heads": {"x": 2}}),
        ("wgan_gp", {"heads": {"x": 2}}),
        ("infogan", {"num_classes": 3}),
        ("infogan", {"conditional_norm": True}),
        ("infogan", {"heads": {"x": 2}}),
        ("infogan", {"pack": 2}),
    ],
)
def test_an_option_of_networks_that_a_recipe_sets_itself_is_no_argument_of_it(recipe, given):
    with pytest.raises(TypeError, match=f"`{recipe}` has no argument `{next(iter(given))}`"):
        getattr(recipes, recipe)((8, 8, 1), **given)


def test_acgan_sets_heads_and_packs_itself():
    for given in ({"heads": {"x": 2}}, {"pack": 2}):
        with pytest.raises(TypeError, match=f"`acgan` has no argument `{next(iter(given))}`"):
            recipes.acgan((8, 8, 1), 3, **given)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_short_name_of_an_optimizer_is_that_of_its_player(player):
    gan = GAN(helpers.generator(), helpers.discriminator())
    with pytest.raises(TypeError, match=f"Did you mean '{player}_optimizer'"):
        gan.compile(**{f"{player[0]}_optimizer": "adam"})
    gan.compile(**{f"{player}_optimizer": "adam"})  # the cure


def test_signatures_are_as_they_were():
    assert list(inspect.signature(callbacks.ImageGrid).parameters)[0] == "directory"
    assert inspect.getfullargspec(GAN.__init__).args == ["self", "generator", "discriminator"]
    assert "num_samples" in inspect.signature(keras_gan.evaluate_generator).parameters


def test_a_warning_of_a_folder_points_to_its_caller(tmp_path):
    images.save_png(tmp_path / "good.png", helpers.images(1)[0])
    (tmp_path / "bad.png").write_text("no picture")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data.from_folder(tmp_path, image_size=8)
    assert [w.filename for w in caught] == [__file__]
