"""pix2pix: photos of facades from their labels, or, without data, the lower halves of digits."""

import pathlib

import common
import keras_gan

NAMES = ("input", "target")


def main():
    given = common.arguments(
        __doc__,
        epochs=40,
        batch_size=8,
        data_dir={
            "type": pathlib.Path,
            "help": "folder with labels/train, photos/train, labels/test, photos/test; images of "
            "one name are a pair",
        },
        size=common.SIZE,
    )
    if given.data_dir is None:
        images = common.digits(given.seed)
        damaged = images.copy()
        damaged[:, 4:] = 0
        data = {"input": damaged, "target": images}
        shape, held_out = images.shape[1:], {"validation_split": 0.1}
        settings = {"batch_size": given.batch_size}
    else:
        data, test = (pairs(given, part) for part in ("train", "test"))
        shape, held_out, settings = (given.size, given.size, 3), {"validation_data": test}, {}
    model = keras_gan.recipes.pix2pix(shape, names=NAMES, seed=given.seed)
    callbacks = common.watch(given.out, patience=given.epochs)
    model.fit(data, epochs=given.epochs, **settings, **held_out, callbacks=callbacks)
    common.finish(model, given.out)


def pairs(given, part):
    return keras_gan.data.from_paired_folder(
        given.data_dir / "labels" / part,
        given.data_dir / "photos" / part,
        names=NAMES,
        image_size=given.size,
        batch_size=given.batch_size,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/pix2pix.png"
