"""Data included in the package."""

import importlib.resources

import numpy as np

from keras_gan import _checks


def digits(labels=False):
    """1,797 handwritten digits of 8x8 pixels, without a download.

    Test part of the "Optical Recognition of Handwritten Digits" of the UCI Machine Learning
    Repository, E. Alpaydin and C. Kaynak, CC BY 4.0; `digits.LICENSE.md` beside the file tells
    more. The original values 0 to 16 are scaled to `round(value * 255 / 16)`.

    Args:
        labels: whether to return the digits' classes as well. Defaults to `False`.

    Returns:
        `uint8` array `(1797, 8, 8, 1)`, white on black; with `labels=True` a pair of it and an
        `int32` array `(1797,)` of classes 0 to 9. Both are the caller's own.

    Raises:
        ValueError: if `labels` is not a boolean.

    Example:
        ```python
        images, classes = keras_gan.data.digits(labels=True)
        ```
    """
    labels = _checks.boolean(labels, "labels")
    file = importlib.resources.files("keras_gan").joinpath("data", "digits.npz")
    with file.open("rb") as opened, np.load(opened) as arrays:
        images = arrays["images"][..., None]
        return (images, arrays["labels"].astype("int32")) if labels else images
