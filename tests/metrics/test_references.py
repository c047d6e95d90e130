"""References, floors and descriptions of quality metrics."""

import re

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import metrics
from metric_table import (
    DIMENSION,
    METRICS,
    REAL,
    WITH_REALS,
    assert_close,
    classifier,
    every_metric,
    fill,
    normal,
    numbers,
)

# === Reference, floor, description ===


@every_metric
def test_a_reference_takes_the_place_of_reals(name):
    metric = METRICS[name]()
    expected = fill(metric).result()
    metric.reset_state()
    metric.set_reference(REAL)
    junk = np.full_like(REAL, 9.0)
    assert_close(fill(metric, real=junk).result(), expected)
    metric.reset_state()
    assert_close(fill(metric, real=junk, batch_size=50).result(), expected)
    assert "reference" not in str(metric.get_config())


@pytest.mark.parametrize("name", WITH_REALS)
def test_a_reference_of_a_pipeline_is_that_of_an_array(name):
    labelled = tf.data.Dataset.from_tensor_slices((REAL, np.arange(100))).batch(30)
    found = []
    for real in (REAL, labelled, [REAL[:60], REAL[60:]]):
        metric = METRICS[name]()
        metric.set_reference(real)
        found.append(fill(metric).result())
        assert metric.description()["reference"] is True
    assert_close(found[1], found[0])
    assert_close(found[2], found[0])
    with pytest.raises(ValueError, match="must not be empty"):
        METRICS[name]().set_reference(REAL[:0])


def test_with_a_reference_reals_are_not_extracted():
    calls = []

    def counting(samples):
        calls.append(len(samples))
        return samples

    metric = metrics.FrechetDistance(features=counting)
    metric.set_reference(REAL)
    calls.clear()
    fill(metric, batch_size=50)
    assert calls == [1, 50, 50]  # the shape, then fakes


def test_a_large_reference_is_read_in_part_where_a_part_is_kept():
    calls = []

    def counting(samples):
        calls.append(len(samples))
        return samples

    metric = metrics.KernelDistance(features=counting, max_samples=30)
    metric.set_reference(np.sort(normal(2000, 0), axis=0))
    assert sum(calls) <= 31
    assert abs(metric._reference[1].mean()) < 0.5, "from everywhere"


@every_metric
def test_uint8_images_of_a_reference_are_scaled(name):
    images = helpers.images(40, (2, 2, 1))
    scaled = images / np.float32(127.5) - 1
    if name == "ModeCoverage":
        return
    make = METRICS[name] if name in WITH_REALS else lambda: metrics.InceptionScore(model)
    model = classifier((2, 2, 1))
    found = []
    for real in (images, scaled):
        metric = make()
        metric.set_reference(real)
        found.append(fill(metric, scaled, scaled[::-1] * 0.5).result())
        found.append(make().floor(real))
    assert_close(found[0], found[2])
    assert_close(found[1], found[3])


@every_metric
def test_the_floor_compares_disjoint_halves_of_the_reals(name):
    real = normal(400, 5)
    metric = fill(METRICS[name]())
    before = metric.result()
    floor = metric.floor(real)
    drawn = np.random.default_rng(0).permutation(400)
    halves = real[drawn[:100]], real[drawn[100:200]]
    twin = type(metric)(**metric._settings())  # as many as there were fakes, the same features
    assert_close(floor, fill(twin, *halves).result())
    assert not np.array_equal(numbers(floor), numbers(metric.floor(real, seed=1)))
    assert not np.array_equal(numbers(floor), numbers(metric.floor(real, num_samples=50)))
    assert_close(metric.result(), before, rtol=0)
    with pytest.raises(ValueError, match="two reals.*num_samples=100, reals=150.*num_samples=75"):
        metric.floor(real[:150])
    assert np.isfinite(numbers(type(metric)(**metric._settings()).floor(real[:60]))).all()


@pytest.mark.parametrize("name", WITH_REALS)
def test_a_worse_generator_is_further_from_the_floor(name):
    metric = METRICS[name]()
    sign = 1 if metric.direction == "min" else -1
    scores = []
    for shift in (0.0, 1.0, 3.0):
        metric.reset_state()
        result = fill(metric, normal(300, 7), normal(300, 8, mean=shift)).result()
        scores.append(sign * (result[metric.primary_key] if metric.primary_key else result))
    assert scores[0] < scores[1] < scores[2]


@every_metric
def test_it_says_what_it_was_measured_with(name):
    metric = METRICS[name]()
    assert metric.description()["fake_samples"] == 0
    fill(metric)
    told = metric.description()
    assert told["fake_samples"] == 100
    if name in WITH_REALS:
        assert told["features"] == "the samples as they are" and told["dimension"] == DIMENSION
        assert told["real_samples"] == 100 and told["reference"] is False
    text = str(metric)
    assert text.startswith(metric.name) and f"{numbers(metric.result())[0]:.6g}" in text
    assert "fake_samples: 100" in text
    # In one line, which says how to read it; nothing is computed only to be shown.
    way = {"min": "lower", "max": "higher"}[metric.direction]
    assert f"{way} is better" in text and "\n" not in text and repr(metric) == text
    if hasattr(metric, "standard_error"):
        assert f" +- {metric.standard_error():.2g}, " in text
    assert "reach" not in text
    floor = numbers(metric.floor(normal(200, 5)))[0]
    assert re.search(rf"reals reach (\w+ )?{floor:.6g}\b", str(metric))
    metric.floor(normal(200, 5), 50)
    assert "reals of 50 samples reach" in str(metric)
    fill(metric)
    assert "not computed yet" in repr(metric) and "not computed yet" not in str(metric)


def test_a_metric_is_shown_within_a_graph_too():
    shown = []

    @tf.function
    def step():
        shown.append((repr(metric), str(metric)))

    metric = fill(metrics.SlicedWasserstein())
    step()
    assert shown == [("sliced_wasserstein", "sliced_wasserstein")]
