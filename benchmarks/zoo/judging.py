"""Rules judged by kept runs: what they would have said, against what ground truth allows."""

import collections
import dataclasses
import math

import numpy as np

from benchmarks import records
from benchmarks.zoo import harm, kinds
from benchmarks.zoo.recording import asks, hidden
from keras_gan import convergence

VERDICTS = (
    "none",
    "equilibrium",
    "stalled",
    "oscillating",
    "mode_collapse",
    "discriminator_won",
    "discriminator_failed",
    "diverged",
)


def replay(history, rules, *, min_epochs):
    """The verdict that a watched run would have got, or `None`.

    What a fresh discriminator says is shown where a rule asks for it, as in a run.

    Args:
        history: all signals of a run.
        rules: list of rules.
        min_epochs: see `ConvergenceStopping`.
    """
    asked = set()
    for length, last in enumerate(history, 1):
        if last.first_failure:  # a run would have been told in the middle of the epoch
            last = convergence.Signals(epoch=last.epoch, first_failure=last.first_failure)
        known = [*hidden(history[: length - 1], asked), *hidden([last], set())]
        if length >= min_epochs and asks(rules, known):
            asked.add(last.epoch)
            known[-1] = last
        verdict = convergence.judge(known, rules, min_epochs=min_epochs)
        if verdict is not None:
            return verdict
    return None


# === One run ===


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one run.

    Attributes:
        task: its name.
        kind: its `Kind`.
        seed: its seed.
        verdict: name of the verdict, or "none".
        epoch: the epoch of the verdict, or the last one.
        epochs: full length.
        seconds: of the whole run.
        harm: what ground truth says, see `harm.harm`.
        allowed: the acceptable verdicts.
        stopped_improving: for a run that counts as healthy, whether it was stopped while it still
            improved by more than noise.
        finished: whether it counts as healthy and gained nothing in its last quarter.
        shortfall: by what share the restored weights are worse than the best epoch of all, by
            ground truth; `None` if no epoch was any good.
    """

    task: str
    kind: kinds.Kind
    seed: int
    verdict: str
    epoch: int
    epochs: int
    seconds: float
    harm: str | None
    allowed: frozenset
    stopped_improving: bool
    finished: bool
    shortfall: float | None

    @property
    def acceptable(self):
        return self.verdict in self.allowed

    @property
    def healthy(self):
        """Healthy by its kind, or since its cause did no harm."""
        return self.kind.healthy or (self.harm is None and not self.kind.broken_batch)

    @property
    def half(self):
        return self.kind.half(self.seed)


def judged(record, rules, *, min_epochs):
    """What becomes of a recorded run under these rules."""
    kind = kinds.KINDS[record["kind"]]
    scale, truth = harm.Scale(**record["scale"]), record["truth"]
    history = [convergence.Signals.from_dict(fields) for fields in record["signals"]]
    verdict = replay(history, rules, min_epochs=min_epochs)
    epochs = record["epochs"]
    epoch = epochs if verdict is None else verdict.epoch
    harmed = harm.harm(truth, scale)
    top = convergence.best(history) if verdict is None else None
    best_epoch = verdict.best_epoch if verdict else top and top.epoch
    result = Judged(
        task=record["task"],
        kind=kind,
        seed=record["seed"],
        verdict=kinds.NONE if verdict is None else verdict.kind,
        epoch=epoch,
        epochs=epochs,
        seconds=record["seconds"],
        harm=harmed,
        allowed=kinds.acceptable(
            kind,
            harmed=harmed is not None,
            not_finite=any(s.first_failure or s.broken_weight for s in history[:epoch]),
            before_onset=verdict is not None and epoch < kind.onset(epochs),
        ),
        stopped_improving=verdict is not None and harm.still_improving(truth, scale, epoch),
        finished=not harm.still_improving(truth, scale, epochs - epochs // 4),
        shortfall=shortfall(truth, scale, best_epoch or epoch),
    )
    if result.healthy:
        return result
    # Sick runs may be stopped at any time.
    return dataclasses.replace(result, stopped_improving=False, finished=False)


def shortfall(truth, scale, epoch):
    """`|q - best| / |best|` of an epoch's quality `q`, infinite if it is none."""
    losses = [scale.loss(figures["quality"]) for figures in truth]
    best, mine = min(losses), losses[epoch - 1]
    if math.isinf(best):
        return None
    if mine == best:
        return 0.0
    return (mine - best) / abs(best) if best else math.inf


# === Many runs ===


def wilson(successes, total, z=1.96):
    """The Wilson score interval of a share, 95 % by default."""
    if not total:
        return 0.0, 1.0
    share, square = successes / total, z**2 / total
    centre = (share + square / 2.0) / (1.0 + square)
    half = z * math.sqrt(share * (1.0 - share) / total + square / (4.0 * total)) / (1.0 + square)
    return centre - half, centre + half


def summary(runs):
    """The figures of some runs, a `dict`."""
    good = sum(run.acceptable for run in runs)
    healthy = [run for run in runs if run.healthy]
    timed = [run for run in runs if run.finished or not run.healthy]
    saved = sum(run.seconds * (1.0 - run.epoch / run.epochs) for run in timed)
    shortfalls = [run.shortfall for run in runs if run.shortfall is not None]
    return {
        "runs": len(runs),
        "acceptable": good,
        "interval": list(wilson(good, len(runs))),
        "healthy": len(healthy),
        "stopped_improving": sum(run.stopped_improving for run in healthy),
        "median_shortfall": float(np.median(shortfalls)) if shortfalls else None,
        "sick_or_finished": len(timed),
        "saved": saved / sum(run.seconds for run in timed) if timed else None,
    }


def report(runs):
    """The figures of both halves, what was said of which kind, and all misses."""
    parts = [_figures(runs), _confusion(runs, "judged"), _confusion(runs, "tuning"), _misses(runs)]
    return "\n\n".join(filter(None, parts))


def _figures(runs):
    columns = ["half", "task", "runs", "acceptable (target 95%)", "95% interval"]
    columns += ["healthy stopped while improving (target 0)"]
    columns += ["restored against best, median (target 5%)", "time saved (target 30%)"]
    rows = []
    for half in ("judged", "tuning"):
        mine = [run for run in runs if run.half == half]
        tasks = list(dict.fromkeys(run.task for run in mine))
        for task in [*tasks, "all"] if len(tasks) > 1 else tasks:
            rows.append(_row(half, task, [run for run in mine if task in (run.task, "all")]))
    return records.table(columns, rows)


def _row(half, task, runs):
    found = summary(runs)
    low, high = found["interval"]
    restored, saved = found["median_shortfall"], found["saved"]
    return [
        half,
        task,
        found["runs"],
        f"{found['acceptable'] / found['runs']:.1%}",
        f"{low:.1%} to {high:.1%}",
        f"{found['stopped_improving']} of {found['healthy']}",
        "-" if restored is None else f"{restored:.1%}",
        "-" if saved is None else f"{saved:.0%} ({found['sick_or_finished']} runs)",
    ]


def _confusion(runs, half):
    """Kinds by verdicts: how many, and how many of them are misses."""
    mine = [run for run in runs if run.half == half]
    if not mine:
        return None
    names = [*VERDICTS, *sorted({run.verdict for run in mine} - set(VERDICTS))]
    rows = []
    for kind in dict.fromkeys(run.kind for run in mine):
        of_kind = [run for run in mine if run.kind == kind]
        harmed = sum(run.harm is not None for run in of_kind)
        counts = collections.Counter(run.verdict for run in of_kind)
        misses = collections.Counter(run.verdict for run in of_kind if not run.acceptable)
        cells = [_cell(counts[name], misses[name]) for name in names]
        rows.append([kind.name, f"{harmed} of {len(of_kind)}", *cells])
    columns = [f"{half} half: kind", "came to harm", *(n.replace("_", " ") for n in names)]
    return records.table(columns, rows)


def _cell(count, misses):
    return "" if not count else f"{count} ({misses} wrong)" if misses else str(count)


def _misses(runs):
    missed = [run for run in runs if not run.acceptable or run.stopped_improving]
    if not missed:
        return None
    columns = ["misses", "seed", "half", "verdict", "at epoch", "harm", "what is wrong"]
    rows = [
        [
            f"{run.task}, {run.kind.name}",
            run.seed,
            run.half,
            run.verdict,
            f"{run.epoch} of {run.epochs}",
            run.harm or "none",
            _wrong(run),
        ]
        for run in missed
    ]
    return records.table(columns, rows)


def _wrong(run):
    words = []
    if not run.acceptable:
        words.append("acceptable: " + ", ".join(sorted(run.allowed)))
    if run.stopped_improving:
        words.append("still improving")
    return "; ".join(words)


def plain(run):
    """A run's figures for JSON."""
    return {
        **dataclasses.asdict(run),
        "kind": run.kind.name,
        "allowed": sorted(run.allowed),
        "half": run.half,
        "acceptable": run.acceptable,
        "healthy": run.healthy,
    }
