"""How fast is a step, beside the documentation's training step and PyTorch's?

The contenders train the same networks with the same optimizers, batch and data; their numbers of
weights are compared first. Each is a process of its own that has its model warm and trains for some
seconds when it is asked to; they are asked in turns, all once in each round, while the others are
stopped (`--waiting idle` leaves them alone; `both` does one after the other in each round, and
tells what stopping changes). Figures are ratios of the medians over the rounds, with the quartiles
of the rounds' own ratios in brackets.

- P1: a `keras.Model` with the training step of the Keras documentation, run by `fit`;
- P2: the same with XLA;
- P3: PyTorch, eager, channels last, the fakes shared between the players;
- P4: the same with `torch.compile`.

The recipes of `recipes.py` are further workloads, of ours, P1 and P3, when they are
asked for by name.

Ours has its networks from `layers.fuse`: BatchNorm in one kernel, and the image's convolution in
another order, as in `networks.dcgan`. It has no moving average here, as the others have none; it
counts its accuracies and gradients' norms and checks its updates, as always. PyTorch lives in an
environment of its own, which is made when it is missing (or given by `--torch-environment`, its
folder or its interpreter). The bound is the time of a step's convolutions and matrix products, each
timed alone; what a step takes longer is its share outside of them. Memory is the peak above that
after the imports; the first step is timed from the first import on.
"""

import functools
import os
import pathlib
import sys

from benchmarks import records
from benchmarks.speed.throughput import report
from benchmarks.speed.throughput.contenders import (
    TORCH_ENVIRONMENT,
    Contender,
    command,
    processor,
)
from benchmarks.speed.throughput.recipes import ALL, KINDS, RECIPES, WORKLOADS
from benchmarks.speed.throughput.turns import WAYS, Process, ending_in_order, in_turns

ROUNDS, SECONDS, SECONDS_A_KERNEL = 9, 3.0, 0.5
QUICK = (2, 0.3, 0.02)
QUICK_WORKLOADS, FEW_CONTENDERS = ["W4"], ["ours float32", "P1 float32", "P3 float32"]
# What ways of waiting are compared on: short steps, and steps of many kernels.
BOTH_WAYS_WORKLOADS = ["W1", "W4"]
# What the names of records have in front of the workload's.
PREFIXES = {"stopped": "", "idle": "idle_", "both": "both_"}


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
    parser = records.parser(__doc__)
    parser.add_argument("--workloads", nargs="+", choices=ALL)
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}; fewer are not kept")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=[*CONTENDERS, "ours", "P1", "P2", "P3", "P4"],
        help="with or without a precision; the record lists them",
    )
    parser.add_argument(
        "--waiting",
        choices=PREFIXES,
        default="stopped",
        help="what contenders do while another is asked; each has records of its own",
    )
    parser.add_argument("--torch-environment", type=pathlib.Path, default=TORCH_ENVIRONMENT)
    given = parser.parse_args()
    ending_in_order()
    both = given.waiting == "both"
    rounds, *seconds = QUICK if given.quick else (ROUNDS, SECONDS, SECONDS_A_KERNEL)
    rounds = given.rounds or rounds
    usual = BOTH_WAYS_WORKLOADS if both else list(WORKLOADS)
    workloads = given.workloads or (QUICK_WORKLOADS if given.quick else usual)
    usual = FEW_CONTENDERS if both or given.quick else list(CONTENDERS)
    asked = given.contenders or usual
    names = [name for name, each in CONTENDERS.items() if {name, each.kind} & set(asked)]
    runs = records.Runs("throughput", given, keep=rounds >= ROUNDS and not given.quick)
    for workload in workloads:
        runs.measured(
            PREFIXES[given.waiting] + workload,
            measure,
            workload,
            [CONTENDERS[name] for name in names if may_run(name, workload)],
            rounds,
            *seconds,
            given.torch_environment,
            WAYS if both else (given.waiting,),
        )
    print((report.of_waiting if both else report.report)(runs.end()))


# === Measuring ===


def measure(
    workload, contenders, rounds, seconds, seconds_a_kernel, torch_environment, ways=WAYS[:1]
):
    """The record of one workload: all contenders, in turns."""
    load = os.getloadavg()
    commands = {
        each.name: functools.partial(command, each, workload, seconds, torch_environment)
        for each in contenders
    }
    facts, not_run = in_turns(commands, dict.fromkeys(commands, ALL[workload]), rounds, ways)
    return {
        "workload": workload,
        "title": ALL[workload].title,
        "asked": list(commands),
        "waiting": list(ways),
        "rounds": rounds,
        "seconds_a_round": seconds,
        "load_before": [round(each, 2) for each in load],
        "load_after": [round(each, 2) for each in os.getloadavg()],
        "processor": processor(),
        "contenders": facts,
        "not_run": not_run if workload in RECIPES else {**NOT_RUN, **not_run},
        # It is no matter of waiting, and is counted for layers one after the other.
        "bound": {
            precision: bound(workload, precision, seconds_a_kernel)
            for precision in sorted({contender.precision for contender in contenders})
            if len(ways) == 1 and workload in WORKLOADS
        },
    }


def may_run(name, workload):
    """Whether there is such a contender of a workload."""
    return workload in WORKLOADS or CONTENDERS[name].kind in KINDS


def bound(workload, precision, seconds):
    """Milliseconds of a step's convolutions and matrix products."""
    process = Process(
        sys.executable, "-m", f"{__package__}.bound", workload, precision, str(seconds)
    )
    try:
        return process.hear()
    finally:
        process.kill()


if __name__ == "__main__":
    main()
