"""The pictures of runs that are stopped or resumed, of restored weights, and TensorBoard."""

import io

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from grid_fakes import FakeGAN, epochs_in, gif_epochs, read, refused, shade, shades
from keras_gan import images, lettering
from keras_gan.callbacks.image_grid import ImageGrid

# === Training that is stopped ===


class Stopping:
    """Stops after an epoch and, as training ends, brings that of another back."""

    def __init__(self, model, number):
        self.model, self.number = model, number

    def on_epoch_end(self):
        self.model.stop_training = self.model.epoch + 1 == self.number

    def on_train_end(self):
        self.model.epoch = 0


def stopped(folder, number, *, stops_first=False, state=None, epochs=10):
    """A run of ten epochs that is stopped, or resumed; returns the grid's states."""
    gan, grid, states = FakeGAN(), ImageGrid(folder, rows=1, columns=2, every_epochs=4), []
    stopping = Stopping(gan, number)
    gan.stop_training = False
    grid.set_params({"epochs": epochs})
    grid.set_model(gan)
    grid.on_train_begin()
    start = 0
    if state is not None:
        grid.set_state(state[0])
        start, gan.stop_training = state[1:]
        gan.epoch = start - 1
    while start < epochs and not gan.stop_training:
        gan.epoch = start
        grid.on_epoch_begin(start)
        if stops_first:
            stopping.on_epoch_end()
        grid.on_epoch_end(start, {})
        if not stops_first:
            stopping.on_epoch_end()
        start += 1
        states.append((grid.get_state(), start, gan.stop_training))
    if stops_first:
        stopping.on_train_end()
    grid.on_train_end()
    return [*states, (grid.get_state(), start, gan.stop_training)]


@pytest.mark.parametrize("stops_first", [False, True])
def test_the_epoch_at_which_training_stops_is_drawn(tmp_path, stops_first):
    states = stopped(tmp_path, 6, stops_first=stops_first)
    assert epochs_in(tmp_path) == [4, 6]
    assert gif_epochs(tmp_path) == shades([4, 6]), "as it was, not as the weights of another"
    expected = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for number, state in enumerate(states):  # a run that was killed after any epoch, or has stopped
        resumed = tmp_path / f"after_{number}"
        resumed.mkdir()
        for name in [n for n in expected if n != "training.gif"]:
            (resumed / name).write_bytes(expected[name])
        stopped(resumed, 6, stops_first=stops_first, state=state)
        assert {path.name: path.read_bytes() for path in resumed.iterdir()} == expected


def test_what_was_the_last_epoch_is_none_of_a_longer_run(tmp_path):
    state = stopped(tmp_path, None, epochs=6)[-1]
    assert gif_epochs(tmp_path) == shades([4, 6])
    stopped(tmp_path, None, epochs=9, state=state)
    assert gif_epochs(tmp_path) == shades([4, 8, 9])


def test_a_generator_that_overshoots_is_drawn(tmp_path):
    gan = FakeGAN()
    gan.generate = lambda **_: np.full((2, 8, 8, 1), 3.0, "float32")
    gan.fit(ImageGrid(tmp_path, rows=1, columns=2), epochs=1)
    assert read(tmp_path / "epoch_0001.png")[30, 30] == 255


# === Weights that come back ===


class Restoring:
    """Another callback that has brought the weights of an epoch back."""

    def __init__(self, number):
        self.restored_epoch = number


def early_stopping(number):
    callback = keras.callbacks.EarlyStopping(restore_best_weights=True)
    callback.best_epoch, callback.best_weights = number - 1, []
    return callback


@pytest.mark.parametrize("kind", [Restoring, early_stopping])
@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3)])
def test_weights_that_came_back_have_a_picture_of_their_own(tmp_path, kind, shape):
    gan, grid = FakeGAN(shape), ImageGrid(tmp_path, rows=2, columns=2, every_epochs=5)
    grid.meet([kind(2), grid])
    end, gan.epoch = grid.on_train_end, None

    def on_train_end():
        gan.epoch = 1  # the weights are those of epoch 2
        end()

    grid.on_train_end = on_train_end
    gan.fit(grid, epochs=4)
    assert epochs_in(tmp_path) == [4]
    plain = images.grid(np.full((4, *shape), shade(2)), 2, 2)
    marked = lettering.marked(plain, "epoch 2: weights restored")
    np.testing.assert_array_equal(read(tmp_path / "restored.png"), marked)
    again = ImageGrid(tmp_path, rows=2, columns=2)
    again.meet([kind(4), again])  # nothing came back
    FakeGAN(shape).fit(again, epochs=4)
    assert not (tmp_path / "restored.png").exists(), "an earlier run's misleads"


def test_only_an_own_picture_is_removed(tmp_path):
    images.save_png(tmp_path / "restored.png", np.zeros((4, 4)))
    grid = ImageGrid(tmp_path, rows=1, columns=1)
    assert "['restored.png']" in refused(FakeGAN(), callback=grid)
    assert read(tmp_path / "restored.png").shape == (4, 4)


def test_two_grids_need_two_folders(tmp_path):
    first, second = ImageGrid(tmp_path / "a"), ImageGrid(tmp_path / "b" / ".." / "a")
    first.meet([first, second])
    assert "its own folder" in refused(FakeGAN(), callback=first)


# === TensorBoard ===


def test_tensorboard_gets_the_same_pictures(tmp_path):
    callback = ImageGrid(tmp_path / "a", rows=2, columns=3, log_dir=tmp_path / "logs")
    FakeGAN().fit(callback, epochs=5, initial_epoch=2)
    events = EventAccumulator(str(tmp_path / "logs"), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    assert sorted(events.Tags()["tensors"]) == ["real", "samples"]
    # The numbers of the files.
    assert [event.step for event in events.Tensors("samples")] == [3, 4, 5]
    for tag, step, name in [("real", 0, "real.png"), ("samples", 2, "epoch_0005.png")]:
        width, height, png = events.Tensors(tag)[step].tensor_proto.string_val
        pixels = read(io.BytesIO(png))
        assert (int(width), int(height)) == pixels.shape[::-1]
        np.testing.assert_array_equal(pixels, read(tmp_path / "a" / name))
