"""The README's code runs, its commands are the ones that are tested, its files are there."""

import pathlib
import re

import numpy as np
import pytest

import helpers
from keras_gan import images

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_code_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, picture in enumerate(helpers.images(40, (40, 36, 3))):
        images.save_png(tmp_path / "my_images" / f"{number}.png", picture)
    scope = {}
    for block in blocks("python"):
        short = re.sub(r"epochs=\d+", "epochs=1", block)  # the same code, for a shorter time
        exec(compile(short, "README.md", "exec"), scope)
    assert (tmp_path / "runs/digits/epoch_0001.png").exists()
    assert (tmp_path / "samples.png").exists()
    assert scope["samples"].shape == (16, 32, 32, 3)
    pictures = scope["pictures"].numpy()
    assert pictures.shape == (16, 8, 8, 1) and pictures.dtype == np.uint8


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
