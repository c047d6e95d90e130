"""Folder: train on your own images for as long as you like."""

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        minutes=20,
        batch_size=32,
        images={"required": True, "help": "folder of images, nested or not"},
        size={"type": int, "default": 64, "help": "height and width to train at"},
    )
    images = keras_gan.data.from_folder(
        given.images, image_size=given.size, batch_size=given.batch_size, seed=given.seed
    )
    gan, settings = keras_gan.recipes.for_data(
        images, minutes=given.minutes, directory=given.out, seed=given.seed
    )
    patience = settings["epochs"]  # a plan ends by itself
    callbacks = common.watch(given.out, patience=patience)
    gan.fit(images, **settings, validation_split=0.1, callbacks=callbacks)
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/sprites.png"
