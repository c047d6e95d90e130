"""How unusual samples are, by a model that can encode and rebuild them."""

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.feeding import conversion
from keras_gan.feeding.sample_spec import as_floats
from keras_gan.model.adversarial_model import AdversarialModel

_JUDGED, _MADE = ("image", "encoded"), ("encoded", "rebuilt")
# Added to the variance of an image in [-1, 1], of which a flat one has none.
_LEAST_VARIANCE = 0.01


@_checks.suggesting
def anomaly_score(model, samples, *, feature_weight=0.1, batch_size=256):
    """How far images are from what a BiGAN can make: higher for what it has not been trained on.

    `(1 - w) r(x, G(E(x))) + w r(f(x, E(x)), f(G(E(x)), E(x)))` with
    `r(a, b) = mean((a - b)^2) / (var(a) + 0.01)`: what the reconstruction leaves of the variance of
    an image, and of the discriminator's features of it, both with the code of the image. Without
    the division images of much contrast would look unusual, and nearly empty ones usual. Scores
    order images; a threshold comes from scores of images that are known to be usual, such as their
    95th percentile.

    ```python
    model = keras_gan.recipes.bigan(usual.shape[1:])
    model.fit({"image": usual}, epochs=60)
    limit = numpy.percentile(keras_gan.recipes.anomaly_score(model, held_out), 95)
    unusual = keras_gan.recipes.anomaly_score(model, new) > limit
    ```

    Args:
        model: an `AdversarialModel` as `bigan` makes them: with an input "image", outputs "encoded"
            and "rebuilt", and a critic of images and codes with "features". The averaged networks
            are used.
        samples: images `(n, ...)`, uint8 or floats in [-1, 1].
        feature_weight: `w`, in [0, 1]. Default 0.1, as in the paper.
        batch_size: images at a time. Default 256.

    Returns:
        float32 NumPy array `(n,)`.

    Raises:
        ValueError: if the model has no such inputs and outputs, or an argument is out of range.

    Source: Zenati et al., "Efficient GAN-Based Anomaly Detection", 2018 (arXiv:1802.06222).
    Departure: squared differences relative to the variance, in place of sums of absolute ones.
    """
    weight = _checks.number(feature_weight, "feature_weight", minimum=0.0, maximum=1.0)
    batch_size = _checks.positive_int(batch_size, "batch_size")
    critic = _critic(model)
    _checks.check(
        critic is not None,
        "`model` must be an `AdversarialModel` with outputs 'encoded' and 'rebuilt', and a critic "
        "of 'image' and 'encoded' with features.",
        cure="`keras_gan.recipes.bigan` makes one.",
        model=type(model).__name__,
    )
    samples = conversion.array(samples, "samples")
    parts = [
        _of_batch(model, critic.name, samples[first : first + batch_size], weight)
        for first in range(0, len(samples), batch_size)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, "float32")


def _critic(model):
    """The critic that can judge reconstructions, or `None`."""
    if not isinstance(model, AdversarialModel):
        return None
    outputs = getattr(model.generator, "output", None)
    if not isinstance(outputs, dict) or not set(_MADE) <= set(outputs):
        return None
    fitting = [each for each in model.critics if each.real == _JUDGED]
    return next((each for each in fitting if "features" in _keys(each.network.output)), None)


def _keys(outputs):
    return outputs if isinstance(outputs, dict) else ()


def _of_batch(model, critic, images, weight):
    made = model.generate(inputs={"image": images}, outputs=list(_MADE))
    images = as_floats(images).numpy()
    found = [
        model.score({"image": shown, "encoded": made["encoded"]}, critic=critic, outputs="features")
        for shown in (images, made["rebuilt"])
    ]
    return (1.0 - weight) * _left(images, made["rebuilt"]) + weight * _left(*found)


def _left(a, b):
    """The share of the variance of `a` that `b` does not explain; nests are one vector a row."""
    a, b = (
        np.concatenate([part.reshape(len(part), -1) for part in keras.tree.flatten(nest)], axis=1)
        for nest in (a, b)
    )
    return np.square(a - b).mean(axis=1) / (a.var(axis=1) + _LEAST_VARIANCE)
