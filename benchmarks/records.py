"""Finished runs: kept one by one, merged into one file a benchmark, printed as one table.

A run that is finished is a file of `.cache/runs/BENCHMARK`, so that a benchmark that was stopped
goes on, and several processes may make different runs. At a benchmark's end its runs are merged
into `results/BENCHMARK.json`, which is kept with the code. Runs that another checkout made are
merged by

    python -m benchmarks.records merge FILES...

where a file is either such a summary or one run, whose benchmark is the folder it is in (or told by
`--benchmark`).
"""

import argparse
import contextlib
import fcntl
import functools
import gzip
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
RESULTS, CACHE = HERE / "results", HERE / ".cache"
# Benchmarks whose records are long.
COMPRESSED = ("zoo",)


def parser(description):
    """The arguments that every benchmark takes; its first line describes it."""
    result = argparse.ArgumentParser(description=description.splitlines()[0])
    result.add_argument("--quick", action="store_true", help="under two minutes; proves nothing")
    result.add_argument("--json", type=pathlib.Path, help="write all runs to this file too")
    result.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    result.add_argument("--again", action="store_true", help="measure finished runs once more")
    return result


class Runs(list):
    """The runs of a benchmark in one process: a list of records.

    Args:
        benchmark: its name, which is that of its summary.
        given: the arguments that it was started with.
        keep: `False` for runs that are no results. Default: if they are not quick.
    """

    def __init__(self, benchmark, given, keep=None):
        self.benchmark, self.given = benchmark, given
        self.keep = not given.quick if keep is None else keep
        self.seeds = given.seeds and (given.seeds[:1] if given.quick else given.seeds)
        self._unmerged = {}

    def measured(self, name, measure, *arguments, again=None):
        """The record of a run: read if it is there, else measured and kept; and listed.

        Args:
            name: of the run.
            measure: callable that makes the record, a `dict` of plain values.
            *arguments: for it.
            again: measure although it is there. Default: if the benchmark was asked to.

        Returns:
            The record.
        """
        record = self.known(name, again)
        if record is None:
            load = os.getloadavg()[0]
            record = {"run": name, **measure(*arguments), "machine": machine()}
            loads = [round(load, 2), round(os.getloadavg()[0], 2)]
            record.setdefault("load_before_and_after", loads)
            if self.keep:
                write(_cached(self.benchmark, name), record)
        if _cached(self.benchmark, name).exists():
            self._unmerged[name] = record
        self.append(record)
        return record

    def known(self, name, again=None):
        """The record of a run that need not be measured, or `None`."""
        again = self.given.again if again is None else again
        return known(self.benchmark, name) if self.keep and not again else None

    def merge(self):
        """Merge the runs into the summary; the runs."""
        if self.keep and self._unmerged:
            merge(self.benchmark, self._unmerged)
        return self

    def end(self):
        """Merge the runs into the summary, write the file that was asked for; the runs."""
        if self.given.json:
            write(self.given.json, self)
        return self.merge()


# === Files ===


def known(benchmark, name):
    """The record of a finished run, or `None`. One that is not merged yet is the newer one."""
    path = _cached(benchmark, name)
    return _read(path) if path.exists() else summary(benchmark).get(name)


def summary(benchmark):
    """All runs of a benchmark that are kept with the code: a `dict` from name to record."""
    path = _summary(benchmark)
    return _parsed(path, *path.stat()) if path.exists() else {}


def merge(benchmark, runs):
    """Put runs (`{name: record}`) into a benchmark's summary. Other processes may do so too."""
    with _alone():
        _parsed.cache_clear()
        merged = {**summary(benchmark), **runs}
        write(_summary(benchmark), dict(sorted(merged.items())))
        _parsed.cache_clear()
        for name in runs:
            path = _cached(benchmark, name)
            # Another process may have measured it once more since then.
            if path.exists() and json.dumps(_read(path)) == json.dumps(runs[name]):
                path.unlink()


def write(path, content):
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    if path.suffix == ".gz":
        text = json.dumps(content, separators=(",", ":"))
        beside.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        beside.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(beside, path)


def _read(path):
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


@functools.lru_cache(maxsize=8)
def _parsed(path, *state):
    """The content of a file in this state; nobody changes it."""
    return _read(path)


def _summary(benchmark):
    return RESULTS / f"{benchmark}.json{'.gz' * (benchmark in COMPRESSED)}"


def _cached(benchmark, name):
    return CACHE / "runs" / benchmark / f"{name}.json"


@contextlib.contextmanager
def _alone():
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# === Tables ===


def machine():
    """What the figures were measured with."""
    import keras
    import tensorflow as tf

    from keras_gan.backend import policies

    return {
        "cores": os.cpu_count(),
        "processor": next(iter(policies.told_of_processor("model name")), platform.machine()),
        "onednn": policies.uses_onednn(),
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


def listing(runs, columns):
    """The table of a row a run: `columns` are the forms of its cells by their heads."""
    return table(columns, [[form.format(**run) for form in columns.values()] for run in runs])


def mean(values, form="{:.2f}"):
    """The mean of some values, with their standard deviation in brackets; a dash of none."""
    if not values:
        return "-"
    deviation = f" ({form.format(statistics.stdev(values))})" if len(values) > 1 else ""
    return form.format(statistics.mean(values)) + deviation


def put(text, name, content):
    """A page with other content between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: if it has not one such place.
    """
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end or f"<!-- {name} -->" in after:
        raise ValueError(f"The page must have one place for each table. Received: {name}.")
    return before + begin + content + "\n" + end + after


# === Processes ===


def one_thread():
    """Hold TensorFlow to one thread; to be called before anything else is asked of it."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def environment(**others):
    """The environment of a process that finds `benchmarks` and `keras_gan`, wherever it runs."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **others}


def in_a_process(module, *arguments):
    """What a process of such a module tells: the last line that it prints, read as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout.splitlines()[-1])


def python_with(environment, modules, *packages):
    """The interpreter of an environment that has some modules, made of packages if need be."""
    if environment.is_file():
        return environment
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    if subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


def main():
    result = argparse.ArgumentParser(description="Merge runs that another checkout made.")
    result.add_argument("command", choices=["merge"])
    result.add_argument("files", type=pathlib.Path, nargs="+")
    result.add_argument("--benchmark", help="of single runs; default: the name of their folder")
    given = result.parse_args()
    for path in given.files:
        content = _read(path)
        if "machine" in content:
            if not given.benchmark and path.parent.parent.name != "runs":
                raise SystemExit(f"--benchmark must be given for single runs. Received: {path}.")
            benchmark = given.benchmark or path.parent.name
            name = path.name.removesuffix(".json").removeprefix(f"{benchmark}_")
            runs = {name: {**content, "run": name}}
        else:
            benchmark, runs = path.name.split(".")[0], content
        merge(benchmark, runs)
        print(f"{path}: {len(runs)} into {_summary(benchmark)}")


if __name__ == "__main__":
    main()
