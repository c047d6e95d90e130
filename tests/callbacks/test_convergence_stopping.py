"""The callback on written parts: what it measures, when it stops, what it leaves behind."""

import json

import numpy as np
import pytest
import tensorflow as tf

from fakes import FLAT, IMPROVING, WORSE, FakeGAN
from keras_gan import convergence
from keras_gan.callbacks import ConvergenceStopping, _fresh_discriminator, _report
from keras_gan.metrics.density_coverage import density_coverage
from keras_gan.metrics.sliced_wasserstein import sliced_wasserstein
from keras_gan.model import arrangement

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("blank_plots")]


# === Its own measure ===


def test_an_improving_run_is_never_stopped():
    gan, callback = FakeGAN(IMPROVING), ConvergenceStopping()
    assert gan.fit(callback) == 30
    assert callback.verdict is None and gan.verdict is None
    assert callback.best_epoch == 30


def test_logs_that_are_no_numbers_are_left_alone():
    """As another callback may put them there for a table of its own."""
    logs = {"d_loss": 1.0, "phase": "warm-up", "confusion": np.zeros((2, 2)), "none": None}
    gan, callback = FakeGAN([{**act, "logs": logs} for act in IMPROVING][:3]), ConvergenceStopping()
    gan.fit(callback)
    assert all(record.logs == {"d_loss": 1.0} for record in callback.history)


def test_of_epochs_that_are_as_good_the_latest_is_kept():
    gan, callback = FakeGAN(FLAT), ConvergenceStopping()
    assert gan.fit(callback) == 15 == callback.best_epoch == gan.weight
    assert "this epoch is as good as the best, and its weights are kept" in gan.verdict.message


def test_a_run_that_gains_nothing_stalls_and_gets_its_best_weights_back(tmp_path, capsys):
    gan = FakeGAN(WORSE)
    callback = ConvergenceStopping(directory=tmp_path / "run", log_dir=tmp_path / "board")
    # Improving until 4, which the mean of four epochs shows until 7; then eight of patience.
    assert gan.fit(callback, verbose=1) == 15
    verdict = callback.verdict
    assert gan.verdict is verdict and verdict.kind == "stalled"
    assert verdict.best_epoch == callback.best_epoch == 4 == gan.weight
    assert "weights of epoch 4 restored" in verdict.message
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"Verdict: {verdict.message}." and callback.restored_epoch == 4
    assert told[1].startswith("Weights of epoch 4 restored: its sliced_wasserstein of 0.2")
    assert len(told) == 2
    text = (tmp_path / "run" / "verdict.json").read_text()
    assert convergence.Verdict.from_json(text) == verdict
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == sorted(_report.FILES)
    words, curves = entries(tmp_path / "board")
    assert words == [(15, verdict.message)]
    assert [step for step, _ in curves["signals/quality"]] == list(range(1, 16))
    written = [value for _, value in curves["signals/quality"]]
    np.testing.assert_allclose(written, [s.quality for s in callback.history], rtol=1e-6)
    assert {"signals/coverage", "signals/discriminator_auc", "signals/d_loss"} <= set(curves)


def entries(folder):
    """What TensorBoard's files of a folder hold: words, and curves by name, with their steps."""
    (file,) = folder.glob("events*")
    words, curves = [], {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            found = tf.make_ndarray(value.tensor)
            if found.dtype == object:
                words.append((event.step, found.ravel()[0].decode()))
            else:
                curves.setdefault(value.tag, []).append((event.step, float(found)))
    return words, curves


def test_a_silent_fit_stays_silent(capsys):
    FakeGAN(FLAT).fit(ConvergenceStopping())
    assert capsys.readouterr().out == ""


def test_a_run_without_a_verdict_is_still_learning(capsys, tmp_path):
    callback = ConvergenceStopping(log_dir=tmp_path)
    FakeGAN([{"shift": shift} for shift in (1.0, 0.2, 0.6)]).fit(callback, verbose=1)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Still learning after 3 epochs."
    assert told[1].startswith("Weights of epoch 2 restored: ") and callback.restored_epoch == 2
    assert entries(tmp_path)[0] == [(3, "still learning after 3 epochs")]


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt, pytest.param(RuntimeError, marks=pytest.mark.slow)]
)
def test_a_run_that_is_cut_off_leaves_its_report(tmp_path, stop, capsys):
    class Cut(ConvergenceStopping):
        def on_train_batch_end(self, batch, logs=None):
            if self._epoch == 2:
                raise stop

    callback = Cut(directory=tmp_path / "run", log_dir=tmp_path / "board")
    gan = FakeGAN(IMPROVING)
    with pytest.raises(stop), arrangement.telling_of_interruption([callback]):
        gan.fit(callback, verbose=1)
    assert len(json.loads((tmp_path / "run" / "signals.json").read_text())) == 2
    assert (tmp_path / "run" / "signals.png").exists() and gan.weight == 3
    assert callback.best_weights[0] == 2 and callback.restored_epoch is None
    assert capsys.readouterr().out.splitlines() == [
        "Still learning after 2 epochs.",
        "Training was interrupted in epoch 3; the weights are kept.",
    ]
    assert entries(tmp_path / "board")[0] == [(3, "still learning after 2 epochs")]
    ConvergenceStopping().on_train_interrupted()  # nor does one that never began say anything
    assert capsys.readouterr().out == ""


def test_two_reports_need_two_folders(tmp_path):
    first, second = ConvergenceStopping(directory=tmp_path), ConvergenceStopping(directory=tmp_path)
    for callback in (first, second):
        callback.meet([first, second])
        callback.set_model(FakeGAN(FLAT))
        with pytest.raises(ValueError, match="its own folder. Received: directory="):
            callback.on_train_begin()
    second.directory = tmp_path / "other"  # the cure
    second.on_train_begin()


def test_equilibrium_after_separation(monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 60)
    script = [{"shift": 0.8 - 0.2 * min(i, 4), "separation": max(0.0, 3 - i)} for i in range(30)]
    gan, callback = FakeGAN(script), ConvergenceStopping()
    gan.fit(callback)
    assert gan.verdict.kind == "equilibrium"
    assert gan.verdict.evidence["highest_before"] > 0.95
    asked = [s for s in callback.history if s.fresh_discriminator_auc is not None]
    assert asked == callback.history[-1:] and asked[0].num_fresh == 300
    assert "a freshly trained discriminator reaches" in gan.verdict.message


def test_where_a_fresh_discriminator_can_tell_there_is_no_equilibrium():
    script = [{"shift": 0.9 - 0.15 * min(i, 4), "separation": max(0.0, 3 - i)} for i in range(30)]
    gan, callback = FakeGAN(script), ConvergenceStopping()
    gan.fit(callback)
    assert gan.verdict.kind == "stalled"
    asked = [s for s in callback.history if s.fresh_discriminator_auc is not None]
    assert all(s.fresh_discriminator_auc > 0.7 for s in asked)
    epochs = [s.epoch for s in asked]
    assert epochs and all(b >= 1.5 * a for a, b in zip(epochs, epochs[1:], strict=False))


def test_a_dead_discriminator_is_not_called_equilibrium():
    gan = FakeGAN([{**act, "separation": 0.0} for act in FLAT])
    gan.fit(ConvergenceStopping())
    assert gan.verdict.kind == "discriminator_failed"
    assert gan.verdict.evidence["first_samples_auc"] < 0.6


def test_the_quality_is_the_sliced_distance_to_held_out_reals_and_more():
    gan, callback = FakeGAN([{"shift": 0.5}]), ConvergenceStopping()
    gan.fit(callback)
    (signals,) = callback.history
    # All 300 held-out reals, and the 400 training samples for want of more, mixed each.
    real = np.concatenate(
        [
            samples[np.random.default_rng(0).permutation(len(samples))]
            for samples in (gan.held_out_samples, gan.reference_samples)
        ]
    )
    fake = np.random.default_rng(5).normal(0, 0.3, (700, 2)) + 0.5
    assert signals.quality == pytest.approx(sliced_wasserstein(real, fake), rel=1e-5)
    assert 0 < signals.quality_noise < 0.1
    assert (signals.num_real, signals.num_fake, signals.held_out) == (300, 300, True)
    assert 0.85 < signals.discriminator_auc < 1
    # Of 700 reals the halves are compared, and the floor of 700 is lower by the root of two.
    assert signals.quality_floor == pytest.approx(
        sliced_wasserstein(real[:350], real[-350:]) / np.sqrt(2), rel=1e-5
    )
    expected = density_coverage(real[:350], fake[:350])
    assert signals.coverage == expected["coverage"] < 0.9 < signals.real_coverage
    assert signals.density == expected["density"] and signals.num_covered == 350
    assert signals.spread == pytest.approx(fake.std() / real.std(), rel=0.01)
    assert (signals.num_train, signals.train_vs_held_out_auc) == (400, pytest.approx(0.5, abs=0.07))


def test_noise_is_drawn_from_seeds_of_its_own_and_afresh():
    gan = FakeGAN(IMPROVING[:3])
    gan.fit(ConvergenceStopping())
    raw = [seed for seed, averaged in gan.used_seeds if not averaged]
    # The raw generator's, for scores; 0 is that of the first samples.
    assert raw[0] == 0 and len(raw) == len(set(raw)) == 4
    assert [seed for seed, averaged in gan.used_seeds if averaged] == [None] * 3  # given latents


def test_without_held_out_reals_the_verdict_says_so():
    gan = FakeGAN(FLAT, held_out=False)
    gan.fit(ConvergenceStopping())
    assert "no validation data" in gan.verdict.message


def test_without_any_reals_it_watches_what_there_is():
    gan = FakeGAN(FLAT[:3], held_out=False)
    gan.reference_samples = None
    callback = ConvergenceStopping()
    gan.fit(callback)
    assert [s.quality for s in callback.history] == [None] * 3 and gan.weight == 3


@pytest.mark.parametrize("shape", [(8, 8, 3), (40, 3)])
def test_other_shapes_and_labels(shape):
    gan = FakeGAN([{"shift": 0.5}, {"shift": 0.1}], sample_shape=shape, num_classes=4)
    callback = ConvergenceStopping()
    gan.fit(callback)
    assert callback.history[0].quality > callback.history[1].quality > 0


def test_many_held_out_reals_need_no_others():
    gan, callback = FakeGAN([{"shift": 0.5}]), ConvergenceStopping()
    gan.held_out_samples = np.concatenate([gan.data] * 4)
    gan.reference_samples = np.full((2000, 2), 1e6)
    gan.fit(callback)
    assert callback.history[0].quality < 1 and callback.history[0].num_real == 1000


def test_uint8_images_are_put_on_the_generators_scale():
    gan = FakeGAN([{"shift": 0.0}], sample_shape=(8, 8, 1), image=True)
    gan.held_out_samples = np.round((gan.data[:300] + 1) * 127.5).astype("uint8")
    callback = ConvergenceStopping()
    gan.fit(callback)
    assert callback.history[0].quality < 0.1  # with pixels of 0 to 255 it would be above 100
