"""Settings of all tests: small machines, quiet logs, slow tests on request."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import pytest


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the long experiments too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="long experiment; run with --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same initial weights."""
    keras.utils.set_random_seed(0)
