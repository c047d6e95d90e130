"""The cures of errors are followed, and work."""

import ast
import inspect
import re

import pytest

from cures_models import TFDS, complaint
from cures_table import TABLE
from keras_gan import _checks, _registry
from keras_gan.data import catalogue
from keras_gan.evaluation import ranges, scoring
from keras_gan.feeding import fit_data
from keras_gan.metrics import (
    features,
    frechet_distance,
    inception_score,
    mode_coverage,
    quality_metric,
    sliced_wasserstein,
)

# Without `metrics.applications`, one of whose cures is a download by hand.
MODULES = [
    _registry,
    catalogue,
    features,
    fit_data,
    frechet_distance,
    inception_score,
    mode_coverage,
    quality_metric,
    ranges,
    scoring,
    sliced_wasserstein,
]


# Samples in [0, 1] are told of in the same way, whoever made them.
SIMILAR = (
    "samples in [0, 1] of a conditional function",
    "samples in [0, 1] of a model",
    "a list of reals in [0, 1]",
)
OF_MNIST = ("a stream to split", "a version", "a name misspelt", "another folder")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.slow if k in SIMILAR else ()) for k in TABLE]
)
def test_cures_cure(kind):
    bad, words, *cured = TABLE[kind]
    if kind in OF_MNIST and not TFDS.exists():
        pytest.skip("MNIST is not there")
    text = complaint(bad)
    assert text is not None and re.search(words, text, re.DOTALL), text
    for call in cured:
        assert complaint(call) is None, text


def _sites(module):
    """The lines of each call in a module's source that is given a cure."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and any(k.arg == "cure" for k in node.keywords):
            yield range(node.lineno, node.end_lineno + 1)


@pytest.mark.slow
def test_the_table_reaches_every_cure(monkeypatch):
    reached, sentence = {module.__file__: set() for module in MODULES}, _checks.sentence

    def noted(*arguments, **received):
        frame = inspect.currentframe().f_back
        while frame is not None:
            if frame.f_code.co_filename in reached:
                reached[frame.f_code.co_filename].add(frame.f_lineno)
                break
            frame = frame.f_back
        return sentence(*arguments, **received)

    monkeypatch.setattr(_checks, "sentence", noted)
    for bad, *_ in TABLE.values():
        complaint(bad)
    missed = [
        (module.__name__, lines.start)
        for module in MODULES
        for lines in _sites(module)
        if not reached[module.__file__].intersection(lines)
    ]
    if not TFDS.exists():
        missed = [site for site in missed if site[0] != catalogue.__name__]
    assert not missed
