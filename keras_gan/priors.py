"""Distributions of what is drawn: latents, classes, rows of the data, values of schedules."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, _registry, schedules
from keras_gan.backend import replicas

__all__ = [
    "Categorical",
    "Normal",
    "Prior",
    "Scheduled",
    "Shuffled",
    "TruncatedNormal",
    "Uniform",
    "get",
]


class Prior(_registry.Configurable):
    """A distribution of latents; base class of all priors.

    Called as `prior(shape, seed)` it returns float32 latents of that shape. The same seed gives the
    same latents, so runs, image grids and exported models are reproducible.

    Attributes:
        mean: the distribution's mean, about which `truncation` scales.
        truncates: whether `truncation` scales its draws; not those of classes.
    """

    mean = 0.0
    truncates = True

    def __call__(self, shape, seed):
        """Draw latents.

        Args:
            shape: of the result; integers or an int32 tensor.
            seed: int32 tensor of shape `(2,)`, as for `tf.random.stateless_*`.

        Returns:
            float32 tensor of that shape.
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable("keras_gan")
class Normal(Prior):
    """Independent standard normals, `z ~ N(0, 1)`."""

    def __call__(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, alg="philox")


@keras.saving.register_keras_serializable("keras_gan")
class Uniform(Prior):
    """Independent uniforms, `z ~ U(low, high)`.

    Args:
        low: lower bound. Default -1.
        high: upper bound, above `low`. Default 1.

    Raises:
        ValueError: if `high` is not above `low`.
    """

    def __init__(self, low=-1.0, high=1.0):
        self.low = _checks.number(low, "low")
        self.high = _checks.number(high, "high")
        _checks.check(self.low < self.high, "`low` must be below `high`.", low=low, high=high)

    @property
    def mean(self):
        return (self.low + self.high) / 2.0

    def __call__(self, shape, seed):
        return tf.random.stateless_uniform(shape, seed, self.low, self.high, alg="philox")


@keras.saving.register_keras_serializable("keras_gan")
class TruncatedNormal(Prior):
    """Independent standard normals cut at two standard deviations, `|z| < 2`.

    Values beyond are drawn again, as in BigGAN's truncated sampling (Brock et al., ICLR 2019,
    arXiv:1809.11096).
    """

    def __call__(self, shape, seed):
        return tf.random.stateless_truncated_normal(shape, seed, alg="philox")


@keras.saving.register_keras_serializable("keras_gan")
class Categorical(Prior):
    """Classes: int32 indices for an integer input, one-hot rows for a floating one.

    The shape tells which: for `(batch,)` it draws indices in [0, num_classes), for
    `(batch, num_classes)` float32 rows with a 1 at the class. Of more axes the last is the class's:
    a map with a class at each place.

    ```python
    priors = {"latents": "normal", "labels": keras_gan.priors.Categorical(10)}
    ```

    Args:
        num_classes: `k`, at least 1.
        probabilities: `k` numbers of at least 0, in proportion to which classes are drawn. Default
            `None`: all alike.

    Raises:
        ValueError: if an argument is out of range, or there are not `k` probabilities.
    """

    truncates = False

    def __init__(self, num_classes, *, probabilities=None):
        self.num_classes = _checks.positive_int(num_classes, "num_classes")
        self.probabilities = None
        if probabilities is not None:
            given = [_checks.number(p, "probabilities", minimum=0.0) for p in probabilities]
            _checks.check(
                len(given) == self.num_classes and sum(given) > 0.0,
                "`probabilities` must be one number for each class, not all of them 0.",
                probabilities=given,
                num_classes=num_classes,
            )
            self.probabilities = given

    def __call__(self, shape, seed):
        rank = shape.shape[0] if tf.is_tensor(shape) else len(shape)
        if rank == 1:
            return self.indices(shape, seed)
        known = not tf.is_tensor(shape) and isinstance(shape[-1], int)
        _checks.check(
            not known or shape[-1] == self.num_classes,
            "The last axis of an input for one-hot classes must have a value for each class.",
            cure="For indices, use an integer input of shape ().",
            shape=shape,
            num_classes=self.num_classes,
        )
        return tf.one_hot(self.indices(shape[:-1], seed), self.num_classes)

    def indices(self, shape, seed):
        """Indices of classes: int32 of that shape; arguments as in `__call__`."""
        if self.probabilities is None:
            return tf.random.stateless_uniform(
                shape, seed, 0, self.num_classes, dtype="int32", alg="philox"
            )
        # The class whose interval of [0, 1) a uniform number falls in. The last one that can be
        # drawn is not among the ends, so that rounding leads to no class beyond it.
        last = max(k for k, p in enumerate(self.probabilities) if p > 0.0)
        ends = np.cumsum(self.probabilities)[:last] / sum(self.probabilities)
        # Of integers, which XLA draws as TensorFlow does; 24 bits are all that float32 holds.
        bits = tf.random.stateless_uniform(shape, seed, 0, 1 << 24, "int32", alg="philox")
        drawn = tf.cast(bits, "float32") / (1 << 24)
        passed = drawn[..., None] >= tf.constant(ends, "float32")
        return tf.reduce_sum(tf.cast(passed, "int32"), axis=-1)


@keras.saving.register_keras_serializable("keras_gan")
class Shuffled(Prior):
    """The rows of an entry of the data in random order: `Shuffled("labels")`.

    Other samples' labels as targets of a translator (StarGAN), other captions as wrong ones. Rows
    are those of the whole batch, of all replicas. A row may get itself.

    Args:
        name: of the entry of the data.

    Raises:
        ValueError: if `name` is not a string.

    Source: Choi et al., "StarGAN", CVPR 2018 (arXiv:1711.09020).
    """

    truncates = False

    def __init__(self, name):
        _checks.check(isinstance(name, str), "`name` must be a string.", name=name)
        self.name = name

    def __call__(self, shape, seed):
        raise NotImplementedError(
            f"`Shuffled({self.name!r})` needs the rows of {self.name!r} and cannot draw without "
            "data. Pass what it stands for in `inputs`."
        )

    def of(self, rows, seed):
        """The rows of an entry in another order.

        Args:
            rows: tensor `(batch, ...)`, this replica's rows.
            seed: int32 `(2,)`, the same on all replicas.

        Returns:
            As many rows; together with those of the other replicas, all rows that there are.
        """
        rows = tf.convert_to_tensor(rows)
        size = tf.shape(rows)[0]
        # Ranks of random numbers: XLA has no kernel for `index_shuffle`.
        numbers = tf.random.stateless_uniform(
            [size * replicas.count()], seed, None, None, dtype="int32", alg="philox"
        )
        order = replicas.own_rows(tf.argsort(numbers, stable=True), size)
        return tf.ensure_shape(tf.gather(replicas.gathered(rows), order), rows.shape)


@keras.saving.register_keras_serializable("keras_gan")
class Scheduled(Prior):
    """The value of a schedule in every row: a temperature, the level of a noise.

    `priors.get` makes it of a schedule: `priors={"sigma": Cosine(0.1, 0.0, over_steps=100)}`.

    Args:
        schedule: of `keras_gan.schedules`, or a callable of the images seen.

    Raises:
        ValueError: if it is none.
    """

    truncates = False

    def __init__(self, schedule):
        self.schedule = schedules.number_or_schedule(schedule, "schedule", steps=True)
        _checks.check(callable(self.schedule), "`schedule` must be a schedule.", schedule=schedule)

    def __call__(self, shape, seed):
        raise NotImplementedError("The value of a schedule is not drawn: it follows the run.")

    def value_at(self, images_seen, steps_seen):
        """The value after some images and steps: a float32 scalar."""
        return tf.cast(schedules.value(self.schedule, images_seen, steps_seen), "float32")

    def filled(self, shape, images_seen, steps_seen):
        """A float32 tensor of a shape with that value everywhere."""
        return tf.fill(shape, self.value_at(images_seen, steps_seen))


_KNOWN = {"normal": Normal, "truncated_normal": TruncatedNormal, "uniform": Uniform}


def get(identifier):
    """A prior from its name, its serialized config, or itself.

    Args:
        identifier: "normal", "uniform", "truncated_normal", a `dict`, a `Prior`, a schedule of
            `keras_gan.schedules`, or a callable `(shape, seed) -> latents`; one with no `mean`
            attribute is taken to have mean 0.

    Returns:
        A callable `(shape, seed) -> latents`.

    Raises:
        ValueError: for an unknown name or something that cannot be called.
    """
    prior = _registry.get(identifier, _KNOWN, "prior")
    if isinstance(prior, schedules.Schedule):
        return Scheduled(prior)
    _checks.check(
        callable(prior), "A prior must be callable as `prior(shape, seed)`.", prior=identifier
    )
    return prior


def as_drawn(drawn, name, shape, rows=None):
    """What a prior has returned, as a tensor.

    Args:
        drawn: what it has returned.
        name: of what is drawn.
        shape: of one row.
        rows: how many there must be; `None` where that is known in the graph alone.

    Raises:
        ValueError: if it is no tensor of numbers, or has another shape.
    """
    try:
        found = tf.convert_to_tensor(drawn)
        fits = found.dtype.is_floating or found.dtype.is_integer or found.dtype.is_bool
        told = {"dtype": found.dtype.name} if not fits else {"shape": tuple(found.shape)}
        fits = fits and found.shape.is_compatible_with([rows, *shape])
    except (TypeError, ValueError):
        found, fits, told = None, False, {"returned": type(drawn).__name__}
    wanted = f"(batch, {', '.join(map(str, shape))})" if shape else "(batch,)"
    _checks.check(
        fits,
        f"The prior of `{name}` must return real numbers of shape {wanted}.",
        cure="Draw with the `shape` that it is given, as `tf.random.stateless_normal(shape, seed)` "
        "does.",
        **told,
    )
    return found


def truncate(prior, latents, truncation):
    """Latents scaled towards the prior's mean: `mean + truncation * (z - mean)`.

    Integers, classes and values of schedules are returned as they are.
    """
    floating = tf.as_dtype(latents.dtype).is_floating
    if not floating or not getattr(prior, "truncates", True):
        return latents
    mean = getattr(prior, "mean", 0.0)
    return mean + truncation * (latents - mean)
