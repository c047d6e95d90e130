"""Saving and loading of a model: the whole training state, or the generator for export."""

import contextlib
import functools
import os
import zipfile

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend import inspection, replicas
from keras_gan.engine.state import random_generators
from keras_gan.model import export, run_fingerprint, state_parts
from keras_gan.storage import files, loadable
from keras_gan.storage.checksums import KIND, OF_METRICS, ChecksumVerifier, all_or_nothing


class Saving:
    """Mixin of `AdversarialModel` with the methods that read and write files."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Save the whole training state; a loaded model continues bit-identically.

        The file is written under a temporary name and renamed when it is complete.
        `keras.saving.save_model(gan, path)` skips this and the checks below, so an error leaves an
        empty file. Run `import keras_gan` before loading, so that its classes are registered.

        Args:
            filepath: ending in `.keras`.
            overwrite: as in Keras.
            **kwargs: as in Keras.

        Raises:
            ValueError: for what `load_model` would refuse: lambdas, functions and classes that are
                not registered, and classes that Keras cannot re-create, which is tested once by
                loading the file. Also for another suffix: Keras's older formats lose parts of the
                state.
        """
        filepath = _located(filepath)
        _checks.check(
            str(filepath).endswith(".keras") or str(filepath).startswith("hf://"),
            "A GAN is saved to a file that ends in `.keras`.",
            cure="For the weights alone use `save_weights`, for the generator alone `export`.",
            filepath=str(filepath),
        )
        own = self.check_savable()
        with _beside(filepath, overwrite) as temporary:
            super().save(temporary, overwrite=overwrite, **kwargs)
            if own and not self._has_loaded and os.path.isfile(temporary):
                loadable.check_file(temporary, own)
                self._has_loaded = True

    def check_savable(self):
        """Check that `save` can write a file that loads.

        Returns:
            The names of the user's classes in it, which only loading can verify.

        Raises:
            ValueError: as in `save`.
        """
        return loadable.check_config(loadable.serialized(self, "model"))

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Save all weights, optimizers and counters, as in Keras; the file is never half written.

        `keras.saving.save_weights(gan, path)` writes in place.

        Args:
            filepath: ending in `.weights.h5`.
            overwrite: as in Keras.
            **kwargs: as in Keras.
        """
        filepath = _located(filepath)
        with _beside(filepath, overwrite) as temporary:
            super().save_weights(temporary, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Load weights, optimizers and counters, as in Keras; on an error nothing is changed.

        Args:
            filepath: ending in `.weights.h5` or `.keras`.
            skip_mismatch: restore what fits, with a warning of what does not.
            **kwargs: as in Keras.

        Raises:
            ValueError: if the file is damaged or does not fit the model. The model is unchanged.
            FileNotFoundError: if there is no such file.
        """
        filepath = _located(filepath)
        variables = [
            variable for part in state_parts.with_checksums(self).values() for variable in part
        ]
        with all_or_nothing(variables):
            try:
                super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
            except FileNotFoundError:
                raise
            except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
                raise ValueError(
                    _checks.sentence(
                        f"The file must be complete, but it cannot be read ({error}).",
                        filepath=str(filepath),
                        cure="Use an older one.",
                    )
                ) from error
            except ValueError as error:
                told = str(error).split("\n\n")  # number of errors, the first error, a list
                if len(told) < 2:
                    raise
                if " Received: not_restored=" in told[1]:
                    networks = [self.generator, *(critic.network for critic in self.critics)]
                    layers = [part for n in networks for part in inspection.all_layers(n)]
                    precisions = sorted({layer.compute_dtype for layer in layers})
                    told = self._verifier.sentence_on_weights(filepath, precisions)
                    raise ValueError(told) from error
                raise ValueError(
                    _checks.sentence(
                        f"The file must come from a model with the same structure. {told[1]}",
                        filepath=str(filepath),
                        cure="The model is unchanged.",
                    )
                ) from error

    def export(self, path, format=None, *, outputs=None, figures=None, verbose=False, **kwargs):
        """Export the averaged generator, for use without this package.

        A SavedModel of a `GAN` has the endpoints `serve(latents[, labels])`,
        `sample(num_samples, seed, truncation=1.0[, labels])` and, for images, `sample_uint8`
        likewise. `sample` equals `generate` with the same seed. Labels outside of the classes raise
        an error. `class_names()` returns the names of the classes if the model knows them.

        One of any other model has `serve(...)`, which takes the inputs that its outputs depend on,
        by name, and returns one output, or a `dict` of several. If some of the inputs have a prior,
        it has `sample(...)` too, which takes the other inputs by name, `num_samples` if there are
        none, `seed` and `truncation`, and equals `generate` with the same seed. Inputs that have a
        `priors.Categorical` must be classes, and `class_names()` is there likewise.

        In the folder of a SavedModel are `README.md`, a model card with lines of use, and
        `config.json` with the same for programs: data, recipe, metrics, verdict, versions, and
        SHA-256 checksums of all files; of images `samples.png` too. The next export to the folder
        replaces them. It is refused if the folder has files that no export has written, or that
        were changed since, such as an edited `README.md`.

        ONNX and LiteRT files compute in float32, in whatever precision the model does.

        Args:
            path: folder of the SavedModel, or file of another format.
            format: "tf_saved_model", "onnx" or "litert"; `None` for what the path ends in:
                `.onnx`, `.tflite`, else a SavedModel.
            outputs: names of the outputs to export, of a model with several; see `generate`.
            figures: `dict` of metrics for the model card, as `evaluate_generator(..., floors=True)`
                returns it. Default: the metrics of the last `fit` of this process.
            verbose: as in Keras. Default `False`.
            **kwargs: passed on to Keras's `export` of the other formats.

        Raises:
            ValueError: for an unknown format; for a folder with other files, which is unchanged.
            ImportError: for "onnx" without the extra of that name.
        """
        self._average_watch.look(self)
        export.export_generator(
            self,
            path,
            outputs=outputs,
            format=format,
            figures=figures,
            verbose=verbose,
            **kwargs,
        )

    def save_own_variables(self, store):
        self._let_keras_keep_features(False)
        super().save_own_variables(store)
        for name, variable in state_parts.own(self).items():
            store[name] = keras.ops.convert_to_numpy(variable)
        for part, value in self._verifier.checksums().items():
            store[f"checksum_{part}"] = np.int64(value)

    def load_own_variables(self, store):
        names = list(store.keys())
        self._verifier.expected = {
            name.removeprefix("checksum_"): np.asarray(store[name]).tolist()
            for name in names
            if name.startswith("checksum_")
        }
        for name, variable in state_parts.own(self).items():
            if name in names:
                variable.assign(np.asarray(store[name]))
        self._let_keras_keep_features(not any(name.startswith("metric_") for name in names))
        _checks.check(
            any(name.startswith("state_") for name in names),
            "The file must hold the counters of a model of `keras_gan`.",
            cure="It is damaged, or of another model. Use an older one.",
            found=names,
        )
        # Keras's own variables have numbers as names. Others belong to parts that are not compiled.
        super().load_own_variables({name: store[name] for name in names if name.isdigit()})

    def _let_keras_keep_features(self, value):
        for metric in self.quality_metrics:
            if hasattr(metric, "keras_keeps_features"):
                metric.keras_keeps_features = value

    @functools.cached_property
    def _verifier(self):
        return ChecksumVerifier(
            lambda: {**state_parts.with_checksums(self), **self._optimizer_kinds()}
        )

    def _optimizer_kinds(self):
        """The variable names of each optimizer, since different optimizers may have equal
        shapes.
        """
        return {
            f"{name}{KIND}": [[v.name.rsplit("_", 1)[-1] for v in optimizer.variables]]
            for name, optimizer in state_parts.optimizers(self).items()
        }

    def spread_random_generators(self):
        """Let dropout differ between replicas, also after the first replica's state was
        restored.
        """
        networks = [network for _, network in state_parts.networks(self)]
        with self.distribute_strategy.scope():
            replicas.decorrelate([v for network in networks for v in random_generators(network)])

    # === Runs ===

    def run_state(self):
        """The whole training state, as copies.

        The weights of all networks, those of terms and metrics too, and of the average, the
        networks' random generators, all optimizers, the counters, the state of losses,
        regularizers, terms, pools and augmentations. The sums of metrics are not included: they are
        reset every epoch.

        Returns:
            `dict` from names such as `"generator/3"` to NumPy arrays. Names are positions, since
            Keras numbers the layers of a process and not those of a network.
        """
        # Three times faster than `keras.ops.convert_to_numpy`, and a backup is made every epoch.
        return {
            name: np.asarray(tf.convert_to_tensor(variable.value).numpy())
            for name, variable in state_parts.run_variables(self).items()
        }

    def set_run_state(self, state):
        """Restore the training state that `run_state` returned.

        Networks of metrics stay as they are, with a warning if they are others, where the state is
        that of an earlier version, which lacks them, and where `set_reference` has used them.

        Args:
            state: the `dict`.

        Raises:
            ValueError: if it does not fit this model, which is then unchanged.
        """
        variables = state_parts.run_variables(self)
        of_metrics = [name for name in variables if name.startswith(f"{OF_METRICS}/")]
        lacks = not any(name in state for name in of_metrics)
        if lacks:
            variables = {name: v for name, v in variables.items() if name not in of_metrics}
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
        values = {name: _as_stored(state[name], v) for name, v in variables.items()}
        others = {
            id(variables[name])
            for name in of_metrics
            if not lacks and not np.array_equal(variables[name], values[name])
        }
        of_referring = (
            {id(v) for v in state_parts.metric_weights(metric)}
            for metric in self.quality_metrics
            if getattr(metric, "_reference", None) is not None
        )
        held = set().union(*(ids for ids in of_referring if ids & others))
        for name, variable in variables.items():
            if id(variable) not in held:
                variable.assign(values[name])
        self.spread_random_generators()
        if (lacks and of_metrics) or held:
            why = "the state has none" if lacks else "`set_reference` has used them"
            _warnings.warn(
                f"The networks of metrics were not restored: {why}. If their weights are not "
                "fixed by a file or a seed, values of metrics are not to be compared with those "
                "from before."
            )

    def run_description(self):
        """The fingerprint of a run: networks, arguments of `compile`, data of `fit`.

        Returns:
            `dict` of plain values by names such as `"generator.layers[3].units"`.
        """
        feeds = {"data": self._training_feed, "validation_data": self._held_out_feed}
        data = {n: None if feed is None else feed.description() for n, feed in feeds.items()}
        return run_fingerprint.flat({**run_fingerprint.of_model(self), **data})


def _as_stored(value, variable):
    """An array with the type of a variable."""
    value = np.asarray(value)
    if value.dtype.kind == "V":  # NumPy's files have no type bfloat16
        value = value.view(tf.as_dtype(variable.dtype).as_numpy_dtype)
    return value


def _located(filepath):
    """A local path with `~` expanded; remote paths are unchanged."""
    local = isinstance(filepath, (str, bytes, os.PathLike)) and "://" not in str(filepath)
    return files.expanded(filepath) if local else filepath


def _beside(filepath, overwrite):
    """The path that Keras writes to: a temporary one for local files that may be replaced."""
    if "://" in str(filepath) or not str(filepath).endswith((".keras", ".weights.h5")):
        return contextlib.nullcontext(filepath)
    if not overwrite and filepath.exists():  # Keras asks for permission
        return contextlib.nullcontext(filepath)
    return files.replacing(filepath, tidy=True)
