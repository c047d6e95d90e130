"""InfoGAN: groups of digits and their styles, found without a label; pictures of every code."""

import numpy as np

import common
import keras_gan
from keras_gan import images as pictures

STEPS = 60  # of an epoch
COLUMNS = 10


def main():
    given = common.arguments(__doc__, epochs=30, batch_size=64, data_dir=common.DATA_DIR)
    (images, _), (held_out, labels) = common.mnist_or_digits(given.data_dir, given.seed)
    model = keras_gan.recipes.infogan(images.shape[1:], latent_dim=16, seed=given.seed)
    model.fit(
        {"image": images},
        batch_size=given.batch_size,
        epochs=given.epochs,
        steps_per_epoch=STEPS,
        validation_data={"image": held_out},
        callbacks=[
            common.decay(given.epochs),
            *common.watch(given.out, patience=given.epochs),
        ],
    )
    sweep(model, given.out, given.seed)
    found = model.score({"image": held_out})["code"].argmax(axis=1)
    print(f"Groups:    {purity(found, labels):.1%} of held-out digits are their group's digit")
    common.finish(model, given.out)


def sweep(model, out, seed):
    """`codes.png`: one category a row, noise by column; `style_0.png`, ...: a style by column."""
    kinds = np.repeat(np.arange(10), COLUMNS)
    latents = np.random.default_rng(seed).normal(size=(COLUMNS, 16)).astype("float32")
    flat = np.zeros((1, 2), "float32")
    made = model.generate(
        inputs={"code": kinds, "style": flat, "latents": np.tile(latents, (10, 1))}
    )
    pictures.save_png(out / "codes.png", pictures.grid(made, 10, COLUMNS))
    for number in range(2):
        style = np.zeros((COLUMNS, 2), "float32")
        style[:, number] = np.linspace(-1.0, 1.0, COLUMNS)
        given = {"code": kinds, "style": np.tile(style, (10, 1)), "latents": latents[:1]}
        made = model.generate(inputs=given)
        pictures.save_png(out / f"style_{number}.png", pictures.grid(made, 10, COLUMNS))


def purity(found, labels):
    """The share of images that are of the most common digit of their group."""
    return sum(np.bincount(labels[found == group]).max() for group in set(found)) / len(labels)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/infogan.png"
