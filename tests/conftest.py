"""Settings of all tests: small machines, quiet logs, slow tests on request."""

import ctypes
import gc
import json
import os
import pathlib
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Threads of NumPy wait for each other in a loop: with small matrices, most of their time is that.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

import lean

# Benchmarks are imported from here; the package itself is the one that is installed, if one is.
sys.path.append(str(pathlib.Path(__file__).parents[1]))

# Of these, too, a failed assertion says what it compared.
pytest.register_assert_rewrite("canaries_of_graphs", "canaries_of_keras", "canaries_of_tensorflow")

# A graph is made of a hundred thousand objects that stay: by default, Python would look through
# them for garbage again and again while it is made.
gc.set_threshold(50_000, 10, 10)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the long experiments too")
    parser.addoption("--cpu-times", metavar="FILE", help="append each test's cost as JSON lines")


def pytest_configure(config):
    # The process that hands tests out to others runs none: it needs no TensorFlow.
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    tf = lean.import_tensorflow()
    # Two devices to be replicas on; nothing else uses the second.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    # Most quick tests ask when a model is trained, saved or refused, and not how it is computed.
    lean.optimize_graphs(config.getoption("--slow"))
    lean.keep_kernels()


# The files that take longest, which begin first: none of them is left for one process at the end.
LONGEST = (
    # With `--slow`; the others without.
    "test_guarantees",
    "test_lessons",
    "test_examples",
    "test_games",
    "test_record",
    "test_train_step",
    "test_training_backup",
    "test_feeding_refusals",
    "test_feeding",
    "test_training_backup_siblings",
    "test_readme",
    "test_untrusted",
    "test_on_games",
    "test_adversarial_model",
    "test_games_kept_apart",
    "test_critics",
    "test_dirac",
    "test_replicas",
    "test_networks",
    "test_training_backup_data",
    "test_saving",
    "test_quality_metrics",
    "test_keras_callbacks",
    "test_image_networks",
    "test_label_recipes",
    "test_image_recipes",
    "test_recipes",
    "test_metrics_in_fit",
    "test_convergence_stopping",
    "test_start_check",
    "test_precision",
    "test_training_backup_faults",
    "test_on_a_gan",
    "test_gan",
    "test_evaluate",
    "test_compiled_steps",
    "test_export",
    "test_export_formats",
    "test_safe_mode",
    "test_values",
    "test_packing",
    "test_keras_inputs",
    "test_command_line",
    "test_accumulation",
    "test_determinism",
    "test_memory",
    "test_pairs",
    "test_loadable",
    "test_copies",
    "test_schedules",
    "test_files",
    "test_cures",
)


def pytest_collection_modifyitems(config, items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="long experiment; run with --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


# === What tests cost ===


def _cpu_seconds():
    """Processor time of this process and of its children that have ended."""
    return time.process_time() + sum(os.times()[2:4])


def _note(config, name, seconds):
    """Append a line; processes of `-n` write to the same file."""
    path = config.getoption("--cpu-times")
    if path is None:
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with open("/proc/self/statm") as opened:
        resident = int(opened.read().split()[1]) * resource.getpagesize() >> 20
    line = {"test": name, "seconds": round(seconds, 3), "resident_mib": resident, "peak_mib": peak}
    with open(path, "a") as opened:
        opened.write(json.dumps(line) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Setup, call and teardown together: a fixture of a module counts for its first test."""
    before = _cpu_seconds()
    result = yield
    _note(item.config, item.nodeid, _cpu_seconds() - before)
    return result


def pytest_unconfigure(config):
    _note(config, "whole process", _cpu_seconds())


# === Fixtures ===


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same initial weights."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def freed():
    """What a module's models held is free for the next one."""
    import keras

    # What is there by now stays: looking through a million objects takes most of a second.
    gc.freeze()
    yield
    keras.backend.clear_session(free_memory=False)
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):  # of Linux
        ctypes.CDLL(None).malloc_trim(0)  # what all threads have freed goes back to the system


@pytest.fixture(scope="module")
def optimized_graphs(request):
    """Graphs as users have them, for files that ask what is computed by them."""
    lean.optimize_graphs(True)
    yield
    lean.optimize_graphs(request.config.getoption("--slow"))


@pytest.fixture(scope="module")
def unoptimized_graphs(request):
    """Graphs as they were traced with `--slow` too, for files of large ones that run for a step."""
    lean.optimize_graphs(False)
    yield
    lean.optimize_graphs(request.config.getoption("--slow"))


@pytest.fixture(scope="module")
def one_panel():
    """Reports whose plot has one panel, which is drawn soon."""
    from keras_gan.callbacks import _report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_report, "_PANELS", _report._PANELS[:1])
        yield


@pytest.fixture(scope="module")
def blank_plots():
    """Reports whose plot is blank: what is in it is asked where plots are tested."""
    from matplotlib.figure import Figure

    from keras_gan.callbacks import _report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_report, "plot", lambda *_: Figure(figsize=(1.0, 1.0)))
        yield


@pytest.fixture
def one_panel_here(monkeypatch):
    """Likewise, for one test."""
    from keras_gan.callbacks import _report

    monkeypatch.setattr(_report, "_PANELS", _report._PANELS[:1])


@pytest.fixture(scope="session")
def two_replicas():
    """A strategy of two replicas; one for all tests, as TensorFlow mixes up what two of them do."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
