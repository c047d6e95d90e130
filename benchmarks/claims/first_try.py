"""What the first try gives: a recipe with no argument, beside settings that were searched for.

Five sets: the embedded digits, MNIST, sprites of 64x64 in colour, photos of facades of 64x64 and of
128x128. Each run is one thread's training of `--seconds`: as many steps as it makes in them where
nothing else runs. A step of each contender is timed first (`--time` does only this, for an idle
machine), so that runs may be made on a busy one. Samples of the averaged generator are compared
with held-out reals: the Frechet distance in features of a trained network, see
`embeddings/judges.py`.

- `default`: `recipes.dcgan(image_shape)`, and nothing else;
- `best`: the best settings that were found by hand, told in `BEST`;
- `documentation`: the networks of `default`, trained as in the Keras documentation's DCGAN:
  cross-entropy, Adam(1e-4), noise of 0.05 on labels, no penalty, no average.

A run explodes if an epoch of 100 steps has a gradient norm or a loss that is ten times the
smallest of the epochs before, or not finite. `--pictures` takes a picture of each run of seed
0. `--plans 10` trains on what `recipes.for_data(minutes=10)` returns, by the clock, instead.
"""

import dataclasses
import functools
import itertools
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from benchmarks import records
from benchmarks.claims.embeddings import checkpoints, judges
from keras_gan.feeding import batch_sizes
from keras_gan.metrics.frechet_distance import frechet_distance
from keras_gan.recipes import defaults

SETS = ("digits", "mnist", "sprites", "facades", "facades_128")
SECONDS, QUICK_SECONDS = 300.0, 10.0
TIMING = 12.0  # seconds in which a step is timed
SAMPLING_SEED = 1_000


@dataclasses.dataclass(frozen=True)
class Best:
    """Settings that were searched for, for one set.

    Attributes:
        networks: arguments of `recipes.dcgan`.
        batch: samples of an update; `None` for those that `fit` chooses, as for the default.
        horizon: images over which the learning rate falls to a fiftieth; `None` for a constant one.
    """

    networks: dict
    batch: int | None = None
    horizon: int | None = None

    @property
    def of_default_size(self):
        """Whether networks and batch are those of the default, so that a step costs the same."""
        return set(self.networks) <= {"gamma"} and self.batch is None


BEST = {
    "digits": Best({}),
    "mnist": Best({"generator_filters": 16, "discriminator_filters": 32}),
    "sprites": Best({"gamma": 0.5}),
    "facades": Best({"gamma": 0.5}),
    "facades_128": Best({"gamma": 2.0}),
}
CONTENDERS = ("default", "best", "documentation")


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--seconds", type=float, help=f"of one thread, default {SECONDS:.0f}")
    parser.add_argument("--time", action="store_true", help="time the steps and do no more")
    parser.add_argument(
        "--plans", type=float, metavar="MINUTES", help="of `for_data`, by the clock"
    )
    parser.add_argument(
        "--data-dir", type=pathlib.Path, default=".", help="of the sets that are not embedded"
    )
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for samples as PNG files")
    given = parser.parse_args()
    seconds = given.seconds or (QUICK_SECONDS if given.quick else SECONDS)
    sets = ("digits",) if given.quick else given.sets
    runs, timings = records.Runs("first_try", given), records.Runs("first_try", given)
    if given.plans is None:
        records.one_thread()
    if given.time:
        for name in sets:
            for contender in given.contenders:
                print(name, contender, _timed(name, contender, timings), flush=True)
        timings.merge()
        return
    for name, seed in ((name, seed) for seed in runs.seeds for name in sets):
        if given.plans is not None:
            runs.measured(f"{name}_plan_{given.plans:g}_seed{seed}", _planned, name, seed, given)
            print(report(runs[-1:]), flush=True)
            continue
        for contender in given.contenders:
            arguments = name, contender, seed, seconds, timings
            runs.measured(f"{name}_{contender}_seed{seed}", _run, *arguments)
            print(report(runs[-1:]), flush=True)
    timings.merge()
    print(report(runs.end()), means(runs), sep="\n\n")


# === Data and judges ===


@functools.cache
def reals(name, data_dir):
    """`(train, held out)` of a set, uint8."""
    if name != "facades_128":
        return checkpoints.reals(name, data_dir)
    return checkpoints.facades(data_dir, 128)


@functools.cache
def judge(name, data_dir):
    """A function from uint8 images to features."""
    return judges.judge("facades" if name == "facades_128" else name, data_dir)


def distance(name, samples, data_dir):
    """The Frechet distance of float samples in [-1, 1] to the held-out reals."""
    pixels = np.clip(np.round((samples + 1.0) * 127.5), 0, 255).astype("uint8")
    look = judge(name, data_dir)
    return float(frechet_distance(look(reals(name, data_dir)[1]), look(pixels)))


# === Runs ===


def _run(name, contender, seed, seconds, timings):
    given, step = timings.given, _timed(name, contender, timings)["milliseconds_a_step"]
    model, data = _contender(name, contender, seed, given)
    watch = _watch(round(1e3 * seconds / step))
    model.fit(**data, epochs=10_000, verbose=0, callbacks=[watch])
    held_out = reals(name, given.data_dir)[1]
    return {**_judged(name, model, len(held_out), contender, seed, given), **watch.told()}


def _timed(name, contender, timings):
    """The record of a contender's step, timed once. Equal networks share it, so that they make
    equal numbers of steps."""
    given = timings.given
    if contender == "best" and BEST[name].of_default_size:
        contender = "default"

    def measure():
        class Clock(keras.callbacks.Callback):
            ends = []

            def on_train_batch_end(self, batch, logs=None):
                self.ends.append((time.process_time(), batch))
                self.model.stop_training = self.ends[-1][0] - self.ends[0][0] > TIMING

        model, data = _contender(name, contender, 0, given)
        model.fit(**{**data, "steps_per_epoch": 2**20}, verbose=0, callbacks=[Clock()])
        taken = [
            (end - begin) / (last - first)
            for (begin, first), (end, last) in itertools.pairwise(Clock.ends[1:])
        ]
        return {"milliseconds_a_step": round(1e3 * statistics.median(taken), 3)}

    return timings.measured(f"time_{name}_{contender}", measure, again=given.again and given.time)


def _contender(name, contender, seed, given):
    """`(model, arguments of its fit)`."""
    keras.utils.set_random_seed(seed)
    train, _ = reals(name, given.data_dir)
    shape = train.shape[1:]
    batch = batch_sizes.suited(shape)
    if contender == "documentation":
        model = _documentation(shape)
    elif contender == "best":
        model, batch = _best(name, shape, batch, seed)
    else:
        model = keras_gan.recipes.dcgan(shape, seed=seed)
    data = {"x": train, "steps_per_epoch": min(100, len(train) // batch)}
    if contender == "best":
        data["batch_size"] = batch
    if contender == "documentation":
        # Keras alone stops at the end of an array, and takes no batch size beside a data set.
        images = _endless(train, max(32, batch))  # 32 in the documentation
        data = {"x": images, "steps_per_epoch": data["steps_per_epoch"]}
    return model, data


def _planned(name, seed, given):
    keras.utils.set_random_seed(seed)
    train, held_out = reals(name, given.data_dir)
    began = time.perf_counter()
    model, settings = keras_gan.recipes.for_data(train, minutes=given.plans, seed=seed)
    watch = _watch(2**60)
    stopping = keras_gan.callbacks.ConvergenceStopping(patience=settings["epochs"])
    model.fit(train, **settings, verbose=0, callbacks=[watch, stopping])
    minutes = (time.perf_counter() - began) / 60.0
    told = _judged(name, model, len(held_out), f"plan_{given.plans:g}", seed, given)
    return {**told, **watch.told(), "minutes": round(minutes, 2)}


def _judged(name, model, count, contender, seed, given):
    samples = model.generate(count, seed=SAMPLING_SEED)
    if given.pictures and seed == 0:
        path = given.pictures / f"first_try_{name}_{contender}.png"
        keras_gan.images.save_png(path, keras_gan.images.grid(samples[:48], 4, 12))
    return {
        "set": name,
        "contender": contender,
        "seed": seed,
        "frechet_distance": round(distance(name, samples, given.data_dir), 4),
        "samples": count,
    }


def _best(name, shape, usual_batch, seed):
    best = BEST[name]
    rate = 1e-3
    if best.horizon:
        rate = keras_gan.schedules.Cosine(rate, 0.02 * rate, over_images=best.horizon)
    model = keras_gan.recipes.dcgan(shape, learning_rate=rate, seed=seed, **best.networks)
    return model, best.batch or usual_batch


def _watch(steps):
    """A callback that ends a run after so many steps, and sees whether it explodes."""

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.start, self.made, self.seen = time.process_time(), 0, {}
            self.exploded = False

        def on_train_batch_end(self, batch, logs=None):
            self.made += 1
            made = getattr(self.model, "steps_seen", self.made)
            self.model.stop_training = made >= steps

        def on_epoch_end(self, epoch, logs=None):
            for key in ("d_loss", "g_loss", "d_gradient_norm", "g_gradient_norm"):
                value = abs(logs.get(key, 1.0))
                least = max(self.seen.get(key, value), 0.5)
                self.exploded |= not np.isfinite(value) or value > 10.0 * least
                self.seen[key] = min(self.seen.get(key, value), value)

        def told(self):
            return {
                "steps": getattr(self.model, "steps_seen", self.made),
                "exploded": bool(self.exploded),
                "processor_seconds": round(time.process_time() - self.start, 1),
            }

    return Watch()


def _endless(images, batch):
    """Shuffled batches of floats in [-1, 1], pass after pass."""
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images), seed=0).repeat()
    dataset = dataset.batch(batch, drop_remainder=True)
    return dataset.map(lambda x: tf.cast(x, "float32") / 127.5 - 1.0).prefetch(2)


def _documentation(shape):
    """The training step of "DCGAN to generate face images", on the networks of `default`."""
    pair = keras_gan.networks.dcgan(
        shape,
        defaults.latent_dim(shape),
        precision="auto",
        **defaults.convolutions(shape),
    )

    class Documentation(keras.Model):
        def __init__(self, generator, discriminator):
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.g_optimizer = keras.optimizers.Adam(1e-4)
            self.d_optimizer = keras.optimizers.Adam(1e-4)
            self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

        def train_step(self, real):
            count = tf.shape(real)[0]
            latents = (count, self.generator.input_shape[-1])
            generated = self.generator(tf.random.normal(latents), training=True)
            judged = tf.concat([generated, real], axis=0)
            labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
            labels += 0.05 * tf.random.uniform(tf.shape(labels))
            with tf.GradientTape() as tape:
                logits = self.discriminator(judged, training=True)
                d_loss = self.cross_entropy(labels, logits)
            weights = self.discriminator.trainable_weights
            self.d_optimizer.apply_gradients(
                zip(tape.gradient(d_loss, weights), weights, strict=True)
            )
            with tf.GradientTape() as tape:
                generated = self.generator(tf.random.normal(latents), training=True)
                logits = self.discriminator(generated, training=True)
                g_loss = self.cross_entropy(tf.zeros((count, 1)), logits)
            weights = self.generator.trainable_weights
            self.g_optimizer.apply_gradients(
                zip(tape.gradient(g_loss, weights), weights, strict=True)
            )
            return {"d_loss": d_loss, "g_loss": g_loss}

        def generate(self, count, seed):
            latents = np.random.default_rng(seed).standard_normal(
                (count, self.generator.input_shape[-1])
            )
            return self.generator.predict(latents.astype("float32"), verbose=0)

    model = Documentation(*pair)
    model.compile()
    return model


# === The table ===


def report(runs):
    columns = {
        "set": "{set}",
        "contender": "{contender}",
        "seed": "{seed}",
        "steps": "{steps:,}",
        "Frechet distance": "{frechet_distance:,.2f}",
        "exploded": "{exploded}",
        "minutes": "{minutes}",
    }
    words = {True: "yes", False: "no"}
    rows = [{"minutes": "-", **run, "exploded": words[run["exploded"]]} for run in runs]
    return records.listing(rows, columns)


def means(runs):
    """Means over seeds, with deviations in brackets, and each contender over the best by hand."""
    columns = ["set", "contender", "Frechet distance", "over `best`", "runs that explode"]
    rows = []
    for name, contender in dict.fromkeys((run["set"], run["contender"]) for run in runs):
        mine = [r for r in runs if (r["set"], r["contender"]) == (name, contender)]
        best = [r["frechet_distance"] for r in runs if (r["set"], r["contender"]) == (name, "best")]
        found = [r["frechet_distance"] for r in mine]
        over = f"{statistics.mean(found) / statistics.mean(best):.2f}" if best else "-"
        exploded = sum(r["exploded"] for r in mine)
        mean = records.mean(found, "{:,.2f}")
        rows.append([name, contender, mean, over, f"{exploded} of {len(mine)}"])
    return records.table(columns, rows)


if __name__ == "__main__":
    main()
