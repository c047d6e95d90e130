"""What players, critics and names have in common, and how they are kept apart."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_gan import AdversarialModel, Critic, losses, regularizers, schedules, terms
from keras_gan import layers as own_layers
from test_adversarial_model import EAGER, linear, moved, points, sgd, two_outputs, values

DRAWN = {"latents": "normal"}


def with_head(size=2, *, trunk=None):
    inputs = keras.Input((size,))
    x = layers.Dense(4)(inputs) if trunk is None else trunk(inputs)
    return keras.Model(inputs, {"logits": layers.Dense(1)(x), "classes": layers.Dense(3)(x)})


def rows_and_labels(rows=16):
    return {"x": points(rows), "labels": (np.arange(rows) % 3).astype("int32")}


def test_a_condition_that_the_generator_makes_teaches_it_nothing():
    latents = keras.Input((3,), name="latents")
    outputs = {name: layers.Dense(2, name=name)(latents) for name in ("made", "code")}
    network = keras.Model(
        [i := keras.Input((2,)), j := keras.Input((2,))],
        layers.Dense(1)(layers.Concatenate()([i, j])),
    )
    critic = Critic(network, real="x", fake="made", condition="code")
    model = AdversarialModel(keras.Model({"latents": latents}, outputs), critic, priors=DRAWN)
    model.compile(sgd(), sgd(), **EAGER)
    code, made = (model.generator.get_layer(name).weights for name in ("code", "made"))
    before = values(code), values(made)
    model.train_on_batch(points())
    assert not any(moved(before[0], code)) and any(moved(before[1], made))


def test_a_broken_critic_does_not_stop_the_others():
    first = with_head()
    model = AdversarialModel(
        two_outputs(),
        [
            Critic(first, real="x", fake="first", name="broken"),
            Critic(linear(2), real="x", fake="second", name="sound"),
        ],
        priors=DRAWN,
    )
    term = terms.Classification("labels", critic="broken", player="discriminator")
    model.compile(sgd(0.1), sgd(0.1), terms=[term], **EAGER)
    first.set_weights([np.full_like(w, np.nan) for w in first.get_weights()])
    sound = model.critics[1].network.weights
    before = values(sound)
    model.train_on_batch(rows_and_labels())
    assert all(moved(before, sound))
    assert model.first_failure["player"] == "broken"


def test_the_head_of_a_late_critic_on_a_shared_trunk_stands_still_till_then():
    trunk = layers.Dense(3)
    networks = [keras.Model(i := keras.Input((2,)), layers.Dense(1)(trunk(i))) for _ in range(2)]
    critics = [
        Critic(networks[0], real="x", fake="first"),
        Critic(networks[1], real="x", fake="second", start_step=2, name="late"),
    ]
    model = AdversarialModel(two_outputs(), critics, priors=DRAWN)
    model.compile(sgd(), keras.optimizers.AdamW(0.1), **EAGER)
    head, still = networks[1].layers[-1].weights, []
    for _ in range(3):
        before = values(head)
        model.train_on_batch(points())
        still.append(not any(moved(before, head)))
    assert still == [True, True, False]


class Counting(losses.Hinge):
    """A loss that counts the updates."""

    def __init__(self):
        self.variables = [keras.Variable(0.0, trainable=False)]

    def after_update(self, real_logits, fake_logits):
        self.variables[0].assign(self.variables[0].value + 1.0)


def test_what_belongs_to_a_late_critic_stands_still_till_then_on_a_shared_network():
    network = linear(2)
    late = {"start_step": 2, "name": "late", "loss": Counting()}
    parts = [regularizers.LeCam(), regularizers.WeightClipping(1e-3)]
    critics = [
        Critic(network, real="x", fake="first", loss=Counting(), regularizers=["lecam"]),
        Critic(network, real="x", fake="second", regularizers=parts, **late),
    ]
    model = AdversarialModel(two_outputs(), critics, priors=DRAWN)
    model.compile(sgd(0.1), sgd(0.1), run_eagerly=True)
    on_time, late = model._game.critics
    own = [late.regularizers[0].start_weight, *late.loss.variables]
    for step in range(3):
        model.train_on_batch(points())
        assert on_time.loss.variables[0].numpy() == step + 1.0
        assert values(own) == ([1.0, 0.0] if step < 2 else [np.float32(0.99), 1.0])
        clipped = all((np.abs(w) < 1.1e-3).all() for w in network.get_weights())
        assert clipped == (step == 2)


@pytest.mark.parametrize("eagerly", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_classifier_whose_only_term_has_weight_0_has_no_turn(eagerly):
    weight = schedules.Piecewise({0: 0.0, 2: 1.0})
    classifier = Critic(with_head(), real="x", loss="none", name="classifier")
    model = AdversarialModel(
        two_outputs(), [Critic(linear(2), real="x", fake="first"), classifier], priors=DRAWN
    )
    term = terms.Classification(
        "labels", critic="classifier", player="discriminator", weight=weight
    )
    model.compile(sgd(), sgd(), terms=[term], run_eagerly=eagerly)
    for _ in range(3):
        model.train_on_batch(rows_and_labels())
    assert int(model.discriminator_optimizer["classifier"].iterations) == 1
    assert int(model.discriminator_optimizer["critic"].iterations) == 3


def test_validation_plays_the_game_of_training():
    critics = [
        Critic(linear(2), real="x", fake="first", sample_weight="weight"),
        Critic(linear(2), real="x", fake="second", start_step=100, name="late"),
    ]
    model = AdversarialModel(two_outputs(), critics, priors=DRAWN)
    model.compile(sgd(0.0), sgd(0.0), "wasserstein", **EAGER)
    data = {"x": points(), "weight": np.arange(16, dtype="float32")}
    logs = model.evaluate(data, return_dict=True, verbose=0)
    assert logs["d_loss_late"] == logs["g_loss_late"] == 0.0
    scores = model.score({"x": data["x"]}, "critic")["logits"][:, 0]
    assert abs(logs["d_loss_critic"]) > 1.0 and np.isfinite(scores).all()
    plain = model.evaluate({**data, "weight": np.ones(16, "float32")}, return_dict=True, verbose=0)
    assert plain["d_loss_critic"] != pytest.approx(logs["d_loss_critic"], rel=1e-3)


def test_a_scheduled_weight_counts_in_validation_as_well():
    weight = schedules.Linear(1.0, 0.0, over_steps=4)
    critic = Critic(linear(2), real="x", fake="first", weight=weight)
    model = AdversarialModel(two_outputs(), critic, priors=DRAWN)
    model.compile(sgd(0.0), sgd(0.0), "wasserstein", **EAGER)
    found = []
    for step in (0, 2, 4):
        model._state.steps_seen.assign(step)
        model._state.evaluation_step.assign(0)  # the same latents
        found.append(model.evaluate({"x": points()}, return_dict=True, verbose=0)["g_loss"])
    assert found[0] != 0.0
    np.testing.assert_allclose(found, np.multiply(found[0], [1.0, 0.5, 0.0]), rtol=1e-6)


@pytest.mark.parametrize("name", ["pools", "terms", "averaged_generator", "a_optimizer"])
def test_no_name_of_a_critic_hides_a_part_of_the_run(name):
    critics = [
        Critic(linear(2), real="x", fake="first", name="a", pool_size=4),
        Critic(linear(2), real="x", fake="second", name=name),
    ]
    model = AdversarialModel(two_outputs(), critics, priors=DRAWN)
    model.compile()
    state, before = model.run_state(), critics[1].network.get_weights()
    critics[1].network.set_weights([w + 1.0 for w in before])
    model.set_run_state(state)
    for found, known in zip(critics[1].network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, known)


def test_a_frozen_network_may_serve_two_terms_and_the_generator(tmp_path):
    network = linear(2, units=3)
    latents = keras.Input((3,), name="latents")
    made = layers.Dense(2)(latents)
    outputs = {
        "made": made,
        "seen": own_layers.Frozen(network)(made),
        "other": layers.Dense(2)(made),
    }
    model = AdversarialModel(
        keras.Model({"latents": latents}, outputs),
        Critic(linear(3), real="y", fake="seen"),
        priors=DRAWN,
    )
    model.compile(
        *(sgd(), sgd()),
        terms=[terms.Perceptual(network, "x", "made"), terms.Perceptual(network, "x", "other")],
        **EAGER,
    )
    data = {"x": points(), "y": points(size=3)}
    model.train_on_batch(data)
    model.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    for game in (model, loaded):
        game.train_on_batch(data)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def game(critic, **options):
    AdversarialModel(two_outputs(), critic, priors=DRAWN).compile(**options)


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda: Critic(linear(2), real="x", fake="first", pool_size=4, sample_weight="w"),
            "must not have weights of rows",
        ),
        (
            lambda: game(
                Critic(with_head(), real="x", fake="first", pool_size=4),
                terms=[terms.Classification("labels")],
            ),
            "older ones of a pool, whose labels are others",
        ),
        (
            lambda: game(
                Critic(n := linear(2), real="x", fake="first"),
                terms=[terms.Perceptual(n, "x", "first")],
            ),
            "must not train, but a player trains weights of it",
        ),
        (
            lambda: game(
                Critic(linear(2), real="x", fake="first"),
                terms=[terms.L1("x", "first", name="g_loss")],
            ),
            r"names of their own.*doubled=\['g_loss'\]",
        ),
    ],
)
def test_what_would_train_on_something_else_is_refused(make, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        make()


def test_losses_of_rows_of_one_value_are_weighted_row_by_row():
    class Column(losses.Hinge):
        def discriminator_loss(self, real_logits, fake_logits):
            return keras.ops.reshape(super().discriminator_loss(real_logits, fake_logits), (-1, 1))

    logs = []
    for loss in (Column(), losses.Hinge()):
        keras.utils.set_random_seed(0)
        critic = Critic(linear(2), real="x", fake="first", sample_weight="w", loss=loss)
        model = AdversarialModel(two_outputs(), critic, priors=DRAWN)
        model.compile(sgd(0.0), sgd(0.0), **EAGER)
        data = {"x": points(), "w": np.arange(16, dtype="float32")}
        logs.append(model.train_on_batch(data, return_dict=True)["d_loss"])
    assert logs[0] == pytest.approx(logs[1], rel=1e-6)
