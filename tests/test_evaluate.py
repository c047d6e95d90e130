"""Evaluations and single batches: what they give, and what they leave alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.model.gan import GAN
from sample_feeds import (
    CLASSES,
    labels,
    pipeline,
    unsized,
)


@pytest.fixture(scope="module")
def whole():
    """A GAN with everything that an evaluation could disturb, and its state at the start."""
    keras.utils.set_random_seed(0)
    gan = helpers.gan(
        batch_norm=True,
        dropout=0.3,
        metrics=[keras_gan.metrics.SlicedWasserstein()],
        generator_optimizer=keras.optimizers.SGD(0.05, momentum=0.5),
        discriminator_optimizer=keras.optimizers.SGD(0.05, momentum=0.5),
        steps_per_execution=1,
    )
    gan._warned_of_metrics = True  # some of these runs have no validation data
    return gan, helpers.snapshot(gan)


def restored(whole):
    gan, before = whole
    helpers.restore(before)
    return gan


def test_validation_leaves_training_alone(whole):
    x, held_out = helpers.points(32), helpers.points(24, seed=1)
    states = []
    for settings in ({}, {"validation_data": held_out}):
        gan = restored(whole)
        history = gan.fit(x, batch_size=8, epochs=2, verbose=0, **settings)
        states.append(helpers.state(gan))
        states[-1].pop("state_evaluation_step")
    assert any(key.startswith("val_") for key in history.history)
    assert states[0]["state_steps_seen"] == 8
    helpers.assert_same(*states)


def test_evaluate_is_repeatable_and_changes_nothing(whole):
    gan = restored(whole)
    gan.fit(helpers.points(64), batch_size=8, verbose=0)
    before = helpers.state(gan)
    results = [
        gan.evaluate(helpers.points(20, seed=1), batch_size=8, return_dict=True, verbose=0)
        for _ in range(2)
    ]
    assert results[0] == results[1]
    assert {"d_loss", "g_loss", "sliced_wasserstein"} <= set(results[0])
    after = helpers.state(gan)
    before.pop("state_evaluation_step"), after.pop("state_evaluation_step")
    helpers.assert_same(before, after)
    # Other noise would give another result.
    assert gan.evaluate(helpers.points(20, seed=2), verbose=0, return_dict=True) != results[0]


def test_evaluate_takes_pipelines(whole):
    gan, points = restored(whole), helpers.points(20)
    # Of batches of 8, 8 and 4; that their end is not announced must not make Keras warn.
    results = [
        gan.evaluate(data, batch_size=8, return_dict=True, verbose=0)
        for data in (points, pipeline(points), unsized(points))
    ]
    assert results[0] == results[1] == results[2]
    two = gan.evaluate(pipeline(points).repeat(), steps=2, return_dict=True, verbose=0)
    assert two == gan.evaluate(points[:16], batch_size=8, return_dict=True, verbose=0)


@pytest.mark.parametrize(("x", "message"), [(np.zeros((8, 3)), "shape"), ([[np.nan, 0]], "finite")])
def test_evaluate_refuses_bad_data(whole, x, message):
    with pytest.raises(ValueError, match=f"`x` must .*{message}"):
        whole[0].evaluate(np.array(x), verbose=0)


def test_a_users_metric_with_a_dict_result():
    class Both(keras.metrics.Metric):
        direction, primary_key = "max", "two"

        def update_state(self, real, fake):
            pass

        def result(self):
            return {"one": 1.0, "two": 2.0}

    model = helpers.gan(metrics=[Both(name="both")], run_eagerly=True)
    x = helpers.points(8)
    history = model.fit(x, batch_size=8, validation_data=x, verbose=0).history
    assert (history["val_both_one"], history["val_both_two"]) == ([1.0], [2.0])
    assert model.metric_directions == {"val_both_two": "max"}
    assert model.test_on_batch(helpers.points(8), return_dict=True)["both_one"] == 1.0


def test_a_short_batch_of_an_evaluation_counts_by_its_rows():
    samples = keras.Input((2,))
    slope = keras.layers.Dense(1, use_bias=False)
    model = GAN(helpers.generator(), keras.Model(samples, slope(samples)))
    slope.kernel.assign([[1.0], [0.0]])
    model.compile(run_eagerly=True)
    reals = np.ones((12, 2), "float32")
    reals[8:] *= -1.0  # the last batch, which the discriminator takes for generated
    found = model.evaluate(reals, batch_size=8, verbose=0, return_dict=True)
    assert found["d_real_accuracy"] == pytest.approx(8 / 12)


def test_evaluation_reads_as_many_batches_as_it_is_told():
    class Count(keras.metrics.Metric):
        direction = "max"

        def __init__(self):
            super().__init__(name="count")
            self.rows = self.add_variable((), "zeros", name="rows")

        def update_state(self, real, fake):
            self.rows.assign(self.rows + tf.cast(tf.shape(real)[0], "float32"))

        def result(self):
            return self.rows

    class Idle(helpers.Watched):  # whose training step is soon traced
        test_step = GAN.test_step

    model = Idle(helpers.generator(), helpers.discriminator())
    model.batches = []
    model.compile(metrics=[Count()], steps_per_execution=4)
    pipeline = tf.data.Dataset.from_tensor_slices(helpers.points(96)).batch(8)
    history = model.fit(
        helpers.points(), batch_size=8, validation_data=pipeline, validation_steps=2, verbose=0
    ).history
    assert model.steps_per_execution > 2 and history["val_count"] == [16.0]
    assert model.evaluate(pipeline.repeat(), steps=3, return_dict=True, verbose=0)["count"] == 24
    assert model.evaluate(helpers.points(), steps=1, batch_size=5, return_dict=True)["count"] == 5


# === Single batches ===


def test_train_on_batch():
    gan = helpers.gan(discriminator_steps=2, run_eagerly=True)
    before = helpers.values(gan.generator.weights)
    logs = gan.train_on_batch(helpers.points(16), return_dict=True)
    assert np.isfinite(list(logs.values())).all() and "d_loss" in logs
    assert gan.steps_seen == 1 and gan.images_seen == 16
    assert gan.discriminator_optimizer.iterations == 2 * gan.generator_optimizer.iterations == 2
    assert not helpers.same(before, helpers.values(gan.generator.weights))


def test_train_on_batch_refuses_what_does_not_fit():
    gan = helpers.watched(n=2)
    with pytest.raises(ValueError, match="multiple of `discriminator_steps`.*batch=15"):
        gan.train_on_batch(helpers.points(15))
    with pytest.raises(ValueError, match="take no labels"):
        gan.train_on_batch(helpers.points(16), labels(16))
    with pytest.raises(ValueError, match="`x` must have the shape"):
        gan.train_on_batch(np.zeros((16, 3), "float32"))
    assert gan.steps_seen == 0


def test_train_on_batch_takes_labels():
    gan = helpers.gan(num_classes=CLASSES, run_eagerly=True)
    with pytest.raises(ValueError, match=r"conditional model is fed `\(samples, labels\)`"):
        gan.train_on_batch(helpers.points(16))
    gan.train_on_batch(helpers.points(16), labels(16))
    assert gan.steps_seen == 1


def test_what_is_not_compiled_does_not_train():
    gan = GAN(helpers.generator(), helpers.discriminator())
    for call in (gan.fit, gan.train_on_batch, gan.evaluate, gan.test_on_batch):
        with pytest.raises(ValueError, match=r"must be compiled .*Call `compile\(\)`"):
            call(helpers.points())
