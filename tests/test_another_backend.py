"""Another backend of Keras than TensorFlow is refused when the package is imported."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import keras_gan

ROOT = pathlib.Path(keras_gan.__file__).parents[1]


def run(code, **environment):
    """Run code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last_line(result):
    assert result.returncode == 1, result.stderr
    return result.stderr.strip().splitlines()[-1]


MESSAGE = "ImportError: keras_gan needs Keras's TensorFlow backend. Received: backend={!r}. Set the"


@pytest.mark.parametrize("backend", ["numpy", "a_backend_that_is_not_installed"])
def test_another_backend_is_refused(backend):
    result = run("import keras_gan", KERAS_BACKEND=backend)
    assert last_line(result).startswith(MESSAGE.format(backend))
    assert "KERAS_BACKEND=tensorflow" in last_line(result)
    assert "another exception occurred" not in result.stderr


def test_another_backend_in_the_file_of_settings_is_refused(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "not_installed"}))
    environment = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": ""}
    result = run("import keras_gan", **environment)
    assert last_line(result).startswith(MESSAGE.format("not_installed"))
