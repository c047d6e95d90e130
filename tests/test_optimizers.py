"""Keras's optimizers do what they do in Keras: compared with Keras on gradients that are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

import helpers
from keras_gan.model.gan import GAN

STEPS = 5
REAL = np.array([[0.3, -0.7, 0.2], [0.5, 0.1, -0.4]], "float32")
START = np.array([[0.4], [-0.2], [0.9]], "float32")
# The generator makes zeros and the critic is linear: `d_loss` is -mean(real) @ weights.
GRADIENT = -REAL.mean(axis=0)[:, None]


def critic_game(optimizer):
    """A compiled game whose critic has the constant gradient `GRADIENT`."""
    latents, samples = keras.Input((helpers.LATENT,)), keras.Input((3,))
    generator = keras.layers.Dense(3, use_bias=False, kernel_initializer="zeros", name="g")
    critic = keras.layers.Dense(1, use_bias=False, name="d")
    gan = GAN(
        keras.Model(latents, generator(latents)), keras.Model(samples, critic(samples)), seed=1
    )
    critic.kernel.assign(START)
    gan.compile(optimizers.SGD(0.1), optimizer, loss="wasserstein", run_eagerly=True)
    gan.set_phase("discriminator")
    return gan


def keras_alone(optimizer):
    """The weights to which Keras's optimizer comes on the same gradients."""
    kernel = keras.Variable(START, name="kernel")
    optimizer.build([kernel])
    for _ in range(STEPS):
        optimizer.apply([optimizer.scale_loss(tf.constant(GRADIENT))], [kernel])
    optimizer.finalize_variable_values([kernel])
    return kernel.numpy()


decay = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: optimizers.SGD(decay),
        lambda: optimizers.SGD(lambda: 0.1),
        lambda: optimizers.SGD(0.1, clipnorm=0.2),
        lambda: optimizers.SGD(0.1, clipvalue=0.1),
        lambda: optimizers.SGD(0.1, global_clipnorm=0.2),
        lambda: optimizers.SGD(0.1, weight_decay=0.1),
        lambda: optimizers.SGD(0.1, loss_scale_factor=8),
        lambda: optimizers.SGD(0.1, loss_scale_factor=3.0, clipvalue=0.1),
        lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
        lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=4.0),
        lambda: optimizers.LossScaleOptimizer(
            optimizers.SGD(0.1, clipnorm=0.2, weight_decay=0.1), dynamic_growth_steps=2
        ),
        lambda: optimizers.Adadelta(0.1),
        lambda: optimizers.Adafactor(0.1),
        lambda: optimizers.Adagrad(0.1),
        lambda: optimizers.Adam(0.1, amsgrad=True),
        lambda: optimizers.Adamax(0.1),
        lambda: optimizers.AdamW(0.1),
        lambda: optimizers.Ftrl(0.1),
        lambda: optimizers.Lamb(0.1),
        lambda: optimizers.Lion(0.1),
        lambda: optimizers.Muon(0.1),
        lambda: optimizers.Nadam(0.1),
        lambda: optimizers.RMSprop(0.1, centered=True),
        lambda: optimizers.ScheduleFreeAdamW(0.1),
    ],
)
def test_every_optimizer_is_as_in_keras(make):
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
            lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.1))),
            "must be one optimizer with one learning rate",
        ),
    ],
)
def test_what_cannot_be_as_in_keras_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        critic_game(make())
