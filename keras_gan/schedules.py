"""Schedules: hyperparameters as functions of the number of images or steps seen.

Learning rates, `ema_halflife_images`, and the weights of penalties, critics and terms take a
schedule in place of a number. All use the model's counters, which are saved with it: values do not
depend on interruptions, and those over images not on the batch size either.
"""

import math

import keras
import tensorflow as tf

from keras_gan import _checks, _registry

__all__ = ["Cosine", "Linear", "Piecewise", "Schedule"]

UNITS = ("images", "steps")


class Schedule(_registry.Configurable):
    """A number that changes in training; base class of all schedules.

    Called with a count it returns the value, a float32 scalar.

    Attributes:
        unit: "images" or "steps": which of the model's counters it is called with.
        bounds: `dict` from a name to a number; values lie between the least and the greatest.
    """

    unit = "images"
    bounds = {}

    def __call__(self, count):
        """The value after `count` images or steps, an integer scalar tensor."""
        raise NotImplementedError


class _FromTo(Schedule):
    """Base of schedules from one number to another."""

    def __init__(self, start, end, over_images=None, *, over_steps=None):
        self.start = _checks.number(start, "start")
        self.end = _checks.number(end, "end")
        _checks.check(
            (over_images is None) != (over_steps is None),
            "A schedule must be over images or over steps: give one of `over_images` and "
            "`over_steps`.",
            over_images=over_images,
            over_steps=over_steps,
        )
        self.unit = "steps" if over_images is None else "images"
        self.over_images = self.over_steps = None
        given = over_steps if over_images is None else over_images
        self.over = _checks.number(given, f"over_{self.unit}", above=0.0)
        setattr(self, f"over_{self.unit}", self.over)

    @property
    def bounds(self):
        """What its values lie between, by name."""
        return {"start": self.start, "end": self.end}

    def get_config(self):
        return {"start": self.start, "end": self.end, f"over_{self.unit}": self.over}

    def __repr__(self):
        more = self.get_config()
        start, end = more.pop("start"), more.pop("end")
        more = ", ".join(f"{name}={value}" for name, value in more.items())
        return f"{type(self).__name__}({start}, {end}, {more})"


@keras.saving.register_keras_serializable("keras_gan")
class Cosine(_FromTo):
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
        over_steps: in its place, the length in training steps.

    Raises:
        ValueError: if an argument is out of range, or not exactly one length is given.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    """

    def __call__(self, count):
        progress = tf.minimum(tf.cast(count, "float32") / self.over, 1.0)
        return self.start + (self.end - self.start) * (1.0 - tf.cos(math.pi * progress)) / 2.0


@keras.saving.register_keras_serializable("keras_gan")
class Linear(_FromTo):
    """Constant, then linear to another number, then constant.

    `start + (end - start) * t` with
    `t = min(max(images_seen - after, 0) / (over_images - after), 1)`. CycleGAN's learning rate is
    `Linear(2e-4, 0.0, over_images, after=over_images / 2)`.

    Args:
        start: finite number, the value up to `after` images.
        end: finite number, the value from `over_images` images on.
        over_images: real images until the end is reached, above `after`.
        after: images before which nothing changes, at least 0; steps if the length is in steps.
            Default 0.
        over_steps: in place of `over_images`, training steps until the end is reached.

    Raises:
        ValueError: if an argument is out of range, or not exactly one length is given.

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", ICCV 2017 (arXiv:1703.10593).
    """

    def __init__(self, start, end, over_images=None, *, after=0, over_steps=None):
        super().__init__(start, end, over_images, over_steps=over_steps)
        self.after = _checks.number(after, "after", minimum=0.0, below=self.over)

    def __call__(self, count):
        count = tf.cast(count, "float32") - self.after
        progress = tf.clip_by_value(count / (self.over - self.after), 0.0, 1.0)
        return self.start + (self.end - self.start) * progress

    def get_config(self):
        return {**super().get_config(), "after": self.after}


@keras.saving.register_keras_serializable("keras_gan")
class Piecewise(Schedule):
    """Constant from one point to the next: `Piecewise({0: 1.0, 5_000: 0.01})`.

    Points are training steps by default, as in `Critic(start_step=...)`. With a weight of 0 a term
    is not evaluated, so this also starts and ends terms.

    Args:
        values: `dict` from a number of steps, an integer of at least 0, to the value from that step
            on, a finite number. One of them must be 0. Pairs in place of a `dict` are taken too.
        by: "steps" (default) or "images".

    Raises:
        ValueError: if a point or a value is out of range, or there is no value from 0 on.
    """

    def __init__(self, values, *, by="steps"):
        try:
            pairs = dict(values).items()
        except (TypeError, ValueError):
            pairs = ()
        _checks.check(
            bool(pairs),
            "`values` must be a `dict` from points to values, such as {0: 1.0, 5_000: 0.01}.",
            values=values,
        )
        self.unit = self.by = _checks.one_of(by, "by", UNITS)
        values = {
            _checks.non_negative_int(point, "values"): _checks.number(value, f"values[{point}]")
            for point, value in pairs
        }
        _checks.check(0 in values, "`values` must say the value from 0 on.", values=values)
        self.values = dict(sorted(values.items()))

    @property
    def bounds(self):
        """What its values lie between, by name."""
        return {f"values[{point}]": value for point, value in self.values.items()}

    def __call__(self, count):
        count = tf.cast(count, "int64")
        result = tf.constant(self.values[0], "float32")
        for point, value in self.values.items():
            result = tf.where(count >= point, value, result)
        return result

    def get_config(self):
        # Keys of a `dict` would be strings in a file.
        return {"values": [list(pair) for pair in self.values.items()], "by": self.by}

    def __repr__(self):
        return f"Piecewise({self.values}, by={self.by!r})"


# === Settings that may be schedules ===


def number_or_schedule(setting, name, *, steps=False, **bounds):
    """Check a setting: a `float` within bounds, a schedule, or the config of one.

    All values of a schedule of this file must be within the bounds. `above` is an exclusive bound
    for numbers; a schedule may start there.

    Args:
        setting: what to check.
        name: of the setting, for errors.
        steps: whether it may be over steps. Whoever allows it passes `steps_seen` to `value`.
        **bounds: of `_checks.number`.
    """
    if isinstance(setting, dict):
        setting = keras.saving.deserialize_keras_object(setting)
    if not callable(setting):
        return _checks.number(setting, name, **bounds)
    if "above" in bounds:
        bounds = {**bounds, "minimum": bounds["above"], "above": None}
    if isinstance(setting, Schedule):
        for part, number in setting.bounds.items():
            _checks.number(number, f"{name}.{part}", **bounds)
        _checks.check(
            steps or setting.unit == "images",
            f"`{name}` must be a number or a schedule over images.",
            **{name: setting},
        )
    return setting


def value(setting, images_seen, steps_seen=None):
    """The value of a setting: a number, or a float32 scalar tensor.

    Args:
        setting: a number, a `Schedule`, or a callable of the images seen.
        images_seen: real images that the run has seen.
        steps_seen: training steps that it has made; needed by schedules over steps alone.

    Raises:
        ValueError: for a schedule over steps where `steps_seen` is not known.
    """
    if not callable(setting):
        return setting
    if getattr(setting, "unit", "images") == "images":
        return setting(images_seen)
    _checks.check(
        steps_seen is not None,
        "A schedule over steps needs the number of steps, which is not known here.",
        cure="Use `over_images` or `by='images'`.",
        schedule=setting,
    )
    return setting(steps_seen)


def config(setting):
    """A setting for a `get_config`."""
    return keras.saving.serialize_keras_object(setting) if callable(setting) else setting
