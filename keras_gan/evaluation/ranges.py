"""Checks that real and generated images have the same range."""

import numpy as np

from keras_gan import _checks
from keras_gan.backend import inspection
from keras_gan.feeding import cures
from keras_gan.feeding.sample_spec import as_floats

# Tolerance for rounding of images in [0, 1].
_TOLERANCE = 1e-3


def check(real, fake, adapter, form):
    """Raise an error if images in [0, 1] are compared with images in [-1, 1]."""
    if not inspection.is_image(real.shape[1:]):
        return
    floats = {"real": as_floats(real).numpy(), "generated": as_floats(fake).numpy()}
    ranges = {
        side: tuple(float(f"{end:.3g}") for end in (values.min(), values.max()))
        for side, values in floats.items()
    }
    lowest = min(ranges.values())[0]
    for side, (low, high) in ranges.items():
        # Dark, but never negative: a generator of bright images alone is not meant.
        _checks.check(
            not (-_TOLERANCE <= low < 0.1 and high > 0.5 and lowest < -0.1),
            "Real and generated images must have the same range, [-1, 1].",
            cure=lambda: _cure_of_range(side, real.dtype, adapter, form),  # noqa: B023
            **ranges,
        )


def _cure_of_range(side, dtype, adapter, form):
    if side == "real":
        return f"Use {form.samples('{} * 2 - 1')} for floats in [0, 1]."
    cure = changed(adapter, "{} * 2 - 1", "for samples in [0, 1]")
    if cure is None:  # a model that was trained on such images
        change = cures.linear(form, " / 255.0")
        if dtype != np.uint8:
            change = form.samples("({} + 1) / 2")
        cure = f"Give reals in [0, 1] too: {change}."
    return cure


def changed(adapter, change, purpose):
    """A cure that changes the generator's output; `None` if there is no short code."""
    if adapter.code is None:
        return None
    head, call = adapter.code.split(": ")
    return f"Use `{head}: {change.format(call)}`, with `latent_dim=`, {purpose}."
