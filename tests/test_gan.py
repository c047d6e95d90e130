"""The training step: who moves, how often, by which gradient; what is logged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import losses, regularizers
from keras_gan.backend import points, seeds
from keras_gan.engine import ema
from keras_gan.engine.state import random_generators
from keras_gan.feeding import sample_spec
from keras_gan.model.gan import GAN


def counting(optimizer_class=keras.optimizers.SGD):
    return optimizer_class(0.05), optimizer_class(0.05)


def updates(model):
    generator, discriminator = model.generator_optimizer, model.discriminator_optimizer
    return int(discriminator.iterations.numpy()), int(generator.iterations.numpy())


# === Schedules ===


QUICK = {(1, 1), (2, 5), (5, 2)}


@pytest.mark.parametrize(
    ("n", "m"),
    [
        pytest.param(n, m, marks=() if (n, m) in QUICK else pytest.mark.slow)
        for n in (1, 2, 5)
        for m in (1, 2, 5)
    ],
)
def test_a_step_is_n_updates_of_one_and_m_of_the_other(n, m):
    model = helpers.gan(discriminator_steps=n, generator_steps=m, run_eagerly=True)
    model.fit(helpers.points(2 * 4 * n + 3), batch_size=4, verbose=0)
    assert updates(model) == (n * 2, m * 2)  # what fills no step is dropped
    assert (model.steps_seen, model.images_seen) == (2, 2 * 4 * n)


def test_each_discriminator_update_sees_fresh_real_samples():
    seen = []

    @keras.saving.register_keras_serializable("tests")
    class Spy(regularizers.Regularizer):
        def __init__(self, weight=0.0, *, every=1):
            super().__init__(weight, every=every)

        def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
            tf.py_function(lambda x: seen.append(x.numpy()), [real], [])
            return tf.zeros([tf.shape(real)[0]])

    model = helpers.gan(discriminator_steps=4, regularizers=[Spy()], run_eagerly=True)
    data = np.linspace(-1, 1, 64, dtype="float32").reshape(32, 2)
    model.fit(data, batch_size=4, epochs=1, verbose=0)
    rows = np.concatenate(seen)
    assert [len(batch) for batch in seen] == [4] * 8
    assert len(np.unique(rows[:, 0])) == 32  # an epoch uses every sample once
    np.testing.assert_array_equal(np.sort(rows[:, 0]), data[:, 0])


def test_slices_are_cut_by_stride():
    model = helpers.gan(discriminator_steps=3)
    data = np.arange(24, dtype="float32").reshape(12, 2)
    batch_of = model._batches((tf.constant(data), None, None))
    for i in range(3):
        assert list(batch_of(i)) == ["samples"]
        np.testing.assert_array_equal(batch_of(i)["samples"], data[i::3])


# === One stands still while the other learns ===


@pytest.mark.parametrize("phase, moves", [("discriminator", False), ("generator", True)])
def test_one_players_update_leaves_the_others_weights_alone(phase, moves):
    # BatchNorm and Dropout in both: statistics and random generators must stand still, too.
    inner = helpers.generator(batch_norm=True)
    generator = keras.Sequential([keras.Input((helpers.LATENT,)), inner, keras.layers.Dropout(0.3)])
    model = GAN(generator, helpers.discriminator(batch_norm=True, dropout=0.3))
    model.compile(*counting(), discriminator_steps=2, generator_steps=2, run_eagerly=True)
    networks = (model.generator, model.discriminator)
    before = [helpers.values(network.variables) for network in networks]
    assert all(random_generators(network) for network in networks)
    average = helpers.values(model.averaged_generator.weights)
    model.set_phase(phase)
    model.make_train_function()
    logs = model.train_on_batch(helpers.points(32), return_dict=True)
    after = [helpers.values(network.variables) for network in networks]
    assert helpers.same(before[0], after[0]) != moves
    assert helpers.same(before[1], after[1]) == moves
    # The average is still while the generator is.
    assert helpers.same(average, helpers.values(model.averaged_generator.weights)) != moves
    assert updates(model) == ((0, 2) if moves else (2, 0))
    assert set(logs) == {m.name for m in model.metrics}
    assert all(np.isfinite(value) for value in logs.values())


def test_generator_statistics_follow_its_own_updates_only():
    model = GAN(helpers.generator(batch_norm=True), helpers.discriminator())
    model.compile(*counting(), discriminator_steps=5, run_eagerly=True)
    norm = next(x for x in model.generator.layers if isinstance(x, keras.layers.BatchNormalization))
    start = norm.moving_mean.numpy()
    real = tf.constant(helpers.points(20))
    # Five updates of the discriminator pass noise through it; one pass is its own.
    seed = seeds.sequence(0, seeds.TRAINING, tf.constant(0, tf.int64))
    for _ in range(4):
        next(seed)
    hidden = keras.Model(model.generator.input, norm.input)
    latents = model.prior(tf.constant([4, helpers.LATENT]), next(seed))
    batch_mean = hidden(latents).numpy().mean(axis=0)
    model.train_on_batch(real.numpy())
    expected = norm.momentum * start + (1 - norm.momentum) * batch_mean
    np.testing.assert_allclose(norm.moving_mean.numpy(), expected, atol=1e-6)


# === The mathematics of a step ===


def plain_step(generator, discriminator, loss, penalties, reals, latents, seeds, rate):
    """The usual loop, written down anew: separate passes, one gradient after the other."""
    for real, latent, keys in zip(reals, latents["d"], seeds, strict=True):
        fake = generator(latent, training=True)
        with tf.GradientTape() as tape:
            d_loss = loss.discriminator_loss(
                discriminator(real, training=True), discriminator(fake, training=True)
            )
            total = tf.reduce_mean(d_loss)
            for penalty, key in zip(penalties, keys, strict=True):
                total += tf.reduce_mean(penalty.penalty(discriminator, real, fake, seed=key))
        gradients = tape.gradient(total, discriminator.trainable_variables)
        for v, g in zip(discriminator.trainable_variables, gradients, strict=True):
            v.assign(v - rate * g)
    for latent in latents["g"]:
        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(latent, training=True), training=True)
            real_logits = discriminator(reals[-1], training=True)
            g_loss = tf.reduce_mean(loss.generator_loss(real_logits, fake_logits))
        gradients = tape.gradient(g_loss, generator.trainable_variables)
        for v, g in zip(generator.trainable_variables, gradients, strict=True):
            v.assign(v - rate * g)


@pytest.mark.parametrize(
    "name, n, m",
    [
        ("relativistic_average", 1, 1),
        ("relativistic_paired", 3, 3),
        *(
            pytest.param(name, n, m, marks=pytest.mark.slow)
            for name in ("relativistic_paired", "minimax", "relativistic_average")
            for n, m in ((1, 1), (2, 2), (4, 3))
        ),
    ],
)
def test_the_shared_pass_and_the_loops_are_the_usual_step(name, n, m):
    rate = 0.05
    penalties = [regularizers.R1(1.0), regularizers.R2(0.5), regularizers.GradientPenalty(0.3)]
    model = helpers.gan(
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
        loss=name,
        regularizers=penalties,
        discriminator_steps=n,
        generator_steps=m,
        run_eagerly=n == m == 1,  # where the graph would have no loop
    )
    twins = helpers.generator(), helpers.discriminator()
    for twin, network in zip(twins, (model.generator, model.discriminator), strict=True):
        twin.set_weights(network.get_weights())
    data = helpers.points(8 * n * 2).reshape(2, 8 * n, 2)
    for step, batch in enumerate(data):
        keys = seeds.sequence(0, seeds.TRAINING, tf.constant(step, tf.int64))

        def draw(keys=keys):
            return model.prior(tf.constant([8, helpers.LATENT]), next(keys))

        latents, of_penalties = {"d": [], "g": []}, []
        for _ in range(n):
            latents["d"].append(draw())
            of_penalties.append([next(keys) for _ in penalties])
        latents["g"] = [latents["d"][-1]] + [draw() for _ in range(m - 1)]
        reals = [tf.constant(batch[i::n]) for i in range(n)]
        plain_step(*twins, losses.get(name), penalties, reals, latents, of_penalties, rate)
        model.train_on_batch(batch)
    for twin, network in zip(twins, (model.generator, model.discriminator), strict=True):
        for a, b in zip(twin.get_weights(), network.get_weights(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_layer_losses_are_part_of_the_update(player):
    def trained(weight):
        keras.utils.set_random_seed(0)
        decay = {player: keras.regularizers.L2(weight)}
        networks = {
            name: keras.Sequential(
                [keras.Input(shape), keras.layers.Dense(units, kernel_regularizer=decay.get(name))]
            )
            for name, shape, units in (("generator", (4,), 2), ("discriminator", (2,), 1))
        }
        model = GAN(**networks)
        model.compile(*counting(), run_eagerly=True)
        before = networks[player].get_weights()[0]
        model.train_on_batch(helpers.points(8))
        return before, networks[player].get_weights()[0]

    (before, plain), (_, decayed) = trained(0.0), trained(0.3)
    np.testing.assert_allclose(decayed - plain, -0.05 * 2 * 0.3 * before, atol=1e-6)


@pytest.mark.parametrize("every", [2, 3])  # in a graph, and without one
def test_lazy_penalties_are_evaluated_every_kth_time_and_count_k_times(every):
    class Constant(regularizers.Regularizer):
        def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
            # A penalty whose gradient is 1 for the last bias.
            return discriminator(real)[:, 0] * 0 + model.discriminator.weights[-1][0]

    model = helpers.gan(
        generator_optimizer=keras.optimizers.SGD(0.0),
        discriminator_optimizer=keras.optimizers.SGD(1.0),
        loss="wasserstein",  # does not move the bias itself
        regularizers=[Constant(0.5, every=every)],
        run_eagerly=every == 3,
    )
    for step in range(6):
        before = float(model.discriminator.get_weights()[-1][0])
        logs = model.train_on_batch(helpers.points(8), return_dict=True)
        moved = before - float(model.discriminator.get_weights()[-1][0])
        due = step % every == 0
        assert moved == pytest.approx(0.5 * every if due else 0.0, abs=1e-6)
        assert logs["constant"] == pytest.approx(before if due else 0.0, abs=1e-6)


# === Compiled in other ways ===


def weights_after(steps_per_execution, **settings):
    keras.utils.set_random_seed(0)
    model = helpers.gan(
        batch_norm=True, dropout=0.3, steps_per_execution=steps_per_execution, **settings
    )
    model.fit(helpers.points(44), batch_size=4, epochs=2, verbose=0)
    return helpers.state(model)


def test_steps_per_execution_changes_nothing():
    helpers.assert_same(weights_after(1), weights_after(3))


@pytest.mark.slow
def test_many_steps_per_execution_change_nothing():
    helpers.assert_same(weights_after(1), weights_after(10))


def test_steps_per_execution_is_chosen_by_the_cost_of_a_step():
    small = helpers.watched(steps_per_execution="auto")
    small.fit(helpers.points(40 * 8), batch_size=8, verbose=0)
    assert small.steps_per_execution == 32
    # Never more than there are in an epoch, and one cut by hand is not run past its end.
    small.fit(helpers.points(8 * 8), batch_size=8, verbose=0)
    assert small.steps_per_execution == 8
    small.fit(helpers.points(8 * 8), batch_size=8, steps_per_epoch=6, verbose=0)
    assert small.steps_seen == 40 + 8 + 6


ONE_BY_ONE = [{"loss": name, "regularizers": ["r1"]} for name in sorted(losses._KNOWN)]
ONE_BY_ONE += [
    {"loss": "wasserstein", "regularizers": [name]} for name in sorted(regularizers._KNOWN)
]
TOGETHER = {
    "loss": "relativistic_average",
    "regularizers": ["dragan", "lecam", "r2"],
    "generator_steps": 2,
}


@pytest.mark.parametrize(
    "settings",
    [pytest.param(one, marks=pytest.mark.slow) for one in [TOGETHER, *ONE_BY_ONE]],
    ids=lambda settings: "-".join([settings["loss"], *settings["regularizers"][:1]]),
)
def test_xla_gives_the_same_weights(settings, monkeypatch):
    # Random floats, and splits of seeds, are others under XLA; integers in a range are the same.
    def latents(shape, seed):
        drawn = tf.random.stateless_uniform(shape, seed, 0, 1000, dtype="int32", alg="philox")
        return tf.cast(drawn, "float32") / 500.0 - 1.0

    def evenly(samples, shape, seed):
        shape = tf.concat([tf.shape(samples)[:1], shape], axis=0)
        count = tf.reduce_prod(shape)
        return tf.reshape(tf.cast(tf.range(count) / count, "float32"), shape)

    monkeypatch.setattr(points, "_uniform", evenly)
    results = []
    for how in ({"jit_compile": True}, {"run_eagerly": True}):
        keras.utils.set_random_seed(0)
        model = GAN(helpers.generator(), helpers.discriminator(), prior=latents)
        model.compile(*counting(), **settings, **how)  # SGD is quicker to compile than Adam
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


# === Not finite ===


def test_an_update_that_is_not_finite_is_left_out_and_remembered():
    class Poison(regularizers.Regularizer):
        """NaN in the third step, for the discriminator alone."""

        def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
            third = tf.equal(model._state.steps_seen.value, 2)
            bad = tf.where(third, float("nan"), 0.0)
            return bad * real_logits[:, 0]

    model = helpers.gan(regularizers=[Poison(1.0)], steps_per_execution=4)
    with pytest.warns(UserWarning) as caught:
        model.fit(helpers.points(32), batch_size=4, verbose=0)
    (warning,) = [str(w.message) for w in caught]
    kernel = model.discriminator.trainable_variables[0].path
    for words in ("the discriminator's update at step 2", kernel, "those of finite updates"):
        assert words in warning, warning
    assert model.steps_seen == 8 and updates(model) == (7, 8)
    assert model.first_failure["step"] == 2
    assert model.first_failure["player"] == "discriminator"
    assert model.first_failure["variable"] == kernel
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_no_failure_is_none():
    model = helpers.gan(run_eagerly=True)
    model.train_on_batch(helpers.points(8))
    assert model.first_failure is None


# === Defaults and kinds of data ===


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


@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 10, 3), (5, 5, 4), (2,), (7, 3)])
def test_samples_of_any_shape(shape):
    model = helpers.gan(shape, run_eagerly=True)
    image = len(shape) == 3
    data = helpers.images(16, shape) if image else np.random.uniform(-1, 1, size=(16, *shape))
    before = helpers.values(model.trainable_weights)
    model.fit(data, batch_size=8, verbose=0)
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
    labels = np.arange(64) % 3
    model.fit(helpers.points(), labels, batch_size=16, validation_split=0.25, verbose=0)
    assert model.reference_labels.max() == 2 and len(model.held_out_labels) == 16
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
    model.compile(discriminator_steps=2, generator_steps=2, accumulation_steps=2, run_eagerly=True)
    points = 10.0 + np.arange(48)[:, None] * [1.0, 1.0]
    model.fit(points, np.arange(48) % 3, batch_size=8, verbose=0)
    judged = [rows for rows in judged if len(rows) == 4]  # `fit` scores more at a time
    reals = np.concatenate([rows for rows in judged if rows.min(0)[0] >= 10.0])
    fakes = np.concatenate([rows for rows in judged if rows.min(0)[0] < 10.0])
    assert len(reals) == 3 * 16 and len(fakes) == 3 * 32, "two updates of either player a step"
    np.testing.assert_array_equal(reals[:, 2], (reals[:, 0] - 10.0) % 3)
    assert {tuple(row) for row in fakes} <= {tuple(row) for rows in made for row in rows}


def test_patch_logits():
    inputs = keras.Input((8, 8, 1))
    patches = keras.layers.Conv2D(1, 3, strides=2, padding="same")(inputs)
    model = GAN(helpers.generator((8, 8, 1)), keras.Model(inputs, patches))
    model.compile(loss="relativistic_average", regularizers=["r1"], run_eagerly=True)
    model.fit(helpers.images(), batch_size=8, verbose=0)
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
    model.fit(helpers.points(16), batch_size=8, verbose=0)
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
        model = helpers.gan(seed=seed, run_eagerly=True)
        model.fit(helpers.points(8), batch_size=4, verbose=0)
        results.append(model.get_weights())
    assert helpers.same(results[0], results[1]) and not helpers.same(results[0], results[2])


# === The moving average ===


def test_the_average_follows_by_its_half_life():
    model = GAN(
        helpers.generator(batch_norm=True), helpers.discriminator(), ema_halflife_images=4.0
    )
    model.compile(*counting(), run_eagerly=True)
    average = helpers.values(model.averaged_generator.weights)
    for step in range(1, 13):  # the ramp ends with the tenth
        model.train_on_batch(helpers.points(8, seed=step))
        # At least 8 images in 20 steps' ramp: h = min(4, 0.05 * 8 * step).
        weight = 0.5 ** (8 / min(4.0, 0.4 * step))
        current = helpers.values(model.generator.weights)
        average = [weight * a + (1 - weight) * c for a, c in zip(average, current, strict=True)]
        for a, b in zip(average, helpers.values(model.averaged_generator.weights), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


def test_no_average():
    model = GAN(helpers.generator(), helpers.discriminator(), ema_halflife_images=None)
    assert model.averaged_generator is model.generator
    model.compile(run_eagerly=True)
    model.train_on_batch(helpers.points(8))


def test_decay_and_ramp_up():
    assert float(ema.decay(100, ema.halflife(100, 0, 10**6))) == pytest.approx(0.5)
    assert float(ema.decay(50, ema.halflife(100, 0, 10**6))) == pytest.approx(0.5**0.5)
    # Early on the half-life is a twentieth of the images seen.
    assert float(ema.decay(10, ema.halflife(1e6, 0, 200))) == pytest.approx(0.5)
    old, new = keras.Variable([1.0, 2.0]), keras.Variable([3.0, 2.0])
    count, counted = keras.Variable(1, dtype="int64"), keras.Variable(5, dtype="int64")
    ema.follow([old, count], [new, counted], 0.75)
    np.testing.assert_allclose(old.numpy(), [1.5, 2.0])
    assert int(count.numpy()) == 5


# === Found by reviewers ===


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


def test_an_interrupted_phase_does_not_outlive_its_fit():
    class Interrupt(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.set_phase("generator")

        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = helpers.watched()
    with pytest.raises(KeyboardInterrupt):
        model.fit(helpers.points(), batch_size=16, verbose=0, callbacks=[Interrupt()])
    assert model.phase == "both"


def test_activity_losses_of_both_passes_count_whatever_is_scored_later():
    norms = []
    for penalties in ([], [regularizers.GradientPenalty(0.0)], [regularizers.R1(0.0, every=2)]):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((2,))
        x = keras.layers.Dense(4, activity_regularizer=keras.regularizers.L2(1.0))(inputs)
        x = keras.layers.Dense(1, kernel_regularizer="l2")(x)
        model = GAN(helpers.generator(), keras.Model(inputs, x))
        if not norms:
            expected = norm_by_hand(model, helpers.points(8))
        # The last one's branch is made apart in a graph only.
        model.compile(regularizers=penalties, run_eagerly=len(norms) < 2)
        logs = model.train_on_batch(helpers.points(8), return_dict=True)
        norms.append(logs["d_gradient_norm"])
    assert norms == pytest.approx([expected] * 3, rel=1e-4)


def norm_by_hand(model, real):
    """The norm of the first gradient of the discriminator, with what its layers add."""
    latents = model.prior(
        tf.constant([len(real), helpers.LATENT]),
        next(seeds.sequence(0, seeds.TRAINING, tf.constant(0, tf.int64))),
    )
    fake, network = model.generator(latents, training=True), model.discriminator
    with tf.GradientTape() as tape:
        real_logits = network(real, training=True)
        total = tf.add_n(network.losses)  # of the activities, and of the weights
        fake_logits = network(fake, training=True)
        weights = [v.regularizer(v) for v in network.trainable_variables if v.regularizer]
        total += tf.add_n(network.losses) - tf.add_n(weights)
        total += tf.reduce_mean(
            losses.get("non_saturating").discriminator_loss(real_logits, fake_logits)
        )
    return float(tf.linalg.global_norm(tape.gradient(total, network.trainable_variables)))


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


def test_lazy_penalties_are_evaluated_while_their_player_is_idle():
    model = helpers.gan(regularizers=[regularizers.R1(every=5)], run_eagerly=True)
    model.train_on_batch(helpers.points(8))
    model.set_phase("generator")
    model.make_train_function()
    assert model.train_on_batch(helpers.points(8), return_dict=True)["r1"] > 0.0


def test_a_users_metric_with_a_dict_result():
    class Both(keras.metrics.Metric):
        direction, primary_key = "max", "two"

        def update_state(self, real, fake):
            pass

        def result(self):
            return {"one": 1.0, "two": 2.0}

    model = helpers.gan(metrics=[Both(name="both")], run_eagerly=True)
    history = model.fit(helpers.points(), validation_data=helpers.points(), verbose=0).history
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


@pytest.mark.parametrize("steps", [3, pytest.param(10, marks=pytest.mark.slow), "auto"])
def test_an_epoch_cut_by_hand_is_not_overrun_on_pipelines(steps):
    model = helpers.watched(steps_per_execution=steps)
    pipeline = tf.data.Dataset.from_tensor_slices(helpers.points(96)).batch(8)
    model.fit(pipeline, steps_per_epoch=4, epochs=3, verbose=0)
    assert model.steps_seen == 12


def test_a_pipeline_whose_first_batch_is_short_is_refused():
    sizes = [3, 8, 8]

    def batches():
        yield from (helpers.points(size) for size in sizes)

    pipeline = tf.data.Dataset.from_generator(
        batches, output_signature=tf.TensorSpec((None, 2), tf.float32)
    )
    with pytest.raises(ValueError, match="of one size"):
        helpers.watched().fit(pipeline, verbose=0)


@pytest.mark.parametrize("bad", [0, 1], ids=["data", "weights"])
def test_an_update_left_out_leaves_statistics_alone_too(bad):
    """BatchNorm would carry a NaN of one batch into every later one."""
    model = GAN(helpers.generator(batch_norm=True), helpers.discriminator(batch_norm=True))
    model.compile(run_eagerly=True)
    data = helpers.points(64)
    if bad == 0:
        data[40] = np.nan
        data = tf.data.Dataset.from_tensor_slices(data).batch(16)
    else:  # an infinite generator: neither player learns, and its samples leave no trace
        model.generator.trainable_variables[0].assign(
            tf.fill(model.generator.trainable_variables[0].shape, np.inf)
        )
    with pytest.warns(UserWarning, match="Updates were skipped"):
        model.fit(data, batch_size=None if bad == 0 else 16, verbose=0)
    assert model.first_failure is not None
    for network in (model.generator, model.discriminator):
        for variable in network.non_trainable_weights:
            assert np.isfinite(variable.numpy()).all(), variable.path
