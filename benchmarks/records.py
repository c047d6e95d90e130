"""Finished runs as small JSON files: kept, resumed from, printed as one Markdown table."""

import argparse
import json
import os
import pathlib
import platform

RESULTS = pathlib.Path(__file__).parent / "results"


def parser(description):
    """The arguments that every benchmark takes."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--quick", action="store_true", help="under two minutes; proves nothing")
    result.add_argument("--json", type=pathlib.Path, help="write all runs to this file too")
    result.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    result.add_argument("--again", action="store_true", help="measure finished runs once more")
    return result


def measured(name, measure, *, again=False, keep=True):
    """The record of a run: read if it is there, else measured and kept.

    Args:
        name: of the run and its file.
        measure: callable that makes the record, a `dict` of plain values.
        again: measure although it is there.
        keep: `False` for quick runs, which are no results.

    Returns:
        The record.
    """
    path = RESULTS / f"{name}.json"
    if path.exists() and keep and not again:
        return json.loads(path.read_text())
    record = {"run": name, **measure(), "machine": machine()}
    if keep:
        write(path, record)
    return record


def write(path, content):
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(beside, path)


def one_thread():
    """Hold TensorFlow to one thread; to be called before anything else is asked of it."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def machine():
    """What the figures were measured with."""
    import keras
    import tensorflow as tf

    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def conditions(runs):
    """A sentence on the machine of some records, and on what else it had to do."""
    loads = [load for run in runs for load in run["load_before_and_after"]]
    cores = sorted({run["machine"]["cores"] for run in runs})
    names = sorted({str(run["processor"]["name"]) for run in runs})
    return (
        f"Measured on {' and '.join(map(str, cores))} cores ({', '.join(names)}), at 1-minute load "
        f"averages, this benchmark's own load included, of {min(loads):.1f} to {max(loads):.1f}."
    )


def table(columns, rows):
    """A Markdown table of formatted cells."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
