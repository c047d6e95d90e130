"""Settings of all tests: small machines, quiet logs, slow tests on request."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import pytest
import tensorflow as tf

# Two devices to be replicas on; nothing else uses the second.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


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


@pytest.fixture(scope="session")
def two_replicas():
    """A strategy of two replicas; one for all tests, as TensorFlow mixes up what two of them do."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
