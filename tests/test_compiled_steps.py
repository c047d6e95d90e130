"""Steps compiled in other ways: several at once, or by XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import losses, regularizers
from keras_gan.backend import points
from keras_gan.model.gan import GAN

# === Several at once ===


def weights_after(steps_per_execution):
    keras.utils.set_random_seed(0)
    generator, discriminator = helpers.sgd()  # of which no graph is soon made
    model = helpers.gan(
        batch_norm=True,
        dropout=0.3,
        generator_optimizer=generator,
        discriminator_optimizer=discriminator,
        steps_per_execution=steps_per_execution,
    )
    model.fit(helpers.points(44), batch_size=4, epochs=2, verbose=0)
    return helpers.state(model)


@pytest.mark.slow
def test_steps_per_execution_changes_nothing():
    helpers.assert_same(weights_after(1), weights_after(3))


def test_steps_per_execution_is_chosen_by_the_cost_of_a_step():
    small = helpers.watched(steps_per_execution="auto")
    small.fit(helpers.points(41 * 8), batch_size=8, verbose=0)
    assert small.steps_per_execution == 32
    # A number that divides the epoch, if it is at least half as large.
    small.fit(helpers.points(40 * 8), batch_size=8, epochs=0, verbose=0)
    assert small.steps_per_execution == 20
    small.fit(helpers.points(62 * 8), batch_size=8, epochs=0, verbose=0)
    assert small.steps_per_execution == 31
    small.fit(helpers.points(51 * 8), batch_size=8, epochs=0, verbose=0)
    assert small.steps_per_execution == 17
    small.fit(helpers.points(39 * 8), batch_size=8, epochs=0, verbose=0)
    assert small.steps_per_execution == 32
    # Never more than there are in an epoch, and one cut by hand is not run past its end.
    small.fit(helpers.points(8 * 8), batch_size=8, verbose=0)
    assert small.steps_per_execution == 8
    small.fit(helpers.points(8 * 8), batch_size=8, steps_per_epoch=6, verbose=0)
    assert small.steps_seen == 41 + 8 + 6


@pytest.mark.parametrize("steps", [pytest.param(10, marks=pytest.mark.slow), "auto"])
def test_an_epoch_cut_by_hand_is_not_overrun_on_pipelines(steps):
    model = helpers.watched(steps_per_execution=steps)
    pipeline = tf.data.Dataset.from_tensor_slices(helpers.points(96)).batch(8)
    model.fit(pipeline, steps_per_epoch=4, epochs=3, verbose=0)
    assert model.steps_seen == 12


# === XLA ===


# Each penalty once: compiling a step takes seconds.
STEPS = [
    {"regularizers": ["dragan", "r2"], "generator_steps": 2, "loss": "relativistic_average"},
    {"regularizers": ["r1", "gradient_penalty", "lecam", "weight_clipping"]},
]


@pytest.mark.slow
def test_the_penalties_are_all():
    assert sorted(sum((step["regularizers"] for step in STEPS), [])) == sorted(regularizers._KNOWN)


@pytest.mark.slow
def test_xla_gives_the_same_losses_and_gradients():
    logits = [tf.constant(helpers.points(4, seed=seed)[:, :1] * 3.0) for seed in range(2)]

    def of_all():
        found = {}
        for name in sorted(losses._KNOWN):
            loss = losses.get(name)
            for player in (loss.discriminator_loss, loss.generator_loss):
                with tf.GradientTape() as tape:
                    tape.watch(logits)
                    value = player(*logits)
                found[name, player.__name__] = [value, *tape.gradient(value, logits)]
        return found

    compiled, expected = tf.function(of_all, jit_compile=True)(), of_all()
    for key, values in expected.items():
        for found, wanted in zip(compiled[key], values, strict=True):
            assert (found is None) == (wanted is None), key
            if wanted is not None:
                np.testing.assert_allclose(found, wanted, atol=1e-6, err_msg=str(key))


@pytest.mark.slow
@pytest.mark.parametrize("settings", STEPS, ids=lambda settings: settings["regularizers"][0])
def test_xla_gives_the_same_weights(settings, monkeypatch):
    # Random floats, and splits of seeds, are others under XLA; integers in a range are the same.
    def latents(shape, seed):
        drawn = tf.random.stateless_uniform(shape, seed, 0, 1000, dtype="int32", alg="philox")
        return tf.cast(drawn, "float32") / 500.0 - 1.0

    def evenly(shape):
        count = tf.reduce_prod(shape)
        return tf.reshape(tf.cast(tf.range(count) / count, "float32"), shape)

    monkeypatch.setattr(points, "_factors", lambda samples, _: evenly(tf.shape(samples)[:1]))
    monkeypatch.setattr(points, "_noise", lambda part, _: evenly(tf.shape(part)))
    results = []
    for how in ({"jit_compile": True}, {"run_eagerly": True}):
        keras.utils.set_random_seed(0)
        model = GAN(helpers.generator(), helpers.discriminator(), prior=latents)
        model.compile(*helpers.sgd(), **settings, **how)  # SGD is quicker to compile than Adam
        before = helpers.values(model.trainable_weights)
        for step in range(2):
            batch = helpers.points(8 * model.discriminator_steps, seed=step)
            logs = model.train_on_batch(batch, return_dict=True)
        results.append((helpers.values(model.trainable_weights), logs))
    (weights, logs), (expected, expected_logs) = results
    moved = [not np.array_equal(old, new) for old, new in zip(before, weights, strict=True)]
    # Where differences of logits alone count, the bias of the last layer has no gradient.
    assert sum(moved) >= len(moved) - 1
    for new, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(new, wanted, atol=1e-5)
    for name, value in expected_logs.items():
        assert logs[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
