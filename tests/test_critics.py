"""What critics are shown in whose update, and what of their losses counts where."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_gan import AdaptiveWeight, AdversarialModel, Critic, priors, terms
from keras_gan.engine import pools

EAGER = {"run_eagerly": True}


def points(rows=8, size=2, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, size)).astype("float32")


def joint(*sizes):
    inputs = [keras.Input((size,)) for size in sizes]
    joined = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    return keras.Model(inputs, layers.Dense(1)(joined))


def decoder():
    inputs = keras.Input((2,), name="row")
    return keras.Model({"row": inputs}, {"decoded": layers.Dense(2, name="last")(inputs)})


def game(*critics, terms=(), rates=(1.0, 1.0), **options):
    model = AdversarialModel(decoder(), list(critics), ema_halflife_images=None)
    model.compile(*map(keras.optimizers.SGD, rates), terms=list(terms), **(options or EAGER))
    return model


def values(network):
    return [np.array(v) for v in network.trainable_variables]


def changes(network, model):
    """What a step adds to each weight of a network."""
    before = values(network)
    model.train_on_batch({"row": points()})
    return [after - b for after, b in zip(values(network), before, strict=True)]


def assert_close(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# === What they are shown ===


DATA = {"x": points(4), "code": 9.0 + np.abs(points(4))}


class Noted(layers.Layer):
    """Passes its first input on, and keeps both."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.note = self.calls.append  # Keras copies lists

    def call(self, samples, condition):
        self.note(np.concatenate([samples, condition], axis=1))
        return samples

    def compute_output_shape(self, samples_shape, condition_shape):
        return samples_shape


def noted(**options):
    """A game with a noted critic, whose generator does not change; and the calls by their rows."""
    latents = keras.Input((2,), name="latents")
    generator = keras.Model({"latents": latents}, {"made": layers.Dense(2)(latents)})
    samples, condition = keras.Input((2,)), keras.Input((2,))
    layer, seen = Noted(), []
    network = keras.Model([samples, condition], layers.Dense(1)(layer(samples, condition)))
    layer.note = seen.append
    critic = Critic(
        network, real="x", fake="made", condition="code", fake_condition="latents", **options
    )
    model = AdversarialModel(
        generator, critic, priors={"latents": "uniform"}, ema_halflife_images=None
    )
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), **EAGER)
    return model, seen


def test_points_between_both_sides_are_judged_under_the_condition_of_the_real_one():
    model, seen = noted(regularizers=["gradient_penalty"])
    seen.clear()
    model.train_on_batch(DATA)
    real, fake, between, by_generator = seen
    np.testing.assert_array_equal(real, np.concatenate([DATA["x"], DATA["code"]], axis=1))
    np.testing.assert_array_equal(between[:, 2:], DATA["code"])
    np.testing.assert_array_equal(fake, by_generator)
    share = (between[:, :2] - fake[:, :2]) / (real[:, :2] - fake[:, :2])
    np.testing.assert_allclose(share[:, 0], share[:, 1], rtol=1e-2)


def test_a_pool_shows_critics_older_samples_with_what_they_were_made_of():
    model, seen = noted(pool_size=4)
    known, aged = set(), 0
    for _ in range(4):
        seen.clear()
        model.train_on_batch(DATA)
        by_critic, by_generator = (rows for rows in seen if rows.max() < 9.0)
        for rows in (by_critic, by_generator):
            np.testing.assert_allclose(
                rows[:, :2], model.generator({"latents": rows[:, 2:]})["made"], rtol=1e-5, atol=1e-6
            )
        older = {tuple(row) for row in by_critic} & known
        aged += len(older)
        known |= {tuple(row) for row in by_generator}
        assert not older & {tuple(row) for row in by_generator}
    assert aged > 0


def test_a_batch_that_is_not_finite_does_not_get_into_a_pool():
    pool = pools.Pool(3, {"a": (2,), "label": ()}, {"a": "float32", "label": "int32"}, "critic")
    rows, labels = np.ones((2, 2), "float32"), np.arange(2, dtype="int32")

    def state():
        return [np.asarray(variable) for variable in pool.variables]

    for number in range(3):  # into an empty, a filling and a full one
        before = state()
        broken = rows.copy()
        broken[1, 0] = np.nan
        fresh = {"a": tf.constant(broken), "label": tf.constant(labels)}
        shown = pool.exchanged(fresh, tf.constant([5, number]))
        assert np.isnan(shown["a"]).any() or number == 2
        for kept, now in zip(before, state(), strict=True):
            np.testing.assert_array_equal(kept, now)
        pool.exchanged({**fresh, "a": tf.constant(rows)}, tf.constant([6, number]))
    assert state()[-1] == 3


def test_a_pool_of_packs_holds_single_samples():
    latents, samples, condition = (
        keras.Input((2,), name="latents"),
        keras.Input((4,)),
        keras.Input((4,)),
    )
    generator = keras.Model({"latents": latents}, {"made": layers.Dense(2)(latents)})
    joined = layers.Concatenate()([samples, condition])
    network = keras.Model([samples, condition], layers.Dense(1)(joined))
    named = {"real": "x", "fake": "made", "condition": "code", "fake_condition": "latents"}
    critic = Critic(network, **named, pack=2, pool_size=4)
    model = AdversarialModel(generator, critic, priors={"latents": "uniform"})
    model.compile(**EAGER)
    assert np.isfinite(model.train_on_batch(DATA, return_dict=True)["d_loss"])


@pytest.mark.parametrize(
    "sizes, names",
    [
        ((2, 2), {"real": ("x", "row"), "fake": ("x", "decoded")}),
        ((2, 2), {"real": ("decoded", "row"), "fake": ("decoded", "x")}),
        (
            (2, 2),
            {"real": "decoded", "fake": "decoded", "condition": "x", "fake_condition": "row"},
        ),
        (
            (2, 2, 2),
            {
                "real": ("x", "decoded"),
                "fake": ("x", "decoded"),
                "condition": "x",
                "fake_condition": "row",
            },
        ),
    ],
)
def test_each_side_has_its_own_scores_where_both_show_the_same_tensor(sizes, names):
    critic = Critic(joint(*sizes), **names)
    model = game(critic)
    tensors = {"x": points(seed=1), "row": points()}
    shown = {**tensors, **model.generator({"row": tensors["row"]})}
    real, fake = (
        critic.network([tf.constant(shown[name]) for name in side])
        for side in (
            (*critic.real, *critic.condition),
            (*critic.fake, *critic.fake_condition),
        )
    )
    expected = np.mean(tf.nn.softplus(-real) + tf.nn.softplus(fake))
    logs = model.train_on_batch(tensors, return_dict=True)
    assert logs["d_loss"] == pytest.approx(expected, rel=1e-4)


# === What counts where ===


def test_the_weight_of_a_critic_counts_for_the_generator_alone():
    found = []
    for weight in (1.0, 0.25):
        keras.utils.set_random_seed(1)
        model = game(Critic(joint(2), real="row", fake="decoded", weight=weight), rates=(1.0, 0.0))
        of_generator = changes(model.generator, model)
        model.discriminator_optimizer.learning_rate = 1.0
        critic = model.critics[0].network
        model.generator.set_weights([0.0 * w for w in model.generator.get_weights()])
        found.append((of_generator, changes(critic, model)))
    (full, alone), (quarter, same) = found
    assert_close([0.25 * each for each in full], quarter)
    assert_close(alone, same)


def test_the_loss_of_a_late_critic_counts_from_its_start():
    # Both judge the same tensor, and share a layer: whatever counted early would move either.
    def trained(late):
        keras.utils.set_random_seed(1)
        shared, critics = layers.Dense(3), []
        for name in ("early", "late"):
            inputs = keras.Input((2,))
            network = keras.Model(inputs, layers.Dense(1)(shared(inputs)))
            critics.append(Critic(network, real="row", fake="decoded", name=name))
        critics[1].start_step = 1
        model = game(*critics[: 1 + late])
        logs, networks = [], (model.generator, critics[0].network)
        for _ in range(2):
            logs.append(model.train_on_batch({"row": points()}, return_dict=True))
            logs[-1]["weights"] = [v for network in networks for v in values(network)]
        return logs

    both, early = trained(True), trained(False)
    assert_close(both[0]["weights"], early[0]["weights"])
    assert both[0]["d_loss_late"] == both[0]["g_loss_late"] == 0.0
    assert both[1]["d_loss_late"] > 0.0 and both[1]["g_loss_late"] > 0.0
    moved = [
        not np.allclose(a, b) for a, b in zip(both[1]["weights"], early[1]["weights"], strict=True)
    ]
    assert moved[0] and moved[2], "the kernels of the generator and of the shared layer"


def test_an_adaptive_weight_balances_against_terms_and_no_other_critic():
    critics = [
        Critic(joint(2), real="row", fake="decoded", weight=9.0, name="plain"),
        Critic(joint(2), real="row", fake="decoded", weight=AdaptiveWeight("last"), name="own"),
    ]
    model = game(*critics, terms=[terms.L2("row", "decoded")], rates=(1.0, 0.0))
    network, rows = model.generator, points()
    with tf.GradientTape(persistent=True) as tape:
        decoded = network({"row": rows})["decoded"]
        likeness = tf.reduce_mean(tf.square(rows - decoded))
        verdict = tf.reduce_mean(tf.nn.softplus(-critics[1].network(decoded)))
    kernel = network.get_layer("last").kernel.value
    norms = [tf.norm(tape.gradient(loss, kernel)) for loss in (likeness, verdict)]
    logs = model.train_on_batch({"row": rows}, return_dict=True)
    assert logs["adaptive_weight"] == pytest.approx(float(norms[0] / (norms[1] + 1e-4)), rel=1e-4)


# === Terms ===


class Seeds(terms.Term):
    """Keeps the seed of each evaluation."""

    def __init__(self, made, **options):
        super().__init__(**options)
        self.made, self.seen = made, []

    def value(self, scene):
        self.seen.append(tuple(scene.seed.numpy()))
        return tf.reduce_sum(scene[self.made])


def test_terms_draw_by_seeds_of_their_own_in_each_update():
    several = [Seeds("decoded", player="both", name=name) for name in ("first", "second")]
    model = game(Critic(joint(2), real="row", fake="decoded"), terms=several)
    for _ in range(3):
        model.train_on_batch({"row": points()})
    seen = [seed for term in several for seed in term.seen]
    assert len(set(seen)) == len(seen) == 2 * 2 * 3


def test_a_term_of_every_kth_update_counts_k_times():
    found = []
    for every in (1, 3):
        keras.utils.set_random_seed(1)
        term = terms.L2("row", "decoded", every=every)
        critic = Critic(joint(2), real="row", fake="decoded", weight=0.0)
        # In a graph, the step is one and decides by itself.
        model = game(critic, terms=[term], rates=(0.1, 0.0), run_eagerly=every == 1)
        found.append([changes(model.generator, model) for _ in range(4)])
    always, thirds = found
    assert_close([3.0 * each for each in always[0]], thirds[0])
    for number, each in enumerate(thirds):
        assert any(np.any(change) for change in each) == (number % 3 == 0)


# === Draws ===


def test_draws_are_independent_and_of_the_type_of_their_input():
    inputs = {
        "first": keras.Input((3,), name="first"),
        "second": keras.Input((3,), name="second"),
        "half": keras.Input((3,), dtype="float16", name="half"),
        "digit": keras.Input((), dtype="int64", name="digit"),
        "one_hot": keras.Input((4,), name="one_hot"),
    }
    numbers = [layers.Reshape((-1,))(layers.Embedding(4, 2)(inputs["digit"]))]
    numbers += [inputs[name] for name in ("first", "second", "half", "one_hot")]
    made = layers.Dense(2)(layers.Concatenate()(numbers))
    classes = priors.Categorical(4)
    model = AdversarialModel(
        keras.Model(inputs, {"made": made}),
        Critic(joint(2), real="x", fake="made"),
        priors={
            "first": "normal",
            "second": "normal",
            "half": "normal",
            "digit": classes,
            "one_hot": classes,
        },
    )
    model.compile()
    drawn = model._game.drawn({"x": points()}, 8, tf.constant([1, 2]), model._state)
    types = {name: tensor.dtype.name for name, tensor in drawn.items()}
    assert types == {name: tensor.dtype for name, tensor in inputs.items()}
    assert np.abs(drawn["first"] - drawn["second"]).min() > 0.0
    assert np.any(np.argmax(drawn["one_hot"], axis=1) != drawn["digit"])
    np.testing.assert_array_equal(np.sum(drawn["one_hot"], axis=1), 1.0)
