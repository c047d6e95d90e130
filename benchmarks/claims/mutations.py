"""Do the tests notice when the package is wrong? Small faults, one at a time, and who survives.

```sh
python -m benchmarks.claims.mutations --label after
```

Each mutation of `mutations.toml` replaces one piece of text of the package, in a copy of a
commit, and runs the test files that are most likely to notice, up to the first failure. One that
no test notices has survived. Text that is not found exactly once is an error: mend the table.
Finished ones are kept in `results/mutations_<label>.json`, from which a run that was cut off goes
on. In the end the tests that failed are run once on the unchanged copy, where all must pass.
"""

import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import tomllib

from benchmarks import records

_TABLE = pathlib.Path(__file__).with_name("mutations.toml")
# Processor time of one mutation: some of them never end, which is noticed, too.
_SECONDS = 900
# pytest's exit codes.
_PASSED, _FAILED, _BROKEN = 0, 1, 2


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--commit", default="HEAD", help="whose tree is copied; default HEAD")
    parser.add_argument("--label", default="after", help="name of the results; default 'after'")
    parser.add_argument("--only", nargs="+", help="names of mutations")
    parser.add_argument("--check", action="store_true", help="whether all apply, and no more")
    arguments = parser.parse_args()
    chosen = [m for m in _mutations() if arguments.only is None or m.name in arguments.only]
    with tempfile.TemporaryDirectory() as place:
        tree = _copy(arguments.commit, pathlib.Path(place))
        _check(tree, chosen)
        if arguments.check:
            return
        if arguments.quick:
            chosen = [m for m in chosen if m.name in _QUICK]
        found = _run_all(tree, chosen, arguments)
        _prove(tree, found)
    _print(found, arguments)


# Under two minutes: their tests make no model.
_QUICK = ("hinge_margin", "kernel_distance_biased", "trend_backwards")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One fault: in a file of the tree, `new` instead of `old`, and the test files to run, with
    their long tests if `slow`.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list
    slow: bool


def _mutations():
    table = tomllib.loads(_TABLE.read_text())
    return [
        Mutation(
            name,
            f"keras_gan/{entry['file']}",
            entry["old"],
            entry["new"],
            [f"tests/{test}.py" for test in entry["tests"].split()],
            entry.get("slow", False),
        )
        for name, entry in table.items()
    ]


def _copy(commit, place):
    """The tree of a commit: changes that are not committed are not in it."""
    archive = subprocess.run(
        ["git", "archive", commit], cwd=records.ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(place)], input=archive.stdout, check=True)
    return place


def _check(tree, mutations):
    """Raise `SystemExit` if one does not apply, or its tests are not there."""
    errors = []
    for m in mutations:
        count = (tree / m.file).read_text().count(m.old) if (tree / m.file).exists() else 0
        if count != 1:
            errors.append(f"{m.name}: the text occurs {count} times in {m.file}")
        errors += [f"{m.name}: no {test}" for test in m.tests if not (tree / test).exists()]
    if errors:
        raise SystemExit("\n".join(errors))


# === Running ===


def _run_all(tree, mutations, given):
    runs = records.Runs(f"mutations_{given.label}", given)
    for m in mutations:
        known = runs.known(m.name)
        # Another text is another mutation.
        changed = known is not None and known["mutation"] != dataclasses.asdict(m)
        runs.measured(m.name, _run, tree, m, again=changed or None)
    return runs.end()


def _run(tree, mutation):
    path = tree / mutation.file
    before = path.read_text()
    start = _children_seconds()
    try:
        path.write_text(before.replace(mutation.old, mutation.new))
        code, output = _pytest(tree, [*mutation.tests, *["--slow"] * mutation.slow])
    finally:
        path.write_text(before)
    noticed = _noticed_by(code, output)
    print(mutation.name, noticed or "SURVIVED", file=sys.stderr, flush=True)
    return {
        "name": mutation.name,
        "mutation": dataclasses.asdict(mutation),
        "noticed_by": noticed,
        "processor_seconds": round(_children_seconds() - start),
    }


def _children_seconds():
    return sum(os.times()[2:4])


def _pytest(tree, tests):
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-rfE", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        # A file that changes within a second, to one of the same size, would not be compiled anew.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 10)),
    )
    return done.returncode, done.stdout


def _noticed_by(code, output):
    """The test that failed, or what else told; `None` where all passed."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"no end within {_SECONDS} s"
    if code == _PASSED:
        return None
    if code not in (_FAILED, _BROKEN):
        raise SystemExit(f"pytest itself failed ({code}):\n{output}")
    # Names of tests may have spaces; after " - " comes what went wrong.
    match = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return match[1] if match else f"exit code {code}"


def _prove(tree, found):
    """Raise `SystemExit` if a test that failed does so without a mutation, too."""
    tests = sorted({r["noticed_by"] for r in found if r["noticed_by"] and "::" in r["noticed_by"]})
    if not tests:
        return
    code, output = _pytest(tree, [*tests, "--slow"])
    if code != _PASSED:
        raise SystemExit(f"These fail without any mutation, too:\n{output[-3000:]}")


# === The table ===


def _print(found, arguments):
    survivors = [record["name"] for record in found if record["noticed_by"] is None]
    rows = [
        [
            r["name"],
            r["mutation"]["file"],
            f"`{r['noticed_by']}`" if r["noticed_by"] else "**none**",
        ]
        for r in found
    ]
    print(records.table(["mutation", "file", "noticed by"], rows))
    print(f"\n{len(found) - len(survivors)} of {len(found)} noticed ({arguments.label}).")
    if survivors:
        print("Survivors: " + ", ".join(survivors) + ".")


if __name__ == "__main__":
    main()
