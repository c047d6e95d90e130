"""DiracGAN (Mescheder et al., 2018): what should converge does, what should circle does.

The generator puts a point at theta, the discriminator is `psi * x`, the data sit at 0. The whole
table runs on the package's pure losses and penalties, differentiated by TensorFlow; alternating
gradient descent with learning rate 0.05 from (1, 1); `r = sqrt(theta^2 + psi^2)`.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import gan as gan_module
from keras_gan import losses, regularizers

RATE, STEPS = 0.05, 5_000
CIRCLING = ["minimax", "wasserstein", "hinge"]
SUBLINEAR = ["non_saturating", "relativistic_paired"]
SEED = tf.constant([1, 2])


@functools.cache
def final_state(loss_name, regularizer_name=None, steps=STEPS, clip=None):
    """`(theta, psi)` after alternating descent, in one compiled loop."""
    loss = losses.get(loss_name)
    penalty = regularizers.get(regularizer_name) if regularizer_name else None
    if regularizer_name in ("r1", "r2"):
        penalty = type(penalty)(weight=1.0)  # gamma = 1
    elif penalty is not None:
        penalty = type(penalty)(weight=1.0, target=1.0)

    def body(theta, psi):
        real, fake = tf.zeros([1, 1]), tf.reshape(theta, [1, 1])
        with tf.GradientTape() as tape:
            tape.watch(psi)
            score = lambda x: psi * x  # noqa: E731
            value = loss.discriminator_loss(score(real), score(fake))
            if penalty is not None:
                value += penalty.penalty(score, real, fake, seed=SEED)
        psi = psi - RATE * tf.reshape(tape.gradient(value, psi), [])
        if clip:
            psi = tf.clip_by_value(psi, -clip, clip)
        with tf.GradientTape() as tape:
            tape.watch(theta)
            value = loss.generator_loss(psi * real, psi * tf.reshape(theta, [1, 1]))
        return theta - RATE * tf.reshape(tape.gradient(value, theta), []), psi

    @tf.function(jit_compile=True)
    def run():
        return tf.while_loop(
            lambda i, theta, psi: i < steps,
            lambda i, theta, psi: (i + 1, *body(theta, psi)),
            (tf.constant(0), tf.constant(1.0), tf.constant(1.0)),
        )

    _, theta, psi = run()
    return float(theta), float(psi)


def radius(*arguments, **options):
    return float(np.hypot(*final_state(*arguments, **options)))


@pytest.mark.parametrize("loss", CIRCLING)
def test_circles_without_a_regularizer(loss):
    # The start is at sqrt(2).
    assert 0.7 * np.sqrt(2) < radius(loss) < 1.2 * np.sqrt(2)


def test_wasserstein_circles_with_clipping_too():
    # The largest circle that the limit leaves room for.
    assert 0.7 * np.sqrt(2) < radius("wasserstein", clip=1.2) < 1.2


@pytest.mark.parametrize("loss", SUBLINEAR)
@pytest.mark.parametrize("steps, expected", [(100, 0.97), (1_000, 0.39), (5_000, 0.18)])
def test_shrinks_sublinearly_without_a_regularizer(loss, steps, expected):
    assert radius(loss, steps=steps) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("loss", CIRCLING + SUBLINEAR)
@pytest.mark.parametrize("regularizer", ["r1", "r2"])
def test_converges_with_zero_centred_penalties(loss, regularizer):
    assert radius(loss, regularizer) < 1e-3


@pytest.mark.parametrize("loss", CIRCLING + SUBLINEAR)
@pytest.mark.parametrize("regularizer", ["gradient_penalty", "dragan"])
def test_unit_gradients_do_not_converge(loss, regularizer):
    assert radius(loss, regularizer) > 0.05


def test_relativistic_average_is_twice_the_paired_game():
    # With one sample on each side, m(r) = r and m(f) = f.
    assert radius("relativistic_average", "r1") < 1e-3
    assert 0.0 < radius("relativistic_average") < radius("relativistic_paired")


def test_least_squares_freezes_elsewhere():
    theta = psi = 1.0  # the same game by hand
    for _ in range(STEPS):
        psi -= RATE * (psi * theta**2 + psi)
        theta -= RATE * (psi * theta - 1.0) * psi
    assert theta > 1.0  # not at the data
    np.testing.assert_allclose(final_state("least_squares", "r1"), (theta, psi), atol=1e-4)


def dirac_model(loss, penalties):
    latents = keras.Input((1,), name="latents")
    # The point does not depend on the noise: a kernel of zero that is not trained, and a bias.
    point = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones")
    generator = keras.Model(latents, point(latents), name="generator")
    samples = keras.Input((1,), name="samples")
    score = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(samples)
    discriminator = keras.Model(samples, score, name="discriminator")
    model = gan_module.GAN(generator, discriminator, ema_halflife_images=None)
    model.compile(
        keras.optimizers.SGD(RATE),
        keras.optimizers.SGD(RATE),
        loss=loss,
        regularizers=penalties,
        steps_per_execution=50,
    )
    return model, point


@pytest.mark.parametrize("loss, penalty", [("wasserstein", None), ("non_saturating", "r1")])
def test_fit_plays_the_same_game(loss, penalty):
    penalties = [regularizers.R1(weight=1.0)] if penalty else []
    model, point = dirac_model(loss, penalties)
    steps = 400
    # A large batch: the noise reaches the point through the kernel, whose mean effect is zero.
    point.kernel.trainable = False
    model.compile(
        keras.optimizers.SGD(RATE),
        keras.optimizers.SGD(RATE),
        loss=loss,
        regularizers=penalties,
        steps_per_execution=50,
    )
    model.fit(
        np.zeros((64, 1), "float32"), batch_size=1, epochs=1, steps_per_epoch=steps, verbose=0
    )
    theta = float(point.bias.numpy()[0])
    psi = float(model.discriminator.get_weights()[0][0, 0])
    np.testing.assert_allclose((theta, psi), final_state(loss, penalty, steps=steps), atol=2e-4)
