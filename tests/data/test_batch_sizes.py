"""The batch size that suits the samples, where none is given."""

import numpy as np
import pytest

import keras_gan
from keras_gan.feeding import batch_sizes


def images(*shape, count=3):
    return np.zeros((count, *shape), "uint8") + np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)


@pytest.mark.parametrize(
    "shape, suited",
    [
        ((5,), 64),
        ((200, 3), 64),
        ((47, 47, 3), 64),
        ((48, 48, 1), 32),
        ((24, 96, 1), 32),
        ((95, 95, 3), 32),
        ((96, 96, 3), 16),
        ((None, None, 3), 64),
    ],
)
def test_large_images_come_in_small_batches(shape, suited):
    assert batch_sizes.suited(shape) == suited


def test_data_sets_take_it_from_their_largest_images(tmp_path):
    for number, image in enumerate(images(50, 50, 3)):
        keras_gan.images.save_png(tmp_path / f"{number}.png", image)
    small, large = images(8, 8, 1), images(100, 100, 1)
    found = {
        keras_gan.data.from_arrays(small): 64,
        keras_gan.data.from_arrays({"a": small, "b": large}): 16,
        keras_gan.data.unpaired(small, large, names=["a", "b"]): 16,
        keras_gan.data.from_folder(tmp_path, image_size=50): 32,
        keras_gan.data.from_folder(tmp_path, image_size=50, batch_size=7): 7,
    }
    assert [data.batch_size for data in found] == list(found.values())


def test_fit_takes_it_for_arrays():
    reals = images(96, 96, 1, count=32)
    gan = keras_gan.recipes.dcgan(reals.shape[1:], generator_filters=2, discriminator_filters=2)
    gan.run_eagerly = True
    gan.fit(reals, epochs=1, verbose=0)
    assert gan.steps_seen == 2
