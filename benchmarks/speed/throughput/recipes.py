"""Workloads that users have: this package's recipes for images of 64x64x3, as plain data.

The contenders are ours (the recipe as it is), P1 and P3, with the same networks, losses, penalties,
optimizers, batch (that of `recipes.for_data`) and a moving average of the generator. Numbers that
the recipes have on a schedule have their first values in P1 and P3. Nothing but NumPy is imported
here: the file is read in environments without Keras.
"""

import dataclasses

import numpy as np

from benchmarks.speed.throughput.workloads import WORKLOADS

KINDS = ("ours", "P1", "P3")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One recipe and its settings for images of 64x64x3.

    Attributes:
        name: of the recipe.
        title: of the workload.
        parameters: trainable weights of both networks.
        loss: "relativistic", "hinge" or "non_saturating".
        learning_rate, beta_1, beta_2: of both players' Adam.
        latent_dim: size of a latent, or `None` where images are made from images.
        filters: of the layer nearest to the image, in both networks.
        gamma: weight of R1 and R2, or `None` for no penalty.
        l1_weight: of the L1 distance of image to image.
        halflife: of the generator's moving average, in images.
    """

    name: str
    title: str
    parameters: dict
    loss: str
    learning_rate: float
    beta_1: float
    beta_2: float
    latent_dim: int | None
    filters: int = 16
    gamma: float | None = None
    l1_weight: float | None = None
    halflife: int = 10_000
    sample_shape: tuple = (64, 64, 3)
    batch: int = 32
    num_samples: int = 2_000

    @property
    def images_a_step(self):
        return self.batch

    @property
    def decay(self):
        """Weight of the old moving average in one step."""
        return 0.5 ** (self.batch / self.halflife)

    def data(self):
        """`(images, inputs or None)`, both uint8."""
        random = np.random.default_rng(0)
        shape = (self.num_samples, *self.sample_shape)
        images = random.integers(0, 256, shape, "uint8")
        return images, None if self.latent_dim else random.integers(0, 256, shape, "uint8")


def _weights(generator, discriminator):
    return {"generator": generator, "discriminator": discriminator}


# R1 and R2 grow with the number of pixels, from 28x28 on.
_PIXELS = (64 / 28) ** 2

RECIPES = {
    "dcgan": Recipe(
        "dcgan",
        "recipe dcgan, 64x64x3, batch 32",
        _weights(959_891, 175_089),
        "relativistic",
        1e-3,
        0.0,
        0.99,
        latent_dim=64,
        gamma=0.1 * _PIXELS,
        halflife=20_000,
    ),
    "sngan": Recipe(
        "sngan",
        "recipe sngan, 64x64x3, batch 32",
        _weights(733_763, 1_223_089),
        "hinge",
        5e-4,
        0.0,
        0.9,
        latent_dim=128,
    ),
    "r3gan": Recipe(
        "r3gan",
        "recipe r3gan, 64x64x3, batch 32",
        _weights(281_072, 273_008),
        "relativistic",
        1e-3,
        0.0,
        0.9,
        latent_dim=64,
        gamma=_PIXELS,
    ),
    "pix2pix": Recipe(
        "pix2pix",
        "recipe pix2pix, 64x64x3, batch 32",
        _weights(7_314_755, 696_225),
        "non_saturating",
        2e-4,
        0.5,
        0.999,
        latent_dim=None,
        filters=32,
        l1_weight=100.0,
        halflife=2_000,
    ),
}
ALL = {**WORKLOADS, **RECIPES}
