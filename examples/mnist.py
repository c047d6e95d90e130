"""MNIST: train on 60,000 handwritten digits from TensorFlow Datasets, in under ten minutes."""

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        minutes=8,
        batch_size=64,
        data_dir={"default": None, "help": "folder of TensorFlow Datasets; downloads if absent"},
    )
    load = keras_gan.data.from_tfds
    options = {"data_dir": given.data_dir, "batch_size": given.batch_size, "seed": given.seed}
    train, test = load("mnist", split="train", **options), load("mnist", split="test", **options)
    gan, settings = keras_gan.recipes.for_data(
        train, minutes=given.minutes, directory=given.out, seed=given.seed
    )
    gan.fit(
        train,
        **settings,
        validation_data=test,
        validation_steps=10,
        callbacks=common.watch(given.out, patience=20),
    )
    common.finish(gan, given.out)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/mnist.png"
