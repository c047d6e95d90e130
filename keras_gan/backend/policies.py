"""Precision of networks, set while they are built.

Channels are always last, whatever Keras's setting is.
"""

import contextlib
import functools
import os
import pathlib

import keras
import tensorflow as tf

from keras_gan import _checks

# GPUs from this compute capability on multiply bfloat16.
_CAPABILITY = (8, 0)

# Instructions of a processor with which TensorFlow uses oneDNN by itself.
_ONEDNN = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}


@contextlib.contextmanager
def scope(precision, *, on_processors=True):
    """Context in which new layers have a dtype policy and channels last.

    Keras's own settings are restored.

    Args:
        precision: name of a Keras dtype policy or a `keras.DTypePolicy`; `None` for the policy
            that is set; "auto" for "mixed_bfloat16" where the machine gains from it and that
            policy is "float32", else for that policy.
        on_processors: whether processors gain from it too, not accelerators alone. Default `True`.

    Raises:
        ValueError: for a name that Keras does not know.
    """
    before, data_format = keras.config.dtype_policy(), keras.config.image_data_format()
    if precision == "auto":
        gains = before.name == "float32" and multiplies_bfloat16(on_processors=on_processors)
        precision = "mixed_bfloat16" if gains else None
    # Keras keeps the policy per thread.
    try:
        keras.config.set_image_data_format("channels_last")
        if precision is not None:
            _set_policy(precision)
        yield
    finally:
        keras.config.set_dtype_policy(before)
        keras.config.set_image_data_format(data_format)


def _set_policy(precision):
    try:
        keras.config.set_dtype_policy(precision)
    except (ValueError, TypeError):
        raise _checks.error(
            "`precision` must be a Keras dtype policy, 'auto' or None.",
            cure="Names are 'float32', 'mixed_bfloat16' and 'mixed_float16'.",
            precision=precision,
        ) from None


def multiplies_bfloat16(*, on_processors=True):
    """Whether the device that TensorFlow computes on multiplies bfloat16 faster than float32.

    True on TPUs, on GPUs of compute capability 8 and more, and, if processors are asked for, on
    those with AMX and on AMD's with AVX512-bf16. TensorFlow uses both through oneDNN (on Linux,
    unless it is switched off). On Intel's with AVX512-bf16 alone, a step of `recipes.dcgan` takes
    1.3 to 1.7 times as long in bfloat16 as in float32.
    """
    if tf.config.list_physical_devices("TPU"):
        return True
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= _CAPABILITY
    processor = _processor()
    gains = "avx512_bf16" in processor and "GenuineIntel" not in processor
    return on_processors and uses_onednn() and (gains or has_amx())


def uses_onednn():
    """Whether TensorFlow computes with the kernels of oneDNN on this processor.

    Unless `TF_ENABLE_ONEDNN_OPTS` says it, TensorFlow 2.21 does so on Linux where the processor has
    one of `_ONEDNN`. Elsewhere `TF_ENABLE_ONEDNN_OPTS=1`, set before Python starts, makes
    convolutions faster: see docs/performance.md.
    """
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return not _ONEDNN.isdisjoint(_processor()) if asked is None else asked.lower() in ("1", "true")


def lacks_onednn():
    """Whether oneDNN could be used on this processor, and is not, though nobody switched it off."""
    known = bool(_processor()) and "TF_ENABLE_ONEDNN_OPTS" not in os.environ
    return known and not uses_onednn()


def has_amx():
    """Whether this is a processor with AMX, which multiplies tiles of bfloat16."""
    return "amx_bf16" in _processor()


@functools.cache
def _processor():
    """The names that Linux has for this processor's maker and instructions."""
    return set().union(*(told.split() for told in told_of_processor("vendor_id", "flags")))


def told_of_processor(*names):
    """What Linux tells of its processors under these names: texts; none on other systems."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(names)]
