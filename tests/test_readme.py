"""The README's code runs, its commands are the ones that are tested, its files are there."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import helpers
from keras_gan import images

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


CHECKS = """
assert samples.shape == (16, 32, 32, 3)
assert pictures.shape == (16, 8, 8, 1) and pictures.dtype == "uint8"
"""


def test_the_code_runs_as_it_is(tmp_path):
    for number, picture in enumerate(helpers.images(40, (40, 36, 3))):
        images.save_png(tmp_path / "my_images" / f"{number}.png", picture)
    code = "".join(blocks("python")) + CHECKS
    # The same code, for a shorter time.
    code = re.sub(r"epochs=\d+", "epochs=1", code).replace("steps=20)", "steps=2)")
    code = code.replace("minutes=20", "minutes=0.01")
    (tmp_path / "readme.py").write_text(code)
    # In a process of its own: a strategy wants one that has not made its devices yet.
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "readme.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert (tmp_path / "runs/digits/epoch_0001.png").exists()
    assert (tmp_path / "samples.png").exists()


def test_ci_calls_the_test_command():
    commands = [block.strip() for block in blocks("sh")]
    assert len(commands) == 2 and all(c.startswith("pip install ") for c in commands)
    assert all("\n" not in c and " && " in c for c in commands)
    assert commands[1] in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("path", re.findall(r"\]\((docs/[^)]+)\)", README))
def test_pictures_are_there(path):
    assert (ROOT / path).stat().st_size > 0


def test_the_map_names_what_is_there():
    listed = re.search(r"## The map\n\n```\n(.*?)```", README, flags=re.DOTALL)[1]
    for name in re.findall(r"\b(\w+\.py)\b", listed):
        assert (ROOT / "keras_gan" / name).exists(), name
    for name in re.findall(r"examples/\w+\.py", README):
        assert (ROOT / name).exists(), name
