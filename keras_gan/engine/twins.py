"""A second model like a first one, to try something on."""

import keras


def twin(gan):
    """A model of the same networks and settings that shares no variable with the first one.

    Classes of networks, and those that were given to `compile`, need not be registered.

    Args:
        gan: a compiled model.

    Returns:
        A compiled model of the same class, with optimizers as they are made.

    Raises:
        ValueError: if a part has no config, or cannot be copied.
    """
    config, optimizers = gan._config_of_twin(), [player.optimizer for player in gan._players]
    other = type(gan).from_config(config)
    parts = [gan.adversarial_loss, *gan.regularizers, *gan.terms, *gan.quality_metrics, *optimizers]
    parts += gan._game.augmentations
    parts += [augmentation for term in gan.terms for augmentation in term.augmentations]
    with keras.saving.custom_object_scope({type(part).__name__: type(part) for part in parts}):
        other.compile_from_config(gan._compile_config_of_twin())
    return other
