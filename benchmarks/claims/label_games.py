"""Do recipes on MNIST make the class that is asked for, and what do they find out without labels?

Each run is a recipe with its defaults on the 60,000 training digits, for a fixed number of steps
with batches of 64 images, on one thread. The learning rate falls to a fiftieth over the second
half. Processor time and load are kept beside the figures.

- `dcgan` (with `num_classes=10`) and `acgan`: the share of 10,000 samples, 1,000 of each class,
  that the classifier of `digit_classifier` (above 99 % on the test digits) reads as the class
  that was asked for.
- `infogan`, without labels: the accuracy of the categorical code of the 10,000 test digits, each
  category standing for a digit of its own; by the assignment that is best on 10,000 training
  digits.
- `semi_supervised`, with 10 labels of each class, drawn by the seed: errors among the 10,000 test
  digits. Beside it, its classifier trained on these 100 digits alone.
- `bigan`: trained on one digit, the AUROC of `anomaly_score` on all test digits, with the others as
  anomalies; one run for each digit.
"""

import statistics
import time

import keras
import numpy as np

import keras_gan
from benchmarks import digit_classifier, records
from benchmarks.digit_classifier import scaled

SHAPE, BATCH, SAMPLING_SEED = (28, 28, 1), 64, 1_000
STEPS = {"dcgan": 2_000, "acgan": 2_000, "infogan": 2_000, "semi_supervised": 6_000, "bigan": 800}
PLAIN_STEPS, QUICK_STEPS = 1_000, 4
LABELS_OF_A_CLASS = 10
AIMS = {
    "dcgan": "at least 99 %",
    "acgan": "at least 99 %",
    "infogan": "mean 93 %, best 95 %",
    "semi_supervised": "at most 120",
    "bigan": "mean of ten digits 0.95",
}


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--games", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--data-dir", help="of TensorFlow Datasets")
    given = parser.parse_args()
    records.one_thread()
    bench, runs = Bench(given.data_dir, given.quick), records.Runs("label_games", given)
    for seed in runs.seeds:
        for game in given.games:
            for digit in _digits(game, given.quick):
                of_digit = "" if digit is None else f"_digit{digit}"
                runs.measured(f"{game}{of_digit}_seed{seed}", bench.run, game, seed, digit)
                print(report(runs[-1:]), flush=True)
    print(report(runs.end()))


def _digits(game, quick):
    """The digits that a game is trained on one by one; `None` for all together."""
    if game != "bigan":
        return [None]
    return range(1 if quick else 10)


class Bench:
    """The digits, and the judge, which is trained when a run first needs it."""

    def __init__(self, data_dir, quick):
        few = slice(1_000 if quick else None)
        self.train, self.test = (
            (images[few], labels[few]) for images, labels in digit_classifier.digits(data_dir)
        )
        self.quick = quick
        self._judge = None

    def run(self, game, seed, digit):
        judge = self.judge() if game in ("dcgan", "acgan") else None
        keras.utils.set_random_seed(seed)
        steps = QUICK_STEPS if self.quick else STEPS[game]
        start, wall = time.process_time(), time.perf_counter()
        figures = {
            "dcgan": self._dcgan,
            "acgan": self._acgan,
            "infogan": self._infogan,
            "semi_supervised": self._semi_supervised,
            "bigan": self._bigan,
        }[game](seed, steps, judge or digit)
        return {
            "game": game,
            "seed": seed,
            "digit": digit,
            "steps": steps,
            **figures,
            "processor_seconds": round(time.process_time() - start, 1),
            "seconds": round(time.perf_counter() - wall, 1),
        }

    def judge(self):
        """`(the classifier, what is told of it)`."""
        if self._judge is None:
            if self.quick:  # untrained: that would take minutes
                self._judge = digit_classifier.network(), {}
            else:
                self._judge = digit_classifier.trained(self.train, self.test)
        return self._judge

    # === Classes that are asked for ===

    def _dcgan(self, seed, steps, judge):
        gan = keras_gan.recipes.dcgan(
            SHAPE, num_classes=10, learning_rate=_rate(1e-3, steps), seed=seed
        )
        _fit(gan, self.train, steps)
        labels = self._labels()
        return self._as_asked(judge, gan.generate(labels=labels, seed=SAMPLING_SEED), labels)

    def _acgan(self, seed, steps, judge):
        model = keras_gan.recipes.acgan(SHAPE, 10, learning_rate=_rate(1e-3, steps), seed=seed)
        images, labels = self.train
        _fit(model, [{"image": images, "labels": labels}], steps)
        labels = self._labels()
        samples = model.generate(inputs={"labels": labels}, seed=SAMPLING_SEED)
        return self._as_asked(judge, samples, labels)

    def _labels(self):
        return (np.arange(100 if self.quick else 10_000) % 10).astype("int32")

    def _as_asked(self, judge, samples, labels):
        model, told = judge
        right = digit_classifier.predict(model, samples) == labels
        by_class = [round(float(right[labels == k].mean()), 4) for k in range(10)]
        return {"figure": round(float(right.mean()), 4), "by_class": by_class, **told}

    # === Without labels, and with few ===

    def _infogan(self, seed, steps, _):
        model = keras_gan.recipes.infogan(SHAPE, learning_rate=_rate(1e-3, steps), seed=seed)
        _fit(model, [{"image": self.train[0]}], steps)
        stands_for = assignment(codes(model, self.train[0][:10_000]), self.train[1][:10_000])
        right = stands_for[codes(model, self.test[0])] == self.test[1]
        return {"figure": round(float(right.mean()), 4)}

    def _semi_supervised(self, seed, steps, _):
        images, labels = self._few(seed)
        model = keras_gan.recipes.semi_supervised(
            SHAPE, 10, learning_rate=_rate(5e-4, steps), seed=seed
        )
        few = {"labelled": images, "labels": labels}
        data = keras_gan.data.unpaired({"image": self.train[0]}, few, batch_size=BATCH, seed=seed)
        model.fit(data, epochs=1, steps_per_epoch=steps, verbose=0)

        def found(part):
            return model.score({"labelled": part}, critic="classifier")["classes"]

        return {"figure": self._errors(found), "plain_errors": self._plain(images, labels)}

    def _few(self, seed):
        images, labels = self.train
        draw = np.random.default_rng(seed)
        chosen = [
            draw.choice(np.flatnonzero(labels == k), LABELS_OF_A_CLASS, replace=False)
            for k in range(10)
        ]
        chosen = np.concatenate(chosen)
        return images[chosen], labels[chosen].astype("int32")

    def _plain(self, images, labels):
        """Errors of the same classifier, trained on the labelled digits alone."""
        encoder = keras_gan.networks.encoder(
            SHAPE, {"classes": 10}, filters=32, noise=0.3, dropout=0.5
        )
        network = keras.Model(encoder.input, encoder.output["classes"])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.Adam(5e-4), loss)
        epochs = QUICK_STEPS if self.quick else PLAIN_STEPS // 2
        network.fit(scaled(images), labels, batch_size=BATCH, epochs=epochs, verbose=0)
        return self._errors(lambda part: network.predict(scaled(part), verbose=0))

    def _errors(self, classify):
        images, labels = self.test
        found = [classify(part).argmax(axis=1) for part in np.array_split(images, 20)]
        return int((np.concatenate(found) != labels).sum())

    # === Anomalies ===

    def _bigan(self, seed, steps, digit):
        model = keras_gan.recipes.bigan(SHAPE, learning_rate=_rate(5e-4, steps), seed=seed)
        images, labels = self.train
        _fit(model, [{"image": images[labels == digit]}], steps)
        scores = keras_gan.recipes.anomaly_score(model, self.test[0])
        return {"figure": round(auroc(scores, self.test[1] != digit), 4)}


def _rate(value, steps):
    return keras_gan.schedules.Linear(
        value, value / 50, over_images=steps * BATCH, after=steps * BATCH / 2
    )


def _fit(model, data, steps):
    model.fit(*data, batch_size=BATCH, epochs=1, steps_per_epoch=steps, verbose=0)


def codes(model, images):
    parts = [model.score({"image": part})["code"] for part in np.array_split(images, 20)]
    return np.concatenate(parts).argmax(axis=1)


def assignment(found, labels):
    """The digit that each category stands for, each another one, so that most are right."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((10, 10), "int64")
    np.add.at(counts, (found, labels), 1)
    return linear_sum_assignment(counts, maximize=True)[1]


def auroc(scores, unusual):
    """The probability that an anomaly has the higher score of the two."""
    ranks = np.argsort(np.argsort(scores)) + 1.0
    positive, negative = unusual.sum(), (~unusual).sum()
    return float((ranks[unusual].sum() - positive * (positive + 1) / 2) / (positive * negative))


def report(runs):
    """A game a row: the mean of its seeds (and digits), the worst and the best."""
    columns = ["game", "aim", "mean", "lowest", "highest", "runs", "steps", "processor minutes"]
    rows = []
    for game in dict.fromkeys(run["game"] for run in runs):
        mine = [run for run in runs if run["game"] == game]
        figures = [run["figure"] for run in mine]
        minutes = statistics.mean(run["processor_seconds"] for run in mine) / 60.0
        told = [statistics.mean(figures), min(figures), max(figures)]
        shown = f"{minutes:.1f}"
        rows.append([game, AIMS[game], *map(_shown, told), len(mine), mine[0]["steps"], shown])
        if game == "semi_supervised":
            plain = [run["plain_errors"] for run in mine]
            told = [statistics.mean(plain), min(plain), max(plain)]
            rows.append(["100 labels alone", "-", *map(_shown, told), len(mine), PLAIN_STEPS, "-"])
    return records.table(columns, rows)


def _shown(value):
    return f"{value:.4f}" if value <= 1.0 else f"{value:.0f}"


if __name__ == "__main__":
    main()
