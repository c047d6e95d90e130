"""Divergences of what an encoder says from a prior."""

import keras
from keras import ops

from keras_gan.terms.term import Term, float32, joined, tensor_names


@keras.saving.register_keras_serializable("keras_gan")
class KLDivergence(Term):
    """Kullback-Leibler divergence of independent normals from the unit normal, in nats.

    `sum (mean^2 + exp(log_variance) - 1 - log_variance) / 2` over all axes but the first.

    Args:
        mean: name of the means, `(batch, ...)`.
        log_variance: name of the logarithms of the variances, of the same shape.
        weight: see `Term`.
        player: see `Term`.
        every: see `Term`.
        name: default "kl_divergence_<mean>_<log_variance>".

    Raises:
        ValueError: if an argument is out of range.

    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014 (arXiv:1312.6114).
    """

    def __init__(self, mean, log_variance, *, weight=1.0, player="generator", every=1, name=None):
        self.mean, self.log_variance = tensor_names(mean=mean, log_variance=log_variance)
        name = joined("kl_divergence", mean, log_variance) if name is None else name
        super().__init__(weight, player=player, every=every, name=name)

    @property
    def reads(self):
        return (self.mean, self.log_variance)

    def value(self, scene):
        mean, log_variance = float32(scene[self.mean]), float32(scene[self.log_variance])
        nats = (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance) / 2.0
        return ops.sum(nats, axis=tuple(range(1, len(nats.shape))))

    def get_config(self):
        return {"mean": self.mean, "log_variance": self.log_variance, **super().get_config()}
