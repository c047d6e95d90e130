"""The notebook's cells run in order, as they are but for their length."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import pages

NOTEBOOK = pathlib.Path(__file__).parents[1] / "examples" / "quick_start.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def test_it_is_kept_without_results():
    assert CODE
    for cell in CELLS:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_its_code_is_python_without_magic():
    for code in CODE:
        compile(code, NOTEBOOK.name, "exec")


@pytest.mark.slow
def test_the_cells_run(tmp_path):
    text = pages.shortened("\n".join(CODE))
    checks = "\nassert samples.shape == (64, 8, 8, 1)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", text + checks],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pages.ROOT)},
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    assert (tmp_path / "runs/digits/generator/saved_model.pb").exists()
    assert (tmp_path / "samples.png").exists()
