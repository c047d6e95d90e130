"""Rows that are far from all others are named before training, and ordinary data are not."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from cures_models import codes, complaint
from keras_gan.feeding import cures, outliers
from keras_gan.feeding.sample_spec import SampleSpec
from value_feeds import fed, pixels

RANDOM = np.random.default_rng


def told(x, form="array", **settings):
    """The warning of an array, or `None`."""
    x = np.asarray(x)
    shape = x.shape[1:]
    return complaint(
        SampleSpec(shape, None).samples, x, "x", form=cures.Form(form, "x", **settings)
    )


def zeroed(x, share):
    return x * (RANDOM(9).uniform(size=x.shape) < share)


ORDINARY = {
    "normal": lambda r, n: r.normal(size=(n, 8)),
    "log-normal": lambda r, n: np.exp(r.normal(size=(n, 8))),
    "Student's t": lambda r, n: r.standard_t(3, (n, 8)),
    "columns of many scales": lambda r, n: r.standard_t(3, (n, 8)) * 10.0 ** np.arange(-4, 4) + 7,
    "exponential": lambda r, n: r.exponential(size=(n, 8)),
    "sparse counts": lambda r, n: r.poisson(0.02, (n, 8)),
    "overdispersed counts": lambda r, n: r.negative_binomial(0.2, 0.02, (n, 8)),
    "one-hot": lambda r, n: np.eye(60)[r.integers(0, 60, n)],
    "a rare class": lambda r, n: np.eye(2)[(r.uniform(size=n) < 0.003).astype(int)],
    "mostly zero": lambda r, n: zeroed(np.exp(r.normal(size=(n, 8))), 0.01),
    "all but zero": lambda r, n: zeroed(r.normal(size=(n, 8)) * 1e3, 0.001),
    "two clusters": lambda r, n: r.normal(size=(n, 8)) + 1e4 * (r.uniform(size=(n, 1)) < 0.05),
    "points": lambda r, n: np.round(r.uniform(size=(n, 2))),
    "series": lambda r, n: np.cumsum(r.normal(size=(n, 24, 2)), axis=1),
    "equal": lambda r, n: np.ones((n, 3)),
}


@pytest.mark.parametrize("kind", ORDINARY)
@pytest.mark.parametrize("count", [120, 3000, 100_000])
def test_ordinary_data_are_not_warned_of(kind, count):
    # Of many numbers a row, fewer rows.
    x = ORDINARY[kind](RANDOM(count), count)[: {"series": 16_000, "one-hot": 30_000}.get(kind)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SampleSpec(x.shape[1:], None).samples(x, "x")
        outliers.far_points(x)


def test_images_are_not_warned_of():
    dark = np.zeros((400, 8, 8, 1), "float32") - RANDOM(0).uniform(0, 1e-3, (400, 8, 8, 1))
    dark[3] = 1.0
    assert told(dark) is None
    assert complaint(fed, pixels(200, 8, 8, 1) * (np.arange(200) == 3)[:, None, None, None]) is None


@pytest.mark.parametrize("change", [(1.0, 0.0), (1e-3, 0.0), (1e6, 1e8), "standardised"])
@pytest.mark.parametrize("activation", ["linear", "leaky_relu", "tanh"])
def test_an_outlier_is_named_at_any_scale(change, activation):
    x = RANDOM(0).normal(size=(5000, 6))
    x[1234, 2] = -1e5
    if change == "standardised":
        x = (x - x.mean(0)) / x.std(0)
    else:
        x = x * change[0] + change[1]
    x = x.astype("float32")
    if activation == "tanh":
        x = x / np.abs(x).max()
    text = complaint(fed, x, activation=activation)
    assert "1 row far" in text and f"row 1234 is {x[1234, 2]:.3g} in column 2" in text
    others = np.delete(x, 1234, 0)
    assert f"from {others[:, 2].min():.3g} to {others[:, 2].max():.3g}" in text
    assert "Standardise them" not in text
    (code,) = codes(text.split("mistakes: ")[1])
    np.testing.assert_array_equal(eval(code, {"np": np, "x": x}), others)


def test_rows_are_told_up_to_one_percent():
    x = RANDOM(0).normal(size=(1000, 4))
    x[::100, 1] = 1e4
    assert "have 10 rows far" in told(x)
    x[50, 1] = 1e4
    assert told(x) is None, "which is a cluster of its own"
    assert told(x[:99]) is None, "too few to tell what is usual"


def test_one_condition_is_enough_for_a_row_that_is_far_in_all_columns():
    x = RANDOM(0).normal(size=(1000, 4))
    x[7] = 1e4
    (code,) = codes(told(x))[1:]
    assert "&" not in code
    x[8, 0], x[9, 1] = 1e5, 1e4
    text = told(x)
    assert "have 3 rows far" in text and codes(text)[1].count("&") == 1


def test_no_more_than_a_few_rows_are_left_out():
    x = RANDOM(0).normal(size=(1000, 4))
    x[:8, 0], x[8:16, 1] = 1e4, 1e5
    assert "have 8 rows far from all others: row 8 is" in told(x)


def test_scale_is_told_where_no_row_is_far():
    x = RANDOM(0).normal(size=(400, 2)) * 100 + 300
    assert "Standardise them" in complaint(fed, x, activation="linear")
    x[7] = 1e7
    text = complaint(fed, x, activation="linear")
    assert "far from all others" in text and "tandardise them" not in text


def test_many_columns_are_sampled():
    x = RANDOM(0).normal(size=(300, 5000)).astype("float32")
    x[7] = 1e4
    assert "row 7" in told(x)


PAIRS = {
    "labels": (dict(labelled=True), lambda x: (x, np.arange(400))),
    "a dict": (dict(entry="a"), lambda x: {"a": x, "b": np.arange(400)}),
    "a pair": (dict(entry="a", side=1), lambda x: ({"b": np.arange(400)}, {"a": x})),
    "alone": ({}, lambda x: x),
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
@pytest.mark.parametrize("shape", [(400, 3), (400, 1)])
def test_code_for_a_data_set_leaves_out_whole_rows(kind, dtype, shape):
    settings, structure = PAIRS[kind]
    x = (RANDOM(0).normal(size=shape) * 100).astype(dtype)
    x[7] = 10**6
    dataset = tf.data.Dataset.from_tensor_slices(structure(x)).batch(100)
    text = told(x, "dataset", **settings)
    assert "of the 400 that were looked at" in text
    (code,) = codes(text.split("mistakes: ")[1])
    batch = next(iter(eval(code, {"tf": tf, "x": dataset})))
    rows = np.delete(np.arange(400), 7)
    for given, found in zip(tf.nest.flatten(structure(x)), tf.nest.flatten(batch), strict=True):
        np.testing.assert_array_equal(found, given[rows])


def test_fit_warns_before_it_trains():
    x = RANDOM(0).normal(size=(400, 2)).astype("float32")
    x[7] = 1e6
    with pytest.warns(UserWarning, match=r"`x` have 1 row far from all others: row 7 is 1e\+06"):
        keras_gan.recipes.mlp((2,), width=8).fit(x, batch_size=8, epochs=0, verbose=0)
    with pytest.warns(UserWarning, match=r"`samples` have 1 row far from all others"):
        data = keras_gan.data.from_arrays(x)
    assert len(data)


def test_far_points_follow_the_points():
    x = RANDOM(0).normal(size=(500, 3))
    x[[3, 9]] = [[200, 0, 0], [0, -1e30, 0]]
    far = outliers.far_points(x)
    assert list(np.flatnonzero(far)) == [3, 9]
    np.testing.assert_array_equal(outliers.far_points(x[::-1]), far[::-1])
    np.testing.assert_array_equal(outliers.far_points(x * 4.0), far)
    assert not outliers.far_points(x[~far]).any()
