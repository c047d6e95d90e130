"""Do the examples' samples look like digits? Judged by a classifier and by nearest neighbours.

Each run is `examples/digits.py` or `examples/mnist.py` as a user would start it, with a seed, in
a process of its own. Then 1,000 samples of the exported generator are judged:

- *share*: samples on which a classifier of real digits is at least 90 % confident, over the same
  share of held-out reals. The classifier is a small convolutional network (two convolutions of 32
  and 64 filters, dropout, 128 dense units) trained on the training reals with the run's seed;
- *smallest class*: the rarest of the ten classes among the samples, by the same classifier;
- *too near*: samples nearer to a training image (L2 on pixels) than the nearest 1 % of held-out
  reals are;
- *distance*: the samples' mean distance to the nearest training image over the held-out reals'.

The classifier is fixed: it was chosen before any sample was judged.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_gan
from benchmarks import digit_classifier, records

SAMPLES, CONFIDENT = 1_000, 0.9
TARGETS = {"digits": 0.70, "mnist": 0.85}


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--data", nargs="+", choices=list(TARGETS), default=["digits"])
    parser.add_argument("--data-dir", help="of TensorFlow Datasets, for mnist")
    given = parser.parse_args()
    runs = records.Runs("quality", given)
    for data in given.data:
        for seed in runs.seeds:
            runs.measured(f"{data}_seed{seed}", run, data, seed, given)
    print(report(runs.end()))


def run(data, seed, given):
    """Train one example in a process of its own and judge its samples."""
    (train, train_labels), (held, held_labels) = real(data, seed, given.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, records.ROOT / "examples" / f"{data}.py", "--out", folder]
        command += ["--seed", str(seed)]
        if given.quick:
            command += ["--epochs", "2"]
        if data == "mnist" and given.data_dir:
            command += ["--data-dir", given.data_dir]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(done.stderr[-2_000:])
        samples = generate(pathlib.Path(folder) / "generator", seed)
    classify, accuracy = classifier(train, train_labels, held, held_labels, seed)
    record = judge(samples, train, held, classify)
    verdict = done.stdout.splitlines()[-1].removeprefix("Verdict:").strip()
    return {
        "data": data,
        "seed": seed,
        **record,
        "classifier_accuracy": accuracy,
        "target_share": TARGETS[data],
        "seconds_in_all": round(seconds, 1),
        "verdict": verdict,
    }


def real(data, seed, data_dir):
    """The reals that the example trained on and those that it held out, scaled to [-1, 1]."""
    if data == "digits":
        images, labels = keras_gan.data.digits(labels=True)
        order = np.random.default_rng(seed).permutation(len(images))
        images, labels, at = images[order], labels[order], int(len(images) * 0.9)
        parts = (images[:at], labels[:at]), (images[at:], labels[at:])
    else:
        parts = digit_classifier.digits(data_dir)
    return [(images / 127.5 - 1.0, labels) for images, labels in parts]


def generate(path, seed):
    """Samples of an exported generator, without the package."""
    model = tf.saved_model.load(str(path))
    return model.sample(SAMPLES, seed + 1_000, 1.0).numpy()


def classifier(images, labels, held, held_labels, seed):
    """A classifier of real digits: `(samples -> probabilities, accuracy on held-out reals)`."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(
        images,
        labels,
        batch_size=64,
        epochs=30 if len(images) < 10_000 else 3,
        verbose=0,
    )
    accuracy = network.evaluate(held, held_labels, verbose=0, return_dict=True)["accuracy"]
    return (lambda x: network.predict(x, verbose=0, batch_size=500)), round(accuracy, 4)


def judge(samples, train, held, classify):
    """The figures of the module's docstring for one set of samples."""
    probabilities, of_held = classify(samples), classify(held)
    share, real_share = ((p.max(axis=1) >= CONFIDENT).mean() for p in (probabilities, of_held))
    classes = np.bincount(probabilities.argmax(axis=1), minlength=10) / len(samples)
    distances, held_distances = nearest(samples, train), nearest(held[:2_000], train)
    return {
        "share": round(float(share / real_share), 4),
        "confident_samples": round(float(share), 4),
        "confident_reals": round(float(real_share), 4),
        "smallest_class": round(float(classes.min()), 4),
        "too_near": round(float((distances < np.percentile(held_distances, 1)).mean()), 4),
        "distance": round(float(distances.mean() / held_distances.mean()), 4),
    }


def nearest(samples, train):
    """Distance of each sample to the nearest training image."""
    a, b = (x.reshape(len(x), -1).astype("float64") for x in (samples, train))
    squares = (b**2).sum(axis=1)
    parts = []
    for rows in np.array_split(a, max(1, len(a) // 250)):
        parts.append(((rows**2).sum(axis=1)[:, None] - 2 * rows @ b.T + squares).min(axis=1))
    return np.sqrt(np.maximum(np.concatenate(parts), 0.0))


def report(runs):
    columns = {
        "data": "{data}",
        "seed": "{seed}",
        "share (target)": "{share:.1%} ({target_share:.0%})",
        "smallest class": "{smallest_class:.1%}",
        "too near": "{too_near:.1%}",
        "distance": "{distance:.2f}",
        "classifier": "{classifier_accuracy:.1%}",
        "seconds": "{seconds_in_all:.0f}",
    }
    return records.listing(runs, columns)


if __name__ == "__main__":
    main()
