"""Half precision: a loss scale for each player, float32 penalties, exact saving."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan import losses, recipes, regularizers
from keras_gan.backend.gradients import MemoizedDiscriminator, input_gradients
from keras_gan.model.gan import GAN

pytestmark = pytest.mark.usefixtures("optimized_graphs")


def gan(policy="mixed_float16", *, weight=1.0, seed=0, **settings):
    """A tiny GAN of some precision; `weight` scales the discriminator's last layer."""
    keras.utils.set_random_seed(seed)
    latents, samples = keras.Input((helpers.LATENT,)), keras.Input((2,))
    x = layers.Dense(16, activation="relu", dtype=policy)(latents)
    generator = keras.Model(latents, layers.Dense(2, dtype="float32")(x))
    x = layers.LeakyReLU(0.2, dtype=policy)(layers.Dense(16, dtype=policy)(samples))
    last = keras.initializers.RandomNormal(stddev=0.3 * weight, seed=1)
    x = layers.Dense(1, kernel_initializer=last, dtype=policy)(x)
    model = GAN(generator, keras.Model(samples, layers.Activation("linear", dtype="float32")(x)))
    optimizers = [keras.optimizers.SGD(0.05) for _ in range(2)]
    model.compile(*optimizers, **{"steps_per_execution": 1, **settings})
    return model


@pytest.fixture(scope="module")
def shared():
    """A model that is traced once, and its state at the start."""
    model = gan()
    return model, helpers.snapshot(model)


@pytest.fixture
def model(shared):
    helpers.restore(shared[1])
    return shared[0]


def scales(model):
    optimizers = (model.discriminator_optimizer, model.generator_optimizer)
    return [float(optimizer.dynamic_scale.numpy()) for optimizer in optimizers]


def test_each_float16_player_has_a_loss_scale_of_its_own():
    model = gan()
    assert scales(model) == [2.0**15] * 2
    assert model.generator_optimizer.name == "generator_optimizer"
    own = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0)
    model.compile(own, "sgd")
    assert scales(model) == [2.0**15, 8.0]
    for policy in ("float32", "mixed_bfloat16"):
        assert not hasattr(gan(policy).generator_optimizer, "dynamic_scale")


@functools.cache
def trained(policy):
    settings = {"regularizers": [regularizers.R1(0.5), regularizers.GradientPenalty(0.5, every=2)]}
    model = gan(policy, run_eagerly=True, **settings)  # for a few steps
    logs = model.fit(helpers.points(16 * 6), batch_size=16, verbose=0).history
    assert model.first_failure is None
    return model.get_weights(), logs


@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_half_precision_trains_like_float32(policy):
    (full, full_logs), (half, half_logs) = trained("float32"), trained(policy)
    for a, b in zip(full, half, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-2)
    for key in ("d_loss", "g_loss", "d_gradient_norm", "g_gradient_norm", "r1"):
        assert half_logs[key][0] == pytest.approx(full_logs[key][0], rel=0.03), key


def test_an_overflow_skips_only_that_player_and_is_no_failure(model):
    model.discriminator_optimizer.dynamic_scale.assign(2.0**40)  # no float16 goes that far
    before = helpers.values(model.discriminator.weights), helpers.values(model.generator.weights)
    model.fit(helpers.points(16), batch_size=16, verbose=0)
    assert helpers.same(before[0], helpers.values(model.discriminator.weights))
    assert not helpers.same(before[1], helpers.values(model.generator.weights))
    assert scales(model) == [2.0**39, 2.0**15]
    assert model.first_failure is None
    # The scale comes down until it fits, and the discriminator learns.
    model.fit(helpers.points(16 * 40), batch_size=16, verbose=0)
    assert scales(model)[0] <= 2.0**16
    assert not helpers.same(before[0], helpers.values(model.discriminator.weights))


class Broken(losses.NonSaturating):
    """Finite itself, but never its gradient: a root at zero."""

    def discriminator_loss(self, real_logits, fake_logits):
        return super().discriminator_loss(real_logits, fake_logits) + tf.sqrt(
            0.0 * tf.reduce_sum(tf.abs(real_logits))
        )


def test_what_no_scale_can_help_is_a_failure():
    model = gan(loss=Broken(), run_eagerly=True)
    model.discriminator_optimizer.dynamic_scale.assign(4.0)
    for expected in (2.0, 1.0):
        model.fit(helpers.points(16), batch_size=16, verbose=0)
        assert scales(model)[0] == expected and model.first_failure is None
    with pytest.warns(UserWarning, match="Updates were skipped"):
        model.fit(helpers.points(16), batch_size=16, verbose=0)
    assert scales(model)[0] == 1.0 and model.first_failure["player"] == "discriminator"


def test_a_loss_that_is_not_finite_is_no_matter_of_scale(model):
    kernel = model.discriminator.weights[0]
    kernel.assign(tf.fill(kernel.shape, 3e38))
    with pytest.warns(UserWarning, match="Updates were skipped"):
        model.fit(helpers.points(16), batch_size=16, verbose=0)
    assert scales(model)[0] == 2.0**15 and model.first_failure["player"] == "discriminator"


def test_small_input_gradients_survive_float16():
    model = gan(weight=1e-5)
    full = gan("float32", weight=1e-5)
    samples = tf.constant(helpers.points(8))
    expected = input_gradients(full.discriminator, samples)
    plain = MemoizedDiscriminator(model.discriminator).gradients(samples)
    scaled = MemoizedDiscriminator(model.discriminator, tf.constant(2.0**15)).gradients(samples)
    assert scaled.dtype == "float32"
    np.testing.assert_allclose(scaled, expected, rtol=2e-2, atol=5e-8)  # of up to 9e-6
    assert np.abs(plain - expected).max() > 2 * np.abs(scaled - expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_saving_goes_on_bit_by_bit(policy, tmp_path):
    data = helpers.points(16)
    model = gan(policy, regularizers=["r1"], run_eagerly=True)
    if policy == "mixed_float16":
        model.discriminator_optimizer.dynamic_scale.assign(2.0**18)
    model.fit(data, batch_size=16, verbose=0)
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    twin.run_eagerly = True
    for each in (model, twin):
        each.fit(data, batch_size=16, verbose=0)
    helpers.assert_same(helpers.state(model), helpers.state(twin))


def test_callbacks_see_the_learning_rates_behind_the_scales(model):
    history = model.fit(
        helpers.points(32),
        batch_size=16,
        epochs=2,
        verbose=0,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
            keras.callbacks.ReduceLROnPlateau("g_loss", factor=0.1, patience=0, mode="max"),
        ],
    )
    assert float(model.generator_optimizer.learning_rate) <= 0.05 / 4
    assert "learning_rate_generator_optimizer" in history.history


@pytest.mark.slow
def test_a_recipe_in_half_precision():
    narrow = {"generator_filters": 4, "discriminator_filters": 4}
    model = recipes.dcgan((8, 8, 1), latent_dim=8, precision="mixed_float16", **narrow)
    model.run_eagerly = True
    model.fit(helpers.images(), batch_size=16, verbose=0)
    assert model.first_failure is None and len(scales(model)) == 2
    assert model.generate(2).dtype == np.float32


@pytest.mark.slow
def test_two_replicas_in_float16(two_replicas):
    runs = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            # One device alone needs no graph to be what two are compared with.
            model = gan(regularizers=["r1"], run_eagerly=strategy is not two_replicas)
            model.discriminator_optimizer.dynamic_scale.assign(2.0**20)
        model.fit(helpers.points(16 * 10), batch_size=16, verbose=0)
        runs.append(model)
    assert scales(runs[0]) == scales(runs[1]) and scales(runs[0])[0] < 2.0**20
    for a, b in zip(*(model.get_weights() for model in runs), strict=True):
        np.testing.assert_allclose(a, b, atol=5e-3)
