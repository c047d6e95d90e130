"""Super-resolution: images from a quarter of their height and width, or digits from a half."""

import pathlib

import numpy as np

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        epochs=20,
        batch_size=16,
        data_dir={"type": pathlib.Path, "help": "folder of images, nested or not"},
        size=common.SIZE,
    )
    if given.data_dir is None:
        high, scale = common.digits(given.seed), 2
    else:
        data = keras_gan.data.from_folder(
            given.data_dir, image_size=given.size, batch_size=100, seed=given.seed
        )
        high, scale = np.concatenate(list(data.as_numpy_iterator())), 4
    model = keras_gan.recipes.super_resolution(high.shape[1:], scale, seed=given.seed)
    model.fit(
        {"low": shrunk(high, scale), "high": high},
        epochs=given.epochs,
        batch_size=given.batch_size,
        validation_split=0.1,
        callbacks=common.watch(given.out, patience=given.epochs),
    )
    common.finish(model, given.out)


def shrunk(images, scale):
    """Means over squares of pixels, as `uint8`."""
    count, height, width, channels = images.shape
    squares = images.reshape(count, height // scale, scale, width // scale, scale, channels)
    return np.rint(squares.mean((2, 4))).astype("uint8")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/super_resolution.png"
