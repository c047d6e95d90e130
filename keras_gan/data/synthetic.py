"""Data whose modes are known, for measuring how many of them a generator covers."""

import math

import numpy as np

from keras_gan import _checks


def ring(num_samples, std=0.01, seed=0):
    """A mixture of 8 Gaussians on a circle of radius 1, at the angles `2 pi k / 8`.

    Args:
        num_samples: positive integer.
        std: standard deviation of each Gaussian on each axis. Defaults to 0.01.
        seed: non-negative integer. Defaults to 0.

    Returns:
        `float32` array `(num_samples, 2)`, each mode being equally likely.

    Raises:
        ValueError: for an argument out of range.

    Example:
        ```python
        points = keras_gan.data.ring(50_000)
        coverage = keras_gan.metrics.ModeCoverage(keras_gan.data.ring_modes(), std=0.01)
        ```

    Paper: Metz et al., Unrolled Generative Adversarial Networks, 2017.
    """
    return _mixture(ring_modes(), num_samples, std, seed)


def ring_modes():
    """The 8 centres of `ring`: a `float32` array `(8, 2)`."""
    angles = 2.0 * math.pi * np.arange(8) / 8
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")


def grid(num_samples, std=0.05, seed=0):
    """A mixture of 25 Gaussians on the grid {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}.

    Args:
        num_samples: positive integer.
        std: standard deviation of each Gaussian on each axis. Defaults to 0.05.
        seed: non-negative integer. Defaults to 0.

    Returns:
        `float32` array `(num_samples, 2)`, each mode being equally likely.

    Raises:
        ValueError: for an argument out of range.

    Paper: Dumoulin et al., Adversarially Learned Inference, 2017.
    """
    return _mixture(grid_modes(), num_samples, std, seed)


def grid_modes():
    """The 25 centres of `grid`: a `float32` array `(25, 2)`."""
    ticks = np.arange(-4.0, 5.0, 2.0)
    points = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1)
    return points.reshape(-1, 2).astype("float32")


def stacked_mnist(images, num_samples, seed=0):
    """Colour images, each channel of which is a random MNIST digit: 1,000 modes.

    Args:
        images: `uint8` array `(n, 28, 28)` or `(n, 28, 28, 1)`, such as
            `keras.datasets.mnist.load_data()[0][0]`.
        num_samples: positive integer.
        seed: non-negative integer. Defaults to 0.

    Returns:
        `uint8` array `(num_samples, 28, 28, 3)`: three digits, drawn with replacement, as red,
        green and blue.

    Raises:
        ValueError: for images of another type or shape, or an argument out of range.

    Paper: Metz et al., Unrolled Generative Adversarial Networks, 2017.
    """
    images = np.asarray(images)
    shape = images.shape[:-1] if images.ndim == 4 and images.shape[-1] == 1 else images.shape
    _checks.check(
        images.dtype == np.uint8 and shape[1:] == (28, 28) and shape[0] > 0,
        "`images` must be MNIST digits: uint8, of shape `(n, 28, 28)` or `(n, 28, 28, 1)`.",
        dtype=str(images.dtype),
        shape=images.shape,
    )
    images = images.reshape(shape)
    num_samples = _checks.positive_int(num_samples, "num_samples")
    chosen = _generator(seed).integers(len(images), size=(num_samples, 3))
    stacked = np.empty((num_samples, 28, 28, 3), "uint8")
    for channel in range(3):
        stacked[..., channel] = images[chosen[:, channel]]
    return stacked


def _mixture(modes, num_samples, std, seed):
    num_samples = _checks.positive_int(num_samples, "num_samples")
    std = _checks.number(std, "std", minimum=0.0)
    generator = _generator(seed)
    centres = modes[generator.integers(len(modes), size=num_samples)]
    return (centres + std * generator.standard_normal((num_samples, 2))).astype("float32")


def _generator(seed):
    return np.random.default_rng(_checks.seed(seed))
