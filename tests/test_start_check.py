"""A game that cannot start is noticed in the first epochs and said in one warning."""

import functools
import re
import types
import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import data, losses
from keras_gan.model import start_check
from keras_gan.model.gan import GAN
from keras_gan.model.watched_gan import WatchedGAN

MESSAGE = "This GAN cannot start"


@functools.cache
def made(discriminator, rate=1e-2):
    """A GAN whose generator is so slow that its samples stay noise, and its state at the start."""
    model = GAN(helpers.generator(), discriminator())
    if discriminator is constant:  # any optimizer will do
        model.compile(*[keras.optimizers.SGD(r) for r in (1e-5, rate)])
    else:
        model.compile(*[keras.optimizers.Adam(r, beta_1=0.5) for r in (1e-5, rate)])
    return model, helpers.snapshot(model)


def fit(made, epochs=10):
    model, start = made
    helpers.restore(start)
    model.fit(data.ring(1024), batch_size=32, epochs=epochs, verbose=0)


def weak():
    """Linear: it tells little, but after a hundred updates it is right two times in three."""
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(1, kernel_regularizer="l2")(inputs))


def constant():
    inputs = keras.Input((2,))
    x = keras.layers.Dense(2, activation="relu", bias_initializer=keras.initializers.Constant(-9))
    return keras.Model(inputs, keras.layers.Dense(1)(x(inputs)))


def test_a_discriminator_that_separates_nothing_is_named_once():
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        fit(made(constant))
    assert sum(MESSAGE in str(w.message) for w in caught) == 1


@pytest.mark.slow
@pytest.mark.parametrize("make", [weak, helpers.discriminator])
def test_one_that_learns_is_not(make):
    model = made(make)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model)


@pytest.mark.slow
def test_two_hundred_updates_or_a_rate_that_rises_say_nothing():
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 400, end_learning_rate=1e-2)
    models = made(constant), made(constant, rate=rising)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(models[0], epochs=6)
        fit(models[1])


@pytest.mark.slow
def test_the_check_does_not_touch_training():
    results, model = [], helpers.gan(run_eagerly=True, **helpers.by_sgd())
    start = helpers.snapshot(model)
    for epochs in ([3], [1, 2]):  # looked at in the first fit alone
        helpers.restore(start)
        for count in epochs:
            model.fit(helpers.points(16), batch_size=8, epochs=count, verbose=0)
        results.append(model.get_weights())
    assert np.all([np.array_equal(a, b) for a, b in zip(*results, strict=True)])


@pytest.mark.slow
def test_a_generator_that_outruns_the_discriminator_is_named_with_its_setting():
    keras.utils.set_random_seed(0)
    model = GAN(helpers.generator(), helpers.discriminator())
    model.compile(*[keras.optimizers.Adam(r, beta_1=0.5) for r in (1e-2, 1e-5)])
    with pytest.warns(UserWarning) as caught:
        model.fit(data.ring(1024), batch_size=32, epochs=12, verbose=0)
    (told,) = [str(w.message) for w in caught]
    assert told.startswith("The discriminator is too weak: for 3 epochs its accuracy was at most")
    assert "the generator's learning rate (0.01) is 1000 times the discriminator's" in told


def shown(logs):
    """What is warned of where a model that was trained before logs so in its epochs."""
    model = types.SimpleNamespace(steps_seen=9, reference_samples=np.zeros((4, 2)))
    model.watched_pairs = lambda: [WatchedGAN(model)]
    check = start_check.StartCheck()
    check.set_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check.on_train_begin()
        for epoch, values in enumerate(logs):
            check.on_epoch_begin(epoch)
            check.on_epoch_end(epoch, values)
    return [str(w.message) for w in caught]


def test_a_run_that_explodes_is_named_once_in_its_first_epochs():
    usual = {"d_loss": 0.5, "g_loss": 3.0, "d_gradient_norm": 5.0, "g_gradient_norm": 4.0}
    grown = {**usual, "d_loss": 9.0, "d_gradient_norm": 70.0}
    (told,) = shown([usual] * 3 + [grown] * 9)
    assert told.startswith(
        "This run explodes: in epoch 4 the discriminator's loss is 9 after 0.5, "
        "the discriminator's gradient norm is 70 after 5; try learning rates"
    )
    assert shown([usual] * 3 + [grown] + [usual] * 9) == []
    assert shown([usual] * 20 + [grown] * 9) == [], "that is for ConvergenceStopping"


class Model:
    """What the check reads of a model that was trained before."""

    def __init__(self, loss):
        self.adversarial_loss = losses.get(loss)
        self.regularizers = []
        self.discriminator_steps = self.generator_steps = 1
        self.steps_seen = self.images_seen = 9
        self.reference_samples = np.zeros((4, 2))

    def watched_pairs(self):
        return [WatchedGAN(self)]


def shown_in_one_epoch(values, *, loss="relativistic_paired", step=1):
    """What is warned of within an epoch whose steps have such values, and after which step."""
    model, check = Model(loss), start_check.StartCheck()
    check.set_model(model)
    warned = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check.on_train_begin()
        check.on_epoch_begin(0)
        for count in range(step, len(values["d_loss"]) + 1, step):
            check.on_train_batch_begin(count - step)
            model.steps_seen, model.images_seen = 9 + count, 9 + 8 * count
            means = {name: float(np.mean(value[:count])) for name, value in values.items()}
            check.on_train_batch_end(count - 1, means)
            if len(caught) > len(warned):
                warned.append(count)
        check.on_epoch_end(0, means)
    return [str(w.message) for w in caught], warned


def levels(before, after, at=100, steps=400):
    return {
        name: np.repeat([before[name], after[name]], [at, steps - at]).astype(float)
        for name in before
    }


def told_of_rates(generator, discriminator):
    model, check = Model("hinge"), start_check.StartCheck()
    model.generator_optimizer, model.discriminator_optimizer = generator, discriminator
    check.set_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check.on_train_begin()
    return [str(w.message) for w in caught]


def test_a_rate_with_which_no_run_succeeds_is_told_before_the_first_step():
    """The losses of a run at 0.5 may be small again after its first steps."""
    adam, sgd = keras.optimizers.Adam, keras.optimizers.SGD
    (told,) = told_of_rates(adam(0.5), keras.optimizers.LossScaleOptimizer(adam(0.5)))
    assert told.startswith("The ") and "'s learning rates (0.5) are high: try 2e-4 to" in told
    (told,) = told_of_rates(adam(1e-3), adam(keras.optimizers.schedules.CosineDecay(0.5, 100)))
    assert told.startswith("The discriminator's learning rate (0.5) is high")
    for usual in (sgd(0.5), adam(1e-2), keras.optimizers.Adadelta(1.0)):
        assert told_of_rates(usual, usual) == []


CALM = {"d_loss": 0.46, "g_loss": 11.8, "d_gradient_norm": 5.8, "g_gradient_norm": 20.0}
BURST = {"d_loss": 9.3, "g_loss": 27.0, "d_gradient_norm": 70.0, "g_gradient_norm": 41.0}


@pytest.mark.parametrize("step", [1, 10, 32])
def test_a_run_that_explodes_within_an_epoch_is_named_at_once(step):
    (told,), (when,) = shown_in_one_epoch(levels(CALM, BURST), step=step)
    assert re.match(
        r"This run explodes: in epoch 1 the discriminator's loss is \d\.\d after 0\.46, "
        r"the discriminator's gradient norm is \d\d after 5\.8; add an R1 penalty",
        told,
    )
    assert 140 < when < 210


def test_what_grows_in_healthy_starts_is_not_named():
    outrun = {**CALM, "g_loss": 300.0, "g_gradient_norm": 900.0}
    for values, options in (
        (levels(CALM, outrun), {}),
        (levels(CALM, BURST), {"loss": "wasserstein"}),
        (levels(CALM, BURST, steps=120), {}),
        (levels(CALM, {**BURST, "d_loss": 6.0, "d_gradient_norm": 9.0}), {}),
        (levels(CALM, {**BURST, "d_loss": 0.46}), {}),
    ):
        assert shown_in_one_epoch(values, **options) == ([], [])


def test_what_a_resumed_run_has_seen_goes_on():
    check, again = start_check.StartCheck(), start_check.StartCheck()
    for one in (check, again):
        one.set_model(Model("hinge"))
        one.on_train_begin()
    check.on_epoch_begin(0)
    for batch in range(60):
        check.on_train_batch_end(batch, {"d_loss": 1.0, "d_gradient_norm": 2.0})
    check.on_epoch_end(0, {})
    again.set_state(check.get_state())
    (of_check,), (of_again,) = check._checks, again._checks
    assert len(of_check._parts) == 2 and of_again._parts == of_check._parts
    state = check.get_state()
    del state["parts"]
    again.set_state(state)  # of an earlier version


def test_a_discriminator_that_is_wrong_is_no_coin():
    assert shown([{"d_accuracy": 0.45}] * 12) == []
    assert shown([{"d_accuracy": 0.2}, {"d_accuracy": 0.2}, {"d_accuracy": 0.6}] * 6) == []
    (told,) = shown([{"d_accuracy": 0.2}] * 12)
    assert "was at most 20%, below" in told and "collapse is likely: try discriminator" in told
