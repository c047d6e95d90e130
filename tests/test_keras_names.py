"""What Keras's names do where a GAN has two of something behind one of them."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan import callbacks
from keras_gan.model import run_fingerprint


@pytest.fixture(scope="module")
def stage():
    gan = helpers.gan(run_eagerly=True)
    gan.compile(*helpers.sgd(), run_eagerly=True)
    return gan, helpers.snapshot(gan)


@pytest.fixture
def gan(stage):
    gan, start = stage
    helpers.restore(start)
    gan.set_phase("both")
    return gan


def fit(gan, **settings):
    gan.fit(helpers.points(8), batch_size=8, verbose=0, **settings)


# === Optimizers ===


def test_one_learning_rate_is_not_taken_for_both(gan):
    for call in (
        lambda: gan.optimizer.learning_rate.assign(0.1),
        lambda: setattr(gan.optimizer, "learning_rate", 0.1),
    ):
        with pytest.raises(AttributeError, match="two optimizers.*gan.generator_optimizer.learn"):
            call()
    assert not hasattr(gan.optimizer, "learning_rate")  # as `MultiOptimizer`
    # The cure.
    gan.generator_optimizer.learning_rate.assign(0.1)
    gan.discriminator_optimizer.learning_rate = 0.1
    assert [float(each.learning_rate) for each in gan.optimizer.optimizers] == [np.float32(0.1)] * 2


def test_what_the_group_would_ignore_cannot_be_set(gan):
    with pytest.raises(AttributeError, match="`clipnorm` of its own. Use `gan.generator_optimizer"):
        gan.optimizer.clipnorm = 1.0


# === Generators ===


def test_weights_given_to_the_generator_alone_are_told_of(gan, tmp_path):
    gan.generator.save_weights(tmp_path / "first.weights.h5")
    fit(gan)
    before = gan.generate(4, seed=1)
    gan.generator.load_weights(tmp_path / "first.weights.h5")
    with pytest.warns(UserWarning, match="was given other weights.*averaged=False") as caught:
        np.testing.assert_array_equal(gan.generate(4, seed=1), before)
    assert [w.category for w in caught].count(UserWarning) == 1
    np.testing.assert_array_equal(gan.generate(4, seed=1), before)  # told once
    # The cure.
    gan.averaged_generator.set_weights(gan.generator.get_weights())
    loaded = gan.generate(4, seed=1)
    np.testing.assert_array_equal(loaded, gan.generate(4, seed=1, averaged=False))
    assert not np.array_equal(loaded, before)


@pytest.mark.parametrize(
    "use",
    [*(pytest.param(u, marks=pytest.mark.slow) for u in ("predict", "interpolate")), "export"],
)
def test_all_that_use_the_average_tell(gan, tmp_path, use):
    fit(gan)
    gan.generator.set_weights([w + 0.1 for w in gan.generator.get_weights()])
    latents = np.zeros((2, helpers.LATENT), "float32")
    with pytest.warns(UserWarning, match="was given other weights"):
        if use == "predict":
            gan.predict(latents, verbose=0)
        elif use == "interpolate":
            gan.interpolate(latents[0], latents[0] + 1.0, steps=2)
        else:
            gan.export(tmp_path / "generator")


def test_what_changes_both_is_no_news(gan, tmp_path):
    class Samples(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.generate(2)

    fit(gan, epochs=2, callbacks=[Samples()])
    gan.generate(2)
    gan.save_weights(tmp_path / "gan.weights.h5")
    gan.train_on_batch(helpers.points(8))
    gan.generate(2)
    gan.load_weights(tmp_path / "gan.weights.h5")
    gan.generate(2)
    gan.set_weights([w + 0.1 for w in gan.get_weights()])
    gan.generate(2)
    gan.averaged_generator.set_weights(gan.generator.get_weights())
    gan.generate(2)


# === Phases ===


@pytest.mark.parametrize("own", [(), (callbacks.AlternatingPeriods(1, 1),)])
def test_fit_keeps_the_phase_that_it_finds(gan, own):
    gan.set_phase("discriminator")
    assert run_fingerprint.of_model(gan)["phase"] == "discriminator"
    before = [helpers.values(n.weights) for n in (gan.generator, gan.discriminator)]
    fit(gan, epochs=1, callbacks=list(own))
    after = [helpers.values(n.weights) for n in (gan.generator, gan.discriminator)]
    assert helpers.same(before[0], after[0])
    assert not helpers.same(before[1], after[1])
    assert gan.phase == "discriminator"
    gan.set_phase("both")
    fit(gan)
    assert not helpers.same(before[0], helpers.values(gan.generator.weights))
    assert "phase" not in run_fingerprint.of_model(gan)
