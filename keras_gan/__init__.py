"""Train two networks against each other under `model.fit()`.

The map of the package; nothing inside imports from here.
"""

from keras_gan.backend import requirement

requirement.require_tensorflow()

from keras_gan import (  # noqa: E402
    augment,
    callbacks,
    convergence,
    data,
    images,
    layers,
    losses,
    metrics,
    networks,
    optimizers,
    priors,
    recipes,
    regularizers,
    schedules,
    terms,
)
from keras_gan._version import __version__  # noqa: E402
from keras_gan.adaptive_weight import AdaptiveWeight  # noqa: E402
from keras_gan.evaluation.scoring import evaluate_generator  # noqa: E402
from keras_gan.model.adversarial_model import AdversarialModel  # noqa: E402
from keras_gan.model.critic import Critic  # noqa: E402
from keras_gan.model.gan import GAN  # noqa: E402

__all__ = [
    "AdaptiveWeight",
    "AdversarialModel",
    "Critic",
    "GAN",
    "__version__",
    "augment",
    "callbacks",
    "convergence",
    "data",
    "evaluate_generator",
    "images",
    "layers",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "priors",
    "recipes",
    "regularizers",
    "schedules",
    "terms",
]
