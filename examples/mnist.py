"""MNIST: train on 60,000 handwritten digits from TensorFlow Datasets, in under ten minutes."""

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        epochs=40,
        batch_size=64,
        data_dir={"default": None, "help": "folder of TensorFlow Datasets; downloads if absent"},
        steps_per_epoch={"type": int, "default": 100, "help": "so that pictures come early"},
    )
    load = keras_gan.data.from_tfds
    options = {"data_dir": given.data_dir, "batch_size": given.batch_size, "seed": given.seed}
    train, test = load("mnist", split="train", **options), load("mnist", split="test", **options)
    gan = keras_gan.recipes.dcgan(
        (28, 28, 1), generator_filters=16, discriminator_filters=32, latent_dim=32, seed=given.seed
    )
    gan.fit(
        train,
        epochs=given.epochs,
        steps_per_epoch=given.steps_per_epoch,
        validation_data=test,
        validation_steps=10,
        callbacks=[common.decay(given.epochs), *common.watch(given.out, patience=20)],
    )
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()
