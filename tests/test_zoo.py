"""The convergence zoo: its table, its recordings, its page."""

import argparse
import dataclasses
import types

import keras
import numpy as np
import pytest

from benchmarks.zoo import __main__ as zoo
from benchmarks.zoo import (
    judging,
    kinds,
    recording,
    tasks,
)
from keras_gan import convergence, data
from zoo_runs import SETTINGS, signals

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow

HALVES = ("tuning", "judged")


# === The table ===


def test_the_table_names_only_verdicts_that_there_are():
    known = {rule.kind for rule in convergence.default_rules()} | {kinds.NONE}
    for kind in kinds.KINDS.values():
        assert kind.acceptable and kind.acceptable <= known


def test_there_are_enough_runs_and_both_halves_hold_healthy_and_sick_ones():
    for task, num_kinds, seeds in (("ring", 12, 3), ("digits", 12, 3), ("mnist", 6, 2)):
        runs = kinds.runs(task)
        assert len({kind.name for kind, _ in runs}) >= num_kinds
        assert len(set(runs)) == len(runs) and len({seed for _, seed in runs}) >= seeds
        halves = [kind.half(seed) for kind, seed in runs]
        assert 0.4 <= halves.count("judged") / len(runs) <= 0.6
        for half in HALVES:
            mine = [kind for kind, seed in runs if kind.half(seed) == half]
            assert {kind.healthy for kind in mine} == {True, False}
    # Some causes are judged that no rule was ever tuned on.
    assert any(not k.healthy and not k.tuning_seeds for k in kinds.KINDS.values())


def test_overrun_discriminators_slow_runs_and_small_data_are_in_both_halves():
    def played(*names):
        return {
            (task.data, task.networks, kind.half(seed))
            for task in tasks.TASKS.values()
            for kind, seed in kinds.runs(task.name)
            if kind.name in names
        }

    for name in ("ten_generator_steps", "uneven_rates"):
        found = played(name)
        for half in HALVES:
            mine = [(data, networks) for data, networks, its_half in found if its_half == half]
            assert {networks for _, networks in mine} == {"mlp", "dcgan", "resnet"}
            assert {data for data, _ in mine} == {"digits", "mnist"}
    for name in ("warm_up", "low_rates", "steady", "few_samples"):
        assert kinds.KINDS[name].healthy
        halves = [(data, half) for data, _, half in played(name)]
        assert sorted(halves) == sorted((d, h) for d in ("digits", "ring") for h in HALVES)
    few = tasks.load(tasks.TASKS["ring_few"], kinds.KINDS["few_samples"], 0)
    assert (len(few.train), len(few.held_out)) == (300, 30)
    assert tasks.TASKS["ring_few"].steps == 300 // 32


def test_what_did_no_harm_is_judged_as_healthy():
    kind = kinds.KINDS["generator_heavy"]
    allowed = {"harmed": True, "not_finite": False}
    assert kinds.acceptable(kind, **allowed) == {"mode_collapse", "oscillating", "stalled"}
    allowed["harmed"] = False
    assert kinds.acceptable(kind, **allowed) == {"none", "equilibrium", "stalled"}
    allowed["not_finite"] = True
    assert "diverged" in kinds.acceptable(kind, **allowed)
    kind = kinds.KINDS["relativistic_r1_r2"]
    assert "mode_collapse" not in kinds.acceptable(kind, harmed=False, not_finite=False)
    assert "mode_collapse" in kinds.acceptable(kind, harmed=True, not_finite=False)


def test_a_batch_of_nan_is_a_fault_whether_or_not_it_did_harm():
    kind = kinds.KINDS["nan_batch"]
    for harmed in (True, False):
        found = kinds.acceptable(kind, harmed=harmed, not_finite=True)
        assert found == {"diverged"}
    early = kinds.acceptable(kind, harmed=False, not_finite=False, before_onset=True)
    assert early == kinds.HEALTHY
    assert kind.onset(60) == 10 and kinds.KINDS["tiny_data"].onset(60) == 1


# === Recording ===


def test_the_recorder_asks_for_more_than_the_rules_and_hides_it_from_them():
    seen = []

    class Asks:
        kind = "asks"

        def wants_fresh(self, history):
            seen.append([s.fresh_discriminator_auc for s in history])
            return len(history) == 2

        def __call__(self, history):
            return None

    recorder = recording.Recorder([Asks()], every=3)
    history = signals([0.5] * 6, [0.5] * 5 + [0.9], fresh=[0.7] * 6)
    wanted = [recorder.wants_fresh(history[:length]) for length in range(1, 7)]
    # The second for the rule, the third as one in three, the sixth not: it is sure.
    assert wanted == [False, True, True, False, False, False]
    assert seen[-1] == [None, 0.7, None, None, None, None]
    assert recorder(history) is None


@pytest.fixture
def small_task():
    return dataclasses.replace(tasks.TASKS["ring"], judged=200, fresh_every=100)


def test_a_broken_batch_breaks_one_update_and_the_run_goes_on(small_task):
    kind = kinds.KINDS["nan_batch"]
    found = recording.record(small_task, kind, 0, epochs=7, steps=2)
    assert kind.onset(7) == 2
    assert len(found["signals"]) == len(found["truth"]) == 7
    broken = [s.get("first_failure", {}).get("step") for s in found["signals"]]
    assert broken == [None] + [3] * 6
    run = judging.judged(found, **SETTINGS)
    assert (run.verdict, run.epoch) == ("diverged", 2)


# One of each way in which games are set up; the others differ from them in numbers.
QUICK = ("steady", "wasserstein_gp", "relativistic_r1_r2", "overtrained_minimax")
QUICK += ("ten_generator_steps", "uneven_rates", "warm_up", "weak_discriminator")


@pytest.mark.parametrize(
    ("task", "name"),
    [
        *(
            pytest.param("ring", name, marks=() if name in QUICK else pytest.mark.slow)
            for name in kinds.KINDS
        ),
        # Tasks differ by their networks.
        *(
            pytest.param("digits", name, marks=() if weak or name == "steady" else pytest.mark.slow)
            for name, weak in ((name, kind.weak) for name, kind in kinds.KINDS.items())
        ),
    ],
)
def test_every_kind_makes_its_game(task, name):
    task, kind = tasks.TASKS[task], kinds.KINDS[name]
    shape = (2,) if task.name == "ring" else (8, 8, 1)
    gan = tasks.game(task, kind, shape, 0)
    optimizers = gan.generator_optimizer, gan.discriminator_optimizer
    rates = [o.learning_rate for o in optimizers]
    expected = [task.rate * kind.generator_rate, task.rate * kind.discriminator_rate]
    if kind.warm_up:
        assert rates == [0.0, 0.0]
        after = round(kind.warm_up * task.epochs * task.steps)
        for optimizer in optimizers:
            optimizer.iterations.assign(after)
        rates = [o.learning_rate for o in optimizers]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    assert (gan.discriminator_steps, gan.generator_steps) == (
        kind.discriminator_steps,
        kind.generator_steps,
    )
    assert [type(r).__name__ for r in gan.regularizers] == [
        {"r1": "R1", "r2": "R2", "gradient_penalty": "GradientPenalty"}[p] for p in kind.penalties
    ]
    if kind.weak:
        assert gan.discriminator.count_params() == (3 if shape == (2,) else 5)


def test_a_stale_discriminator_stands_still_from_its_onset_on():
    task, kind = tasks.TASKS["ring"], kinds.KINDS["stale_discriminator"]
    (stale,) = tasks.callbacks(dataclasses.replace(task, epochs=14), kind)
    assert stale.onset == 3
    gan, seen = tasks.game(task, kind, (2,), 0), []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(gan.discriminator.get_weights()[0].sum())
    )
    gan.run_eagerly = True
    gan.fit(data.ring(128), steps_per_epoch=1, epochs=4, verbose=0, callbacks=[stale, look])
    assert seen[0] != seen[1] == seen[2] == seen[3]


# === What is published ===


def test_the_page_says_what_the_kept_runs_say_under_the_rules_of_today():
    given = argparse.Namespace(
        tasks=[],
        seeds=None,
        kinds=None,
        half=None,
        judge=True,
        again=False,
        quick=False,
        data_dir=None,
    )
    text = zoo.PAGE.read_text()
    runs = zoo.judge(zoo.kept(given))
    assert judging.report(runs) in text
    assert zoo.page(text, runs) == text, "python -m benchmarks.zoo --judge --page"


def test_the_page_names_what_is_not_recorded():
    def run(task, kind, seed):
        return types.SimpleNamespace(task=task, kind=kind, seed=seed)

    planned = [run(task, kind, seed) for task in tasks.TASKS for kind, seed in kinds.runs(task)]
    told = zoo.missing(planned)
    assert told == f"All {len(planned)} runs of the plan are recorded."
    told = zoo.missing([r for r in planned if r.kind.name != "steady"])
    assert told.endswith("Missing: steady (4).")
