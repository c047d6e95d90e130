"""Anomaly: train on one digit, and find the others among held-out ones by how they are rebuilt."""

import numpy as np

import common
import keras_gan
from keras_gan import images as pictures

STEPS = 50  # of an epoch
SHOWN = 10


def main():
    given = common.arguments(
        __doc__,
        epochs=30,
        batch_size=64,
        data_dir=common.DATA_DIR,
        digit={
            "type": int,
            "default": 0,
            "choices": range(10),
            "help": "the one that is usual, default 0",
        },
    )
    (images, labels), (held_out, kinds) = common.mnist_or_digits(given.data_dir, given.seed)
    model = keras_gan.recipes.bigan(images.shape[1:], latent_dim=16, seed=given.seed)
    model.fit(
        {"image": images[labels == given.digit]},
        batch_size=given.batch_size,
        epochs=given.epochs,
        steps_per_epoch=STEPS,
        validation_data={"image": held_out[kinds == given.digit]},
        callbacks=common.watch(given.out, patience=given.epochs),
    )
    scores = keras_gan.recipes.anomaly_score(model, held_out)
    unusual = kinds != given.digit
    show(model, held_out, scores, given.out / "anomalies.png")
    limit = np.percentile(scores[~unusual], 95)
    print(f"AUROC:     {auroc(scores, unusual):.3f} of digit {given.digit} against the others")
    print(f"Found:     {(scores[unusual] > limit).mean():.1%} of the others, at 5 % false alarms")
    common.finish(model, given.out)


def auroc(scores, unusual):
    """The probability that an unusual image has the higher score of the two."""
    ranks = np.argsort(np.argsort(scores)) + 1.0
    positive, negative = unusual.sum(), (~unusual).sum()
    return (ranks[unusual].sum() - positive * (positive + 1) / 2) / (positive * negative)


def show(model, images, scores, path):
    """The least and the most unusual images, each above its reconstruction."""
    order = np.argsort(scores)
    parts = []
    for chosen in (images[order[:SHOWN]], images[order[-SHOWN:]]):
        rebuilt = model.generate(inputs={"image": chosen}, outputs="rebuilt")
        parts += [chosen / np.float32(127.5) - 1.0, rebuilt]
    pictures.save_png(path, pictures.grid(np.concatenate(parts), 4, SHOWN))


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/anomaly.png"
