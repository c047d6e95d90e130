"""What breaks in the middle of a run: it is named, and what was trained stays."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import helpers

# === Pipelines that break later ===


def broken(*batches, spec=((None, None), "float32")):
    return tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=tf.TensorSpec(*spec)
    )


@pytest.fixture(scope="module")
def stage():
    generator, discriminator = helpers.sgd()
    gan = helpers.gan(
        generator_optimizer=generator,
        discriminator_optimizer=discriminator,
        steps_per_execution=1,
    )
    return gan, helpers.snapshot(gan)


@pytest.fixture
def model(stage):
    gan, start = stage
    helpers.restore(start)
    return gan


def test_a_pipeline_that_raises_is_named_and_what_was_trained_stays(model, stage):
    def batches():
        yield helpers.points(8)
        yield helpers.points(8, 1)
        raise RuntimeError("the disk has gone")

    spec = tf.TensorSpec((None, None), "float32")
    with pytest.raises(ValueError, match="readable.*error='RuntimeError: the disk has gone'"):
        model.fit(tf.data.Dataset.from_generator(batches, output_signature=spec), verbose=0)
    cut = helpers.state(model)
    helpers.restore(stage[1])
    model.fit(broken(helpers.points(8), helpers.points(8, 1)), verbose=0)
    helpers.assert_same(cut, helpers.state(model))


@pytest.mark.parametrize(
    "shape", [(8, 3), *(pytest.param(s, marks=pytest.mark.slow) for s in ((8, 2, 1), (8,)))]
)
def test_a_later_batch_of_another_shape_is_refused(shape):
    first = [helpers.points(8)] * 100  # more than are looked at for examples
    model = helpers.watched()
    with pytest.raises(ValueError, match="must have the shape .batch, 2."):
        model.fit(broken(*first, np.zeros(shape, "float32"), spec=(None, "float32")), verbose=0)
    assert model.steps_seen == 100


@pytest.mark.parametrize("label", [pytest.param(-1, marks=pytest.mark.slow), 3])
def test_a_later_label_out_of_range_is_refused(label):
    labels = np.zeros(800, "int32")
    labels[-1] = label
    dataset = tf.data.Dataset.from_tensor_slices((helpers.points(800), labels)).batch(8)
    model = helpers.watched(num_classes=3)
    with pytest.raises(ValueError, match="class indices from 0 to 2"):
        model.fit(dataset, verbose=0)
    assert model.steps_seen == 99


def test_a_pipeline_shorter_than_an_epoch_begins_anew(model):
    dataset = broken(helpers.points(8), helpers.points(8, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = model.fit(dataset, steps_per_epoch=5, epochs=3, verbose=0).history
    assert model.steps_seen == 15
    assert np.all(np.array(logs["d_loss"]) > 0.0)


def test_errors_of_training_are_not_taken_for_errors_of_data():
    def train_step(data):
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_sum(data) > 1e9, ["a bug"])]):
            return {"loss": tf.constant(0.0)}

    model = helpers.gan()
    model.train_step = train_step
    with pytest.raises(tf.errors.InvalidArgumentError, match="a bug"):
        model.fit(helpers.points(16), batch_size=8, verbose=0)
