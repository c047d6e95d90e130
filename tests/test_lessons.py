"""The lessons' page, pictures, records and scripts agree; the cheapest one runs."""

import importlib.util
import json
import os
import pathlib
import runpy
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LESSONS = ROOT / "examples" / "lessons"
PICTURES = ROOT / "docs" / "images" / "lessons"
PAGE = (ROOT / "docs" / "lessons.md").read_text()
NAMES = sorted(path.stem for path in LESSONS.glob("*.py") if path.stem != "common")


def module(name):
    """A script of the lessons, whose `common` is not that of the examples."""
    spec = importlib.util.spec_from_file_location(f"lessons_{name}", LESSONS / f"{name}.py")
    result = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(result)
    return result


@pytest.fixture(scope="module")
def common():
    return module("common")


def lesson(name, common, monkeypatch):
    monkeypatch.setitem(sys.modules, "common", common)
    return module(name)


def record(name):
    return json.loads((PICTURES / f"{name}.json").read_text())


def words(text):
    return " ".join(text.split())


# === The page ===


def test_all_seven_are_there():
    assert len(NAMES) == 7
    assert {path.stem for path in PICTURES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_what_was_measured(name, common, monkeypatch):
    kept = record(name)
    assert [run["seed"] for run in kept["runs"]] == common.SEEDS
    assert kept["processor_seconds"] < 180
    assert lesson(name, common, monkeypatch).conclude(kept["runs"]) == kept["conclusion"]
    assert words(kept["conclusion"]) in words(PAGE)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_names_the_script_and_shows_the_picture(name):
    assert f"](images/lessons/{name}.png)" in PAGE
    assert f"python examples/lessons/{name}.py" in PAGE
    assert (PICTURES / f"{name}.png").read_bytes().startswith(b"\x89PNG")


# === The test of chance ===


@pytest.mark.parametrize(
    "rows, p",
    [
        ([[1.0, 2.0]] * 5, 1 / 32),  # the sign test
        ([[1.0, 2.0]] * 4 + [[2.0, 1.0]], 6 / 32),
        ([[1.0, 2.0, 3.0]] * 2, 1 / 36),
        ([[3.0, 2.0, 1.0]] * 2, 1.0),
        ([[1.0, 1.0]] * 3, 1.0),  # all alike say nothing
        ([[1.0, 1.0, 2.0]], 1 / 3),  # a tie shares its ranks
    ],
)
def test_trend_test(common, rows, p):
    assert common.trend_test(rows) == pytest.approx(p)


def test_trend_test_counts_as_listing_does(common):
    import itertools

    rows = [[0.3, 0.1, 0.7], [5.0, 6.0, 4.0]]
    ranks = [[2, 1, 3], [2, 3, 1]]

    def statistic(arrangement):
        return sum(j * r for row in arrangement for j, r in enumerate(row))

    everything = list(itertools.product(*(itertools.permutations(row) for row in ranks)))
    as_much = sum(statistic(arrangement) >= statistic(ranks) for arrangement in everything)
    assert common.trend_test(rows) == pytest.approx(as_much / len(everything))


# === Running ===


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_runs_as_a_reader_starts_it(name, tmp_path):
    done = subprocess.run(
        [sys.executable, str(LESSONS / f"{name}.py"), "--seeds", "5"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    left = {path.name for path in (tmp_path / "runs" / "lessons" / name).iterdir()}
    assert left == {f"{name}.json", f"{name}.png"}
    kept = json.loads((tmp_path / "runs/lessons" / name / f"{name}.json").read_text())
    assert kept["conclusion"] in done.stdout


def test_a_lesson_leaves_its_picture_and_record(common, tmp_path, monkeypatch, capsys):
    script = tmp_path / "coins.py"
    script.write_text(
        "import common\n"
        "def measure(seed):\n    return {'heads': seed % 2, 'samples': object()}\n"
        "def conclude(runs):\n    return f'{sum(r[\"heads\"] for r in runs)} heads'\n"
        "def draw(runs, figure):\n    figure.subplots().plot([r['heads'] for r in runs])\n"
        "common.lesson(__file__, 'Coins.', measure, conclude, draw)\n"
    )
    monkeypatch.setitem(sys.modules, "common", common)
    monkeypatch.setattr(sys, "argv", [str(script), "--out", "out", "--seeds", "1", "2", "3"])
    monkeypatch.chdir(tmp_path)
    # TensorFlow's threads are there already.
    for pool in ("intra", "inter"):
        name = f"set_{pool}_op_parallelism_threads"
        monkeypatch.setattr(common.tf.config.threading, name, lambda count: None)
    runpy.run_path(str(script), run_name="__main__")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"coins.json", "coins.png"}
    kept = json.loads((tmp_path / "out" / "coins.json").read_text())
    assert kept["conclusion"] == "2 heads" and "2 heads" in capsys.readouterr().out
    assert kept["runs"] == [{"seed": s, "heads": s % 2} for s in (1, 2, 3)]
