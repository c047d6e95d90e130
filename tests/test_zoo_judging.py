"""The convergence zoo: runs are judged by their records."""

import dataclasses
import json

import pytest

from benchmarks.zoo import (
    judging,
    kinds,
)
from zoo_runs import FALLING, RISEN, SETTINGS, record, signals, truth


def test_a_stall_is_found_when_a_run_would_have_found_it():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    verdict = judging.replay(history, **SETTINGS)
    # The mean of four epochs falls until the sixth; eight epochs of patience follow.
    assert (verdict.kind, verdict.epoch, verdict.best_epoch) == ("stalled", 14, 3)
    run = judging.judged(record("hinge_r1", history, RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.epochs) == ("stalled", 14, 20)
    assert run.acceptable and run.healthy and run.finished and not run.stopped_improving
    assert run.shortfall == 0.0
    assert judging.summary([run])["saved"] == pytest.approx(6 / 20)


def test_a_healthy_run_must_not_be_stopped_while_it_improves():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    rising = truth([0.04 * epoch for epoch in range(1, 21)])
    run = judging.judged(record("hinge_r1", history, rising), **SETTINGS)
    assert run.acceptable and run.stopped_improving and not run.finished
    assert run.shortfall == pytest.approx((0.8 - 0.12) / 0.8)
    found = judging.summary([run])
    assert (found["stopped_improving"], found["sick_or_finished"], found["saved"]) == (1, 0, None)
    assert "still improving" in judging.report([run])


def test_a_run_without_a_verdict_goes_on_to_its_end():
    run = judging.judged(record("hinge_r1", signals(FALLING), RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.acceptable) == ("none", 20, True)
    harmed = record("tiny_data", signals(FALLING), truth([0.1] * 20))
    run = judging.judged(harmed, **SETTINGS)
    assert (run.harm, run.acceptable, run.healthy) == ("far", False, False)
    assert judging.summary([run])["saved"] == 0.0


def test_a_broken_update_is_told_in_the_epoch_that_it_happens_in():
    failure = {"step": 77, "player": "discriminator", "variable": None}
    history = signals(FALLING[:4])
    history += [dataclasses.replace(s, first_failure=failure) for s in signals(FALLING)[4:]]
    run = judging.judged(record("nan_batch", history, RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.acceptable, run.healthy) == ("diverged", 5, True, False)
    # The interrupted epoch was never measured: the best one lies before it.
    assert judging.replay(history, **SETTINGS).best_epoch == 4


def test_before_its_cause_acts_a_run_is_a_healthy_one():
    kind = kinds.KINDS["stale_discriminator"]
    history = signals([1.0] + [0.5] * 99)
    assert kind.onset(100) == 16
    run = judging.judged(record(kind.name, history, truth([0.1] * 100)), **SETTINGS)
    assert (run.verdict, run.epoch, run.allowed) == ("stalled", 13, kinds.HEALTHY)


def test_a_fresh_discriminator_is_shown_only_where_a_rule_asks():
    class Asks:
        kind = "asks"

        def wants_fresh(self, history):
            return len(history) in (3, 6)  # the third is before the least number of epochs

        def __call__(self, history):
            seen.append([s.fresh_discriminator_auc for s in history])

    seen = []
    history = signals([0.5] * 8, fresh=[0.7] * 8)
    assert judging.replay(history, [Asks()], min_epochs=5) is None
    assert seen[-1] == [None] * 5 + [0.7] + [None] * 2
    assert all(value is None for value in seen[0])


def test_the_default_rules_find_equilibrium_by_what_was_recorded():
    chances = [0.95] * 3 + [0.5] * 17
    history = signals([1.0, 0.5] + [0.4] * 18, chances, fresh=[None] * 4 + [0.5] * 16)
    assert judging.replay(history, **SETTINGS).kind == "equilibrium"
    blind = signals([1.0, 0.5] + [0.4] * 18, chances)
    assert judging.replay(blind, **SETTINGS).kind != "equilibrium"


def test_the_interval_is_wilsons():
    # Scored by hand: 8 of 10, z = 1.96.
    assert judging.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert judging.wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-12)
    assert judging.wilson(10, 10)[1] == pytest.approx(1.0, abs=1e-12)


def test_the_report_shows_halves_apart_and_all_misses():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    good = record("relativistic_r1_r2", history, RISEN, seed=1)
    tuned = record("relativistic_r1_r2", history, RISEN, seed=0)
    missed = record("discriminator_rate_high", signals(FALLING), truth([0.1] * 20), seed=1)
    runs = [judging.judged(r, **SETTINGS) for r in (good, tuned, missed)]
    text = judging.report(runs)
    assert "| judged | ring | 2 | 50.0% | 9.5% to 90.5% | 0 of 1 |" in text
    assert "| tuning | ring | 1 | 100.0% |" in text
    assert "| discriminator_rate_high | 1 of 1 | 1 (1 wrong) |" in text
    assert "| ring, discriminator_rate_high | 1 | judged | none | 20 of 20 | far |" in text
    json.dumps([judging.plain(run) for run in runs])
