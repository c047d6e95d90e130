"""Do processes train in turns, stopped in between, and are they all gone at the end?"""

import functools
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import pytest

from benchmarks import records
from benchmarks.speed.throughput import report as throughput_report
from benchmarks.speed.throughput import turns

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow


GAME = types.SimpleNamespace(parameters=1, images_a_step=10, title="small")
# A contender that trains for no time, and has a child, as PyTorch's compiler does.
CONTENDER = f"""
import subprocess, sys
sys.path.insert(0, {str(records.ROOT)!r})
from benchmarks.speed.throughput.worker import Worker
worker = Worker()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
worker.begin(), worker.imported(), worker.first_step()
worker.ready(parameters=1, child=child.pid)
while worker.asked():
    if len(sys.argv) > 1:
        raise ValueError("it broke")
    worker.say(seconds=2.0, steps=3)
worker.finish()
"""


def command(*arguments):
    return lambda: [sys.executable, "-c", CONTENDER, *arguments]


def state(pid):
    """One letter of a process: "T" for stopped; `None` if it is no more."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    letter = text.rpartition(")")[2].split()[0]
    return None if letter in "ZX" else letter


def settled(pids, seconds=0.5):
    """A letter for all that are stopped or soon will be, "T", and one for others, "-"."""
    end = time.monotonic() + seconds
    while any(state(pid) != "T" for pid in pids) and time.monotonic() < end:
        time.sleep(0.01)
    return "".join(sorted({"T" if state(pid) == "T" else "-" for pid in pids}))


def gone(pids, seconds=5.0):
    end = time.monotonic() + seconds
    while any(map(state, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(state, pids))


@pytest.fixture
def watched(monkeypatch):
    """What runs, with its children, and the states of all others whenever one is asked."""
    seen = types.SimpleNamespace(processes=[], children={}, states=[])

    class Watched(turns.Process):
        def __init__(self, *given):
            super().__init__(*given)
            seen.processes.append(self.pid)

        def hear(self):
            told = super().hear()
            seen.children[self.pid] = told.get("child", seen.children.get(self.pid))
            return told

        def ask(self):
            others = set(seen.processes) - {self.pid}
            pids = [*others, *(seen.children[pid] for pid in others)]
            seen.states.append(settled(pids))
            assert state(self.pid) != "T" and state(seen.children[self.pid]) != "T"
            return super().ask()

    monkeypatch.setattr(turns, "Process", Watched)
    return seen


def in_turns(commands, *arguments):
    return turns.in_turns(commands, dict.fromkeys(commands, GAME), *arguments)


def test_those_that_wait_are_stopped_with_their_children(watched):
    facts, not_run = in_turns({"a": command(), "b": command()}, 2)
    assert watched.states == ["T"] * 4 and not not_run
    assert facts["a"]["images_per_second"] == [15.0, 15.0]
    assert facts["a"]["median_images_per_second"] == 15.0
    assert "megabytes_at_peak" in facts["b"]
    assert gone([*watched.processes, *watched.children.values()])


def test_both_ways_of_waiting_alternate_in_one_run(watched):
    facts, _ = in_turns({"a": command(), "b": command()}, 2, turns.WAYS)
    assert watched.states == ["T", "T", "-", "-", "-", "-", "T", "T"]
    assert len(facts["b"]["images_per_second_idle"]) == len(facts["b"]["images_per_second"]) == 2


@pytest.mark.parametrize("error", [None, KeyboardInterrupt], ids=["of its own", "Ctrl-C"])
def test_nothing_is_left_after_an_error(watched, monkeypatch, error):
    if error is not None:
        monkeypatch.setattr(turns.statistics, "median", None)
        monkeypatch.setattr(turns.Process, "finish", functools.partial(_raise, KeyboardInterrupt))
    commands = {"a": command(), "b": command(*[] if error else ["breaks"])}
    with pytest.raises(error or RuntimeError, match=None if error else "it broke"):
        in_turns(commands, 1)
    assert len(watched.processes) == 2
    assert gone([*watched.processes, *watched.children.values()])


def _raise(error, *_):
    raise error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_contenders_end_with_a_benchmark_that_is_ended(number, tmp_path):
    file = tmp_path / "contender.py"
    file.write_text(CONTENDER)
    program = f"""
import sys, time
sys.path.insert(0, {str(records.ROOT)!r})
from benchmarks.speed.throughput import turns
turns.ending_in_order()
process = turns.Process(sys.executable, {str(file)!r})
try:
    process.hear()
    process.stop()
    print(process.pid, flush=True)
    time.sleep(60)
finally:
    process.kill()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert state(pid) == "T"
        os.kill(parent.pid, number)
        parent.wait()
        assert gone([pid])


# === The tables ===


def run_of(**contenders):
    facts = {
        name.replace("_", " "): {
            "images_per_second": stopped,
            "images_per_second_idle": idle,
            "median_images_per_second": sorted(stopped)[1],
        }
        for name, (stopped, idle) in contenders.items()
    }
    return {"workload": "W1", "contenders": facts}


def test_what_stopping_changes_is_a_ratio_of_ratios():
    run = run_of(
        ours_float32=([102.0, 204.0, 408.0], [100.0, 200.0, 400.0]),
        P1_float32=([100.0] * 3, [100.0] * 3),
    )
    table = throughput_report.of_waiting([run])
    assert "| W1 | ours float32 / P1 float32 | 2.040 | 2.000 | +2.0% [+2.0%, +2.0%] |" in table


def test_the_better_precision_of_each_is_compared():
    one = [[1.0] * 3] * 2
    run = run_of(
        ours_float32=([6.0] * 3, one),
        ours_bfloat16=([8.0] * 3, one),
        P3_float32=([5.0] * 3, one),
        P3_bfloat16=([4.0] * 3, one),
    )
    assert throughput_report.better(run, "ours", "P3", 1.5) == (
        "1.60 [1.60, 1.60], bfloat16 / float32, aim >= 1.5"
    )
    assert throughput_report.better(run, "ours", "P1", 1.5) == "-"
