"""What a backup after each epoch costs: the digits, with `TrainingBackup` and without, in turns.

One process and one model, so that nothing but the callback changes. Each turn trains some epochs;
turns with and without backups alternate. The figure is the ratio of the medians of the turns'
seconds, which contain the first backup, before the first step, and the wait for the last one.
"""

import json
import pathlib
import sys
import tempfile
import time

import numpy as np

from benchmarks import records

TURNS, EPOCHS = 20, 10
QUICK = (3, 2)
TARGET = 0.02


def main():
    if "--work" in sys.argv:
        return run(int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
    given = records.parser(__doc__).parse_args()
    runs = records.Runs("backup_cost", given)
    runs.measured("backup_cost", measure, given.quick)
    print(report(*runs.end()))


def measure(quick=False):
    """The record of all turns, made in a process of its own."""
    turns, epochs = QUICK if quick else (TURNS, EPOCHS)
    with tempfile.TemporaryDirectory() as place:
        read = records.in_a_process(__spec__.name, "--work", turns, epochs, place)
    without, with_ = (np.median(read[kind]) for kind in ("without", "with"))
    return {
        "turns": turns,
        "epochs_a_turn": epochs,
        "seconds_without": round(float(without), 3),
        "seconds_with": round(float(with_), 3),
        "share": round(float(with_ / without - 1.0), 4),
        "target": TARGET,
        "megabytes_a_backup": read["megabytes"],
        "all_seconds": read,
    }


def report(record):
    columns = {
        "turns": "{turns} x {epochs_a_turn} epochs",
        "seconds without": "{seconds_without:.2f}",
        "seconds with": "{seconds_with:.2f}",
        "MB a backup": "{megabytes_a_backup}",
        "share (target)": "{share:+.1%} (<= {target:.0%})",
    }
    return records.listing([record], columns)


def run(turns, epochs, place):
    """Train in turns, and tell the seconds of each."""
    import keras

    import keras_gan

    images = keras_gan.data.digits()
    keras.utils.set_random_seed(0)
    gan = keras_gan.recipes.dcgan(images.shape[1:], latent_dim=16)
    folders = iter(range(turns + 2))

    def turn(backed_up):
        callbacks = []
        if backed_up:
            callbacks.append(keras_gan.callbacks.TrainingBackup(place / str(next(folders))))
        start = time.perf_counter()
        gan.fit(images, epochs=epochs, validation_split=0.1, callbacks=callbacks, verbose=0)
        return time.perf_counter() - start

    turn(False), turn(True)  # graphs are made
    seconds = {"without": [], "with": []}
    for number in range(turns):
        # Whoever goes first may find another machine than who goes second.
        for backed_up in (False, True) if number % 2 else (True, False):
            seconds["with" if backed_up else "without"].append(round(turn(backed_up), 4))
    newest = max((place / "0").glob("epoch_*"))
    seconds["megabytes"] = round(newest.stat().st_size / 1e6, 2)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
