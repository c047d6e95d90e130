"""Which embedding orders checkpoints of real runs as a trained network does, without a download?

For each set of `checkpoints.py`, all pairs of checkpoints whose truth (`judges.py`) differs
by more than three standard errors are judged. Checkpoints that the trained network finds no nearer
to the reals than the mean of the reals, repeated, are left out: of what is no image yet its
distances say nothing. Told are the share of pairs on which an embedding agrees, by the Frechet and
by the sliced Wasserstein distance, and Spearman's correlation over the checkpoints of a set.
Candidates see other samples than the truth does.

`--record` trains the runs that are missing, one after another, and `--truth` compares them with
trained networks. Both keep their results in files; without them, only what is there is judged.

A second table tells which checkpoint of each run `ConvergenceStopping` would restore, if its
signals were of this embedding and measured at the checkpoints: how much larger its truth is than
that of the run's best one. Runs of which no checkpoint is nearer than the mean image are left out.
"""

import functools

import numpy as np

from benchmarks import records
from benchmarks.claims.embeddings import (
    candidates,
    checkpoints,
    judges,
)
from benchmarks.digit_classifier import scaled
from keras_gan.convergence import run_progress, signals, trends
from keras_gan.metrics import sliced_wasserstein
from keras_gan.metrics.frechet_distance import frechet_distance

STATISTICS = ("frechet", "sliced_wasserstein")
ERRORS = 3.0
QUICK_STEPS = 12


def main():
    parser = records.parser(__doc__)
    parser.set_defaults(seeds=[0])
    parser.add_argument("--data-dir", default=".", help="with MNIST, sprites, facades")
    parser.add_argument("--record", action="store_true", help="train the runs that are missing")
    parser.add_argument("--truth", action="store_true", help="compute the truth that is missing")
    sets = checkpoints.SETS
    parser.add_argument("--sets", nargs="+", choices=list(sets), default=list(sets))
    known = candidates.ALL
    parser.add_argument("--candidates", nargs="+", choices=known, default=list(known))
    given = parser.parse_args()
    records.one_thread()
    if given.quick:
        samples = checkpoints.recorded("digits", "healthy", given.data_dir, steps=QUICK_STEPS)
        print(records.table(["step", "samples"], [[step, len(x)] for step, x in samples.items()]))
        return
    if given.record:
        for kind in checkpoints.KINDS:
            for name in given.sets:
                if kind in sets[name].kinds:
                    checkpoints.recorded(name, kind, given.data_dir, again=given.again)
    runs = records.Runs("embeddings", given)
    for name in given.sets:
        judged = functools.cache(functools.partial(Judged, name, given.data_dir, given.truth))
        for candidate in given.candidates:
            for seed in given.seeds:
                run = f"{name}_{candidate}_seed{seed}"
                runs.measured(run, measure, judged, name, candidate, seed)
                print(report(runs[-1:]), flush=True)
    print(report(runs.end()), restored_report(runs), sep="\n\n")


def measure(judged, name, candidate, seed):
    """The record of a candidate on a set."""
    told = judged().judge(candidates.ALL[candidate], seed)
    return {"set": name, "candidate": candidate, "seed": seed, **told}


class Judged:
    """A set: its reals, the samples of its runs, and which of them are truly nearer."""

    def __init__(self, name, data_dir, all_truth):
        self.name = name
        known = [
            kind
            for kind in checkpoints.KINDS
            if checkpoints.path(name, kind).exists() and (all_truth or judges.is_known(name, kind))
        ]
        _, self.reals = checkpoints.reals(name, data_dir)
        truth = judges.distances(name, known, data_dir)
        self.far = judges.of_mean_image(name, data_dir)
        self.recorded = len(truth)
        self.all_truth = truth
        self.truth = {key: pair for key, pair in truth.items() if pair[0] < self.far}
        near = {kind for kind, _ in self.truth}
        self.samples = {
            (kind, step): samples[-checkpoints.COUNT :]
            for kind in known
            for step, samples in checkpoints.recorded(name, kind, data_dir).items()
            if kind in near
        }
        self.halves = {
            half: [key for key in self.truth if checkpoints.KINDS[key[0]].half in half]
            for half in ("choose", "report", "choose and report")
        }

    def judge(self, make, seed):
        """How a candidate does, by half of the runs and by statistic."""
        embed = make(self.reals.shape[1:], self.reals, seed)
        real = embedded(embed, self.reals)
        found = {statistic: {} for statistic in STATISTICS}
        directions = sliced_wasserstein.random_directions(real.shape[1])
        errors = {}
        for key, samples in self.samples.items():
            fake = embedded(embed, samples)
            found["frechet"][key] = frechet_distance(real, fake)
            projections = real @ directions, fake @ directions
            found["sliced_wasserstein"][key] = sliced_wasserstein.distance(*projections)
            errors[key] = sliced_wasserstein.distance_error(*projections)
        return {
            "dimension": real.shape[1],
            "recorded_checkpoints": self.recorded,
            "truth_of_mean_image": round(self.far, 3),
            "halves": {
                half: {
                    name: agreement([self.truth[k] for k in keys], [values[k] for k in keys])
                    for name, values in found.items()
                }
                for half, keys in self.halves.items()
            },
            "restored": self._restored(found["sliced_wasserstein"], errors),
        }

    def _restored(self, distances, errors):
        """The excess of the truth of what would be restored over the best of each run."""
        found = {}
        for kind in dict.fromkeys(kind for kind, _ in distances):
            history, values = [], []
            for key in (key for key in distances if key[0] == kind):
                values.append(distances[key])
                noise = trends.noise(values, errors[key])
                history.append(
                    signals.Signals(epoch=key[1], quality=distances[key], quality_noise=noise)
                )
            chosen = run_progress.best(history).epoch
            truth = {step: pair[0] for (k, step), pair in self.all_truth.items() if k == kind}
            found[kind] = round(truth[chosen] / min(truth.values()) - 1.0, 4)
        return found


def agreement(truth, values):
    """How far an embedding's distances have the order of the truth.

    Args:
        truth: `(distance, standard error)` of each checkpoint.
        values: the embedding's distances, in the same order.

    Returns:
        A `dict`: the number of `checkpoints` and of `pairs` whose truth differs clearly, the share
        of these pairs that are in the same order (`agreement`), and Spearman's correlation over all
        checkpoints; `None` of too few.
    """
    truth, values = np.array(truth).reshape(-1, 2), np.array(values)
    first, second = np.triu_indices(len(truth), 1)
    differences = truth[first, 0] - truth[second, 0]
    clear = np.abs(differences) > ERRORS * np.hypot(truth[first, 1], truth[second, 1])
    agree = (np.sign(values[first] - values[second]) == np.sign(differences))[clear]
    ranks = np.argsort(np.argsort([truth[:, 0], values], axis=1), axis=1)
    return {
        "checkpoints": len(truth),
        "pairs": int(clear.sum()),
        "agreement": round(float(agree.mean()), 4) if clear.any() else None,
        "spearman": round(float(np.corrcoef(ranks)[0, 1]), 4) if len(truth) > 2 else None,
    }


def embedded(embed, images):
    """What an embedding makes of uint8 images, a batch at a time."""
    starts = range(0, len(images), 250)
    return np.concatenate([np.asarray(embed(scaled(images[i : i + 250]))) for i in starts])


def report(runs):
    sets = list(dict.fromkeys(run["set"] for run in runs))
    columns = ["candidate", "statistic", *sets, "mean agreement", "mean Spearman"]
    rows = []
    for candidate, seed in dict.fromkeys((run["candidate"], run["seed"]) for run in runs):
        mine = {
            run["set"]: run for run in runs if (run["candidate"], run["seed"]) == (candidate, seed)
        }
        for statistic in STATISTICS:
            cells = [mine[name]["halves"]["choose and report"][statistic] for name in sets]
            rows.append([f"{candidate}, seed {seed}", statistic, *map(_cell, cells)])
            for figure in ("agreement", "spearman"):
                known = [cell[figure] for cell in cells if cell[figure] is not None]
                rows[-1].append(f"{np.mean(known):.3f}" if known else "-")
    return records.table(columns, rows)


def restored_report(runs):
    """The excess of what each candidate would restore, over all runs."""
    rows = []
    for candidate, seed in dict.fromkeys((run["candidate"], run["seed"]) for run in runs):
        found = [
            excess
            for run in runs
            if (run["candidate"], run["seed"]) == (candidate, seed)
            for excess in run.get("restored", {}).values()
        ]
        if found:
            shown = [f"{value:.1%}" for value in (np.median(found), max(found))]
            rows.append([f"{candidate}, seed {seed}", len(found), *shown])
    return records.table(["candidate", "runs", "median excess", "largest"], rows)


def _cell(found):
    if found["agreement"] is None:
        return "-"
    return f"{found['agreement']:.0%} of {found['pairs']}, {found['spearman']:.2f}"


if __name__ == "__main__":
    main()
