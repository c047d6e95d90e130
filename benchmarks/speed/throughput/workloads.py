"""What every contender trains: networks, settings and data, as plain data.

Nothing but NumPy is imported here: the file is read in environments without Keras. Networks are
lists of `Layer`s, from which each side builds its own, and which the bound's kernels follow from.
"""

import dataclasses
import math
import typing

import numpy as np


class Layer(typing.NamedTuple):
    """A layer with weights, and what comes after it.

    Attributes:
        kind: "dense", "conv" (padding as in TensorFlow's "same") or "up", a transposed one.
        inputs: units or channels.
        outputs: likewise.
        size: side of the square map that comes in.
        kernel: side of the kernel.
        stride: of the kernel.
        crop: side of the map that is kept of what comes out; 0 for all.
        shape: `(height, width, channels)` that units are reshaped to, or `None`.
        bias: whether there is one.
        norm: whether BatchNorm follows.
        activation: "relu", "leaky_relu" (0.2), "tanh" or `None`.
    """

    kind: str
    inputs: int
    outputs: int
    size: int = 1
    kernel: int = 1
    stride: int = 1
    crop: int = 0
    shape: tuple | None = None
    bias: bool = True
    norm: bool = False
    activation: str | None = None

    @property
    def side(self):
        """Side of the map that the kernel makes, before it is cropped."""
        return self.size * self.stride if self.kind == "up" else -(-self.size // self.stride)

    @property
    def makes_image(self):
        """Whether it is a convolution to the channels of an image."""
        return self.kind == "conv" and self.stride == 1 and self.outputs <= 4

    @property
    def parameters(self):
        """Trainable weights."""
        channels = self.shape[-1] if self.shape else self.outputs
        return (
            self.inputs * self.outputs * self.kernel**2
            + self.outputs * self.bias
            + 2 * channels * self.norm
        )


@dataclasses.dataclass(frozen=True)
class Workload:
    """One game: two networks, a loss, two optimizers, a batch and data."""

    title: str
    sample_shape: tuple
    latent_dim: int
    batch: int
    num_samples: int
    generator: tuple
    discriminator: tuple
    num_classes: int | None = None
    discriminator_steps: int = 1
    generator_steps: int = 1
    accumulation_steps: int = 1
    penalty_weight: float | None = None  # with a gradient penalty, the loss is Wasserstein's
    learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999

    @property
    def is_image(self):
        return len(self.sample_shape) == 3

    @property
    def label_width(self):
        """Size of the label's embedding beside the latent."""
        return min(self.latent_dim, 32) if self.num_classes else 0

    @property
    def features(self):
        """Size of what the discriminator's last layer reads."""
        return self.discriminator[-1].inputs

    @property
    def images_a_step(self):
        """Samples that the discriminator's updates of one step are made from."""
        return self.batch * self.discriminator_steps

    @property
    def parameters(self):
        """Trainable weights of both networks."""
        classes = self.num_classes or 0
        return {
            "generator": sum(layer.parameters for layer in self.generator)
            + classes * self.label_width,
            "discriminator": sum(layer.parameters for layer in self.discriminator)
            + classes * self.features,
        }

    def data(self):
        """`(samples, labels or None)`: uint8 images, or float32 points."""
        random = np.random.default_rng(0)
        shape = (self.num_samples, *self.sample_shape)
        if self.is_image:
            samples = random.integers(0, 256, shape, "uint8")
        else:
            samples = random.standard_normal(shape, "float32")
        labels = None
        if self.num_classes:
            labels = random.integers(0, self.num_classes, self.num_samples, "int32")
        return samples, labels


# === Networks ===


def dcgan(side, channels, latent_dim, *, generator_filters, discriminator_filters, num_classes=0):
    """The networks of `keras_gan.networks.dcgan`, with its maps and widths."""
    maps = [side]
    while maps[-1] > 4:
        maps.append(-(-maps[-1] // 2))
    stages = len(maps) - 1
    widths = [generator_filters * 2**k for k in range(stages)][::-1]
    first = (maps[-1], maps[-1], 2 * widths[0])
    normed = {"bias": False, "norm": True, "activation": "relu"}
    inputs = latent_dim + (min(latent_dim, 32) if num_classes else 0)
    generator = [Layer("dense", inputs, math.prod(first), shape=first, **normed)]
    for k, (size, crop) in enumerate(zip(maps[:0:-1], maps[-2::-1], strict=True)):
        into = first[-1] if k == 0 else widths[k - 1]
        generator.append(Layer("up", into, widths[k], size, 4, 2, crop % (2 * size), **normed))
    generator.append(Layer("conv", widths[-1], channels, side, 3, activation="tanh"))
    widths = [channels, *(discriminator_filters * 2**k for k in range(stages))]
    discriminator = [
        Layer("conv", widths[k], widths[k + 1], maps[k], 4, 2, activation="leaky_relu")
        for k in range(stages)
    ]
    discriminator.append(Layer("dense", maps[-1] ** 2 * widths[-1], 1))
    return tuple(generator), tuple(discriminator)


def documentation_dcgan():
    """The networks of the Keras documentation's "DCGAN to generate face images".

    Departures: images in [-1, 1] from tanh, logits in place of probabilities, no Dropout.
    """
    leaky = {"activation": "leaky_relu"}
    generator = (
        Layer("dense", 128, 8 * 8 * 128, shape=(8, 8, 128)),
        Layer("up", 128, 128, 8, 4, 2, **leaky),
        Layer("up", 128, 256, 16, 4, 2, **leaky),
        Layer("up", 256, 512, 32, 4, 2, **leaky),
        Layer("conv", 512, 3, 64, 5, activation="tanh"),
    )
    discriminator = (
        Layer("conv", 3, 64, 64, 4, 2, **leaky),
        Layer("conv", 64, 128, 32, 4, 2, **leaky),
        Layer("conv", 128, 128, 16, 4, 2, **leaky),
        Layer("dense", 8 * 8 * 128, 1),
    )
    return generator, discriminator


def mlp(size, latent_dim, *, width=128, depth=3):
    """The networks of `keras_gan.networks.mlp`."""

    def network(inputs, outputs):
        hidden = [
            Layer("dense", width if k else inputs, width, activation="leaky_relu")
            for k in range(depth)
        ]
        return (*hidden, Layer("dense", width, outputs))

    return network(latent_dim, size), network(size, 1)


# === Workloads ===


def _workload(title, networks, **settings):
    generator, discriminator = networks
    return Workload(title, generator=generator, discriminator=discriminator, **settings)


_DIGITS = {"sample_shape": (28, 28, 1), "latent_dim": 64, "num_samples": 10_000}
_FILTERS = {"generator_filters": 32, "discriminator_filters": 64}

WORKLOADS = {
    "W1": _workload(
        "DCGAN, 28x28x1, batch 128", dcgan(28, 1, 64, **_FILTERS), batch=128, **_DIGITS
    ),
    "W2": _workload(
        "DCGAN of the documentation, 64x64x3, batch 32",
        documentation_dcgan(),
        sample_shape=(64, 64, 3),
        latent_dim=128,
        batch=32,
        num_samples=2_000,
    ),
    "W3": _workload(
        "WGAN-GP, five critic steps, 28x28x1, batch 64",
        dcgan(28, 1, 64, **_FILTERS),
        batch=64,
        discriminator_steps=5,
        penalty_weight=10.0,
        learning_rate=1e-4,
        beta_1=0.0,
        beta_2=0.9,
        **_DIGITS,
    ),
    "W4": _workload(
        "MLP, 2-D points, batch 256, three layers of 128",
        mlp(2, 16),
        sample_shape=(2,),
        latent_dim=16,
        batch=256,
        num_samples=100_000,
    ),
    "W5": _workload(
        "conditional DCGAN, 28x28x1, batch 128",
        dcgan(28, 1, 64, num_classes=10, **_FILTERS),
        batch=128,
        num_classes=10,
        **_DIGITS,
    ),
}
