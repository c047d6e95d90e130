"""What samples are held against is the metrics' own arithmetic."""

import types

import numpy as np

from keras_gan.callbacks._yardstick import NUM_COVERED, Yardstick
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
