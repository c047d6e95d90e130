"""Fill `docs/performance.md` from the records that there are, and draw its pictures."""

import argparse

from benchmarks import drawing, records
from benchmarks.speed import all_reduce, fast_and_plain, scaling, step_profile
from benchmarks.speed.throughput import report as throughput_report
from benchmarks.speed.throughput.recipes import RECIPES, WORKLOADS

DOCS = records.ROOT / "docs"
PAGE, PICTURES = DOCS / "performance.md", DOCS / "images" / "performance"


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(filled(PAGE.read_text()))
    for name, (_, draw, runs, size) in sections().items():
        if runs and draw:
            drawing.picture(PICTURES / f"{name}.png", draw, runs, size=size)


def sections():
    """By name of a benchmark: its report, its drawing or none, its records, its picture's size."""
    curves = recorded("scaling", scaling.CURVES)
    profiles = recorded("step_profile", step_profile.NAMES)
    paper = recorded("all_reduce", ["all_reduce"])
    beside = recorded("throughput", WORKLOADS)
    of_recipes = recorded("throughput", RECIPES)
    quality = recorded("fast_and_plain", fast_and_plain.names())
    return {
        "throughput": (throughput_report.report, None, beside, None),
        "throughput_recipes": (throughput_report.report, None, of_recipes, None),
        "fast_and_plain": (fast_and_plain.report, None, quality, None),
        "scaling": (scaling.report, scaling.draw, curves, scaling.size(curves)),
        "step_profile": (step_profile.report, step_profile.draw, profiles, (8.0, 3.6)),
        "all_reduce": (
            lambda runs: all_reduce.report(*runs),
            lambda runs, figure: all_reduce.draw(*runs, figure),
            paper,
            all_reduce.SIZE,
        ),
    }


def recorded(benchmark, names):
    """The records of these runs that there are."""
    runs = records.summary(benchmark)
    return [runs[name] for name in names if name in runs]


def filled(text):
    """The page with each benchmark's picture and table between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: if the page lacks a place.
    """
    for name, (report, draw, runs, _) in sections().items():
        made = report(runs) if runs else "Not measured yet."
        if runs and draw:
            made = f"![{name.replace('_', ' ')}](images/performance/{name}.png)\n\n{made}"
        text = records.put(text, name, made)
    return text


if __name__ == "__main__":
    main()
