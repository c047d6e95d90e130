"""Rings and grids of Gaussians: the networks, the game and the measured run.

Networks are `networks.mlp` with larger first layers, so that both can be sharp: a discriminator
must resolve a width of 0.01, a generator must leap between modes. Some latents are signs (+1 or
-1), the others normal: a generator is continuous, and of normal latents alone some always land
between the modes. Nothing in it knows how many modes there are.
"""

import dataclasses
import functools
import math
import time

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan.metrics.mode_coverage import mode_coverage

SAMPLES = 2_500
SAMPLE_SEED = 12_345  # one evaluation, at the end, of samples that were fixed beforehand


@dataclasses.dataclass(frozen=True)
class Mixture:
    """A task and its settings, which were found on seeds from 100 on.

    Attributes:
        draw: of `keras_gan.data`.
        modes: the centres.
        std: of each mode.
        scale: what points are divided by for training, so that their deviation is about 1.
        signs: latents that are +1 or -1.
        normals: latents that are normal.
        steps: updates of each player.
        minutes: what a run takes.
        gamma: weight of R1 and R2, at the start and from four fifths of the run on; it falls
            geometrically in between.
        discriminator_scale: of the first layer's weights, and the bound of its biases.
        generator_scale: likewise.
        learning_rates: the generator's and the discriminator's at the start; a cosine takes both
            to zero.
    """

    draw: object
    modes: np.ndarray
    std: float
    scale: float
    signs: int
    normals: int
    steps: int = 16_000
    minutes: float = 4.0
    batch_size: int = 128
    gamma: tuple = (0.02, 0.0005)
    discriminator_scale: float = 5.0
    generator_scale: float = 3.0
    learning_rates: tuple = (1e-3, 1e-3)


MIXTURES = {
    "ring": Mixture(keras_gan.data.ring, keras_gan.data.ring_modes(), 0.01, 1.0, 8, 8),
    "grid": Mixture(
        keras_gan.data.grid,
        keras_gan.data.grid_modes(),
        0.05,
        math.sqrt(8.0),
        12,
        2,
        steps=32_000,
        batch_size=256,
        gamma=(0.5, 0.0005),
        learning_rates=(1e-3, 2e-3),
    ),
}


def run(task, seed, *, quick=False):
    """Train a mixture under `fit` and judge 2,500 samples of the averaged generator.

    Args:
        task: a key of `MIXTURES`.
        seed: of everything.
        quick: a tenth of the steps.

    Returns:
        The record.
    """
    mixture = MIXTURES[task]
    epochs = 20
    per_epoch = mixture.steps // (200 if quick else 20)
    wall, processor = time.perf_counter(), time.process_time()
    keras.utils.set_random_seed(seed)
    points = mixture.draw(200_000, seed=seed) / np.float32(mixture.scale)
    gan, gamma = game(mixture, seed, epochs * per_epoch)
    anneal = keras.callbacks.LambdaCallback(on_epoch_begin=annealing(gamma, mixture, epochs))
    gan.fit(
        points,
        batch_size=mixture.batch_size,
        epochs=epochs,
        steps_per_epoch=per_epoch,
        verbose=0,
        callbacks=[anneal],
    )
    samples = gan.generate(SAMPLES, seed=SAMPLE_SEED) * mixture.scale
    return {
        "task": task,
        "seed": seed,
        **{k: round(v, 5) for k, v in mode_coverage(samples, mixture.modes, mixture.std).items()},
        "samples": SAMPLES,
        "steps": gan.steps_seen,
        "minutes": round((time.perf_counter() - wall) / 60, 2),
        "processor_minutes": round((time.process_time() - processor) / 60, 2),
        "settings": {
            field.name: getattr(mixture, field.name)
            for field in dataclasses.fields(mixture)
            if field.name not in ("draw", "modes", "minutes")
        },
    }


# === The game ===


def game(mixture, seed, steps):
    """A compiled model and the variable that is the gamma of its two penalties."""
    latent_dim = mixture.signs + mixture.normals
    generator, discriminator = keras_gan.networks.mlp((2,), latent_dim)
    enlarge_first_layer(generator, mixture.generator_scale, seed)
    enlarge_first_layer(discriminator, mixture.discriminator_scale, seed + 1)
    gan = keras_gan.GAN(
        generator,
        discriminator,
        prior=functools.partial(signs_and_normals, signs=mixture.signs),
        ema_halflife_images=50_000,
        seed=seed,
    )
    gamma = keras.Variable(mixture.gamma[0], trainable=False, name="gamma")
    rates = [keras.optimizers.schedules.CosineDecay(rate, steps) for rate in mixture.learning_rates]
    gan.compile(
        *[keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99) for rate in rates],
        loss="relativistic_paired",
        regularizers=[AnnealedR1(gamma), AnnealedR2(gamma)],
        steps_per_execution=32 if steps % 640 == 0 else "auto",
    )
    return gan, gamma


def signs_and_normals(shape, seed, *, signs):
    """Latents of which the first so many are signs of normals, the others normals."""
    normals = tf.random.stateless_normal(shape, seed)
    return tf.concat([tf.sign(normals[:, :signs]), normals[:, signs:]], axis=1)


def enlarge_first_layer(network, factor, seed):
    """Multiply the first layer's weights, and spread its biases over `[-factor, factor]`."""
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))
    first.kernel.assign(first.kernel * factor)
    biases = np.random.default_rng(seed).uniform(-factor, factor, first.bias.shape)
    first.bias.assign(biases.astype("float32"))


class Annealed:
    """A penalty with a variable for its gamma."""

    def __init__(self, gamma):
        super().__init__(weight=1.0)
        self.gamma = gamma

    def value(self, *args, **kwargs):
        return self.gamma * super().value(*args, **kwargs)


class AnnealedR1(Annealed, keras_gan.regularizers.R1):
    """R1 with a variable for its gamma."""


class AnnealedR2(Annealed, keras_gan.regularizers.R2):
    """R2 with a variable for its gamma."""


def annealing(gamma, mixture, epochs):
    """A callback's function: gamma falls from epoch to epoch, see `Mixture`."""
    first, last = mixture.gamma

    def set_gamma(epoch, logs=None):
        gamma.assign(np.float32(first * (last / first) ** min(1.0, epoch / epochs / 0.8)))

    return set_gamma
