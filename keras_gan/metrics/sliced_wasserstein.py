"""The sliced Wasserstein distance between two sets of samples."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.metrics.features import numbers
from keras_gan.metrics.quality_metric import KeptFeatures

_ERROR_DIRECTIONS, _ERROR_GROUPS = 64, 10

# === Pure functions ===


def random_directions(dimension, num_projections=256, *, seed=0):
    """Unit vectors drawn uniformly from the sphere: float32 `(dimension, num_projections)`."""
    directions = np.random.default_rng(seed).standard_normal((dimension, num_projections))
    return (directions / np.linalg.norm(directions, axis=0)).astype("float32")


def sliced_wasserstein(real, fake, *, num_projections=256, seed=0):
    """The sliced Wasserstein-2 distance between two equally large samples.

    `SW_2 = sqrt(mean over directions t of W_2(t.real, t.fake)^2)`, with `t` uniform on the unit
    sphere. On a line the best transport pairs sorted values, so that
    `W_2(a, b)^2 = mean_i (a_(i) - b_(i))^2`. A shift by `v` in `d` dimensions has the distance
    `|v| / sqrt(d)` on average, the root mean square shift of a coordinate. For two finite samples
    of one distribution it is not 0 but decreases with their size; compare values of equal counts
    only.

    Args:
        real: array `(n, ...)`; all axes but the first are flattened.
        fake: array of the same shape.
        num_projections: number of directions, at least 1. Default 256.
        seed: integer seed of the directions. Default 0.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if the shapes differ, there is no sample, or one is not finite.
    """
    return distance(*project(real, fake, num_projections=num_projections, seed=seed))


def project(real, fake, *, num_projections=256, seed=0):
    """Both samples' projections on the same directions: two arrays `(n, num_projections)`."""
    real, fake = (numbers(s, n, "float32") for s, n in ((real, "real"), (fake, "fake")))
    _checks.check(
        real.shape == fake.shape and real.ndim > 1 and len(real) > 0,
        "Both samples must have one shape, `(n, ...)` with n of at least 1.",
        cure="Cut the larger sample to the size of the smaller one.",
        real_shape=real.shape,
        fake_shape=fake.shape,
    )
    real, fake = real.reshape(len(real), -1), fake.reshape(len(fake), -1)
    directions = random_directions(real.shape[1], num_projections, seed=seed)
    return real @ directions, fake @ directions


def distance(real_projections, fake_projections):
    """`sqrt(mean (a_(i) - b_(i))^2)` over all directions, of arrays `(n, num_projections)`."""
    real, fake = (np.sort(p.T, axis=1) for p in (real_projections, fake_projections))
    return _distance_of_sorted(real, fake)


def distance_error(real_projections, fake_projections):
    """Standard error of `distance` over the drawing of both samples.

    The jackknife that leaves out one of 10 groups (at most half of the samples) at a time:
    `sqrt((G - 1) / G * sum_g (SW_(-g) - mean SW)^2)`. The directions are the same
    throughout, as they are when two epochs are compared.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 11.
    """
    groups = min(_ERROR_GROUPS, len(real_projections) // 2)
    if groups < 2:
        return float("nan")

    def kept(projections):
        # A few directions are enough for the error, at a quarter of the cost.
        values = np.ascontiguousarray(projections[:, :_ERROR_DIRECTIONS].T)
        # Sorted once; leaving a group out keeps the order, and takes as many from every direction.
        order = np.argsort(values, axis=1)
        values = np.take_along_axis(values, order, axis=1)
        for group in range(groups):
            yield values[order % groups != group].reshape(len(values), -1)

    pairs = zip(kept(real_projections), kept(fake_projections), strict=True)
    left_out = [_distance_of_sorted(real, fake) for real, fake in pairs]
    return float(np.sqrt((groups - 1) * np.var(left_out)))


def _distance_of_sorted(real, fake):
    return float(np.sqrt(np.mean(np.square(real - fake), dtype="float64")))


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class SlicedWasserstein(KeptFeatures):
    """The sliced Wasserstein-2 distance between reals and fakes, see `sliced_wasserstein`.

    Lower is better. It detects blur, shifts and lost spread, and needs neither labels nor a trained
    network. Only the projections of up to `max_samples` reals and as many fakes are kept, a uniform
    random subset if there are more. Values of different sample counts are not comparable.

    Args:
        num_projections: number of random directions. Default 256.
        max_samples: maximum number of reals, and of fakes, that are compared. Default 2,048.
        features: what is compared: a model, a name or `None`, as in `FrechetDistance`.
        seed: integer seed of directions, embedding and subset. Default 0.
        name: the log key, after `val_`. Default `"sliced_wasserstein"`.

    Raises:
        ValueError: if a number is not positive or `features` not callable.

    Example:

    ```python
    gan.compile(metrics=[keras_gan.metrics.SlicedWasserstein(num_projections=512)])
    ```

    Sources: Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011;
    Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015.
    """

    def __init__(
        self,
        *,
        num_projections=256,
        max_samples=2048,
        features=None,
        seed=0,
        name="sliced_wasserstein",
    ):
        super().__init__(max_samples=max_samples, features=features, seed=seed, name=name)
        self.num_projections = _checks.positive_int(num_projections, "num_projections")

    def build(self, sample_shape):
        """Make the buffers; `sample_shape` has no batch axis."""
        super().build(sample_shape)
        self._directions = random_directions(self._dimension, self.num_projections, seed=self.seed)

    def _width(self):
        return self.num_projections

    def _rows(self, samples):
        return tf.matmul(super()._rows(samples), self._directions)

    def update_state(self, real, fake):
        """Add a batch.

        Args:
            real: reals, `(batch, *sample_shape)`.
            fake: fakes, likewise; of unequal batches, the longer one's end is left out.
        """
        if self._reference is None:
            count = tf.minimum(tf.shape(real)[0], tf.shape(fake)[0])
            real, fake = real[:count], fake[:count]
        super().update_state(real, fake)

    def projections(self):
        """What is compared: arrays `(n, num_projections)` of reals and of as many fakes."""
        if not self.built:
            return (np.zeros((0, self.num_projections), "float32"),) * 2
        sides = self._sides()
        count = min(map(len, sides))
        return tuple(
            rows
            if len(rows) == count
            else rows[np.random.default_rng(self.seed).permutation(len(rows))[:count]]
            for rows in sides
        )

    def _counts(self):
        return (min(super()._counts()),) * 2

    def _compare(self, real, fake):
        return distance(*self.projections())

    def standard_error(self):
        """The standard error of `result`, see `distance_error`."""
        return distance_error(*self.projections())
