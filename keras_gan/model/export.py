"""Export of the averaged generator for use without this package."""

import importlib.util
import inspect
import os
import warnings

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import copies, inspection
from keras_gan.model import export_files, model_card
from keras_gan.storage import files

_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
_OF_KERAS = (".keras", ".h5")


def export_generator(
    gan, path, *, outputs=None, format=None, figures=None, verbose=False, **kwargs
):
    """Export the averaged generator to `path`, which is never half written. See `export`."""
    files.check_unicode(path, "path")
    exported = gan._exported(outputs)
    endings = {suffix: name for name, suffix in _SUFFIXES.items()}
    if format is None:
        format = endings.get(_ending(path), "tf_saved_model")
    _checks.one_of(format, "format", ("tf_saved_model", *_SUFFIXES))
    if format == "tf_saved_model":
        known = inspect.signature(gan.export).parameters
        _checks.check(
            not kwargs,
            "A SavedModel takes no further options.",
            cure=_checks.did_you_mean(next(iter(kwargs)), list(known)) if kwargs else None,
            options=list(kwargs),
        )
        _checks.check(
            _ending(path) not in _OF_KERAS,
            "The path of a SavedModel must be that of a folder, not of a file of Keras.",
            cure="To save the whole model use `save`, for the generator alone "
            "`averaged_generator.save`.",
            path=str(path),
        )
        _check_folder(files.expanded(path))
        with files.replacing(path, tidy=True) as temporary:
            exported.archive().write_out(str(temporary), verbose=verbose)
            arguments = getattr(exported, "arguments", None)
            model_card.write(gan, temporary, outputs, figures, arguments)
            export_files.note(temporary)
            export_files.check(files.expanded(path))  # it may have got other files meanwhile
        return
    suffix = _SUFFIXES[format]
    _checks.check(
        os.fsdecode(path).endswith(suffix),
        f"A path of format {format!r} must end in {suffix}.",
        path=path,
    )
    if format == "onnx":
        _require("onnx", "tf2onnx")
    # Neither format has bfloat16 in all operations, and nobody gains from it there.
    network = copies.copy(exported.network, "generator", full_precision=True, local=True)
    if format == "litert":
        _keep_sizes(network)
    network = exported.functional(network)
    exported.call_once(network)  # which Keras needs before an export to ONNX
    with files.replacing(path, tidy=True) as temporary, warnings.catch_warnings():
        # Keras looks for a name that NumPy no longer has.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        network.export(str(temporary), format=format, verbose=verbose, **kwargs)


def _ending(path):
    return os.path.splitext(os.fsdecode(path))[1].lower()


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


def _check_folder(path):
    """Check that a folder that will be replaced has nothing but an earlier export."""
    _checks.check(
        path.is_dir() or not path.exists(),
        "The path of a SavedModel must be a folder, or not be there yet.",
        cure="Choose another path.",
        path=str(path),
    )
    export_files.check(path)


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
