"""The callbacks of convergence on a real, tiny GAN under `fit`."""

import contextlib
import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import convergence, losses, metrics
from keras_gan.callbacks import (
    AlternatingPeriods,
    ConvergenceStopping,
    StopOnNonFinite,
    _fresh_discriminator,
    _measuring,
)


def game(**settings):
    """A GAN that learns something within a few steps."""
    optimizers = {
        f"{player}_optimizer": keras.optimizers.Adam(1e-2)
        for player in ("generator", "discriminator")
    }
    return helpers.gan(**{"steps_per_execution": 1, **optimizers, **settings})


@pytest.fixture(scope="module")
def shared():
    """One such GAN, made once, and its state at the start."""
    keras.utils.set_random_seed(0)
    gan = game()
    return gan, helpers.snapshot(gan)


@pytest.fixture
def begun(shared):
    """A function that gives the model as it was made."""

    def begin():
        helpers.restore(shared[1])
        shared[0].stop_training = False
        return shared[0]

    return begin


def fit(gan, *callbacks, epochs=3, count=256):
    return gan.fit(
        0.8 + 0.2 * helpers.points(count),
        epochs=epochs,
        batch_size=32,
        verbose=0,
        callbacks=list(callbacks),
        validation_data=0.8 + 0.2 * helpers.points(64, seed=1),
    )


class Keep(keras.callbacks.Callback):
    """Keeps the weights of each epoch."""

    def on_train_begin(self, logs=None):
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def assert_equal(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)


class Curious(convergence.Stalled):
    """Wants a discriminator to be trained afresh, epoch by epoch."""

    def wants_fresh(self, history):
        return True


def test_watching_changes_nothing_and_the_best_weights_come_back(begun, monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 4)
    expected, kept = Keep(), Keep()
    callback = ConvergenceStopping(rules=[Curious()], min_epochs=0)
    fit(begun(), expected)
    watched = begun()
    fit(watched, callback, StopOnNonFinite(), kept)
    for weights, others in zip(expected.weights, kept.weights, strict=True):
        assert_equal(weights, others)
    assert_equal(watched.get_weights(), kept.weights[callback.best_epoch - 1])
    assert watched.steps_seen == 3 * 8, "the clock is not turned back"
    assert [s.epoch for s in callback.history] == [1, 2, 3]
    last = callback.history[-1]
    assert last.quality > 0 and 0 <= last.discriminator_auc <= 1 and last.held_out
    assert last.d_gradient_norm > 0 and last.quality_name == "sliced_wasserstein"
    assert last.coverage <= 1 and last.spread > 0 and last.num_train == 256
    expected = np.log(2) - last.logs["val_d_loss"] / 2
    assert last.js_estimate == pytest.approx(expected)
    assert callback.history[0].first_samples_auc is not None
    # How far each epoch has brought the players, and how the run is set up: once.
    for s in callback.history:
        assert (s.discriminator_updates, s.generator_updates) == (8, 8)
        assert s.samples_seen == 256 * s.epoch
        assert s.generator_rate == s.discriminator_rate == pytest.approx(1e-2)
    assert [bool(s.settings) for s in callback.history] == [True, False, False]
    assert callback.history[0].settings == {
        "loss": "NonSaturating",
        "penalties": [],
        "batch_size": 32,
        "discriminator_steps": 1,
        "generator_steps": 1,
        "discriminator_optimizer": "Adam",
        "generator_optimizer": "Adam",
    }
    asked = [s.fresh_discriminator_auc for s in callback.history]
    assert all(0 <= chance <= 1 for chance in asked) and len(set(asked)) == 3


def test_only_plain_cross_entropy_estimates_a_divergence():
    gan = helpers.gan()

    def found(loss, **logs):
        gan.compile(loss=loss)
        return _measuring.jensen_shannon(*gan.watched_pairs(), logs)

    for loss in ("non_saturating", "minimax"):
        assert found(loss, d_loss=1.0, val_d_loss=1.2) == pytest.approx(np.log(2) - 0.6)
    assert found("non_saturating", d_loss=1.0) == pytest.approx(np.log(2) - 0.5)
    for loss in ("wasserstein", losses.NonSaturating(label_smoothing=0.1)):
        assert found(loss, d_loss=1.0, val_d_loss=1.2) is None


@pytest.mark.slow
def test_a_run_that_goes_on_sees_what_it_would_have_seen(begun, monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 20)

    class Halt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    def watch():
        return ConvergenceStopping(rules=[Curious()], min_epochs=0, restore_best_weights=False)

    class Resumed(ConvergenceStopping):
        def on_train_begin(self, logs=None):
            super().on_train_begin()
            self.set_state(state)

    whole, first = watch(), watch()
    fit(begun(), whole, epochs=4)
    cut = begun()
    fit(cut, first, Halt(), epochs=4)
    state = first.get_state()
    second = Resumed(rules=[Curious()], min_epochs=0, restore_best_weights=False)
    cut.fit(
        0.8 + 0.2 * helpers.points(256),
        epochs=4,
        initial_epoch=2,
        batch_size=32,
        verbose=0,
        callbacks=[second],
        validation_data=0.8 + 0.2 * helpers.points(64, seed=1),
    )
    assert second.history == whole.history


@pytest.mark.slow
def test_several_replicas_are_watched_like_one(two_replicas, monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 20)
    histories = []
    for scope in (contextlib.nullcontext(), two_replicas.scope()):
        keras.utils.set_random_seed(0)
        with scope:
            # One device alone needs no graph to be what two are compared with.
            model = game(run_eagerly=not histories, **helpers.by_sgd())
        callback = ConvergenceStopping(rules=[Curious()], min_epochs=0)
        fit(model, callback, epochs=1)
        histories.append(callback.history)
    (one,), (several,) = histories
    for name in ("quality", "coverage", "discriminator_auc", "fresh_discriminator_auc"):
        assert getattr(several, name) == pytest.approx(getattr(one, name), abs=0.02), name


def test_a_diverging_run_is_stopped_and_named():
    gan = game(
        loss="wasserstein",
        generator_optimizer=keras.optimizers.SGD(1e25),
        discriminator_optimizer=keras.optimizers.SGD(1e25),
        run_eagerly=True,
    )
    with pytest.warns(UserWarning, match="Training stopped in epoch 1.*step ") as caught:
        fit(gan, ConvergenceStopping(), StopOnNonFinite(), epochs=20, count=64)
    assert len(caught) == 1, "it is told once"
    assert gan.verdict.kind == "diverged" and gan.verdict.epoch == 1
    assert gan.verdict.evidence["player"] in ("generator", "discriminator")
    assert all(np.isfinite(w).all() for w in gan.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the verdict is enough
        fit(gan, ConvergenceStopping(), epochs=20, count=64)


def test_the_player_whose_turn_it_is_not_stands_still():
    gan = helpers.gan(run_eagerly=True, **helpers.by_sgd())
    moved = {}

    class Look(keras.callbacks.Callback):
        def weights(self):
            return [np.concatenate([w.ravel() for w in n.get_weights()]) for n in self.networks]

        def on_epoch_begin(self, epoch, logs=None):
            self.networks = (self.model.discriminator, self.model.generator)
            self.before = self.weights()

        def on_epoch_end(self, epoch, logs=None):
            pairs = zip(self.before, self.weights(), strict=True)
            moved[epoch] = [not np.array_equal(a, b) for a, b in pairs]

    history = fit(gan, AlternatingPeriods(1, 2), Look(), epochs=4, count=32)
    assert moved == {0: [True, False], 1: [False, True], 2: [False, True], 3: [True, False]}
    assert all(len(values) == 4 for values in history.history.values()), "one set of keys"
    assert gan.phase == "both"


def test_both_metrics_reach_the_logs():
    modes = [[-0.5, -0.5], [0.5, 0.5]]
    both = [metrics.SlicedWasserstein(), metrics.ModeCoverage(modes, 0.2)]
    gan = game(metrics=both, run_eagerly=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = fit(gan, ConvergenceStopping(), epochs=1, count=64).history
    assert logs["val_sliced_wasserstein"][0] > 0
    for key in metrics.ModeCoverage.result_keys:
        assert len(logs[f"val_mode_coverage_{key}"]) == 1
    assert gan.metric_directions == {
        "val_sliced_wasserstein": "min",
        "val_mode_coverage_modes": "max",
    }
