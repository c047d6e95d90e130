"""Augmentation whose probability follows how sure the critic is of real images."""

import math

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.augment.augmentation import Augmentation, names_of_policy, normal, of_rows, uniform
from keras_gan.augment.warping import sizes, warped
from keras_gan.backend import replicas, seeds
from keras_gan.backend.logits import per_sample, pointwise

_KNOWN = ("blit", "geometry", "color")
# What is drawn for each row: whether a change is made, and how.
_CHANGES = ("flip", "quarters", "shift", "scale", "turn", "stretch", "turn_again", "slide")
_COLORS = ("brightness", "contrast", "luma", "hue", "saturation")
_EVEN = ("flip", "quarters", "shift_y", "shift_x", "turn", "turn_again", "luma", "hue")
_NORMAL = ("scale", "stretch", "slide_y", "slide_x", "brightness", "contrast", "saturation")


@keras.saving.register_keras_serializable("keras_gan")
class Adaptive(Augmentation):
    """Many changes, each made with a probability `p` that training itself sets (ADA).

    After each applied update of the first critic of images

    `p <- clip(p + sign(r - target) * images / ramp_images, 0, maximum)`

    where `r = mean(sign(D(x)))` over the real images of the update (its logits less the threshold
    of the loss): 0 if the critic cannot tell them, 1 if it knows all of them. `p` is part of the
    run's state, is saved and resumed, and logged as "augment_p".

    With probability `p` for each row and change:

    - "blit": mirroring (of one half), 0 to 3 quarter turns, translation by whole pixels up to an
      eighth of the size;
    - "geometry": scaling by `2^N(0, 0.2)`, rotation by any angle, stretching of one axis and
      shrinking of the other by `2^N(0, 0.2)`, another rotation, translation by `N(0, 1/8)` of the
      size. A rotation is made with probability `1 - sqrt(1 - p)`, so that `p` is that of any;
    - "color": brightness `+ N(0, 0.2)`, contrast `2^N(0, 0.5)` about grey, mirroring of the mean
      over the channels (of one half), rotation of the hue by any angle, saturation `2^N(0, 1)`.
      Hue is for three channels only, saturation for more than one.

    For images in [-1, 1], whose grey is 0; values may leave this range. All of geometry is one
    bilinear affine map, reflected at the borders. Images of conditions move with the samples. Any
    height, width and number of channels.

    Departures: `p` moves after every update, and not by four times as much after every fourth,
    so that with one image in an update the aim is an `r` of 0, with two 0.4, whatever `target`; it
    has a maximum; images are not sampled at twice their size through a wavelet filter, so that maps
    between pixels blur a little; filters by frequency, noise and cutout are left out, as the paper
    found them of little use.

    Args:
        policy: names of these groups, with commas between them. Default all of them:
            "blit,geometry,color".
        target: `r` that is aimed at, in [0, 1). Default 0.6, as in the paper. `None`: `p` stays at
            `start`, for losses without a threshold (relativistic ones, Wasserstein).
        ramp_images: images over which `p` would go from 0 to 1. Default 500,000, as in the paper.
        start: the first `p`, from 0 to `maximum`. Default 0.
        maximum: of `p`, in (0, 1]. Default 0.8: the paper found that above it changes may show in
            generated images.

    Attributes:
        probability: `p`, a Keras variable.

    Raises:
        ValueError: if an argument is out of range; in `compile`, if no critic is shown images, or
            if there is a target, but the loss of the first that is has no threshold.

    Source: Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS
    2020 (arXiv:2006.06676).
    """

    def __init__(
        self,
        policy="blit,geometry,color",
        *,
        target=0.6,
        ramp_images=500_000,
        start=0.0,
        maximum=0.8,
    ):
        self.policy = ",".join(names_of_policy(policy, _KNOWN))
        self.target = target
        if target is not None:
            self.target = _checks.number(target, "target", minimum=0.0, below=1.0)
        self.ramp_images = _checks.number(ramp_images, "ramp_images", above=0.0)
        self.maximum = _checks.number(maximum, "maximum", above=0.0, maximum=1.0)
        self.start = _checks.number(start, "start", minimum=0.0, maximum=self.maximum)
        self.probability = keras.Variable(
            self.start, trainable=False, dtype="float32", name="augment_p"
        )

    @property
    def variables(self):
        return [self.probability]

    @property
    def follows_reals(self):
        return self.target is not None

    def after_update(self, real_logits, fake_logits, *, threshold=0.0, pack=1):
        if not self.follows_reals:
            return
        signs = per_sample(pointwise(lambda r: tf.sign(r - threshold), real_logits))
        images = tf.cast(tf.shape(signs)[0] * pack * replicas.count(), "float32")
        direction = tf.sign(replicas.mean(signs) - self.target)
        moved = self.probability.value + direction * images / self.ramp_images
        self.probability.assign(tf.clip_by_value(moved, 0.0, self.maximum))

    def logs(self):
        return {"augment_p": tf.convert_to_tensor(self.probability.value)}

    # === What is drawn ===

    def draws(self, seed, rows):
        p = tf.convert_to_tensor(self.probability.value)
        chances = _named((*_CHANGES, *_COLORS), uniform, seeds.fold(seed, 0), rows)
        even = _named(_EVEN, uniform, seeds.fold(seed, 1), rows)
        far = _named(_NORMAL, normal, seeds.fold(seed, 2), rows)
        of_turns = 1.0 - tf.sqrt(1.0 - p)

        def made(change, value, otherwise=0.0):
            limit = of_turns if change.startswith("turn") else p
            return tf.where(chances[change] < limit, value, otherwise)

        whole_turn = 2.0 * math.pi
        return {
            "flip": made("flip", tf.where(even["flip"] < 0.5, -1.0, 1.0), 1.0),
            "quarters": made("quarters", tf.floor(4.0 * even["quarters"])),
            "shift": [made("shift", (2.0 * even[f"shift_{axis}"] - 1.0) / 8.0) for axis in "yx"],
            "scale": made("scale", 2.0 ** (0.2 * far["scale"]), 1.0),
            "turn": made("turn", whole_turn * even["turn"]),
            "stretch": made("stretch", 2.0 ** (0.2 * far["stretch"]), 1.0),
            "turn_again": made("turn_again", whole_turn * even["turn_again"]),
            "slide": [made("slide", far[f"slide_{axis}"] / 8.0) for axis in "yx"],
            "brightness": made("brightness", 0.2 * far["brightness"]),
            "contrast": made("contrast", 2.0 ** (0.5 * far["contrast"]), 1.0),
            "luma": made("luma", tf.where(even["luma"] < 0.5, -1.0, 1.0), 1.0),
            "hue": made("hue", whole_turn * even["hue"]),
            "saturation": made("saturation", 2.0 ** far["saturation"], 1.0),
        }

    # === What is made of it ===

    def changed(self, images, drawn, *, colors):
        parts = self.policy.split(",")
        if "blit" in parts or "geometry" in parts:
            images = warped(images, *_map(drawn, parts, sizes(images)))
        if "color" in parts and colors:
            images = _colored(images, drawn)
        return images


def _named(names, draw, seed, rows):
    return dict(zip(names, draw(seed, rows, len(names)), strict=True))


def _map(drawn, parts, sizes_of_images):
    """The affine map from new places to old ones: `(batch, 2, 2)` and `(batch, 2)`."""
    sides = [tf.cast(size, "float32") for size in sizes_of_images]
    one = tf.ones_like(drawn["flip"])
    linear, offset = _scaling(one, one), tf.zeros_like(tf.stack([one, one], axis=1))
    if "blit" in parts:
        quarters = tf.cast(drawn["quarters"], "int32")
        exact = [tf.gather(values, quarters) for values in ([1.0, 0, -1, 0], [0.0, 1, 0, -1])]
        linear = _product(_scaling(one, drawn["flip"]), _rotation(*exact))
        whole = [tf.round(part * side) for part, side in zip(drawn["shift"], sides, strict=True)]
        offset = _applied(linear, whole)
    if "geometry" in parts:
        for factor in (
            _scaling(drawn["scale"], drawn["scale"]),
            _rotation(tf.cos(drawn["turn"]), tf.sin(drawn["turn"])),
            _scaling(drawn["stretch"], 1.0 / drawn["stretch"]),
            _rotation(tf.cos(drawn["turn_again"]), tf.sin(drawn["turn_again"])),
        ):
            linear = _product(linear, factor)
        part = [part * side for part, side in zip(drawn["slide"], sides, strict=True)]
        offset = offset + _applied(linear, part)
    return linear, offset


def _scaling(rows, columns):
    zero = tf.zeros_like(rows)
    return tf.stack([tf.stack([rows, zero], 1), tf.stack([zero, columns], 1)], 1)


def _rotation(cosine, sine):
    return tf.stack([tf.stack([cosine, -sine], 1), tf.stack([sine, cosine], 1)], 1)


def _product(first, second):
    # Not `matmul`, which GPUs round to ten bits: that would move pixels.
    return tf.reduce_sum(first[:, :, :, None] * second[:, None], axis=2)


def _applied(linear, vector):
    return tf.reduce_sum(linear * tf.stack(vector, axis=1)[:, None], axis=2)


def _colored(images, drawn):
    images = of_rows(drawn["contrast"]) * (images + of_rows(drawn["brightness"]))
    mean = tf.reduce_mean(images, axis=3, keepdims=True)
    # As differences, so that a change that is not made changes no bit.
    changed = images + (of_rows(drawn["luma"]) - 1.0) * mean
    if images.shape[-1] == 1:
        return changed
    chroma = images - mean
    turned = chroma
    if images.shape[-1] == 3:
        # The grey axis in the cube of colours, times the chroma, is at right angles to both.
        across = (tf.roll(chroma, 1, axis=3) - tf.roll(chroma, -1, axis=3)) / math.sqrt(3.0)
        turned = of_rows(tf.cos(drawn["hue"])) * chroma + of_rows(tf.sin(drawn["hue"])) * across
    return changed + (of_rows(drawn["saturation"]) * turned - chroma)
