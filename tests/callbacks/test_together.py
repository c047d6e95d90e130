"""Pictures, report and TensorBoard of one run: they agree on its epochs, however it ends."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import helpers
from keras_gan import data, images, lettering
from keras_gan.callbacks import ConvergenceStopping, ImageGrid

STEPS, BATCH = 4, 8
NAMES = ["rose", "tulip"]
SAMPLES = helpers.images(STEPS * BATCH)
LABELS = np.arange(STEPS * BATCH) % 2


class Script(keras.callbacks.Callback):
    """Logs a quality of which epoch 2 is the best; raises in the middle of an epoch if told to."""

    def __init__(self, cut_off_in=None):
        super().__init__()
        self.cut_off_in = cut_off_in

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch + 1 == self.cut_off_in:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = {1: 3.0, 2: 1.0}.get(epoch + 1, 2.0)


@pytest.fixture(scope="module")
def shared():
    keras.utils.set_random_seed(0)
    gan = helpers.gan((8, 8, 1), num_classes=2, steps_per_execution=1, **helpers.by_sgd())
    return gan, helpers.snapshot(gan)


@pytest.fixture
def gan(shared, blank_plots):
    helpers.restore(shared[1])
    return shared[0]


def fit(gan, folder, epochs=3, cut_off_in=None, **settings):
    grid = ImageGrid(folder / "run", columns=3, gif=False)
    stopping = ConvergenceStopping("score", mode="min", directory=folder / "run")
    board = keras.callbacks.TensorBoard(folder / "logs", update_freq=1000, write_graph=False)
    dataset = data.from_arrays(SAMPLES, LABELS, batch_size=BATCH, class_names=NAMES)
    # The grid acts after those that bring weights back, wherever it is listed.
    callbacks = [grid, board, Script(cut_off_in), stopping]
    return gan.fit(dataset, epochs=epochs, verbose=0, callbacks=callbacks, **settings), board


def steps(folder):
    """The steps of all entries of TensorBoard's files in a folder."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def numbers(run):
    signals = json.loads((run / "signals.json").read_text())
    pictures = [int(path.stem[-4:]) for path in sorted(run.glob("epoch_*.png"))]
    return [record["epoch"] for record in signals], pictures


def test_all_that_is_said_of_an_epoch_carries_its_number(gan, tmp_path):
    fit(gan, tmp_path)
    assert numbers(tmp_path / "run") == ([1, 2, 3], [1, 2, 3])
    entries = steps(tmp_path / "logs" / "gan")
    curves = {tag: found for tag, found in entries.items() if tag.startswith("signals/")}
    assert set(map(tuple, curves.values())) == {(1, 2, 3)} and "signals/quality" in curves
    others = {tag: found for tag, found in entries.items() if tag not in curves}
    assert others == {"real": [0], "samples": [1, 2, 3], "restored": [2], "verdict": [3]}
    # What has come back is what epoch 2 had made, and is called so.
    with Image.open(tmp_path / "run" / "epoch_0002.png") as image:
        second = np.asarray(image)[..., None]
    with Image.open(tmp_path / "run" / "restored.png") as image:
        restored = np.asarray(image)
    np.testing.assert_array_equal(restored, lettering.marked(second, "epoch 2: weights restored"))
    shown = gan.generate(latents=gan.sample_latents(6, 0), labels=["rose"] * 3 + ["tulip"] * 3)
    plain = images.grid(shown, 2, 3, row_names=NAMES)
    np.testing.assert_array_equal(second, plain)


def test_a_run_that_is_cut_off_and_goes_on_is_one_run(gan, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(gan, tmp_path, cut_off_in=3)
    run, logs = tmp_path / "run", tmp_path / "logs"
    assert numbers(run) == ([1, 2], [1, 2]) and (run / "signals.png").exists()
    assert not (run / "restored.png").exists() and gan.phase == "both"
    assert steps(logs / "gan")["verdict"] == [3]
    _, board = fit(gan, tmp_path, epochs=4, initial_epoch=2)
    entries = steps(logs / "gan")
    assert entries["samples"] == [1, 2, 3, 4] == entries["signals/quality"]
    assert entries["verdict"] == [3, 4]
    # Curves over batches, whose steps Keras would count from 0 again, too.
    assert board._global_train_batch == gan.steps_seen == 2 * STEPS + 1 + 2 * STEPS


def test_a_callback_that_is_listed_twice_is_refused(gan, tmp_path):
    grid = ImageGrid(tmp_path / "run")
    with pytest.raises(ValueError, match="each callback once.*Received: callback='ImageGrid'"):
        gan.fit(SAMPLES, LABELS, batch_size=8, callbacks=[grid, [grid]])
    assert not (tmp_path / "run").exists()


def test_second_callbacks_of_a_kind_have_curves_of_their_own(gan, tmp_path):
    callbacks = [keras.callbacks.TensorBoard(tmp_path / "logs", write_graph=False)]
    callbacks += [ConvergenceStopping(), ConvergenceStopping("d_loss", mode="min")]
    callbacks += [ImageGrid(tmp_path / name, columns=2, gif=False) for name in "ab"]
    gan.fit(SAMPLES, LABELS, epochs=1, batch_size=BATCH, verbose=0, callbacks=callbacks)
    entries = steps(tmp_path / "logs" / "gan")
    for tag in ("samples", "verdict", "signals/quality"):
        second = tag.replace("signals", "signals_2") if "/" in tag else f"{tag}_2"
        assert entries[tag] == entries[second] == [1]
    (file,) = (tmp_path / "logs" / "gan").iterdir()  # TensorBoard follows one
