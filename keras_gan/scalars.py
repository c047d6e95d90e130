"""Python numbers that TensorFlow has made tensors of, which it would keep for ever."""

import contextlib


def forget():
    """Empty TensorFlow's cache of scalars.

    Each Python number that becomes an eager tensor is kept with it, about 0.7 KB, as long as the
    process lives. `keras.callbacks.TensorBoard` makes one of every log of every batch, which comes
    to gigabytes in a run of days. The cache is there to save time alone.
    """
    # No public function empties it. Where TensorFlow has moved it, memory grows again, no more.
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python import pywrap_tfe

        pywrap_tfe.TFE_ClearScalarCache()
