"""Few images: train on a share of the digits, with or without augmentation inside the step."""

import keras
import numpy as np

import common
import keras_gan
from keras_gan import augment

STEPS = 60  # of an epoch
KINDS = {
    "none": lambda ramp: None,
    "diff": lambda ramp: augment.DiffAugment("translation,cutout"),
    "adaptive": lambda ramp: augment.Adaptive("blit,geometry", ramp_images=ramp),
}


def main():
    given = common.arguments(
        __doc__,
        epochs=60,
        batch_size=64,
        data_dir=common.DATA_DIR,
        share={
            "type": float,
            "default": 0.1,
            "help": "of the images, a batch or more, default 0.1",
        },
        augment={"choices": list(KINDS), "default": "adaptive", "help": "default adaptive"},
    )
    (images, _), (held_out, _) = common.mnist_or_digits(given.data_dir, given.seed)
    few = np.random.default_rng(given.seed).permutation(len(images))
    few = images[few[: max(given.batch_size, round(given.share * len(images)))]]
    gan = model(few.shape[1:], given)
    gan.fit(
        few,
        batch_size=given.batch_size,
        epochs=given.epochs,
        steps_per_epoch=STEPS,
        validation_data=held_out[:2_000],
        callbacks=common.watch(given.out, patience=given.epochs),
    )
    measured = keras_gan.evaluate_generator(gan, held_out, metrics=["fid"])
    told = ", ".join(f"{name} {value:.2f}" for name, value in measured.items())
    print(f"Held out:  {told}, after {len(few)} training images")
    common.finish(gan, given.out)


def model(shape, given):
    """One game for all kinds: a loss with a threshold, which `Adaptive` follows, and R1."""
    networks = keras_gan.networks.dcgan(
        shape, 32, generator_filters=32, discriminator_filters=32, precision=None
    )
    gan = keras_gan.GAN(*networks, ema_halflife_images=20_000, seed=given.seed)
    rates = [keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    seen = given.epochs * STEPS * given.batch_size
    gan.compile(
        *rates,
        regularizers=[keras_gan.regularizers.R1(0.1)],
        # Runs are short: the probability must reach its level within a quarter of one.
        augment=KINDS[given.augment](seen / 4),
    )
    return gan


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/few_images.png"
