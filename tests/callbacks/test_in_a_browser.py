"""The pages of a run in a real browser, where there is one: the report, and TensorBoard."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

import browsers
import helpers
from keras_gan.callbacks import ConvergenceStopping, RunBoard, RunReport

EVIL = '</style><script>document.title="run"</script><img src=x onerror="document.title=1">'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of two epochs of a model of images, whose classes have odd names."""
    folder = tmp_path_factory.mktemp("run")
    gan = helpers.gan((8, 8, 1), num_classes=2, run_eagerly=True, **helpers.by_sgd())
    gan.class_names = [EVIL, "two"]
    gan.fit(
        helpers.images(32),
        np.arange(32) % 2,
        epochs=2,
        batch_size=8,
        steps_per_epoch=2,
        validation_split=0.5,
        verbose=0,
        callbacks=[ConvergenceStopping(), RunReport(folder), RunBoard(folder / "logs" / "first")],
    )
    return folder


# === The report ===


@pytest.fixture(scope="module", params=["desktop", "phone"])
def page(request, run):
    """The report as a browser shows it: of a desktop and of a phone."""
    with browsers.browser(getattr(browsers, request.param.upper())) as opened:
        _show(opened, run / "report.html")
        yield opened


def test_the_report_loads_nothing_and_raises_nothing(page):
    assert browsers.complaints(page) == []
    events = [json.loads(line["message"])["message"] for line in page.get_log("performance")]
    asked = [
        event["params"]["request"]["url"].split(":")[0]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert asked and set(asked) <= {"file", "data"}


def test_names_are_text(page):
    assert page.title.startswith("finished")
    assert EVIL in page.find_element("tag name", "body").get_attribute("textContent")


def test_the_report_is_no_wider_than_the_window(page):
    wide, window = page.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window


def test_all_pictures_are_shown(page):
    shown = page.execute_script(
        "return [...document.images].map(image => [image.complete, image.naturalWidth])"
    )
    assert shown and all(complete and width for complete, width in shown)


def test_a_page_that_is_not_written_any_more_says_so(page, run, tmp_path):
    text = (run / "report.html").read_text(encoding="utf-8")
    running = text.replace('data-running="no"', 'data-running="yes"')
    old = re.sub('data-written="[0-9]+"', 'data-written="0"', running)
    assert old != running != text
    for html, is_told in ((text, False), (running, False), (old, True)):
        (tmp_path / "report.html").write_text(html, encoding="utf-8")
        _show(page, tmp_path / "report.html")
        state = page.find_element("class name", "state").text
        assert ("has perhaps ended" in state) == is_told, state
    _show(page, run / "report.html")


def test_the_slider_shows_another_epoch(page):
    move = """
        const range = document.querySelector('.slider input');
        range.value = arguments[0];
        range.dispatchEvent(new Event('input'));
        return [...document.querySelectorAll('.slider img')]
            .filter(image => !image.hidden).map(image => image.dataset.epoch)
            .concat(document.querySelector('.slider output').textContent);
    """
    assert page.execute_script(move, 0) == ["1", "epoch 1"]
    assert page.execute_script(move, 1) == ["2", "epoch 2"]


def test_text_is_legible_in_light_and_dark(page):
    # WCAG 2.2, 1.4.3: a contrast of 4.5.
    for scheme, is_dark in (("light", False), ("dark", True)):
        browsers.colour_scheme(page, scheme)
        for selector in ("h2", ".lights p", ".lights b span", "figcaption", "th", "pre"):
            text, paper = page.execute_script(_COLOURS, selector)
            assert (_luminance(paper) < 0.2) == is_dark
            low, high = sorted((_luminance(text), _luminance(paper)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, selector)


# The colour of an element's text, and of what is behind it.
_COLOURS = """
    const element = document.querySelector(arguments[0]);
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
        behind = behind.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
        .map(colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number));
"""


def _luminance(colour):
    """Relative luminance as WCAG 2.2 defines it, of 0 to 1."""
    part = np.asarray(colour) / 255.0
    part = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(part @ [0.2126, 0.7152, 0.0722])


# === TensorBoard ===


@pytest.fixture(scope="module")
def board(run, tmp_path_factory):
    """The address of a TensorBoard of the run."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "tensorboard.main", "--load_fast=false"]
    program += ["--logdir", run / "logs", "--port", str(port), "--host", "localhost"]
    with open(tmp_path_factory.mktemp("board") / "log", "w") as log:
        process = subprocess.Popen(program, stdout=log, stderr=log)
    address = f"http://localhost:{port}"
    try:
        _wait(lambda: b"first" in urllib.request.urlopen(f"{address}/data/runs").read())
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def window():
    with browsers.browser() as opened:
        yield opened


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("scalars", ["losses", "accuracies", "gradients", "quality", "signals", "rates"]),
        ("custom_scalars", ["losses of both players", "quality, and that of reals"]),
        ("images", ["pictures"]),
        ("text", ["verdict", "learning after 2 epochs", "NonSaturating"]),
        ("hparams", ["batch_size", "quality/sliced_wasserstein"]),
    ],
)
def test_a_tab_of_tensorboard_shows_the_run(board, window, tab, words):
    window.get(f"{board}/#{tab}")
    window.refresh()
    _wait(lambda: all(word in window.execute_script(_TEXT) for word in words))


# The text of a page and of the shadow trees within it.
_TEXT = """
    const text = node => [...node.childNodes].map(child =>
        child.nodeType === Node.TEXT_NODE ? child.textContent
        : ['STYLE', 'SCRIPT'].includes(child.nodeName) ? ''
        : (child.shadowRoot ? text(child.shadowRoot) : '') + text(child)).join(' ');
    return text(document.body);
"""


def _show(opened, path):
    opened.get(path.as_uri())
    # On a busy machine the driver returns before the page's script has run.
    _wait(lambda: opened.execute_script("return document.readyState") == "complete")


def _wait(is_there, seconds=120.0):
    end = time.monotonic() + seconds
    while True:
        try:
            if is_there():
                return
        except urllib.error.URLError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"nothing after {seconds:g} s")
        time.sleep(0.5)
