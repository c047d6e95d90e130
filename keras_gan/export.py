"""The averaged generator as a file for use without this package."""

import functools
import importlib.util
import os

import keras
import tensorflow as tf

from keras_gan import _checks, files, sampling

_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}


def export_generator(gan, path, *, format="tf_saved_model", **kwargs):
    """Write `gan`'s averaged generator to `path`, whole or not at all. See `GAN.export`."""
    path = files.expanded(path)
    _checks.one_of(format, "format", ("tf_saved_model", *_SUFFIXES))
    if format == "tf_saved_model":
        _checks.check(not kwargs, "A SavedModel takes no further options.", options=list(kwargs))
        _check_folder(path)
        with files.replacing(path, tidy=True) as temporary:
            _saved_model(gan).write_out(str(temporary), verbose=False)
        return
    suffix = _SUFFIXES[format]
    _checks.check(
        str(path).endswith(suffix),
        f"A path of format {format!r} must end in {suffix}.",
        path=str(path),
    )
    if format == "onnx":
        _require("onnx", "tf2onnx")
    gan.generate(1, seed=0)  # Keras exports to ONNX only what has been called
    with files.replacing(path, tidy=True) as temporary:
        gan.averaged_generator.export(str(temporary), format=format, verbose=False, **kwargs)


def _check_folder(path):
    """Whatever is replaced must be a SavedModel, and not all that somebody has."""
    _checks.check(
        path.is_dir() or not path.exists(),
        "The path of a SavedModel must be a folder, or not be there yet.",
        cure="Choose another path.",
        path=str(path),
    )
    own = path.joinpath("saved_model.pb").exists() or not path.exists() or not any(path.iterdir())
    _checks.check(
        own,
        "A SavedModel replaces its whole folder, which must be one of a SavedModel, or empty.",
        cure="Export to a folder in it, such as 'generator'.",
        path=str(path),
    )


def _require(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            _checks.sentence(
                "This format needs packages that are not installed.",
                missing=missing,
                cure="Use `pip install 'keras-gan[onnx]'`.",
            )
        )


def to_uint8(images):
    """Images from [-1, 1] to uint8: `round((x + 1) * 127.5)`, saturating."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), "uint8")


def _saved_model(gan):
    serve, sample = _conditional_endpoints(gan) if gan.num_classes else _endpoints(gan)
    label_spec = [tf.TensorSpec([None], "int32", name="labels")] if gan.num_classes else []
    latent_spec = [tf.TensorSpec([None, gan.latent_dim], "float32", name="latents")]
    seed_spec = [
        tf.TensorSpec([], "int32", name="num_samples"),
        tf.TensorSpec([], "int64", name="seed"),
        tf.TensorSpec([], "float32", name="truncation"),
    ]
    archive = keras.export.ExportArchive()
    archive.track(gan.averaged_generator)
    archive.add_endpoint("serve", serve, [*latent_spec, *label_spec])  # the first is the default
    archive.add_endpoint("sample", sample, [*seed_spec, *label_spec])
    if gan.is_image:

        @functools.wraps(sample)  # for the names of the arguments
        def sample_uint8(*arguments):
            return to_uint8(sample(*arguments))

        archive.add_endpoint("sample_uint8", sample_uint8, [*seed_spec, *label_spec])
    if gan.class_names:
        archive.add_endpoint(
            "class_names", lambda: tf.constant([os.fsencode(name) for name in gan.class_names]), []
        )
    return archive


def _endpoints(gan):
    def serve(latents):
        return tf.cast(gan.averaged_generator(latents, training=False), "float32")

    def sample(num_samples, seed, truncation):
        return serve(
            sampling.latents_of(gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation)
        )

    return serve, sample


def _conditional_endpoints(gan):
    def serve(latents, labels):
        return tf.cast(gan.averaged_generator([latents, labels], training=False), "float32")

    def sample(num_samples, seed, truncation, labels):
        latents = sampling.latents_of(
            gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation
        )
        return serve(latents, labels)

    return serve, sample
