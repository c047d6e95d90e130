"""An augmentation as critics apply it to what they are shown."""

from keras_gan.augment import Augmentation


def applied(augment, seed, images_seen):
    """What changes samples, and the images beside them, in one update.

    Args:
        augment: an `Augmentation`, or a callable `(tensors, seed, images_seen) -> tensors`.
        seed: int32 `(2,)`.
        images_seen: by the run.

    Returns:
        A callable from two `dict`s of tensors by name, samples and conditions, to two such.
    """

    def apply(samples, condition):
        images = {name: t for name, t in condition.items() if len(t.shape) == 4}
        told = {"conditions": tuple(images)} if isinstance(augment, Augmentation) else {}
        changed = augment({**samples, **images}, seed, images_seen, **told)
        return {n: changed[n] for n in samples}, {
            n: changed.get(n, condition[n]) for n in condition
        }

    return apply
