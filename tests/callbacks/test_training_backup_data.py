"""Where data go on: to the exact batch, or at the epoch."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import helpers
from keras_gan import data, images
from keras_gan.feeding import fit_data
from keras_gan.feeding.sample_spec import SampleSpec
from runs import EPOCHS, POINTS, Crash, assert_same_run, assert_same_state, fit, plain, stage_of

# Runs of some steps have learned nothing yet.
pytestmark = pytest.mark.filterwarnings("ignore:This GAN cannot start")


def pictures():
    return helpers.watched((8, 8, 1), num_classes=3)


def noted(gan, folder, *callbacks, **settings):
    """The batches that a `helpers.watched` model is given, and what `fit` returns."""
    gan.batches.clear()
    history = fit(gan, folder, *callbacks, **settings)
    return list(gan.batches), history


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"steps_per_epoch": 3}, marks=pytest.mark.slow),
        {"steps_per_epoch": 11, "epochs": 3},
    ],
    ids=["passes", "cut passes", "passes joined"],
)
def test_each_batch_comes_once_and_in_its_order(tmp_path, settings):
    stage = stage_of(helpers.watched)

    def run(gan, name, *callbacks):
        batches, _ = noted(gan, tmp_path / name, *callbacks, **settings)
        return [tuple(samples[:, 0]) for samples, _ in batches]

    whole = run(stage.first(), "whole")
    steps = settings.get("steps_per_epoch", 8)
    assert len(whole) == steps * settings.get("epochs", EPOCHS) == len(set(whole))
    before = run(stage.first(), "cut", Crash("batch_end", 2, 1))
    after = run(stage.again(), "cut")
    # What was trained of the third epoch is not in the backup, and comes again.
    assert before == whole[: 2 * steps + 2]
    assert after == whole[2 * steps :]


@pytest.mark.parametrize(
    "check_all", [pytest.param(True, marks=pytest.mark.slow), False], ids=["checked", "unchecked"]
)
def test_a_folder_goes_on_with_the_next_batch(tmp_path, check_all):
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
            check_all=check_all,
        )

    def run(gan, name, *callbacks):
        settings = {"x": load(), "steps_per_epoch": 3, "epochs": 3}
        return noted(gan, tmp_path / name, *callbacks, **settings)

    stage = stage_of(pictures)
    whole, history = run(stage.first(), "whole")
    state = stage.gan.run_state()
    run(stage.first(), "cut", Crash("epoch_end", 1))
    rest, last = run(stage.again(), "cut")
    assert len(rest) == 6, "a pass has five batches"
    assert not helpers.same(whole[0], whole[3]), "the second epoch goes on with the pass"
    for batch, other in zip(rest, whole[3:], strict=True):
        assert helpers.same(batch, other)
    assert_same_run(stage.gan, last, state, history)


@pytest.mark.slow
def test_a_pipeline_begins_its_pass_anew_and_the_line_says_so(tmp_path, capsys):
    stage = stage_of(plain)
    pipeline = tf.data.Dataset.from_tensor_slices(POINTS).batch(8)
    fit(stage.first(), tmp_path / "whole", x=pipeline, validation_data=pipeline)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path, Crash("batch_end", 2, 1), x=pipeline, validation_data=pipeline)
    assert capsys.readouterr().out == ""
    fit(stage.again(), tmp_path, x=pipeline, validation_data=pipeline)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Resumed after epoch 2 of 3 from {tmp_path / 'epoch_0002.npz'}. ")
    assert "The pipeline of data and validation_data restarts its pass" in line
    assert_same_state(stage.gan, state)  # this one has the same order in each pass


# === Other data of the same form ===


def rows(scale=1.0):
    points = tf.data.Dataset.from_tensor_slices(POINTS * np.float32(scale))
    return points.batch(8, drop_remainder=True)


def shuffled(seed):
    points = tf.data.Dataset.from_tensor_slices(POINTS)
    return points.shuffle(70, seed=seed).batch(8, drop_remainder=True)


def cut_and_resumed(folder, before, after, **settings):
    """What a run said that began with some data and went on with others."""
    stage, settings = stage_of(helpers.watched), {"epochs": 2, **settings}
    fit(stage.first(), folder, Crash("epoch_begin", 1), **before, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(stage.again(), folder, **after, **settings)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        pytest.param({"x": rows()}, {"x": rows(0.99)}, "x", marks=pytest.mark.slow),
        ({"validation_data": rows()}, {"validation_data": rows(0.99)}, "validation_data"),
        pytest.param({"x": shuffled(None)}, {"x": shuffled(None)}, "x", marks=pytest.mark.slow),
        pytest.param({"x": shuffled(3)}, {"x": shuffled(4)}, "x", marks=pytest.mark.slow),
    ],
    ids=["samples", "validation samples", "shuffled without a seed", "another seed"],
)
def test_a_first_batch_of_others_is_told_of_once(tmp_path, before, after, name):
    (told,) = cut_and_resumed(tmp_path, before, after)
    assert told.startswith(f"The first batch of `{name}` is not the one that this run began with.")
    assert "the data are others, or they are shuffled (or augmented) without `seed`" in told


@pytest.mark.slow
def test_what_is_compared_is_the_batch_that_the_run_began_with(tmp_path):
    stage = stage_of(helpers.watched)
    assert len(cut_and_resumed(tmp_path, {"x": shuffled(3)}, {"x": rows()}, epochs=3)) == 1
    with pytest.warns(UserWarning, match="first batch of `x`"):
        fit(stage.again(), tmp_path, x=rows(), epochs=4)
    fit(stage.again(), tmp_path, x=shuffled(3), epochs=5)  # the cure, made anew with its seed


def test_looking_at_the_first_batch_takes_none(tmp_path):
    read, stage = [], stage_of(helpers.watched)

    def batches():
        read.append("a pass")
        for batch in np.split(POINTS[:64], 8):
            read.append("a batch")
            yield batch

    def pipeline():
        spec = tf.TensorSpec([8, 2], "float32")
        return tf.data.Dataset.from_generator(batches, output_signature=spec)

    stage.first().fit(pipeline(), epochs=2, verbose=0)
    state, alone = stage.gan.run_state(), list(read)
    read.clear()
    fit(stage.first(), tmp_path, x=pipeline(), epochs=2)
    assert read == alone and read.count("a pass") == 2
    assert_same_state(stage.gan, state)


def test_files_of_the_same_name_and_size_with_other_contents(tmp_path):
    def load(seed):
        for number, picture in enumerate(helpers.images(8, (8, 8, 3), seed=seed)):
            path = tmp_path / "images" / f"{number}.bmp"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(picture).save(path)
        settings = {"image_size": 8, "channels": 1, "batch_size": 4, "memory_limit_gib": 0.0}
        return data.from_folder(tmp_path / "images", **settings)

    def checksum(seed):
        dataset = load(seed)
        feed, _ = fit_data.training_feed(
            dataset,
            None,
            spec=SampleSpec((8, 8, 1), None),
            batch_size=None,
            group=1,
            parts=1,
            shuffle=True,
            seed=0,
            position=lambda: 0,
            steps_per_epoch=None,
        )
        return feed, feed.checksum(), feed.description()

    _, first, before = checksum(0)
    _, same, _ = checksum(0)
    feed, other, after = checksum(1)
    assert before == after and first == same != other
    with pytest.warns(UserWarning, match="The samples of `x` are not those"):
        feed.expect(first, "x")


# === Keras's other inputs ===


class Rows(keras.utils.PyDataset):
    def __init__(self, endless=False):
        super().__init__()
        self.endless = endless

    @property
    def num_batches(self):
        return None if self.endless else 8

    def __getitem__(self, index):
        return POINTS[index % 8 * 8 :][:8]


class DataLoader:
    def __iter__(self):
        return iter(np.split(POINTS[:64], 8))


DataLoader.__module__ = "torch.utils.data.dataloader"
# What a resumed run is told of the callback that ended the run before.
NOT_AGAIN = "The state of these callbacks is not used: Crash."


ANEW = "The {} of data restarts its pass; arrays"


def iter_of(batches):
    yield from batches


@pytest.mark.parametrize(
    ("make", "settings", "line"),
    [
        (Rows, {}, "The PyDataset of data continues with the first batch of its pass"),
        pytest.param(
            lambda: Rows(endless=True), {"steps_per_epoch": 8}, None, marks=pytest.mark.slow
        ),
        pytest.param(DataLoader, {}, ANEW.format("loader"), marks=pytest.mark.slow),
        (
            lambda: iter_of(np.split(POINTS[:64], 8) * 4),
            {"steps_per_epoch": 8},
            "The generator of data cannot be rewound: training continues with the batch that it "
            "yields next",
        ),
    ],
    ids=["PyDataset", "endless PyDataset", "loader", "generator"],
)
def test_inputs_that_are_read_in_python_say_where_they_go_on(
    tmp_path, capsys, make, settings, line
):
    stage = stage_of(helpers.watched)
    settings = {"batch_size": None, "shuffle": False, "epochs": 2, **settings}
    fit(stage.first(), tmp_path, Crash("batch_end", 1, 1), x=make(), **settings)
    capsys.readouterr()
    batches, _ = noted(stage.again(), tmp_path, x=make(), **settings)
    (told,) = capsys.readouterr().out.splitlines()
    assert told.startswith("Resumed after epoch 1 of 2")
    assert line in told if line else told.endswith(f".npz. {NOT_AGAIN}")
    # All passes of these are alike.
    assert helpers.same([samples for samples, _ in batches], np.split(POINTS[:64], 8))


def test_a_shuffled_pydataset_goes_on_with_its_pass(tmp_path):
    stage, settings = stage_of(plain), {"x": Rows(), "batch_size": None, "epochs": 2}
    fit(stage.first(), tmp_path / "whole", **settings)
    state = stage.gan.run_state()
    fit(stage.first(), tmp_path / "cut", Crash("batch_end", 1, 1), **settings)
    fit(stage.again(), tmp_path / "cut", **settings)
    assert_same_state(stage.gan, state)


@pytest.mark.slow
def test_a_generator_that_has_gone_on_is_told_of(tmp_path):
    def make(start):
        return {"x": iter_of((np.split(POINTS[:64], 8) * 5)[start:])}

    settings = {"batch_size": None, "steps_per_epoch": 8}
    (told,) = cut_and_resumed(tmp_path, make(0), make(1), **settings)
    assert told.startswith("The first batch of `x` is not the one")


def test_arrays_need_no_such_words(tmp_path, capsys):
    stage = stage_of(helpers.watched)
    fit(stage.first(), tmp_path, Crash("epoch_end", 1), epochs=2)
    fit(stage.again(), tmp_path, epochs=2)
    where = tmp_path / "epoch_0001.npz"
    assert capsys.readouterr().out == f"Resumed after epoch 1 of 2 from {where}. {NOT_AGAIN}\n"
