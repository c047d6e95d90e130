"""Where data go on: to the exact batch, or at the epoch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import data, images
from keras_gan.gan import GAN
from runs import EPOCHS, POINTS, Crash, assert_same_run, assert_same_state, fit, plain, stage_of

# Runs of some steps have learned nothing yet.
pytestmark = pytest.mark.filterwarnings("ignore:This GAN cannot start")


def pictures():
    return helpers.gan((8, 8, 1), num_classes=3, steps_per_execution=1)


class Order(keras.layers.Layer):
    """Notes what passes through in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, x, training=False):
        if training:
            tf.numpy_function(
                lambda x: self.seen.append(x[:, 0].copy()) or np.int64(0), [x], "int64"
            )
        return x

    def get_config(self):
        return {}


@pytest.fixture(scope="module")
def noting():
    """A model, and the list of the real batches that it trains on."""
    order, inputs = Order(), keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(1)(order(inputs)), name="discriminator")
    gan = GAN(helpers.generator(), network)
    gan.compile(steps_per_execution=1)
    start = helpers.snapshot(gan)

    def run(folder, *callbacks, **settings):
        helpers.restore(start)
        order.seen.clear()
        fit(gan, folder, *callbacks, **settings)
        # Of each step: the real batch, the fake one, the fake one again.
        return [tuple(batch) for batch in order.seen[::3]]

    return run


@pytest.mark.parametrize(
    "settings",
    [{}, {"steps_per_epoch": 3}, {"steps_per_epoch": 11, "epochs": 3}],
    ids=["passes", "cut passes", "passes joined"],
)
def test_each_batch_comes_once_and_in_its_order(noting, tmp_path, settings):
    whole = noting(tmp_path / "whole", **settings)
    steps = settings.get("steps_per_epoch", 8)
    assert len(whole) == steps * settings.get("epochs", EPOCHS) == len(set(whole))
    before = noting(tmp_path / "cut", Crash("batch_end", 2, 1), **settings)
    after = noting(tmp_path / "cut", **settings)
    # What was trained of the third epoch is not in the backup, and comes again.
    assert before == whole[: 2 * steps + 2]
    assert after == whole[2 * steps :]


def test_a_folder_goes_on_with_the_next_batch(tmp_path):
    for number, picture in enumerate(helpers.images(21, (8, 8, 1))):
        images.save_png(tmp_path / "images" / str(number % 3) / f"{number}.png", picture)

    def load():
        return data.from_folder(
            tmp_path / "images",
            image_size=8,
            channels=1,
            batch_size=4,
            labels=True,
            memory_limit_gib=0.0,
        )

    settings = {"steps_per_epoch": 3, "validation_data": load(), "validation_steps": 2}
    stage = stage_of(pictures)
    whole = fit(stage.first(), tmp_path / "whole", x=load(), **settings)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path / "cut", Crash("epoch_end", 2), x=load(), **settings)
    settings["validation_data"] = load()
    last = fit(stage.again(), tmp_path / "cut", x=load(), **settings)
    assert_same_run(stage.gan, last, state, whole)


def test_a_pipeline_begins_its_pass_anew_and_the_line_says_so(tmp_path, capsys):
    stage = stage_of(plain)
    pipeline = tf.data.Dataset.from_tensor_slices(POINTS).batch(8)
    fit(stage.first(), tmp_path / "whole", x=pipeline, validation_data=pipeline)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path, Crash("batch_end", 2, 1), x=pipeline, validation_data=pipeline)
    assert capsys.readouterr().out == ""
    fit(stage.again(), tmp_path, x=pipeline, validation_data=pipeline)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Resumed after epoch 2 of 4 from {tmp_path / 'epoch_0002.npz'}. ")
    assert "The pipeline of data and validation_data starts its pass anew" in line
    assert_same_state(stage.gan, state)  # this one has the same order in each pass


def test_arrays_need_no_such_words(tmp_path, capsys):
    stage = stage_of(plain)
    fit(stage.first(), tmp_path, Crash("epoch_end", 1))
    fit(stage.again(), tmp_path)
    where = tmp_path / "epoch_0001.npz"
    assert capsys.readouterr().out == f"Resumed after epoch 1 of 4 from {where}.\n"
