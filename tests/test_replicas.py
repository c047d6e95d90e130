"""Two replicas, or two workers, train like one device with the same global batch."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import worker
from keras_gan import layers, metrics, priors, regularizers
from keras_gan.backend import replicas
from keras_gan.model import state_parts
from keras_gan.model.gan import GAN
from processes import python

BATCH, STEPS = 8, 6


def networks(**options):
    return helpers.generator(), helpers.discriminator(**options)


def sgd():
    """Plain SGD, which hides no error in a gradient."""
    return keras.optimizers.SGD(0.1, clipnorm=1.0), keras.optimizers.SGD(0.1)


def adam():
    """Adam, which squares gradients: those of an embedding's rows must have been added before."""
    return [keras.optimizers.Adam(1e-2, epsilon=1e-3) for _ in range(2)]


def train(
    strategy,
    make=networks,
    data=None,
    *,
    batch_size=BATCH,
    num_classes=None,
    optimizers=sgd,
    validation_data=None,
    **settings,
):
    """A GAN trained under a strategy (or none)."""
    steps = settings.get("discriminator_steps", 1)
    with (strategy or tf.distribute.get_strategy()).scope():
        keras.utils.set_random_seed(0)
        gan = GAN(*make(), num_classes=num_classes)
        settings = {k: v() if callable(v) else v for k, v in settings.items()}
        gan.compile(*optimizers(), **{"steps_per_execution": 1, **settings})
    data = (helpers.points(batch_size * steps * STEPS),) if data is None else data
    history = gan.fit(*data, batch_size=batch_size, validation_data=validation_data, verbose=0)
    return gan, history.history


def assert_equal(one, two):
    (one, one_history), (two, two_history) = one, two
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    for key, values in one_history.items():
        np.testing.assert_allclose(values, two_history[key], atol=1e-5, err_msg=key)
    assert one.steps_seen == two.steps_seen and one.images_seen == two.images_seen


# === As one ===


def penalties():
    return [
        regularizers.LeCam(0.3, every=2),
        regularizers.DRAGAN(1.0),
        regularizers.GradientPenalty(1.0, every=3),
    ]


# What looks at the whole batch, and a branch: replicas make their updates one by one, so that each
# update more takes as long again to trace.
GAMES = {
    "clipped": {
        "loss": "relativistic_average",
        "regularizers": lambda: [*penalties()[:2], regularizers.WeightClipping(0.5)],
    },
    "several updates": {
        "loss": "relativistic_average",
        "regularizers": lambda: penalties()[::2],
        "discriminator_steps": 2,
        "generator_steps": 2,
    },
    "micro-batches": {
        "loss": "relativistic_paired",
        "regularizers": ["r1", "r2"],
        "accumulation_steps": 2,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", GAMES.values(), ids=GAMES)
def test_two_replicas_are_as_one(two_replicas, settings):
    # One device alone needs no graph to be what two are compared with.
    alone = train(None, run_eagerly=True, **settings)
    assert_equal(alone, train(two_replicas, **settings))


@pytest.mark.slow
def test_a_strategy_of_one_device_is_as_none():
    # Its replica can meet no other inside of a loop or a branch, either.
    def make():
        return helpers.generator(num_classes=3), helpers.discriminator(num_classes=3)

    settings = {
        "num_classes": 3,
        "optimizers": adam,
        "discriminator_steps": 2,
        "regularizers": lambda: [regularizers.LeCam(1.0, every=2)],
    }
    data = helpers.points(BATCH * 2 * STEPS), np.arange(BATCH * 2 * STEPS) % 3
    alone = train(None, make, data, run_eagerly=True, **settings)
    assert_equal(alone, train(tf.distribute.MirroredStrategy(["CPU:0"]), make, data, **settings))


def whole_batch_networks():
    """Conditional networks whose layers look at several samples at once."""
    latents = x = keras.Input((helpers.LATENT,))
    labels = keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([x, keras.layers.Embedding(3, 2)(labels)])
    x = keras.layers.BatchNormalization(synchronized=True)(keras.layers.Dense(8)(x))
    generator = keras.Model([latents, labels], keras.layers.Dense(2)(keras.layers.ReLU()(x)))
    samples = x = keras.Input((2,))
    labels = keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([x, keras.layers.Embedding(3, 2)(labels)])
    x = layers.SpectralNormalization(keras.layers.Dense(8))(x)
    x = layers.MinibatchStdDev(2)(keras.layers.LeakyReLU(0.2)(x))
    return generator, keras.Model([samples, labels], keras.layers.Dense(1)(x))


@pytest.mark.slow
def test_layers_of_the_whole_batch_labels_and_evaluations(two_replicas):
    held_out = helpers.points(25, seed=1), np.arange(25) % 3
    runs = [
        train(
            strategy,
            whole_batch_networks,
            (helpers.points(80), np.arange(80) % 3),
            # Of 25 samples, two replicas take 24.
            validation_data=tuple(part[:count] for part in held_out),
            num_classes=3,
            optimizers=adam,
            regularizers=lambda: [regularizers.R1(0.1)],
            metrics=lambda: [metrics.SlicedWasserstein()],
            run_eagerly=strategy is None,
        )
        for strategy, count in ((None, 24), (two_replicas, 25))
    ]
    assert "val_sliced_wasserstein" in runs[0][1]
    assert_equal(*runs)


def test_noise_and_dropout_differ_between_replicas(two_replicas):
    prior = priors.get("normal")

    def draw():
        return replicas.local_rows(lambda rows: prior(tf.stack([rows, 3]), tf.constant([1, 2])), 4)

    parts = two_replicas.experimental_local_results(tf.function(two_replicas.run)(draw))
    np.testing.assert_array_equal(np.concatenate(parts), prior((8, 3), tf.constant([1, 2])))

    with two_replicas.scope():
        gan = GAN(*networks(dropout=0.5))
        gan.compile()
    gan.fit(helpers.points(BATCH), batch_size=BATCH, epochs=0, verbose=0)
    (state,) = [v for name, v in state_parts.own(gan).items() if name.startswith("random")]
    first, second = two_replicas.experimental_local_results(state.value)
    assert first[0] != second[0] and first[1] == second[1]


@pytest.mark.slow
def test_what_is_not_finite_is_left_out_on_all(two_replicas):
    poisoned = helpers.points(BATCH * STEPS)
    poisoned[3 * BATCH + 1] = np.nan  # one sample, of one replica
    data = tf.data.Dataset.from_tensor_slices(poisoned).batch(BATCH)
    with two_replicas.scope():
        gan = GAN(*networks())
        gan.compile(*helpers.sgd())
    with pytest.warns(UserWarning, match="Updates were skipped"):
        gan.fit(data, verbose=0)
    assert (gan.first_failure["step"], gan.first_failure["player"]) == (3, "discriminator")
    assert all(np.isfinite(weight).all() for weight in gan.get_weights())


# === What cannot be ===


def test_what_keras_cannot_do_is_refused(two_replicas):
    with two_replicas.scope():
        gan = GAN(*networks())
        with pytest.raises(ValueError, match="steps_per_execution=5"):
            gan.compile(steps_per_execution=5)
        with pytest.raises(ValueError, match="XLA"):
            gan.compile(jit_compile=True)
        overwrites = keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=2)
        with pytest.raises(ValueError, match="cannot overwrite .* ema_overwrite_frequency=2"):
            gan.compile(overwrites)
        gan.compile()
        watched = helpers.Watched(*networks())  # of a pipeline, it is known with the first batch
        watched.compile()
    with pytest.raises(ValueError, match="batch_size=7, shares=2"):
        gan.fit(helpers.points(), batch_size=7)
    with pytest.raises(ValueError, match="batch_size=7, shares=2"):
        watched.fit(tf.data.Dataset.from_tensor_slices(helpers.points()).batch(7), verbose=0)
    with pytest.raises(ValueError, match="Use `fit`"):
        gan.train_on_batch(helpers.points(8))


def test_what_was_made_elsewhere_is_refused(two_replicas):
    pair, regularizer = networks(), regularizers.LeCam()
    with two_replicas.scope():
        with pytest.raises(ValueError, match=r"with strategy.scope\(\)"):
            GAN(*pair).compile()
        # Both replicas would move the same averages.
        with pytest.raises(ValueError, match="made_elsewhere='lecam'"):
            GAN(*networks()).compile(regularizers=[regularizer])


def test_batch_norm_per_replica_is_warned_of(two_replicas):
    with two_replicas.scope():
        gan = GAN(helpers.generator(batch_norm=True), helpers.discriminator())
        with pytest.warns(UserWarning, match="synchronized=True"):
            gan.compile()


# === Workers ===


@pytest.mark.slow
def test_two_workers_one_killed_and_started_again_are_as_one_process(tmp_path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    done = python("worker.py", together)
    told = [path.read_text() for path in sorted(together.glob("log_*.txt"))]
    assert done.returncode == 0, (done.stderr[-3000:], told)
    assert "Resumed after epoch 1 of 2" in told[0], told

    worker.train(alone, tf.distribute.get_strategy(), "alone", run_eagerly=True)
    with np.load(alone / "weights_alone.npz") as weights:
        expected = dict(weights)
    expected_history = json.loads((alone / "history_alone.json").read_text())
    for index in range(2):
        with np.load(together / f"weights_{index}.npz") as weights:
            for name, value in expected.items():
                np.testing.assert_allclose(weights[name], value, atol=2e-6)
        history = json.loads((together / f"history_{index}.json").read_text())
        for key, values in expected_history.items():
            np.testing.assert_allclose(history[key], values, atol=1e-5, err_msg=key)
