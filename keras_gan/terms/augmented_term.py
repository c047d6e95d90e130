"""The base class of terms that show a critic changed images, too."""

import keras

from keras_gan import _checks
from keras_gan.augment import Augmentation
from keras_gan.terms.term import CriticTerm, critic_name


class AugmentedTerm(CriticTerm):
    """What a critic says of images and of changed ones, in the critics' updates alone.

    Args:
        augmentation: a `keras_gan.augment.Augmentation`.
        critic: name of the critic, or `None` for the only one.
        example: code of an augmentation, for the error.
        weight: see `Term`.
        every: see `Term`.
        name: see `Term`.

    Raises:
        ValueError: if an argument is out of range.
    """

    reads = ()

    def __init__(self, augmentation, critic, *, example, weight, every, name):
        _checks.check(
            isinstance(augmentation, Augmentation),
            "`augmentation` must be a `keras_gan.augment.Augmentation`.",
            cure=f"Such as `keras_gan.augment.{example}`.",
            augmentation=augmentation,
        )
        self.augmentation, self.critic = augmentation, critic_name(critic)
        super().__init__(weight, player="discriminator", every=every, name=name)

    @property
    def augmentations(self):
        return (self.augmentation,)

    @property
    def variables(self):
        return self.augmentation.variables

    def get_config(self):
        config = super().get_config()
        del config["player"]
        # As it is: Keras serializes it, and so notices that it is the model's own.
        return {"augmentation": self.augmentation, "critic": self.critic, **config}

    @classmethod
    def from_config(cls, config):
        augmentation = config["augmentation"]
        if isinstance(augmentation, dict):
            augmentation = keras.saving.deserialize_keras_object(augmentation)
        return cls(**{**config, "augmentation": augmentation})
