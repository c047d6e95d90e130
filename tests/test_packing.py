"""Packs: how they are joined, what is scored, penalised and counted; nothing cuts or mixes them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import AdversarialModel, Critic, losses, networks, regularizers, terms
from keras_gan.backend import packing, replicas
from keras_gan.model.gan import GAN


def linear(weights):
    """A discriminator of packs: `weights` times the joined values."""
    weights = np.asarray(weights, "float32")
    inputs = keras.Input((len(weights),))
    score = keras.layers.Dense(1, use_bias=False)
    network = keras.Model(inputs, score(inputs), name="discriminator")
    score.kernel.assign(weights[:, None])
    return network


def packed_gan(pack=2, rate=0.03, **settings):
    gan = GAN(helpers.generator(), helpers.discriminator((2 * pack,)), pack=pack)
    gan.compile(*(keras.optimizers.SGD(rate) for _ in range(2)), **settings)
    return gan


# === Joining ===


@pytest.mark.parametrize("shape", [(2,), (5, 3), (4, 6, 3)])
def test_neighbours_are_joined_along_the_last_axis(shape):
    samples = np.random.normal(size=(6, *shape)).astype("float32")
    packs = packing.packed(tf.constant(samples), 3)
    assert packs.shape == (2, *packing.packed_shape(shape, 3))
    for number in range(2):
        members = samples[3 * number : 3 * number + 3]
        np.testing.assert_array_equal(packs[number], np.concatenate(members, axis=-1))


def test_every_kth_pack_and_the_last_one_filled():
    rows = tf.range(12)[:, None]
    assert packing.take_every(rows, 1, 3, 2)[:, 0].numpy().tolist() == [2, 3, 8, 9]
    assert packing.take_every(rows, 1, 3, 1)[:, 0].numpy().tolist() == [1, 4, 7, 10]
    assert packing.pad_to_pack(rows[:5], 3)[:, 0].numpy().tolist() == [0, 1, 2, 3, 4, 0]
    assert packing.pad_to_pack(rows[:1], 3)[:, 0].numpy().tolist() == [0, 0, 0]
    assert packing.pad_to_pack(rows[:6], 3).shape[0] == 6


# === A pack is one input ===

WEIGHTS = [0.5, -1.0, 2.0, 0.25]


def test_draws_in_a_micro_batch_are_those_of_its_samples_or_packs():
    def drawn(rows):
        return replicas.local_rows(tf.range, rows).numpy().tolist()

    with replicas.micro_batch(1, 2, pack=4):
        assert drawn(8) == [4, 5, 6, 7, 12, 13, 14, 15]
        with replicas.rows_of(2):
            assert drawn(4) == [2, 3, 6, 7]
        with replicas.rows_of(4):
            assert drawn(2) == [1, 3]
    assert drawn(3) == [0, 1, 2]


@pytest.mark.parametrize(
    "regularizer, expected",
    [
        (regularizers.R1(1.0), np.sum(np.square(WEIGHTS)) / 2),
        (regularizers.R2(1.0), np.sum(np.square(WEIGHTS)) / 2),
        (regularizers.GradientPenalty(1.0), (np.linalg.norm(WEIGHTS) - 1) ** 2),
        (regularizers.DRAGAN(1.0), (np.linalg.norm(WEIGHTS) - 1) ** 2),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_gradients_are_those_of_the_joint_input(regularizer, expected):
    gan = GAN(helpers.generator(), linear(WEIGHTS), pack=2)
    gan.compile("sgd", "sgd", regularizers=[regularizer], run_eagerly=True)
    logs = gan.train_on_batch(helpers.points(8), return_dict=True)
    assert logs[regularizer.name] == pytest.approx(expected, rel=1e-5)


def test_one_step_by_hand():
    gan = GAN(helpers.generator(), linear(WEIGHTS), pack=2, ema_halflife_images=None)
    gan.compile(
        keras.optimizers.SGD(0.0),
        keras.optimizers.SGD(1.0),
        loss=losses.Wasserstein(),
        run_eagerly=True,
    )
    real = helpers.points(6)
    gan.set_phase("discriminator")
    before = np.array(WEIGHTS)
    seen = []
    (critic,) = gan._game.critics
    judge = critic.run

    def watched(samples, condition, *, training):
        seen.extend(samples)
        return judge(samples, condition, training=training)

    critic.run = watched
    logs = gan.train_on_batch(real, return_dict=True)
    # Of the reals as they come, and of generated samples as many; never of both.
    np.testing.assert_array_equal(seen[0], real.reshape(3, 4))
    fake = seen[1].numpy()
    assert fake.shape == (3, 4)
    expected = (fake @ before).mean() - (real.reshape(3, 4) @ before).mean()
    assert logs["d_loss"] == pytest.approx(expected, abs=1e-6)
    moved = before - (fake.mean(axis=0) - real.reshape(3, 4).mean(axis=0))
    np.testing.assert_allclose(gan.discriminator.get_weights()[0][:, 0], moved, rtol=1e-5)
    assert gan.images_seen == 6


def test_scores_and_evaluations_are_of_packs():
    gan = GAN(helpers.generator(), linear(WEIGHTS), pack=2)
    gan.compile("sgd", "sgd", loss=losses.Wasserstein(), run_eagerly=True)
    points = helpers.points(5)
    filled = np.concatenate([points, points[:1]]).reshape(3, 4)
    for batch_size in (1, 2, 256):
        scores = gan.score(points, batch_size=batch_size)
        np.testing.assert_allclose(scores, filled @ np.array(WEIGHTS, "float32"), rtol=1e-5)
    logs = gan.evaluate(points, batch_size=5, return_dict=True, verbose=0)
    fake_mean = logs["d_loss"] + scores.mean()
    assert logs["g_loss"] == pytest.approx(-fake_mean, abs=1e-5)
    assert gan.generate(3, seed=0).shape == (3, 2)


# === As one ===

HARD = {
    "loss": "relativistic_paired",
    "regularizers": ["r1", "gradient_penalty"],
    "discriminator_steps": 2,
}


def trained(**settings):
    keras.utils.set_random_seed(0)
    gan = packed_gan(**settings)
    return gan, gan.fit(helpers.points(8 * 2), batch_size=8, verbose=0).history


# Where a graph is made: of replicas, each update more takes as long again to trace.
QUICK = {"loss": "relativistic_paired", "regularizers": ["gradient_penalty"]}


@pytest.mark.parametrize("eagerly", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_micro_batches_cut_no_pack(eagerly):
    settings = HARD if eagerly else QUICK
    cut, cut_logs = trained(**settings, accumulation_steps=2, run_eagerly=eagerly)
    whole, whole_logs = trained(**settings, run_eagerly=True)
    for a, b in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=5e-6)
    for key in whole_logs:
        np.testing.assert_allclose(whole_logs[key], cut_logs[key], atol=1e-5, err_msg=key)


@pytest.mark.slow
def test_two_replicas_cut_no_pack(two_replicas):
    one, one_logs = trained(**QUICK, run_eagerly=True)
    with two_replicas.scope():
        two, two_logs = trained(**QUICK)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=5e-6)
    for key in one_logs:
        np.testing.assert_allclose(one_logs[key], two_logs[key], atol=1e-5, err_msg=key)


# === Settings ===


@pytest.mark.parametrize(
    "family",
    [
        *(networks.mlp, networks.r3gan),
        *(pytest.param(f, marks=pytest.mark.slow) for f in (networks.dcgan, networks.resnet)),
    ],
)
def test_networks_of_packs(family, tmp_path):
    gan = GAN(*family((8, 8, 1), latent_dim=3, pack=3), pack=3)
    assert gan.discriminator.input_shape == (None, 8, 8, 3) and gan.sample_shape == (8, 8, 1)
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    assert twin.pack == 3
    images = helpers.images(4)
    np.testing.assert_array_equal(twin.score(images), gan.score(images))
    assert len(gan.score(images)) == 2


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: GAN(helpers.generator(), helpers.discriminator(), pack=2), "with `pack=2`"),
        (lambda: GAN(helpers.generator(), helpers.discriminator((4,))), "of the shape"),
        (lambda: GAN(helpers.generator(), helpers.discriminator(), pack=0), "pack=0"),
        (lambda: networks.dcgan((8, 8, 1), pack=2, num_classes=3), "one label.*num_classes=3"),
        (
            lambda: GAN(
                helpers.generator(num_classes=3),
                helpers.discriminator((4,), num_classes=3),
                num_classes=3,
                pack=2,
            ),
            "must be 1 for a conditional model",
        ),
        (lambda: packed_gan().fit(helpers.points(), batch_size=9), "batch_size=9, shares=2"),
        (lambda: packed_gan(3).train_on_batch(helpers.points(8)), "no pack is cut.*shares=3"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("replicated", [False, True])
def test_terms_of_an_evaluation_are_means_over_the_rows_that_there_are(replicated, request):
    strategy = request.getfixturevalue("two_replicas") if replicated else None
    with (strategy or tf.distribute.get_strategy()).scope():
        inputs = keras.Input((2,), name="a")
        generator = keras.Model({"a": inputs}, {"fake": keras.layers.Dense(2)(inputs)})
        critic = Critic(linear([1.0] * 8), real="b", fake="fake", pack=4)
        model = AdversarialModel(generator, critic)
        model.compile(terms=[terms.L1("b", "fake")], steps_per_execution=1)
    data = {name: helpers.points(22, seed=seed) for seed, name in enumerate("ab")}
    made = model.generate(inputs=data["a"], averaged=False)
    found = model.evaluate(data, batch_size=16, verbose=0, return_dict=True)
    assert found[model.terms[0].name] == pytest.approx(np.abs(made - data["b"]).mean(), rel=1e-5)
