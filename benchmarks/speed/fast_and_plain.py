"""Does quality pay for speed? The fast step in bfloat16 beside the plain one in float32.

Both train the `dcgan` recipe for as many steps, from the same weights, on the same data. *Fast* is
the package with `precision="auto"`: one pass of the generator for both players, penalties on the
logits that the loss needs anyway, several steps a call, and bfloat16 where the machine multiplies
it faster. *Plain* is the step as it is usually written, `PlainGAN` below, in float32. On MNIST the
recipe has its defaults; on a folder of 64x64 images, `--images`, it is that of
`examples/folder.py`.

After each half of the steps, samples of the averaged generator are compared with real images by
the Frechet distance: on MNIST 10,000 with the test digits, by the 128 features of
`digit_classifier`; else as many as there are images, by the package's random convolutions. Quality
is within the noise where the mean of *fast*, over the seeds and at the end, is not above that of
*plain* by more than two standard errors of the difference (Welch).
"""

import functools
import itertools
import math
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from benchmarks import records
from keras_gan.feeding import sample_spec
from keras_gan.metrics.random_convolutions import RandomConvolutions

WAYS, NAME = ("plain", "fast"), "{}_{}_seed{}"
STEPS, QUICK_STEPS, PARTS = 800, 8, 2
QUICK_SAMPLES = 800
SAMPLING_SEED = 1_000
SPRITES = {"generator_filters": 16, "discriminator_filters": 16, "latent_dim": 64, "gamma": 0.5}


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--data", nargs="+", choices=TASKS, default=["mnist"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--data-dir", help="of TensorFlow Datasets, for mnist")
    parser.add_argument("--images", type=pathlib.Path, help="folder of images, for images")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for samples as PNG files")
    given = parser.parse_args()
    records.one_thread()
    runs = records.Runs("fast_and_plain", given)
    for data in given.data:
        task = functools.cache(functools.partial(TASKS[data], given))  # if a run is missing
        for seed in runs.seeds:
            for way in given.ways:
                runs.measured(NAME.format(data, way, seed), run, task, way, seed, given)
    print(report(runs.end()))


def names(seeds=(0, 1, 2)):
    """Of the records of these seeds."""
    return [NAME.format(*run) for run in itertools.product(TASKS, WAYS, seeds)]


# === What is trained ===


class Digits:
    """MNIST, judged by its test digits."""

    name, shape, batch, options = "mnist", (28, 28, 1), 64, {}

    def __init__(self, given):
        from benchmarks import digit_classifier

        train, test = digit_classifier.digits(given.data_dir)
        network, self.told = digit_classifier.trained(train, test)
        self.features = digit_classifier.features(network)
        self.train, self.real = train[0], test[0][: QUICK_SAMPLES if given.quick else None]


class Images:
    """A folder of 64x64 images, judged by themselves."""

    name, shape, batch, options, told = "images", (64, 64, 3), 32, SPRITES, {}
    features = RandomConvolutions((64, 64, 3))

    def __init__(self, given):
        if given.images is None:
            raise SystemExit("`--images` must be a folder of images.")
        folder = keras_gan.data.from_folder(given.images, image_size=64, batch_size=1)
        self.train = np.concatenate(list(folder.as_numpy_iterator()))
        self.real = self.train[: QUICK_SAMPLES if given.quick else None]


TASKS = {task.name: task for task in (Digits, Images)}


class PlainGAN(keras_gan.GAN):
    """The step as it is usually written: each pass by itself, on noise of its own."""

    def train_step(self, data):
        real = sample_spec.to_float(sample_spec.unpack(data)[0])
        with tf.control_dependencies([real]):  # the data's order follows from the steps counted
            seeds = self._seeds(0)
            fake = self.generator(self._latents(real, next(seeds)), training=True)
            with tf.GradientTape() as tape:
                logits = (self.discriminator(batch, training=True) for batch in (real, fake))
                d_loss = tf.reduce_mean(self.adversarial_loss.discriminator_loss(*logits))
                total = d_loss
                for regularizer in self.regularizers:
                    penalty = regularizer.penalty(self.discriminator, real, fake, seed=next(seeds))
                    total += tf.reduce_mean(penalty)
            self._descend(self.discriminator_optimizer, tape, total, self.discriminator)
            with tf.GradientTape() as tape:
                fake = self.generator(self._latents(real, next(seeds)), training=True)
                logits = (self.discriminator(batch, training=True) for batch in (real, fake))
                g_loss = tf.reduce_mean(self.adversarial_loss.generator_loss(*logits))
            self._descend(self.generator_optimizer, tape, g_loss, self.generator)
            self._after_generator(tf.shape(real)[0], {})
            self._count_step(data)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def _latents(self, real, seed):
        return self._with_draws({"samples": real}, seed)["latents"]

    def _descend(self, optimizer, tape, loss, network):
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)


def model(task, way, seed):
    """The recipe, in one of the two ways; its weights are the same in both."""
    precision = "auto" if way == "fast" else "float32"
    fast = keras_gan.recipes.dcgan(task.shape, seed=seed, precision=precision, **task.options)
    if way == "fast":
        return fast
    plain = PlainGAN(
        fast.generator,
        fast.discriminator,
        ema_halflife_images=fast.ema_halflife_images,
        seed=seed,
    )
    plain.compile(
        fast.generator_optimizer,
        fast.discriminator_optimizer,
        fast.adversarial_loss,
        regularizers=fast.regularizers,
        steps_per_execution=1,
    )
    return plain


# === Measuring ===


def run(task, way, seed, given):
    """Train half of the steps, compare, twice."""
    task = task()
    keras.utils.set_random_seed(seed)
    gan = model(task, way, seed)
    steps = QUICK_STEPS if given.quick else STEPS
    distances, seconds = [], 0.0
    for _ in range(PARTS):
        start = time.process_time()
        gan.fit(
            task.train,
            batch_size=task.batch,
            steps_per_epoch=steps // PARTS,
            epochs=1,
            verbose=0,
        )
        seconds += time.process_time() - start
        distances.append(round(distance(gan, task), 4))
    if given.pictures:
        path = given.pictures / f"{task.name}_{way}_seed{seed}.png"
        images = keras_gan.images
        images.save_png(path, images.grid(gan.generate(64, seed=SAMPLING_SEED), 8, 8))
    return {
        "data": task.name,
        "way": way,
        "seed": seed,
        "steps": gan.steps_seen,
        "policy": gan.discriminator.layers[1].dtype_policy.name,
        "distances": distances,
        "processor_seconds": round(seconds, 1),
        **task.told,
    }


def distance(gan, task):
    metric = keras_gan.metrics.FrechetDistance(features=task.features)
    found = keras_gan.evaluate_generator(
        gan, task.real, [metric], num_samples=len(task.real), seed=SAMPLING_SEED
    )
    return found["frechet_distance"]


# === Telling ===


def report(runs):
    """Each way's distances after each half and for each seed, and what the difference is worth."""
    columns = ["data", "way", "policy", "Frechet distance after each half, mean over the seeds"]
    columns += ["at the end, by seed", "mean (deviation)", "processor seconds"]
    rows, sentences = [], []
    for data in dict.fromkeys(run["data"] for run in runs):
        ends = {}
        for way in WAYS:
            mine = [run for run in runs if (run["data"], run["way"]) == (data, way)]
            if not mine:
                continue
            ends[way] = [run["distances"][-1] for run in mine]
            halves = zip(*(run["distances"] for run in mine), strict=True)
            rows.append(
                [
                    data,
                    way,
                    mine[0]["policy"],
                    ", ".join(_figure(statistics.mean(values)) for values in halves),
                    ", ".join(map(_figure, ends[way])),
                    _figure(statistics.mean(ends[way])) + _deviation(ends[way]),
                    f"{statistics.mean(run['processor_seconds'] for run in mine):.0f}",
                ]
            )
        if len(ends) == len(WAYS) and min(map(len, ends.values())) > 1:
            sentences.append(verdict(data, **ends))
    return "\n\n".join([records.table(columns, rows), *sentences])


def verdict(data, plain, fast):
    """A sentence: whether fast ends within the noise of plain."""
    difference = statistics.mean(fast) - statistics.mean(plain)
    error = math.sqrt(sum(statistics.variance(x) / len(x) for x in (plain, fast)))
    return (
        f"{data}: fast minus plain is {difference:+.3g}, with a standard error of {error:.3g}: "
        f"{'within the noise' if difference <= 2.0 * error else 'WORSE than the noise'}."
    )


def _figure(value):
    return f"{value:.3g}" if value < 1_000 else f"{value:,.0f}"


def _deviation(values):
    return f" ({_figure(statistics.stdev(values))})" if len(values) > 1 else ""


if __name__ == "__main__":
    main()
