"""What keeps the discriminator smooth: penalties added to its loss, and weight clipping.

A regularizer sees the discriminator as a function from samples to logits, a batch of real and
one of generated samples. Gradients are taken of the sum of a sample's logits, norms over all
axes but the first, always in float32.

A batch is a tensor, or a tuple of tensors where these are one sample together (an image and a
code): then gradients are taken at all floating tensors, with one norm over them, and a tensor that
is in the tuple twice counts as two inputs. Logits may be a list, of several scales.
"""

import inspect

import keras
import tensorflow as tf

from keras_gan import _checks, _registry, losses, schedules
from keras_gan.backend.gradients import input_gradients
from keras_gan.backend.points import mix, perturb

__all__ = ["DRAGAN", "GradientPenalty", "LeCam", "R1", "R2", "Regularizer", "WeightClipping", "get"]

# Inside the square root: at a gradient of exactly zero the root's own gradient is infinite, and
# one such sample would turn the whole update into NaN.
_EPSILON = 1e-12

# === Pure functions ===


def squared_norms(gradients):
    """`|g|^2` over all axes but the first: `(batch, ...)` to `(batch,)`; of a list, the sum."""
    if isinstance(gradients, (list, tuple)):
        return sum(map(squared_norms, gradients))
    return tf.reduce_sum(tf.square(gradients), axis=tuple(range(1, len(gradients.shape))))


def zero_centred_penalty(gradients):
    """`|g|^2 / 2` per sample. See `R1`."""
    return squared_norms(gradients) / 2.0


def norm_penalty(gradients, *, target=1.0, one_sided=False):
    """`(|g| - target)^2` per sample; one-sided, only norms above `target` count."""
    excess = tf.sqrt(squared_norms(gradients) + _EPSILON) - target
    return tf.square(tf.nn.relu(excess) if one_sided else excess)


# === Regularizers ===


class Regularizer(_registry.Configurable):
    """A term of the discriminator's update; base class of all regularizers.

    A penalty defines `value`, one unweighted number per sample; the training step adds
    `weight * every * mean(value)` to the loss, into ONE update. What acts on the weights instead
    defines `after_update` and sets `penalizes = False`.

    Args:
        weight: the paper's coefficient, at least 0; or a schedule of it, such as
            `schedules.Cosine(2.0, 0.2, over_images=1_000_000)`.
        every: evaluate on every k-th discriminator update only, and multiply by k ("lazy"
            regularization, arXiv:1912.04958). R3GAN found that this fails where modes are many;
            default 1.

    Attributes:
        name: key of the unweighted value in the logs, snake-case.
        penalizes: whether there is a `value` to add to the loss.
        variables: Keras variables that are saved with a run, in a fixed order; most have none.
    """

    penalizes = True
    variables = ()

    def __init__(self, weight, *, every=1):
        self.weight = schedules.number_or_schedule(weight, "weight", steps=True, minimum=0.0)
        self.every = _checks.positive_int(every, "every")

    @property
    def name(self):
        return _NAMES.get(type(self)) or _registry.snake_case(type(self).__name__)

    def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
        """The unweighted penalty, `(batch,)`, float32; arguments as in `penalty`.

        `input_gradients(discriminator, samples)` is the gradient at samples. (The discriminator
        remembers what it has judged, so a tape around a second call records nothing.)
        """
        raise NotImplementedError

    def penalty(
        self,
        discriminator,
        real,
        fake,
        *,
        seed=(0, 0),
        real_logits=None,
        fake_logits=None,
        images_seen=0,
        steps_seen=0,
    ):
        """The weighted penalty of each sample.

        Args:
            discriminator: callable from samples to logits.
            real: real samples, `(batch, ...)`, float32, or a tuple of tensors.
            fake: generated samples, as many, likewise.
            seed: int32 `(2,)`, for the penalties that draw random points; the training step
                passes a new one at every update.
            real_logits: the discriminator's logits of `real`, if they are at hand.
            fake_logits: likewise of `fake`.
            images_seen: by the run, for a weight on a schedule.
            steps_seen: likewise.

        Returns:
            float32, `(batch,)`: `weight` times the penalty.
        """
        value = self.value(
            discriminator, real, fake, seed=seed, real_logits=real_logits, fake_logits=fake_logits
        )
        return schedules.value(self.weight, images_seen, steps_seen) * value

    def after_update(self, discriminator, *, real_logits=None, fake_logits=None):
        """Called when an update of the discriminator (the network) has been applied."""


@keras.saving.register_keras_serializable("keras_gan")
class GradientPenalty(Regularizer):
    """Unit gradient between data and samples: `weight * (|grad D(x)| - target)^2` (WGAN-GP).

    `x = e * real + (1 - e) * fake`, with `e ~ U(0, 1)` for each sample.

    Args:
        weight: lambda, at least 0. Default 10, as in the paper.
        target: the norm that is aimed at, at least 0. Default 1.
        one_sided: penalise only norms above `target`. Default `False`.
        every: see `Regularizer`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017
    (arXiv:1704.00028).
    """

    def __init__(self, weight=10.0, *, target=1.0, one_sided=False, every=1):
        super().__init__(weight, every=every)
        self.target = _checks.number(target, "target", minimum=0.0)
        self.one_sided = _checks.boolean(one_sided, "one_sided")

    def value(self, discriminator, real, fake, *, seed, real_logits=None, fake_logits=None):
        gradients = input_gradients(discriminator, self._points(real, fake, seed))
        return norm_penalty(gradients, target=self.target, one_sided=self.one_sided)

    def _points(self, real, fake, seed):
        return mix(real, fake, seed)


@keras.saving.register_keras_serializable("keras_gan")
class DRAGAN(GradientPenalty):
    """Unit gradient near the data: `weight * (|grad D(x)| - target)^2`.

    `x = real + e * d`, with `d` uniform on [0, std/2] for each value (`std` that of the batch) and
    `e ~ U(0, 1)` for each sample, as in the authors' code.

    Args:
        weight: lambda, at least 0. Default 10, as in the paper.
        target: the norm that is aimed at, at least 0. Default 1.
        one_sided: penalise only norms above `target`. Default `False`.
        every: see `Regularizer`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Kodali et al., "On Convergence and Stability of GANs", 2017 (arXiv:1705.07215).
    """

    def _points(self, real, fake, seed):
        del fake
        return perturb(real, seed)


@keras.saving.register_keras_serializable("keras_gan")
class R1(Regularizer):
    """Flat discriminator on the data: `weight/2 * |grad D(real)|^2`.

    Makes training converge locally where it would circle otherwise.

    Args:
        weight: gamma, at least 0. Default 10, as in the paper.
        every: see `Regularizer`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018
    (arXiv:1801.04406).
    """

    def __init__(self, weight=10.0, *, every=1):
        super().__init__(weight, every=every)

    def value(self, discriminator, real, fake, *, seed=None, real_logits=None, fake_logits=None):
        return zero_centred_penalty(input_gradients(discriminator, real))


@keras.saving.register_keras_serializable("keras_gan")
class R2(Regularizer):
    """Flat discriminator on the samples: `weight/2 * |grad D(fake)|^2`.

    Args:
        weight: gamma, at least 0. Default 10, as in the paper.
        every: see `Regularizer`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Mescheder et al., ICML 2018 (arXiv:1801.04406); together with `R1` in Huang et al.,
    NeurIPS 2024 (arXiv:2501.05441).
    """

    def __init__(self, weight=10.0, *, every=1):
        super().__init__(weight, every=every)

    def value(self, discriminator, real, fake, *, seed=None, real_logits=None, fake_logits=None):
        return zero_centred_penalty(input_gradients(discriminator, fake))


@keras.saving.register_keras_serializable("keras_gan")
class LeCam(Regularizer):
    """Logits held near the running mean of the other kind; made for little data.

    `weight * ((r - a_f)^2 + (f - a_r)^2)`, with `a_r` and `a_f` the moving averages of the mean
    logits of real and generated samples (bias-corrected; the penalty is 0 in the first update,
    when there is no average yet).

    Args:
        weight: lambda, at least 0. Default 0.1; the paper uses 0.01 to 0.5.
        decay: of the moving averages, in [0, 1). Default 0.99.
        every: see `Regularizer`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Tseng et al., "Regularizing Generative Adversarial Networks under Limited Data",
    CVPR 2021 (arXiv:2104.03310).
    """

    def __init__(self, weight=0.1, decay=0.99, *, every=1):
        super().__init__(weight, every=every)
        self.decay = _checks.number(decay, "decay", minimum=0.0, below=1.0)
        self.real_average = keras.Variable(0.0, trainable=False, name="lecam_real_average")
        self.fake_average = keras.Variable(0.0, trainable=False, name="lecam_fake_average")
        # What the zeros that the averages start from still weigh: decay^updates.
        self.start_weight = keras.Variable(1.0, trainable=False, name="lecam_start_weight")

    @property
    def variables(self):
        return [self.real_average, self.fake_average, self.start_weight]

    def value(self, discriminator, real, fake, *, seed=None, real_logits=None, fake_logits=None):
        real_logits = discriminator(real) if real_logits is None else real_logits
        fake_logits = discriminator(fake) if fake_logits is None else fake_logits
        known = 1.0 - tf.convert_to_tensor(self.start_weight.value)
        real_average = tf.math.divide_no_nan(self.real_average.value, known)
        fake_average = tf.math.divide_no_nan(self.fake_average.value, known)
        real_distance = losses.pointwise(lambda r: tf.square(r - fake_average), real_logits)
        fake_distance = losses.pointwise(lambda f: tf.square(f - real_average), fake_logits)
        penalties = losses.per_sample(real_distance) + losses.per_sample(fake_distance)
        return tf.where(known > 0.0, penalties, tf.zeros_like(penalties))

    def after_update(self, discriminator, *, real_logits=None, fake_logits=None):
        for average, logits in ((self.real_average, real_logits), (self.fake_average, fake_logits)):
            mean = losses.batch_mean(logits)
            average.assign(self.decay * average.value + (1.0 - self.decay) * mean)
        self.start_weight.assign(self.decay * self.start_weight.value)


@keras.saving.register_keras_serializable("keras_gan")
class WeightClipping(Regularizer):
    """Every weight of the discriminator clipped to `[-limit, limit]` after each of its updates.

    The first way to make a Wasserstein critic Lipschitz; `GradientPenalty` works better.

    Args:
        limit: above 0. Default 0.01, as in the paper.

    Raises:
        ValueError: if `limit` is not above 0.

    Source: Arjovsky et al., "Wasserstein GAN", ICML 2017 (arXiv:1701.07875).
    """

    penalizes = False

    def __init__(self, limit=0.01):
        super().__init__(0.0)
        self.limit = _checks.number(limit, "limit", above=0.0)

    def after_update(self, discriminator, *, real_logits=None, fake_logits=None):
        for variable in discriminator.trainable_variables:
            variable.assign(tf.clip_by_value(variable.value, -self.limit, self.limit))


# === Names ===

_KNOWN = {
    "dragan": DRAGAN,
    "gradient_penalty": GradientPenalty,
    "lecam": LeCam,
    "r1": R1,
    "r2": R2,
    "weight_clipping": WeightClipping,
}
_NAMES = {regularizer: name for name, regularizer in _KNOWN.items()}


def get(identifier):
    """A regularizer from its snake-case name, its serialized config, or itself.

    Raises:
        ValueError: for an unknown name, naming the nearest known one.
    """
    regularizer = _registry.get(identifier, _KNOWN, "regularizer")
    _checks.check(
        isinstance(regularizer, Regularizer),
        "A regularizer must be a `keras_gan.regularizers.Regularizer`.",
        cure="Subclass it and define `value`, or `after_update` with `penalizes = False`.",
        regularizer=regularizer,
    )
    name = type(regularizer).__name__
    _checks.check(
        hasattr(regularizer, "weight") and hasattr(regularizer, "every"),
        f"The regularizer {name} must call `super().__init__(weight)` in its `__init__`.",
        regularizer=name,
    )
    taken = inspect.signature(regularizer.value).parameters
    _checks.check(
        not regularizer.penalizes
        or {"seed", "real_logits", "fake_logits"} <= set(taken)
        or any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()),
        f"`{name}.value` must take `(discriminator, real, fake, *, seed, real_logits=None, "
        "fake_logits=None)`.",
        cure="Or leave out what it does not read with `**given`.",
        takes=list(taken),
    )
    return regularizer
