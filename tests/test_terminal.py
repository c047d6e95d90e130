"""What is said on the terminal, on whatever terminal there is."""

import ast
import io
import pathlib
import sys

import pytest

import helpers
from keras_gan import terminal

PATH = "runs/Über\udce9/玫瑰"  # a byte that is no character, as `os.fsdecode` gives it


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("ascii", "runs/\\xdcber\\udce9/\\u73ab\\u7470"),
        ("latin-1", "runs/Über\\udce9/\\u73ab\\u7470"),
        ("utf-8", "runs/Über\\udce9/玫瑰"),
    ],
)
def test_a_path_that_the_terminal_cannot_print_is_escaped(monkeypatch, encoding, told):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with pytest.raises(UnicodeEncodeError):
        stream.write(PATH)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.tell(PATH)
    assert stream.buffer.getvalue().decode(encoding) == f"{told}\n"


def test_nothing_else_in_the_package_prints():
    for path in pathlib.Path(terminal.__file__).parent.rglob("*.py"):
        text = path.read_text()
        tree = ast.parse(text if "print" in text else "")
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        prints = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
        assert len(prints) == (path.name == "terminal.py"), path


class Stream(io.StringIO):
    def __init__(self, is_terminal):
        super().__init__()
        self.isatty = lambda: is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "verbose", "delay", "shown"),
    [
        (True, "auto", 0.0, True),
        (True, "auto", 9.0, False),  # short loops are not worth a line
        (True, 0, 0.0, False),
        (True, False, 0.0, False),
        (False, "auto", 0.0, False),
        (False, 1, 0.0, True),
        (False, 1, 9.0, False),
    ],
)
def test_long_loops_are_counted(monkeypatch, is_terminal, verbose, delay, shown):
    monkeypatch.setattr(terminal, "_DELAY", delay)
    monkeypatch.setattr(sys, "stderr", Stream(is_terminal))
    items = terminal.progress(iter("abc"), "comparing", total=3, verbose=verbose)
    assert list(items) == ["a", "b", "c"]
    text = sys.stderr.getvalue()
    assert ("comparing" in text and "/3" in text and "batches" in text) == shown
    if not shown:
        assert text == ""


def test_validation_within_fit_shows_how_far_it_is(monkeypatch):
    monkeypatch.setattr(terminal, "_DELAY", 0.0)
    samples = helpers.points(40)
    gan = helpers.gan(run_eagerly=True, **helpers.by_sgd())
    settings = {"batch_size": 40, "validation_data": samples, "validation_batch_size": 8}
    for verbose, shown in ((2, True), (0, False)):
        monkeypatch.setattr(sys, "stderr", Stream(True))
        gan.fit(samples, verbose=verbose, **settings)
        text = sys.stderr.getvalue()
        assert ("Validating" in text) == ("/5 [" in text) == shown


def test_without_standard_error_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(terminal.progress("ab", "comparing")) == ["a", "b"]
