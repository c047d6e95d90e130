"""Metrics that `compile` takes: by name, and only those that can compare reals with fakes."""

import keras
import numpy as np
import pytest

import helpers
from keras_gan import _registry, evaluate_generator, metrics
from keras_gan.model import compile_arguments


def test_metrics_have_names():
    gan = helpers.gan(metrics=["fid", "kid"], run_eagerly=True)
    assert [metric.name for metric in gan.quality_metrics] == ["fid", "kid"]
    x = helpers.points(8)
    logs = gan.evaluate(x, verbose=0, return_dict=True)
    assert "fid" in logs and "kid" in logs
    assert gan.metric_directions["val_fid"] == gan.metric_directions["val_kid"] == "min"
    assert "fid" in evaluate_generator(gan, x, "fid")
    gan.compile(metrics="sliced_wasserstein")
    assert gan.quality_metrics[0].name == "sliced_wasserstein"
    with pytest.raises(ValueError, match="Unknown metric. Known names: .*Did you mean 'frechet_"):
        gan.compile(metrics=["frechet"])


def modes(moved, name="modes"):
    return metrics.ModeCoverage(np.eye(2) + moved, 0.1, name=name)


@pytest.mark.parametrize(
    "same",
    [
        ["fid", "frechet_distance"],
        ["kid", "sliced_wasserstein", metrics.KernelDistance()],
        [modes(0), modes(0, "others")],
    ],
)
def test_metrics_that_differ_in_their_names_alone_are_told_of(same):
    with pytest.warns(UserWarning, match="one figure is computed twice: leave `[a-z_]+` out"):
        found = compile_arguments.metric_list(same, (2,))
    assert len(found) == len(same)


def test_metrics_of_one_class_may_differ_in_settings_or_reference():
    referred = metrics.FrechetDistance(name="to_others")
    referred.set_reference(helpers.points(8))
    for different in (
        ["fid", referred],
        ["fid", metrics.FrechetDistance(seed=1)],
        ["fid", metrics.FrechetDistance(features=np.tanh)],
        [modes(0), modes(1, "others")],
        [keras.metrics.MeanSquaredError(name=name) for name in "ab"],
    ):
        assert len(_registry.metrics(different)) == 2


@pytest.mark.parametrize("name", sorted(_registry.METRICS))
def test_the_log_key_is_the_name(name):
    assert _registry.METRICS[name]().name == name


@pytest.mark.parametrize(
    ("metric", "because"),
    [
        (keras.metrics.Mean, "it takes values, sample_weight"),
        (keras.metrics.Sum, "it takes values"),
        (keras.metrics.AUC, "labels with predictions"),
        (keras.metrics.CategoricalAccuracy, "labels with predictions"),
        (keras.metrics.SparseCategoricalCrossentropy, "because="),
        (keras.metrics.KLDivergence, "compares probabilities"),
    ],
)
def test_metrics_that_cannot_compare_are_refused(metric, because):
    message = f"must compare reals with fakes.*metric='{metric.__name__}'.*{because}.*by name: "
    with pytest.raises(ValueError, match=message):
        helpers.gan(metrics=[metric()])


def test_metrics_of_two_arguments_are_taken_and_begin_at_nothing():
    gan = helpers.gan(metrics=[keras.metrics.MeanSquaredError(name="mse")])
    assert float(gan.quality_metrics[0].result()) == 0.0


def test_metrics_without_validation_data_are_told_once():
    gan = helpers.watched(metrics=["sliced_wasserstein"])
    x = helpers.points(16)
    with pytest.warns(UserWarning, match="measured on validation data, and there are none") as told:
        gan.fit(x, batch_size=8, verbose=0)
        gan.fit(x, batch_size=8, verbose=0)
    assert len(told) == 1
