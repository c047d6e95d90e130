"""Quality, coverage and spread of generated samples against a fixed set of reals."""

import math

import numpy as np

from keras_gan.convergence import signals
from keras_gan.feeding import outliers
from keras_gan.metrics import density_coverage, features, neighbours
from keras_gan.metrics import sliced_wasserstein as sliced
from keras_gan.model import watched

# Samples on either side of a distance, and of a coverage, whose cost grows with their square.
NUM_SAMPLES, NUM_COVERED = 1000, 500
# What is drawn is the same in all epochs, so that epochs compare.
SEED = 20_260_101
_NEIGHBOURS = 5


class ReferenceSet:
    """The features of 1,000 reals of a `WatchedPair`, and what is computed from them once.

    These are held-out reals, and training samples if there are fewer: the sampling error of a few
    hundred reals would exceed the gains of a generator, and a distance between distributions does
    not depend on copies of training samples.

    Reals that are far from all others are left out, see `feeding.outliers`: one is enough to hide
    the spread of the others and the distance to them.
    """

    def __init__(self, pair):
        self._made_of = pair.sources
        parts = [pair.rows(held_out, 2 * NUM_SAMPLES) for held_out in (True, False)]
        rows = pair.joined([part for part in parts if part is not None])
        pool = pair.compared(rows, SEED, "real")
        self._extract = features.extractor(None, pool.shape[1:])
        pool = features.in_batches(self._extract, pool)
        far = outliers.far_points(pool)
        if far.any():
            pool, rows = pool[~far], watched.part(rows, ~far)
        self._rows = watched.part(rows, slice(NUM_SAMPLES))
        self._reals = pool[:NUM_SAMPLES]
        # The first and the last of all are different reals.
        half = len(pool) // 2
        self.floor = None
        if half:
            # The distance of fewer reals shrinks with the root of their number.
            count = min(NUM_SAMPLES, half)
            distance = sliced.sliced_wasserstein(pool[:count], pool[-count:])
            self.floor = distance * math.sqrt(count / len(self._reals))
        # Whatever is of the reals alone is computed once.
        self._directions = sliced.random_directions(pool.shape[1])
        self._projections = self._reals @ self._directions
        self._covered = pool[: min(NUM_COVERED, half)].astype("float64")
        self._radii = self.real_coverage = None
        if len(self._covered) > _NEIGHBOURS:
            self._radii = neighbours.squared_radii(self._covered, _NEIGHBOURS)
            self.real_coverage = self._covering(pool[-len(self._covered) :])["coverage"]

    def is_of(self, pair):
        """Whether the pair's reals are still those that this was made of."""
        same = all(a is b for a, b in zip(pair.sources, self._made_of, strict=True))
        return same and not pair.reals_change

    def measure(self, pair):
        """The averaged generator's sliced Wasserstein distance, its error, and a `dict` of signals.

        These are `coverage`, `density`, `real_coverage`, `num_covered` and `spread`.
        """
        fake = pair.compared(self._rows, SEED, "fake")
        fake = features.in_batches(self._extract, fake)
        if not np.isfinite(fake).all():
            return math.nan, None, {}
        projections = self._projections, fake @ self._directions
        others = {"spread": signals.relative_spread(self._reals, fake)}
        if self.real_coverage is not None:
            others |= self._covering(fake[: len(self._covered)])
            others |= {"real_coverage": self.real_coverage, "num_covered": len(self._covered)}
        return sliced.distance(*projections), sliced.distance_error(*projections), others

    def _covering(self, fake):
        """Density and coverage against the same reals, whose radii are known."""
        return density_coverage.density_coverage_within(
            self._covered, self._radii, fake.astype("float64"), k=_NEIGHBOURS
        )
