"""Mixtures with the modes, shares and spreads that they promise."""

import numpy as np
import pytest

from keras_gan import data

# === Mixtures ===

MIXTURES = [(data.ring, data.ring_modes, 0.01, 8), (data.grid, data.grid_modes, 0.05, 25)]


def test_modes():
    assert data.ring_modes().shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(data.ring_modes(), axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(data.ring_modes()[1], [np.sqrt(0.5)] * 2, rtol=1e-6)
    assert data.grid_modes().shape == (25, 2)
    expected = {(float(x), float(y)) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(map(float, mode)) for mode in data.grid_modes()} == expected


@pytest.mark.parametrize("draw, modes, std, count", MIXTURES)
def test_mixtures_have_even_modes_of_the_right_spread(draw, modes, std, count):
    points = draw(20_000)
    assert (points.shape, points.dtype) == ((20_000, 2), "float32")
    offsets = points[:, None] - modes()[None]
    nearest = np.linalg.norm(offsets, axis=-1).argmin(axis=1)
    shares = np.bincount(nearest, minlength=count) / len(points)
    np.testing.assert_allclose(shares, 1 / count, atol=5 * np.sqrt(1 / count / 20_000))
    residuals = offsets[np.arange(len(points)), nearest]
    np.testing.assert_allclose(residuals.std(axis=0), std, rtol=0.03)
    np.testing.assert_allclose(residuals.mean(axis=0), 0.0, atol=5 * std / np.sqrt(20_000))


@pytest.mark.parametrize("draw, modes, std, count", MIXTURES)
def test_mixtures_follow_their_arguments(draw, modes, std, count):
    np.testing.assert_array_equal(draw(50), draw(50, std=std, seed=0))
    assert np.abs(draw(50) - draw(50, seed=1)).max() > 0.5
    exact = draw(50, std=0.0)
    assert np.linalg.norm(exact[:, None] - modes()[None], axis=-1).min(axis=1).max() == 0.0


@pytest.mark.parametrize("draw", [data.ring, data.grid])
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_samples": 0}, "`num_samples` must be a positive integer. Received: num_samples=0"),
        ({"num_samples": 9, "std": -0.1}, "`std` must be a finite number of at least 0.0"),
        ({"num_samples": 9, "std": float("nan")}, "`std`"),
        ({"num_samples": 9, "seed": -1}, "`seed` must be a non-negative integer"),
    ],
)
def test_mixtures_check_their_arguments(draw, arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(**arguments)


# === Stacked MNIST ===


@pytest.mark.parametrize("shape", [(50, 28, 28), (50, 28, 28, 1)])
def test_stacked_mnist_stacks_whole_digits(shape):
    # Image `i` is the constant `i`, so that each channel tells which one it is.
    numbers = np.arange(50, dtype="uint8").reshape([50] + [1] * (len(shape) - 1))
    images = np.broadcast_to(numbers, shape)
    stacked = data.stacked_mnist(images, 2_000, seed=3)
    assert (stacked.shape, stacked.dtype) == ((2_000, 28, 28, 3), "uint8")
    chosen = stacked[:, 0, 0, :]
    np.testing.assert_array_equal(stacked, np.broadcast_to(chosen[:, None, None], stacked.shape))
    assert set(chosen.ravel()) == set(range(50))
    assert np.abs(np.corrcoef(chosen.T) - np.eye(3)).max() < 0.1
    np.testing.assert_array_equal(stacked, data.stacked_mnist(images, 2_000, seed=3))
    assert (stacked != data.stacked_mnist(images, 2_000, seed=4)).any()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((5, 28, 28), "float32"),
        np.zeros((5, 32, 32), "uint8"),
        np.zeros((5, 28, 28, 3), "uint8"),
        np.zeros((0, 28, 28), "uint8"),
        np.zeros((28, 28), "uint8"),
        None,
    ],
)
def test_stacked_mnist_refuses_other_images(images):
    with pytest.raises(ValueError, match="`images` must be MNIST digits.*Received: dtype="):
        data.stacked_mnist(images, 5)


def test_stacked_mnist_checks_its_arguments():
    images = np.zeros((5, 28, 28), "uint8")
    with pytest.raises(ValueError, match="`num_samples`"):
        data.stacked_mnist(images, 0)
    with pytest.raises(ValueError, match="`seed`"):
        data.stacked_mnist(images, 5, seed=-1)
