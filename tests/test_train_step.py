"""The training step: who moves, how often, by which gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import losses, regularizers
from keras_gan.backend import seeds
from keras_gan.engine.state import random_generators
from keras_gan.model.gan import GAN

pytestmark = pytest.mark.usefixtures("optimized_graphs")

# === Schedules ===


# Each number of updates once, of either player.
@pytest.mark.parametrize(
    ("n", "m"),
    [(2, 3), *(pytest.param(n, m, marks=pytest.mark.slow) for n, m in ((1, 2), (3, 1)))],
)
def test_a_step_is_n_updates_of_one_and_m_of_the_other(n, m):
    settings = {"run_eagerly": True, **helpers.by_sgd()}
    model = helpers.gan(discriminator_steps=n, generator_steps=m, **settings)
    model.fit(helpers.points(2 * 4 * n + 3), batch_size=4, verbose=0)
    assert helpers.updates(model) == (n * 2, m * 2)  # what fills no step is dropped
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

    settings = {"regularizers": [Spy()], "run_eagerly": True, **helpers.by_sgd()}
    model = helpers.gan(discriminator_steps=3, **settings)
    data = np.linspace(-1, 1, 48, dtype="float32").reshape(24, 2)
    model.fit(data, batch_size=4, epochs=1, verbose=0)
    rows = np.concatenate(seen)
    assert [len(batch) for batch in seen] == [4] * 6
    assert len(np.unique(rows[:, 0])) == 24  # an epoch uses every sample once
    np.testing.assert_array_equal(np.sort(rows[:, 0]), data[:, 0])


def test_slices_are_cut_by_stride():
    model = helpers.gan(discriminator_steps=3)
    data = np.arange(24, dtype="float32").reshape(12, 2)
    batch_of = model._batches((tf.constant(data), None, None))
    for i in range(3):
        assert list(batch_of(i)) == ["samples"]
        np.testing.assert_array_equal(batch_of(i)["samples"], data[i::3])


# === An update of one player changes nothing of the other ===


@pytest.mark.parametrize("phase, moves", [("discriminator", False), ("generator", True)])
def test_one_players_update_leaves_the_others_weights_alone(phase, moves):
    # With BatchNorm and Dropout in both: statistics and random generators must not change either.
    inner = helpers.generator(batch_norm=True)
    generator = keras.Sequential([keras.Input((helpers.LATENT,)), inner, keras.layers.Dropout(0.3)])
    model = GAN(generator, helpers.discriminator(batch_norm=True, dropout=0.3))
    model.compile(*helpers.sgd(), discriminator_steps=2, generator_steps=2, run_eagerly=True)
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
    assert helpers.updates(model) == ((0, 2) if moves else (2, 0))
    assert set(logs) == {m.name for m in model.metrics}
    assert all(np.isfinite(value) for value in logs.values())


def test_generator_statistics_follow_its_own_updates_only():
    model = GAN(helpers.generator(batch_norm=True), helpers.discriminator())
    model.compile(*helpers.sgd(), discriminator_steps=5, run_eagerly=True)
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


def test_lazy_penalties_are_evaluated_while_their_player_is_idle():
    settings = {"run_eagerly": True, **helpers.by_sgd()}
    model = helpers.gan(regularizers=[regularizers.R1(every=5)], **settings)
    model.train_on_batch(helpers.points(8))
    model.set_phase("generator")
    model.make_train_function()
    assert model.train_on_batch(helpers.points(8), return_dict=True)["r1"] > 0.0


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
        ("relativistic_paired", 3, 2),
        pytest.param("minimax", 2, 2, marks=pytest.mark.slow),
    ],
)
def test_the_shared_pass_and_the_loops_are_the_usual_step(name, n, m):
    rate = 0.05
    penalties = [regularizers.R1(1.0), regularizers.GradientPenalty(0.3), regularizers.R2(0.5)]
    if n > 1:  # in a loop, two will do: each takes long to trace
        penalties.pop()
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
        model.compile(*helpers.sgd(), run_eagerly=True)
        before = networks[player].get_weights()[0]
        model.train_on_batch(helpers.points(8))
        return before, networks[player].get_weights()[0]

    (before, plain), (_, decayed) = trained(0.0), trained(0.3)
    np.testing.assert_allclose(decayed - plain, -0.05 * 2 * 0.3 * before, atol=1e-6)


class Plain(keras.Model):
    """A generator of a user's own; its block is a layer of a user's own."""

    def __init__(self, block):
        super().__init__()
        self.block, self.out = block, keras.layers.Dense(2)

    def call(self, latents):
        return self.out(self.block(latents))


class Block(keras.layers.Layer):
    def build(self, shape):
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Penalized(Block):
    def call(self, x):
        def add(x):
            self.add_loss(tf.reduce_mean(x**2))

        add(x)
        return super().call(x)


@pytest.mark.parametrize("block", [Block, Penalized])
def test_losses_of_layers_are_logged_where_there_may_be_some(block):
    generator = Plain(block())
    generator(tf.zeros((1, helpers.LATENT)))
    model = GAN(generator, helpers.discriminator())
    model.compile(*helpers.sgd(), run_eagerly=True)
    logs = model.train_on_batch(helpers.points(8), return_dict=True)
    assert ("g_layer_losses" in logs) == (block is Penalized)
    assert block is Block or logs["g_layer_losses"] > 0


@pytest.mark.slow
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
        model.compile(*helpers.sgd(), regularizers=penalties, run_eagerly=len(norms) < 2)
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


# In a graph, and without one.
@pytest.mark.parametrize("every", [2, pytest.param(3, marks=pytest.mark.slow)])
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


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_player_that_is_frozen_during_fit_is_told_so(player):
    def freeze(epoch, logs):
        getattr(model, player).trainable = False

    model = helpers.gan(run_eagerly=True, **helpers.by_sgd())
    freezes = keras.callbacks.LambdaCallback(on_epoch_begin=freeze)
    with pytest.raises(ValueError, match=f"{player} must have trainable weights.*`set_phase`"):
        model.fit(helpers.points(16), batch_size=8, verbose=0, callbacks=[freezes])
