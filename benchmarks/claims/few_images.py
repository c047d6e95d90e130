"""Does augmentation inside the step help where images are few?

Three sets, the embedded digits, MNIST, and sprites of 64x64 in colour; 10 % and 2 % of their
training images, drawn by the seed, a batch or more; equal numbers of steps on one thread. The game
is that of `examples/few_images.py`: the networks of `recipes.dcgan` with its default sizes in
float32, the non-saturating loss with R1, which has the threshold that `Adaptive` follows, and
Adam.

- `none`: nothing is augmented;
- `diff`: `DiffAugment` of translation and cutout, and of colour for sprites;
- `adaptive`: `Adaptive` of blit and geometry, and of colour for sprites; its probability could
  reach 1 in a quarter of the run.

The figure is the Frechet distance of 700 samples of the averaged generator to 700 held-out reals
in features of a trained network (see `embeddings/judges.py`), and its ratio to that of `none`.
A run of all training images shows what there is to win. Besides:

- *p*: the probability of `Adaptive` in the mean of each tenth of the run, which should settle;
- *told as augmented*: a small classifier is trained on all training images to tell augmented
  ones from others, by each of the two augmentations (`Adaptive` at a probability of 0.5); the
  share of samples, and of held-out reals, that it takes for augmented. A generator that shows
  augmentations has a higher share than one that was trained without.
"""

import functools
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_gan
from benchmarks import records
from benchmarks.claims.embeddings import checkpoints, judges
from keras_gan import augment
from keras_gan.metrics.frechet_distance import frechet_distance
from keras_gan.recipes import defaults

SETS = ("digits", "mnist", "sprites")
SHARES = (0.1, 0.02)
KINDS = ("none", "diff", "adaptive")
# Steps and images of a step, and the weight of R1.
LENGTHS = {"digits": (3_000, 64, 0.1), "mnist": (2_000, 64, 0.1), "sprites": (1_500, 32, 0.5)}
TENTHS, QUICK_STEPS = 10, 10
SAMPLING_SEED = 1_000


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--data-dir", type=pathlib.Path, default=".", help="of MNIST and sprites")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for samples as PNG files")
    given = parser.parse_args()
    records.one_thread()
    sets, shares = (("digits",), (0.1,)) if given.quick else (given.sets, given.shares)
    runs = records.Runs("few_images", given)
    for seed in runs.seeds:
        for name in sets:
            # All images without augmentation are the bound.
            wanted = [(1.0, "none"), *((s, kind) for s in shares for kind in given.kinds)]
            for share, kind in wanted:
                run = f"{name}_{100 * share:g}_percent_{kind}_seed{seed}"
                runs.measured(run, _run, name, share, kind, seed, given)
                print(report(runs[-1:]), flush=True)
    print(report(runs.end()))


def augmentation(name, kind, **options):
    """The augmentation of a set and a kind, or `None`."""
    color = "color," if name == "sprites" else ""
    if kind == "diff":
        return augment.DiffAugment(f"{color}translation,cutout")
    return augment.Adaptive(f"{color}blit,geometry", **options) if kind == "adaptive" else None


# === Runs ===


def _run(name, share, kind, seed, given):
    steps, batch, _ = LENGTHS[name]
    steps = QUICK_STEPS if given.quick else steps
    train, held_out = checkpoints.reals(name, given.data_dir)
    order = np.random.default_rng(seed).permutation(len(train))
    few = train[order[: max(batch, round(share * len(train)))]]
    keras.utils.set_random_seed(seed)
    gan = _game(name, kind, train.shape[1:], steps, seed)
    start, seen = time.process_time(), _Probability()
    epochs = TENTHS if steps >= 10 * TENTHS else 1
    gan.fit(
        few,
        batch_size=batch,
        epochs=epochs,
        steps_per_epoch=steps // epochs,
        verbose=0,
        callbacks=[seen],
    )
    taken = time.process_time() - start
    samples = gan.generate(len(held_out), seed=SAMPLING_SEED)
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
        path = given.pictures / f"few_{name}_{100 * share:g}_{kind}_{seed}.png"
        keras_gan.images.save_png(path, keras_gan.images.grid(samples[:48], 4, 12))
    pixels = keras_gan.images.to_uint8(samples)
    look = judges.judge(name, given.data_dir)
    return {
        "set": name,
        "share": share,
        "images": len(few),
        "kind": kind,
        "seed": seed,
        "steps": steps,
        "frechet_distance": round(float(frechet_distance(look(held_out), look(pixels))), 4),
        "p": seen.of_epochs,
        "told_as_augmented": {
            other: [_told(name, other, images, given) for images in (pixels, held_out)]
            for other in KINDS[1:]
        },
        "processor_seconds": round(taken, 1),
    }


def _game(name, kind, shape, steps, seed):
    batch, weight = LENGTHS[name][1:]
    networks = keras_gan.networks.dcgan(
        shape, defaults.latent_dim(shape), precision=None, **defaults.convolutions(shape)
    )
    gan = keras_gan.GAN(*networks, ema_halflife_images=20_000, seed=seed)
    rates = [keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    augmented = augmentation(name, kind, ramp_images=steps * batch / 4)
    gan.compile(*rates, regularizers=[keras_gan.regularizers.R1(weight)], augment=augmented)
    return gan


class _Probability(keras.callbacks.Callback):
    """Keeps the probability of each epoch, if there is one."""

    def on_train_begin(self, logs=None):
        self.of_epochs = []

    def on_epoch_end(self, epoch, logs=None):
        if "augment_p" in logs:
            self.of_epochs.append(round(float(logs["augment_p"]), 3))


# === Augmented or not ===


@functools.cache
def _classifier(name, kind, data_dir, steps):
    """A network that tells augmented images of a set from others."""
    train, _ = checkpoints.reals(name, data_dir)
    changes = augmentation(name, kind, **({"start": 0.5} if kind == "adaptive" else {}))
    keras.utils.set_random_seed(0)
    parts = [keras.Input(train.shape[1:])]
    for filters in (16, 32, 64):
        parts += [
            layers.Conv2D(filters, 3, 2, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
        ]
    network = keras.Sequential([*parts, layers.Flatten(), layers.Dense(1)])
    network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    draw = np.random.default_rng(0)

    @tf.function
    def changed(images, number):
        return changes({"image": images}, tf.stack([0, number]))["image"]

    for number in range(steps):
        images = _floats(train[draw.integers(len(train), size=64)])
        images = np.concatenate([images[:32], changed(images[32:], number)])
        network.train_on_batch(images, np.repeat([[0.0], [1.0]], 32, axis=0))
    return network


def _told(name, kind, images, given):
    """The share of images that are taken for augmented ones."""
    steps = QUICK_STEPS if given.quick else 500
    network = _classifier(name, kind, given.data_dir, steps)
    return round(float((network.predict(_floats(images), verbose=0) > 0.0).mean()), 4)


def _floats(images):
    return images.astype("float32") / 127.5 - 1.0


# === The table ===


def report(runs):
    """A set, a share and a kind a row: means over seeds, with deviations in brackets."""
    columns = ["set", "images", "augmentation", "Frechet distance", "over `none`, aim <= 0.6"]
    columns += ["p at the middle and end", "told as augmented (reals)", "steps"]
    rows = []
    for key in dict.fromkeys((run["set"], run["share"], run["kind"]) for run in runs):
        name, share, kind = key
        mine = _of(runs, *key)
        found, without = (
            [run["frechet_distance"] for run in part]
            for part in (mine, _of(runs, name, share, "none"))
        )
        over = f"{np.mean(found) / np.mean(without):.2f}" if without else "-"
        p = [run["p"] for run in mine if run["p"]]
        halves = [np.mean([each[at] for each in p]) for at in (len(p[0]) // 2, -1)] if p else []
        rows.append(
            [
                name,
                f"{mine[0]['images']:,}",
                kind,
                records.mean(found, "{:,.2f}"),
                over,
                ", ".join(f"{value:.2f}" for value in halves) or "-",
                _told_of(mine, kind),
                f"{mine[0]['steps']:,}",
            ]
        )
    return records.table(columns, rows)


def _of(runs, name, share, kind):
    return [run for run in runs if (run["set"], run["share"], run["kind"]) == (name, share, kind)]


def _told_of(runs, kind):
    """By the classifier of the run's own augmentation, or of both."""
    return ", ".join(
        "{:.1%} ({:.1%})".format(*np.mean([run["told_as_augmented"][k] for run in runs], axis=0))
        for k in KINDS[1:]
        if kind in ("none", k)
    )


if __name__ == "__main__":
    main()
