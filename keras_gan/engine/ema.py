"""The generator's moving average: what a user samples from."""

import zlib

import tensorflow as tf

from keras_gan import _warnings, schedules
from keras_gan.backend import copies

# The half-life is at most this share of the images seen, so that the average of a short run does
# not lag behind it (the ramp-up of StyleGAN2-ADA, arXiv:2006.06676).
RAMP_UP = 0.05


def copy(generator):
    """The network that will follow a generator: a copy of it, which gets no gradients."""
    network = copies.copy(
        generator,
        "averaged_generator",
        cure="Or pass `ema_halflife_images=None`, to go without a moving average.",
    )
    network.trainable = False
    return network


def halflife(setting, images_seen, generator_images, steps_seen=0):
    """The present half-life in images: `min(setting, 0.05 * generator_images)`, or a schedule.

    Args:
        setting: the half-life once ramp-up is over, above 0; or a schedule, which is all there is.
        images_seen: real images that the run has seen, the clock of schedules.
        generator_images: images of all the generator's updates.
        steps_seen: training steps done, the clock of schedules over steps.

    Returns:
        float32 scalar, at least 0.
    """
    if callable(setting):
        return tf.cast(schedules.value(setting, images_seen, steps_seen), "float32")
    return tf.minimum(tf.cast(setting, "float32"), RAMP_UP * tf.cast(generator_images, "float32"))


def decay(batch_size, halflife_images):
    """Weight of the old average in one update: `0.5 ** (batch_size / halflife_images)`.

    After a half-life, a weight's old value counts for half; with a half-life of 0, for nothing.

    Args:
        batch_size: images that this update of the generator was made from.
        halflife_images: at least 0, see `halflife`.

    Returns:
        float32 scalar in [0, 1).
    """
    return tf.pow(0.5, tf.cast(batch_size, "float32") / halflife_images)


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


class Watch:
    """Notices a generator that was given other weights outside of training, without its average.

    Whoever loads weights into the generator would sample from an average of the old ones.
    """

    def __init__(self):
        self._seen, self._rests = None, False

    def rest(self):
        """Look no more until `note`: the generator trains."""
        self._seen, self._rests = None, True

    def forget(self):
        """Take the generator and its average as they are when they are looked at next."""
        self._seen = None

    def note(self, gan):
        """Take a generator and its average for what belongs together."""
        self._rests = False
        if gan.averaged_generator is not gan.generator:
            self._seen = _checksums(gan)

    def look(self, gan):
        """Warn, once for each change, if the generator is another and the average is not."""
        if self._rests:
            return
        before = self._seen
        self.note(gan)
        if before is None or before[0] == self._seen[0] or before[1] != self._seen[1]:
            return
        _warnings.warn(
            "`generator` was given other weights outside of training, but samples are those of its "
            "average, which still is that of the old ones. Copy them: "
            "`gan.averaged_generator.set_weights(gan.generator.get_weights())`, or sample with "
            "`generate(averaged=False)`."
        )


def _checksums(gan):
    return tuple(_checksum(network) for network in (gan.generator, gan.averaged_generator))


def _checksum(network):
    value = 0
    for variable in network.weights:
        value = zlib.crc32(tf.convert_to_tensor(variable.value).numpy().tobytes(), value)
    return value
