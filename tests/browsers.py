"""A browser for the tests of pages: Chromium, without a window."""

import contextlib
import shutil

import pytest

_SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
# The programs' names in Debian and elsewhere.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESKTOP = (390, 844), (1280, 900)


@contextlib.contextmanager
def browser(size=DESKTOP):
    """A browser with a window of `size`, in CSS pixels; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("Chromium and chromedriver are not installed.")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for switch in (*_SWITCHES, "--window-size={},{}".format(*size)):
        options.add_argument(switch)
    metrics = {"width": size[0], "height": size[1], "pixelRatio": 1.0}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(driver)
    opened = webdriver.Chrome(options=options, service=service)
    try:
        yield opened
    finally:
        opened.quit()


def complaints(opened):
    """What the browser's console has received: errors and refused parts of a page."""
    return [line["message"] for line in opened.get_log("browser")]


def colour_scheme(opened, scheme):
    """Prefer `"light"` or `"dark"`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
