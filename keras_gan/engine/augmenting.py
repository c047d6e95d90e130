"""An augmentation as critics apply it to what they are shown."""

import inspect

import tensorflow as tf

from keras_gan import _checks
from keras_gan.augment.augmentation import same_form


def applied(augment, seed, images_seen):
    """What changes samples, and the images beside them, in one update.

    Args:
        augment: a callable `(tensors, seed, images_seen) -> tensors`, such as an `Augmentation`. If
            it takes `conditions`, it is told the names of the images beside the samples.
        seed: int32 `(2,)`.
        images_seen: by the run.

    Returns:
        A callable from two `dict`s of tensors by name, samples and conditions, to two such.
    """
    takes_conditions = _takes_conditions(augment)

    def apply(samples, condition):
        # What is a sample, too, has another name beside it: only samples change their colours.
        names = {
            name: f"condition_{name}" if name in samples else name
            for name, tensor in condition.items()
            if len(tensor.shape) == 4
        }
        told = {"conditions": tuple(names.values())} if takes_conditions else {}
        given = {**samples, **{own: condition[name] for name, own in names.items()}}
        changed = augment(dict(given), seed, images_seen, **told)
        _checks.check(
            isinstance(changed, dict) and samples.keys() <= changed.keys(),
            "`augment` must return a dict of tensors by the names that it was given: "
            f"{', '.join(given)}.",
            cure="Begin with `{**tensors, ...}`, and replace what changes.",
            returned=list(changed) if isinstance(changed, dict) else type(changed).__name__,
        )
        known = {
            name: same_form(name, changed[name], tensor) if name in changed else tensor
            for name, tensor in given.items()
        }
        beside = {name: known[own] for name, own in names.items()}
        return {name: known[name] for name in samples}, {**condition, **beside}

    return apply


def _takes_conditions(augment):
    try:
        known = inspect.signature(augment).parameters
    except ValueError:  # of what is not written in Python
        return False
    return "conditions" in known


def scalars(logs):
    """What an augmentation logs, by key: float32 scalars.

    Raises:
        ValueError: for other than scalars.
    """
    found = {key: tf.cast(tf.convert_to_tensor(value), "float32") for key, value in logs.items()}
    for key, value in found.items():
        _checks.check(
            len(value.shape) == 0,
            "`logs` of an augmentation must return scalars.",
            cure="Take the mean: `tf.reduce_mean(...)`.",
            **{key: tuple(value.shape)},
        )
    return found
