"""A run whose numbers are not finite is stopped, with one warning that says what failed."""

import warnings

import keras
import numpy as np
import pytest

import helpers
from fakes import FakeGAN
from keras_gan.callbacks import StopOnNonFinite

FAILURE = {"step": 17, "player": "generator", "variable": "g_dense/kernel"}


def test_a_failed_update_stops_at_once_and_is_named():
    gan = FakeGAN([{}, {}, {"fails": FAILURE}, {}])
    with pytest.warns(UserWarning) as caught:
        assert gan.fit(StopOnNonFinite(), batches=50) == 3
    (warning,) = caught
    for words in ("epoch 3", "generator", "step 17", "g_dense/kernel", "Try lower learning rates"):
        assert words in str(warning.message)
    assert gan.stop_training


@pytest.mark.parametrize("player", ["generator", "discriminator", "averaged_generator"])
def test_a_broken_weight_is_noticed(player):
    gan = FakeGAN([{}, {"breaks": player}, {}])
    with pytest.warns(
        UserWarning, match=f"kernel of the {player.replace('_', ' ')} is not .*earlier"
    ):
        assert gan.fit(StopOnNonFinite()) == 2


@pytest.fixture(scope="module")
def shared():
    """A compiled model and its state at the start."""
    keras.utils.set_random_seed(0)
    gan = helpers.gan(run_eagerly=True, **helpers.by_sgd())
    return gan, helpers.snapshot(gan)


@pytest.mark.parametrize("broken", [np.nan, 3e38])
def test_broken_weights_do_not_stay(shared, broken):
    gan, at_begin = shared[0], []
    helpers.restore(shared[1])

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            at_begin[:] = gan.get_weights()

        def on_train_batch_begin(self, batch, logs=None):
            if gan.steps_seen == 5:
                kernel = gan.discriminator.trainable_variables[0]
                kernel.assign(np.full(kernel.shape, broken, "float32"))

    with pytest.warns(UserWarning, match="from the start of the epoch were restored"):
        gan.fit(
            helpers.points(48),
            batch_size=16,
            epochs=4,
            verbose=0,
            callbacks=[Break(), StopOnNonFinite()],
        )
    assert gan.steps_seen == 6 and at_begin
    for now, then in zip(gan.get_weights(), at_begin, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("key", ["d_loss", "g_loss"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_loss_is_noticed(key, value):
    gan = FakeGAN([{"logs": {"d_loss": 1.0, "g_loss": 1.0, key: value}}, {}])
    with pytest.warns(UserWarning, match=f"{key} is {value}"):
        assert gan.fit(StopOnNonFinite()) == 1


def test_finite_runs_go_on():
    gan = FakeGAN([{"logs": {"d_gradient_norm": np.inf, "g_loss": 1e30}}] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gan.fit(StopOnNonFinite()) == 4
        # What failed in an earlier run, whose cause may be mended, stops no later one.
        gan.first_failure = FAILURE
        assert gan.fit(StopOnNonFinite()) == 4
