"""Checks of the shape of samples, and code that changes it."""

import math

from keras_gan import _checks
from keras_gan.backend import inspection


def agree(shape, wanted):
    """Whether two shapes are equal where both are known."""
    return len(shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


def check(shape, sample_shape, name, form, *, taker="the discriminator takes", otherwise=None):
    """Check a batch's shape.

    Args:
        shape: with the batch axis; unknown sizes are `None`.
        sample_shape: the shape that the networks take, without the batch axis.
        name: name of the samples in errors.
        form: `cures.Form` of the samples.
        taker: what takes (or makes) samples of that shape, in errors.
        otherwise: callable from both shapes of a sample and the form to a cure where no change of
            the samples is known.

    Raises:
        ValueError: if they differ.
    """
    shape, sample_shape = tuple(shape), tuple(sample_shape)
    wanted = ", ".join(map(str, ("batch", *sample_shape)))
    _checks.check(
        agree(shape[1:], sample_shape),
        f"`{name}` must have the shape ({wanted}), which {taker}.",
        cure=lambda: _cure(shape, sample_shape, form, otherwise or _cure_of_networks),
        shape=shape,
    )


def _cure(shape, wanted, form, otherwise):
    got = shape[1:]
    if agree((*got, 1), wanted):
        return f"Did you mean {wanted}? Add the channel axis: {form.samples('{}[..., None]')}."
    if not form.is_dataset and len(wanted) == 3 and agree((*shape, 1), wanted):
        return f"Did you mean {wanted}? Add both axes: {form.samples('{}[None, ..., None]')}."
    if len(wanted) == 3 and wanted[2] == 3 and agree(got, wanted[:2]):
        code = "repeat({}[..., None], 3, -1)"
        return f"Make grey images colour: {form.samples(f'np.{code}', f'tf.{code}')}."
    if agree(got, (*wanted, 1)):
        return f"Leave out the last axis: {form.samples('{}[..., 0]')}."
    if agree(shape, wanted):
        batch = form.samples("{}[None]")
        if form.kind == "dataset":
            batch = f"`{form.name}.batch(batch_size)`"
        return f"Add the batch axis: {batch}."
    if len(got) == len(wanted) > 1 and agree((*got[1:], got[0]), wanted):
        order = [0, *range(2, len(shape)), 1]
        code = form.samples("np.moveaxis({}, 1, -1)", f"tf.transpose({{}}, {order})")
        return f"The channels go last: {code}."
    if inspection.is_image(got) and inspection.is_image(wanted):
        return _cure_of_images(got, wanted, form)
    if None not in (*got, *wanted) and math.prod(got) == math.prod(wanted):
        sizes = (-1, *wanted)
        return f"Use {form.samples(f'{{}}.reshape({sizes})', f'tf.reshape({{}}, {sizes})')}."
    return otherwise(got, wanted, form)


def _cure_of_networks(got, wanted, form):
    del wanted, form
    return f"Build both networks for samples of the shape {got}."


def _cure_of_images(got, wanted, form):
    size = wanted[:2]
    if agree(got[:2], size):
        return _cure_of_channels(got[2], wanted[2], form)
    sides = size[0] if size[0] == size[1] else size
    resize = form.samples(f"keras.ops.image.resize({{}}, {size})")
    if form.kind == "dataset":
        # `tf.image.resize` returns floats for bytes; Keras's version rounds and keeps the type.
        resize = f"`image_size={sides}` where the data set is made, or {resize}"
    return f"Use {resize}; or build the networks for the shape {got}."


def _cure_of_channels(got, wanted, form):
    if wanted == 1 and got == 3:
        return f"Use {form.samples('tf.image.rgb_to_grayscale({})')}."
    if wanted == 3 and got == 1:
        return f"Use {form.samples('np.repeat({}, 3, -1)', 'tf.repeat({}, 3, -1)')}."
    if wanted < got:
        return f"Leave out a channel: {form.samples(f'{{}}[..., :{wanted}]')}."
    return f"Build the networks for {got} channels."
