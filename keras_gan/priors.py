"""Distributions of latent vectors."""

import keras
import tensorflow as tf

from keras_gan import _checks, _registry


class Prior:
    """A distribution of latents; base class of all priors.

    Called as `prior(shape, seed)` it returns float32 latents of that shape. The same seed gives the
    same latents, so runs, image grids and exported models are reproducible.

    Attributes:
        mean: the distribution's mean, about which `truncation` scales.
    """

    mean = 0.0

    def __call__(self, shape, seed):
        """Draw latents.

        Args:
            shape: of the result; integers or an int32 tensor.
            seed: int32 tensor of shape `(2,)`, as for `tf.random.stateless_*`.

        Returns:
            float32 tensor of that shape.
        """
        raise NotImplementedError

    def get_config(self):
        """The constructor's arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The prior of a `get_config`."""
        return cls(**config)


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

    def get_config(self):
        return {"low": self.low, "high": self.high}


@keras.saving.register_keras_serializable("keras_gan")
class TruncatedNormal(Prior):
    """Independent standard normals cut at two standard deviations, `|z| < 2`.

    Values beyond are drawn again, as in BigGAN's truncated sampling (Brock et al., ICLR 2019,
    arXiv:1809.11096).
    """

    def __call__(self, shape, seed):
        return tf.random.stateless_truncated_normal(shape, seed, alg="philox")


_KNOWN = {"normal": Normal, "truncated_normal": TruncatedNormal, "uniform": Uniform}


def get(identifier):
    """A prior from its name, its serialized config, or itself.

    Args:
        identifier: "normal", "uniform", "truncated_normal", a `dict`, a `Prior`, or a callable
            `(shape, seed) -> latents`; one with no `mean` attribute is taken to have mean 0.

    Returns:
        A callable `(shape, seed) -> latents`.

    Raises:
        ValueError: for an unknown name or something that cannot be called.
    """
    prior = _registry.get(identifier, _KNOWN, "prior")
    _checks.check(
        callable(prior), "A prior must be callable as `prior(shape, seed)`.", prior=identifier
    )
    return prior


def truncate(prior, latents, truncation):
    """Latents scaled towards the prior's mean: `mean + truncation * (z - mean)`."""
    mean = getattr(prior, "mean", 0.0)
    return mean + truncation * (latents - mean)
