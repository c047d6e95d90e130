"""Quality, coverage and spread of generated samples against a fixed set of reals."""

import math

import numpy as np

from keras_gan.convergence import signals
from keras_gan.feeding.sample_spec import as_floats
from keras_gan.metrics import density_coverage, features, neighbours
from keras_gan.metrics import sliced_wasserstein as sliced

# Samples on either side of a distance, and of a coverage, whose cost grows with their square.
NUM_SAMPLES, NUM_COVERED = 1000, 500
# Latents of all epochs are the same, so that epochs compare.
_SEED = 20_260_101
_NEIGHBOURS = 5


class ReferenceSet:
    """The features of 1,000 reals of a model, and what is computed from them once.

    These are held-out reals, and training samples if there are fewer: the sampling error of a few
    hundred reals would exceed the gains of a generator, and a distance between distributions does
    not depend on copies of training samples.
    """

    def __init__(self, gan):
        self._made_of = gan.held_out_samples, gan.reference_samples
        held_out = some(gan.held_out_samples, gan.held_out_labels, 2 * NUM_SAMPLES)
        train = some(gan.reference_samples, gan.reference_labels, 2 * NUM_SAMPLES)
        parts = [part for part in (held_out, train) if part[0] is not None]
        pool = np.concatenate([in_model_range(samples) for samples, _ in parts])
        labels = [labels for _, labels in parts if labels is not None]
        self.labels = np.concatenate(labels)[:NUM_SAMPLES] if labels else None
        self._extract = features.extractor(None, pool.shape[1:])
        pool = features.in_batches(self._extract, pool)
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

    def is_of(self, gan):
        """Whether the model's reals are still those that this was made of."""
        now = gan.held_out_samples, gan.reference_samples
        return all(a is b for a, b in zip(now, self._made_of, strict=True))

    def measure(self, gan):
        """The averaged generator's sliced Wasserstein distance, its error, and a `dict` of signals.

        These are `coverage`, `density`, `real_coverage`, `num_covered` and `spread`.
        """
        latents = gan.sample_latents(len(self._reals), _SEED)
        fake = gan.generate(latents=latents, labels=self.labels)
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


def some(samples, labels, limit):
    """At most `limit` samples, and their labels, if there are any."""
    if samples is None or limit <= 0:
        return None, None
    # Held-out samples are often sorted by class: take them from everywhere.
    rows = np.random.default_rng(0).permutation(len(samples))[:limit]
    return samples[rows], None if labels is None else labels[rows]


def in_model_range(samples):
    """Samples as float32 in the generator's range."""
    return as_floats(samples).numpy()
