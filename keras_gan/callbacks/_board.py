"""Images, scalars and text that callbacks write to TensorBoard, with the epoch as step."""

import os
import weakref

import keras
import tensorflow as tf

from keras_gan import _warnings
from keras_gan.storage import files

# Beside the folders "train" and "validation" of `keras.callbacks.TensorBoard`.
_FOLDER = "gan"
# TensorBoard reads one file of a folder, so callbacks must share its writer.
_writers = weakref.WeakValueDictionary()


class Board:
    """Writes a callback's entries for TensorBoard to its `log_dir`.

    Without one, it writes to a folder "gan" in that of a `keras.callbacks.TensorBoard` among all
    `callbacks` of the run, or nothing if there is none.
    """

    def __init__(self, log_dir, callback, callbacks):
        if log_dir is not None:
            files.check_unicode(log_dir, "log_dir")
            files.writable_directory(log_dir, "log_dir")
        boards = [c for c in callbacks if isinstance(c, keras.callbacks.TensorBoard)]
        if log_dir is None and boards:
            log_dir = os.path.join(os.fspath(boards[0].log_dir), _FOLDER)
        self._writer = None if log_dir is None else _writer(str(log_dir))
        kind = [c for c in callbacks if type(c) is type(callback)]
        number = next((i for i, c in enumerate(kind, 1) if c is callback), 1)
        self._ending = "" if number == 1 else f"_{number}"  # another name for the second one

    def image(self, name, picture, step):
        """Add a `uint8` picture `(height, width, channels)`."""
        self._add(tf.summary.image, f"{name}{self._ending}", picture[None], step, max_outputs=1)

    def scalars(self, group, values, step):
        """Add a `dict` of numbers."""
        for name, value in values.items():
            self._add(tf.summary.scalar, unicode(f"{group}{self._ending}/{name}"), value, step)

    def text(self, name, words, step):
        self._add(tf.summary.text, f"{name}{self._ending}", unicode(words), step)

    def summary(self, *summaries):
        """Add `Summary` messages of TensorBoard's plugins."""
        for one in summaries:
            self._add(_raw, None, one.SerializeToString(), 0)

    def close(self):
        """Close the file; nothing can be added afterwards."""
        self._writer = None

    def _add(self, write, name, value, step, **options):
        if self._writer is None:
            return
        try:
            # With `update_freq` Keras's callback silences most steps, for all writers.
            with self._writer.as_default(), tf.summary.record_if(True):
                write(name, value, step=step, **options)
            self._writer.flush()
        except tf.errors.OpError as error:
            self._writer = None
            _warnings.warn(
                f"TensorBoard's file could not be written ({error.message}). Training goes on "
                "without it."
            )


def unicode(text):
    """Text without surrogates, which TensorFlow refuses: they are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _raw(name, message, step):
    tf.summary.experimental.write_raw_pb(message, step=step)


def _writer(folder):
    key = folder if "://" in folder else os.path.realpath(folder)
    # The dictionary alone would not keep a new writer.
    writer = _writers.get(key) or tf.summary.create_file_writer(folder)
    return _writers.setdefault(key, writer)
