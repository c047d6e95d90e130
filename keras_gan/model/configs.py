"""The configs that re-create a GAN: those of the model and of `compile`."""

import keras

from keras_gan import _checks, optimizers, schedules
from keras_gan.engine.state import PLAYERS
from keras_gan.storage import loadable


class Configs:
    """Mixin of `GAN` with its configs."""

    def get_config(self):
        return {
            **{
                name: loadable.serialized(getattr(self, name), name)
                for name in ("generator", "discriminator", "prior")
            },
            "num_classes": self.num_classes,
            "class_names": self.class_names and list(self.class_names),
            "pack": self.pack,
            "ema_halflife_images": schedules.config(self.ema_halflife_images),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        _check_complete(config, _CONFIG)
        for key in ("generator", "discriminator", "prior"):
            if callable(config[key]):  # what it is, and not the config of it
                continue
            try:
                config[key] = keras.saving.deserialize_keras_object(
                    config[key], custom_objects=custom_objects
                )
            except TypeError as error:
                told = loadable.first_words(error)
                raise ValueError(
                    _checks.sentence(
                        f"`{key}` of a file must be made of what Keras knows. {told}",
                        cure="Register your own classes, or give them as `custom_objects`; the "
                        "file of a stranger should not need it.",
                        file_has=_class_name(config[key]),
                    )
                ) from error
        return cls(**config)

    def get_compile_config(self):
        if not self.compiled:
            return {}
        parts = {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "loss": self.adversarial_loss,
            "regularizers": self.regularizers,
            "metrics": self.quality_metrics,
        }
        return {
            **{name: loadable.serialized(part, name) for name, part in parts.items()},
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
            "accumulation_steps": self.accumulation_steps,
            **self._compile_arguments,
            "trained": self._trained_places(),
        }

    def _trained_places(self):
        """Positions of a network's trainable weights and of those its optimizer has state for.

        `trainable` may have changed since `compile`; the file stores its current value.
        """
        found = {}
        for player in PLAYERS:
            built_on = optimizers.built_on(getattr(self, f"{player}_optimizer"))
            ids = {player: self._trained[player], f"{player}_optimizer": [id(v) for v in built_on]}
            places = {id(w): place for place, w in enumerate(getattr(self, player).weights)}
            for name, wanted in ids.items():
                found[name] = [places[i] for i in wanted if i in places]
        return found

    def compile_from_config(self, config):
        if not config:
            return
        _check_complete(config, _COMPILE_CONFIG)
        config = keras.saving.deserialize_keras_object(config)
        trained = config.pop("trained", None)  # missing in files of earlier versions
        if trained:
            ids = {}
            for player in PLAYERS:
                weights, optimizer = getattr(self, player).weights, f"{player}_optimizer"
                config[optimizer].build([weights[place] for place in trained[optimizer]])
                ids[player] = [id(weights[place]) for place in trained[player]]
            self._trained_in_file = ids
        try:
            self.compile(**config)
        finally:
            self._trained_in_file = None


_CONFIG = (
    "generator",
    "discriminator",
    "prior",
    "num_classes",
    "pack",
    "ema_halflife_images",
    "seed",
)
_COMPILE_CONFIG = (
    *("generator_optimizer", "discriminator_optimizer", "loss", "regularizers", "metrics"),
    *("discriminator_steps", "generator_steps", "accumulation_steps"),
)


def _check_complete(config, keys):
    missing = [key for key in keys if key not in config]
    _checks.check(
        not missing,
        "The config of a GAN must be complete.",
        cure="The file is damaged, or not that of a GAN.",
        missing=missing,
    )


def _class_name(config):
    return config.get("class_name") if isinstance(config, dict) else type(config).__name__
