"""Faults in the course of a run: it is started again, and must be the run that never broke."""

import os
import signal
import subprocess
import sys
import unittest.mock

import numpy as np

from benchmarks.claims.faults import (
    NETWORKS,
    Faults,
    Outcome,
    callback,
    differences,
    points,
    small_disk,
    state,
)
from benchmarks.claims.restarts import begun, goes_on, small, straight, train, untouched

fault = Faults()


@fault("Ctrl-C in the middle of an epoch")
def interrupted(place):
    def stop(batch):
        if len(seen) == 10:
            raise KeyboardInterrupt
        seen.append(batch)

    seen = []
    return goes_on(place, callback(on_train_batch_begin=stop))


@fault("a user's callback that raises in the middle of an epoch")
def callback_raises(place):
    def fail(epoch):
        if epoch == 2:
            raise ZeroDivisionError("a bug of the user's own")

    return goes_on(place, callback(on_epoch_begin=fail))


KILLED = """
import os, pathlib, signal, sys
sys.path[:0] = {path!r}
from benchmarks.claims import restarts
replace = os.replace
def replace_or_die(source, target):
    if "epoch_0003" in str(target):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = replace_or_die
restarts.train(pathlib.Path({folder!r}))
"""


@fault("SIGKILL between the writing of a backup and its renaming")
def killed(place):
    code = KILLED.format(path=[p for p in sys.path if p], folder=str(place / "run"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-500:]
    left = [p.name for p in (place / "run").iterdir() if p.name.endswith("epoch_0003.npz")]
    assert left and left[0].startswith(".")
    model, seen = train(place / "run")
    lost = differences(straight(place), state(model))
    left = [p.name for p in (place / "run").iterdir() if p.name.endswith(".npz")]
    if any(name.startswith(".") for name in left):
        lost = lost or "room: what was half written is still there"
    return Outcome(seen.words, lost, seen.origin)


# === Backups ===


def _newest(folder):
    return max(folder.glob("epoch_*.npz"))


def _cut_off(path):
    path.write_bytes(path.read_bytes()[:-500])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _damaged(place, break_it):
    """The newest backup is broken: the one before must do."""
    begun(place / "run")
    break_it(_newest(place / "run"))
    model, seen = train(place / "run")
    lost = "the run" if seen.error is not None else differences(straight(place), state(model))
    return Outcome(seen.words, lost, seen.origin)


fault("the newest backup is cut off")(lambda place: _damaged(place, _cut_off))
fault("one bit of the newest backup is flipped")(lambda place: _damaged(place, _flip))
fault("the newest backup has no bytes")(
    lambda place: _damaged(place, lambda path: path.write_bytes(b""))
)


@fault("all backups are damaged")
def all_damaged(place):
    begun(place / "run")
    for path in (place / "run").glob("epoch_*.npz"):
        _cut_off(path)
    return untouched(place, lambda: train(place / "run"))


@fault("a backup written by a later version")
def later_version(place):
    from keras_gan.storage import backups

    begun(place / "run")
    for path in (place / "run").glob("epoch_*.npz"):
        found = backups.read(path)
        with unittest.mock.patch.object(backups, "_FORMAT", 99):
            backups.write(path, found)
    return untouched(place, lambda: train(place / "run"))


@fault("a backup written with other versions of the libraries")
def other_versions(place):
    from keras_gan.storage import backups

    begun(place / "run")
    for path in (place / "run").glob("epoch_*.npz"):
        found = backups.read(path)
        found["surroundings"]["tensorflow"] = "2.99.0"
        backups.write(path, found)
    model, seen = train(place / "run")
    return Outcome(seen.words, differences(straight(place), state(model)), seen.origin)


# === Changed code ===


def _networks():
    return small(width=9)


def _optimizer():
    import keras

    return small(generator_optimizer=keras.optimizers.RMSprop(1e-3))


def _rate():
    import keras

    return small(discriminator_optimizer=keras.optimizers.Adam(3e-3, beta_1=0.5))


CHANGED = {
    "other networks": {"make": _networks},
    "another optimizer": {"make": _optimizer},
    "another learning rate": {"make": _rate},
    "another loss": {"make": lambda: small(loss="hinge")},
    "another penalty": {"make": lambda: small(regularizers=["r1"])},
    "other data of the same shape": {"data": points(64, seed=1)},
    "more data": {"data": points(80)},
    "another batch size": {"batch_size": 8},
}


def _changed(place, settings):
    """The script was changed between two starts; then the change is taken back."""
    begun(place / "run")
    outcome = untouched(place, lambda: train(place / "run", **settings))
    model, _ = train(place / "run")
    outcome.lost = outcome.lost or differences(straight(place), state(model))
    return outcome


for _what, _settings in CHANGED.items():
    fault(f"started again with {_what}")(
        lambda place, settings=_settings: _changed(place, settings)
    )


@fault("a finished run started again")
def finished(place):
    first, _ = train(place / "run")
    again, seen = train(place / "run")
    return Outcome(seen.words, differences(state(first), state(again)), seen.origin)


@fault("a second callback that restores runs")
def two_callbacks(place):
    import keras

    other = keras.callbacks.BackupAndRestore(str(place / "other"))
    return untouched(place, lambda: train(place / "run", other))


@fault("a pipeline of the user's own, cut off and started again")
def own_pipeline(place):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(points()).batch(16)
    settings = {"data": dataset, "batch_size": None}
    whole, _ = train(place / "pipeline", **settings)

    def cut(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    train(place / "run", callback(on_epoch_begin=cut), **settings)
    model, seen = train(place / "run", **settings)
    return Outcome(seen.words, differences(state(whole), state(model)), seen.origin)


# === Folders ===


@fault("a full disk while backups are written")
def full_disk(place):
    with small_disk(place, 1_000) as (folder, fill):
        full = callback(on_epoch_begin=lambda epoch: fill(epoch in (1, 2)))
        model, seen = train(folder / "run", full)
        lost = "the run" if seen.error is not None else differences(straight(place), state(model))
        if not (folder / "run" / "finished.npz").exists():
            lost = lost or "the last backup"
    return Outcome(seen.words, lost, seen.origin)


@fault("a disk that is full from the beginning")
def full_from_the_beginning(place):
    with small_disk(place, 64) as (folder, fill):
        fill(True)
        model, seen = train(folder / "run")
        lost = "" if seen.error is not None and model.steps_seen == 0 else "it went on"
    return Outcome(seen.words, lost, seen.origin)


@fault("a folder of backups that cannot be written to")
def read_only(place):
    with small_disk(place, 64) as (folder, _):
        if os.path.ismount(folder):
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        else:
            folder.chmod(0o500)
        model, seen = train(folder / "run")
        folder.chmod(0o700) if not os.path.ismount(folder) else None
    lost = "" if seen.error is not None and model.steps_seen == 0 else "it went on"
    return Outcome(seen.words, lost, seen.origin)


@fault("the folder of backups removed in the middle")
def removed(place):
    def remove(epoch):
        if epoch == 2:  # at once, so that nothing is written in between
            (place / "run").rename(place / "gone")

    model, seen = train(place / "run", callback(on_epoch_begin=remove))
    lost = "the run" if seen.error is not None else differences(straight(place), state(model))
    if not (place / "run" / "finished.npz").exists():
        lost = lost or "the last backup"
    return Outcome(seen.words, lost, seen.origin)


HOLDING = """
import pathlib, sys, time
sys.path[:0] = {path!r}
from benchmarks.claims import restarts
def hold(epoch):
    if epoch == 1:
        while not pathlib.Path({folder!r}, "epoch_0001.npz").exists():
            time.sleep(0.1)
        print("trains", flush=True, file=sys.stderr)
        time.sleep(600)
restarts.train(pathlib.Path({folder!r}), restarts.callback(on_epoch_begin=hold))
"""


@fault("two processes with one folder of backups")
def two_processes(place):
    code = HOLDING.format(path=[p for p in sys.path if p], folder=str(place / "run"))
    other = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        for line in other.stderr:
            if line.strip() == "trains":
                break
        outcome = untouched(place, lambda: train(place / "run"))
    finally:
        other.kill()
        other.wait()
        other.stderr.close()
    model, _ = train(place / "run")  # the other one is gone
    outcome.lost = outcome.lost or differences(straight(place), state(model))
    return outcome


# === Numbers ===


def _poisoned(place, poison):
    """Weights that break in the middle of epoch 3: the run stops with those of epoch 2, and goes on
    from there when one asks it to, without what broke them.
    """
    from keras_gan import callbacks
    from keras_gan.storage import backups

    steps = []

    def hook(batch):
        steps.append(batch)
        if len(steps) == 10:
            poison(models[0])

    models = []

    def make():
        models.append(small())
        return models[0]

    _, before = train(
        place / "run",
        callback(on_train_batch_begin=hook),
        callbacks.StopOnNonFinite(),
        make=make,
    )
    stopped, folder = models.pop(), place / "run"
    before_it = backups.read(folder / "epoch_0002.npz")["model"]
    lost = _networks_unlike(stopped, before_it)
    if stopped.steps_seen > 11:
        lost = lost or "steps after it"
    finished, said = train(folder, callbacks.StopOnNonFinite())
    lost = lost or _networks_unlike(finished, before_it)
    for name in ("finished.npz", "epoch_0003.npz"):  # what the sentence says to remove
        if name in said.printed.getvalue():
            (folder / name).unlink()
    model, _ = train(folder, callbacks.StopOnNonFinite())
    lost = lost or differences(straight(place), state(model))
    return Outcome(f"{before.words} Started again: {said.words}", lost, before.origin)


def _networks_unlike(model, backup):
    kept = {k: v for k, v in backup.items() if k.split("/")[0] in NETWORKS}
    return differences(kept, {k: v for k, v in state(model).items() if k in kept})


def _nan_in(network):
    def poison(model):
        variable = getattr(model, network).trainable_variables[0]
        values = np.array(variable.value)
        values.flat[0] = np.nan
        variable.assign(values)

    return poison


for _network in ("generator", "discriminator"):
    fault(f"a NaN in a weight of the {_network} in the middle of an epoch")(
        lambda place, network=_network: _poisoned(place, _nan_in(network))
    )


@fault("weights that explode in the middle of an epoch")
def exploding(place):
    def poison(model):
        variable = model.discriminator.trainable_variables[0]
        variable.assign(np.full(variable.shape, 3e38, "float32"))

    return _poisoned(place, poison)
