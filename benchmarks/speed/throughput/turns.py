"""Processes that are kept warm and train in turns.

While one of them becomes warm, trains or ends, those that wait are stopped (SIGSTOP): otherwise
what prefetches or spins in them would take time from it. With the way "idle" they are left alone,
to measure what that changes.
"""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading

from benchmarks import records

# How contenders wait for their turn.
WAYS = ("stopped", "idle")
# Nothing takes as long to become warm, or to make a round.
LIMIT = 1_200


def in_turns(commands, workloads, rounds, ways=WAYS[:1]):
    """What processes tell that train in turns, all once in each round and way of waiting.

    Args:
        commands: `dict` from a name to a callable that makes its process's command.
        workloads: `dict` from the same names to what each trains.
        rounds: rounds to train.
        ways: ways to wait, of `WAYS`. With two of them, each round has both, in an order that
            changes from round to round. Default: stopped.

    Returns:
        `(facts, not_run)`: by name, what each tells, with its rates in the first way as
        "images_per_second" and in the second as "images_per_second_idle"; and why others did not
        run.
    """
    running, facts, not_run = {}, {}, {}
    keys = dict(zip(ways, ("images_per_second", "images_per_second_idle"), strict=False))
    try:
        for name, make_command in commands.items():
            try:
                process = running[name] = Process(*make_command())
                facts[name] = {**process.hear(), **{key: [] for key in keys.values()}}
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                failed = running.pop(name, None)
                if failed is not None:
                    failed.kill()
                not_run[name] = str(error)
            else:
                _wait(process, ways[0])
        check_parameters(workloads, facts)
        for number in range(rounds):
            for way in ways[:: -1 if number % 2 else 1]:
                for process in running.values():
                    _wait(process, way)
                for name, process in running.items():
                    process.go_on()
                    told = process.ask()
                    _wait(process, way)
                    rate = told["steps"] * workloads[name].images_a_step / told["seconds"]
                    facts[name][keys[way]].append(round(rate, 2))
        for name, process in running.items():
            process.go_on()
            facts[name].update(process.finish())
    finally:
        for process in running.values():
            process.kill()
    for name, fact in facts.items():
        rate = statistics.median(fact["images_per_second"])
        fact["median_images_per_second"] = rate
        fact["milliseconds_a_step"] = round(1e3 * workloads[name].images_a_step / rate, 3)
    return facts, not_run


def _wait(process, way):
    if way == "stopped":
        process.stop()
    else:
        process.go_on()


def check_parameters(workloads, facts):
    """Check that all networks have the numbers of weights that they must have."""
    for name, fact in facts.items():
        expected = workloads[name].parameters
        if fact["parameters"] != expected:
            raise SystemExit(
                f"Networks must have {expected} weights in {workloads[name].title}. "
                f"Received: {name} with {fact['parameters']}."
            )


def ending_in_order():
    """Let a request to end (SIGTERM) end what has been started too, as Ctrl-C does."""

    def end(number, frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)


class Process:
    """A contender's process: it says a line when it is warm, and one for each that it hears.

    It leads a group of its own, so that signals reach all that it has started, and a Ctrl-C in the
    terminal reaches the benchmark alone, which kills the groups.
    """

    def __init__(self, *command):
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
            env=records.environment(),
        )
        self.pid = self._process.pid

    def stop(self):
        """Stop all its threads and children; returns when they are."""
        if self._signal(signal.SIGSTOP):
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self):
        """Let them go on, if they were stopped."""
        self._signal(signal.SIGCONT)

    def ask(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.hear()

    def finish(self):
        self._process.stdin.close()
        told = self.hear()
        self._process.wait(LIMIT)
        return told

    def hear(self):
        """The next line; raises `RuntimeError` with the last of its errors if there is none."""
        timer = threading.Timer(LIMIT, self._signal, [signal.SIGKILL])
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or ["nothing was said"]
        raise RuntimeError(lines[-1][:300])

    def kill(self):
        """End it and all that it has started; stopped ones need not go on for that."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                file.close()

    def _signal(self, number):
        """Send a signal to the group; whether there is one."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True
