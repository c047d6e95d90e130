"""What all contenders' processes share: how they talk, and what they tell of themselves.

A process says one JSON line when its model is warm, and one after each round that a line of its
input asks for; when the input ends, it says its last and ends too.
"""

import ctypes
import json
import os
import pathlib
import signal
import sys
import time

# Steps of the first, unmeasured training are as many as take this long.
SETTLING = 1.0
# Linux's option by which a process gets a signal when its parent ends.
_PR_SET_PDEATHSIG = 1


class Worker:
    """This process, as its parent sees it."""

    def __init__(self):
        # A parent that is killed cannot end what it has stopped.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Whatever libraries print must not come between the lines.
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._begin = self._imported = None

    def begin(self):
        """Importing begins."""
        self._begin = time.perf_counter()

    def imported(self):
        """Importing is done."""
        self._imported = resident()
        self._import_seconds = time.perf_counter() - self._begin

    def first_step(self):
        """The first step is done."""
        self._first_step = time.perf_counter() - self._begin

    def ready(self, **more):
        """The model is warm."""
        self.say(
            seconds_to_import=round(self._import_seconds, 3),
            seconds_to_first_step=round(self._first_step, 3),
            seconds_after_imports=round(self._first_step - self._import_seconds, 3),
            **more,
        )

    def asked(self):
        """Wait; whether there is to be another round."""
        return bool(sys.stdin.readline())

    def finish(self):
        """The last line: memory above that of the imports, in MB."""
        self.say(
            megabytes_of_imports=round(self._imported, 1),
            megabytes_at_peak=round(peak() - self._imported, 1),
        )

    def say(self, **content):
        print(json.dumps(content), file=self._out, flush=True)


def resident():
    """Resident memory of this process in MB."""
    return _status("VmRSS")


def peak():
    """The most that it has been."""
    return _status("VmHWM")


def _status(key):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status must have {key}, which Linux gives.")


def steps_a_round(seconds, seconds_a_step, multiple=1):
    """Steps that take about so many seconds: a multiple, and at least one of it."""
    return max(1, round(seconds / seconds_a_step / multiple)) * multiple
