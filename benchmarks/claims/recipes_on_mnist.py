"""What each recipe makes of MNIST in the same time, against what real digits would get.

Each run is a recipe with its defaults, but in float32, trained on the 60,000 training digits for as
long as two cores work in `--minutes`: one thread trains until it has used twice as many minutes of
processor time, tracing included. Unlike time by the clock that is the same on a busy machine. Then
10,000 samples of the averaged generator are compared with the 10,000 test digits, on the 128
features of `digit_classifier`: the Frechet distance, precision and recall, density and coverage.
The floor is what 10,000 training digits get. The classifier, its accuracy and a fingerprint of its
weights are the same for all runs. A picture of the first seed's samples is written to `--pictures`.
"""

import pathlib
import time

import keras

import keras_gan
from benchmarks import digit_classifier, records
from benchmarks.digit_classifier import scaled
from keras_gan.engine.evaluating import named_results

RECIPES = ("dcgan", "wgan_gp", "sngan", "r3gan")
CORES = 2
MINUTES, QUICK_MINUTES = 5.0, 0.08
SAMPLES, QUICK_SAMPLES = 10_000, 1_000
BATCH = 64
SAMPLING_SEED = 1_000
FIGURES = {
    "frechet_distance": ("Frechet distance", ".2f"),
    "precision_recall_precision": ("precision", ".3f"),
    "precision_recall_recall": ("recall", ".3f"),
    "density_coverage_density": ("density", ".3f"),
    "density_coverage_coverage": ("coverage", ".3f"),
}


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    parser.add_argument("--minutes", type=float, help=f"of {CORES} cores a run, default {MINUTES}")
    parser.add_argument("--data-dir", help="of TensorFlow Datasets")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for samples as PNG files")
    given = parser.parse_args()
    minutes = given.minutes or (QUICK_MINUTES if given.quick else MINUTES)
    recipes = given.recipes[:1] if given.quick else given.recipes
    records.one_thread()
    bench = Bench(given, QUICK_SAMPLES if given.quick else SAMPLES)
    runs = records.Runs("recipes_on_mnist", given)
    runs.measured("floor", bench.floor)
    for seed in runs.seeds:
        for recipe in recipes:
            runs.measured(f"{recipe}_seed{seed}", bench.run, recipe, seed, minutes)
            print(report(runs[-1:]), flush=True)
    print(report(runs.end()), means(runs), sep="\n\n")


class Bench:
    """The data and the judge, made when a run first needs them."""

    def __init__(self, given, count):
        self.given, self.count = given, count
        self._judge = None

    @property
    def judge(self):
        if self._judge is None:
            train, test = digit_classifier.digits(self.given.data_dir)
            network, told = digit_classifier.trained(train, test)
            self.train, self.test = train[0], test[0]
            self._judge = digit_classifier.features(network), told
        return self._judge

    def metrics(self):
        settings = {"features": self.judge[0]}
        kept = {**settings, "max_samples": self.count}
        return [
            keras_gan.metrics.FrechetDistance(**settings),
            keras_gan.metrics.PrecisionRecall(**kept),
            keras_gan.metrics.DensityCoverage(**kept),
        ]

    def told(self, figures):
        kept = {key: round(figures[key], 5) for key in FIGURES}
        return {**kept, **self.judge[1], "samples": self.count}

    def floor(self):
        """Real training digits in the place of samples."""
        metrics = self.metrics()
        for metric in metrics:
            for start in range(0, self.count, 500):
                part = slice(start, start + 500)
                metric.update_state(scaled(self.test[part]), scaled(self.train[part]))
        return {"recipe": "real digits", "seed": None, **self.told(named_results(metrics))}

    def run(self, recipe, seed, minutes):
        """Train, sample, compare."""
        metrics = self.metrics()
        keras.utils.set_random_seed(seed)
        gan = getattr(keras_gan.recipes, recipe)((28, 28, 1), seed=seed, precision="float32")
        start, wall = time.process_time(), time.perf_counter()

        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if time.process_time() - start >= 60.0 * CORES * minutes:
                    self.model.stop_training = True

        gan.fit(self.train, batch_size=BATCH, epochs=10_000, verbose=0, callbacks=[Stop()])
        used = {
            "processor_seconds": round(time.process_time() - start, 1),
            "seconds": round(time.perf_counter() - wall, 1),
        }
        figures = keras_gan.evaluate_generator(
            gan, self.test, metrics, num_samples=self.count, seed=SAMPLING_SEED
        )
        if self.given.pictures and seed == 0:
            path = self.given.pictures / f"mnist_{recipe}.png"
            keras_gan.images.save_png(
                path, keras_gan.images.grid(gan.generate(64, seed=SAMPLING_SEED), 8, 8)
            )
        return {
            "recipe": recipe,
            "seed": seed,
            "steps": gan.steps_seen,
            "images": gan.images_seen,
            **used,
            **self.told(figures),
        }


def report(runs):
    columns = {"recipe": "{recipe}", "seed": "{seed}", "steps": "{steps}"}
    columns |= {head: f"{{{key}:{form}}}" for key, (head, form) in FIGURES.items()}
    rows = [
        {"steps": "-", **run, "seed": "-" if run["seed"] is None else run["seed"]} for run in runs
    ]
    return records.listing(rows, columns)


def means(runs):
    """Each recipe's means over its seeds, with standard deviations in brackets."""
    rows = []
    for recipe in dict.fromkeys(run["recipe"] for run in runs):
        mine = [run for run in runs if run["recipe"] == recipe]
        cells = [
            records.mean([run[key] for run in mine], f"{{:,{form}}}")
            for key, (_, form) in FIGURES.items()
        ]
        steps = [run["steps"] for run in mine if "steps" in run]
        rows.append([recipe, *cells, records.mean(steps, "{:,.0f}")])
    return records.table(["", *(head for head, _ in FIGURES.values()), "steps"], rows)


if __name__ == "__main__":
    main()
