"""Ctrl-C in the terminal ends `keras-gan train`, and `keras-gan resume` goes on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import helpers
from keras_gan.command_line import running


@pytest.mark.slow
def test_ctrl_c_ends_a_run_that_can_go_on(tmp_path):
    np.save(tmp_path / "data.npy", helpers.images(64))
    output = tmp_path / "run"
    # Where the tests run in the background, their processes would ignore the signal.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from keras_gan.command_line import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code]
    options = "--recipe mlp --width 8 --latent-dim 4 --batch-size 16 --precision float32"
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}
    process = subprocess.Popen(
        [*command, "train", str(tmp_path / "data.npy"), "--output", str(output)]
        + [*options.split(), "--epochs", "100000"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not (output / "backup" / "epoch_0002.npz").exists():
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=300)[0]
    assert process.returncode == running.INTERRUPTED
    assert f"keras-gan resume {output}" in told and "still learning" in told.lower()
    assert "interrupted, epoch" in (output / "report.html").read_text()
    done = json.loads((output / "signals.json").read_text())[-1]["epoch"]
    resumed = subprocess.run(
        [*command, "resume", str(output), "--epochs", str(done + 1)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert resumed.returncode == running.DONE, resumed.stderr
    assert "Resumed after epoch" in resumed.stdout
