"""What all quality metrics promise, asked of each in turn."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import metrics
from keras_gan.metrics import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    mode_coverage,
    precision_recall,
    sliced_wasserstein,
)
from metric_table import (
    DIMENSION,
    FAKE,
    METRICS,
    MODES,
    REAL,
    WITH_REALS,
    assert_close,
    every_metric,
    fill,
    normal,
    numbers,
)


def test_the_table_is_complete():
    assert sorted(METRICS) == metrics.__all__


# === Forms ===


@every_metric
def test_results_are_plain_and_nan_before_any_sample(name):
    metric = METRICS[name]()
    assert metric.direction in ("min", "max")
    for result in (metric.result(), fill(metric).result()):
        if metric.result_keys is None:
            assert isinstance(result, float) and metric.primary_key is None
        else:
            assert type(result) is dict and tuple(result) == metric.result_keys
            assert metric.primary_key in result
            assert all(isinstance(value, float) for value in result.values())
    assert np.isfinite(numbers(result)).all()
    assert np.isnan(numbers(METRICS[name]().result())).all()


@every_metric
def test_the_config_makes_the_same_metric(name):
    metric = METRICS[name](name="other")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config, safe_mode=True)
    assert type(again) is type(metric) and again.name == "other"
    assert again.get_config() == metric.get_config()
    # The weights of features travel with the model's file, see the tests of files.
    if name != "InceptionScore":
        assert_close(fill(again).result(), fill(metric).result())


@pytest.mark.parametrize("name", WITH_REALS)
def test_features_are_applied_without_dropout(name):
    inputs = keras.Input((DIMENSION,))
    network = keras.layers.Dropout(0.9)(keras.layers.Dense(3)(inputs))
    model = keras.Model(inputs, network, name="judge")
    metric = fill(METRICS[name](features=model))
    mapped = [model(samples, training=False).numpy() for samples in (REAL, FAKE)]
    assert_close(metric.result(), fill(METRICS[name](), *mapped).result())
    assert metric.description()["features"] == "judge" and metric.description()["dimension"] == 3


@pytest.mark.parametrize("name", [*WITH_REALS, "InceptionScore"])
def test_wrong_features_are_refused(name):
    with pytest.raises(ValueError, match="`features`.*Received: features='vgg'"):
        getattr(metrics, name)(features="vgg")


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("KernelDistance", {"subsets": 0}),
        ("KernelDistance", {"subset_size": 1.5}),
        ("KernelDistance", {"degree": 0}),
        ("KernelDistance", {"max_samples": 0}),
        ("PrecisionRecall", {"k": 0}),
        ("DensityCoverage", {"k": -1}),
        ("DensityCoverage", {"seed": -1}),
        ("FrechetDistance", {"seed": 0.5}),
        ("InceptionScore", {"splits": 0}),
        ("InceptionScore", {"logits": 1}),
    ],
)
def test_arguments_are_checked(name, argument):
    (key,) = argument
    with pytest.raises(ValueError, match=f"`{key}`.*Received: {key}="):
        METRICS[name](**argument)


# === Batches ===


@functools.cache
def traced(name):
    """A metric, and its update in a graph."""
    metric = METRICS[name]()
    return metric, tf.function(metric.update_state, autograph=False)


def fill_traced(name, fake=FAKE):
    metric, update = traced(name)
    metric.reset_state()
    for half in (slice(50), slice(50, 100)):  # of one shape, for one graph
        update(tf.constant(REAL[half]), tf.constant(fake[half]))
    return metric


@every_metric
def test_batches_of_any_size_are_one_in_any_mode(name):
    metric, _ = traced(name)
    metric.reset_state()
    expected = fill(metric).result()
    for batch_size in (100, 7):
        metric.reset_state()
        assert_close(fill(metric, batch_size=batch_size).result(), expected)
    assert_close(fill_traced(name).result(), expected)


@pytest.mark.parametrize(
    "name",
    [
        # The others keep samples as the kernel distance does.
        *("FrechetDistance", "KernelDistance"),
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("InceptionScore", "ModeCoverage")),
    ],
)
def test_batches_are_one_in_xla(name):
    metric = METRICS[name]()
    expected = fill(metric).result()
    metric.reset_state()
    found = fill(metric, batch_size=50, compiled=True, jit_compile=True).result()
    assert_close(found, expected)


@pytest.mark.parametrize("name", WITH_REALS)
def test_samples_of_another_shape_are_refused(name):
    metric = fill(METRICS[name]())
    other = normal(32, 0, shape=(DIMENSION + 1,))
    with pytest.raises(ValueError, match=r"another shape. Received: built_for=\(4,\)"):
        metric.update_state(other, other)


@every_metric
def test_it_starts_again_after_a_reset(name):
    metric = METRICS[name]()
    metric.build((DIMENSION,))
    variables = len(metric.variables)
    first = fill(metric).result()
    assert_close(metric.result(), first, rtol=0)
    other = fill(metric, normal(100, 2), normal(100, 3, mean=2.0)).result()
    assert not np.allclose(numbers(other), numbers(first))
    metric.reset_state()
    assert_close(fill(metric).result(), first, rtol=1e-12)
    metric.reset_state()
    other = fill(metric, normal(100, 2), normal(100, 3, mean=2.0)).result()
    assert not np.allclose(numbers(other), numbers(first))
    metric.reset_state()
    assert np.isnan(numbers(metric.result())).all()
    assert len(metric.variables) == variables


@pytest.mark.parametrize("name", ["KernelDistance", "PrecisionRecall", "DensityCoverage"])
def test_results_follow_batches_that_a_full_reservoir_takes_in(name):
    metric = fill(METRICS[name](max_samples=20))
    before = metric.result()
    assert metric.description()["fake_samples"] == 20
    assert not np.allclose(numbers(fill(metric, fake=FAKE + 5.0).result()), numbers(before))


@every_metric
def test_a_broken_generator_has_no_result(name):
    broken = FAKE.copy()
    broken[3] = np.nan
    result = fill_traced(name, broken).result()
    if name == "ModeCoverage":  # a sample that is nowhere is a bad one
        assert result["high_quality"] < 1.0
    else:
        assert np.isnan(numbers(result)).all()
    with pytest.raises(ValueError, match="`fake` must be finite, but 1 of 32.*first at index 3"):
        fill(METRICS[name](), fake=broken)


@every_metric
def test_too_few_samples_for_a_result_are_told_once(name):
    metric = METRICS[name]()
    if metric.needed == 1:
        assert np.isfinite(numbers(compared(metric, 1))).any()
        return
    with pytest.warns(
        UserWarning, match=f"`{metric.name}`: 1 reals and 1 fakes are too few"
    ) as told:
        assert np.isnan(numbers(compared(metric, 1))).all()
        metric.reset_state()
        compared(metric, 1)
    assert len(told) == 1


def compared(metric, count):
    metric.update_state(tf.constant(REAL[:count]), tf.constant(FAKE[:count]))
    return metric.result()


def test_an_eager_run_goes_on_with_a_broken_generator():
    gan = helpers.gan(metrics=["fid"], run_eagerly=True)
    gan.averaged_generator.set_weights([w + np.nan for w in gan.averaged_generator.get_weights()])
    assert np.isnan(gan.evaluate(helpers.points(8), verbose=0, return_dict=True)["fid"])


FUNCTIONS = {
    "real": [
        frechet_distance.frechet_distance,
        kernel_distance.kernel_distance,
        sliced_wasserstein.sliced_wasserstein,
        sliced_wasserstein.project,
        precision_recall.precision_recall,
        density_coverage.density_coverage,
    ],
    "samples": [lambda fake, samples: mode_coverage.mode_coverage(samples, MODES, 1.0)],
    "probabilities": [lambda fake, probabilities: inception_score.inception_score(probabilities)],
    "real_mean": [
        lambda fake, real_mean: frechet_distance.distance_of_moments(
            real_mean[0], np.eye(DIMENSION), fake[0], np.eye(DIMENSION)
        )
    ],
}


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j])
@pytest.mark.parametrize(("name", "function"), [(n, f) for n, fs in FUNCTIONS.items() for f in fs])
def test_functions_refuse_what_is_no_finite_number(name, function, bad):
    samples = REAL.astype(complex if bad == 1j else float)
    samples[0, 1] = bad
    rule = "real numbers" if bad == 1j else "finite.*`np.where"
    with pytest.raises(ValueError, match=f"`{name}` must be {rule}"):
        function(fake=FAKE, **{name: samples})


@pytest.mark.parametrize("name", ["KernelDistance", "PrecisionRecall", "FrechetDistance"])
def test_sides_of_different_size(name):
    metric = METRICS[name]()
    metric.update_state(tf.constant(REAL), tf.constant(FAKE[:40]))
    told = metric.description()
    assert (told["real_samples"], told["fake_samples"]) == (100, 40)
    assert np.isfinite(numbers(metric.result())).all()
