"""Advice, early warnings, and rules of one's own."""

import dataclasses

import numpy as np
import pytest

from histories import ALIKE, RULES, first_verdict, run
from keras_gan import convergence
from keras_gan.convergence import (
    DiscriminatorFailed,
    DiscriminatorWon,
    Equilibrium,
    ModeCollapse,
    Oscillating,
    Signals,
    Stalled,
    Verdict,
)

# === Advice ===


def test_a_discriminator_that_knows_its_data_by_heart_is_named():
    heart = run([1.0] * 12, train_vs_held_out_auc=0.85, num_train=1000)
    verdict = first_verdict(heart)
    assert (
        verdict.kind == "stalled" and "training against held-out reals is 0.85" in verdict.message
    )
    assert "more data" in verdict.message and "ema_halflife" not in verdict.message
    plain = run([1.0] * 12, train_vs_held_out_auc=0.6, num_train=1000, fresh=None)
    assert "ema_halflife" in first_verdict(plain).message


@pytest.mark.parametrize(
    ("chance", "fresh", "words"),
    [
        (0.97, None, "the discriminator is too strong (AUC 0.97): try an R1"),
        (0.97, 0.99, "too strong"),
        (
            0.6,
            0.75,
            "too weak (the AUC of a freshly trained one is 0.75): try discriminator_steps=2",
        ),
        (0.6, None, "ema_halflife"),
        (None, None, "ema_halflife"),
    ],
)
def test_the_advice_at_a_stall_follows_from_who_is_ahead(chance, fresh, words):
    verdict = first_verdict(run([1.0] * 12, [chance] * 12, fresh=fresh))
    assert verdict.kind == "stalled" and words in verdict.message


USUAL = {
    "loss": "NonSaturating",
    "penalties": [],
    "batch_size": 64,
    "discriminator_steps": 1,
    "generator_steps": 1,
    "discriminator_optimizer": "Adam",
    "generator_optimizer": "Adam",
}


@pytest.mark.parametrize(
    ("settings", "rates", "words"),
    [
        ({"generator_steps": 10}, (1e-3, 1e-3), "generator_steps=10 with discriminator_steps=1"),
        ({"discriminator_steps": 20}, (1e-3, 1e-3), "lets the discriminator become too strong"),
        ({}, (1e-2, 1e-4), "the generator's learning rate (0.01) is 100 times"),
        ({}, (1e-3, 0.0), "the discriminator's learning rate is 0"),
        ({}, (2e-2, 2e-2), "'s learning rates (0.02) are high"),
        ({}, (2e-2, 1e-2), "the generator's learning rate (0.02) is high"),
        ({"loss": "Wasserstein"}, (1e-4, 1e-4), "needs a penalty"),
        ({"batch_size": 2}, (1e-3, 1e-3), "batch_size=2 is small"),
        ({"discriminator_steps": 5}, (1e-4, 4e-4), None),
        ({"generator_optimizer": "SGD"}, (1e-1, 1e-3), None),
    ],
)
def test_advice_names_the_setting_that_is_out_of_the_ordinary(settings, rates, words):
    history = run([1.0] * 12, generator_rate=rates[0], discriminator_rate=rates[1], fresh=None)
    history[0] = dataclasses.replace(history[0], settings={**USUAL, **settings})
    message = first_verdict(history).message
    if words is None:
        assert "ema_halflife" in message
    else:
        assert words in message and "ema_halflife" not in message
    collapsed = run([1.0] * 12, **ALIKE, generator_rate=rates[0], discriminator_rate=rates[1])
    collapsed[0] = dataclasses.replace(collapsed[0], settings={**USUAL, **settings})
    (sentence,) = convergence.early_warnings(collapsed, RULES).values()
    assert (words or "R1 penalty") in sentence


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_rules_bear_what_was_not_measured(rule):
    bare = [Signals(epoch=epoch) for epoch in range(1, 41)]
    assert rule(bare) is None
    broken = run([np.nan] * 40, [np.nan] * 40, coverage=np.nan, density=np.nan, spread=np.nan)
    assert rule(broken) is None or rule.kind == "stalled"
    assert rule.cure and type(rule).__doc__


# === Composition and form ===


class GoodEnough:
    kind = "good_enough"

    def __call__(self, history):
        quality = history[-1].quality
        return {"quality": quality} if quality < 0.5 else None


def test_a_rule_of_ones_own():
    history = run([1.0, 0.8, 0.4])
    verdict = first_verdict(history, [*RULES, GoodEnough()])
    assert (verdict.kind, verdict.epoch) == ("good_enough", 3)
    assert verdict.message.startswith("good enough at epoch 3: quality 0.4")
    assert first_verdict(history, [*RULES, GoodEnough()], min_epochs=4) is None


def test_the_first_rule_in_the_list_wins():
    history = run([0.1] * 20)
    assert first_verdict(history, [GoodEnough(), Stalled(patience=1)]).kind == "good_enough"
    assert convergence.judge(history, [Stalled(patience=1), GoodEnough()]).kind == "stalled"


def test_a_rule_may_word_its_own_verdict():
    own = Verdict("own", 1, None, {}, "mine")

    def rule(history):
        return own

    rule.kind = "own"
    assert convergence.judge(run([1.0]), [rule]) is own


@pytest.mark.parametrize("rules", [[], "stalled", [Stalled], [lambda history: None], [3]])
def test_what_is_no_rule_is_refused(rules):
    with pytest.raises(ValueError, match="rule"):
        convergence.check_rules(rules)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stalled(patience=0), "patience"),
        (lambda: Equilibrium(epochs=1.5), "epochs"),
        (lambda: Equilibrium(margin=0.3), "margin"),
        (lambda: Equilibrium(fresh=1), "fresh"),
        (lambda: ModeCollapse(epochs=0), "epochs"),
        (lambda: ModeCollapse(patience=0), "patience"),
        (lambda: DiscriminatorFailed(epochs=0), "epochs"),
        (lambda: DiscriminatorWon(fraction=0.0), "fraction"),
        (lambda: Oscillating(patience=0), "patience"),
    ],
)
def test_settings_are_checked(make, words):
    with pytest.raises(ValueError, match=f"`{words}`.*Received: {words}="):
        make()
