"""Does `fit` keep its memory? Twenty minutes on the digits, with everything that watches a run.

The run is `recipes.dcgan` on the digits in a process of its own, with validation, pictures and a
backup every epoch, TensorBoard and `ConvergenceStopping` (which is kept from stopping). Its
resident memory is read every ten seconds; the figure is the slope of a straight line, fitted by
least squares to what is read after the fifth minute.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

from benchmarks import records

SECONDS, SETTLED, EVERY = 20 * 60, 5 * 60, 10
QUICK = (60, 20, 2)
TARGET = 0.5  # MB a minute


def main():
    if "--work" in sys.argv:
        return run(float(sys.argv[2]), float(sys.argv[3]), pathlib.Path(sys.argv[4]))
    given = records.parser(__doc__).parse_args()
    runs = records.Runs("memory", given)
    runs.measured("memory", measure, given.quick)
    print(report(*runs.end()))


def measure(quick=False):
    """The record of one run in a process of its own."""
    seconds, settled, every = QUICK if quick else (SECONDS, SETTLED, EVERY)
    with tempfile.TemporaryDirectory() as place:
        read = records.in_a_process(__spec__.name, "--work", seconds, every, place)
    times, sizes = (np.array([row[i] for row in read["samples"]]) for i in (0, 1))
    late = times >= settled
    slope = np.polyfit(times[late] / 60, sizes[late], 1)[0]
    return {
        "seconds": seconds,
        "settled_after_seconds": settled,
        "epochs": read["epochs"],
        "megabytes_when_settled": round(float(sizes[late][0]), 1),
        "megabytes_at_the_end": round(float(sizes[-1]), 1),
        "megabytes_a_minute": round(float(slope), 3),
        "target": TARGET,
        "samples": read["samples"],
    }


def report(record):
    columns = {
        "minutes": "{minutes:.0f}",
        "epochs": "{epochs}",
        "MB when settled": "{megabytes_when_settled}",
        "MB at the end": "{megabytes_at_the_end}",
        "MB a minute (target)": "{megabytes_a_minute:+.2f} (< {target})",
    }
    return records.listing([{**record, "minutes": record["seconds"] / 60}], columns)


def resident():
    """Resident memory of this process in MB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(seconds, every, place):
    """Train for so many seconds, reading the memory every so many."""
    import keras

    import keras_gan
    from keras_gan import callbacks

    start, samples = time.monotonic(), []

    class Reader(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            passed = time.monotonic() - start
            if passed >= len(samples) * every:
                samples.append((round(passed, 1), round(resident(), 2)))
            if passed >= seconds:
                self.model.stop_training = True

    images = keras_gan.data.digits()
    keras.utils.set_random_seed(0)
    gan = keras_gan.recipes.dcgan(images.shape[1:], latent_dim=16)
    history = gan.fit(
        images,
        epochs=1_000_000,
        validation_split=0.1,
        verbose=0,
        callbacks=[
            Reader(),
            callbacks.ImageGrid(place / "pictures"),
            callbacks.ConvergenceStopping(min_epochs=900_000),
            keras.callbacks.TensorBoard(place / "logs"),
            callbacks.TrainingBackup(place / "backup"),
        ],
    )
    print(json.dumps({"samples": samples, "epochs": len(history.epoch)}))


if __name__ == "__main__":
    main()
