"""How fast is a step, beside the documentation's training step and PyTorch's?

The contenders train the same networks with the same optimizers, batch and data; their numbers of
weights are compared first. Each is a process of its own that has its model warm and trains for some
seconds when it is asked to; they are asked in turns, all once in each round. Figures are ratios of
the medians over the rounds, with the quartiles of the rounds' own ratios in brackets.

- P1: a `keras.Model` with the training step of the Keras documentation, run by `fit`;
- P2: the same with XLA;
- P3: PyTorch, eager, channels last, the fakes shared between the players;
- P4: the same with `torch.compile`.

Ours makes the image with `layers.ImageConv2D`, the same convolution in another order, as
`networks.dcgan` does. It has no moving average here, as the others have none; it counts its
accuracies and gradients' norms and checks its updates, as always. PyTorch lives in an environment
of its own, which is made when it is missing (or given by `--torch-environment`, its folder or its
interpreter). The bound is the time of a step's convolutions and matrix products, each timed alone;
what a step takes longer is its share outside of them. Memory is the peak above that after the
imports; the first step is timed from the first import on.
"""

import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import typing
import venv

import records
import throughput_report
from throughput_workloads import WORKLOADS

HERE = pathlib.Path(__file__).parent
TORCH_ENVIRONMENT = HERE / ".cache" / "throughput_torch"
ROUNDS, SECONDS, SECONDS_A_KERNEL = 7, 3.0, 1.0
QUICK = (2, 0.3, 0.02)
QUICK_WORKLOADS, QUICK_CONTENDERS = ["W4"], ["ours float32", "P1 float32", "P3 float32"]
# Nothing takes as long to become warm, or to make a round.
LIMIT = 1_200


class Contender(typing.NamedTuple):
    """Who trains, in what precision."""

    kind: str
    precision: str

    @property
    def name(self):
        return f"{self.kind} {self.precision}"


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("ours", "float32"),
        Contender("P1", "float32"),
        Contender("P2", "float32"),
        Contender("P3", "float32"),
        Contender("P4", "float32"),
        Contender("ours", "bfloat16"),
        Contender("P1", "bfloat16"),
        Contender("P3", "bfloat16"),
        Contender("P4", "bfloat16"),
    )
}
NOT_RUN = {
    "P5 float32": "TF-GAN needs TensorFlow 2.15 or older with Keras 2, for which no environment is "
    "made"
}


def main():
    parser = records.parser(__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS)
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=[*CONTENDERS, "ours", "P1", "P2", "P3", "P4"],
        help="with or without a precision; fewer than all are not kept as a result",
    )
    parser.add_argument("--torch-environment", type=pathlib.Path, default=TORCH_ENVIRONMENT)
    given = parser.parse_args()
    rounds, *seconds = QUICK if given.quick else (ROUNDS, SECONDS, SECONDS_A_KERNEL)
    workloads = given.workloads or (QUICK_WORKLOADS if given.quick else list(WORKLOADS))
    asked = given.contenders or (QUICK_CONTENDERS if given.quick else list(CONTENDERS))
    names = [name for name, each in CONTENDERS.items() if {name, each.kind} & set(asked)]
    whole = set(names) == set(CONTENDERS) and (given.rounds or rounds) >= ROUNDS
    runs = [
        records.measured(
            f"throughput_{workload}",
            functools.partial(
                measure,
                workload,
                [CONTENDERS[name] for name in names],
                given.rounds or rounds,
                *seconds,
                given.torch_environment,
            ),
            again=given.again,
            keep=whole and not given.quick,
        )
        for workload in workloads
    ]
    if given.json:
        records.write(given.json, runs)
    print(throughput_report.report(runs))


# === Measuring ===


def measure(workload, contenders, rounds, seconds, seconds_a_kernel, torch_environment):
    """The record of one workload: all contenders, in turns."""
    load = os.getloadavg()[0]
    commands = {
        each.name: functools.partial(command, each, workload, seconds, torch_environment)
        for each in contenders
    }
    facts, not_run = in_turns(commands, dict.fromkeys(commands, WORKLOADS[workload]), rounds)
    return {
        "workload": workload,
        "title": WORKLOADS[workload].title,
        "rounds": rounds,
        "seconds_a_round": seconds,
        "load_before": round(load, 2),
        "processor": processor(),
        "contenders": facts,
        "not_run": {**NOT_RUN, **not_run},
        "bound": {
            precision: bound(workload, precision, seconds_a_kernel)
            for precision in sorted({contender.precision for contender in contenders})
        },
    }


def in_turns(commands, workloads, rounds):
    """What processes tell that train in turns, all once in each round.

    Args:
        commands: `dict` from a name to a callable that makes its process's command.
        workloads: `dict` from the same names to what each trains.
        rounds: rounds to train.

    Returns:
        `(facts, not_run)`: by name, what each tells with its rates; and why others did not run.
    """
    running, facts, not_run = {}, {}, {}
    try:
        for name, make_command in commands.items():
            try:
                process = running[name] = Process(*make_command())
                facts[name] = {**process.hear(), "images_per_second": []}
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                running.pop(name, None)
                not_run[name] = str(error)
        check_parameters(workloads, facts)
        for _ in range(rounds):
            for name, process in running.items():
                told = process.ask()
                rate = told["steps"] * workloads[name].images_a_step / told["seconds"]
                facts[name]["images_per_second"].append(round(rate, 2))
        for name, process in running.items():
            facts[name].update(process.finish())
    finally:
        for process in running.values():
            process.kill()
    for name, fact in facts.items():
        rate = statistics.median(fact["images_per_second"])
        fact["median_images_per_second"] = rate
        fact["milliseconds_a_step"] = round(1e3 * workloads[name].images_a_step / rate, 3)
    return facts, not_run


def command(contender, workload, seconds, torch_environment):
    """The command of a contender's process."""
    if contender.kind in ("P3", "P4"):
        python, file = torch_python(torch_environment), "throughput_torch.py"
    else:
        python, file = sys.executable, "throughput_keras.py"
    arguments = [contender.kind, workload, contender.precision, str(seconds)]
    return [python, HERE / file, *arguments]


def bound(workload, precision, seconds):
    """Milliseconds of a step's convolutions and matrix products."""
    process = Process(
        sys.executable, HERE / "throughput_bound.py", workload, precision, str(seconds)
    )
    try:
        return process.hear()
    finally:
        process.kill()


def check_parameters(workloads, facts):
    """Check that all networks have the numbers of weights that they must have."""
    for name, fact in facts.items():
        expected = workloads[name].parameters
        if fact["parameters"] != expected:
            raise SystemExit(
                f"Networks must have {expected} weights in {workloads[name].title}. "
                f"Received: {name} with {fact['parameters']}."
            )


def processor():
    """The processor's name, and what it has for small floats."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = [f for f in lines.get("flags", "").split() if f in ("avx512_bf16", "amx_bf16")]
    return {"name": lines.get("model name"), "bfloat16": flags}


def torch_python(environment):
    """The interpreter of an environment with PyTorch, made if need be."""
    if environment.is_file():
        return environment
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    if subprocess.run([python, "-c", "import numpy, torch"], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", "numpy", "torch"], check=True)
    return python


class Process:
    """A contender's process: it says a line when it is warm, and one for each that it hears."""

    def __init__(self, *command):
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, self._path()))},
        )

    @staticmethod
    def _path():
        return [str(HERE.parent), os.environ.get("PYTHONPATH")]

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
        timer = threading.Timer(LIMIT, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or ["nothing was said"]
        raise RuntimeError(lines[-1][:300])

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._errors.close()


if __name__ == "__main__":
    main()
