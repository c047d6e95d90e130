"""The convergence zoo: its table, the test of harm, judging by records."""

import argparse
import dataclasses
import json
import math
import pathlib
import sys
import types

import keras
import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "benchmarks"))

import convergence_zoo  # noqa: E402
import zoo_harm  # noqa: E402
import zoo_judging  # noqa: E402
import zoo_kinds  # noqa: E402
import zoo_recording  # noqa: E402
import zoo_tasks  # noqa: E402
from keras_gan import convergence, data  # noqa: E402

HALVES = ("tuning", "judged")

# === The table ===


def test_the_table_names_only_verdicts_that_there_are():
    known = {rule.kind for rule in convergence.default_rules()} | {zoo_kinds.NONE}
    for kind in zoo_kinds.KINDS.values():
        assert kind.acceptable and kind.acceptable <= known


def test_there_are_enough_runs_and_both_halves_hold_healthy_and_sick_ones():
    for task, kinds, seeds in (("ring", 12, 3), ("digits", 12, 3), ("mnist", 6, 2)):
        runs = zoo_kinds.runs(task)
        assert len({kind.name for kind, _ in runs}) >= kinds
        assert len(set(runs)) == len(runs) and len({seed for _, seed in runs}) >= seeds
        halves = [kind.half(seed) for kind, seed in runs]
        assert 0.4 <= halves.count("judged") / len(runs) <= 0.6
        for half in HALVES:
            mine = [kind for kind, seed in runs if kind.half(seed) == half]
            assert {kind.healthy for kind in mine} == {True, False}
    # Some causes are judged that no rule was ever tuned on.
    assert any(not k.healthy and not k.tuning_seeds for k in zoo_kinds.KINDS.values())


def test_overrun_discriminators_slow_runs_and_small_data_are_in_both_halves():
    def played(*names):
        return {
            (task.data, task.networks, kind.half(seed))
            for task in zoo_tasks.TASKS.values()
            for kind, seed in zoo_kinds.runs(task.name)
            if kind.name in names
        }

    for name in ("ten_generator_steps", "uneven_rates"):
        found = played(name)
        for half in HALVES:
            mine = [(data, networks) for data, networks, its_half in found if its_half == half]
            assert {networks for _, networks in mine} == {"mlp", "dcgan", "resnet"}
            assert {data for data, _ in mine} == {"digits", "mnist"}
    for name in ("warm_up", "low_rates", "steady", "few_samples"):
        assert zoo_kinds.KINDS[name].healthy
        halves = [(data, half) for data, _, half in played(name)]
        assert sorted(halves) == sorted((d, h) for d in ("digits", "ring") for h in HALVES)
    few = zoo_tasks.load(zoo_tasks.TASKS["ring_few"], zoo_kinds.KINDS["few_samples"], 0)
    assert (len(few.train), len(few.held_out)) == (300, 30)
    assert zoo_tasks.TASKS["ring_few"].steps == 300 // 32


def test_what_did_no_harm_is_judged_as_healthy():
    kind = zoo_kinds.KINDS["generator_heavy"]
    allowed = {"harmed": True, "not_finite": False}
    assert zoo_kinds.acceptable(kind, **allowed) == {"mode_collapse", "oscillating", "stalled"}
    allowed["harmed"] = False
    assert zoo_kinds.acceptable(kind, **allowed) == {"none", "equilibrium", "stalled"}
    allowed["not_finite"] = True
    assert "diverged" in zoo_kinds.acceptable(kind, **allowed)
    kind = zoo_kinds.KINDS["relativistic_r1_r2"]
    assert "mode_collapse" not in zoo_kinds.acceptable(kind, harmed=False, not_finite=False)
    assert "mode_collapse" in zoo_kinds.acceptable(kind, harmed=True, not_finite=False)


def test_a_batch_of_nan_is_a_fault_whether_or_not_it_did_harm():
    kind = zoo_kinds.KINDS["nan_batch"]
    for harmed in (True, False):
        found = zoo_kinds.acceptable(kind, harmed=harmed, not_finite=True)
        assert found == {"diverged"}
    early = zoo_kinds.acceptable(kind, harmed=False, not_finite=False, before_onset=True)
    assert early == zoo_kinds.HEALTHY
    assert kind.onset(60) == 10 and zoo_kinds.KINDS["tiny_data"].onset(60) == 1


# === Harm ===

RING = zoo_harm.Scale(total=8, direction="max", untrained=0.0, reals=0.96)
IMAGES = zoo_harm.Scale(total=10, direction="min", untrained=25.0, reals=1.0, error=0.1)


def truth(qualities, *, found=8, good=0.9):
    return [{"found": found, "good": good, "quality": quality} for quality in qualities]


@pytest.mark.parametrize(
    ("figures", "scale", "reason"),
    [
        (truth([0.1, 0.9, 0.9, 0.9, 0.9]), RING, None),
        (truth([0.9] * 5, found=7), RING, None),
        (truth([0.9] * 5, found=6), RING, "modes"),
        (truth([0.9] * 5, good=0.49), RING, "samples"),
        (truth([0.1] * 6 + [0.47]), RING, "far"),
        (truth([0.9] * 4 + [0.7] * 4), RING, "lost"),
        (truth([0.1] + [0.9] * 4 + [0.7] * 4), RING, "lost"),  # of the best, not of the first
        (truth([0.9] * 4 + [0.75] * 4), RING, None),
        (truth([0.9] * 5 + [None]), RING, "broken"),
        (truth([0.9] * 5 + [math.nan]), RING, "broken"),
        (truth([25.0] * 4 + [1.5] * 4), IMAGES, None),
        (truth([25.0] * 4 + [9.1] * 4), IMAGES, "far"),  # the root goes from 5 to 3 of 1
        (truth([25.0] * 4 + [8.9] * 4), IMAGES, None),
        (truth([1.0] * 4 + [4.0] * 4), IMAGES, "lost"),
    ],
)
def test_harm_is_told_with_its_reason(figures, scale, reason):
    assert zoo_harm.harm(figures, scale) == reason


def test_a_run_improves_while_later_epochs_beat_earlier_ones_by_more_than_noise():
    falling = truth([20.0 - epoch for epoch in range(16)])
    assert zoo_harm.still_improving(falling, IMAGES, 8)
    assert not zoo_harm.still_improving(falling, IMAGES, 16)
    flat = truth([5.0] * 8 + [4.9] * 8)  # less than the error of drawing
    assert not zoo_harm.still_improving(flat, IMAGES, 8)
    assert zoo_harm.still_improving(truth([5.0] * 8 + [4.8] * 8), IMAGES, 8)
    rising = truth([0.1 + 0.05 * epoch for epoch in range(16)])
    assert zoo_harm.still_improving(rising, RING, 8)
    worse = truth([0.9 - 0.05 * epoch for epoch in range(16)])
    assert not zoo_harm.still_improving(worse, RING, 8)
    # Broken to the end has nothing to gain; what recovers from it has.
    assert not zoo_harm.still_improving(truth([5.0] * 8 + [None] * 8), IMAGES, 8)
    assert zoo_harm.still_improving(truth([None] * 8 + [5.0] * 8), IMAGES, 8)


def test_noise_alone_is_seldom_taken_for_a_gain():
    random = np.random.default_rng(0)
    runs = [truth(5.0 + random.normal(0, 1, 48)) for _ in range(200)]
    found = np.mean([zoo_harm.still_improving(run, IMAGES, 24) for run in runs])
    assert found < 0.1


# === Judges ===


def test_the_ring_is_judged_by_its_modes():
    judge = zoo_harm.RingJudge(data.ring_modes(), 0.05)
    points = data.ring(4_000, std=0.05, seed=1)
    figures = judge(points)
    assert figures["found"] == 8
    assert figures["good"] == pytest.approx(1.0, abs=0.01)
    assert figures["quality"] == pytest.approx(0.96, abs=0.02)
    half = judge(points[points[:, 1] > 0.1])  # three modes are wholly above
    assert half["found"] == 3
    assert half["quality"] == pytest.approx(3 / 8, abs=0.02)
    far = judge(points * 3)
    assert (far["found"], far["good"], far["quality"]) == (0, 0.0, 0.0)
    assert judge(points * np.nan) == zoo_harm.broken()


def test_images_are_judged_by_classes_and_by_their_distance():
    random = np.random.default_rng(0)

    def look(images):  # the image says its class and how sure one can be of it
        probabilities = np.full((len(images), 10), 0.01)
        probabilities[np.arange(len(images)), images[:, 0].astype(int)] = images[:, 1]
        return probabilities, images[:, 2:]

    def images(classes, sure):
        count = 500
        columns = [random.choice(classes, count), np.full(count, sure)]
        return np.column_stack([*columns, random.normal(size=(count, 3))])

    judge = zoo_harm.ImageJudge(look, images(range(10), 0.95))
    figures = judge(images(range(10), 0.95))
    assert (figures["found"], figures["good"]) == (10, 1.0)
    assert figures["quality"] == pytest.approx(0.0, abs=0.05)
    assert judge(images([1, 4], 0.95))["found"] == 2
    unsure = judge(images(range(10), 0.8))
    assert (unsure["found"], unsure["good"]) == (0, 0.0)


# === Judging by records ===

SETTINGS = {"rules": convergence.default_rules(), "min_epochs": 5}


def signals(qualities, chances=None, *, fresh=None, **fields):
    chances = chances or [0.9] * len(qualities)
    fresh = fresh or [None] * len(qualities)
    return [
        convergence.Signals(
            epoch=epoch,
            quality=quality,
            quality_noise=0.01,
            discriminator_auc=chance,
            num_real=1000,
            num_fake=1000,
            fresh_discriminator_auc=asked,
            num_fresh=0 if asked is None else 1000,
            **fields,
        )
        for epoch, (quality, chance, asked) in enumerate(
            zip(qualities, chances, fresh, strict=True), start=1
        )
    ]


def record(kind, history, figures, *, seed=9, scale=RING, seconds=10.0):
    return {
        "task": "ring",
        "kind": kind,
        "seed": seed,
        "epochs": len(history),
        "seconds": seconds,
        "scale": vars(scale),
        "truth": figures,
        "signals": [s.to_dict() for s in history],
    }


FALLING = [1.0 - 0.05 * epoch for epoch in range(20)]
RISEN = truth([0.1] * 2 + [0.9] * 18)


def test_a_stall_is_found_when_a_run_would_have_found_it():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    verdict = zoo_judging.replay(history, **SETTINGS)
    # The mean of four epochs falls until the sixth; eight epochs of patience follow.
    assert (verdict.kind, verdict.epoch, verdict.best_epoch) == ("stalled", 14, 3)
    run = zoo_judging.judged(record("hinge_r1", history, RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.epochs) == ("stalled", 14, 20)
    assert run.acceptable and run.healthy and run.finished and not run.stopped_improving
    assert run.shortfall == 0.0
    assert zoo_judging.summary([run])["saved"] == pytest.approx(6 / 20)


def test_a_healthy_run_must_not_be_stopped_while_it_improves():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    rising = truth([0.04 * epoch for epoch in range(1, 21)])
    run = zoo_judging.judged(record("hinge_r1", history, rising), **SETTINGS)
    assert run.acceptable and run.stopped_improving and not run.finished
    assert run.shortfall == pytest.approx((0.8 - 0.12) / 0.8)
    found = zoo_judging.summary([run])
    assert (found["stopped_improving"], found["sick_or_finished"], found["saved"]) == (1, 0, None)
    assert "still improving" in zoo_judging.report([run])


def test_a_run_without_a_verdict_goes_on_to_its_end():
    run = zoo_judging.judged(record("hinge_r1", signals(FALLING), RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.acceptable) == ("none", 20, True)
    harmed = record("tiny_data", signals(FALLING), truth([0.1] * 20))
    run = zoo_judging.judged(harmed, **SETTINGS)
    assert (run.harm, run.acceptable, run.healthy) == ("far", False, False)
    assert zoo_judging.summary([run])["saved"] == 0.0


def test_a_broken_update_is_told_in_the_epoch_that_it_happens_in():
    failure = {"step": 77, "player": "discriminator", "variable": None}
    history = signals(FALLING[:4])
    history += [dataclasses.replace(s, first_failure=failure) for s in signals(FALLING)[4:]]
    run = zoo_judging.judged(record("nan_batch", history, RISEN), **SETTINGS)
    assert (run.verdict, run.epoch, run.acceptable, run.healthy) == ("diverged", 5, True, False)
    # The interrupted epoch was never measured: the best one lies before it.
    assert zoo_judging.replay(history, **SETTINGS).best_epoch == 4


def test_before_its_cause_acts_a_run_is_a_healthy_one():
    kind = zoo_kinds.KINDS["stale_discriminator"]
    history = signals([1.0] + [0.5] * 99)
    assert kind.onset(100) == 16
    run = zoo_judging.judged(record(kind.name, history, truth([0.1] * 100)), **SETTINGS)
    assert (run.verdict, run.epoch, run.allowed) == ("stalled", 13, zoo_kinds.HEALTHY)


def test_a_fresh_discriminator_is_shown_only_where_a_rule_asks():
    class Asks:
        kind = "asks"

        def wants_fresh(self, history):
            return len(history) in (3, 6)  # the third is before the least number of epochs

        def __call__(self, history):
            seen.append([s.fresh_discriminator_auc for s in history])

    seen = []
    history = signals([0.5] * 8, fresh=[0.7] * 8)
    assert zoo_judging.replay(history, [Asks()], min_epochs=5) is None
    assert seen[-1] == [None] * 5 + [0.7] + [None] * 2
    assert all(value is None for value in seen[0])


def test_the_default_rules_find_equilibrium_by_what_was_recorded():
    chances = [0.95] * 3 + [0.5] * 17
    history = signals([1.0, 0.5] + [0.4] * 18, chances, fresh=[None] * 4 + [0.5] * 16)
    assert zoo_judging.replay(history, **SETTINGS).kind == "equilibrium"
    blind = signals([1.0, 0.5] + [0.4] * 18, chances)
    assert zoo_judging.replay(blind, **SETTINGS).kind != "equilibrium"


def test_the_interval_is_wilsons():
    # Scored by hand: 8 of 10, z = 1.96.
    assert zoo_judging.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert zoo_judging.wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-12)
    assert zoo_judging.wilson(10, 10)[1] == pytest.approx(1.0, abs=1e-12)


def test_the_report_shows_halves_apart_and_all_misses():
    history = signals([1.0, 0.5, 0.4] + [0.45] * 17)
    good = record("relativistic_r1_r2", history, RISEN, seed=1)
    tuned = record("relativistic_r1_r2", history, RISEN, seed=0)
    missed = record("discriminator_rate_high", signals(FALLING), truth([0.1] * 20), seed=1)
    runs = [zoo_judging.judged(r, **SETTINGS) for r in (good, tuned, missed)]
    text = zoo_judging.report(runs)
    assert "| judged | ring | 2 | 50.0% | 9.5% to 90.5% | 0 of 1 |" in text
    assert "| tuning | ring | 1 | 100.0% |" in text
    assert "| discriminator_rate_high | 1 of 1 | 1 (1 wrong) |" in text
    assert "| ring, discriminator_rate_high | 1 | judged | none | 20 of 20 | far |" in text
    json.dumps([zoo_judging.plain(run) for run in runs])


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

    recorder = zoo_recording.Recorder([Asks()], every=3)
    history = signals([0.5] * 6, [0.5] * 5 + [0.9], fresh=[0.7] * 6)
    wanted = [recorder.wants_fresh(history[:length]) for length in range(1, 7)]
    # The second for the rule, the third as one in three, the sixth not: it is sure.
    assert wanted == [False, True, True, False, False, False]
    assert seen[-1] == [None, 0.7, None, None, None, None]
    assert recorder(history) is None


def test_records_come_back_as_they_were(tmp_path):
    content = {**record("hinge_r1", signals([0.5, math.nan]), RISEN), "machine": {"cores": 2}}
    zoo_recording.write(content, tmp_path)
    file = zoo_recording.path("ring", "hinge_r1", 9, tmp_path)
    assert file.stat().st_size < 1_500
    found = zoo_recording.read(file)
    assert math.isnan(found["signals"][1].pop("quality"))
    del content["signals"][1]["quality"]
    assert found == content
    assert [f.name for f in tmp_path.iterdir()] == [file.name]


@pytest.fixture
def small_task():
    return dataclasses.replace(zoo_tasks.TASKS["ring"], judged=200, fresh_every=100)


@pytest.mark.slow
def test_a_broken_batch_breaks_one_update_and_the_run_goes_on(small_task):
    kind = zoo_kinds.KINDS["nan_batch"]
    found = zoo_recording.record(small_task, kind, 0, epochs=7, steps=2)
    assert kind.onset(7) == 2
    assert len(found["signals"]) == len(found["truth"]) == 7
    broken = [s.get("first_failure", {}).get("step") for s in found["signals"]]
    assert broken == [None] + [3] * 6
    run = zoo_judging.judged(found, **SETTINGS)
    assert (run.verdict, run.epoch) == ("diverged", 2)


@pytest.mark.parametrize("name", list(zoo_kinds.KINDS))
@pytest.mark.parametrize("task", ["ring", "digits"])
def test_every_kind_makes_its_game(task, name):
    task, kind = zoo_tasks.TASKS[task], zoo_kinds.KINDS[name]
    shape = (2,) if task.name == "ring" else (8, 8, 1)
    gan = zoo_tasks.game(task, kind, shape, 0)
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
    task, kind = zoo_tasks.TASKS["ring"], zoo_kinds.KINDS["stale_discriminator"]
    (stale,) = zoo_tasks.callbacks(dataclasses.replace(task, epochs=14), kind)
    assert stale.onset == 3
    gan, seen = zoo_tasks.game(task, kind, (2,), 0), []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(gan.discriminator.get_weights()[0].sum())
    )
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
        records=zoo_recording.FOLDER,
    )
    text = convergence_zoo.PAGE.read_text()
    runs = convergence_zoo.judge(convergence_zoo.kept(given))
    assert zoo_judging.report(runs) in text
    assert convergence_zoo.page(text, runs) == text, "convergence_zoo.py --judge --page"


def test_the_page_names_what_is_not_recorded():
    def run(task, kind, seed):
        return types.SimpleNamespace(task=task, kind=kind, seed=seed)

    planned = [
        run(task, kind, seed) for task in zoo_tasks.TASKS for kind, seed in zoo_kinds.runs(task)
    ]
    told = convergence_zoo.missing(planned)
    assert told == f"All {len(planned)} runs of the plan are recorded."
    told = convergence_zoo.missing([r for r in planned if r.kind.name != "steady"])
    assert told.endswith("Missing: steady (4).")
