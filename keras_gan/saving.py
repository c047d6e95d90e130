"""How a GAN is written to files: whole, to be gone on with, or the generator alone."""

import contextlib

import keras
import numpy as np

from keras_gan import export, files, replicas
from keras_gan.state import PLAYERS


class Saving:
    """The part of `GAN` that is about files and configs."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Write the whole run, as in Keras: `keras.saving.load_model` goes on with it bit by bit.

        The file is written beside and put in its place when it is complete.

        Args:
            filepath: ending in `.keras`.
            overwrite: as in Keras.
            **kwargs: as in Keras.
        """
        with _beside(filepath, overwrite) as temporary:
            super().save(temporary, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Write all weights, optimizers and counters, as in Keras; whole or not at all.

        Args:
            filepath: ending in `.weights.h5`.
            overwrite: as in Keras.
            **kwargs: as in Keras.
        """
        with _beside(filepath, overwrite) as temporary:
            super().save_weights(temporary, overwrite=overwrite, **kwargs)

    def export(self, path, format="tf_saved_model", **kwargs):
        """Write the averaged generator alone, for use without this package.

        A SavedModel has the endpoints `serve(latents[, labels])`,
        `sample(num_samples, seed, truncation[, labels])` and, for images, `sample_uint8`
        likewise; `sample` equals `generate` of the same seed.

        Args:
            path: folder of the SavedModel, or file of another format.
            format: "tf_saved_model", "onnx" or "litert".
            **kwargs: passed on to Keras's `export` of the other formats.

        Raises:
            ValueError: for an unknown format.
            ImportError: for "onnx" without the extra of that name.
        """
        export.export_generator(self, path, format=format, **kwargs)

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "prior": keras.saving.serialize_keras_object(self.prior),
            "num_classes": self.num_classes,
            "ema_halflife_images": self.ema_halflife_images,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("generator", "discriminator", "prior"):
            config[key] = keras.saving.deserialize_keras_object(
                config[key], custom_objects=custom_objects
            )
        return cls(**config)

    def get_compile_config(self):
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "loss": serialize(self.adversarial_loss),
            "regularizers": [serialize(r) for r in self.regularizers],
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
            "accumulation_steps": self.accumulation_steps,
            "metrics": [serialize(m) for m in self.quality_metrics],
            **self._compile_arguments,
        }

    def compile_from_config(self, config):
        if config:
            self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, variable in self._saved_state().items():
            store[name] = keras.ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        state = self._saved_state()
        for name, variable in state.items():
            if name in store.keys():
                variable.assign(np.asarray(store[name]))
        own = {name: store[name] for name in store.keys() if name not in state}
        if own:
            super().load_own_variables(own)

    def spread_random_generators(self):
        """Let dropout differ between replicas; after a restored state, which is the first's."""
        networks = (self.discriminator, self.generator)
        with self.distribute_strategy.scope():
            replicas.spread([v for network in networks for v in _random_generators(network)])

    def _saved_state(self):
        """What Keras would forget: counters, the networks' random generators, penalties' state."""
        state = {f"state_{name}": v for name, v in self._state.variables().items()}
        for player, network in zip(PLAYERS, (self.discriminator, self.generator), strict=True):
            generators = _random_generators(network)
            state.update({f"random_{player}_{i}": v for i, v in enumerate(generators)})
        if self.compiled:
            for i, regularizer in enumerate(self.regularizers):
                state.update(
                    {f"regularizer_{i}_{j}": v for j, v in enumerate(regularizer.variables)}
                )
        return state


def _random_generators(network):
    weights = {id(v) for v in network.weights}
    return [v for v in network.variables if id(v) not in weights]


def _beside(filepath, overwrite):
    """Where Keras shall write: beside a local file that may be replaced, else where it was told."""
    remote = "://" in str(filepath)
    if remote or not overwrite or not str(filepath).endswith((".keras", ".weights.h5")):
        return contextlib.nullcontext(filepath)
    return files.replacing(filepath)
