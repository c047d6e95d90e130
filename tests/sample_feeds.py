"""Samples that carry their numbers, in the forms that `fit` takes, and which of them arrived."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan

CLASSES = 3
SIZE = (8, 8, 1)


def labels(count=32):
    return np.arange(count) % CLASSES


def numbered(count, dtype="float32"):
    """Points `(i, -i)` with labels `i % 3`."""
    return (np.arange(count)[:, None] * [1.0, -1.0]).astype(dtype), labels(count)


def floats(low=-1.0, high=1.0, count=32):
    return np.random.default_rng(0).uniform(low, high, (count, *SIZE)).astype("float32")


def numbers(gan):
    """The numbers of the samples in each batch that arrived; labels must have stayed with them."""
    for samples, given in gan.batches:
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples[:, 0], -samples[:, 1])
        if gan.num_classes is None:
            assert given is None
        else:
            assert given.dtype == np.int32
            np.testing.assert_array_equal(given, samples[:, 0].astype(int) % CLASSES)
    return [samples[:, 0].astype(int).tolist() for samples, _ in gan.batches]


def counted_up(steps, rows):
    return np.arange(steps * rows).reshape(steps, rows).tolist()


@functools.cache
def _made(shape, num_classes, n):
    return helpers.watched(shape, num_classes=num_classes, n=n)


def noting(shape=(2,), *, num_classes=None, n=1):
    """A `Watched` as if it were new: one of a kind is made, and traced, for all tests of a file."""
    gan = _made(shape, num_classes, n)
    gan.seed, gan.batches = 0, []
    gan._training_feed = gan._held_out_feed = None
    for counter in ("steps_seen", "images_seen"):
        getattr(gan._state, counter).assign(0)
    return gan


@pytest.fixture(autouse=True, scope="module")
def let_go():
    """The models of `noting` are freed with the others of a file that imports this."""
    yield
    _made.cache_clear()


# === Forms ===


def pipeline(*parts, batch_size=8, **settings):
    data = parts if len(parts) > 1 else parts[0]
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size, **settings)


def unsized(*parts, batch_size=8):
    """The same as a pipeline of which nothing is known but dtypes and ranks."""
    data = parts if len(parts) > 1 else parts[0]
    signature = tf.nest.map_structure(
        lambda part: tf.TensorSpec([None] * part.ndim, part.dtype), data
    )

    def batches():
        for first in range(0, len(tf.nest.flatten(data)[0]), batch_size):
            yield tf.nest.map_structure(
                lambda part, first=first: part[first : first + batch_size], data
            )

    return tf.data.Dataset.from_generator(batches, output_signature=signature)


class Rows(keras.utils.PyDataset):
    """Batches of arrays, and notes of the hooks that were called."""

    def __init__(self, *parts, batch_size=4, endless=False, **settings):
        super().__init__(**settings)
        self.parts, self.batch_size, self.endless = parts, batch_size, endless
        self.hooks = []

    @property
    def num_batches(self):
        return None if self.endless else -(-len(self.parts[0]) // self.batch_size)

    def __getitem__(self, index):
        rows = np.arange(index * self.batch_size, (index + 1) * self.batch_size)
        rows = rows % len(self.parts[0]) if self.endless else rows[rows < len(self.parts[0])]
        batch = tuple(part[rows] for part in self.parts)
        return batch if len(batch) > 1 else batch[0]

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


def without_end():
    """A generator of the same batch again and again."""
    while True:
        yield numbered(8)[0]


def judged(real):
    """A figure of an untrained generator beside these reals."""
    return keras_gan.evaluate_generator(noting(), real, "sliced_wasserstein")


def generator(*parts, batch_size=4):
    for first in range(0, len(parts[0]), batch_size):
        yield tuple(part[first : first + batch_size] for part in parts)


class Tensor:
    """What a tensor of PyTorch has that is needed here."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values


class DataLoader:
    """A stand-in: iterable anew with each pass, of lists of tensors."""

    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return -(-len(self.parts[0]) // 4)

    def __iter__(self):
        for batch in generator(*self.parts):
            yield [Tensor(part) for part in batch]


DataLoader.__module__ = "torch.utils.data.dataloader"
FORMS = {"a PyDataset": Rows, "a generator": generator, "a loader": DataLoader}


# === Refusals ===


def told(call):
    with pytest.raises(ValueError) as caught:
        call()
    assert type(caught.value) is ValueError and "\n" not in str(caught.value)
    return str(caught.value)
