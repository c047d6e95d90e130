"""Folder: train on your own images, fifteen minutes for some thousand pictures of 64x64."""

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        epochs=36,
        batch_size=32,
        images={"required": True, "help": "folder of PNG, JPEG, GIF or BMP files, nested or not"},
        size={"type": int, "default": 64, "help": "height and width to train at"},
    )
    images = keras_gan.data.from_folder(
        given.images, image_size=given.size, batch_size=given.batch_size, seed=given.seed
    )
    gan = keras_gan.recipes.dcgan(
        (given.size, given.size, 3),
        generator_filters=16,
        discriminator_filters=16,
        latent_dim=64,
        gamma=0.5,
        seed=given.seed,
    )
    gan.fit(
        images,
        epochs=given.epochs,
        validation_split=0.1,
        callbacks=[common.decay(given.epochs), *common.watch(given.out, patience=given.epochs)],
    )
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()
