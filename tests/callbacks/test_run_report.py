"""The page that a run keeps current."""

import html.parser
import importlib.util
import re
import types

import keras
import numpy as np
import pytest

import helpers
import runs
from keras_gan import images as images_module
from keras_gan.callbacks import (
    ConvergenceStopping,
    RunReport,
    _facts,
    _frames,
    _page,
    _report,
    _samples,
    run_report,
)
from keras_gan.convergence import Signals

EVIL = '</style><script>alert(1)</script><img src=x onerror="alert(2)">'


class Reader(html.parser.HTMLParser):
    """The tags of a page, and all that it would load or run."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.loaded = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.loaded += [v for n, v in attributes if n in ("src", "href", "xlink:href")]


def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def fit(gan, data, *callbacks, epochs=2, **settings):
    settings = {"batch_size": 8, "steps_per_epoch": 2, "verbose": 0, **settings}
    return gan.fit(data, epochs=epochs, callbacks=[*callbacks], **settings)


@pytest.fixture(scope="module")
def images():
    """A model of images with classes of odd names, as it begins."""
    gan = helpers.gan((8, 8, 1), num_classes=2, run_eagerly=True, **helpers.by_sgd())
    gan.class_names = [EVIL, "$x_{"]
    return gan, helpers.snapshot(gan)


def labelled(count=40):
    return helpers.images(count), np.arange(count) % 2


def test_the_page_is_one_file_that_loads_nothing(images, tmp_path, one_panel_here):
    gan, start = images
    helpers.restore(start)
    folder = tmp_path / EVIL.replace("/", "")
    stopping = ConvergenceStopping()
    held_out = labelled(20)
    report = RunReport(folder, rows=2, columns=3)
    x, y = labelled()
    fit(gan, x, stopping, report, y=y, validation_data=held_out)
    text = page(folder)
    read = Reader(text)
    assert read.tags.count("script") == 1 and not read.handlers, "names are text"
    assert all(v.startswith(("data:image/webp;base64,", "#")) for v in read.loaded)
    assert read.tags.count("img") >= 2 + 2 + 2  # first or last, real, slider, two extras
    assert "http-equiv" in text and "default-src 'none'" in text
    assert "finished, epoch 2 of 2" in text and "Still learning after 2 epochs" in text
    for title in ("From one latent to another", "Nearest training samples", "Curves"):
        assert title in text
    assert "var(--line1)" in text and "#0a0001" not in text, "curves have the page's colours"
    assert len(text) < 600_000


def test_it_changes_nothing(images, tmp_path, monkeypatch):
    panels = [panel for panel in _report._PANELS if panel[0] == "gradient norms"]
    monkeypatch.setattr(_report, "_PANELS", panels)
    gan, start = images
    x, y = labelled()
    ends = []
    for callbacks in ((), (RunReport(tmp_path, rows=2, columns=2),)):
        helpers.restore(start)
        fit(gan, x, *callbacks, y=y, epochs=1)
        ends.append(helpers.state(gan))
    helpers.assert_same(*ends)
    text = page(tmp_path)
    assert "add ConvergenceStopping" in text and "gradient norms" in text


def test_an_interrupted_run_says_so(images, tmp_path, one_panel_here):
    gan, start = images
    helpers.restore(start)
    x, y = labelled()
    stop = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / (1 - epoch))
    with pytest.raises(ZeroDivisionError):
        fit(gan, x, RunReport(tmp_path), stop, y=y, epochs=3)
    assert "interrupted, epoch 1 of 3" in page(tmp_path)


@pytest.mark.parametrize("watch", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_resumed_run_keeps_the_epochs_before_a_crash(watch, tmp_path, monkeypatch):
    monkeypatch.setattr(_page, "curves", lambda *_: [])  # drawn elsewhere
    stage = runs.stage_of(runs.plain)

    def made():
        report = RunReport(tmp_path / "page")
        return report, [report, *([ConvergenceStopping()] if watch else [])]

    _, callbacks = made()
    crash = runs.Crash("epoch_begin", 1)
    assert runs.fit(stage.first(), tmp_path / "backup", *callbacks, crash, epochs=2) is None
    report, callbacks = made()
    runs.fit(stage.again(), tmp_path / "backup", *callbacks, epochs=2)
    assert list(report._frames.pictures) == [1, 2] and len(report._seconds) == 2
    assert [s.epoch for s in report._following.history] == [1, 2]
    assert "epoch 2 of 2" in page(tmp_path / "page")


def test_points_are_drawn_over_reals(tmp_path, one_panel_here):
    gan = runs.stage_of(runs.plain).first()
    fit(gan, runs.POINTS, RunReport(tmp_path), epochs=1)
    assert "epoch 1, the first and last" in page(tmp_path)
    assert "1 epoch, whose quality was not measured" in page(tmp_path)  # there is no stopping


def test_without_the_extra_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    report = RunReport(tmp_path)
    with pytest.raises(ImportError, match=r"pip install 'keras-gan\[report\]'"):
        report.on_train_begin()


def test_the_page_is_written_in_a_twentieth_of_the_time(monkeypatch, tmp_path):
    now, written = [0.0], []
    monkeypatch.setattr(run_report.time, "monotonic", lambda: now[0])
    report = RunReport(tmp_path)
    report._start()
    report.set_params({"epochs": 1000})
    report._following = types.SimpleNamespace(end_epoch=lambda *_: None, best_epoch=None)
    monkeypatch.setattr(RunReport, "_draw", lambda self: None)

    def write(self, state):
        written.append(self._epoch)
        now[0] += 0.5

    monkeypatch.setattr(RunReport, "_write", write)
    for epoch in range(30):
        now[0] += 1.0
        report.on_epoch_end(epoch)
    assert written == [1, 11, 21]


@pytest.mark.parametrize("every_epochs", [1, 2, 7])
def test_a_long_run_keeps_some_pictures(every_epochs, monkeypatch):
    monkeypatch.setattr(_frames, "compressed", lambda picture: b"picture")
    frames = _frames.Frames()
    for epoch in range(1, 1001):
        if epoch % every_epochs == 0 or epoch in (1, 333, 1000):
            frames.add(epoch, None, best=min(epoch, 333))
    kept = list(frames.pictures)
    assert kept[0] == 1 and kept[-1] == 1000 and 333 in kept and len(kept) == 23
    assert max(np.diff(kept)) < 2 * 1000 / 22, "none far from its neighbours"
    again = _frames.Frames()
    again.set_state(frames.get_state())
    assert again.pictures == frames.pictures


def test_the_nearest_of_copies_is_what_was_copied():
    reals = helpers.images(250)  # more than are floats at a time
    copied = reals[[3, 120, 7, 240, 99, 100, 101, 249]]
    gan = types.SimpleNamespace(
        reference_samples=reals,
        sample_shape=reals.shape[1:],
        num_classes=None,
        sample_latents=lambda count, seed: None,
        generate=lambda **_: copied / np.float32(127.5) - 1.0,
    )
    nearest = _samples.Nearest(gan)
    assert nearest.count == 250
    expected = images_module.grid(np.concatenate([copied, copied]), 2, 8)
    np.testing.assert_array_equal(nearest.picture(0), expected)


def test_names_stand_side_by_side_and_not_as_python_lists():
    rows = dict(
        _facts.recorded([Signals(epoch=1, settings={"penalties": ["R1", "R2"], "terms": []})])
    )
    assert rows == {"penalties": "R1, R2", "terms": "none"}
    assert _facts._text((8, 8, 1)) == "(8, 8, 1)"


def test_no_line_of_the_page_is_written_unescaped():
    for name in ("report.html",):
        text = (_page._FOLDER / name).read_text()
        assert "|safe" not in text and not re.search(r"autoescape\s+false", text)
