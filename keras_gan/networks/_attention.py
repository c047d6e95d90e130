"""Self-attention at a map of some size."""

from keras import layers

from keras_gan import _checks
from keras_gan.layers import SelfAttention


def checked(attention, maps):
    """The height of the maps that attend to themselves, or `None`; `maps` are sizes below the
    image's.
    """
    heights = [height for height, _ in maps]
    _checks.check(
        attention is None or attention in heights,
        f"`attention` must be the height of a map of the networks: {', '.join(map(str, heights))}.",
        attention=attention,
    )
    return attention


def attended(x, attention, name, wrap=lambda layer: layer):
    """A map, with self-attention if it is of that height."""
    if x.shape[1] != attention:
        return x
    channels = x.shape[-1]

    def projected(filters, part, pool):
        convolution = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_{part}")
        found = wrap(convolution)(x)
        if not pool:
            return found
        return layers.MaxPooling2D(2, padding="same", name=f"{name}_{part}_pool")(found)

    narrow = max(1, channels // 8)
    parts = [
        projected(narrow, "queries", False),
        projected(narrow, "keys", True),
        projected(channels, "values", True),
    ]
    return SelfAttention(name=name)([x, *parts])
