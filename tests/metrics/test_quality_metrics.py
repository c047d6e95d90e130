"""What all quality metrics promise, asked of each in turn."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import callbacks, directions, metrics
from keras_gan.metrics import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    mode_coverage,
    precision_recall,
    sliced_wasserstein,
)
from keras_gan.metrics.quality_metric import QualityMetric

DIMENSION = 4
MODES = 4.0 * np.eye(DIMENSION)


def classifier(shape=(DIMENSION,)):
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    return keras.Sequential(layers)


METRICS = {
    "DensityCoverage": metrics.DensityCoverage,
    "FrechetDistance": metrics.FrechetDistance,
    "InceptionScore": lambda **options: metrics.InceptionScore(classifier(), **options),
    "KernelDistance": metrics.KernelDistance,
    "ModeCoverage": lambda **options: metrics.ModeCoverage(MODES, 1.0, **options),
    "PrecisionRecall": metrics.PrecisionRecall,
    "SlicedWasserstein": metrics.SlicedWasserstein,
}
WITH_REALS = sorted(set(METRICS) - {"InceptionScore", "ModeCoverage"})
every_metric = pytest.mark.parametrize("name", METRICS)


def normal(count, seed, mean=0.0, std=1.0, shape=(DIMENSION,)):
    return np.random.default_rng(seed).normal(mean, std, (count, *shape)).astype("float32")


REAL, FAKE = normal(100, 0), normal(100, 1, mean=0.3, std=1.2)


def fill(metric, real=REAL, fake=FAKE, batch_size=32, compiled=False, **options):
    update = metric.update_state
    if compiled:
        update = tf.function(update, autograph=False, **options)
    for i in range(0, len(fake), batch_size):
        update(tf.constant(real[i : i + batch_size]), tf.constant(fake[i : i + batch_size]))
    return metric


def numbers(result):
    return np.array(list(result.values()) if isinstance(result, dict) else [result])


def assert_close(first, second, rtol=1e-5):
    np.testing.assert_allclose(numbers(first), numbers(second), rtol=rtol)


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


@every_metric
def test_batches_of_any_size_are_one_in_any_mode(name):
    metric = METRICS[name]()
    expected = fill(metric).result()
    feedings = [{"batch_size": 100}, {"batch_size": 7}, {"compiled": True}]
    # The others keep samples as the kernel distance does.
    if name in ("FrechetDistance", "InceptionScore", "KernelDistance", "ModeCoverage"):
        feedings.append({"batch_size": 50, "compiled": True, "jit_compile": True})
    for feeding in feedings:
        metric.reset_state()
        assert_close(fill(metric, **feeding).result(), expected)


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
    result = fill(METRICS[name](), fake=broken, compiled=True).result()
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
        sliced_wasserstein.sliced_wasserstein_error,
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


# === Directions ===


def test_directions_are_written_down_once():
    for key, way in {"val_ring_reverse_kl": "min", "coverage": "max", "val_x": None}.items():
        assert directions.of_key(key) == way
    assert directions.in_words(["precision", "recall"]) == "higher is better"
    told = directions.in_words(metrics.ModeCoverage.result_keys)
    assert told == (
        "modes: higher is better, high_quality: higher is better, reverse_kl: lower is better"
    )
    assert directions.of_metric(metrics.FrechetDistance(name="fid")) == "min"
    assert directions.of_metric(keras.metrics.MeanSquaredError()) == "min"
    assert directions.of_metric(keras.metrics.Mean()) is None


def test_a_metric_of_ones_own_may_have_a_direction():
    class Other(metrics.FrechetDistance):
        pass

    class Own(metrics.FrechetDistance):
        direction = "max"

    class Unknown(QualityMetric):
        pass

    assert (Other.direction, Own.direction, Unknown.direction) == ("min", "max", None)
    assert "higher is better" in str(fill(Own()))


@pytest.mark.parametrize(
    ("shape", "text"), [((40, 40, 1), "convolutions of seed 3"), ((2000,), "projection of seed 3")]
)
def test_a_fixed_embedding_is_named(shape, text):
    metric = metrics.PrecisionRecall(seed=3)
    metric.build(shape)
    assert text in metric.description()["features"]


# === Inside of fit ===


def test_they_are_logged_watched_and_saved(tmp_path):
    compiled = [make() for name, make in METRICS.items() if name in WITH_REALS]
    compiled.append(metrics.InceptionScore(classifier((2,))))
    compiled.append(metrics.ModeCoverage([[0.0, 1.0], [1.0, 0.0]], 0.2))
    gan = helpers.gan(metrics=compiled, run_eagerly=True)
    assert len(gan.metric_directions) == len(METRICS)
    monitors = [None, *gan.metric_directions]
    stopping = [
        callbacks.ConvergenceStopping(monitor, restore_best_weights=False) for monitor in monitors
    ]
    history = gan.fit(
        helpers.points(64),
        validation_data=helpers.points(48, seed=1),
        epochs=2,
        batch_size=32,
        verbose=0,
        callbacks=stopping,
    ).history
    for metric, callback in zip([compiled[0], *compiled], stopping, strict=True):
        key = callback.history[0].quality_name
        assert key.startswith(f"val_{metric.name}")
        assert callback.history[0].direction == metric.direction
        assert [signals.quality for signals in callback.history] == history[key]
        assert np.isfinite(history[key]).all()
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    assert [type(m) for m in twin.quality_metrics] == [type(m) for m in compiled]
    twin.run_eagerly = True
    again = twin.evaluate(helpers.points(48, seed=1), batch_size=32, verbose=0, return_dict=True)
    for key in gan.metric_directions:
        assert again[key.removeprefix("val_")] == pytest.approx(history[key][-1], rel=1e-4)


@pytest.mark.slow
def test_two_replicas_are_as_one(two_replicas):
    real = helpers.points(64)

    def evaluate(strategy):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            compiled = [make() for name, make in METRICS.items() if name in WITH_REALS]
            compiled.append(metrics.InceptionScore(classifier((2,)), splits=1))
            # One alone needs no graph to be what two are compared with.
            gan = helpers.gan(metrics=compiled, run_eagerly=strategy is not two_replicas)
        logs = [gan.evaluate(real, batch_size=16, verbose=0, return_dict=True)]
        if strategy is two_replicas:
            with strategy.scope(), pytest.raises(ValueError, match="outside of"):
                compiled[0].set_reference(real)
        for metric in compiled:
            metric.set_reference(real)
        logs.append(gan.evaluate(real, batch_size=16, verbose=0, return_dict=True))
        return logs, [metric._counts() for metric in compiled], [m.name for m in compiled]

    one, one_counts, names = evaluate(tf.distribute.get_strategy())
    two, two_counts, _ = evaluate(two_replicas)
    assert one_counts == two_counts == [(64, 64)] * len(names)
    keys = [key for key in one[0] if key.startswith(tuple(names))]
    assert len(keys) == 8
    for key in keys:
        values = [log[key] for log in (*one, *two)]
        np.testing.assert_allclose(values, values[0], rtol=1e-4, atol=1e-6, err_msg=key)


# === Inception ===
