"""Faults in files: models that are damaged or dangerous, places that cannot be written to."""

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np

from benchmarks.claims.faults import (
    Faults,
    Outcome,
    callback,
    differences,
    fit,
    gan,
    images,
    refused,
    small_disk,
    state,
    watching,
)

fault = Faults()


def _trained():
    model = gan(regularizers=["lecam"])
    fit(model)
    return model


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _pack(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


# === Models that are loaded ===


def _loaded(place, break_it):
    """A model's file that `break_it(path)` breaks: it must not load, not even in part."""
    import keras

    path = place / "gan.keras"
    _trained().save(path)
    break_it(path)
    with watching() as seen:
        keras.saving.load_model(path)
    lost = "" if seen.error is not None else "it went on"
    return Outcome(seen.words, lost, seen.origin or "Keras")


def _rewritten(change):
    """Change the weights in a file, whose archive has right checksums then."""
    import h5py

    def break_it(path):
        parts = _members(path)
        opened = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(opened, "r+") as file:
            change(file)
        _pack(path, {**parts, "model.weights.h5": opened.getvalue()})

    return break_it


def _exchanged(entry):
    """Exchange the generator's last layer for something that would run code."""

    def break_it(path):
        parts = _members(path)
        config = json.loads(parts["config.json"])
        config["config"]["generator"]["config"]["layers"][-1].update(entry)
        _pack(path, {**parts, "config.json": json.dumps(config)})

    return break_it


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1
    path.write_bytes(content)


def _double(file):
    values = file["generator_optimizer/vars/2"]
    values[...] = values[()] * 2


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None, "closure": None}}
MODELS = {
    "a model's file that is cut off": lambda path: path.write_bytes(path.read_bytes()[:-999]),
    "a model's file with one bit flipped": _flip,
    "a model's file of no bytes": lambda path: path.write_bytes(b""),
    "another archive instead of a model": lambda path: _pack(path, {"a.txt": "text"}),
    "a model's file without an optimizer": _rewritten(lambda f: f.pop("generator_optimizer")),
    "a model's file without its counters": _rewritten(lambda f: f["vars"].pop("state_steps_seen")),
    "a model's file with other numbers in it": _rewritten(_double),
    "a model's file that would run a lambda": _exchanged(
        {"module": "keras.layers", "class_name": "Lambda", "config": {"function": LAMBDA}}
    ),
    "a model's file that would call os.system": _exchanged(
        {"module": "os", "class_name": "system", "registered_name": None}
    ),
}
for _what, _break in MODELS.items():
    fault(_what)(lambda place, break_it=_break: _loaded(place, break_it))


@fault("a layer frozen after compile, saved and loaded")
def frozen(place):
    import keras

    model = _trained()
    model.discriminator.layers[1].trainable = False
    model.save(place / "gan.keras")
    with watching() as seen:
        keras.saving.load_model(place / "gan.keras")
    return Outcome(seen.words, "" if seen.error is not None else "optimizer state", seen.origin)


@fault("a weights file with one bit flipped")
def flipped_weights(place):
    model = _trained()
    path = place / "gan.weights.h5"
    model.save_weights(path)
    content = bytearray(path.read_bytes())
    kernel = np.array(model.generator_optimizer.variables[2].value).tobytes()
    content[content.index(kernel)] ^= 1
    path.write_bytes(content)
    fit(model)
    return refused(model, lambda: model.load_weights(path))


@fault("a weights file of other networks")
def other_weights(place):
    gan((3,)).save_weights(place / "other.weights.h5")
    model = _trained()
    return refused(model, lambda: model.load_weights(place / "other.weights.h5"))


# === Places that are written to ===


def _kept(model, write, path, old):
    """A write that must fail, saying so, and leave what stood there."""
    outcome = refused(model, write)
    now = path.read_bytes() if path.is_file() else None
    left = [p.name for p in path.parent.iterdir() if p.name.startswith(".") and "." in p.name[1:]]
    if now != old:
        outcome.lost = "what stood there"
    elif left:
        outcome.lost = f"room: {left}"
    return outcome


def _on_full_disk(name, write):
    def function(place):
        model = gan(width=64)
        with small_disk(place, 1_000) as (folder, fill):
            path = folder / name
            write(model, path)
            old = path.read_bytes() if path.is_file() else None
            fill(True)
            return _kept(model, lambda: write(model, path), path, old)

    return function


fault("a full disk while a model is saved")(
    _on_full_disk("gan.keras", lambda model, path: model.save(path))
)
fault("a full disk while weights are saved")(
    _on_full_disk("gan.weights.h5", lambda model, path: model.save_weights(path))
)
fault("a full disk while a generator is exported")(
    _on_full_disk("generator", lambda model, path: model.export(path))
)


@contextlib.contextmanager
def _read_only(place):
    """A folder that cannot be written to."""
    with small_disk(place, 64) as (folder, _):
        mounted = os.path.ismount(folder)
        if mounted:  # permissions do not bind an administrator
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        else:
            folder.chmod(0o500)
        yield folder
        if not mounted:
            folder.chmod(0o700)


@fault("a model saved into a folder that cannot be written to")
def save_read_only(place):
    model = gan()
    with _read_only(place) as folder:
        return refused(model, lambda: model.save(folder / "gan.keras"))


@fault("pictures into a folder that cannot be written to")
def grid_read_only(place):
    from keras_gan import callbacks

    model = gan((8, 8, 1))
    with _read_only(place) as folder:
        grid = callbacks.ImageGrid(folder)
        return refused(model, lambda: fit(model, images(), callbacks=[grid]))


@fault("a verdict into a folder that cannot be written to")
def verdict_read_only(place):
    from keras_gan import callbacks

    model = gan()
    with _read_only(place) as folder:
        stopping = callbacks.ConvergenceStopping(directory=folder)
        return refused(model, lambda: fit(model, callbacks=[stopping]))


@fault("a generator exported to where a file is")
def export_on_file(place):
    (place / "generator").write_text("precious")
    model = gan()
    return _kept(model, lambda: model.export(place / "generator"), place / "generator", b"precious")


@fault("a generator exported to a folder of other things")
def export_on_folder(place):
    (place / "run").mkdir()
    precious = place / "run" / "epoch_0001.png"
    precious.write_text("precious")
    model = gan()
    return _kept(model, lambda: model.export(place / "run"), precious, b"precious")


@fault("an export to ONNX without the packages for it")
def no_onnx(place):
    from unittest import mock

    model = gan()
    with mock.patch.dict(sys.modules, {"onnx": None, "tf2onnx": None}):
        return refused(model, lambda: model.export(place / "g.onnx", format="onnx"))


def _undisturbed(make, disturb, **settings):
    """A run that is disturbed but must go on to the same end, and say something."""
    from keras_gan import callbacks

    def run(path, hooks):
        model = gan((8, 8, 1))
        pictures = callbacks.ImageGrid(path, rows=2, columns=2)
        with watching() as seen:
            fit(model, images(), epochs=4, callbacks=[pictures, *hooks], **settings)
        return model, seen

    straight, _ = run(make("straight"), [])
    model, seen = run(make("disturbed"), disturb)
    lost = "the run" if seen.error is not None else differences(state(straight), state(model))
    return Outcome(seen.words, lost, seen.origin)


@fault("a full disk while pictures are drawn")
def grid_full(place):
    with small_disk(place, 400) as (folder, fill):
        hooks = callback(
            on_epoch_begin=lambda epoch: fill(epoch == 1), on_epoch_end=lambda epoch: fill(False)
        )
        return _undisturbed(lambda name: folder / name, [hooks])


@fault("the folder of pictures removed in the middle")
def grid_removed(place):
    import shutil

    target = place / "disturbed"
    remove = callback(on_epoch_end=lambda epoch: epoch == 1 and shutil.rmtree(target))
    outcome = _undisturbed(lambda name: place / name, [remove])
    return outcome


@fault("a picture of an earlier epoch damaged before the animation is made")
def grid_damaged(place):
    def damage(epoch):
        if epoch == 3:
            path = place / "disturbed" / "epoch_0002.png"
            path.write_bytes(path.read_bytes()[:60])

    return _undisturbed(lambda name: place / name, [callback(on_epoch_end=damage)])
