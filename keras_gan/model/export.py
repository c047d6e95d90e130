"""Export of the averaged generator for use without this package."""

import importlib.util
import os

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import copies, inspection
from keras_gan.model import generation
from keras_gan.storage import files

_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}


def export_generator(gan, path, *, format=None, verbose=False, **kwargs):
    """Export the averaged generator to `path`, which is never half written. See `GAN.export`."""
    endings = {suffix: name for name, suffix in _SUFFIXES.items()}
    if format is None:
        format = endings.get(os.path.splitext(os.fspath(path))[1], "tf_saved_model")
    _checks.one_of(format, "format", ("tf_saved_model", *_SUFFIXES))
    if format == "tf_saved_model":
        _checks.check(not kwargs, "A SavedModel takes no further options.", options=list(kwargs))
        _check_folder(files.expanded(path))
        with files.replacing(path, tidy=True) as temporary:
            _saved_model(gan).write_out(str(temporary), verbose=verbose)
        return
    suffix = _SUFFIXES[format]
    _checks.check(
        str(path).endswith(suffix), f"A path of format {format!r} must end in {suffix}.", path=path
    )
    if format == "onnx":
        _require("onnx", "tf2onnx")
    # Neither format has bfloat16 in all operations, and nobody gains from it there.
    network = copies.copy(gan.averaged_generator, "generator", full_precision=True, local=True)
    if format == "litert":
        _keep_sizes(network)
    network = _functional(network, gan)
    _call_once(network, gan)
    with files.replacing(path, tidy=True) as temporary:
        network.export(str(temporary), format=format, verbose=verbose, **kwargs)


def _keep_sizes(network):
    """Work around LiteRT's converter, which loses the output sizes of nearest upsampling."""
    for layer in inspection.all_layers(network):
        if isinstance(layer, keras.layers.UpSampling2D):
            vars(layer)["call"] = _sized(layer, layer.call)


def _sized(layer, call):
    def called(inputs):
        sizes = layer.compute_output_shape(inputs.shape)[1:]
        outputs = call(inputs)
        return outputs if None in sizes else tf.reshape(outputs, [-1, *sizes])

    return called


def _functional(network, gan):
    """Work around Keras, which exports all inputs of a subclassed model as floats."""
    if getattr(network, "inputs", None):
        return network
    inputs = keras.Input((gan.latent_dim,), name="latents")
    if gan.num_classes is not None:
        inputs = [inputs, keras.Input((), dtype="int32", name="labels")]
    return keras.Model(inputs, network(inputs), name="generator")


def _call_once(network, gan):
    """Call the model once, which Keras needs before an export to ONNX."""
    latents, labels = tf.zeros([1, gan.latent_dim]), tf.zeros([1], "int32")
    network(latents if gan.num_classes is None else [latents, labels], training=False)


def _check_folder(path):
    """Check that a folder that will be replaced is a SavedModel."""
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
    endpoints = _conditional_endpoints(gan) if gan.num_classes else _endpoints(gan)
    serve, sample, sample_uint8 = endpoints
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
        archive.add_endpoint("sample_uint8", sample_uint8, [*seed_spec, *label_spec])
    if gan.class_names:
        archive.add_endpoint(
            "class_names", lambda: tf.constant([os.fsencode(name) for name in gan.class_names]), []
        )
    return archive


def _endpoints(gan):
    def serve(latents):
        return tf.cast(gan.averaged_generator(latents, training=False), "float32")

    def sample(num_samples, seed, truncation=1.0):
        return serve(
            generation.latents_of(
                gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation
            )
        )

    def sample_uint8(num_samples, seed, truncation=1.0):
        return to_uint8(sample(num_samples, seed, truncation))

    return serve, sample, sample_uint8


def _conditional_endpoints(gan):
    def serve(latents, labels):
        with tf.control_dependencies(_label_checks(labels, tf.shape(latents)[0], gan.num_classes)):
            inputs = [latents, tf.identity(labels)]
            return tf.cast(gan.averaged_generator(inputs, training=False), "float32")

    def sample(num_samples, seed, truncation=1.0, labels=None):
        latents = generation.latents_of(
            gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation
        )
        return serve(latents, labels)

    def sample_uint8(num_samples, seed, truncation=1.0, labels=None):
        return to_uint8(sample(num_samples, seed, truncation, labels))

    return serve, sample, sample_uint8


def _label_checks(labels, count, num_classes):
    """Assert that labels are in range, which TensorFlow's lookups do not check."""
    one_each = tf.equal(tf.shape(labels)[0], count)
    known = tf.reduce_all((labels >= 0) & (labels < num_classes))
    rules = {
        f"`labels` must be class indices from 0 to {num_classes - 1}. Received:": known,
        "`labels` must be one for each sample. Received:": one_each,
    }
    return [tf.debugging.Assert(holds, [rule, labels]) for rule, holds in rules.items()]
