"""Keras's optimizers do what they do in Keras: compared with Keras on gradients that are known."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

import helpers
import keras_gan
from keras_gan.model.gan import GAN

STEPS = 3  # what happens in every second one happens, and has an effect
REAL = np.array([[0.3, -0.7, 0.2], [0.5, 0.1, -0.4]], "float32")
START = np.array([[0.4], [-0.2], [0.9]], "float32")
# The generator makes zeros and the critic is linear: `d_loss` is -mean(real) @ weights.
GRADIENT = -REAL.mean(axis=0)[:, None]


@pytest.fixture(scope="module")
def made():
    """A game, and the only layer of its critic, which has the constant gradient `GRADIENT`."""
    latents, samples = keras.Input((helpers.LATENT,)), keras.Input((3,))
    generator = keras.layers.Dense(3, use_bias=False, kernel_initializer="zeros", name="g")
    critic = keras.layers.Dense(1, use_bias=False, name="d")
    gan = GAN(
        keras.Model(latents, generator(latents)), keras.Model(samples, critic(samples)), seed=1
    )
    return gan, critic


@pytest.fixture
def critic_game(made):
    """A function that compiles the game with an optimizer of its critic, as if it were new."""

    def compiled(optimizer):
        gan, critic = made
        critic.kernel.assign(START)
        gan.compile(optimizers.SGD(0.1), optimizer, loss="wasserstein", run_eagerly=True)
        gan.set_phase("discriminator")
        return gan

    return compiled


def keras_alone(optimizer):
    """The weights to which Keras's optimizer comes on the same gradients."""
    kernel = keras.Variable(START, name="kernel")
    optimizer.build([kernel])
    for _ in range(STEPS):
        optimizer.apply([optimizer.scale_loss(tf.constant(GRADIENT))], [kernel])
    optimizer.finalize_variable_values([kernel])
    return kernel.numpy()


def of_parts(default, parts=(), **options):
    """A `MultiOptimizer` of a default one, and others by patterns of paths."""
    parts = optimizers.OptimizerMap(default, dict(parts))
    return optimizers.MultiOptimizer(parts, **options)


decay = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: optimizers.SGD(decay),
        lambda: optimizers.SGD(0.1, clipnorm=0.2),
        lambda: optimizers.SGD(0.1, global_clipnorm=0.2),
        lambda: optimizers.SGD(0.1, weight_decay=0.1),
        lambda: optimizers.SGD(0.1, loss_scale_factor=3.0, clipvalue=0.1),
        lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
        lambda: optimizers.LossScaleOptimizer(
            optimizers.SGD(0.1, clipnorm=0.2, weight_decay=0.1), dynamic_growth_steps=2
        ),
        lambda: optimizers.AdamW(0.1),
        lambda: optimizers.Muon(0.1),
        lambda: optimizers.ScheduleFreeAdamW(0.1),
        lambda: of_parts(optimizers.SGD(0.1, momentum=0.9)),
        lambda: of_parts(optimizers.Adam(0.1), loss_scale_factor=8.0),
        # Without an option that the package knows of.
        *(
            pytest.param(functools.partial(getattr(optimizers, name), 0.1), marks=pytest.mark.slow)
            for name in ("Adadelta", "Adafactor", "Adagrad", "Adamax")
            + ("Ftrl", "Lamb", "Lion", "Nadam")
        ),
        # Each option of these is among those above.
        *(
            pytest.param(make, marks=pytest.mark.slow)
            for make in (
                lambda: optimizers.SGD(lambda: 0.1),
                lambda: optimizers.SGD(0.1, loss_scale_factor=8),
                lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
                lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=4.0),
                lambda: optimizers.SGD(0.1, clipvalue=0.1),
                lambda: optimizers.Adam(0.1, amsgrad=True),
                lambda: optimizers.RMSprop(0.1, centered=True),
            )
        ),
    ],
)
def test_every_optimizer_is_as_in_keras(critic_game, make):
    optimizer = make()
    gan = critic_game(optimizer)
    for _ in range(STEPS):
        gan.train_on_batch(REAL)
    gan.optimizer.finalize_variable_values(gan.trainable_variables)
    (weights,) = gan.discriminator.get_weights()
    assert not np.allclose(weights, START, atol=1e-4)
    np.testing.assert_allclose(weights, keras_alone(make()), atol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: optimizers.SGD(np.nan), "`learning_rate` of .* must be finite. Received: learn"),
        (lambda: optimizers.SGD(-1e-3), "`learning_rate` of .* must not be negative"),
        (lambda: optimizers.SGD(lambda: np.inf), "`learning_rate` of .* must be finite"),
        (
            lambda: optimizers.LossScaleOptimizer(optimizers.Adam(1e-3, beta_1=np.nan)),
            "`beta_1` of `discriminator_optimizer` must be finite. Received: beta_1=nan.",
        ),
        (lambda: optimizers.AdamW(1e-3, weight_decay=np.inf), "`weight_decay` of .* finite"),
        (lambda: optimizers.SGD(0.1, loss_scale_factor=0), "`loss_scale_factor` of .* above 0"),
        (
            lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2),
            r"compile\(accumulation_steps",
        ),
        (
            lambda: optimizers.LossScaleOptimizer(of_parts(optimizers.SGD(0.1))),
            "must be one optimizer with one learning rate where the loss is scaled",
        ),
        (lambda: of_parts(optimizers.SGD(-0.1)), "`learning_rate` of .* must not be negative"),
        *(
            (functools.partial(keras_gan.optimizers.Adam, **{key: value}), f"`{key}` of .*{told}")
            for key, value, told in (
                ("clipnorm", -1, "above 0, .*Received: clipnorm=-1. Leave it out"),
                ("clipvalue", -1.0, "above 0"),
                ("global_clipnorm", 0, "above 0"),
                ("epsilon", -1.0, "not be negative. Received: epsilon=-1.0"),
                ("weight_decay", -0.1, "not be negative"),
                ("beta_1", 1.0, r"in \[0, 1\). Received: beta_1=1.0"),
                ("beta_1", -1, r"in \[0, 1\)"),
            )
        ),
        (lambda: optimizers.Adam(beta_2=1.0), r"`beta_2` of .* in \[0, 1\)"),
        (lambda: optimizers.SGD(0.1, momentum=1.0), r"`momentum` of .* in \[0, 1\)"),
        (lambda: optimizers.RMSprop(0.1, rho=-1), r"`rho` of .* in \[0, 1\)"),
    ],
)
def test_what_cannot_be_as_in_keras_is_refused(critic_game, make, message):
    with pytest.raises(ValueError, match=message):
        critic_game(make())


# === Rates that follow a schedule ===


class Halving(keras.callbacks.Callback):
    """A user's callback that sets the rate of both players."""

    def on_epoch_end(self, epoch, logs=None):
        for optimizer in self.model.optimizer.optimizers:
            optimizer.learning_rate = float(optimizer.learning_rate) / 2.0


PLATEAU = keras.callbacks.ReduceLROnPlateau("d_loss")


@pytest.mark.parametrize(
    ("make", "callback"),
    [
        (
            lambda: keras_gan.optimizers.Adam(keras_gan.schedules.Cosine(0.1, 0.0, over_steps=9)),
            PLATEAU,
        ),
        (
            lambda: optimizers.SGD(decay),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        ),
        (lambda: optimizers.SGD(lambda: 0.1), PLATEAU),
    ],
    ids=["ours", "keras's", "callable"],
)
def test_a_rate_that_follows_a_schedule_is_not_set_by_a_callback(critic_game, make, callback):
    gan = critic_game(make())
    before = gan.steps_seen
    told = "of `discriminator` follows a schedule. Received: callback='(Reduce|Learning)"
    for given in (callback, keras.callbacks.CallbackList([callback])):
        with pytest.raises(ValueError, match=told):
            gan.fit(REAL, batch_size=2, callbacks=given)
    assert gan.steps_seen == before


def test_a_users_callback_that_sets_such_a_rate_is_told_whose_it_is(critic_game):
    gan = critic_game(keras_gan.optimizers.Adam(keras_gan.schedules.Cosine(1.0, 0.0, 9)))
    with pytest.raises(TypeError, match="`discriminator_optimizer` follows a schedule"):
        gan.fit(REAL, batch_size=2, verbose=0, callbacks=Halving())


# === Parts of a player with rates of their own ===


def of_two_parts(first=0.1, last=0.0, **options):
    """A tiny GAN whose generator's first and last layer have optimizers of their own."""
    generator = helpers.generator()
    *_, layer = (layer for layer in generator.layers if layer.weights)
    parts = {f"{layer.name}/.*": optimizers.SGD(last)}
    gan = GAN(generator, helpers.discriminator())
    gan.compile(of_parts(optimizers.SGD(first), parts), run_eagerly=True, **options)
    return gan


def test_parts_have_rates_of_their_own():
    gan = of_two_parts()
    before = gan.generator.get_weights()
    gan.train_on_batch(helpers.points(8))
    after = gan.generator.get_weights()
    assert not np.array_equal(before[0], after[0])
    assert helpers.same(before[2:], after[2:])
    # Keras's callbacks find each part, to change its rate.
    rates = [float(optimizer.learning_rate) for optimizer in gan.optimizer.optimizers]
    np.testing.assert_allclose(rates, [0.0, 0.1, 2e-4], rtol=1e-6)
    assert [optimizer.name for optimizer in gan.optimizer.optimizers] == [
        "generator_optimizer_0",
        "generator_optimizer_1",
        "discriminator_optimizer",
    ]


def test_a_part_whose_rate_is_not_finite_leaves_the_update_out():
    gan = of_two_parts(last=0.1)
    gan.generator_optimizer.optimizers[0].learning_rate = np.nan
    before = gan.generator.get_weights()
    gan.train_on_batch(helpers.points(8))
    assert helpers.same(before, gan.generator.get_weights())
    assert gan.first_failure["cause"] == "learning_rate"
    assert np.isnan(gan.first_failure["learning_rate"])
