"""How a GAN is written to files: whole, to be gone on with, or the generator alone."""

import contextlib
import functools
import zipfile

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, descriptions, export, files, inspection, replicas, schedules
from keras_gan.seal import Seal, all_or_nothing
from keras_gan.state import PLAYERS, random_generators


class Saving:
    """The part of `GAN` that is about files and configs."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Write the whole run, as in Keras: `keras.saving.load_model` goes on with it bit by bit.

        The file is written beside and put in its place when it is complete.

        Args:
            filepath: ending in `.keras`.
            overwrite: as in Keras.
            **kwargs: as in Keras.

        Raises:
            ValueError: for another ending: Keras's older format would lose half of the run.
        """
        filepath = _located(filepath)
        _checks.check(
            str(filepath).endswith(".keras") or str(filepath).startswith("hf://"),
            "A GAN is saved to a file that ends in `.keras`.",
            cure="For the weights alone use `save_weights`, for the generator alone `export`.",
            filepath=str(filepath),
        )
        with _beside(filepath, overwrite) as temporary:
            super().save(temporary, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Write all weights, optimizers and counters, as in Keras; whole or not at all.

        Args:
            filepath: ending in `.weights.h5`.
            overwrite: as in Keras.
            **kwargs: as in Keras.
        """
        filepath = _located(filepath)
        with _beside(filepath, overwrite) as temporary:
            super().save_weights(temporary, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Restore weights, optimizers and counters, as in Keras; all of them or none.

        Args:
            filepath: ending in `.weights.h5` or `.keras`.
            skip_mismatch: restore what fits, with a warning of what does not.
            **kwargs: as in Keras.

        Raises:
            ValueError: if the file is damaged or does not fit the model, which is as it was then.
            FileNotFoundError: if there is no such file.
        """
        filepath = _located(filepath)
        variables = [variable for part in self._sealed().values() for variable in part]
        with all_or_nothing(variables):
            try:
                super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
            except FileNotFoundError:
                raise
            except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
                raise ValueError(
                    _checks.sentence(
                        f"The file must be whole, but it cannot be read ({error}).",
                        filepath=str(filepath),
                        cure="Take an older one.",
                    )
                ) from error
            except ValueError as error:
                told = str(error).split("\n\n")  # Keras's count, the first error, a list
                if len(told) < 2 or " Received: not_restored=" in told[1]:
                    raise
                raise ValueError(
                    _checks.sentence(
                        f"The file must be of a model of the same form. {told[1]}",
                        filepath=str(filepath),
                        cure="The model is as it was.",
                    )
                ) from error

    def export(self, path, format="tf_saved_model", **kwargs):
        """Write the averaged generator alone, for use without this package.

        A SavedModel has the endpoints `serve(latents[, labels])`,
        `sample(num_samples, seed, truncation[, labels])` and, for images, `sample_uint8`
        likewise; `sample` equals `generate` of the same seed. Where the model knows the names of
        its classes, `class_names()` gives them.

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
            "class_names": self.class_names and list(self.class_names),
            "pack": self.pack,
            "ema_halflife_images": schedules.config(self.ema_halflife_images),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        missing = [key for key in ("generator", "discriminator", "prior") if key not in config]
        _checks.check(
            not missing,
            "The config of a GAN must hold its networks and its prior.",
            cure="The file is damaged, or no GAN's.",
            missing=missing,
        )
        for key in ("generator", "discriminator", "prior"):
            try:
                config[key] = keras.saving.deserialize_keras_object(
                    config[key], custom_objects=custom_objects
                )
            except TypeError as error:
                told = str(error).split("Exception encountered: ")[-1].splitlines()[0]
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
        for part, value in self._seal.checksums().items():
            store[f"checksum_{part}"] = np.int64(value)

    def load_own_variables(self, store):
        names = list(store.keys())
        self._seal.expected = {
            name.removeprefix("checksum_"): np.asarray(store[name]).tolist()
            for name in names
            if name.startswith("checksum_")
        }
        for name, variable in self._saved_state().items():
            if name in names:
                variable.assign(np.asarray(store[name]))
        _checks.check(
            any(name.startswith("state_") for name in names),
            "The file must hold a GAN's counters.",
            cure="It is damaged, or no GAN's. Take an older one.",
            found=names,
        )
        # Keras numbers its own. What else there is belongs to what is not compiled here.
        super().load_own_variables({name: store[name] for name in names if name.isdigit()})

    @functools.cached_property
    def _seal(self):
        return Seal(self._sealed)

    def _sealed(self):
        """The parts of a run whose loss would make it another one: `dict` of variables."""
        networks = ("generator", "discriminator", "averaged_generator")
        parts = {
            name: network.weights
            for name in networks
            if not inspection.is_saved_merged(network := getattr(self, name))
        }
        if self.compiled:
            for name in ("generator_optimizer", "discriminator_optimizer"):
                parts[name] = getattr(self, name).variables
        for name, variable in self._saved_state().items():
            parts.setdefault(_KINDS[name.split("_")[0]], []).append(variable)
        return parts

    def spread_random_generators(self):
        """Let dropout differ between replicas; after a restored state, which is the first's."""
        networks = (self.discriminator, self.generator)
        with self.distribute_strategy.scope():
            replicas.spread([v for network in networks for v in random_generators(network)])

    # === Runs ===

    def run_state(self):
        """All that training has changed so far, as copies.

        The weights of both networks and of the average, the networks' random generators, both
        optimizers, the counters, the state of the regularizers. Metrics are not in it: they begin
        anew with each epoch.

        Returns:
            `dict` from names such as `"generator/3"` to NumPy arrays. Names are positions, since
            Keras numbers the layers of a process and not those of a network.
        """
        # Three times faster than `keras.ops.convert_to_numpy`, and a backup is made every epoch.
        return {
            name: np.asarray(tf.convert_to_tensor(variable.value).numpy())
            for name, variable in self._run_variables().items()
        }

    def set_run_state(self, state):
        """Put the model back to where it was at a `run_state`.

        Args:
            state: the `dict`.

        Raises:
            ValueError: if it does not fit this model, which is then as it was.
        """
        variables = self._run_variables()
        for name in {**variables, **state}:
            shapes = [
                tuple(part[name].shape) if name in part else None for part in (variables, state)
            ]
            _checks.check(
                shapes[0] == shapes[1],
                "The state must be that of a model with the same variables.",
                name=name,
                variable=variables[name].path if name in variables else None,
                shape_here=shapes[0],
                shape_in_state=shapes[1],
            )
        for name, variable in variables.items():
            value = np.asarray(state[name])
            if value.dtype.kind == "V":  # NumPy's files do not know the name of bfloat16
                value = value.view(tf.as_dtype(variable.dtype).as_numpy_dtype)
            variable.assign(value)
        self.spread_random_generators()

    def run_description(self):
        """What the numbers of a run follow from: networks, settings of `compile`, data of `fit`.

        Returns:
            `dict` of plain values by names such as `"generator.layers[3].units"`.
        """
        feeds = {"data": self._training_feed, "validation_data": self._held_out_feed}
        return descriptions.flat({**descriptions.of_model(self), **descriptions.of_feeds(feeds)})

    def _run_variables(self):
        groups = {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
        }
        if self.averaged_generator is not self.generator:
            groups["averaged_generator"] = self.averaged_generator.variables
        if self.compiled:
            groups["generator_optimizer"] = self.generator_optimizer.variables
            groups["discriminator_optimizer"] = self.discriminator_optimizer.variables
            groups["regularizers"] = [v for r in self.regularizers for v in r.variables]
        named = {
            f"{group}/{number}": variable
            for group, variables in groups.items()
            for number, variable in enumerate(variables)
        }
        named.update({f"state/{name}": v for name, v in self._state.variables().items()})
        return named

    # === Helpers ===

    def _saved_state(self):
        """What Keras would forget: counters, the networks' random generators, penalties' state."""
        state = {f"state_{name}": v for name, v in self._state.variables().items()}
        for player, network in zip(PLAYERS, (self.discriminator, self.generator), strict=True):
            generators = random_generators(network)
            state.update({f"random_{player}_{i}": v for i, v in enumerate(generators)})
        if self.compiled:
            for i, regularizer in enumerate(self.regularizers):
                state.update(
                    {f"regularizer_{i}_{j}": v for j, v in enumerate(regularizer.variables)}
                )
        return state


_KINDS = {"state": "counters", "random": "random_generators", "regularizer": "regularizers"}


def _class_name(config):
    return config.get("class_name") if isinstance(config, dict) else type(config).__name__


def _located(filepath):
    """A local path with the home folder in place of `~`; what leads elsewhere as it is."""
    return filepath if "://" in str(filepath) else files.expanded(filepath)


def _beside(filepath, overwrite):
    """Where Keras shall write: beside a local file that may be replaced, else where it was told."""
    if "://" in str(filepath) or not str(filepath).endswith((".keras", ".weights.h5")):
        return contextlib.nullcontext(filepath)
    if not overwrite and filepath.exists():  # Keras asks whether it may
        return contextlib.nullcontext(filepath)
    return files.replacing(filepath, tidy=True)
