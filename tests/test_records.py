"""Finished runs of benchmarks: kept, gone on from, merged."""

import argparse
import json
import math
import subprocess
import sys

import pytest

from benchmarks import records

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(records, "CACHE", tmp_path / ".cache")


def runs(benchmark="speed", **given):
    usual = {"quick": False, "again": False, "json": None, "seeds": [0, 1]}
    return records.Runs(benchmark, argparse.Namespace(**{**usual, **given}))


def figure(value):
    return {"figure": value}


def test_a_stopped_benchmark_goes_on():
    assert runs().measured("a", figure, 1)["figure"] == 1
    stopped = runs()
    assert stopped.known("a") and not stopped.known("b")
    assert stopped.measured("a", figure, 2)["figure"] == 1


@pytest.mark.parametrize("benchmark", ["speed", "zoo"])
def test_runs_are_merged_and_come_back_as_they_were(benchmark):
    first = runs(benchmark)
    record = first.measured("b", figure, [math.inf, (1, 2), math.nan])
    first.end()
    runs(benchmark).measured("a", figure, 2)  # of a process that goes on
    second = runs(benchmark)
    second.measured("c", figure, 3)
    second.end()
    assert list(records.summary(benchmark)) == ["b", "c"]
    assert json.dumps(runs(benchmark).measured("b", figure, 0)) == json.dumps(record)
    assert [path.name for path in records.RESULTS.iterdir()] == [
        f"{benchmark}.json{'.gz' * (benchmark == 'zoo')}"
    ]
    assert [path.stem for path in (records.CACHE / "runs" / benchmark).iterdir()] == ["a"]


def test_a_run_measured_again_is_the_one_that_counts():
    first = runs()
    first.measured("a", figure, 1)
    first.end()
    runs(again=True).measured("a", figure, 2)
    assert records.known("speed", "a")["figure"] == 2
    third = runs()
    third.measured("a", figure, 3)
    third.end()
    assert records.summary("speed")["a"]["figure"] == 2


def test_what_was_only_read_does_not_take_the_place_of_what_others_measure():
    first = runs()
    first.measured("a", figure, 1)
    first.end()
    reader, other = runs(), runs(again=True)
    assert reader.measured("a", figure, 0)["figure"] == 1
    other.measured("a", figure, 2)
    other.end()
    reader.end()
    assert records.summary("speed")["a"]["figure"] == 2


def test_quick_runs_are_no_results(tmp_path):
    quick = runs(quick=True, json=tmp_path / "told.json")
    assert quick.seeds == [0]
    quick.measured("a", figure, 1)
    quick.end()
    assert json.loads((tmp_path / "told.json").read_text())[0]["figure"] == 1
    assert not records.RESULTS.exists() and not records.CACHE.exists()


def test_processes_that_merge_at_a_time_lose_nothing(tmp_path):
    program = """
import pathlib, sys
from benchmarks import records
place, name = pathlib.Path(sys.argv[1]), sys.argv[2]
records.RESULTS, records.CACHE = place / "results", place / ".cache"
for number in range(20):
    records.merge("speed", {f"{name}{number}": {"figure": number}})
"""
    command = [sys.executable, "-c", program, tmp_path]
    both = [subprocess.Popen([*command, name], env=records.environment()) for name in "ab"]
    assert [process.wait() for process in both] == [0, 0]
    assert len(records.summary("speed")) == 40


def test_runs_of_another_checkout_are_merged(tmp_path, monkeypatch, capsys):
    record = {"run": "speed_b_seed0", "figure": 1, "machine": {}}
    single, other = tmp_path / "speed_b_seed0.json", tmp_path / "speed.json"
    records.write(single, record)
    records.write(other, {"a": record})

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["records", "merge", *map(str, arguments)])
        records.main()

    with pytest.raises(SystemExit, match="--benchmark must be given"):
        command(single)
    command(single, other, "--benchmark", "speed")
    assert sorted(records.summary("speed")) == ["a", "b_seed0"]
    assert records.summary("speed")["b_seed0"] == {**record, "run": "b_seed0"}
