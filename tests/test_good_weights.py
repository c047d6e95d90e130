"""Updates that are not finite although their gradients are."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import callbacks

BATCHES = 4


class Breaks(keras.optimizers.SGD):
    """SGD with momentum that makes NaN of finite gradients in one of its updates."""

    def __init__(self, **settings):
        super().__init__(0.1, momentum=0.5, **settings)
        self.breaks_at = tf.Variable(-1, dtype=tf.int64, trainable=False)

    def update_step(self, gradient, variable, learning_rate):
        bad = tf.equal(self.iterations.value, self.breaks_at)
        super().update_step(tf.where(bad, float("nan"), gradient), variable, learning_rate)


@pytest.fixture(scope="module")
def stage():
    gan = helpers.gan(
        generator_optimizer=Breaks(),
        discriminator_optimizer=keras.optimizers.SGD(0.1),
        steps_per_execution=1,
    )
    return gan, helpers.snapshot(gan)


@pytest.fixture
def gan(stage):
    gan, start = stage
    helpers.restore(start)
    gan.generator_optimizer.breaks_at.assign(-1)
    return gan


def fit(gan, *extra, epochs=3, **settings):
    """Train, and return the one warning that this gives."""
    points = helpers.points(8 * BATCHES)
    with pytest.warns(UserWarning) as caught:
        gan.fit(points, batch_size=8, epochs=epochs, verbose=0, callbacks=list(extra), **settings)
    told = [str(w.message) for w in caught if w.category is UserWarning]
    assert len(told) == 1, told
    return told[0]


def assert_finite(gan):
    arrays = helpers.state(gan)
    assert not [n for n, array in arrays.items() if not np.isfinite(array).all()]


class RateOf(keras.callbacks.Callback):
    """Makes players' learning rates NaN, or another number, in the second of three epochs."""

    def __init__(self, *players, value=np.nan):
        super().__init__()
        self.players, self.value = players, value

    def on_epoch_begin(self, epoch, logs=None):
        for player in self.players:
            optimizer = getattr(self.model, f"{player}_optimizer")
            optimizer.learning_rate = self.value if epoch == 1 else 0.1


@pytest.mark.parametrize(
    "player, others",
    [("generator", ()), pytest.param("discriminator", ("generator",), marks=pytest.mark.slow)],
)
def test_a_learning_rate_that_is_not_finite_is_named_and_its_updates_left_out(gan, player, others):
    warning = fit(gan, RateOf(player, *others))
    assert f"the {player}'s update at step {BATCHES} has been skipped" in warning
    assert (
        "its learning rate was nan, so look at what sets it" in warning
        and "those of finite updates alone" in warning
    )
    assert gan.first_failure["cause"] == "learning_rate"
    assert np.isnan(gan.first_failure["learning_rate"])
    assert_finite(gan)
    counts = [int(getattr(gan, f"{p}_optimizer").iterations) for p in ("generator", player)]
    assert counts == [2 * BATCHES] * 2


def test_so_is_one_below_zero(gan):
    warning = fit(gan, RateOf("discriminator", value=-0.5))
    assert f"the discriminator's update at step {BATCHES} has been skipped" in warning
    assert "its learning rate was -0.5, so look at what sets it" in warning
    assert gan.first_failure["learning_rate"] == -0.5
    assert int(gan.discriminator_optimizer.iterations) == 2 * BATCHES
    assert int(gan.generator_optimizer.iterations) == 3 * BATCHES
    pause, few = RateOf("discriminator", value=0.0), helpers.points(8)
    with warnings.catch_warnings():  # of a player that pauses nothing is said
        warnings.simplefilter("error")
        gan.fit(few, batch_size=8, initial_epoch=1, epochs=2, verbose=0, callbacks=[pause])


@pytest.mark.parametrize(
    "update",
    [pytest.param(BATCHES + 1, marks=pytest.mark.slow), 2 * BATCHES - 1],
    ids=["middle", "last"],
)
def test_weights_that_an_update_has_broken_come_back(gan, update):
    class Kept(keras.callbacks.Callback):
        """The weights as other callbacks see them."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.before = self.model.get_weights()
                self.model.generator_optimizer.breaks_at.assign(update)

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.after = self.model.get_weights()

    kept = Kept()
    warning = fit(gan, kept, epochs=2)
    path = gan.generator.trainable_variables[0].path
    for words in (
        f"{path} of the generator was not finite",
        "learning rate of 0.1",
        "were restored",
    ):
        assert words in warning, warning
    assert gan.first_failure["player"] == "generator"
    assert helpers.same(kept.before, kept.after)
    assert helpers.same(kept.before, gan.get_weights())
    assert_finite(gan)


def test_it_trains_on_from_there(gan):
    gan.generator_optimizer.breaks_at.assign(1)
    before = gan.get_weights()
    fit(gan, epochs=2)
    assert not helpers.same(before, gan.get_weights())
    assert_finite(gan)


def test_the_callback_that_stops_has_its_own_way(gan):
    gan.generator_optimizer.breaks_at.assign(BATCHES - 1)
    before = gan.get_weights()
    warning = fit(gan, callbacks.StopOnNonFinite())
    assert "Training stopped in epoch 1" in warning
    assert "The weights from the start of the epoch were restored" in warning
    assert helpers.same(before, gan.get_weights())


class Ruins(keras.callbacks.Callback):
    """Writes NaN into the generator at the end of an epoch, after the weights were looked at."""

    def __init__(self, at):
        super().__init__()
        self.at, self.before = at, None

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            self.before = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.at:
            kernel = self.model.generator.trainable_variables[0]
            kernel.assign(tf.fill(kernel.shape, np.nan))


@pytest.mark.parametrize("at", [pytest.param(0, marks=pytest.mark.slow), 2], ids=["first", "last"])
def test_weights_that_a_callback_has_broken_come_back(gan, at):
    ruins = Ruins(at)
    assert "an earlier update, or a callback, made it so" in fit(gan, ruins)
    assert_finite(gan)
    assert helpers.same(ruins.before, gan.get_weights()) == (at == 2)


def test_the_verdict_on_them_says_what_is_left(gan):
    stopping, ruins = callbacks.ConvergenceStopping(), Ruins(0)
    gan.fit(helpers.points(32), batch_size=8, epochs=3, verbose=0, callbacks=[ruins, stopping])
    assert stopping.verdict.kind == "diverged"
    assert "there are no best weights to restore" in stopping.verdict.message
    assert helpers.same(ruins.before, gan.get_weights())
