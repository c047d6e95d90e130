"""The sliced Wasserstein distance: how far apart two sets of samples lie."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, replicas, seeds
from keras_gan.metrics import features as features_module

_ERROR_DIRECTIONS = 64

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
    `|v| / sqrt(d)` on average: it reads as the root mean square shift of a coordinate. Of two
    finite samples of one distribution it is not 0 but shrinks with their size; compare figures
    of equal counts only.

    Args:
        real: array `(n, ...)`; all axes but the first are flattened.
        fake: array of the same shape.
        num_projections: number of directions, at least 1. Default 256.
        seed: integer seed of the directions. Default 0.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if the shapes differ or there is no sample.

    Sources: Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011;
    Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015.
    """
    return distance(*project(real, fake, num_projections=num_projections, seed=seed))


def sliced_wasserstein_error(real, fake, *, num_projections=256, seed=0, groups=10):
    """Standard error of `sliced_wasserstein` over the drawing of both samples.

    The jackknife that leaves out one of `groups` groups at a time:
    `sqrt((G - 1) / G * sum_g (SW_(-g) - mean SW)^2)`. The directions are the same throughout, as
    they are when two epochs are compared.

    Args:
        real: as for `sliced_wasserstein`.
        fake: as for `sliced_wasserstein`.
        num_projections: number of directions. Default 256.
        seed: integer seed of the directions. Default 0.
        groups: number of groups, at least 2 and at most half the samples. Default 10.

    Returns:
        A float of at least 0.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 11.
    """
    projections = project(real, fake, num_projections=num_projections, seed=seed)
    return distance_error(*projections, groups=groups)


def project(real, fake, *, num_projections=256, seed=0):
    """Both samples' projections on the same directions: two arrays `(n, num_projections)`."""
    real, fake = np.asarray(real, "float32"), np.asarray(fake, "float32")
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


def distance_error(real_projections, fake_projections, *, groups=10):
    """The jackknife error of `distance`, see `sliced_wasserstein_error`."""
    # A few directions are enough to tell it, at a quarter of the cost.
    real, fake = (
        np.ascontiguousarray(projections[:, :_ERROR_DIRECTIONS].T)
        for projections in (real_projections, fake_projections)
    )
    size = real.shape[1]
    groups = min(_checks.positive_int(groups, "groups"), size // 2)
    if groups < 2:
        return float("nan")
    # Sorted once; leaving a group out keeps the order, and takes as many from every direction.
    real_order, fake_order = np.argsort(real, axis=1), np.argsort(fake, axis=1)
    real, fake = (
        np.take_along_axis(values, order, axis=1)
        for values, order in ((real, real_order), (fake, fake_order))
    )
    left_out = []
    for group in range(groups):
        real_kept = real[real_order % groups != group].reshape(len(real), -1)
        fake_kept = fake[fake_order % groups != group].reshape(len(fake), -1)
        left_out.append(_distance_of_sorted(real_kept, fake_kept))
    return float(np.sqrt((groups - 1) * np.var(left_out)))


def _distance_of_sorted(real, fake):
    return float(np.sqrt(np.mean(np.square(real - fake), dtype="float64")))


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class SlicedWasserstein(keras.metrics.Metric):
    """The sliced Wasserstein-2 distance between reals and fakes, see `sliced_wasserstein`.

    Lower is better. It sees blur, shifts and lost spread, and needs neither labels nor a trained
    network. What is kept are the projections of up to `max_samples` reals and as many fakes,
    never the samples. Of more, a random subset is kept in which each has the same chance, so that
    sorted data do no harm. Figures of different sample counts do not compare.

    Args:
        num_projections: number of random directions. Default 256.
        max_samples: how many reals, and fakes, are compared at most. Default 2,048.
        features: Keras model or callable from `(batch, *sample_shape)` to `(batch, ...)`; `None`
            takes samples of up to 1,024 values as they are, and larger ones through a fixed,
            seeded random convolutional embedding. Default `None`.
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

    direction = "min"
    primary_key = None

    def __init__(
        self,
        *,
        num_projections=256,
        max_samples=2048,
        features=None,
        seed=0,
        name="sliced_wasserstein",
    ):
        super().__init__(name=name, dtype="float32")
        self.num_projections = _checks.positive_int(num_projections, "num_projections")
        self.max_samples = _checks.positive_int(max_samples, "max_samples")
        _checks.check(
            features is None or callable(features),
            "`features` must be a Keras model, a callable or None.",
            features=features,
        )
        self.features = features
        self.seed = _checks.non_negative_int(seed, "seed")
        self.built = False

    def build(self, sample_shape):
        """Make the buffers.

        Args:
            sample_shape: a sample's shape without the batch axis.
        """
        self._extract = features_module.extractor(self.features, sample_shape, seed=self.seed)
        with tf.init_scope():
            dimension = self._extract(tf.zeros((1, *sample_shape))).shape[-1]
        self._directions = random_directions(dimension, self.num_projections, seed=self.seed)
        buffer = (self.max_samples, self.num_projections)
        self._real = self.add_variable(buffer, "zeros", name="real")
        self._fake = self.add_variable(buffer, "zeros", name="fake")
        # One positive number a kept pair, 0 where the buffers are empty.
        self._keys = self.add_variable((self.max_samples,), "zeros", dtype="int32", name="keys")
        self._seen = self.add_variable((), "zeros", dtype="int64", name="seen")
        self.built = True

    def update_state(self, real, fake):
        """Add a batch.

        Args:
            real: reals, `(batch, *sample_shape)`.
            fake: fakes, likewise; of unequal batches, the longer one's end is left out.
        """
        if not self.built:
            self.build(real.shape[1:])
        count = tf.minimum(tf.shape(real)[0], tf.shape(fake)[0])
        rows = [self._project(samples[:count]) for samples in (real, fake)]
        keys = self._draw_keys(count)
        part = self.max_samples // replicas.count()
        old = [self._own_part(v, part) for v in (self._keys, self._real, self._fake)]
        # The pairs with the largest keys, of all so far, are a uniform sample of them.
        keys = tf.concat([old[0], keys], axis=0)
        kept, places = tf.math.top_k(keys, k=part, sorted=False)
        self._write_part(self._keys, kept)
        for variable, before, new in ((self._real, old[1], rows[0]), (self._fake, old[2], rows[1])):
            self._write_part(variable, tf.gather(tf.concat([before, new], axis=0), places))
        self._seen.assign(tf.convert_to_tensor(self._seen) + tf.cast(count, "int64"))

    def _project(self, samples):
        return tf.matmul(self._extract(tf.cast(samples, "float32")), self._directions)

    def _draw_keys(self, count):
        # Integers, since only these are the same with and without XLA.
        seen = tf.cast(tf.convert_to_tensor(self._seen), "int32")
        seed = seeds.fold(tf.stack([self.seed % 2**31, seen]), replicas.number())
        return tf.random.stateless_uniform(
            (count,), seed, minval=1, maxval=2**31 - 1, dtype="int32"
        )

    # Keras adds the replicas' copies of a metric's variables. Each replica keeps to its own part
    # and leaves zeros elsewhere, so that the sum is all parts side by side.

    def _own_part(self, variable, part):
        value = tf.convert_to_tensor(variable)
        return value if replicas.count() == 1 else value[replicas.number() * part :][:part]

    def _write_part(self, variable, value):
        if replicas.count() > 1:
            before = replicas.number() * value.shape[0]
            after = self.max_samples - before - value.shape[0]
            value = tf.pad(value, [[before, after]] + [[0, 0]] * (len(value.shape) - 1))
        variable.assign(value)

    def projections(self):
        """What has been kept: arrays `(n, num_projections)` of reals and of fakes."""
        if not self.built:
            return (np.zeros((0, self.num_projections), "float32"),) * 2
        buffers = (self._keys, self._real, self._fake)
        keys, real, fake = (tf.convert_to_tensor(buffer).numpy() for buffer in buffers)
        return real[keys > 0], fake[keys > 0]

    def result(self):
        """The distance as a float; NaN before any sample. Call it outside of graphs."""
        real, fake = self.projections()
        return distance(real, fake) if len(real) else float("nan")

    def standard_error(self):
        """The standard error of `result`, see `sliced_wasserstein_error`."""
        return distance_error(*self.projections())

    def get_config(self):
        """The constructor's arguments."""
        return {
            "num_projections": self.num_projections,
            "max_samples": self.max_samples,
            "features": keras.saving.serialize_keras_object(self.features),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """The metric of a `get_config`."""
        features = keras.saving.deserialize_keras_object(config["features"])
        return cls(**{**config, "features": features})
