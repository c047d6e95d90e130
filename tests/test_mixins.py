"""The classes that a model is put together from do not take each other's names."""

import itertools

import pytest

from keras_gan.model.adversarial_model import AdversarialModel

PARTS = [kind for kind in AdversarialModel.__mro__ if kind.__module__.startswith("keras_gan.")]


def defined_by(kind):
    """What a class defines under a private name; names with two underscores are Python's."""
    return {name for name in vars(kind) if name.startswith("_") and not name.startswith("__")}


def test_there_are_several_parts():
    assert sum(map(bool, map(defined_by, PARTS))) > 5


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PARTS, 2)))
def test_no_two_parts_define_one_private_name(first, second):
    assert not defined_by(first) & defined_by(second)
