"""DiracGAN (Mescheder et al., 2018): what should converge does, what should circle does.

The generator puts a point at theta, the discriminator is `psi * x`, the data sit at 0. The whole
table runs on the package's pure losses and penalties, differentiated by TensorFlow; alternating
gradient descent with learning rate 0.05 from (1, 1); `r = sqrt(theta^2 + psi^2)`.
"""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import losses, regularizers
from keras_gan.model import gan as gan_module

RATE, STEPS = 0.05, 5_000
LIMIT = 1.2  # of weight clipping: inside the start's circle of radius sqrt(2)
START = np.sqrt(2.0)
SEED = tf.constant([1, 2])

CIRCLING = ["minimax", "wasserstein", "hinge"]
SUBLINEAR = ["non_saturating", "relativistic_paired", "relativistic_average"]
GAMES = CIRCLING + SUBLINEAR


# A game of each kind has every penalty; XLA takes its time to compile one.
QUICK = ("hinge", "relativistic_paired")


UNIT = list(zip(QUICK, ("gradient_penalty", "dragan"), strict=True))


def each_with(*names):
    """Each game with each regularizer."""
    return [
        pytest.param(loss, name, marks=() if loss in QUICK or name == "r1" else pytest.mark.slow)
        for loss in GAMES
        for name in names
    ]


def make(name):
    """A regularizer of weight 1: gamma = 1, lambda = 1, target = 1."""
    if name is None:
        return None
    if name == "weight_clipping":
        return regularizers.WeightClipping(LIMIT)
    return type(regularizers.get(name))(1.0)


@functools.cache
def game(loss_name, regularizer_name):
    """A function that plays a number of steps from the start, and gives `(theta, psi)`."""
    loss, regularizer = losses.get(loss_name), make(regularizer_name)
    psi, theta = keras.Variable([[1.0]]), keras.Variable([[1.0]])
    real = tf.zeros([1, 1])

    class Discriminator:
        trainable_variables = [psi]

    def score(samples):
        return samples @ psi.value

    def step(i):
        fake = tf.convert_to_tensor(theta.value)
        with tf.GradientTape() as tape:
            logits = {"real_logits": score(real), "fake_logits": score(fake)}
            value = tf.reduce_sum(loss.discriminator_loss(**logits))
            if regularizer is not None and regularizer.penalizes:
                value += tf.reduce_sum(regularizer.penalty(score, real, fake, seed=SEED, **logits))
        psi.assign(psi.value - RATE * tape.gradient(value, psi.value))
        if regularizer is not None:
            regularizer.after_update(Discriminator, **logits)
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(loss.generator_loss(score(real), score(theta.value)))
        theta.assign(theta.value - RATE * tape.gradient(value, theta.value))
        return i + 1

    @tf.function(jit_compile=True)
    def run(steps):
        tf.while_loop(lambda i: i < steps, step, [tf.constant(0)])

    # A regularizer may keep something, too.
    start = [(v, v.numpy()) for v in (psi, theta, *getattr(regularizer, "variables", ()))]

    def play(steps):
        for variable, value in start:
            variable.assign(value)
        run(tf.constant(steps))
        return float(theta.numpy()[0, 0]), float(psi.numpy()[0, 0])

    return play


@functools.cache
def final_state(loss_name, regularizer_name=None, steps=STEPS):
    """`(theta, psi)` after alternating descent, in one compiled loop."""
    return game(loss_name, regularizer_name)(steps)


def radius(*arguments, **options):
    return float(np.hypot(*final_state(*arguments, **options)))


@pytest.mark.parametrize("loss", CIRCLING)
def test_circles_without_a_regularizer(loss):
    assert 0.7 * START < radius(loss) < 1.2 * START


@pytest.mark.parametrize("loss", CIRCLING)
def test_circles_with_clipping_too(loss):
    # The largest circle that the limit leaves room for.
    assert 0.7 * START < radius(loss, "weight_clipping") <= LIMIT


@pytest.mark.parametrize(
    "loss",
    [pytest.param(loss, marks=() if loss in QUICK else pytest.mark.slow) for loss in SUBLINEAR],
)
def test_clipping_that_does_not_bind_changes_nothing(loss):
    assert final_state(loss, "weight_clipping") == final_state(loss)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic_paired"])
@pytest.mark.parametrize("steps, expected", [(100, 0.97), (1_000, 0.39), (5_000, 0.18)])
def test_shrinks_sublinearly_without_a_regularizer(loss, steps, expected):
    assert radius(loss, steps=steps) == pytest.approx(expected, abs=0.02)


def test_relativistic_average_shrinks_faster_than_the_paired_game():
    # With one sample on each side, m(r) = r and m(f) = f: it plays with twice the stakes.
    assert 1e-3 < radius("relativistic_average") < radius("relativistic_paired")


@pytest.mark.parametrize(("loss", "regularizer"), each_with("r1", "r2"))
def test_converges_with_zero_centred_penalties(loss, regularizer):
    assert radius(loss, regularizer) < 1e-3


# Each of the two penalties with one of the quick games.
@pytest.mark.parametrize(
    ("loss", "regularizer"),
    [
        pytest.param(*game, marks=() if game in UNIT else pytest.mark.slow)
        for game in itertools.product(GAMES, ("gradient_penalty", "dragan"))
    ],
)
def test_unit_gradients_do_not_converge(loss, regularizer):
    assert radius(loss, regularizer) > 0.7 * START


@pytest.mark.parametrize(("loss", "regularizer"), each_with("lecam"))
def test_lecam_damps_but_only_sublinearly(loss, regularizer):
    # It pulls on logits, whose squares vanish at the equilibrium faster than the forces do.
    early, late = radius(loss, regularizer, steps=500), radius(loss, regularizer)
    assert 1e-3 < late < 0.5 * early < 0.5 * START


@pytest.mark.parametrize(
    "regularizer",
    [
        *(None, "r1"),
        *(pytest.param(r, marks=pytest.mark.slow) for r in ("r2", "lecam", "weight_clipping")),
    ],
)
def test_least_squares_freezes_elsewhere(regularizer):
    theta, psi = final_state("least_squares", regularizer)
    assert abs(theta) > 1.0 and psi == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    "regularizer", ["gradient_penalty", pytest.param("dragan", marks=pytest.mark.slow)]
)
def test_least_squares_with_unit_gradients_does_not_even_freeze(regularizer):
    theta, psi = final_state("least_squares", regularizer)
    assert abs(theta) > 1.0 and abs(psi) > 0.05


def test_least_squares_with_r1_is_the_game_by_hand():
    theta = psi = 1.0
    for _ in range(STEPS):
        psi -= RATE * (psi * theta**2 + psi)
        theta -= RATE * (psi * theta - 1.0) * psi
    np.testing.assert_allclose(final_state("least_squares", "r1"), (theta, psi), atol=1e-4)


def dirac_model(loss, penalties):
    latents = keras.Input((1,), name="latents")
    # The point does not depend on the noise: a kernel of zero that is not trained, and a bias.
    point = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones")
    generator = keras.Model(latents, point(latents), name="generator")
    samples = keras.Input((1,), name="samples")
    score = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(samples)
    discriminator = keras.Model(samples, score, name="discriminator")
    # The noise must not move the point.
    point.kernel.trainable = False
    model = gan_module.GAN(generator, discriminator, ema_halflife_images=None)
    model.compile(
        keras.optimizers.SGD(RATE),
        keras.optimizers.SGD(RATE),
        loss=loss,
        regularizers=penalties,
        steps_per_execution=1,
    )
    return model, point


@pytest.mark.parametrize(
    "loss, penalty",
    [
        pytest.param("wasserstein", None, marks=pytest.mark.slow),
        ("non_saturating", "r1"),
    ],
)
def test_fit_plays_the_same_game(loss, penalty):
    penalties = [regularizers.R1(weight=1.0)] if penalty else []
    model, point = dirac_model(loss, penalties)
    steps = 200
    model.fit(
        np.zeros((64, 1), "float32"), batch_size=1, epochs=1, steps_per_epoch=steps, verbose=0
    )
    theta = float(point.bias.numpy()[0])
    psi = float(model.discriminator.get_weights()[0][0, 0])
    np.testing.assert_allclose((theta, psi), final_state(loss, penalty, steps=steps), atol=2e-4)
