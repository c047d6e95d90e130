"""Do the metrics agree with other libraries on the same features, and how fast are they?

The others live in an environment of their own, which is made when it is missing (or given by
`--environment`): `torch-fidelity` (Fréchet and kernel distance, inception score, precision and
recall) and `prdc` (density and coverage). The same float64 arrays go to both sides; the kernel
distance is that of one subset, all samples. A figure agrees if it differs by at most one part in a
million of the other's; Fréchet distances near zero, by that part of the trace of both covariances,
and kernel distances near zero, of the mean of `k(x, x)`.

What the libraries do, as read in the sources of the versions in the record:

- precision and recall: torch-fidelity counts a sample on the surface of a ball as inside (`<=`), as
  the paper does and as this package does; prdc does not (`<`). Points on a lattice, where many
  distances are equal, tell them apart;
- density and coverage: prdc does not count the surface, and neither does this package. Both count
  k neighbours without the point itself;
- torch-fidelity takes the Fréchet distance by the eigenvalues of the product of the covariances, no
  longer by `scipy.linalg.sqrtm`, as the paper's code and pytorch-fid do; both are timed;
- the kernel distance: torch-fidelity's mean over pairs leaves the diagonal out within each set,
  not between them, as here; its `std` is that of the subsets, not an error of their mean.

Analytic cases need no other library. The speed is that of the Fréchet distance from the features
of 10,000 reals and as many fakes of 2,048 dimensions, in turns (one of ours, one of each other, and
so on), medians of all rounds. The memory is the peak of all arrays that precision and recall make,
in a process of their own.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import records
from benchmarks.claims.metrics_agreement.analytic import TOLERANCE, analytic, features
from keras_gan.metrics import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)

ENVIRONMENT = records.CACHE / "reference_metrics"
PACKAGES = ["numpy", "prdc==0.2", "scipy", "torch", "torch-fidelity>=0.4,<0.5"]
FACTOR, ROUNDS = 5.0, 5
LARGE = (10_000, 2_048)
LATTICE = "on a lattice, 1,000 x 6"
# Distances below this part of the scale are near zero.
NEAR_ZERO = 1e-2


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--environment", type=pathlib.Path, default=ENVIRONMENT)
    given = parser.parse_args()
    reference, runs = Reference(given.environment), records.Runs("metrics_agreement", given)
    others = [
        runs.measured("analytic", analytic),
        runs.measured("speed", speed, reference, given.quick),
        runs.measured("memory", memory, given.quick),
    ]
    for seed in runs.seeds:
        runs.measured(f"seed{seed}", agreement, seed, reference)
    if not given.quick:  # once: it takes as long as all others together
        runs.measured(f"large_seed{runs.seeds[0]}", agreement, runs.seeds[0], reference, True)
    reference.close()
    print(report(runs.end()[len(others) :], *others))


class Reference:
    """The other libraries, in a process that starts when it is first asked."""

    def __init__(self, environment):
        self._environment, self._process = environment, None

    def ask(self, what, folder="."):
        """The answer, and the seconds that it took."""
        if self._process is None:
            python = records.python_with(
                self._environment, "prdc, scipy, torch, torch_fidelity", *PACKAGES
            )
            self._process = subprocess.Popen(
                [python, "-m", f"{__package__}.reference"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=records.environment(),
            )
        print(
            json.dumps({"ask": what, "folder": str(folder)}), file=self._process.stdin, flush=True
        )
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The other libraries fell over at {what!r}: run the file by hand.")
        told = json.loads(line)
        return told["answer"], told["seconds"]

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()


# === Agreement ===


def cases(seed, large):
    """`(name, (real, fake))`, made one at a time."""
    random = np.random.default_rng(seed)

    def two(count, dimension, other=None):
        everything = features(random, count + (other or count), dimension)
        return everything[:count], everything[count:] * 0.9 + 0.05

    if large:
        yield "large, 10,000 x 2,048", two(*LARGE)
        return
    yield "small, 500 x 16", two(500, 16)
    yield "fewer fakes than reals, 700 and 400 x 32", two(700, 32, 400)
    yield "fewer samples than dimensions, 300 x 1,024", two(300, 1_024)
    real, _ = two(1_000, 64)
    yield "nearly identical, 1,000 x 64", (real, real + 1e-6 * random.standard_normal(real.shape))
    yield "disjoint, 1,000 x 64", (real, features(random, 1_000, 64) + 100.0)
    lattice = random.integers(0, 4, (2, 1_000, 6)).astype("float64")
    lattice[1, :, 0] += 2.0
    yield LATTICE, tuple(lattice)


def agreement(seed, reference, large=False):
    """Both sides' figures of all cases, and their differences."""
    rows, rest = [], {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, (name, (real, fake)) in enumerate(cases(seed, large)):
            place = folder / str(number)
            place.mkdir()
            logits = np.random.default_rng(seed).standard_normal((len(fake), 10 + 90 * number)) * 3
            for part, array in (("real", real), ("fake", fake), ("logits", logits)):
                np.save(place / f"{part}.npy", array)
            for figure, ours, theirs, scale, library in compared(
                real, fake, logits, place, reference
            ):
                rows.append(
                    {
                        "case": name,
                        "figure": figure,
                        "library": library,
                        "ours": ours,
                        "theirs": theirs,
                        **difference(ours, theirs, scale),
                    }
                )
            if name == LATTICE:
                theirs, _ = reference.ask("prdc_3", place)
                rest["surface"] = {"counted": rows[-4]["ours"], "left_out": theirs["precision"]}
            for file in place.iterdir():
                file.unlink()
        versions, _ = reference.ask("versions")
    return {"seed": seed, "tolerance": TOLERANCE, "versions": versions, **rest, "rows": rows}


def difference(ours, theirs, scale):
    """How far two figures are apart: as a part of theirs or, near zero, of the scale."""
    near_zero = scale is not None and abs(theirs) < NEAR_ZERO * scale
    whole = scale if near_zero else abs(theirs)
    apart = abs(ours - theirs)
    return {
        "difference": apart / whole if whole else apart,
        "of": "scale" if near_zero else "value",
        "agrees": bool(apart <= TOLERANCE * whole),
    }


def compared(real, fake, logits, place, reference):
    """`(figure, ours, theirs, scale, library)` of one case."""
    theirs, _ = reference.ask("frechet", place)
    ours = frechet_distance.frechet_distance(real, fake)
    yield "Fréchet distance", ours, theirs["value"], theirs["scale"], "torch-fidelity"
    if len(real) == len(fake):
        theirs, _ = reference.ask("kernel", place)
        ours, _ = kernel_distance.kernel_distance(real, fake, subset_size=len(real), subsets=1)
        yield "kernel distance", ours, theirs["value"], theirs["scale"], "torch-fidelity"
    theirs, _ = reference.ask("inception", place)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ours = inception_score.inception_score(probabilities, splits=10)
    for key, value in zip(("mean", "std"), ours, strict=True):
        yield f"inception score, {key}", value, theirs[key], None, "torch-fidelity"
    theirs, _ = reference.ask("precision_recall", place)
    for key, value in precision_recall.precision_recall(real, fake, k=3).items():
        yield key, value, theirs[key], None, "torch-fidelity"
    theirs, _ = reference.ask("prdc_5", place)
    for key, value in density_coverage.density_coverage(real, fake, k=5).items():
        yield key, value, theirs[key], None, "prdc"


# === Speed and memory ===


def speed(reference, quick):
    """Seconds of the Fréchet distance, ours and others', in turns."""
    count, dimension = (2_000, 256) if quick else LARGE
    rounds = 2 if quick else ROUNDS
    random = np.random.default_rng(0)
    everything = features(random, 2 * count, dimension)
    real, fake = everything[:count], everything[count:] * 0.9 + 0.05
    seconds = {"ours": [], "sqrtm": [], "torch-fidelity": []}
    with tempfile.TemporaryDirectory() as folder:
        for side, array in (("real", real), ("fake", fake)):
            np.save(pathlib.Path(folder) / f"{side}.npy", array)
        frechet_distance.frechet_distance(real[:100], fake[:100])
        reference.ask("versions", folder)  # all is imported and read
        for _ in range(rounds):
            start = time.perf_counter()
            ours = frechet_distance.frechet_distance(real, fake)
            seconds["ours"].append(time.perf_counter() - start)
            of_sqrtm, taken = reference.ask("frechet_sqrtm", folder)
            seconds["sqrtm"].append(taken)
            _, taken = reference.ask("frechet", folder)
            seconds["torch-fidelity"].append(taken)
        versions, _ = reference.ask("versions")
    medians = {name: float(np.median(taken)) for name, taken in seconds.items()}
    difference = abs(ours - of_sqrtm["value"])
    return {
        "samples": count,
        "dimension": dimension,
        "rounds": rounds,
        "load": round(os.getloadavg()[0], 1),
        "target": FACTOR,
        "versions": versions,
        "factors": {
            name: round(value / medians["ours"], 2)
            for name, value in medians.items()
            if name != "ours"
        },
        "factor_of_rounds": [
            round(b / a, 2) for a, b in zip(seconds["ours"], seconds["sqrtm"], strict=True)
        ],
        "medians": {name: round(value, 3) for name, value in medians.items()},
        "ours": ours,
        "sqrtm": of_sqrtm["value"],
        "relative_difference": difference / of_sqrtm["value"],
        "difference_of_trace": difference / of_sqrtm["scale"],
        "all_seconds": {name: [round(s, 3) for s in taken] for name, taken in seconds.items()},
    }


MEMORY = """
import json, sys, time, tracemalloc
import numpy as np
from keras_gan.metrics.precision_recall import precision_recall
count, dimension = int(sys.argv[1]), int(sys.argv[2])
random = np.random.default_rng(0)
real, fake = random.standard_normal((2, count, dimension))
tracemalloc.start()  # NumPy tells it of every array
start = time.perf_counter()
figures = precision_recall(real, fake)
seconds = time.perf_counter() - start
peak = tracemalloc.get_traced_memory()[1]
print(json.dumps({"samples": count, "dimension": dimension, "seconds": round(seconds, 1),
                  "megabytes": round(peak / 2**20), **figures}))
"""


def memory(quick):
    """Peak memory of precision and recall: all arrays made on the way."""
    counts = (2_000,) if quick else (5_000, 10_000, 20_000)
    rows = []
    for count in counts:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(count), "64"],
            capture_output=True,
            text=True,
            env=records.environment(),
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2_000:])
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append({**row, "megabytes_of_all_distances": round(count**2 * 8 / 2**20)})
    return {"rows": rows}


# === Report ===


def report(runs, analytic_run, speed_run, memory_run):
    columns = ["case", "figure", "beside", "value", "largest difference", "agree"]
    groups = {}
    for run in runs:
        for row in run["rows"]:
            groups.setdefault((row["case"], row["figure"], row["library"]), []).append(row)
    rows = [
        [
            *key,
            f"{group[0]['ours']:.6g}",
            shown(max(group, key=lambda row: row["difference"])),
            f"{sum(row['agrees'] for row in group)} of {len(group)}",
        ]
        for key, group in groups.items()
    ]
    for row in analytic_run["rows"]:
        name, figure = row["case"].split(": ")
        difference = abs(row["ours"] - row["known"])
        rows.append(
            [
                figure,
                name,
                "known",
                f"{row['ours']:.6g}",
                f"{difference:.1e}",
                "yes" if row["agrees"] else "no",
            ]
        )
    factors, medians = speed_run["factors"], speed_run["medians"]
    what = f"{speed_run['samples']:,} x {speed_run['dimension']:,}"
    for name in factors:
        told = f"{medians['ours']} s against {medians[name]} s"
        target = f" (>= {speed_run['target']:g})" if name == "sqrtm" else ""
        rows.append(
            [what, "Fréchet distance, speed", name, told, "", f"{factors[name]:.1f}x{target}"]
        )
    for row in memory_run["rows"]:
        told = f"{row['megabytes']} MB, {row['seconds']} s"
        of_all = f"{row['megabytes_of_all_distances']} MB"
        what = f"{row['samples']:,} x {row['samples']:,}"
        rows.append([what, "precision, recall: memory", f"all distances, {of_all}", told, "", ""])
    return records.table(columns, rows)


def shown(row):
    return f"{row['difference']:.1e}" + (" of the scale" if row["of"] == "scale" else "")


if __name__ == "__main__":
    main()
