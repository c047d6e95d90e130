"""A second model like a first one, to try something on."""

import keras

from keras_gan.backend import copies
from keras_gan.engine.state import PLAYERS


def twin(gan):
    """A model of the same networks and settings that shares no variable with the first one.

    Classes of networks, and those that were given to `compile`, need not be registered.

    Args:
        gan: a compiled `GAN`.

    Returns:
        A compiled `GAN` of the same class, with optimizers as they are made.

    Raises:
        ValueError: if a part has no config, or cannot be copied.
    """
    config = {**gan.get_config(), "prior": gan.prior}
    for player in PLAYERS:
        network = getattr(gan, player)
        config[player] = copies.copy(network, network.name, local=True)
    other = type(gan).from_config(config)
    optimizers = [getattr(gan, f"{player}_optimizer") for player in PLAYERS]
    parts = [gan.adversarial_loss, *gan.regularizers, *gan.quality_metrics, *optimizers]
    with keras.saving.custom_object_scope({type(part).__name__: type(part) for part in parts}):
        other.compile_from_config(gan.get_compile_config())
    return other
