"""Digits: train on the 1,797 real 8x8 digits that come with the package, in about two minutes."""

import common
import keras_gan


def main():
    given = common.arguments(__doc__, epochs=90, batch_size=64)
    images = common.digits(given.seed)
    gan = keras_gan.recipes.dcgan(
        images.shape[1:], latent_dim=16, learning_rate=1e-3, seed=given.seed
    )
    gan.fit(
        images,
        batch_size=given.batch_size,
        epochs=given.epochs,
        validation_split=0.1,
        callbacks=[common.decay(given.epochs), *common.watch(given.out, patience=25)],
    )
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/digits.png"
