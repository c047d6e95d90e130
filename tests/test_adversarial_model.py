"""Games of named tensors: what mechanisms compute, by hand; and what is refused, in a sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_gan
from keras_gan import AdaptiveWeight, AdversarialModel, Critic, priors, schedules, terms
from keras_gan.engine.pools import Pool

EAGER = {"run_eagerly": True}


def points(rows=16, size=2, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, size)).astype("float32")


def linear(size, *, units=1, name=None):
    inputs = keras.Input((size,))
    return keras.Model(inputs, layers.Dense(units)(inputs), name=name)


def joint(*sizes):
    inputs = [keras.Input((size,)) for size in sizes]
    return keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))


def two_outputs():
    """A generator whose outputs share no weight."""
    latents = keras.Input((3,), name="latents")
    outputs = {name: layers.Dense(2, name=name)(latents) for name in ("first", "second")}
    return keras.Model({"latents": latents}, outputs)


def autoencoder():
    inputs = keras.Input((2,), name="row")
    code = layers.Dense(2, name="encode")(inputs)
    outputs = {"code": code, "decoded": layers.Dense(2, name="last")(code)}
    return keras.Model({"row": inputs}, outputs)


def sgd(rate=1.0):
    return keras.optimizers.SGD(rate)


def values(variables):
    return [np.array(v) for v in variables]


def moved(before, variables):
    return [not np.array_equal(a, b) for a, b in zip(before, values(variables), strict=True)]


# === Parts that have no turn ===


def test_what_only_a_late_critic_or_a_later_term_trains_stands_still_till_then():
    # AdamW would move a weight with a gradient of zeros.
    model = AdversarialModel(
        two_outputs(),
        [
            Critic(linear(2), real="x", fake="first"),
            Critic(linear(2), real="x", fake="second", start_step=2, name="late"),
        ],
        priors={"latents": "normal"},
    )
    later = terms.L2("first", "second", weight=schedules.Piecewise({0: 0.0, 3: 1.0}))
    adam = keras.optimizers.AdamW
    model.compile(adam(0.1), adam(0.1), terms=[later], **EAGER)
    second = model.generator.get_layer("second").weights
    critic = model.critics[1].network.weights
    still = []
    for _ in range(4):
        before = values([*second, *critic])
        logs = model.train_on_batch(points(), return_dict=True)
        still.append(not any(moved(before, [*second, *critic])))
    assert still == [True, True, False, False]
    assert int(model.discriminator_optimizer["late"].iterations) == 2
    assert int(model.discriminator_optimizer["critic"].iterations) == 4
    assert logs["l2_first_second"] > 0.0
    assert logs["g_loss"] == pytest.approx(logs["g_loss_critic"] + logs["g_loss_late"], rel=1e-5)


def test_a_critic_of_weight_0_trains_but_teaches_nothing():
    critics = [
        Critic(linear(2), real="x", fake="first"),
        Critic(linear(2), real="x", fake="second", weight=0.0, name="onlooker"),
    ]
    model = AdversarialModel(two_outputs(), critics, priors={"latents": "normal"})
    model.compile(keras.optimizers.AdamW(0.1), sgd(), **EAGER)
    second, onlooker = model.generator.get_layer("second").weights, critics[1].network.weights
    before = values(second), values(onlooker)
    model.train_on_batch(points())
    assert not any(moved(before[0], second))
    assert any(moved(before[1], onlooker))


# === By hand ===


def test_an_adaptive_weight_is_a_ratio_of_gradients_at_a_layer():
    model = AdversarialModel(
        autoencoder(),
        Critic(linear(2), real="row", fake="decoded", weight=AdaptiveWeight("last")),
        ema_halflife_images=None,
    )
    model.compile(sgd(), sgd(0.0), "hinge", terms=[terms.L2("row", "decoded")], **EAGER)
    rows, network, critic = points(), model.generator, model.critics[0].network
    variables = network.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        decoded = network({"row": rows})["decoded"]
        likeness = tf.reduce_mean(tf.square(rows - decoded))
        verdict = -tf.reduce_mean(critic(decoded))
    of_terms, of_critic = (tape.gradient(loss, variables) for loss in (likeness, verdict))
    last = [i for i, v in enumerate(variables) if v.path.endswith("last/kernel")][0]
    weight = tf.norm(of_terms[last]) / (tf.norm(of_critic[last]) + 1e-4)
    expected = [
        v - a - weight * (0.0 if b is None else b)
        for v, a, b in zip(values(variables), of_terms, of_critic, strict=True)
    ]
    logs = model.train_on_batch(rows, return_dict=True)
    assert logs["adaptive_weight"] == pytest.approx(float(weight), rel=1e-4)
    for found, known in zip(values(variables), expected, strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-4, atol=1e-5)


def bigan(**settings):
    row, latents = keras.Input((2,), name="row"), keras.Input((3,), name="latents")
    generator = keras.Model(
        {"latents": latents, "row": row},
        {
            "generated": layers.Dense(2, name="generate")(latents),
            "encoded": layers.Dense(3, name="encode")(row),
        },
    )
    critic = Critic(joint(2, 3), real=("row", "encoded"), fake=("generated", "latents"))
    model = AdversarialModel(
        generator, critic, priors={"latents": "normal"}, ema_halflife_images=None
    )
    model.compile(sgd(), sgd(0.0), **settings, **EAGER)
    return model


@pytest.mark.parametrize(
    "loss, slope",
    [
        ("non_saturating", tf.nn.sigmoid),
        ("minimax", lambda r: tf.nn.sigmoid(-r)),
        ("hinge", tf.ones_like),
        ("least_squares", lambda r: r),
    ],
)
def test_a_real_that_the_generator_makes_has_a_loss_of_its_own(loss, slope):
    # Only the encoder sees the real side: its gradient is the slope of that loss alone.
    model, rows = bigan(loss=loss), tf.constant(points())
    kernel = model.generator.get_layer("encode").kernel
    judge = model.critics[0].network
    with tf.GradientTape() as tape:
        encoded = model.generator({"row": rows, "latents": tf.zeros([16, 3])})["encoded"]
        logits = judge([rows, encoded])
    upstream = slope(logits) / 16.0
    expected = np.array(kernel) - tape.gradient(logits, kernel.value, output_gradients=upstream)
    model.train_on_batch({"row": points()})
    np.testing.assert_allclose(np.array(kernel), expected, rtol=1e-4, atol=1e-5)


def test_rows_of_weight_0_do_not_count():
    def trained(weights, rows):
        keras.utils.set_random_seed(1)
        # Of a linear critic R1 would be the same for all rows.
        bent = [keras.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(1)]
        critic = Critic(keras.Sequential(bent), real="row", fake="decoded", sample_weight="weight")
        model = AdversarialModel(autoencoder(), critic, ema_halflife_images=None)
        model.compile(sgd(), sgd(), regularizers=["r1"], **EAGER)
        model.train_on_batch({"row": rows, "weight": np.array(weights, "float32")})
        return model.get_weights()

    rows = points(4)
    half = trained([2, 2, 0, 0], rows)
    others = trained([2, 2, 0, 0], np.concatenate([rows[:2], 9 * rows[2:]]))
    alone = trained([1, 1], rows[:2])
    for first, second, third in zip(half, others, alone, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, third, rtol=1e-5, atol=1e-6)


def test_critics_that_share_a_layer_update_it_once_by_the_sum_and_still_share_it_when_loaded(
    tmp_path,
):
    inputs = [keras.Input((2,)), keras.Input((2,))]
    shared = layers.Dense(3, name="shared")
    networks = [keras.Model(i, layers.Dense(1)(shared(i))) for i in inputs]
    names = ("first", "second")
    critics = [
        Critic(network, real="x", fake=name, name=f"of_{name}")
        for network, name in zip(networks, names, strict=True)
    ]
    model = AdversarialModel(two_outputs(), critics, priors={"latents": "normal"})
    model.compile("sgd", sgd(0.5), **EAGER)
    model.train_on_batch(points())
    assert int(model.discriminator_optimizer.iterations) == 1
    model.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    first, second = (critic.network for critic in loaded.critics)
    assert first.get_layer("shared") is second.get_layer("shared")
    for game in (model, loaded):
        game.train_on_batch(points(seed=1))
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# === Pools ===


def test_a_pool_fills_and_then_trades_half_of_the_samples_with_what_belongs_to_them():
    pool = Pool(8, {"image": (1,), "label": ()}, {"image": "float32", "label": "int32"}, "critic")
    exchange = tf.function(pool.exchanged)
    known, old, seen = set(), 0, 0
    for number in range(100):
        rows = np.arange(4 * number, 4 * number + 4, dtype="float32")[:, None]
        fresh = {"image": tf.constant(rows), "label": tf.cast(rows[:, 0], "int32")}
        made = exchange(fresh, tf.constant([7, number]))
        shown, labels = made["image"].numpy(), made["label"].numpy()
        np.testing.assert_array_equal(shown[:, 0], labels)
        assert len(set(labels)) == 4, "no sample is shown twice at a time"
        if number < 2:
            np.testing.assert_array_equal(shown, rows)
        else:
            aged = set(labels) - set(rows[:, 0])
            assert aged <= known
            old, seen = old + len(aged), seen + 4
        known |= set(rows[:, 0])
    assert 0.45 < old / seen < 0.55
    assert len(set(np.array(pool.variables[1]))) == 8


def test_a_batch_may_be_larger_than_the_pool():
    pool = Pool(3, {"image": (1,)}, {"image": "float32"}, "critic")
    for number in range(4):
        rows = tf.random.stateless_normal([8, 1], [0, number])
        shown = pool.exchanged({"image": rows}, tf.constant([1, number]))["image"]
        np.testing.assert_array_equal(shown[3:], rows[3:])


# === Names ===


def test_only_what_is_asked_for_is_computed_and_needs_inputs():
    sketch, noise = keras.Input((2,), name="sketch"), keras.Input((2,), name="noise")
    outputs = {"painted": layers.Dense(2)(sketch), "dreamt": layers.Dense(2)(noise)}
    generator = keras.Model({"sketch": sketch, "noise": noise}, outputs)
    model = AdversarialModel(generator, Critic(linear(2), real="photo", fake="painted"))
    model.compile(sgd(), sgd(), **EAGER)
    model.train_on_batch({"sketch": points(), "photo": points()})
    assert model.generate(inputs={"sketch": points(3)}).shape == (3, 2)
    assert model.generate(inputs={"noise": points(3)}, outputs="dreamt").shape == (3, 2)
    with pytest.raises(
        ValueError, match=r"must have what painted depends on.*missing=\['sketch'\]"
    ):
        model.generate(3)
    both = model.generate(
        inputs={"sketch": points(3), "noise": points(3)}, outputs=["dreamt", "painted"]
    )
    assert list(both) == ["dreamt", "painted"]


def game(*, real="x", fake="first", network=None, priors=None, **options):
    critic = Critic(network or linear(2), real=real, fake=fake, **options)
    return AdversarialModel(two_outputs(), critic, priors=priors or {"latents": "normal"})


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: game(fake="frist"), "must judge something that the generator makes.*'first'"),
        (lambda: game(condition="label"), "must take as many tensors as it is shown: x, label"),
        (lambda: game(network=linear(3)), r"`first` has another shape.*keras.Input\(\(2,\)\)"),
        (lambda: game(network=linear(2, units=3)), "must be one a sample, or maps"),
        (lambda: game(priors={"latnts": "normal"}).compile(), "Did you mean 'latents'"),
        (lambda: game(priors={"first": "normal"}), "the generator makes these itself"),
        (lambda: game(fake=("first", "second")), "must have as many tensors"),
        (lambda: game(name="my critic"), "must be a Python identifier"),
        (
            lambda: game().compile(terms=[terms.L1("x", "y")]),
            "can reach no weight of the generator",
        ),
        (lambda: game().compile(terms=[terms.FeatureMatching("judge")]), "that there is: critic"),
        (
            lambda: game().compile(terms=[terms.FeatureMatching()]),
            "needs 'features' of critic 'critic', whose network does not return it",
        ),
        (
            lambda: game().compile(terms=[terms.L1("x", "first"), terms.L1("x", "first")]),
            r"names of their own.*doubled=\['l1_x_first'\]",
        ),
        (
            lambda: game(weight=AdaptiveWeight("lats")).compile(),
            "needs the name of one layer of the generator",
        ),
        (lambda: game().compile(discriminator_optimizer={"judge": "sgd"}), "names of critics"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        make()


def test_data_are_checked_by_name():
    model = game()
    model.compile(sgd(), sgd(), **EAGER)
    for bad, words in (
        ({"y": points()}, r"missing=\['x'\]"),
        ({"x": points(), "first": points()}, "names that the generator makes"),
        ({"x": points(size=3)}, r"`x\['x'\]` must have the shape"),
        ({"x": points(), "latents": points(8, 3)}, "must have one length"),
    ):
        with pytest.raises(ValueError, match=f"(?s){words}"):
            model.fit(bad, batch_size=8, verbose=0)
    with pytest.warns(UserWarning, match="nothing in the model reads: other"):
        model.fit({"x": points(), "other": points()}, batch_size=8, verbose=0)


@pytest.mark.parametrize("name", ["photo-real", "1st", "class"])
def test_names_that_would_be_changed_are_refused(name):
    latents = keras.Input((3,), name="latents")
    generator = keras.Model({"latents": latents}, {name: layers.Dense(2)(latents)})
    with pytest.raises(ValueError, match="must be Python identifiers"):
        AdversarialModel(generator, Critic(linear(2), real="x", fake="generated"))


def test_draws_are_of_the_input_that_takes_them():
    latents, label = keras.Input((3,), name="latents"), keras.Input((), dtype="int32", name="label")
    made = layers.Dense(2)(layers.Concatenate()([latents, layers.Embedding(4, 2)(label)]))
    generator = keras.Model({"latents": latents, "label": label}, {"made": made})
    model = AdversarialModel(
        generator,
        Critic(linear(2), real="x", fake="made"),
        priors={"latents": "uniform", "label": priors.Categorical(4)},
    )
    model.compile(sgd(), sgd(), **EAGER)
    model.train_on_batch({"x": points()})
    same = [model.generate(5, seed=3, batch_size=size) for size in (2, 5)]
    # The last bit of a product may depend on the number of rows.
    np.testing.assert_allclose(*same, rtol=1e-6)
    given = model.generate(inputs={"label": np.arange(4)}, seed=0)
    assert given.shape == (4, 2)
    # What is asked for is no data, which cures could number anew.
    with pytest.raises(ValueError, match=r"class indices from 0 to 3\. .*maximum=4\.$"):
        model.generate(inputs={"label": np.array([4])})


def test_a_game_is_public():
    assert {"AdversarialModel", "Critic", "AdaptiveWeight", "terms"} <= set(keras_gan.__all__)


def test_schedules_may_count_steps_everywhere():
    def linear_steps(start, end):
        return schedules.Linear(start, end, over_steps=2)

    rates = [keras_gan.optimizers.Adam(linear_steps(0.1, 0.0)) for _ in range(2)]
    critic = Critic(linear(2), real="x", fake="first", weight=linear_steps(1.0, 0.0))
    model = AdversarialModel(
        two_outputs(),
        critic,
        priors={"latents": "normal"},
        ema_halflife_images=linear_steps(8.0, 16.0),
    )
    model.compile(*rates, **EAGER)
    for _ in range(2):
        logs = model.train_on_batch(points(), return_dict=True)
    assert float(model.generator_optimizer.learning_rate) == 0.0
    assert logs["g_loss"] > 0.0
    assert model.train_on_batch(points(), return_dict=True)["g_loss"] == 0.0
