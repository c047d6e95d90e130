"""An update that is not finite is left out, and remembered."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import regularizers
from keras_gan.model.gan import GAN


def test_an_update_that_is_not_finite_is_left_out_and_remembered():
    class Poison(regularizers.Regularizer):
        """NaN in the third step, for the discriminator alone."""

        def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
            third = tf.equal(model._state.steps_seen.value, 2)
            bad = tf.where(third, float("nan"), 0.0)
            return bad * real_logits[:, 0]

    model = helpers.gan(
        regularizers=[Poison(1.0)], steps_per_execution=4, **helpers.by_sgd(momentum=0.5)
    )
    with pytest.warns(UserWarning) as caught:
        model.fit(helpers.points(32), batch_size=4, verbose=0)
    (warning,) = [str(w.message) for w in caught]
    kernel = model.discriminator.trainable_variables[0].path
    for words in ("the discriminator's update at step 2", kernel, "those of finite updates"):
        assert words in warning, warning
    assert model.steps_seen == 8 and helpers.updates(model) == (7, 8)
    assert model.first_failure["step"] == 2
    assert model.first_failure["player"] == "discriminator"
    assert model.first_failure["variable"] == kernel
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_no_failure_is_none():
    model = helpers.gan(run_eagerly=True)
    model.train_on_batch(helpers.points(8))
    assert model.first_failure is None


@pytest.mark.parametrize("bad", [0, 1], ids=["data", "weights"])
def test_an_update_left_out_leaves_statistics_alone_too(bad):
    """BatchNorm would carry a NaN of one batch into every later one."""
    model = GAN(helpers.generator(batch_norm=True), helpers.discriminator(batch_norm=True))
    model.compile(run_eagerly=True)
    data = helpers.points(32)
    if bad == 0:
        data[20] = np.nan
        data = tf.data.Dataset.from_tensor_slices(data).batch(16)
    else:  # an infinite generator: neither player learns, and its samples leave no trace
        model.generator.trainable_variables[0].assign(
            tf.fill(model.generator.trainable_variables[0].shape, np.inf)
        )
    told = "at step 0: it came so, or the first updates made it so" if bad else "Updates were skipp"
    with pytest.warns(UserWarning, match=told):
        model.fit(data, batch_size=None if bad == 0 else 16, verbose=0)
    assert model.first_failure is not None
    for network in (model.generator, model.discriminator):
        for variable in network.non_trainable_weights:
            assert np.isfinite(variable.numpy()).all(), variable.path


@pytest.mark.parametrize("bad", [np.nan, 0.0])
def test_validation_data_that_are_not_finite_are_told_once(bad):
    model = helpers.gan(run_eagerly=True)
    held_out = helpers.points(16)
    held_out[13] = bad
    validation = tf.data.Dataset.from_tensor_slices(held_out).batch(8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(
            helpers.points(8),
            batch_size=8,
            epochs=1 if bad == 0.0 else 2,
            validation_data=validation,
            verbose=0,
        ).history
    told = [str(w.message) for w in caught if "validation_data" in str(w.message)]
    assert np.isfinite(history["val_d_loss"]).all() == (bad == 0.0)
    assert len(told) == (bad != 0.0)
    if told:
        assert "d_loss is nan, although all weights are finite" in told[0]
        with pytest.warns(UserWarning, match="outliers in `x`"):
            model.evaluate(validation, verbose=0)
