"""A canary for each private name of Keras and TensorFlow that the package stands on."""

import inspect

import keras
import pytest
import tensorflow as tf

import canaries_of_graphs
import canaries_of_keras
import canaries_of_tensorflow
from canaries import described, telling
from keras_gan.backend import private_graphs, private_keras, private_tensorflow, requirement
from keras_gan.feeding.class_names import NamedDataset
from keras_gan.model.gan import GAN
from keras_gan.optimizers import OptimizerGroup

MODULES = (private_graphs, private_keras, private_tensorflow)
CANARIES = canaries_of_graphs.canary | canaries_of_keras.canary | canaries_of_tensorflow.canary


@pytest.mark.parametrize("name", CANARIES, ids=lambda name: name[1])
def test_each_name_does_what_it_is_needed_for(name):
    thing, check = CANARIES[name]
    with telling(thing):
        check()


def test_each_name_has_a_canary():
    for module in MODULES:
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            if own and not name.startswith("_") and callable(thing):
                assert (module.__name__, name) in CANARIES, name
                assert described(thing)


def test_a_canary_fails_with_a_sentence(monkeypatch):
    monkeypatch.setattr(private_keras, "_SHARED", "another name")
    message = "Keras has removed or changed .*`global_state`.* keras_gan needs it for first weights"
    with (
        pytest.raises(pytest.fail.Exception, match=message),
        telling(private_keras.shared_generator),
    ):
        CANARIES[private_keras.__name__, "shared_generator"][1]()


def test_a_part_that_cannot_be_imported_is_told_of():
    error = requirement.changed("keras", "3.15.1", ImportError("cannot import name 'x'"))
    assert f"version {keras.__version__} no longer has: cannot import name 'x'. Install" in str(
        error
    )


# === What the package overrides ===


def test_what_is_overridden_is_there_and_called():
    model = canaries_of_keras.fitted()
    assert set(model.overridden) == {"_maybe_symbolic_build", "_get_metrics_result_or_logs"}, (
        f"Keras no longer calls what GAN overrides: {private_keras.OVERRIDDEN}"
    )
    assert model.history.history == {"ours": [1.0]}
    for base, ours, name in (
        (keras.Model, GAN, "_maybe_symbolic_build"),
        (keras.Model, GAN, "_get_metrics_result_or_logs"),
        (tf.data.Dataset, NamedDataset, "_inputs"),
    ):
        told = {**private_keras.OVERRIDDEN, **private_tensorflow.OVERRIDDEN}[name]
        assert hasattr(base, name), f"No longer there: {told}."
        theirs, mine = (inspect.signature(getattr(kind, name)) for kind in (base, ours))
        assert list(theirs.parameters) == list(mine.parameters), f"Its arguments changed: {told}."


def test_a_named_data_set_has_the_options_of_its_own():
    options = tf.data.Options()
    options.autotune.enabled = False
    named = NamedDataset(tf.data.Dataset.range(3).with_options(options), ["a"])
    assert named.options().autotune.enabled is False, private_tensorflow.OVERRIDDEN["_inputs"]


def test_a_group_of_optimizers_has_no_variables():
    group = OptimizerGroup([keras.optimizers.SGD()])
    assert group.variables == [] and hasattr(keras.optimizers.SGD(), "_variables"), (
        f"No longer there: {private_keras.OVERRIDDEN['_variables']}."
    )
