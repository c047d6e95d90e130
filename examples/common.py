"""What the examples share: arguments, callbacks, the last words."""

import argparse
import pathlib
import re

import keras
import numpy as np

import keras_gan


def arguments(description, *, batch_size, epochs=None, minutes=None, **more):
    """Parse `--epochs` or `--minutes`, `--batch-size`, `--out`, `--seed`, and others."""
    name = re.sub(r"\W+", "_", description.split(":")[0].lower())
    parser = argparse.ArgumentParser(description=description)
    if epochs is not None:
        parser.add_argument("--epochs", type=int, default=epochs, help=f"default {epochs}")
    if minutes is not None:
        parser.add_argument(
            "--minutes", type=float, default=minutes, help=f"for all of it, default {minutes}"
        )
    batches = f"samples of one update, default {batch_size}"
    parser.add_argument("--batch-size", type=int, default=batch_size, help=batches)
    out = pathlib.Path("runs") / name
    kept = f"folder for pictures, logs and the model, default {out.as_posix()}"
    parser.add_argument("--out", type=pathlib.Path, default=out, help=kept)
    seeds = "of initial weights, noise and order, default 0"
    parser.add_argument("--seed", type=int, default=0, help=seeds)
    for argument, options in more.items():
        parser.add_argument(f"--{argument.replace('_', '-')}", **options)
    given = parser.parse_args()
    if more.get("size") is SIZE:
        if given.size is not None and given.data_dir is None:
            parser.error("--size is that of the images in --data-dir; the digits are of 8x8 pixels")
        given.size = 64 if given.size is None else given.size
    # Initial weights follow from Keras's seed, noise and order from the model's.
    keras.utils.set_random_seed(given.seed)
    return given


SIZE = {"type": int, "help": "height and width of the images in --data-dir, default 64"}
DATA_DIR = {"default": None, "help": "folder of TensorFlow Datasets with MNIST, else 8x8 digits"}


def digits(seed, *, labels=False):
    """The embedded digits in mixed order: they come writer by writer, and the last are held out."""
    images, classes = keras_gan.data.digits(labels=True)
    order = np.random.default_rng(seed).permutation(len(images))
    return (images[order], classes[order]) if labels else images[order]


def mnist_or_digits(data_dir, seed):
    """`((images, labels), (held-out images, labels))`: MNIST, or the embedded digits."""
    if data_dir is not None:
        import tensorflow_datasets as tfds

        options = {"batch_size": -1, "as_supervised": True, "data_dir": data_dir}
        return [tfds.as_numpy(tfds.load("mnist", split=s, **options)) for s in ("train", "test")]
    images, labels = digits(seed, labels=True)
    train = len(images) * 9 // 10
    return (images[:train], labels[:train]), (images[train:], labels[train:])


def decay(epochs, floor=0.01):
    """Constant learning rates for the first half, then straight down to `floor` of them."""

    def share(epoch):
        return max(floor, min(1.0, 2.0 * (1.0 - epoch / epochs)))

    def schedule(epoch, rate):
        # From the rate of the epoch before: a resumed run does not know the first one.
        return rate * share(epoch) / share(epoch - 1)

    return keras.callbacks.LearningRateScheduler(schedule)


def watch(out, *, grid=True, **stopping):
    """The callbacks of every example: pictures, a verdict, TensorBoard, a backup to go on from."""
    pictures = [keras_gan.callbacks.ImageGrid(out, every_epochs=5)] if grid else []
    return [
        *pictures,
        keras_gan.callbacks.ConvergenceStopping(directory=out, **stopping),
        keras.callbacks.TensorBoard(out / "logs"),
        keras_gan.callbacks.TrainingBackup(out / "backup"),
    ]


def finish(gan, out):
    """Save and export the model; say where everything is and what the verdict was."""
    gan.save(out / "gan.keras")
    gan.export(out / "generator")
    print(f"Pictures:  {out}")
    print(f"Logs:      tensorboard --logdir {out / 'logs'}")
    print(f"Model:     {out / 'gan.keras'} (goes on with fit), {out / 'generator'} (SavedModel)")
    message = gan.verdict.message if gan.verdict else "still learning"
    print(f"Verdict:   {message}")
