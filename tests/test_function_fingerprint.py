"""Functions in the settings of a run go by their code and their constants."""

import functools

import keras
import pytest
import tensorflow as tf

import helpers
from keras_gan import terms
from keras_gan.model import run_fingerprint
from keras_gan.model.gan import GAN
from keras_gan.regularizers import R1


def scaled(factor):
    return lambda shape, seed: factor * shape


def scaled_by_name(factor):
    def scale(shape, seed):
        return factor * shape

    return scale


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, shape, seed):
        return self.factor * shape


def by_keyword(shape, seed, factor=1.0):
    return factor * shape


def by_parts(factor):
    return functools.partial(by_keyword, factor=factor)


def by_another(factor):
    inner = scaled(factor)
    return lambda shape, seed: inner(shape, seed)


def by_method(factor):
    return Scaled(factor).__call__


def by_global(factor):
    scope = {"FACTOR": factor, "calls": factor}
    exec("def scale(shape, seed):\n  global calls\n  calls += 1\n  return FACTOR * shape", scope)
    return scope["scale"]


def by_function_of_its_module(factor):
    scope = {"__name__": "somewhere", "inner": scaled(factor)}
    exec("def scale(shape, seed):\n  return inner(shape, seed)", scope)
    return scope["scale"]


class Weighted(terms.L1):
    """Its config leaves out an argument."""

    def __init__(self, factor, name=None):
        super().__init__("a", "b", name=name)
        self.factor = factor


MAKERS = [scaled, scaled_by_name, Scaled, by_parts, by_another, by_method, by_global]
MAKERS += [by_function_of_its_module, Weighted]


@pytest.mark.parametrize("make", MAKERS)
def test_functions_go_by_their_code_and_their_constants(make):
    def told(factor):
        return run_fingerprint.flat({"prior": run_fingerprint._config(make(factor))})

    assert run_fingerprint.differences(told(2.0), told(2.0)) == []
    (difference,) = run_fingerprint.differences(told(2.0), told(3.0))
    assert difference.startswith("prior") and difference.endswith(": 2.0 in the backup, 3.0 now")


def test_tensors_in_closures_go_by_their_values():
    def told(factor):
        return run_fingerprint.flat({"prior": run_fingerprint._config(scaled(tf.constant(factor)))})

    assert run_fingerprint.differences(told(2.0), told(2.0)) == []
    assert len(run_fingerprint.differences(told(2.0), told(3.0))) == 1


def test_names_of_own_classes_are_no_setting():
    told = [run_fingerprint._config(Weighted(2.0, name)) for name in ("weighted", "weighted_1")]
    assert told[0] == told[1], "Keras numbers names by what else the process has made"


def test_a_run_is_the_same_where_its_file_lies_elsewhere():
    def told(place):
        scope = {"__file__": place, "__name__": place}
        exec("def prior(shape, seed):\n  return read(__file__, __name__)", scope)
        return run_fingerprint._of_function(scope["prior"])

    assert told("here") == told("there")


def test_sets_in_functions_have_no_order():
    code = (lambda shape, seed: shape in {0, 8}).__code__
    turned = [frozenset([8, 0]) if part == {0, 8} else part for part in code.co_consts]
    assert repr(tuple(turned)) != repr(code.co_consts), "as with text, in each process"
    turned = code.replace(co_consts=tuple(turned))
    assert run_fingerprint._instructions(turned) == run_fingerprint._instructions(code)


def test_functions_that_call_themselves_are_told():
    def ends(shape, seed):
        return ends(shape, seed)

    assert run_fingerprint.flat(run_fingerprint._config(ends))


def test_functions_go_by_what_they_do():
    def told(function):
        return run_fingerprint.flat({"prior": run_fingerprint._config(function)})

    one, other = (lambda shape, seed: 2.0 * shape), (lambda shape, seed: 3.0 * shape)
    assert [line.split(":")[0] for line in run_fingerprint.differences(told(one), told(other))] == [
        "prior.code"
    ]


class Counting:
    def __init__(self, factor=1.0):
        self.factor, self.calls = factor, 0

    def __call__(self, shape, seed):
        self.calls += 1
        return tf.random.stateless_normal(shape, seed) * self.factor


def counting_in_a_closure():
    calls = 0

    def prior(shape, seed):
        nonlocal calls
        calls += 1
        return tf.random.stateless_normal(shape, seed)

    return prior


@pytest.mark.parametrize("make", [Counting, counting_in_a_closure])
def test_a_prior_that_counts_its_calls_is_the_same_in_the_same_process(make):
    def told(prior):
        return run_fingerprint.flat({"prior": run_fingerprint.of_prior(prior)})

    prior = make()
    gan = GAN(helpers.generator(), helpers.discriminator(), prior=prior)
    before = told(make())
    gan.generate(4)
    prior((2, 4), seed=[0, 0])
    assert run_fingerprint.differences(before, told(prior)) == []
    if isinstance(prior, Counting):
        prior.factor = 2.0  # a setting may change within a process
        assert run_fingerprint.differences(before, told(prior)) == [
            "prior.factor: 1.0 in the backup, 2.0 now"
        ]


def nested(factor):
    @keras.saving.register_keras_serializable("test_function_fingerprint")
    def weight(images_seen):
        return factor * 10.0

    return weight


def activation(factor):
    def scale(x):
        return factor * x

    return scale


@pytest.mark.parametrize(
    "make",
    [
        lambda factor: R1(nested(factor)),
        lambda factor: keras.layers.Activation(activation(factor)),
        lambda factor: keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(2, activation=activation(factor))]
        ),
        lambda factor: keras.optimizers.Adam(learning_rate=Rate(nested(factor))),
    ],
    ids=["a registered weight", "a layer", "a network", "a schedule"],
)
def test_functions_within_configs_go_by_what_they_do(make):
    def told(factor):
        return run_fingerprint.flat({"of": run_fingerprint._config(make(factor))})

    assert run_fingerprint.differences(told(2.0), told(2.0)) == []
    differences = run_fingerprint.differences(told(2.0), told(3.0))
    assert differences and all("closure[0]: 2.0 in the backup, 3.0" in d for d in differences)


@keras.saving.register_keras_serializable("test_function_fingerprint")
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, function):
        self.function = function

    def __call__(self, step):
        return 1e-3 * self.function(step)

    def get_config(self):
        return {"function": keras.saving.serialize_keras_object(self.function)}
