"""Embeddings that need no download, as functions of `(sample shape, reals, seed)` to a callable.

Each gives a callable from float32 images `(batch, height, width, channels)` in [-1, 1] to
`(batch, dimension)`. Only `whitened_patches` looks at the reals. "Levels" are those of a pyramid,
each the averages of 2x2 pixels of the one before, until no side is longer than 4.
"""

import math

import numpy as np
import tensorflow as tf

GRID = 3
LOW = 4


def pixels(shape, reals, seed):
    """Samples as they are."""
    return flat


def current_default(shape, reals, seed):
    """What `features=None` gives."""
    from keras_gan.metrics import features

    return features.extractor(None, shape, seed=seed)


def random_convolutions(shape, reals, seed):
    """The package's random convolutions at any size."""
    from keras_gan.metrics.random_convolutions import RandomConvolutions

    return RandomConvolutions(shape, seed=seed)


def gradient_histograms(shape, reals, seed):
    """The package's gradient histograms at any size."""
    from keras_gan.metrics.gradient_histograms import GradientHistograms

    return GradientHistograms(shape)


def zero_mean_convolutions(shape, reals, seed):
    """A random network of zero-mean unit-norm 3x3 filters, ReLU and average pooling."""
    random, kernels = np.random.default_rng(seed), []
    sides, channels = max(shape[:2]), shape[-1]
    for width in (32, 48, *[64] * 8):
        kernels.append(_unit(random.standard_normal((3, 3, channels, width))))
        if sides <= LOW:
            break
        sides, channels = -(-sides // 2), width

    def embed(images):
        values, parts = images, [flat(cells(images, LOW))]
        for kernel in kernels:
            values = tf.nn.relu(convolved(values, kernel))
            parts.append(flat(cells(values, 2)))
            values = halved(values)
        return tf.concat(parts, axis=-1)

    return tf.function(embed)


def contrast_normalised(shape, reals, seed):
    """Such a network whose responses are divided by their local root mean square, and averaged.

    Positive and negative responses are kept apart, and the sizes of the responses are lost but for
    those far below the contrast of images: what is left is in which direction an image changes.
    """
    random, kernels = np.random.default_rng(seed), []
    sides, channels = max(shape[:2]), shape[-1]
    for width in (8, 16, *[32] * 8):
        kernels.append(_unit(random.standard_normal((3, 3, channels, width))))
        if sides <= LOW:
            break
        sides, channels = -(-sides // 2), 2 * width

    def embed(images):
        values, parts = images, [flat(cells(images, LOW))]
        for kernel in kernels:
            values = convolved(values, kernel)
            energy = tf.reduce_mean(values**2, axis=-1, keepdims=True)
            values /= tf.sqrt(tf.nn.avg_pool2d(energy, 3, 1, "SAME") + 1e-3)
            values = tf.concat([tf.nn.relu(values), tf.nn.relu(-values)], axis=-1)
            parts.append(tf.reduce_mean(values, axis=(1, 2)))
            values = halved(values)
        return tf.concat(parts, axis=-1)

    return tf.function(embed)


def random_filters(shape, reals, seed):
    """16 random zero-mean 5x5 filters at each level: root of mean moduli, and deviations."""
    kernel = _unit(np.random.default_rng(seed).standard_normal((5, 5, shape[-1], 16)))

    def embed(images):
        parts = [flat(cells(images, LOW))]
        for level in levels(images):
            found = tf.abs(convolved(level, kernel))
            parts.append(tf.sqrt(flat(cells(found, 2)) + 1e-3))
            parts.append(tf.math.reduce_std(found, axis=(1, 2)))
        return tf.concat(parts, axis=-1)

    return tf.function(embed)


def scattering(shape, reals, seed):
    """Logarithms of the mean moduli of four oriented quadrature filters at each level."""
    kernel = np.repeat(_quadrature(4)[:, :, None], shape[-1], axis=2)

    def embed(images):
        parts = [flat(cells(images, LOW))]
        for level in levels(opponents(images)):
            found = tf.nn.depthwise_conv2d(_padded(level, 2), kernel, [1, 1, 1, 1], "VALID")
            found = tf.reshape(found, (-1, *found.shape[1:3], found.shape[3] // 2, 2))
            moduli = tf.sqrt(tf.reduce_sum(found**2, axis=-1) + 1e-8)
            parts.append(tf.math.log(flat(cells(moduli, 2)) + 0.02))
        return tf.concat(parts, axis=-1)

    return tf.function(embed)


def cell_histograms(shape, reals, seed):
    """Roots of the mean gradient in eight directions in each of 3x3 cells of each level."""
    angles = 2.0 * np.pi * np.arange(8) / 8
    turned = np.stack([np.cos(angles), np.sin(angles)]).astype("float32")

    def embed(images):
        parts = [flat(cells(images, LOW))]
        for level in levels(opponents(images)):
            parts.append(tf.sqrt(flat(cells(_directions(level, turned), GRID)) + 1e-3))
        return tf.concat(parts, axis=-1)

    return tf.function(embed)


def whitened_patches(shape, reals, seed):
    """Triangle activations of 100 whitened patches of the reals, in quadrants (Coates et al.)."""
    random = np.random.default_rng(seed)
    size = 5

    def patches(images):
        padding = "VALID" if min(images.shape[1:3]) > size else "SAME"
        return tf.image.extract_patches(
            images, [1, size, size, 1], [1, 1, 1, 1], [1, 1, 1, 1], padding
        )

    chosen = random.permutation(len(reals))[:200]
    rows = patches(tf.cast(reals[chosen], "float32") / 127.5 - 1.0).numpy()
    rows = random.permutation(rows.reshape(-1, rows.shape[-1]))[:20_000]
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows.T) + 0.01 * np.eye(rows.shape[1]))
    whiten = ((vectors / np.sqrt(values)) @ vectors.T).astype("float32")
    centres = ((rows - mean) @ whiten)[:100]

    def embed(images):
        white = tf.tensordot(patches(images) - mean, whiten, 1)
        squares = tf.reduce_sum(white**2, axis=-1, keepdims=True) + (centres**2).sum(axis=1)
        distances = tf.sqrt(tf.maximum(squares - 2 * tf.tensordot(white, centres.T, 1), 1e-6))
        near = tf.nn.relu(tf.reduce_mean(distances, axis=-1, keepdims=True) - distances)
        return flat(cells(near, 2))

    return tf.function(embed)


ALL = {
    make.__name__: make
    for make in (
        current_default,
        pixels,
        random_convolutions,
        zero_mean_convolutions,
        contrast_normalised,
        random_filters,
        scattering,
        gradient_histograms,
        cell_histograms,
        whitened_patches,
    )
}


# === Parts ===


def flat(values):
    return tf.reshape(values, (tf.shape(values)[0], math.prod(values.shape[1:])))


def halved(values):
    return tf.nn.avg_pool2d(values, 2, 2, "SAME")


def levels(images):
    """The pyramid of images."""
    result = [images]
    while max(result[-1].shape[1:3]) > LOW:
        result.append(halved(result[-1]))
    return result


def cells(values, number):
    """Means over `number` x `number` cells, which share a row where they do not divide."""
    for axis, name in ((1, "bhwc,ih->biwc"), (2, "bhwc,iw->bhic")):
        size = values.shape[axis]
        count = min(number, size)
        weights = np.zeros((count, size), "float32")
        for cell in range(count):
            start, end = cell * size // count, -(-(cell + 1) * size // count)
            weights[cell, start:end] = 1.0 / (end - start)
        values = tf.einsum(name, values, weights)
    return values


def convolved(values, kernel):
    return tf.nn.conv2d(_padded(values, len(kernel) // 2), kernel, 1, "VALID")


def opponents(images):
    """Colours as luminance, red against blue, and both against green."""
    if images.shape[-1] != 3:
        return images
    red, green, blue = tf.unstack(images, axis=-1)
    parts = [
        (red + green + blue) / math.sqrt(3.0),
        (red - blue) / math.sqrt(2.0),
        (red + blue - 2.0 * green) / math.sqrt(6.0),
    ]
    return tf.stack(parts, axis=-1)


def _directions(level, turned):
    """Half-rectified derivatives of luminance, and moduli of those of the other channels."""
    padded = _padded(level, 1)
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2.0
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2.0
    light = tf.stack([across[..., 0], down[..., 0]], axis=-1)
    found = tf.nn.relu(tf.tensordot(light, turned, 1))
    return tf.concat([found, tf.abs(across[..., 1:]), tf.abs(down[..., 1:])], axis=-1)


def _padded(values, by):
    return tf.pad(values, [[0, 0], [by, by], [by, by], [0, 0]], "SYMMETRIC")


def _unit(kernel):
    """Filters without a mean over positions, of unit norm."""
    kernel = kernel - kernel.mean(axis=(0, 1), keepdims=True)
    return (kernel / np.sqrt((kernel**2).sum(axis=(0, 1, 2), keepdims=True))).astype("float32")


def _quadrature(orientations):
    """Pairs of 5x5 filters in quadrature, `(5, 5, 2 * orientations)`."""
    down, across = np.mgrid[-2:3, -2:3].astype("float64")
    envelope = np.exp(-(down**2 + across**2) / 2.5)
    filters = []
    for angle in np.pi * np.arange(orientations) / orientations:
        phase = 0.8 * (across * np.cos(angle) + down * np.sin(angle))
        for wave in (np.cos(phase), np.sin(phase)):
            found = envelope * wave
            found -= envelope * found.sum() / envelope.sum()
            filters.append(found / np.sqrt((found**2).sum()))
    return np.stack(filters, axis=-1).astype("float32")
