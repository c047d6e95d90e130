"""Are verdicts right? A zoo of healthy and sick runs, judged by ground truth.

Each run goes on to its full length under `ConvergenceStopping` with its defaults, whose rules are
replaced by one that never stops. Its signals are kept in `results/`, together with ground truth
that no rule sees: the modes of the ring, or a classifier and a Frechet distance on images
that were neither trained nor validated with. What the default rules would have said is then
found from the records alone, in seconds: `--judge` trains nothing, and `--judge --page` puts it
into docs/verdicts.md. Who changes rules looks at `--judge --half tuning`, and at the other half
only when they are done.

`kinds.py` is the table of kinds, of their causes and of acceptable verdicts; it also says which
runs rules may be tuned on. `harm.py` decides whether a cause made a run sick. Both were fixed
before the first run.
"""

import collections
import gc
import time

from benchmarks import records
from benchmarks.zoo import (
    judging,
    kinds,
    recording,
    tasks,
)

PAGE = records.ROOT / "docs" / "verdicts.md"
QUICK = ("relativistic_r1_r2", "generator_rate_high", "nan_batch")


def main():
    parser = records.parser(__doc__)
    parser.set_defaults(seeds=None)
    parser.add_argument("--tasks", nargs="+", choices=list(tasks.TASKS), default=[])
    parser.add_argument("--kinds", nargs="+", choices=list(kinds.KINDS))
    parser.add_argument("--half", choices=("tuning", "judged"), help="the runs of one half only")
    parser.add_argument("--judge", action="store_true", help="kept runs only; trains nothing")
    parser.add_argument("--page", action="store_true", help="all kept runs into docs/verdicts.md")
    parser.add_argument(
        "--budget-minutes", type=float, help="begin no run that may not end by then"
    )
    parser.add_argument("--data-dir", help="of TensorFlow Datasets, for mnist")
    given = parser.parse_args()
    found = quick(given) if given.quick else kept(given)
    runs = judge(found)
    if given.json:
        records.write(given.json, [judging.plain(run) for run in runs])
    print(judging.report(runs) if runs else "No run is kept yet.")
    if given.page:
        PAGE.write_text(page(PAGE.read_text(), runs))


def judge(found):
    """What the callback's defaults make of records."""
    import keras_gan

    defaults = keras_gan.callbacks.ConvergenceStopping()
    return [
        judging.judged(record, defaults.rules, min_epochs=defaults.min_epochs) for record in found
    ]


def page(text, runs):
    """The page with the tables of runs, and with what is not recorded, between its markers."""
    return records.put(text, "zoo", f"{judging.report(runs)}\n\n{missing(runs)}")


def missing(runs):
    """A sentence on the runs of the table that are not among these."""
    kept = {(run.task, run.kind.name, run.seed) for run in runs}
    found = collections.Counter(
        kind.name
        for task in tasks.TASKS
        for kind, seed in kinds.runs(task)
        if (task, kind.name, seed) not in kept
    )
    if not found:
        return f"All {len(kept)} runs of the plan are recorded."
    listed = ", ".join(f"{name} ({count})" for name, count in found.items())
    total = len(kept) + found.total()
    return f"Recorded are {len(kept)} of the {total} runs of the plan. Missing: {listed}."


def wanted(given):
    """The runs asked for: `(task, kind, seed)`."""
    for name in given.tasks or tasks.TASKS:
        for kind, seed in kinds.runs(name, given.seeds):
            other = given.kinds and kind.name not in given.kinds
            if not other and given.half in (None, kind.half(seed)):
                yield tasks.TASKS[name], kind, seed


def quick(given):
    """A few epochs of three kinds on the ring, which prove nothing."""
    task = tasks.TASKS["ring"]
    return [recording.record(task, kinds.KINDS[name], 0, epochs=8, steps=20) for name in QUICK]


def kept(given):
    """The records of all runs asked for, those that are missing being made first."""
    start, runs = time.perf_counter(), records.Runs("zoo", given)
    for task, kind, seed in wanted(given):
        name, again = recording.name(task.name, kind.name, seed), given.again and not given.judge
        if runs.known(name, again) is None:
            if given.judge:
                continue
            minutes = (time.perf_counter() - start) / 60.0
            if given.budget_minutes and minutes + task.minutes > given.budget_minutes:
                print(f"Left out: {name}", flush=True)
                continue
            print(f"{name} begins", flush=True)
        runs.measured(name, recording.record, task, kind, seed, given.data_dir, again=again)
        gc.collect()  # models hold themselves in circles
    return runs.merge()


if __name__ == "__main__":
    main()
