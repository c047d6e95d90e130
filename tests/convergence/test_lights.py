"""Lights: how each signal stands after an epoch."""

import math

import pytest

from keras_gan.convergence import Signals
from keras_gan.convergence.lights import lights

HEALTHY = {
    "quality": 0.2,
    "quality_noise": 0.01,
    "quality_floor": 0.1,
    "quality_name": "sliced_wasserstein",
    "discriminator_auc": 0.75,
    "num_real": 1000,
    "num_fake": 1000,
    "train_vs_held_out_auc": 0.5,
    "num_train": 1000,
    "coverage": 0.9,
    "real_coverage": 0.95,
    "num_covered": 500,
    "spread": 0.95,
    "d_loss": 0.7,
    "g_loss": 0.9,
    "g_gradient_norm": 1.0,
}


def states(**changed):
    history = [
        Signals(epoch=1, **HEALTHY | {"quality": 0.3}),
        Signals(epoch=2, **HEALTHY | changed),
    ]
    return {light.name: light.state for light in lights(history)}


def test_a_healthy_run_has_good_lights_alone():
    assert set(states().values()) == {"good"}


def test_what_was_not_measured_is_told_so():
    found = {light.name: light.state for light in lights([Signals(epoch=1)])}
    measured = {name for name, state in found.items() if state != "unknown"}
    assert measured == {"Numbers", "Settings"}
    assert lights([]) == []


@pytest.mark.parametrize(
    "name, state, changed",
    [
        ("Numbers", "bad", {"d_loss": math.nan}),
        ("Numbers", "bad", {"first_failure": {"player": "generator", "step": 3}}),
        ("Coverage", "watch", {"coverage": 0.7}),
        ("Coverage", "bad", {"coverage": 0.2}),
        ("Spread", "watch", {"spread": 0.6}),
        ("Spread", "watch", {"spread": 1.6}),
        ("Spread", "bad", {"spread": 0.2}),
        ("Discriminator", "watch", {"discriminator_auc": 0.52}),
        ("Discriminator", "watch", {"discriminator_auc": 0.999}),
        ("Discriminator", "bad", {"discriminator_auc": 0.2}),
        ("Overfitting", "watch", {"train_vs_held_out_auc": 0.65}),
        ("Overfitting", "bad", {"train_vs_held_out_auc": 0.9}),
        ("Settings", "watch", {"settings": {"generator_steps": 8, "discriminator_steps": 1}}),
    ],
)
def test_one_signal_changes_its_own_light(name, state, changed):
    found = states(**changed)
    assert found.pop(name) == state
    del found["Losses"]  # which says nothing of a loss that is none
    assert set(found.values()) == {"good"}


def test_lights_of_a_course():
    def after(values, **fields):
        history = [
            Signals(epoch=n, **HEALTHY | fields | {"quality": q}) for n, q in enumerate(values, 1)
        ]
        return {light.name: light for light in lights(history)}

    still = after([0.5, 0.4] + 14 * [0.3])["Quality"]
    assert still.state == "watch" and "Nothing has improved for" in still.sentence
    better = after([0.5, 0.4, 0.3])["Quality"]
    assert better.state == "good" and "still improve" in better.sentence
    first = after([0.5])["Quality"]
    assert first.state == "watch" and "no earlier epoch" in first.sentence
    assert "within noise" in after([0.105] * 9)["Quality"].sentence, "as good as reals"


def test_gradients_that_vanish_and_losses_that_explode():
    def of(name, rows):
        history = [Signals(epoch=n, **HEALTHY | row) for n, row in enumerate(rows, 1)]
        return next(light for light in lights(history) if light.name == name)

    assert of("Gradients", [{}, {"g_gradient_norm": 0.05}]).state == "watch"
    assert of("Gradients", [{}, {"g_gradient_norm": 0.5}]).state == "good"
    wild = {"d_loss": 300.0, "d_gradient_norm": 90.0, "settings": {"loss": "NonSaturating"}}
    assert of("Losses", [{}, wild, wild, wild]).state == "bad"
