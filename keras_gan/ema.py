"""The generator's moving average: what a user samples from."""

import tensorflow as tf

# The half-life is at most this share of the images seen, so that the average of a short run does
# not lag behind it (the ramp-up of StyleGAN2-ADA, arXiv:2006.06676).
RAMP_UP = 0.05


def decay(batch_size, images_seen, halflife_images):
    """Weight of the old average in one update.

    `0.5 ** (batch_size / h)` with `h = min(halflife_images, 0.05 * images_seen)`: after `h`
    images, a weight's old value counts for half.

    Args:
        batch_size: images that this update of the generator was made from.
        images_seen: images of all the generator's updates, this one included.
        halflife_images: the half-life in images once ramp-up is over, above 0.

    Returns:
        float32 scalar in [0, 1).
    """
    images_seen = tf.cast(images_seen, "float32")
    halflife = tf.minimum(tf.cast(halflife_images, "float32"), RAMP_UP * images_seen)
    return tf.pow(0.5, tf.cast(batch_size, "float32") / halflife)


def follow(averages, variables, weight):
    """Move each average towards its variable: `average <- weight * average + (1 - weight) * v`.

    BatchNorm's moving statistics are averaged like weights; integer variables are copied.

    Args:
        averages: Keras variables of the averaged generator.
        variables: the generator's, in the same order.
        weight: scalar in [0, 1), see `decay`.
    """
    for average, variable in zip(averages, variables, strict=True):
        new = tf.convert_to_tensor(variable.value)
        if new.dtype.is_floating:
            old = tf.convert_to_tensor(average.value)
            # In this form an average that equals its variable stays exactly where it is.
            new = new + tf.cast(weight, new.dtype) * (old - new)
        average.assign(new)
