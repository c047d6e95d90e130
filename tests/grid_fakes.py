"""A model that makes plain images whose grey tells the epoch, and its pictures read back."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gan import images
from keras_gan.callbacks.image_grid import ImageGrid


def shade(number):
    """What the fake generator makes in an epoch."""
    return np.float32(number % 100 / 50 - 1)


def shades(numbers):
    return [int(images.to_uint8(shade(number))) for number in numbers]


class FakeGAN:
    """Makes plain images whose grey tells the epoch; draws no noise of its own."""

    distribute_strategy = tf.distribute.get_strategy()

    def __init__(self, shape=(8, 8, 1), num_classes=None, count=100, labels=None):
        self.sample_shape, self.num_classes = shape, num_classes
        self.is_image = len(shape) == 3
        self.seed, self.epoch, self.calls = 0, -1, []
        # The pixel tells the sample, apart from the black of an empty cell.
        grey = (np.arange(count) % 200 + 50).astype("uint8")
        self.known = np.broadcast_to(grey.reshape(-1, 1, 1, 1), (count, 8, 8, 1)).copy()
        self.reference_samples = self.known
        self.reference_labels = labels

    def sample_latents(self, num_samples, seed):
        return np.random.default_rng(seed).normal(size=(num_samples, 3)).astype("float32")

    def generate(self, *, latents, labels=None, seed=None):
        assert seed is not None, "would draw from the model's own stream"
        assert (labels is None) == (self.num_classes is None)
        self.calls.append((latents.copy(), None if labels is None else labels.copy()))
        return np.full((len(latents), *self.sample_shape), self.grey, "float32")

    @property
    def grey(self):
        return shade(self.epoch + 1)

    def fit(self, callback, *, epochs, initial_epoch=0, until=None):
        callback.set_params({"epochs": epochs})
        callback.set_model(self)
        callback.on_train_begin()
        for self.epoch in range(initial_epoch, until or epochs):
            callback.on_epoch_begin(self.epoch)
            callback.on_epoch_end(self.epoch, {})
        callback.on_train_end()


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def epochs_in(folder):
    return [int(path.stem.split("_")[1]) for path in sorted(folder.glob("epoch_*.png"))]


def first_cells(path):
    """One pixel of every cell of a 2 x 3 grid, in reading order."""
    pixels = read(path)
    height, width = (size / n for size, n in zip(pixels.shape, (2, 3), strict=True))
    return [int(pixels[int((i + 0.5) * height), int((j + 0.5) * width)]) for i, j in CELLS]


CELLS = [(i, j) for i in range(2) for j in range(3)]


def gif_epochs(folder):
    """The grey of the first cell of each frame."""
    with Image.open(folder / "training.gif") as image:
        greys = []
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            greys.append(int(np.asarray(image.convert("L"))[30, 30]))
    return greys


def refused(gan, callback=None, **options):
    callback = callback or ImageGrid(**options)
    callback.set_model(gan)
    with pytest.raises(ValueError) as error:
        callback.on_train_begin()
    assert not getattr(gan, "calls", None)
    return str(error.value)
