"""What TensorBoard reads of a run: with its own reader."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

import helpers
from keras_gan.callbacks import ConvergenceStopping, RunBoard, _boards_layout
from keras_gan.convergence import Signals


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The events of two epochs of a model of images."""
    folder = tmp_path_factory.mktemp("board")
    gan = helpers.gan((8, 8, 1), regularizers=["r1"], run_eagerly=True, **helpers.by_sgd())
    gan.fit(
        helpers.images(32),
        epochs=2,
        batch_size=8,
        steps_per_epoch=2,
        validation_split=0.5,
        verbose=0,
        callbacks=[RunBoard(folder, rows=2, columns=2), ConvergenceStopping()],
    )
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    return events.Reload()


def tensors(board, tag):
    return [tensor_util.make_ndarray(event.tensor_proto) for event in board.Tensors(tag)]


def test_scalars_are_in_groups_and_nothing_is_beside_them(board):
    tags = board.Tags()["tensors"]
    for tag in (
        "losses/d_loss",
        "losses/val_g_loss",
        "accuracies/d_accuracy",
        "gradients/g_gradient_norm",
        "terms/r1",
        "quality/sliced_wasserstein",
        "quality/floor",
        "rates/generator",
        "signals/coverage",
    ):
        assert tag in tags, tag
        assert [event.step for event in board.Tensors(tag)] == [1, 2], tag


def test_pictures_have_training_samples_beside_them(board):
    first, last = tensors(board, "pictures")
    width, height = (int(size) for size in last[:2])
    assert width > 1.9 * height


def test_settings_and_verdict_are_text(board):
    (run,) = tensors(board, "run")
    assert b"NonSaturating" in run.item() and b"TensorFlow" in run.item()
    (verdict,) = tensors(board, "verdict")
    assert verdict.item() == b"still learning after 2 epochs"


def test_both_players_are_in_one_chart(board):
    (message,) = tensors(board, "custom_scalars__config__")
    (category,) = layout_pb2.Layout.FromString(message.item()).category
    charts = {chart.title: chart.multiline.tag[0] for chart in category.chart}
    assert charts["losses of both players"] == "losses/[dg]_loss$"
    assert len(charts) == 5


def test_runs_compare_by_their_settings(board):
    metadata = board.SummaryMetadata("_hparams_/session_start_info")
    content = metadata.plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["loss"].string_value == "NonSaturating"
    assert values["discriminator_steps"].number_value == 1
    assert board.SummaryMetadata("_hparams_/session_end_info")


def test_runs_compare_by_the_quality_that_is_watched():
    config, _ = _boards_layout.hparams(Signals(epoch=1, quality_name="val_fid"), 0, "run")
    content = config.value[0].metadata.plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert [m.name.tag for m in experiment.metric_infos] == ["quality/val_fid", "losses/g_loss"]


def test_unknown_keys_are_terms_and_metrics_are_quality():
    logs = {"l1_a_b": 1.0, "val_fid": 2.0, "d_loss_of_a": 3.0, "my_learning_rate": 4.0}
    found = _boards_layout.grouped(logs, {"val_fid"}, Signals(epoch=1))
    assert found == {
        "terms": {"l1_a_b": 1.0},
        "quality": {"val_fid": 2.0},
        "losses": {"d_loss_of_a": 3.0},
        "rates": {"my_learning_rate": 4.0},
    }
