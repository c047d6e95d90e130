"""Outputs of a discriminator by name, for games with terms."""

from keras import layers

from keras_gan import _checks

_TAKEN = ("logits", "features")


def checked(heads):
    """Sizes of heads by name, as a `dict`, or `None`."""
    if heads is None:
        return None
    named = isinstance(heads, dict) and all(
        isinstance(name, str) and name.isidentifier() and name not in _TAKEN for name in heads
    )
    _checks.check(
        named,
        "`heads` must be a dict of sizes by name, other names than 'logits' and 'features'.",
        heads=heads,
    )
    return {name: _checks.positive_int(size, f"heads[{name!r}]") for name, size in heads.items()}


def dense(features, heads, prefix):
    """A dense layer of the features for each head: a `dict` of outputs."""
    return {
        name: layers.Dense(size, dtype="float32", name=f"{prefix}_{name}")(features)
        for name, size in heads.items()
    }


def outputs(logit, features, heads, prefix):
    """The logit; with heads a `dict` of "logits", the heads, and "features"."""
    if heads is None:
        return logit
    return {"logits": logit, **dense(features, heads, prefix), "features": features}
