"""What the lessons share: the run over the seeds, an exact test, and what is left behind.

A lesson is three functions: `measure(seed)` plays and returns plain values (and `samples`, for the
picture alone), `conclude(runs)` puts the values of all seeds into a sentence with its test,
`draw(runs, figure)` makes the picture.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_gan

SEEDS = [0, 1, 2, 3, 4]


def lesson(file, description, measure, conclude, draw):
    """Measure every seed, then write the picture and the record, and print the conclusion."""
    name = pathlib.Path(file).stem
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/lessons") / name)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    given = parser.parse_args()
    # Networks as small as these are fastest on one thread.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    begin, runs = time.process_time(), []
    for seed in given.seeds:
        keras.utils.set_random_seed(seed)  # initial weights; all else follows from `seed=`
        runs.append({"seed": seed, **measure(seed)})
        print(f"seed {seed}: {time.process_time() - begin:.0f} s of processor time", flush=True)
    kept = short([{k: v for k, v in run.items() if k != "samples"} for run in runs])
    conclusion = conclude(kept)
    record = {
        "lesson": name,
        "conclusion": conclusion,
        "processor_seconds": round(time.process_time() - begin),
        "runs": kept,
    }
    with replacing(given.out / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(record) + "\n")
    picture(given.out / f"{name}.png", draw, runs)
    print(f"{conclusion}\nPicture: {given.out / name}.png")


# === The tests ===


def trend_test(rows):
    """Page's test, exact: how likely chance alone would let the columns rise at least as much.

    Each row holds one seed's values of the same conditions, in the order in which they should
    rise. With `r_j` the rank of condition `j` in its row, ties sharing theirs, the statistic is
    `L = sum over rows of sum_j j r_j`. Its distribution is that of all permutations within each
    row, so nothing is assumed about the values. With two columns it is the sign test: five rows
    out of five have p = 1/32.

    Source: Page, "Ordered hypotheses for multiple treatments", JASA 58, 1963.
    """
    total, seen = collections.Counter({0: 1}), 0
    for row in rows:
        row = np.asarray(row, "float64")
        # Twice the mean rank is an integer.
        ranks = ((row[:, None] > row).sum(1) * 2 + (row[:, None] == row).sum(1) + 1).tolist()
        seen += sum(j * r for j, r in enumerate(ranks))
        ways = collections.Counter(
            sum(j * r for j, r in enumerate(order)) for order in itertools.permutations(ranks)
        )
        total = convolved(total, ways)
    return sum(n for value, n in total.items() if value >= seen) / sum(total.values())


def convolved(first, second):
    """How often each sum occurs."""
    result = collections.Counter()
    for (a, m), (b, n) in itertools.product(first.items(), second.items()):
        result[a + b] += m * n
    return result


# === Quality, words and files ===


def distance(gan, held_out):
    """The sliced Wasserstein distance of as many samples to held-out data."""
    return keras_gan.evaluate_generator(gan, held_out, "sliced_wasserstein")["sliced_wasserstein"]


def spread(values, form=".2f"):
    """Mean and standard deviation over the seeds, in words."""
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):{form}} ± {deviation:{form}}"


def picture(path, draw, runs):
    """Let `draw` fill a figure, and save it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(8, 3.6), layout="constrained")
    draw(runs, figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=80)
    pyplot.close(figure)


@contextlib.contextmanager
def replacing(path):
    """Files are written beside their place and put there when they are complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    yield temporary.with_suffix(path.suffix)
    os.replace(temporary, path)


def short(value):
    """Floats to five digits: more than any figure here has."""
    if isinstance(value, dict):
        return {key: short(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [short(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
