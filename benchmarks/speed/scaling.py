"""What does a training step cost as one thing grows: batch, image, width, updates, replicas?

Each curve changes one thing about one game, this package's DCGAN on random 32x32x3 images in
float32, and leaves the rest as it is. Each point is a process of its own that has its model warm
and trains for a second when it is asked to; a curve's points are asked in turns, all once in each
round. Rates are real images a second, as ratios to the curve's first point: ratios of the medians
over the rounds, with the quartiles of the rounds' own ratios in brackets.

Work is the multiply-adds of a step's convolutions and matrix products for each real image that it
takes, which `throughput/bound.py` counts, likewise as a ratio. Rate times work is what the machine
computes in a second: where it falls below 1, efficiency is lost. Memory is the peak above that
after the imports.

Replicas are those of `MirroredStrategy` over logical processors. By itself a process uses all
cores, so each replica is held to one thread, which stands for one core; the last point is a process
that uses them all without a strategy.
"""

import pathlib
import re
import sys
import typing

from benchmarks import drawing, records
from benchmarks.speed.throughput import turns
from benchmarks.speed.throughput.contenders import processor
from benchmarks.speed.throughput.report import of_medians
from benchmarks.speed.throughput.workloads import Workload, dcgan

WORKER = f"{__package__}.scaling_worker"
ROUNDS, SECONDS = 7, 1.0
QUICK_CURVES, QUICK_POINTS, QUICK = ("batch", "replicas"), 2, (3, 0.2)
LATENT = 64


class Point(typing.NamedTuple):
    """What trains, on how many replicas, with how many threads each (`None` for all cores)."""

    workload: Workload
    replicas: int = 1
    threads: int | None = None


class Curve(typing.NamedTuple):
    """What grows, and its points by their label."""

    title: str
    points: dict


def game(
    *,
    side=32,
    filters=16,
    batch=32,
    discriminator_steps=1,
    generator_steps=1,
    accumulation_steps=1,
):
    """The game of all curves: a DCGAN whose discriminator has twice the generator's filters."""
    generator, discriminator = dcgan(
        side, 3, LATENT, generator_filters=filters, discriminator_filters=2 * filters
    )
    return Workload(
        f"DCGAN, {side}x{side}x3, {filters} filters, batch {batch}",
        (side, side, 3),
        LATENT,
        batch,
        1_024,
        generator,
        discriminator,
        discriminator_steps=discriminator_steps,
        generator_steps=generator_steps,
        accumulation_steps=accumulation_steps,
    )


def _curve(title, key, values, **others):
    return Curve(title, {str(v): Point(game(**{key: v}, **others)) for v in values})


CURVES = {
    "batch": _curve("batch size", "batch", (8, 16, 32, 64, 128, 256)),
    "side": _curve("side of the image", "side", (16, 32, 64, 128)),
    "filters": _curve("filters of the generator", "filters", (8, 16, 32, 64)),
    "discriminator": _curve("discriminator steps", "discriminator_steps", (1, 2, 3, 5)),
    "generator": _curve("generator steps", "generator_steps", (1, 2, 3, 5)),
    "accumulation": _curve(
        "accumulation steps, batch 128", "accumulation_steps", (1, 2, 4, 8), batch=128
    ),
    "replicas": Curve(
        "replicas",
        {
            "1": Point(game(), threads=1),
            "2, same batch": Point(game(), replicas=2, threads=1),
            "2, twice the batch": Point(game(batch=64), replicas=2, threads=1),
            "none, both cores": Point(game()),
        },
    ),
}


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--curves", nargs="+", choices=CURVES)
    parser.add_argument("--pictures", type=pathlib.Path, help="draw all curves into this folder")
    given = parser.parse_args()
    names = given.curves or (QUICK_CURVES if given.quick else CURVES)
    runs = records.Runs("scaling", given)
    for name in names:
        runs.measured(name, measure, name, given.quick)
    runs.end()
    if given.pictures:
        drawing.picture(given.pictures / "scaling.png", draw, runs, size=size(runs))
    print(report(runs))


# === Measuring ===


def measure(name, quick=False):
    """The record of one curve: all its points, in turns."""
    rounds, seconds = QUICK if quick else (ROUNDS, SECONDS)
    labels = list(CURVES[name].points)[: QUICK_POINTS if quick else None]
    points = {label: CURVES[name].points[label] for label in labels}
    facts, not_run = turns.in_turns(
        {
            label: lambda label=label: [sys.executable, "-m", WORKER, name, label, seconds]
            for label in points
        },
        {label: point.workload for label, point in points.items()},
        rounds,
    )
    if not_run:
        raise RuntimeError(f"All points of a curve must train. Received: {not_run}.")
    return {
        "curve": name,
        "title": CURVES[name].title,
        "rounds": rounds,
        "seconds_a_round": seconds,
        "processor": processor(),
        "points": facts,
    }


# === Results ===


def ratios(run):
    """By label: rate (and its quartiles), work, and their product, all over the first point's."""
    points = run["points"]
    first = next(iter(points.values()))
    result = {}
    for label, point in points.items():
        rate = of_medians(point["images_per_second"], first["images_per_second"])
        work = point["multiply_adds_an_image"] / first["multiply_adds_an_image"]
        result[label] = {"rate": rate, "work": work, "product": rate[0] * work}
    return result


def report(runs):
    """One Markdown table of all curves, and under what load they were measured."""
    columns = {
        "what grows": "{title}",
        "to": "{label}",
        "images a second": "{rate[0]:.2f} [{rate[1]:.2f}, {rate[2]:.2f}]",
        "work an image": "{work:.2f}",
        "rate x work": "{product:.2f}",
        "peak memory, MB": "{megabytes_at_peak:.0f}",
        "ms a step": "{milliseconds_a_step:.1f}",
        "steps a call": "{steps_per_execution}",
    }
    rows = [
        {**run["points"][label], **ratio, "title": run["title"], "label": label}
        for run in runs
        for label, ratio in ratios(run).items()
    ]
    return f"{records.listing(rows, columns)}\n\n{records.conditions(runs)}"


def size(runs):
    """Of the picture, in inches."""
    return 2.6 * max(1, len(runs)), 5.0


def draw(runs, figure):
    """A column for each curve: rates and products above, memory below."""
    axes = figure.subplots(2, len(runs), squeeze=False)
    for run, rates, memory in zip(runs, *axes, strict=True):
        ratio, points = ratios(run), list(run["points"].values())
        numeric = all(label.isdigit() for label in ratio)
        x = list(map(int, ratio) if numeric else (re.sub(",? ", "\n", label) for label in ratio))
        middle = [each["rate"][0] for each in ratio.values()]
        # The ratio of two medians need not lie between the quartiles of the rounds' ratios.
        errors = [
            [max(0.0, m - low) for m, low, _ in (each["rate"] for each in ratio.values())],
            [max(0.0, high - m) for m, _, high in (each["rate"] for each in ratio.values())],
        ]
        rates.errorbar(x, middle, errors, marker="o", capsize=3, label="images a second")
        products = [each["product"] for each in ratio.values()]
        rates.plot(x, products, marker="s", linestyle="--", label="rate x work")
        rates.set_ylim(bottom=0)
        rates.set_title(run["title"], fontsize=9)
        memory.plot(x, [p["megabytes_at_peak"] for p in points], marker="o", color="C2")
        memory.set_ylim(bottom=0)
        for each in (rates, memory):
            each.tick_params(labelsize=7)
            if numeric:
                each.set_xscale("log", base=2)
                each.set_xticks(x, list(ratio))
    axes[0][0].set_ylabel("over the first point")
    axes[1][0].set_ylabel("peak memory, MB")
    axes[0][0].legend(loc="upper left", fontsize=7)


if __name__ == "__main__":
    main()
