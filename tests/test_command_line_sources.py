"""What the command line reads data from, and how Python starts it."""

import runpy
import sys

import numpy as np
import pytest

import helpers
from keras_gan import command_line, images
from keras_gan.command_line import running, sources


def test_a_file_without_the_entry_is_told_which_there_are(tmp_path, capsys):
    np.savez(tmp_path / "bad.npz", pictures=helpers.images(8))
    np.savez(tmp_path / "nameless.npz", helpers.images(8))
    arguments = ["train", str(tmp_path / "bad.npz"), "--output", str(tmp_path / "run")]
    assert command_line.main(arguments) == running.REFUSED
    told = capsys.readouterr().err
    assert "no entry `images`" in told and "found=['pictures']" in told
    assert "Save it by that name: `np.savez('bad.npz', images=...)`" in told
    assert len(sources._arrays(tmp_path / "nameless.npz", False)[0]) == 8
    arguments[1] = str(tmp_path / "nameless.npz")
    assert command_line.main([*arguments, "--labels"]) == running.REFUSED
    assert "no entry `labels`" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")
def test_python_runs_the_package(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["keras_gan"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("keras_gan", run_name="__main__")
    assert ended.value.code == running.DONE and "train" in capsys.readouterr().out


def test_missing_classes_are_told_in_options(tmp_path, capsys):
    images.save_png(tmp_path / "1.png", helpers.images(1, (6, 6, 1))[0])
    options = ["--labels", "--image-size", "8", "--output", str(tmp_path.with_name("run"))]
    assert command_line.main(["train", str(tmp_path), *options]) == running.REFUSED
    told = capsys.readouterr().err
    assert "With `--labels`" in told and "leave out `--labels`" in told and "labels=" not in told
