"""Schedules: their values, the clock that all of them share, and runs that are cut."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import optimizers, recipes, regularizers, schedules
from keras_gan.engine import ema
from keras_gan.model import run_fingerprint
from keras_gan.model.gan import GAN
from keras_gan.schedules import Cosine, Linear, Piecewise

OVER = 64  # images


def scheduled(rate=None, loss_scale=False, **settings):
    """A GAN with a schedule wherever there can be one."""

    def adam():
        optimizer = optimizers.Adam(rate or Cosine(1e-2, 1e-3, OVER), beta_2=Cosine(0.5, 0.9, OVER))
        return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scale else optimizer

    gan = GAN(
        helpers.generator(), helpers.discriminator(), ema_halflife_images=Cosine(0.0, 40.0, OVER)
    )
    gan.compile(adam(), adam(), regularizers=[regularizers.R1(Cosine(3.0, 1.0, OVER))], **settings)
    return gan


# === Values ===


@pytest.mark.parametrize(
    "images, expected", [(0, 2.0), (50, 3.0), (25, 3 - math.sqrt(0.5)), (100, 4.0), (10**9, 4.0)]
)
def test_half_a_cosine(images, expected):
    value = Cosine(2.0, 4.0, over_images=100)(tf.constant(images, "int64"))
    assert value.dtype == tf.float32 and float(value) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "images, expected", [(0, 2.0), (40, 2.0), (70, 3.0), (100, 4.0), (10**9, 4.0)]
)
def test_a_straight_way_after_a_while(images, expected):
    schedule = Linear(2.0, 4.0, over_images=100, after=40)
    value = schedule(tf.constant(images, "int64"))
    assert value.dtype == tf.float32 and float(value) == pytest.approx(expected, rel=1e-6)
    again = schedules.number_or_schedule(schedules.config(schedule), "x", minimum=2.0)
    assert again.get_config() == schedule.get_config()
    assert repr(again) == "Linear(2.0, 4.0, over_images=100.0, after=40.0)"


def test_the_end_of_a_way_comes_after_its_beginning():
    with pytest.raises(ValueError, match="`after` must be .* below 100"):
        Linear(2.0, 4.0, over_images=100, after=100)


@pytest.mark.parametrize(
    "make", [lambda **over: Cosine(2.0, 4.0, **over), lambda **over: Linear(2.0, 4.0, **over)]
)
def test_steps_in_place_of_images(make):
    images, steps = make(over_images=100), make(over_steps=100)
    assert (images.unit, steps.unit) == ("images", "steps")
    assert float(schedules.value(images, 50, 7)) == float(schedules.value(steps, 7, 50)) == 3.0
    assert float(schedules.value(images, 50)) == 3.0
    again = schedules.number_or_schedule(schedules.config(steps), "x", steps=True)
    assert again.get_config() == steps.get_config() and repr(again) == repr(steps)
    assert "over_steps=100" in repr(steps) and "over_images" not in repr(steps)


def test_a_while_counts_in_the_same_unit():
    schedule = Linear(2.0, 4.0, after=40, over_steps=100)
    assert [float(schedules.value(schedule, 10**6, n)) for n in (40, 70)] == [2.0, 3.0]


@pytest.mark.parametrize(
    "count, expected", [(0, 1.0), (4_999, 1.0), (5_000, 0.01), (6_999, 0.01), (7_000, 0.5)]
)
def test_piecewise(count, expected):
    schedule = Piecewise({7_000: 0.5, 0: 1.0, 5_000: 0.01})
    value = schedules.value(schedule, 10**6, tf.constant(count, "int64"))
    assert value.dtype == tf.float32 and float(value) == pytest.approx(expected)
    by_images = Piecewise({7_000: 0.5, 0: 1.0, 5_000: 0.01}, by="images")
    assert float(schedules.value(by_images, count)) == pytest.approx(expected)
    again = schedules.number_or_schedule(schedules.config(by_images), "x", minimum=0.01)
    assert again.get_config() == by_images.get_config()
    assert repr(again) == "Piecewise({0: 1.0, 5000: 0.01, 7000: 0.5}, by='images')"


def test_the_optimizer_has_a_clock_of_steps():
    images, steps = keras.Variable(0, dtype="int64"), keras.Variable(0, dtype="int64")
    optimizer = optimizers.Adam(Piecewise({0: 0.5, 3: 0.25}), beta_2=Cosine(0.5, 0.9, 8))
    assert float(optimizer.learning_rate) == 0.5
    with pytest.raises(ValueError, match="needs the number of steps"):
        optimizers.follow(optimizer, images)
    optimizers.follow(optimizer, images, steps)
    images.assign(8), steps.assign(3)
    assert float(optimizer.learning_rate) == 0.25
    assert float(optimizer.beta_2) == pytest.approx(0.9)


def test_the_moving_average_follows_its_schedule_alone():
    schedule = Cosine(0.0, 40.0, OVER)
    assert float(ema.halflife(schedule, OVER, 1)) == pytest.approx(40.0)
    assert float(ema.halflife(40.0, OVER, 100)) == pytest.approx(5.0)  # a number ramps up
    assert float(ema.decay(8, ema.halflife(schedule, 0, 8))) == 0.0


def test_settings():
    assert schedules.number_or_schedule(3, "x", minimum=0.0) == 3.0
    schedule = Cosine(1.0, 0.0, 5)
    for setting in (schedule, schedules.config(schedule)):
        found = schedules.number_or_schedule(setting, "x", above=0.0)
        assert found.get_config() == schedule.get_config()
    assert schedules.config(2.0) == schedules.value(2.0, 7) == 2.0
    own = regularizers.R2(lambda images: images * 2.0)
    assert own.penalty(lambda x: x, *[tf.ones((1, 1))] * 2, images_seen=3).numpy() == [3.0]


# === In a run ===


class Watch(keras.callbacks.Callback):
    """What the settings are before each step, and what the logs say of them."""

    def __init__(self):
        super().__init__()
        self.rates, self.betas, self.images = [], [], []

    def on_train_batch_begin(self, batch, logs=None):
        gan = self.model
        self.images.append(gan.images_seen)
        self.rates.append(float(gan.generator_optimizer.learning_rate))
        self.betas.append(float(gan.discriminator_optimizer.beta_2))


def test_all_follow_the_images_seen():
    gan, watch = scheduled(run_eagerly=True, discriminator_steps=2), Watch()
    gan.fit(helpers.points(96), batch_size=16, callbacks=[watch], verbose=0)
    assert watch.images == list(range(0, 96, 32))
    for images, rate, beta_2 in zip(watch.images, watch.rates, watch.betas, strict=True):
        share = (1 - math.cos(math.pi * min(images / OVER, 1.0))) / 2
        assert rate == pytest.approx(1e-2 - 9e-3 * share, rel=1e-5)
        assert beta_2 == pytest.approx(0.5 + 0.4 * share, rel=1e-5)
    assert watch.rates[-1] == pytest.approx(1e-3) and watch.betas[0] == 0.5


def by_hand(images_seen):
    """One generator update and one average from a known start, at a point of the clock."""
    keras.utils.set_random_seed(0)
    gan = scheduled(run_eagerly=True)
    gan._state.images_seen.assign(images_seen)
    gan._state.generator_images.assign(images_seen)
    start = helpers.values(gan.generator.weights)
    gan.averaged_generator.set_weights([w + 1.0 for w in start])
    gan.train_on_batch(helpers.points(8))
    return gan, start


def test_the_second_moment_follows_beta_2():
    clock, variable = keras.Variable(0, dtype="int64"), keras.Variable([1.0])
    optimizer = optimizers.Adam(0.1, beta_2=Cosine(0.5, 0.9, OVER))
    optimizer.build([variable])
    optimizer.follow(clock)
    expected = 0.0
    for images, beta_2 in ((0, 0.5), (OVER // 2, 0.7), (OVER, 0.9)):
        clock.assign(images)
        optimizer.apply([tf.constant([2.0])], [variable])
        expected = beta_2 * expected + (1 - beta_2) * 4.0
        assert optimizer.variables[-1].numpy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "images_seen, share",
    [
        (OVER // 2, 0.5),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(0, 0.0), (OVER, 1.0)]),
    ],
)
def test_one_step_uses_the_present_values(images_seen, share):
    gan, start = by_hand(images_seen)
    rate, halflife = 1e-2 - 9e-3 * share, 40.0 * share
    now = helpers.values(gan.generator.weights)
    # Adam's first step with beta1 = 0 is the rate, whatever the gradient.
    moved = np.concatenate([np.abs(a - b).ravel() for a, b in zip(now, start, strict=True)])
    np.testing.assert_allclose(moved[moved > rate / 2], rate, rtol=2e-2)
    assert (moved > rate / 2).mean() > 0.5
    old = 0.5 ** (8 / halflife) if halflife else 0.0
    averaged = gan.averaged_generator.get_weights()
    for average, new, first in zip(averaged, now, start, strict=True):
        np.testing.assert_allclose(average, old * (first + 1.0) + (1 - old) * new, atol=1e-5)


def test_gamma_scales_the_penalty():
    def moved(weight):
        keras.utils.set_random_seed(0)
        gan = helpers.gan(
            regularizers=[regularizers.R1(weight)],
            discriminator_optimizer=keras.optimizers.SGD(1.0),
            run_eagerly=True,
        )
        gan._state.images_seen.assign(32)
        gan.train_on_batch(helpers.points(8))
        return helpers.values(gan.discriminator.weights)

    middle, number, other = moved(Cosine(3.0, 1.0, OVER)), moved(2.0), moved(3.0)
    for a, b in zip(middle, number, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert not all(np.allclose(a, b, atol=1e-4) for a, b in zip(middle, other, strict=True))


def test_beta_2_is_kerass_when_it_stands_still():
    variables = [[keras.Variable([1.0, 2.0])] for _ in range(2)]
    ours = optimizers.Adam(0.1, beta_1=0.3, beta_2=Cosine(0.9, 0.9, 5))
    theirs = keras.optimizers.Adam(0.1, beta_1=0.3, beta_2=0.9)
    for _ in range(3):
        for optimizer, own in zip((ours, theirs), variables, strict=True):
            optimizer.apply([tf.constant([0.5, -1.0])], own)
    np.testing.assert_allclose(*(own[0].numpy() for own in variables), rtol=1e-6)


def test_a_run_cut_in_the_middle_is_the_whole_run(tmp_path):
    first, data = scheduled(run_eagerly=True), helpers.points(16)
    start = helpers.snapshot(first)
    for batch in (data[:8], data[8:]):
        first.train_on_batch(batch)
    whole = helpers.state(first)
    helpers.restore(start)
    first.train_on_batch(data[:8])
    first.save(tmp_path / "gan.keras")
    keras.utils.set_random_seed(9)
    second = keras.saving.load_model(tmp_path / "gan.keras")
    assert second.generator_optimizer.learning_rate == first.generator_optimizer.learning_rate
    second.run_eagerly = True
    second.train_on_batch(data[8:])
    helpers.assert_same(whole, helpers.state(second))


@pytest.mark.slow
def test_several_steps_in_one_call_and_two_replicas_follow_one_clock(two_replicas):
    def trained(strategy=None, **settings):
        with (strategy or tf.distribute.get_strategy()).scope():
            keras.utils.set_random_seed(0)
            gan = scheduled(**settings)
        gan.fit(helpers.points(48), batch_size=8, verbose=0)
        return gan

    one, three = trained(steps_per_execution=1), trained(steps_per_execution=3)
    helpers.assert_same(helpers.state(one), helpers.state(three))
    two = trained(two_replicas, steps_per_execution=1)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_loss_scale_passes_the_clock_on():
    gan = scheduled(loss_scale=True)
    gan._state.images_seen.assign(OVER)
    assert float(gan.generator_optimizer.inner_optimizer.learning_rate) == pytest.approx(1e-3)


def test_the_description_tells_schedules_apart():
    gan = recipes.r3gan((8, 8, 1), filters=16, max_filters=16, burn_in_images=500)
    told = run_fingerprint.flat(run_fingerprint.of_model(gan))
    assert told["ema_halflife_images.over_images"] == 500.0
    assert told["regularizers[0].weight.end"] == pytest.approx(
        0.1 * gan.regularizers[0].weight.start
    )
    assert told["generator_optimizer.learning_rate.over_images"] == 500.0
    assert told["generator_optimizer.beta_2.end"] == 0.99


# === Errors ===


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Cosine(1.0, float("nan"), 5), "end=nan"),
        (lambda: Cosine(1.0, 2.0, 0), "over_images=0"),
        (lambda: regularizers.R1(Cosine(1.0, -1.0, 5)), "weight.end.* at least 0"),
        (lambda: Cosine(1.0, 2.0), "give one of `over_images` and `over_steps`"),
        (lambda: Linear(1.0, 2.0, 5, over_steps=5), "over_images=5, over_steps=5"),
        (lambda: Linear(1.0, 2.0, over_steps=5, after=5), "`after` must be .* below 5"),
        (lambda: Piecewise({5: 1.0}), "from 0 on"),
        (lambda: Piecewise({}), "must be a `dict`"),
        (lambda: Piecewise(3), "values=3"),
        (lambda: Piecewise({0: 1.0, -1: 2.0}), "non-negative integer"),
        (lambda: Piecewise({0: "x"}), r"values\[0\]"),
        (lambda: Piecewise({0: 1.0}, by="step"), "Did you mean 'steps'"),
        (lambda: regularizers.R1(Piecewise({0: 1.0, 5: -1.0})), r"weight.values\[5\].* at least 0"),
        (lambda: schedules.number_or_schedule(Piecewise({0: 1.0}), "x"), "schedule over images"),
        (lambda: schedules.value(Piecewise({0: 1.0}), 5), "needs the number of steps"),
        (lambda: optimizers.Adam(0), "learning_rate=0"),
        (lambda: optimizers.Adam(beta_2=1.0), "beta_2.* below 1"),
        (lambda: optimizers.Adam(beta_2=Cosine(0.5, 1.0, 5)), r"beta_2.end"),
        (lambda: recipes.r3gan((8, 8, 1), burn_in_images=0), "burn_in_images=0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_scheduled_rate_cannot_be_set():
    optimizer = optimizers.Adam(Cosine(1e-2, 1e-3, OVER))
    with pytest.raises(TypeError, match="follows a schedule"):
        optimizer.learning_rate = 0.1
    plain = optimizers.Adam(0.5)
    plain.learning_rate = 0.1
    assert float(plain.learning_rate) == pytest.approx(0.1)
    assert float(optimizer.learning_rate) == pytest.approx(1e-2)  # without a GAN: its start
