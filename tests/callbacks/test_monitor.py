"""The callback on a logged metric; divergence, weights and state, and arguments."""

import json
import pathlib

import numpy as np
import pytest

from fakes import FAILURE, FLAT, IMPROVING, WORSE, FakeGAN, logged
from keras_gan import convergence
from keras_gan.callbacks import ConvergenceStopping
from keras_gan.storage import backups

pytestmark = pytest.mark.filterwarnings("error")


# === A monitor ===


def test_the_first_compiled_metric_is_the_default():
    gan = FakeGAN(logged(np.arange(12.0)))
    gan.metric_directions = {"val_score": "max", "val_other": "min"}
    callback = ConvergenceStopping()
    assert gan.fit(callback) == 12
    assert callback.best_epoch == 12 and callback.history[0].quality_name == "val_score"
    gan.metric_directions = {"val_score": "min"}
    assert gan.fit(callback) == 9


def test_a_compiled_metric_without_validation_data_is_replaced():
    gan = FakeGAN(FLAT, held_out=False)
    gan.metric_directions = {"val_score": "max"}
    callback = ConvergenceStopping()
    gan.fit(callback)
    assert callback.history[0].quality_name == "sliced_wasserstein"


def test_epochs_without_validation_do_not_count():
    flat = logged([1.0] * 30)
    for act in flat[::2]:
        del act["logs"]["val_score"]
    gan = FakeGAN(flat)
    callback = ConvergenceStopping("val_score", mode="min", patience=4)
    assert gan.fit(callback) == 10
    assert callback.history[0].quality is None


@pytest.mark.parametrize(
    ("monitor", "directions", "words"),
    [
        ("val_scor", {}, "Did you mean 'val_score'"),
        ("nothing", {}, "d_loss, val_score"),
    ],
)
def test_a_monitor_that_is_not_logged_is_told_at_the_first_epoch(monitor, directions, words):
    gan = FakeGAN(logged([1.0, 2.0]))
    with pytest.raises(ValueError, match=words):
        gan.fit(ConvergenceStopping(monitor, mode="min"))
    assert gan.epoch == 0


def test_a_validation_monitor_without_validation_data():
    gan = FakeGAN([{}], held_out=False)
    with pytest.raises(ValueError, match="Pass `validation_split`"):
        gan.fit(ConvergenceStopping("val_sliced_wasserstein"))


def test_the_direction_must_be_known():
    gan = FakeGAN(logged(np.arange(20.0)), held_out=False)
    gan.reference_samples = None  # nothing else is measured
    with pytest.raises(ValueError, match='Received: monitor=.val_score.*mode="min"'):
        gan.fit(ConvergenceStopping("val_score"))
    assert gan.epoch == -1, "before the first step"
    assert gan.fit(ConvergenceStopping("val_score", mode="max")) == 20
    assert gan.fit(ConvergenceStopping("val_score", mode="min")) == 9


@pytest.mark.parametrize(
    ("key", "epochs"), [("val_ring_reverse_kl", 9), ("val_ring_modes", 20), ("modes", 20)]
)
def test_the_direction_of_known_metrics(key, epochs):
    gan = FakeGAN(logged(np.arange(20.0), key), held_out=False)
    gan.reference_samples = None  # nothing else is measured
    assert gan.fit(ConvergenceStopping(key)) == epochs


def test_a_metric_that_tells_its_error_is_believed():
    class Metric:
        name = "score"

        def standard_error(self):
            return 0.5

    gan = FakeGAN(logged(10 - 0.05 * np.arange(20)))
    gan.metric_directions, gan.quality_metrics = {"val_score": "min"}, [Metric()]
    callback = ConvergenceStopping()
    gan.fit(callback)
    assert callback.history[0].quality_noise == 0.5
    # A straight line shows that the error is shared by all epochs.
    assert callback.history[-1].quality_noise < 1e-6


def test_periods_of_the_discriminator_cost_no_patience():
    gan = FakeGAN([{"shift": 1.0}] * 30)
    assert gan.fit(ConvergenceStopping(patience=3, min_epochs=0)) == 4

    class Phases(ConvergenceStopping):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.phase = "generator" if epoch % 2 else "discriminator"
            super().on_epoch_begin(epoch)

    assert gan.fit(Phases(patience=3, min_epochs=0)) == 8


# === Divergence ===


def test_divergence_stops_within_the_epoch(tmp_path, one_panel_here):
    gan = FakeGAN([{"shift": 1.0}, {"shift": 0.5}, {"fails": FAILURE}])
    callback = ConvergenceStopping(directory=tmp_path)
    assert gan.fit(callback, batches=1000) == 3
    verdict = gan.verdict
    assert (verdict.kind, verdict.epoch, verdict.best_epoch) == ("diverged", 3, 2)
    assert verdict.evidence == FAILURE and gan.weight == 2
    assert json.loads((tmp_path / "verdict.json").read_text())["evidence"]["step"] == 17
    assert len(callback.history) == 2


@pytest.mark.parametrize(
    "act", [{"breaks": "averaged_generator"}, {"logs": {"g_loss": float("nan")}}]
)
def test_weights_and_losses_that_are_not_finite(act):
    gan = FakeGAN([{"shift": 0.5}, act, {}])
    assert gan.fit(ConvergenceStopping()) == 2
    assert gan.verdict.kind == "diverged"
    if "breaks" in act:
        assert gan.weight == 1


def test_a_failure_of_an_earlier_run_is_no_news():
    gan = FakeGAN(IMPROVING[:3])
    gan.first_failure = FAILURE
    assert gan.fit(ConvergenceStopping()) == 3


def test_without_the_rule_divergence_does_not_stop():
    gan = FakeGAN([{"fails": FAILURE}] * 3)
    assert gan.fit(ConvergenceStopping(rules=[convergence.Stalled(patience=50)])) == 3


# === Weights and state ===


def test_the_best_weights_come_back_without_a_verdict_too():
    script = [{"shift": shift} for shift in (1.0, 0.2, 0.6)]
    gan = FakeGAN(script)
    gan.fit(ConvergenceStopping())
    assert gan.verdict is None and gan.weight == 2
    gan.fit(ConvergenceStopping(restore_best_weights=False))
    assert gan.weight == 3


def test_weights_that_stay_are_not_called_restored():
    gan = FakeGAN(FLAT)
    gan.fit(ConvergenceStopping(restore_best_weights=False))
    assert "restored" not in gan.verdict.message and gan.weight == 15


@pytest.mark.slow
def test_a_callback_may_be_used_again(tmp_path):
    gan, callback = FakeGAN(FLAT), ConvergenceStopping(directory=tmp_path)
    assert gan.fit(callback) == gan.fit(callback) == 15
    gan.script = IMPROVING[:12]
    gan.fit(callback)
    assert gan.verdict is None
    assert not (tmp_path / "verdict.json").exists(), "an old verdict misleads"
    assert len(json.loads((tmp_path / "signals.json").read_text())) == 12


def test_a_run_goes_on_from_its_state(tmp_path):
    whole = ConvergenceStopping()
    FakeGAN(WORSE).fit(whole)
    gan, first = FakeGAN(WORSE[:6]), ConvergenceStopping()
    gan.fit(first)
    backups.write(tmp_path / "state.npz", first.get_state())
    state = backups.read(tmp_path / "state.npz")

    class Resumed(ConvergenceStopping):
        def on_train_begin(self, logs=None):
            super().on_train_begin()
            self.set_state(state)

    gan = FakeGAN(WORSE)
    assert gan.fit(Resumed(), initial_epoch=6) == 9
    assert gan.verdict == whole.verdict and gan.weight == 4


# === Arguments ===


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"monitor": 3}, "`monitor`"),
        ({"monitor": "runs/digits"}, "monitor='runs/digits'. Did you mean `directory=`?"),
        ({"monitor": pathlib.Path("runs")}, "Did you mean `directory=`?"),
        ({"mode": "maximum", "monitor": "x"}, "Did you mean 'max'"),
        ({"mode": "max"}, "`mode` is the direction of `monitor`"),
        ({"patience": 0}, "`patience`"),
        ({"min_epochs": -1}, "`min_epochs`"),
        ({"restore_best_weights": "yes"}, "`restore_best_weights`"),
        ({"rules": []}, "`rules`"),
        ({"rules": [convergence.Stalled()], "patience": 3}, "Give it to the rules"),
        ({"directory": 5}, "`directory`"),
        ({"log_dir": ""}, "`log_dir`"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        ConvergenceStopping(**arguments)


@pytest.mark.parametrize("name", ["directory", "log_dir"])
def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path, name):
    (tmp_path / "file").write_text("")
    gan = FakeGAN(IMPROVING)
    with pytest.raises(ValueError, match=f"`{name}` must be a folder"):
        gan.fit(ConvergenceStopping(**{name: tmp_path / "file" / "run"}))
    assert gan.epoch == -1


def test_min_epochs_hold_back():
    assert FakeGAN(FLAT).fit(ConvergenceStopping(min_epochs=17)) == 17
