"""Who trains: a contender's command, and the environment and the processor that it has."""

import pathlib
import sys
import typing

from benchmarks import records

TORCH_ENVIRONMENT = records.CACHE / "throughput_torch"


class Contender(typing.NamedTuple):
    """Who trains, in what precision."""

    kind: str
    precision: str

    @property
    def name(self):
        return f"{self.kind} {self.precision}"


def command(contender, workload, seconds, torch_environment):
    """The command of a contender's process."""
    if contender.kind in ("P3", "P4"):
        python, module = torch_python(torch_environment), "with_torch"
    else:
        python, module = sys.executable, "with_keras"
    arguments = [contender.kind, workload, contender.precision, str(seconds)]
    return [python, "-m", f"{__package__}.{module}", *arguments]


def processor():
    """The processor's name, and what it has for small floats."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = [f for f in lines.get("flags", "").split() if f.startswith(("avx512_bf16", "amx_"))]
    return {"name": lines.get("model name"), "bfloat16": flags}


def torch_python(environment):
    """The interpreter of an environment with PyTorch."""
    return records.python_with(environment, "numpy, torch", "numpy", "torch")
