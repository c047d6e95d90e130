"""A `GAN` without further settings: what it trains on, which networks it takes, its seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import losses
from keras_gan.feeding import sample_spec
from keras_gan.model.gan import GAN


def test_compile_and_fit_without_arguments_train():
    model = GAN(helpers.generator((8, 8, 1)), helpers.discriminator((8, 8, 1)))
    model.compile()
    before = helpers.values(model.trainable_variables)
    history = model.fit(helpers.images(128), verbose=0)
    assert not helpers.same(before, helpers.values(model.trainable_variables))
    assert set(history.history) == {
        "loss",
        "d_loss",
        "g_loss",
        "d_accuracy",
        "d_real_accuracy",
        "d_fake_accuracy",
        "d_gradient_norm",
        "g_gradient_norm",
    }
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert float(optimizer.learning_rate.numpy()) == pytest.approx(2e-4)
        assert optimizer.beta_1 == 0.5


@pytest.mark.parametrize(
    "shape",
    [
        (6, 10, 3),
        *(
            pytest.param(shape, marks=pytest.mark.slow)
            for shape in [(7, 3), (8, 8, 1), (5, 5, 4), (2,)]
        ),
    ],
)
def test_samples_of_any_shape(shape):
    model = helpers.gan(shape, run_eagerly=True)
    image = len(shape) == 3
    data = helpers.images(16, shape) if image else np.random.uniform(-1, 1, size=(16, *shape))
    before = helpers.values(model.trainable_weights)
    model.fit(data, batch_size=16, verbose=0)
    for old, new in zip(before, helpers.values(model.trainable_weights), strict=True):
        assert not np.array_equal(old, new)
    latents = model.sample_latents(3, seed=0)
    samples = model.generate(latents=latents)
    assert samples.shape == (3, *shape) and model.is_image == image
    np.testing.assert_allclose(samples, model.averaged_generator(latents).numpy(), atol=1e-6)


def test_uint8_and_scaled_floats_are_the_same_images():
    images = helpers.images(8)
    np.testing.assert_allclose(
        sample_spec.to_float(tf.constant(images)), images / 127.5 - 1.0, atol=1e-6
    )
    results = []
    for data in (images, (images / 127.5 - 1.0).astype("float32")):
        keras.utils.set_random_seed(0)
        model = helpers.gan((8, 8, 1), run_eagerly=True)
        model.train_on_batch(data)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_conditional_models_train_and_generate():
    model = helpers.gan(num_classes=3, run_eagerly=True)
    labels = np.arange(24) % 3
    model.fit(helpers.points(24), labels, batch_size=18, validation_split=0.25, verbose=0)
    assert model.reference_labels.max() == 2 and len(model.held_out_labels) == 6
    assert model.generate(5, labels=2).shape == (5, 2)
    assert model.generate(labels=[0, 1]).shape == (2, 2)
    with pytest.raises(ValueError, match="from 0 to 2"):
        model.generate(labels=[3])


def test_labels_stay_with_their_samples_up_to_both_networks():
    """Point `i` is of class `i % 3`; what is generated is judged as what it was made for."""
    judged, made = [], []

    class Note(keras.layers.Layer):
        def __init__(self, seen):
            super().__init__()
            self.note = seen.append  # Keras copies lists

        def call(self, samples, labels):
            self.note(np.c_[samples, labels])
            return samples

        def compute_output_shape(self, samples_shape, labels_shape):
            return samples_shape

    generator, discriminator = (
        make(num_classes=3) for make in (helpers.generator, helpers.discriminator)
    )
    latents, labels = generator.inputs
    samples, classes = discriminator.inputs
    model = GAN(
        keras.Model([latents, labels], Note(made)(generator.outputs[0], labels)),
        keras.Model([samples, classes], discriminator([Note(judged)(samples, classes), classes])),
        num_classes=3,
        ema_halflife_images=None,
    )
    steps = {"discriminator_steps": 2, "generator_steps": 2, "accumulation_steps": 2}
    model.compile(*helpers.sgd(), **steps, run_eagerly=True)
    points = 10.0 + np.arange(16)[:, None] * [1.0, 1.0]
    model.fit(points, np.arange(16) % 3, batch_size=8, verbose=0)
    judged = [rows for rows in judged if len(rows) == 4]  # `fit` scores more at a time
    reals = np.concatenate([rows for rows in judged if rows.min(0)[0] >= 10.0])
    fakes = np.concatenate([rows for rows in judged if rows.min(0)[0] < 10.0])
    assert len(reals) == 16 and len(fakes) == 32, "two updates of either player a step"
    np.testing.assert_array_equal(reals[:, 2], (reals[:, 0] - 10.0) % 3)
    assert {tuple(row) for row in fakes} <= {tuple(row) for rows in made for row in rows}


def test_patch_logits():
    inputs = keras.Input((8, 8, 1))
    patches = keras.layers.Conv2D(1, 3, strides=2, padding="same")(inputs)
    model = GAN(helpers.generator((8, 8, 1)), keras.Model(inputs, patches))
    model.compile(loss="relativistic_average", regularizers=["r1"], run_eagerly=True)
    model.train_on_batch(helpers.images(8))
    assert model.score(helpers.images(5)).shape == (5,)


def test_a_subclassed_network():
    class Network(keras.Model):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size, self.dense = size, keras.layers.Dense(size)

        def build(self, input_shape):
            self.dense.build(input_shape)

        def call(self, inputs, training=False):
            return self.dense(inputs)

        def get_config(self):
            return {"size": self.size}

    generator, discriminator = Network(2), Network(1)
    generator.build((None, 4))
    discriminator.build((None, 2))
    model = GAN(generator, discriminator)
    model.compile(run_eagerly=True)
    before = helpers.values(model.trainable_weights)
    model.train_on_batch(helpers.points(8))
    for old, new in zip(before, helpers.values(model.trainable_weights), strict=True):
        assert not np.array_equal(old, new)
    latents = model.sample_latents(3, seed=0)
    wanted = latents @ model.averaged_generator.weights[0].numpy()
    np.testing.assert_allclose(
        model.generate(latents=latents), wanted + model.averaged_generator.weights[1], rtol=1e-5
    )


def test_training_is_a_function_of_the_seed():
    results = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(0)
        model = helpers.gan(seed=seed, run_eagerly=True, **helpers.by_sgd())
        model.train_on_batch(helpers.points(8))
        results.append(model.get_weights())
    assert helpers.same(results[0], results[1]) and not helpers.same(results[0], results[2])


def test_a_failed_compile_changes_nothing():
    model = GAN(helpers.generator(), helpers.discriminator())
    with pytest.raises(ValueError, match="Did you mean 'hinge'"):
        model.compile(loss="hingee")
    with pytest.raises(ValueError, match="must be compiled"):
        model.fit(helpers.points())
    model.compile(loss="hinge", run_eagerly=True)
    with pytest.raises(ValueError, match="discriminator_steps=0"):
        model.compile(loss="wasserstein", discriminator_steps=0)
    assert isinstance(model.adversarial_loss, losses.Hinge)
    model.train_on_batch(helpers.points(8))


class PlainLayer(keras.layers.Layer):
    """A user's own layer, registered nowhere."""

    def call(self, inputs):
        return 2.0 * inputs


def test_networks_may_hold_layers_that_are_registered_nowhere():
    inputs = keras.Input((4,))
    x = PlainLayer()(keras.layers.Dense(2)(inputs))
    x = keras.layers.Lambda(lambda y: y + 1.0, output_shape=(2,))(x)
    model = GAN(keras.Model(inputs, x, name="generator"), helpers.discriminator())
    assert model.averaged_generator.name == "averaged_generator"
    latents = model.sample_latents(3, seed=0)
    np.testing.assert_allclose(
        model.generate(latents=latents), model.generator(latents).numpy(), atol=1e-6
    )
