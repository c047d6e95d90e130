"""Images of a list of files, decoded when they are needed."""

import os

import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend.memory import numpy_function
from keras_gan.feeding import sources

# Most files that an error names.
_NAMED = 3


class FileSource(sources.Source):
    """Images, of a list of readable files, that are decoded when they are needed."""

    parallel_reads = 2

    def __init__(self, files, labels, decoder, *, shuffle=True, seed=0):
        spec = tf.TensorSpec(decoder.shape, "uint8")
        if labels is not None:
            spec = (spec, tf.TensorSpec((), "int32"))
        super().__init__(len(files), spec, shuffle=shuffle, seed=seed)
        self.files = files
        self.labels = labels
        self._decoder = decoder

    def read(self, indices):
        images = decoded(self._decoder, self.files, indices)
        if self.labels is None:
            return images
        return images, tf.gather(tf.constant(self.labels), indices)

    def description(self):
        told = {**super().description(), "checksum_of_files": checksum_of_files(self.files)}
        if self.labels is not None:
            told["checksum_of_labels"] = sources.checksum(self.labels)
        return {**told, **self._decoder.description()}


def decoded(decoder, files, indices):
    """The images of some files as a `uint8` tensor, decoded in a pipeline."""

    def decode(indices):
        chosen = [files[index] for index in indices]
        try:
            return decoder.decode_all(chosen)
        except Exception as error:
            raise changed(chosen, error, decoder) from error

    images = numpy_function(decode, [indices], "uint8", stateful=False)
    return tf.ensure_shape(images, (indices.shape[0], *decoder.shape))


def changed(files, error, decoder=None):
    """The error for files, some of which could be read and cannot be any more."""
    lost = {"missing": [file for file in files if not os.path.isfile(file)]}
    if not lost["missing"] and decoder is not None:
        lost = {"unreadable": [file for file in files if not _is_read(decoder, file)]}
    told = {
        name: [*found[:_NAMED], *["..."][: len(found) > _NAMED]] for name, found in lost.items()
    }
    rule = f"Images must stay as they are while they are trained on ({error})."
    return _checks.error(rule, **told)


def _is_read(decoder, file):
    try:
        decoder.decode(file)
    except Exception:  # whatever Pillow raises
        return False
    return True


def checksum_of_files(files):
    """A checksum of the names and sizes of files, without the folder that they are in."""
    # Reading every file again would take as long as an epoch.
    folders = {os.path.dirname(file) for file in files}
    root = os.path.commonpath(folders)
    inside = {folder: os.path.relpath(folder, root) for folder in folders}
    listing = [
        f"{os.path.normpath(os.path.join(inside[folder], name))} {os.stat(file).st_size}"
        for file in files
        for folder, name in [os.path.split(file)]
    ]
    return sources.checksum("\n".join(listing))
