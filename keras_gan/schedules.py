"""Schedules: hyperparameters as functions of the number of images seen.

`optimizers.Adam`, `GAN(ema_halflife_images=...)` and the weights of `regularizers` take a schedule
in place of a number. All use the model's counter `images_seen`, which is saved with it: values do
not depend on the batch size or on interruptions.
"""

import math

import keras
import tensorflow as tf

from keras_gan import _checks


def cosine(images, start, end, over_images):
    """`start + (end - start) (1 - cos(pi t)) / 2`, `t = min(images / over_images, 1)`."""
    progress = tf.minimum(tf.cast(images, "float32") / over_images, 1.0)
    return start + (end - start) * (1.0 - tf.cos(math.pi * progress)) / 2.0


class _Schedule:
    """Base of schedules from one number to another."""

    def __init__(self, start, end, over_images):
        self.start = _checks.number(start, "start")
        self.end = _checks.number(end, "end")
        self.over_images = _checks.number(over_images, "over_images", above=0.0)

    def get_config(self):
        """The constructor's arguments, for saving."""
        return {"start": self.start, "end": self.end, "over_images": self.over_images}

    @classmethod
    def from_config(cls, config):
        """The schedule of a `get_config`."""
        return cls(**config)

    def __repr__(self):
        more = self.get_config()
        start, end = more.pop("start"), more.pop("end")
        more = ", ".join(f"{name}={value}" for name, value in more.items())
        return f"{type(self).__name__}({start}, {end}, {more})"


@keras.saving.register_keras_serializable("keras_gan")
class Cosine(_Schedule):
    """Half a cosine wave from one number to another, then constant (R3GAN's burn-in).

    `start + (end - start) * (1 - cos(pi t)) / 2` with `t = min(images_seen / over_images, 1)`.

    ```python
    schedule = keras_gan.schedules.Cosine(2e-4, 5e-5, over_images=100_000)
    optimizer = keras_gan.optimizers.Adam(schedule)
    ```

    Any callable from the images seen (an integer scalar tensor) to a scalar serves as a schedule;
    to be saved it must be one that Keras can serialize, like this one.

    Args:
        start: finite number, the value before the first image.
        end: finite number, the value from `over_images` images on.
        over_images: length in real images, above 0. One step of a `GAN` takes
            `discriminator_steps * batch_size`, all replicas together.

    Raises:
        ValueError: if an argument is out of range.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    """

    def __call__(self, images_seen):
        return cosine(images_seen, self.start, self.end, self.over_images)


@keras.saving.register_keras_serializable("keras_gan")
class Linear(_Schedule):
    """Constant, then linear to another number, then constant.

    `start + (end - start) * t` with
    `t = min(max(images_seen - after, 0) / (over_images - after), 1)`. CycleGAN's learning rate is
    `Linear(2e-4, 0.0, over_images, after=over_images / 2)`.

    Args:
        start: finite number, the value up to `after` images.
        end: finite number, the value from `over_images` images on.
        over_images: real images until the end is reached, above `after`.
        after: real images before which nothing changes, at least 0. Default 0.

    Raises:
        ValueError: if an argument is out of range.

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", ICCV 2017 (arXiv:1703.10593).
    """

    def __init__(self, start, end, over_images, *, after=0):
        super().__init__(start, end, over_images)
        self.after = _checks.number(after, "after", minimum=0.0, below=self.over_images)

    def __call__(self, images_seen):
        images = tf.cast(images_seen, "float32") - self.after
        progress = tf.clip_by_value(images / (self.over_images - self.after), 0.0, 1.0)
        return self.start + (self.end - self.start) * progress

    def get_config(self):
        return {**super().get_config(), "after": self.after}


# === Settings that may be schedules ===


def number_or_schedule(setting, name, **bounds):
    """Check a setting: a `float` within bounds, a schedule, or the config of one.

    Both ends of a schedule of this file must be within the bounds. `above` is an exclusive bound
    for numbers; a schedule may start there.
    """
    if isinstance(setting, dict):
        setting = keras.saving.deserialize_keras_object(setting)
    if not callable(setting):
        return _checks.number(setting, name, **bounds)
    if "above" in bounds:
        bounds = {**bounds, "minimum": bounds["above"], "above": None}
    if isinstance(setting, _Schedule):
        for end in ("start", "end"):
            _checks.number(getattr(setting, end), f"{name}.{end}", **bounds)
    return setting


def value(setting, images_seen):
    """The value of a setting after `images` images: a number, or a float32 scalar tensor."""
    return setting(images_seen) if callable(setting) else setting


def config(setting):
    """A setting for a `get_config`."""
    return keras.saving.serialize_keras_object(setting) if callable(setting) else setting
