"""The configs that re-create a model: those of the model and of `compile`."""

import keras

from keras_gan import _checks, optimizers, schedules
from keras_gan.backend import copies, network_configs
from keras_gan.engine.players import critics_by_player, unique
from keras_gan.model import joint_networks
from keras_gan.model.critic import Critic
from keras_gan.storage import loadable


class Configs:
    """Mixin of `AdversarialModel` with its configs."""

    def get_config(self):
        places = {id(network): place for place, network in enumerate(self.critic_networks)}
        return {
            "generator": loadable.serialized(self.generator, "generator"),
            "networks": joint_networks.serialized(self.critic_networks),
            "critics": [
                {**critic.get_config(), "network": places[id(critic.network)]}
                for critic in self.critics
            ],
            "priors": {
                name: loadable.serialized(prior, "priors") for name, prior in self.priors.items()
            },
            "values": list(self.values),
            "class_names": self.class_names and list(self.class_names),
            "ema_halflife_images": schedules.config(self.ema_halflife_images),
            "seed": self.seed,
            "name": self.name,
        }

    def _config_of_twin(self):
        """A config with copies of the networks in place of their configs."""
        copied = copies.Copier(local=True).copied([self.generator, *self.critic_networks])
        config = {"generator": copied[0], "networks": copied[1:]}
        return {**self.get_config(), **config, "priors": dict(self.priors)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        check_complete(config, _CONFIG)

        def read(part, name):
            return deserialized(part, name, custom_objects)

        networks = joint_networks.deserialized(
            config.pop("networks"), lambda network: read(network, "critics")
        )
        names = config.pop("class_names", None)  # missing in files of earlier versions
        model = cls(
            read(config.pop("generator"), "generator"),
            [
                Critic(networks[critic["network"]], **_without(read(critic, "critics"), "network"))
                for critic in config.pop("critics")
            ],
            priors={name: read(p, "priors") for name, p in config.pop("priors").items()},
            **config,
        )
        model.class_names = names
        return model

    def _parts_described(self, of_network, of_prior, of_part):
        """The networks and what belongs to them, for the fingerprint of a run."""
        return {
            "generator": of_network(self.generator),
            "networks": [of_network(network) for network in self.critic_networks],
            "critics": [_without(critic._config_by(of_part), "name") for critic in self.critics],
            "priors": {name: of_prior(prior) for name, prior in self.priors.items()},
            "values": list(self.values),
        }

    # === Compile ===

    def get_compile_config(self):
        if not self.compiled:
            return {}
        # While `fit` runs a callback may have set a phase, which ends with `fit`.
        phase = self._phase_of_fit or self.phase
        return {**self._config_of_compile(), **({} if phase == "both" else {"phase": phase})}

    def _compile_config_of_twin(self):
        """A config with a function that augments as it is: it has no state."""
        return self._config_of_compile(() if self._game.augmentations else ("augment",))

    def _config_of_compile(self, as_they_are=()):
        several = isinstance(self.discriminator_optimizer, dict)
        parts = {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": dict(self.discriminator_optimizer)
            if several
            else self.discriminator_optimizer,
            "loss": self.adversarial_loss,
            "regularizers": self.regularizers,
            "terms": self.terms,
            "augment": self.augment,
            "metrics": self._metrics_config(),
        }
        return {
            **{
                name: part
                if isinstance(part, str) or name in as_they_are
                else loadable.serialized(part, name)
                for name, part in parts.items()
            },
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
            "accumulation_steps": self.accumulation_steps,
            **self._compile_arguments,
            "trained": self._trained_places(),
        }

    def _metrics_config(self):
        """The metrics as a list, where all compare the default pair; else by pairs of names."""
        default = self._default_pair()
        if all(tuple(pair) == default for _, *pair in self._compared):
            return self.quality_metrics
        return [[real, fake, metric] for metric, real, fake in self._compared]

    def _trained_places(self):
        """Positions of a player's trainable weights and of those its optimizer has state for.

        `trainable` may have changed since `compile`; the file stores its current value.
        """
        found = {}
        for player in self._players:
            built_on = optimizers.built_on(player.optimizer)
            name = player.name
            ids = {name: self._trained[name], f"{name}_optimizer": [id(v) for v in built_on]}
            places = {id(w): place for place, w in enumerate(player.weights)}
            for key, wanted in ids.items():
                found[key] = [places[i] for i in wanted if i in places]
        return found

    def compile_from_config(self, config):
        if not config:
            return
        check_complete(config, _COMPILE_CONFIG)
        config = dict(config)
        augment = config.pop("augment", None)  # of a copy it may be a function that has no config
        config = keras.saving.deserialize_keras_object(config)
        config["augment"] = None if augment is None else deserialized(augment, "augment")
        metrics = config["metrics"]
        if metrics and isinstance(metrics[0], (list, tuple)):
            pairs = {}
            for real, fake, metric in metrics:
                pairs.setdefault((real, fake), []).append(metric)
            config["metrics"] = pairs
        phase = config.pop("phase", "both")
        trained = config.pop("trained", None)  # missing in files of earlier versions
        if trained:
            ids, given = {}, config["discriminator_optimizer"]
            for name, weights in self._weights_by_player().items():
                optimizer = config["generator_optimizer"]
                if name != "generator":
                    optimizer = given[name] if isinstance(given, dict) else given
                optimizer.build([weights[place] for place in trained[f"{name}_optimizer"]])
                ids[name] = [id(weights[place]) for place in trained[name]]
            self._trained_in_file = ids
        try:
            self.compile(**config)
        finally:
            self._trained_in_file = None
        self.set_phase(phase)

    def _weights_by_player(self):
        """All weights of each player, by its name, before `compile`."""
        found = {"generator": self.generator.weights}
        for name, critics in critics_by_player(self.critics).items():
            found[name] = unique(v for critic in critics for v in critic.network.weights)
        return found


_CONFIG = ("generator", "networks", "critics", "priors", "ema_halflife_images", "seed")
_COMPILE_CONFIG = (
    *("generator_optimizer", "discriminator_optimizer", "loss", "regularizers", "metrics"),
    *("discriminator_steps", "generator_steps", "accumulation_steps"),
)


def deserialized(part, name, custom_objects=None):
    """An object from its config in a file; what is an object already stays.

    Raises:
        ValueError: if it is made of what Keras does not know.
    """
    if callable(part):
        return part
    try:
        return network_configs.deserialized(part, custom_objects)
    except TypeError as error:
        told = loadable.first_words(error)
        raise ValueError(
            _checks.sentence(
                f"`{name}` of a file must be made of what Keras knows. {told}",
                cure="Register your own classes, or give them as `custom_objects`; the "
                "file of a stranger should not need it.",
                file_has=part.get("class_name") if isinstance(part, dict) else type(part).__name__,
            )
        ) from error


def check_complete(config, keys):
    """Check that a config has these keys.

    Raises:
        ValueError: otherwise.
    """
    missing = [key for key in keys if key not in config]
    _checks.check(
        not missing,
        "The config of a GAN must be complete.",
        cure="The file is damaged, or not that of a GAN.",
        missing=missing,
    )


def _without(config, key):
    return {name: value for name, value in config.items() if name != key}
