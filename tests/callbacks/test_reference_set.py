"""What samples are held against is the metrics' own arithmetic."""

import itertools
import types

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan.callbacks._reference_set import NUM_COVERED, ReferenceSet
from keras_gan.feeding import feeds
from keras_gan.metrics.density_coverage import density_coverage
from keras_gan.model.watched_gan import WatchedGAN


def lattice(count, seed):
    """Points of which many lie equally far from each other."""
    return np.random.default_rng(seed).integers(0, 4, (count, 3)).astype("float32")


def test_coverage_is_the_metrics_where_distances_are_equal():
    gan = types.SimpleNamespace(
        held_out_samples=None,
        held_out_labels=None,
        reference_samples=lattice(1000, 0),
        reference_labels=None,
    )
    reference, fake = ReferenceSet(WatchedGAN(gan)), lattice(NUM_COVERED, 1)
    expected = density_coverage(reference._covered, fake, k=5)
    assert reference._covering(fake) == expected
    # Which is that of the same points, wherever the reals' mean lies.
    whole = np.round(reference._covered)
    assert expected == density_coverage(whole, fake, k=5)


def endless(samples, seed):
    pipeline = tf.data.Dataset.from_tensor_slices((samples, np.arange(len(samples)) % 3))
    return pipeline.shuffle(120, seed=seed).repeat().batch(10)


def test_the_reals_of_data_that_repeat_themselves_are_taken_once():
    few = np.random.default_rng(0).normal(size=(120, 2)).astype("float32")
    gan, lengths = helpers.watched((2,), num_classes=3), {"steps_per_epoch": 51, "verbose": 0}
    gan.fit(endless(few, 0), validation_data=endless(few[:60], 1), validation_steps=25, **lengths)
    for samples, labels, count in (
        (gan.reference_samples, gan.reference_labels, 120),
        (gan.held_out_samples, gan.held_out_labels, 60),
    ):
        rows = {sample.tobytes(): row for row, sample in enumerate(few)}
        found = [rows[sample.tobytes()] for sample in samples]
        assert sorted(found) == list(range(count))
        np.testing.assert_array_equal(labels, np.array(found) % 3)
    assert gan.reference_samples is gan.reference_samples, "which are looked through once"
    reference = ReferenceSet(WatchedGAN(gan))
    assert reference.real_coverage > 0.5 and reference.floor > 0.05


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        (lattice(1000, 0), 1000),  # discrete data are left as they are
        (np.repeat(np.arange(50.0), 6)[:, None], 50),
        (np.eye(200), 200),  # of which a part is equal
        (np.zeros((1, 2)), 1),
    ],
)
def test_each_example_is_kept_once_if_all_are_repeated(samples, count):
    feed = feeds.Feed(tf.data.Dataset.from_tensors(samples), samples)
    assert len(feed.samples) == count and feed.labels is None
    assert (feed.samples is samples) == (count == len(samples))


class Pair:
    """Reals in their order, and a generator that makes given samples, whatever the rows."""

    sources = None, None

    def __init__(self, reals, samples=None):
        self.reals, self.samples = reals, samples

    def rows(self, held_out, limit):
        return {"samples": self.reals[:limit]} if held_out else None

    def joined(self, parts):
        return parts[0]

    def compared(self, rows, seed, kind):
        return rows["samples"] if kind == "real" else self.samples[: len(rows["samples"])]


FAR, PLACES = ([30.0, 0.0], [1e6, 1e6], [0.0, -1e30]), ([7], [0, 100, 399])


# Of the larger sets, which take longer, one of each size.
QUICK = (1100, PLACES[1], FAR[0]), (1990, PLACES[0], FAR[2])


@pytest.mark.parametrize(
    ("count", "places", "far"),
    [
        pytest.param(*case, marks=() if case[0] == 400 or case in QUICK else pytest.mark.slow)
        for case in itertools.product((400, 1100, 1990), PLACES, FAR)
    ],
)
def test_a_few_reals_far_from_all_others_change_nothing(far, places, count):
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, count)
    reals = np.stack([np.cos(angles), np.sin(angles)], 1).astype("float32")
    spoilt = np.insert(reals, places, far, axis=0)
    samples = np.random.default_rng(1).permutation(reals)[:1000] * np.float32(0.9)
    good, same = (ReferenceSet(Pair(x)) for x in (reals, spoilt))
    assert same.floor == good.floor and same.real_coverage == good.real_coverage
    measured = good.measure(Pair(reals, samples))
    assert same.measure(Pair(spoilt, samples)) == measured
    assert 0.8 < measured[2]["spread"] < 1.0


@pytest.mark.parametrize(
    "reals",
    [
        lattice(1000, 0),
        np.random.default_rng(0).normal(size=(700, 8, 8, 1)).astype("float32"),
        np.exp(np.random.default_rng(0).normal(size=(900, 4))).astype("float32"),
        np.random.default_rng(0).standard_t(3, (900, 4)).astype("float32"),
        np.eye(200, dtype="float32"),
    ],
)
def test_no_real_is_left_out_of_ordinary_data(reals):
    assert len(ReferenceSet(Pair(reals))._reals) == len(reals)
