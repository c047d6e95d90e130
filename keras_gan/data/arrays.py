"""Data sets from arrays."""

from keras_gan import sources


def from_arrays(samples, labels=None, *, batch_size=64, shuffle=True, seed=0):
    """A data set of arrays in memory.

    Args:
        samples: array `(n, ...)` of at least two axes: images, vectors or sequences. `uint8` stays
            `uint8`; all other numbers become `float32`. Images (three axes a sample, the last one
            1, 3 or 4) must be `uint8`, or floats in [-1, 1].
        labels: `None`, or class indices from 0 on: integers `(n,)` or `(n, 1)`.
        batch_size: samples of one update. Defaults to 64.
        shuffle: whether each pass has an order of its own. Defaults to `True`.
        seed: non-negative integer, the order's. Defaults to 0.

    Returns:
        A finite `tf.data.Dataset` with `len()` of batches of samples, or of `(samples, labels)`,
        labels being `int32`. Each iterator makes one pass; its last batch may be short.
        `GAN.fit` reads `dataset.source` instead, in full batches and from any step on, which is
        what lets a run resume with the exact batch.

    Raises:
        ValueError: for arrays that are empty, do not fit each other, or are of another type.

    Example:
        ```python
        gan.fit(keras_gan.data.from_arrays(images, labels, batch_size=32), epochs=10)
        ```
    """
    return sources.ArraySource(samples, labels, shuffle=shuffle, seed=seed).dataset(batch_size)
