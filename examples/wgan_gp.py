"""WGAN-GP: the embedded digits under a Wasserstein loss, five critic updates for one."""

import common
import keras_gan


def main():
    given = common.arguments(__doc__, epochs=60, batch_size=32)
    images = keras_gan.data.digits()
    gan = keras_gan.recipes.wgan_gp(
        images.shape[1:], latent_dim=16, learning_rate=5e-4, seed=given.seed
    )
    gan.fit(
        images,
        batch_size=given.batch_size,
        epochs=given.epochs,
        validation_split=0.1,
        callbacks=common.watch(given.out, patience=25),
    )
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/wgan_gp.png"
