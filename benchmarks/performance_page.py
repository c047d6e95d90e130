"""Fill `docs/performance.md` from the records that there are, and draw its pictures."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import pathlib

import all_reduce
import drawing
import fast_and_plain
import records
import scaling
import step_profile
import throughput_report
from throughput_recipes import RECIPES, WORKLOADS

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE, PICTURES = DOCS / "performance.md", DOCS / "images" / "performance"


def main():
    PAGE.write_text(filled(PAGE.read_text()))
    for name, (_, draw, runs, size) in sections().items():
        if runs and draw:
            drawing.picture(PICTURES / f"{name}.png", draw, runs, size=size)


def sections():
    """By name of a benchmark: its report, its drawing or none, its records, its picture's size."""
    curves = recorded(f"scaling_{name}" for name in scaling.CURVES)
    profiles = recorded(f"step_profile_{name}" for name in step_profile.NAMES)
    paper = recorded(["all_reduce"])
    beside = recorded(f"throughput_{name}" for name in WORKLOADS)
    of_recipes = recorded(f"throughput_{name}" for name in RECIPES)
    quality = recorded(fast_and_plain.names())
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


def recorded(names):
    """The records of these runs that there are."""
    paths = [records.RESULTS / f"{name}.json" for name in names]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def filled(text):
    """The page with each benchmark's picture and table between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: if the page lacks a place.
    """
    for name, (report, draw, runs, _) in sections().items():
        made = "Not measured yet."
        if runs:
            made = report(runs)
        if runs and draw:
            made = f"![{name.replace('_', ' ')}](images/performance/{name}.png)\n\n{made}"
        text, places = re.subn(
            f"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, made=made: f"{match[1]}{made}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
        if places != 1:
            raise ValueError(f"The page must have one place for each table. Received: {name}.")
    return text


if __name__ == "__main__":
    main()
