"""Whatever makes samples: models, files, functions."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan.evaluation.generator_adapters import adapt

LABELS = tf.constant([0, 1, 2, 0, 1])
SEED = 2**40 + 7


@pytest.fixture(scope="module")
def gans():
    keras.utils.set_random_seed(0)
    made = {"points": helpers.gan((2,)), "labelled": helpers.gan((2,), num_classes=3)}
    for gan in made.values():
        for variable in gan.averaged_generator.weights:
            variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    return made


@pytest.fixture(scope="module")
def folders(gans, tmp_path_factory):
    """SavedModels: ours, and those that Keras makes of the same networks."""
    place, result = tmp_path_factory.mktemp("exports"), {}
    for name, gan in gans.items():
        result[name] = place / name
        gan.export(result[name])
        result[f"keras {name}"] = place / f"keras_{name}"
        gan.averaged_generator.export(str(result[f"keras {name}"]), verbose=False)
    return result


def drawn(generator, count=5, *, labels=None, **settings):
    made = adapt(generator, **settings)
    assert made.takes_labels == (labels is not None)
    return np.asarray(made.draw(count, SEED, labels))


# === Of one seed, the same samples ===


@pytest.mark.parametrize("form", ["gan", "network", "function", "points", "keras points"])
def test_samples_of_a_seed(gans, folders, form):
    gan = gans["points"]
    network = gan.averaged_generator
    settings = {"latent_dim": helpers.LATENT} if form == "function" else {}
    given = {"gan": gan, "network": network, "function": lambda z: network(z).numpy()}
    generator = given.get(form) or folders[form]
    wanted = gan.generate(5, seed=SEED)
    np.testing.assert_allclose(drawn(generator, **settings), wanted, rtol=1e-5, atol=1e-5)
    assert np.abs(wanted - gan.generate(5, seed=SEED, averaged=False)).max() > 0.1


@pytest.mark.parametrize("form", ["gan", "network", "function", "labelled", "keras labelled"])
def test_samples_of_a_seed_and_labels(gans, folders, form):
    gan = gans["labelled"]
    network = gan.averaged_generator
    settings = {}
    if form == "function":
        settings = {"latent_dim": helpers.LATENT, "num_classes": 3}
    given = {"gan": gan, "network": network, "function": lambda z, c: network([z, c])}
    samples = drawn(given.get(form) or folders[form], labels=LABELS, **settings)
    wanted = gan.generate(seed=SEED, labels=LABELS.numpy())
    np.testing.assert_allclose(samples, wanted, rtol=1e-5, atol=1e-5)


def test_a_loaded_saved_model(gans, folders):
    for form in ("points", "keras points"):
        samples = drawn(tf.saved_model.load(str(folders[form])))
        np.testing.assert_allclose(samples, gans["points"].generate(5, seed=SEED), rtol=1e-5)


def test_a_keras_file(gans, tmp_path):
    path = tmp_path / "gan.keras"
    gans["points"].save(path)
    np.testing.assert_array_equal(drawn(path), gans["points"].generate(5, seed=SEED))
    gans["points"].averaged_generator.save(path)
    np.testing.assert_allclose(drawn(str(path)), gans["points"].generate(5, seed=SEED), rtol=1e-5)


def test_a_gan_has_its_own_prior(tmp_path):
    gan = helpers.GAN(helpers.generator(), helpers.discriminator(), prior="uniform")
    gan.compile()
    gan.export(tmp_path / "uniform")
    wanted = gan.generate(5, seed=SEED)
    for generator in (gan, tmp_path / "uniform"):
        np.testing.assert_allclose(drawn(generator), wanted, rtol=1e-5, atol=1e-5)
    network = gan.averaged_generator
    np.testing.assert_allclose(drawn(network, prior="uniform"), wanted, rtol=1e-5, atol=1e-5)
    assert np.abs(drawn(network) - wanted).max() > 1e-3


# === Other people's models ===


def test_latents_of_several_axes():
    network = keras.Sequential([keras.Input((1, 1, 6)), layers.Conv2DTranspose(1, 4)])
    assert drawn(network).shape == (5, 4, 4, 1)


def test_a_model_without_weights():
    network = keras.Sequential([keras.Input((6,)), layers.Rescaling(2.0)])
    assert drawn(network).shape == (5, 6)


def test_a_model_that_has_not_been_built():
    class Doubling(keras.Model):
        def call(self, latents, training=None):
            assert training is False
            return 2.0 * latents

    with pytest.raises(ValueError, match="Give `latent_dim=`"):
        adapt(Doubling())
    assert drawn(Doubling(), latent_dim=3).shape == (5, 3)


def test_dropout_is_off():
    network = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5)])
    assert np.all(drawn(network) != 0)


class Module(tf.Module):
    """A SavedModel of somebody's."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="z")])
    def one(self, z):
        return 2.0 * z

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 1], "int64", name="a_class"),
            tf.TensorSpec([None, 3], "float16", name="z"),
        ]
    )
    def labelled(self, a_class, z):
        return z + 100.0 * tf.cast(a_class, z.dtype)

    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([None, 3])])
    def two_latents(self, a, b):
        return a + b

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def two_outputs(self, z):
        return {"samples": z, "masks": z}

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def any_size(self, z):
        return z


def saved(name, path):
    module = Module()
    tf.saved_model.save(module, str(path), signatures=getattr(module, name))
    return path


def test_a_signature_of_latents(tmp_path):
    path = saved("one", tmp_path / "one")
    np.testing.assert_allclose(drawn(path), 2 * drawn(lambda z: z, latent_dim=3), rtol=1e-6)
    assert drawn(saved("any_size", tmp_path / "any"), latent_dim=7).shape == (5, 7)


def test_a_signature_of_latents_and_labels(tmp_path):
    samples = drawn(saved("labelled", tmp_path / "labelled"), labels=LABELS)
    np.testing.assert_array_equal(np.round(samples.mean(axis=1) / 100), LABELS)


# === What is refused ===


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("two_latents", "must take floating-point latents"),
        ("two_outputs", "must have one output"),
        ("any_size", "Give `latent_dim=`"),
    ],
)
def test_signatures_that_cannot_be_guessed(tmp_path, name, told):
    with pytest.raises(ValueError, match=told):
        adapt(saved(name, tmp_path / name))


def test_a_file_that_lacks_a_part_is_told(tmp_path):
    helpers.generator().save(tmp_path / "whole.keras")
    with (
        zipfile.ZipFile(tmp_path / "whole.keras") as whole,
        zipfile.ZipFile(tmp_path / "part.keras", "w") as part,
    ):
        for name in whole.namelist():
            if name != "config.json":
                part.writestr(name, whole.read(name))
    with pytest.raises(ValueError, match="complete one of Keras.*config.json.*Use an older one"):
        adapt(tmp_path / "part.keras")


def test_paths_without_a_generator(tmp_path):
    (tmp_path / "model.txt").write_text("")
    for path in (tmp_path, tmp_path / "nothing.keras", tmp_path / "model.txt"):
        with pytest.raises(ValueError, match="must be a folder with a SavedModel or a"):
            adapt(path)


@pytest.mark.parametrize(
    ("of", "settings", "told"),
    [
        ("gan", {"prior": "normal"}, "draws its own latents.*prior='normal'"),
        ("gan", {"latent_dim": 4}, "draws its own latents.*latent_dim=4"),
        ("gan", {"num_classes": 2}, "knows how many classes"),
        ("export", {"prior": "normal"}, "draws its own latents"),
        ("export", {"num_classes": 2}, "takes no labels"),
        ("network", {"num_classes": 2}, "takes no labels"),
        ("network", {"latent_dim": 5}, "must be the size that the generator takes"),
        ("network", {"latent_dim": 0}, "`latent_dim` must be a positive"),
        ("network", {"prior": "gaussian"}, "Unknown prior"),
        ("function", {}, "Give `latent_dim=`"),
        ("function", {"latent_dim": 2, "num_classes": 0}, "`num_classes` must be a positive"),
        ("two latents", {}, "labels perhaps, one a sample"),
        ("array", {}, "A generator must be a model"),
    ],
)
def test_arguments_that_do_not_fit(gans, folders, of, settings, told):
    gan = gans["points"]
    two = [keras.Input((3,)), keras.Input((3,))]
    generator = {
        "gan": gan,
        "export": folders["points"],
        "network": gan.averaged_generator,
        "function": lambda latents: latents,
        "two latents": keras.Model(two, layers.Add()(two)),
        "array": np.zeros(3),
    }[of]
    with pytest.raises(ValueError, match=told):
        adapt(generator, **settings)


def test_the_classes_of_a_gan_may_be_repeated(gans):
    assert adapt(gans["labelled"], num_classes=3).num_classes == 3
