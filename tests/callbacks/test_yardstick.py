"""What samples are held against is the metrics' own arithmetic."""

import types

import numpy as np

from keras_gan.callbacks._yardstick import NUM_COVERED, Yardstick, some
from keras_gan.metrics.density_coverage import density_coverage


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
    yardstick, fake = Yardstick(gan), lattice(NUM_COVERED, 1)
    expected = density_coverage(yardstick._covered, fake, k=5)
    assert yardstick._covering(fake) == expected
    # Which is that of the same points, wherever the reals' mean lies.
    whole = np.round(yardstick._covered)
    assert expected == density_coverage(whole, fake, k=5)


def test_the_reals_of_a_pipeline_that_repeats_itself_are_taken_once():
    few = np.random.default_rng(0).normal(size=(120, 3)).astype("float32")
    again = np.concatenate([np.random.default_rng(i).permutation(few) for i in range(9)])[:1024]
    labels = again[:, 0].copy()
    found, its_labels = some(again, labels, 1000, once=True)
    assert sorted(found[:, 0]) == sorted(few[:, 0]) and (its_labels == found[:, 0]).all()
    gan = types.SimpleNamespace(
        held_out_samples=None, held_out_labels=None, reference_samples=again, reference_labels=None
    )
    yardstick = Yardstick(gan)
    assert yardstick.real_coverage > 0.8 and yardstick.floor > 0.05
    # Discrete data are left as they are.
    assert len(some(lattice(1000, 0), None, 1000, once=True)[0]) == 1000
    assert len(some(few, None, 1000, once=True)[0]) == 120
