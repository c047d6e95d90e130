"""Runs that are killed together: `python killed.py KIND FOLDER [NAME ...]`.

KIND is a module with a function `run(name)` that gives `(model, fit)`. Each run begins within a
callback of the one before, in the middle of its second epoch. Within the last one the process kills
itself, so that all of them are cut off in the middle of a step's callback. With KIND "MODULE:whole"
the runs are not killed, and their states are written to `FOLDER/NAME.npz`.
"""

import importlib
import os
import pathlib
import signal
import sys

import lean

lean.import_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402


class Within(keras.callbacks.Callback):
    """Calls a function in the middle of the second epoch."""

    def __init__(self, call):
        super().__init__()
        self._call, self._epoch = call, None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._epoch, batch) == (1, 0):
            self._call()


def backup(folder, name):
    from keras_gan.callbacks import TrainingBackup

    return TrainingBackup(folder / name)


def kill_within(run, folder, names):
    """Start the first run, and within it the others, and within the last one end the process."""
    if not names:
        from keras_gan.callbacks import training_backup

        training_backup._WRITER.submit(int).result()  # what was begun is on the disk
        os.kill(os.getpid(), signal.SIGKILL)
    first, *others = names
    _, fit = run(first)
    fit([backup(folder, first), Within(lambda: kill_within(run, folder, others))])


def write_states(run, folder, names):
    """Train each run as a whole and write its state."""
    for name in names:
        model, fit = run(name)
        fit([])
        np.savez(folder / f"{name}.npz", **model.run_state())


if __name__ == "__main__":
    sys.setrecursionlimit(20_000)
    kind, _, how = sys.argv[1].partition(":")
    of_module = importlib.import_module(kind).run
    action = write_states if how == "whole" else kill_within
    action(of_module, pathlib.Path(sys.argv[2]), sys.argv[3:])
