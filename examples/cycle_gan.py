"""CycleGAN: two kinds of images without pairs, or, without data, digits in light and in dark."""

import pathlib

import common
import keras_gan


def main():
    given = common.arguments(
        __doc__,
        epochs=20,
        batch_size=4,
        data_dir={"type": pathlib.Path, "help": "folder with trainA and trainB, of any images"},
        size=common.SIZE,
    )
    if given.data_dir is None:
        images = common.digits(given.seed)
        sources, shape = (images[::2], 255 - images[1::2]), images.shape[1:]
    else:
        sources = [
            keras_gan.data.from_folder(given.data_dir / f"train{kind}", image_size=given.size)
            for kind in "AB"
        ]
        shape = (given.size, given.size, 3)
    data = keras_gan.data.unpaired(
        *sources, names=("a", "b"), batch_size=given.batch_size, seed=given.seed
    )
    model = keras_gan.recipes.cycle_gan(shape, seed=given.seed)
    callbacks = common.watch(given.out, patience=given.epochs)
    model.fit(data, epochs=given.epochs, validation_split=0.1, callbacks=callbacks)
    common.finish(model, given.out)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/cycle_gan.png"
