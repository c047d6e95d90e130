"""A critic's weight that follows from gradients."""

import keras
from keras import ops

from keras_gan import _checks, _registry

# Of the authors' code: bounds the weight of a critic whose gradient vanishes.
_EPSILON = 1e-4


@keras.saving.register_keras_serializable("keras_gan")
class AdaptiveWeight(_registry.Configurable):
    """The weight of a critic in the generator's loss that balances it against the terms (VQGAN).

    `min(|g_terms| / (|g_critic| + 1e-4), maximum)`: Euclidean norms of two gradients at the kernel
    of one layer of the generator, of the whole batch: that of the generator's weighted terms and
    layer losses, and that of the critic's own loss. Both then pull equally hard at this layer. No
    gradient flows through the weight. It is logged as "adaptive_weight": the mean over the steps
    from the critic's `start_step` on, and 0 before there is one.

    ```python
    critic = keras_gan.Critic(
        network, real="image", fake="decoded", weight=keras_gan.AdaptiveWeight("last")
    )
    ```

    Args:
        layer: name of a layer of the generator with one kernel, usually its last one.
        maximum: above 0. Default 1e4, as in the authors' code.

    Raises:
        ValueError: if `layer` is no name, or `maximum` is not above 0; in `compile`, if there is no
            such layer, or the generator has no terms.

    Source: Esser et al., "Taming Transformers for High-Resolution Image Synthesis", CVPR 2021
    (arXiv:2012.09841).
    """

    def __init__(self, layer, maximum=1e4):
        _checks.check(
            isinstance(layer, str) and bool(layer),
            "`layer` must be the name of a layer of the generator.",
            cure="Name it: `keras.layers.Conv2D(3, 3, name='last')`.",
            layer=layer,
        )
        self.layer = layer
        self.maximum = _checks.number(maximum, "maximum", above=0.0)

    def value(self, terms_norm, critic_norm):
        """The weight for two norms, scalars: a float32 scalar in [0, maximum]."""
        of_terms, of_critic = (
            ops.stop_gradient(ops.cast(norm, "float32")) for norm in (terms_norm, critic_norm)
        )
        return ops.clip(of_terms / (of_critic + _EPSILON), 0.0, self.maximum)

    def __repr__(self):
        return f"AdaptiveWeight({self.layer!r}, maximum={self.maximum})"
