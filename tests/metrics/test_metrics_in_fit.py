"""Directions of quality metrics, and metrics inside of `fit`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import callbacks, directions, metrics
from keras_gan.metrics.quality_metric import QualityMetric
from metric_table import METRICS, WITH_REALS, classifier, fill

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
    ("shape", "text"),
    [
        ((40, 40, 1), "gradient histograms"),
        ((600, 3), "convolutions of seed 3"),
        ((2000,), "projection of seed 3"),
    ],
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
    keys = list(gan.metric_directions)
    assert list(gan.metric_directions.values()) == [metric.direction for metric in compiled]
    # The first without being named; the last has several figures, and the one before no reals.
    stopping = [
        callbacks.ConvergenceStopping(monitor, restore_best_weights=False)
        for monitor in (None, *keys[-2:])
    ]
    history = gan.fit(
        helpers.points(64),
        validation_data=helpers.points(48, seed=1),
        epochs=2,
        batch_size=32,
        verbose=0,
        callbacks=stopping,
    ).history
    assert np.isfinite([history[key] for key in keys]).all()
    for metric, callback in zip([compiled[0], *compiled[-2:]], stopping, strict=True):
        key = callback.history[0].quality_name
        assert key.startswith(f"val_{metric.name}")
        assert callback.history[0].direction == metric.direction
        assert [signals.quality for signals in callback.history] == history[key]
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
