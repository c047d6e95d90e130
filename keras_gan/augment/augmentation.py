"""The base class of augmentations, and what they share."""

import tensorflow as tf

from keras_gan import _checks, _registry
from keras_gan.backend import replicas

# Whole numbers below this, of which XLA draws the same as TensorFlow, make the random numbers:
# half of an odd number of 2^-22 is exact in float32, and neither 0 nor 1.
_STEPS = 2**22


class Augmentation(_registry.Configurable):
    """Random changes of the images that critics are shown; base class of all augmentations.

    A subclass defines `draws` and `changed`, or `__call__` as a whole, which then may change any
    tensors, and may leave out `conditions`. It may have state, which it lists in `variables` and
    moves in `after_update`.

    Attributes:
        variables: Keras variables that are saved with a run, in a fixed order; most have none.
        follows_reals: whether `after_update` needs logits with a threshold, by which a critic calls
            images real.
    """

    variables = ()
    follows_reals = False

    def __call__(self, tensors, seed, images_seen=0, *, conditions=()):
        """Change images.

        Args:
            tensors: `dict` by name. Images have the shape `(batch, height, width, channels)`;
                other tensors stay as they are. All images of a row are changed alike.
            seed: int32 `(2,)`. The same seed gives the same changes; each row has its own, also
                over replicas and micro-batches.
            images_seen: by the run.
            conditions: names of those that critics are shown besides their samples. Their geometry
                is changed in the same way, but no colour.

        Returns:
            A `dict` of tensors of the same names, shapes and types.
        """
        del images_seen
        images = {name: tensor for name, tensor in tensors.items() if len(tensor.shape) == 4}
        if not images:
            return dict(tensors)
        drawn = self.draws(seed, tf.shape(next(iter(images.values())))[0])
        return {
            **tensors,
            **{
                name: self._as_given(name, image, drawn, name in conditions)
                for name, image in images.items()
            },
        }

    def _as_given(self, name, images, drawn, is_condition):
        images = tf.convert_to_tensor(images)
        whole = not images.dtype.is_floating
        given = images if whole else tf.cast(images, "float32")
        changed = self.changed(given, drawn, colors=not (whole or is_condition))
        return same_form(name, tf.cast(changed, images.dtype), images)

    def draws(self, seed, rows):
        """The random numbers of a batch, from which `changed` makes one change for each row.

        Args:
            seed: int32 `(2,)`.
            rows: of this replica's batch, an integer tensor.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `draws(seed, rows)`.")

    def changed(self, images, drawn, *, colors):
        """The changed images of one name.

        Args:
            images: `(batch, height, width, channels)`, float32; of conditions also integers.
            drawn: what `draws` returned.
            colors: whether colours may be changed, too.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `changed(images, drawn, *, colors)`."
        )

    def after_update(self, real_logits, fake_logits, *, threshold=0.0, pack=1):
        """Called with the logits of an applied update of the first critic that it changes.

        Args:
            real_logits: those of this replica's whole batch of real samples, as the critic gave
                them: of augmented images.
            fake_logits: likewise of generated ones.
            threshold: the logit above which its loss calls a sample real, or `None`.
            pack: samples that it judges at a time.
        """

    def logs(self):
        """Scalars for the logs of a critics' update, from before it: a `dict` by key."""
        return {}


def same_form(name, changed, given):
    """A changed tensor, if it has the shape and the type of the one that was given.

    Raises:
        ValueError: otherwise.
    """
    changed, given = tf.convert_to_tensor(changed), tf.convert_to_tensor(given)
    _checks.check(
        changed.dtype == given.dtype and given.shape.is_compatible_with(changed.shape),
        f"An augmentation must keep the shape and the type of `{name}`: {tuple(given.shape)}, "
        f"{given.dtype.name}.",
        cure="Cut and resize within the frame of the image; use `tf.cast` for the type.",
        shape=tuple(changed.shape),
        dtype=changed.dtype.name,
    )
    return tf.ensure_shape(changed, given.shape)


def names_of_policy(given, known):
    """Names from a string such as "color,translation", in their order.

    Raises:
        ValueError: for an unknown name, naming the nearest known one; for doubles, and for none.
    """
    _checks.check(
        isinstance(given, str),
        "`policy` must be a string of names with commas between them.",
        cure=f"Such as {','.join(known)!r}.",
        policy=given,
    )
    names = [_checks.one_of(name.strip(), "policy", known) for name in given.split(",")]
    _checks.check(len(set(names)) == len(names), "Names in `policy` must differ.", policy=given)
    return names


def uniform(seed, rows, columns):
    """Random numbers in (0, 1): float32, a list of `columns` tensors `(rows,)`.

    Each row of the batch of all replicas and micro-batches has its own.
    """
    with replicas.rows_of(1):  # of samples, also where packs of them are judged
        whole = replicas.local_rows(
            lambda size: tf.random.stateless_uniform(
                [size, columns], seed, 0, _STEPS, "int32", alg="philox"
            ),
            rows,
        )
    return tf.unstack((tf.cast(whole, "float32") + 0.5) / _STEPS, num=columns, axis=1)


def normal(seed, rows, columns):
    """Likewise standard normal numbers."""
    return [tf.math.ndtri(values) for values in uniform(seed, rows, columns)]


def of_rows(values):
    """`(batch,)` as a factor of images: `(batch, 1, 1, 1)`."""
    return values[:, None, None, None]
