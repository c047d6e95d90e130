"""Augmentation in a game: what is refused, terms of consistency, and what files keep."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import AdversarialModel, Critic
from keras_gan.augment import Adaptive, Affine, Augmentation, DiffAugment
from keras_gan.callbacks import TrainingBackup
from keras_gan.convergence import duality_gap
from keras_gan.engine.augmenting import applied, scalars
from keras_gan.engine.compiled_critic import CompiledCritic
from keras_gan.engine.scene import Scene
from keras_gan.model import state_parts
from keras_gan.model.gan import GAN
from keras_gan.terms import BalancedConsistency, Clustering, LatentConsistency
from runs import assert_same_state

SEED = (3, 4)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (6, 8, 9, 3)).astype("float32")


def small(augmentation, *, shape=(4, 4, 1), **options):
    keras.utils.set_random_seed(0)
    gan = GAN(helpers.generator(shape), helpers.discriminator(shape), seed=1)
    gan.compile(augment=augmentation, **{"steps_per_execution": 1, **options})
    return gan


def test_what_cannot_be_augmented_is_refused():
    gan = GAN(helpers.generator(), helpers.discriminator())
    with pytest.raises(
        ValueError, match="changes images .*, which no critic takes.*Leave `augment`"
    ):
        gan.compile(augment=DiffAugment())
    gan = GAN(helpers.generator((4, 4, 1)), helpers.discriminator((4, 4, 1)))
    with pytest.raises(ValueError, match="Adaptive follows how sure.*target=None, start=0.3"):
        gan.compile(loss="relativistic_paired", augment=Adaptive())
    gan.compile(loss="relativistic_paired", augment=Adaptive(target=None, start=0.3))


def refused(match, **options):
    with pytest.raises(ValueError, match=match):
        small(**options)


class Halved(Augmentation):
    """All samples, of any shape, times a half; without `conditions`."""

    def __call__(self, tensors, seed, images_seen=0):
        return {name: tensor * 0.5 for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "given",
    ["color", DiffAugment, [DiffAugment()], keras.layers.Flatten(), lambda tensors: tensors],
    ids=["name", "class", "list", "layer", "one argument"],
)
def test_what_is_no_augmentation_is_refused_by_compile(given):
    refused("must be an object of `keras_gan.augment`, or a callable.*Received", augmentation=given)


def test_what_an_augmentation_returns_is_checked():
    given = {"x": tf.constant(IMAGES)}

    def returned(augment):
        return applied(augment, tf.constant(SEED), 7)(given, {})[0]["x"]

    by_seven = returned(lambda tensors, seed, images_seen: {"x": tensors["x"] * images_seen})
    np.testing.assert_array_equal(by_seven, IMAGES * 7)
    np.testing.assert_array_equal(returned(Halved()), IMAGES / 2)
    for wrong in (None, {}, {"y": given["x"]}):
        with pytest.raises(ValueError, match="must return a dict .*: x. Received: returned="):
            returned(lambda tensors, seed, n, wrong=wrong: wrong)
    for change in (
        lambda x: x[:, :4],
        lambda x: x[..., :1],
        lambda x: tf.repeat(x, 2, axis=0),
        lambda x: tf.cast(x, "float64"),
    ):
        with pytest.raises(ValueError, match="must keep the shape and the type of `x`.*Received"):
            returned(lambda tensors, seed, n, change=change: {"x": change(tensors["x"])})


def test_whoever_takes_conditions_is_told_them():
    given = (
        {"x": tf.zeros((2, 4, 4, 1))},
        {"mask": tf.zeros((2, 4, 4, 1)), "code": tf.zeros((2, 3))},
    )
    told = []

    def note(tensors, seed, images_seen, conditions=()):
        told.append((sorted(tensors), conditions))
        return {"x": tensors["x"]}

    samples, condition = applied(note, tf.constant(SEED), 0)(*given)
    assert told == [(["mask", "x"], ("mask",))]
    assert condition.keys() == given[1].keys() and samples.keys() == {"x"}


def test_what_is_sample_and_condition_changes_its_colors_as_a_sample_alone():
    images, codes = tf.constant(IMAGES), tf.ones((6, 2))

    def shown(augment, tensor, name):
        change = applied(augment, tf.constant(SEED), 0)
        samples, condition = change({name: tensor}, {"x": tensor})
        return samples[name], condition["x"]

    real, beside_real = shown(DiffAugment(), images, "x")
    fake, beside_fake = shown(DiffAugment(), images, "made")
    np.testing.assert_array_equal(real, fake)
    np.testing.assert_array_equal(beside_real, beside_fake)
    assert not np.array_equal(real, beside_real)
    assert [float(shown(Halved(), codes, n)[1][0, 0]) for n in ("x", "made")] == [1.0, 1.0]


def test_logs_of_an_augmentation_are_scalars():
    found = scalars({"moved": keras.Variable(2.0), "whole": 3})
    assert {key: float(value) for key, value in found.items()} == {"moved": 2.0, "whole": 3.0}
    with pytest.raises(
        ValueError, match=r"must return scalars. Received: moved=\(2,\). Take the mean"
    ):
        scalars({"moved": tf.zeros(2)})


def test_a_subclass_may_change_what_is_no_image():
    gan = GAN(helpers.generator(), helpers.discriminator())
    gan.compile(augment=Halved())
    with pytest.raises(ValueError, match="Adaptive changes images"):
        gan.compile(augment=Adaptive())


def of_several_critics(augment, **options):
    latents = keras.Input((helpers.LATENT,), name="latents")
    generator = keras.Model(
        {"latents": latents},
        {
            "row": keras.layers.Dense(2)(latents),
            "picture": keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(latents)),
        },
    )
    critics = [
        Critic(helpers.discriminator(), real="rows", fake="row", name="rows", loss="wasserstein"),
        Critic(helpers.discriminator((4, 4, 1)), real="pictures", fake="picture", name="pictures"),
    ]
    model = AdversarialModel(generator, critics, priors={"latents": "normal"})
    model.compile(augment=augment, **options)
    return model


def test_the_first_critic_of_images_is_followed():
    model = of_several_critics(Adaptive())
    assert model._game.followed.name == "pictures"
    assert of_several_critics(Halved())._game.followed.name == "rows"


def scene(**options):
    """A game's scene of one critic of images, whose logit is a weighted sum of pixels."""
    network = keras.Sequential([keras.Input((8, 9, 3)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=1)))
    critic = CompiledCritic("critic", network, real=("x",), fake=("y",))
    tensors = {"x": tf.constant(IMAGES), "y": tf.constant(-IMAGES[::-1])}
    options = {"player": "discriminator", "seed": tf.constant(SEED), **options}
    return network, Scene(tensors, [critic], **options)


def test_consistency_is_the_distance_of_changed_images():
    translate = DiffAugment("translation")
    network, shown = scene()
    value = BalancedConsistency(translate).value(shown)
    expected = 0.0
    for images in (IMAGES, -IMAGES[::-1]):
        expected += (network(images) - network(translate({"x": images}, SEED)["x"]))[:, 0] ** 2
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    again = BalancedConsistency(translate).value(scene(augment=lambda s, c: (s, c))[1])
    np.testing.assert_allclose(again, expected, rtol=1e-4)
    none = BalancedConsistency(Adaptive(target=None)).value(shown)
    np.testing.assert_array_equal(none, np.zeros(6))
    with pytest.raises(ValueError, match="must be a `keras_gan.augment.Augmentation`.*Received"):
        BalancedConsistency("translation")


class Turned(Augmentation):
    """The columns of every third image in the other order."""

    def draws(self, seed, rows):
        return tf.range(rows)[:, None, None, None] % 3 == 0

    def changed(self, images, drawn, *, colors):
        return tf.where(drawn, images[:, :, ::-1], images)


def clustering(logits, augmentation):
    """The value for a batch of logits, which are the pixels of its images."""
    pixels = keras.Input((1, len(logits[0]), 1))
    network = keras.Model(pixels, {"code": keras.layers.Flatten()(pixels)})
    critic = CompiledCritic("critic", network, real=("x",), fake=())
    images = tf.constant(logits, "float32")[:, None, :, None]
    shown = Scene({"x": images}, [critic], player="discriminator", seed=tf.constant(SEED))
    return float(tf.reduce_mean(Clustering("code", augmentation).value(shown)))


def test_clusters_are_sure_frequent_and_stay_where_images_change():
    still = Affine(turn=0, scale=0, shear=0, shift=0)
    sure = 40.0 * np.eye(4)
    np.testing.assert_allclose(clustering(sure, still), -np.log(4), atol=1e-5)  # the lowest
    np.testing.assert_allclose(clustering(0.0 * sure, still), 0.0, atol=1e-5)  # never sure
    np.testing.assert_allclose(clustering(sure[[0] * 4], still), 0.0, atol=1e-5)  # one class
    np.testing.assert_allclose(clustering(sure[[0, 1, 0, 1]], still), -np.log(2), atol=1e-5)
    # The first and the last of four images change places: 40 nats each.
    np.testing.assert_allclose(clustering(sure, Turned()), 20.0 - np.log(4), rtol=1e-4)
    with pytest.raises(ValueError, match="must be a `keras_gan.augment.Augmentation`.*Received"):
        Clustering("code", "affine")
    with pytest.raises(ValueError, match="`head` must be a key"):
        Clustering(None, still)


def test_close_latents_have_one_logit_and_different_images():
    term = LatentConsistency("y", "x", spread=0.3)
    network, shown = scene()
    logits = [network(images)[:, 0] for images in (-IMAGES[::-1], IMAGES)]
    np.testing.assert_allclose(term.value(shown), (logits[0] - logits[1]) ** 2, rtol=1e-4)
    apart = np.square(-IMAGES[::-1] - IMAGES).mean(axis=(1, 2, 3))
    value = term.value(scene(player="generator")[1])
    np.testing.assert_allclose(value, -0.3 * apart, rtol=1e-5)


@pytest.mark.slow
def test_in_training_it_is_logged_saved_and_goes_on(tmp_path):
    images = helpers.images(64, (4, 4, 1))
    gan = small(Adaptive(start=0.3, ramp_images=400.0))
    history = gan.fit(images, batch_size=16, epochs=2, verbose=0).history
    moved = float(gan.augment.probability.numpy())
    assert history["augment_p"][0] != history["augment_p"][1] and moved != pytest.approx(0.3)
    assert not [key for key in history if key.startswith("val_augment")]
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert repr(again.augment) == repr(gan.augment)
    assert float(again.augment.probability.numpy()) == moved
    assert "augmentation_0_0" in state_parts.own(again)


@pytest.mark.slow
def test_a_backup_brings_the_probability_back(tmp_path):
    def trained(epochs, *callbacks):
        gan = small(Adaptive(start=0.3, ramp_images=400.0), run_eagerly=True)
        images = helpers.images(48, (4, 4, 1))
        gan.fit(images, batch_size=16, epochs=epochs, verbose=0, callbacks=list(callbacks))
        return gan

    whole = trained(2)
    trained(1, TrainingBackup(tmp_path / "backup"))
    again = trained(2, TrainingBackup(tmp_path / "backup"))
    assert "augmentations/0" in whole.run_state()
    assert_same_state(again, whole.run_state())


# === Terms that augment ===


class Brighter(Augmentation):
    """Images brighter by how many the run has seen."""

    def draws(self, seed, rows):
        return None

    def __call__(self, tensors, seed, images_seen=0):
        return {name: x + tf.cast(images_seen, x.dtype) for name, x in tensors.items()}


def test_terms_are_told_how_many_images_the_run_has_seen():
    network, shown = scene(images_seen=3)
    weights = network.get_weights()[0]
    expected = 2.0 * (3.0 * weights.sum()) ** 2  # of either side
    np.testing.assert_allclose(BalancedConsistency(Brighter()).value(shown), expected, rtol=1e-3)


@pytest.mark.slow
def test_a_step_tells_terms_how_many_images_the_run_has_seen():
    gan = small(None, terms=[BalancedConsistency(Brighter(), weight=1e-9)])
    logs = gan.fit(helpers.images(16, (4, 4, 1)), batch_size=8, verbose=0).history
    assert logs["balanced_consistency"][0] > 0.0  # at the first step none have been seen


def test_consistency_is_of_the_sides_that_there_are():
    network, shown = scene()
    critic = CompiledCritic("critic", network, real=("x",), fake=())
    alone = Scene({"x": tf.constant(IMAGES)}, [critic], player="discriminator", seed=shown.seed)
    translate = DiffAugment("translation")
    moved = network(translate({"x": IMAGES}, SEED)["x"])
    expected = (network(IMAGES) - moved)[:, 0] ** 2
    np.testing.assert_allclose(BalancedConsistency(translate).value(alone), expected, rtol=1e-4)
    with pytest.raises(ValueError, match="needs a fake side of critic 'critic', which has none"):
        alone.fake("critic")


def test_terms_with_nothing_to_change_or_to_follow_are_refused():
    translate = DiffAugment("translation")
    gan = GAN(helpers.generator(), helpers.discriminator())
    with pytest.raises(ValueError, match="DiffAugment changes images.*Leave out 'balanced_cons"):
        gan.compile(terms=[BalancedConsistency(translate)])
    with pytest.raises(ValueError, match="no critic takes.*Leave out 'balanced_consistency_rows'"):
        of_several_critics(None, terms=[BalancedConsistency(translate, "rows")])
    of_several_critics(None, terms=[BalancedConsistency(translate, "pictures")])
    follows = "probability would stay where it is.*Give the same object as `augment=`"
    refused(follows, augmentation=None, terms=[BalancedConsistency(Adaptive())])
    refused(follows, augmentation=Adaptive(), terms=[BalancedConsistency(Adaptive())])
    small(None, terms=[BalancedConsistency(Adaptive(target=None, start=0.3))])
    shared = Adaptive()
    small(shared, terms=[BalancedConsistency(shared)])


def test_a_file_keeps_one_augmentation_of_model_and_term(tmp_path):
    shared = Adaptive(start=0.3)
    gan = small(shared, terms=[BalancedConsistency(shared)])
    shared.probability.assign(0.5)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert again.terms[0].augmentation is again.augment
    assert float(again.augment.probability.numpy()) == 0.5


def halved(tensors, seed, images_seen, by):
    return {name: tensor / by for name, tensor in tensors.items()}


@pytest.mark.slow
def test_copies_of_a_model_take_a_plain_function_and_classes_that_are_not_registered():
    images = helpers.images(32, (4, 4, 1))
    for augment in (
        lambda tensors, seed, n: {**tensors},
        functools.partial(halved, by=2),
        Halved(),
    ):
        gan = small(augment, terms=[BalancedConsistency(Halved())], run_eagerly=True)
        gan.fit(images, batch_size=16, verbose=0)
        gap = duality_gap(gan, steps=1, num_samples=16, batch_size=8)
        assert np.isfinite(gap["duality_gap"])
