"""What quality metrics cost inside `fit`: MNIST, `recipes.dcgan`, 2,000 samples an epoch.

An epoch is 60,000 images in batches of 64: 937 steps, and then a validation of 2,000 held-out reals
against as many samples. A whole epoch takes minutes, so its parts are timed, in turns, so that all
of them find the same machine: in each round some training steps (from the first to the last, as
`fit` runs them), then a validation without metrics and one with each choice of metrics. Medians of
all rounds are used:

    share = (validation with metrics - validation without) / (937 steps + validation without)

That is all that metrics add: the averaged generator's pass, the features of reals and fakes, and
the figures; losses and accuracies are in both. Every metric is alone once, as it comes (MNIST's 784
pixels are its features; `InceptionScore` asks a convolutional classifier); then all together,
and all with the reals' side computed once by `set_reference`.
"""

import os
import time

import keras
import numpy as np
from keras import layers

import keras_gan
from benchmarks import digit_classifier, records

ROUNDS, STEPS, SAMPLES, BATCH = 7, 40, 2_000, 64
QUICK = (2, 5)
TARGET = 0.05


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--data-dir", help="of TensorFlow Datasets")
    given = parser.parse_args()
    runs = records.Runs("metrics_cost", given)
    runs.measured("metrics_cost", measure, given.data_dir, given.quick)
    print(report(*runs.end()))


def measure(data_dir, quick):
    """The record of all rounds."""
    rounds, steps = QUICK if quick else (ROUNDS, STEPS)
    keras.utils.set_random_seed(0)
    (train, _), (held, _) = digit_classifier.digits(data_dir)
    held = held[:SAMPLES]

    class Clock(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0:
                self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.start

    gans = {
        name: keras_gan.recipes.dcgan(train.shape[1:], metrics=metrics)
        for name, metrics in choices(held).items()
    }
    gan, clock = gans["none"], Clock()

    def trained():
        gan.fit(
            train, batch_size=BATCH, epochs=1, steps_per_epoch=steps, callbacks=[clock], verbose=0
        )
        return clock.seconds / steps

    def evaluated(name):
        start = time.perf_counter()
        gans[name].evaluate(held, batch_size=BATCH, verbose=0)
        return time.perf_counter() - start

    trained()
    for name in gans:  # graphs are made
        evaluated(name)
    seconds = {"step": [], **{name: [] for name in gans}}
    for number in range(rounds):
        seconds["step"].append(trained())
        # Whoever goes first may find another machine than who goes last.
        for name in list(gans)[:: 1 if number % 2 else -1]:
            seconds[name].append(evaluated(name))
    medians = {name: float(np.median(taken)) for name, taken in seconds.items()}
    step, without = medians.pop("step"), medians.pop("none")
    steps_an_epoch = len(train) // BATCH
    epoch = steps_an_epoch * step + without
    return {
        "rounds": rounds,
        "steps_a_round": steps,
        "steps_an_epoch": steps_an_epoch,
        "samples": len(held),
        "seconds_a_step": round(step, 4),
        "seconds_an_epoch": round(epoch, 1),
        "seconds_of_validation_without": round(without, 3),
        "seconds_of_validation": {name: round(taken, 3) for name, taken in medians.items()},
        "shares": {name: round((taken - without) / epoch, 4) for name, taken in medians.items()},
        "target": TARGET,
        "load": round(os.getloadavg()[0], 1),
        "all_seconds": {name: [round(s, 4) for s in taken] for name, taken in seconds.items()},
    }


def choices(held):
    """Metrics by the name of their choice."""
    judge = classifier(held.shape[1:])

    def each():
        return [
            keras_gan.metrics.SlicedWasserstein(),
            keras_gan.metrics.FrechetDistance(),
            keras_gan.metrics.KernelDistance(),
            keras_gan.metrics.PrecisionRecall(),
            keras_gan.metrics.DensityCoverage(),
            keras_gan.metrics.InceptionScore(judge),
        ]

    referenced = each()
    for metric in referenced:
        metric.set_reference(held)
    return {
        "none": [],
        **{metric.name: [metric] for metric in each()},
        "all six": each(),
        "all six, with `set_reference`": referenced,
    }


def classifier(shape):
    """An untrained classifier of usual size; what it says does not change what it costs."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="classifier",
    )


def report(record):
    columns = ["metrics", "seconds of validation", "share of an epoch (target)"]
    without = record["seconds_of_validation_without"]
    rows = [["none", f"{without:.2f}", f"epoch: {record['seconds_an_epoch']:.0f} s"]]
    for name, share in record["shares"].items():
        taken = record["seconds_of_validation"][name]
        rows.append([name, f"{taken:.2f}", f"{share:.1%} (< {record['target']:.0%})"])
    return records.table(columns, rows)


if __name__ == "__main__":
    main()
