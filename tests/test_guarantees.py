"""The table of guarantees: every mechanism of a game against everything that is promised of it.

`python tests/test_guarantees.py` writes the table into `docs/guarantees.md`.
"""

import pathlib
import signal

import keras
import numpy as np
import pytest

import exported
import guarantees
import killed
import mechanisms
from processes import python
from runs import assert_same_state

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs" / "guarantees.md"
BEGIN, END = "<!-- mechanisms -->", "<!-- end of mechanisms -->"

pytestmark = [
    pytest.mark.usefixtures("unoptimized_graphs"),
    pytest.mark.filterwarnings("ignore:This GAN cannot start"),
    pytest.mark.filterwarnings("ignore:This model cannot start"),
]

# The columns: how each is called in the table, and the function that checks it.
COLUMNS = {
    "trains": "trains",
    "saves": "saved and loaded",
    "killed": "resumed after SIGKILL",
    "replicas": "1 = 2 replicas",
    "accumulates": "micro-batches",
    "bfloat16": "bfloat16",
    "exports": "exported",
    "counts": "n:m updates",
    "leaves_others_still": "others still",
    "xla": "XLA",
    "watched": "watched",
}
EXPLAINED = """\
Rows are mechanisms, each as the smallest game that has it (`tests/mechanisms.py`). Columns are
what is tested of each (`tests/guarantees.py`):

- *trains*: logs are finite after two steps, and exactly those weights have moved that something
  asks for.
- *saved and loaded*: a model from a file goes on, bit for bit, as the one that was saved.
- *resumed after SIGKILL*: with `TrainingBackup`, in another process, bit for bit.
- *1 = 2 replicas*: the weights after 20 steps of SGD agree within 2e-6, the logs within 1e-5.
- *micro-batches*: `accumulation_steps=2` gives the weights within 1e-6 after four steps of SGD.
- *bfloat16*: layers compute in it; weights keep their types and stay within 0.05 of those in
  float32.
- *exported*: a SavedModel serves and samples what `generate` gives, in a process without this
  package.
- *n:m updates*: with 2:3, each player's optimizer and the counters count them.
- *others still*: an update of one player changes no weight, statistic, moment or random state of
  the others.
- *XLA*: the weights after four steps agree within 1e-5 on the same noise, which the test
  prescribes. TensorFlow draws other numbers under XLA: `compile(jit_compile=...)` changes the noise
  of every model, and so training and `val_*` figures.
- *watched*: `ConvergenceStopping` measures the first critic's game in each epoch (distance,
  coverage, spread, AUC), and the run stays the same, bit for bit.

"""


# Those that are tried at once, each with several mechanisms in it; the others with `--slow`.
AT_ONCE = ("pool", "draws")


@pytest.fixture(autouse=True, scope="module")
def forgotten():
    """The models of the references are let go of at the end."""
    yield
    guarantees.forget()


def cells(column):
    """The mechanisms that a column is tested of."""
    return [
        pytest.param(name, id=name, marks=() if name in AT_ONCE else pytest.mark.slow)
        for name, mechanism in mechanisms.EVERY.items()
        if column not in mechanism.cannot
    ]


# === Columns in one process ===


@pytest.mark.parametrize("name", cells("saves"))
def test_trains_and_is_saved(name, tmp_path):
    guarantees.trains_and_saves(name, tmp_path)


IN_PROCESS = ("accumulates", "bfloat16", "counts", "leaves_others_still", "xla", "watched")


@pytest.mark.slow
@pytest.mark.parametrize("column", IN_PROCESS)
@pytest.mark.parametrize("name", list(mechanisms.EVERY))
def test_in_one_process(column, name, tmp_path, blank_plots):
    _cannot(column, name)
    getattr(guarantees, column)(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(mechanisms.EVERY))
def test_two_replicas(name, two_replicas):
    _cannot("replicas", name)
    guarantees.replicas(name, two_replicas)


def _cannot(column, name):
    if column in mechanisms.EVERY[name].cannot:
        pytest.skip(mechanisms.EVERY[name].cannot[column])


# === Columns in other processes ===


@pytest.mark.slow
def test_exports_need_no_package(tmp_path):
    made = {}
    for name in (cell.values[0] for cell in cells("exports")):
        keras.utils.set_random_seed(0)
        made[name] = guarantees.exports(name, tmp_path)
    done = python("exported.py", tmp_path)
    assert done.returncode == 0, done.stderr
    for name, expected in made.items():
        with np.load(tmp_path / f"{name}_served.npz") as served:
            exported.assert_equal(dict(served), expected)


@pytest.mark.slow
def test_killed_runs_go_on(tmp_path):
    names = [name.values[0] for name in cells("killed")]
    done = python("killed.py", "guarantees", tmp_path, *names)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    for name in names:
        other, fit_other = guarantees.run(name, seed=1)  # other initial weights
        history = fit_other([killed.backup(tmp_path, name)])
        assert history.epoch == [0, 1], name
        assert_same_state(other, guarantees.reference(name).state)


# === The table ===


def table():
    """The table as it stands in the page."""
    reasons, lines = [], []
    for mechanism in mechanisms.EVERY.values():
        marks = []
        for column in COLUMNS:
            reason = mechanism.cannot.get(column)
            if reason is not None and reason not in reasons:
                reasons.append(reason)
            marks.append("yes" if reason is None else f"no ({1 + reasons.index(reason)})")
        lines.append(f"| {mechanism.title} | {' | '.join(marks)} |")
    head = [
        f"| mechanism | {' | '.join(COLUMNS.values())} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, start=1)]
    return "\n".join([EXPLAINED, *head, *lines, "", *notes]).rstrip() + "\n"


def page():
    """The page with the table of now."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}{END}{rest.partition(END)[2]}"


def test_the_page_has_this_table():
    assert PAGE.read_text() == page(), "run `python tests/test_guarantees.py`"


def test_every_reason_is_of_a_column():
    for name, mechanism in mechanisms.EVERY.items():
        assert mechanism.cannot.keys() <= COLUMNS.keys(), name


if __name__ == "__main__":
    PAGE.write_text(page())
