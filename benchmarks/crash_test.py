"""Is a run ever lost? Four answers, each with a module of its own that says how it is measured.

- `kill_test`: a run that is killed thirty times and started again, against an undisturbed one;
- `backup_cost`: what backups cost in time;
- `faults`: the message and the loss when something breaks;
- `memory`: whether a long `fit` keeps its memory.
"""

import importlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import backup_cost  # noqa: E402
import faults  # noqa: E402
import kill_test  # noqa: E402
import memory  # noqa: E402
import records  # noqa: E402

PARTS = ("kill", "cost", "faults", "memory")
GROUPS = ("data", "files", "numbers", "runs")
# A quick look at the faults takes one of so many.
QUICK_SHARE = 6


def main():
    parser = records.parser(__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    runs = []

    def measured(name, measure):
        runs.append(records.measured(name, measure, again=given.again, keep=not given.quick))
        return runs[-1]

    for part in given.parts:
        columns, rows = globals()[f"_{part}"](given, measured)
        print(f"\n{part}\n\n{records.table(columns, rows)}", flush=True)
    if given.json:
        records.write(given.json, runs)


def _kill(given, measured):
    seeds = given.seeds[:1] if given.quick else given.seeds
    return kill_test.report(
        [
            measured(f"kill_seed{seed}", lambda seed=seed: kill_test.measure(seed, given.quick))
            for seed in seeds
        ]
    )


def _cost(given, measured):
    return backup_cost.report(measured("backup_cost", lambda: backup_cost.measure(given.quick)))


def _memory(given, measured):
    return memory.report(measured("memory", lambda: memory.measure(given.quick)))


def _faults(given, measured):
    rows = []
    for group in GROUPS:

        def measure(group=group):
            module = importlib.import_module(f"faults_in_{group}")
            return {"rows": faults.run_all(module.fault, QUICK_SHARE if given.quick else 1)}

        rows += measured(f"faults_{group}", measure)["rows"]
    columns, cells = faults.report(rows)
    passed = sum(row["passed"] for row in rows)
    return columns, [*cells, ["**in all**", f"{passed} of {len(rows)} passed", "", "", ""]]


if __name__ == "__main__":
    main()
