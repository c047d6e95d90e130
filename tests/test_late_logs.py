"""What is logged of what plays in some steps only: means over those steps."""

import math

import keras
import numpy as np
import pytest
from keras import Input, Model, layers, ops

from keras_gan import AdaptiveWeight, AdversarialModel, Critic, schedules, terms

ROWS = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
DATA = {"x": ROWS, "r": ROWS[::-1].copy()}


def judge():
    j = Input((4,))
    return Model(j, layers.Dense(1, kernel_initializer="zeros")(j))


def logs(term=None, critics=None, epochs=1, **options):
    """The history of epochs of four steps."""
    keras.utils.set_random_seed(0)
    x = Input((4,), name="x")
    generator = Model({"x": x}, {"y": layers.Dense(4, name="last")(x)})
    critics = critics or [Critic(judge(), real="r", fake="y", **options)]
    model = AdversarialModel(generator, critics)
    model.compile("sgd", "sgd", terms=[term or terms.L1("r", "y")], run_eagerly=True)
    return model.fit(DATA, epochs=epochs, batch_size=4, verbose=0).history


def test_losses_of_a_late_critic_are_means_from_its_start_on():
    found = logs(start_step=3)
    # Logits of 0 in the only step that it plays.
    assert found["d_loss"] == [pytest.approx(2 * math.log(2))]
    assert found["g_loss"] == [pytest.approx(math.log(2), abs=0.2)]
    assert found["loss"][0] > 0


def test_a_critic_that_has_not_started_logs_0():
    found = logs(start_step=4, epochs=2)
    assert found["d_loss"][0] == found["g_loss"][0] == found["loss"][0] == 0
    assert found["d_loss"][1] > 0.5


def test_of_several_critics_each_counts_from_its_own_start():
    critics = [
        Critic(judge(), real="r", fake="y", start_step=start, name=name)
        for name, start in (("early", 2), ("late", 3))
    ]
    found = logs(critics=critics)
    assert found["d_loss_late"] == [pytest.approx(2 * math.log(2))]
    assert found["d_loss_early"][0] > 1
    total = found["d_loss_early"][0] + found["d_loss_late"][0] / 2  # over the last two steps
    assert found["d_loss"] == [pytest.approx(total)]


def test_an_adaptive_weight_is_the_mean_over_the_steps_in_which_it_multiplies():
    weight = AdaptiveWeight("last")
    assert logs(weight=weight, start_step=4)["adaptive_weight"] == [0]
    critic, term = Input((4,)), terms.L1("r", "y")
    network = Model(critic, layers.Dense(1, kernel_initializer="ones")(critic))
    found = [
        logs(term, [Critic(network, real="r", fake="y", weight=weight, start_step=start)])
        for start in (0, 3)
    ]
    first, late = (each["adaptive_weight"][0] for each in found)
    assert late == pytest.approx(first, rel=0.5)


def test_a_term_counts_where_it_was_evaluated():
    weight = schedules.Piecewise({0: 1.0, 2: 0.0})
    found = logs(terms.L1("r", "y", weight=weight), epochs=2)["l1_r_y"]
    assert found[0] > 0.5 and found[1] == 0


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_term_without_variables_follows_updates(player):
    seen = []

    class Following(terms.Term):
        reads = ("y",)

        def value(self, scene):
            return ops.mean(scene["y"], axis=1)

        def after_update(self, due=True):
            seen.append(bool(due))

    logs(Following(player=player))
    assert seen == [True] * 4
