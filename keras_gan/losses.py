"""What each player wants, as a function of the logits, and of state that a loss may keep.

Throughout, `r` are the discriminator's logits of real samples, `f` of generated ones, and
`sp(x) = log(1 + exp(x))` is the softplus. Every function returns one value per sample. Logits of
several scales are lists: a sample's value is the mean over the list.
"""

import keras
from keras import ops

from keras_gan import _checks, _registry
from keras_gan.backend import replicas
from keras_gan.backend.logits import discriminator_accuracies as discriminator_accuracies
from keras_gan.backend.logits import is_list, per_sample, pointwise

__all__ = [
    "AdversarialLoss",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "RelativisticAverage",
    "RelativisticPaired",
    "Wasserstein",
    "batch_mean",
    "get",
]


def batch_mean(logits):
    """The mean of logits over the batch of all replicas, differentiable: a float32 scalar.

    For losses and regularizers of one's own: a mean of the tensors at hand is that of one replica,
    by which the states of replicas would differ.

    Args:
        logits: `(batch, ...)`, or a list of several scales, each of which counts as much.
    """
    return replicas.mean(ops.cast(per_sample(logits) if is_list(logits) else logits, "float32"))


def cross_entropy_discriminator_loss(real_logits, fake_logits, *, label_smoothing=0.0):
    """`(1-s) sp(-r) + s sp(r) + sp(f)`, one value per sample. See `NonSaturating`."""

    def real_term(real):
        term = (1.0 - label_smoothing) * ops.softplus(-real)
        return term + label_smoothing * ops.softplus(real) if label_smoothing else term

    return per_sample(pointwise(real_term, real_logits)) + per_sample(
        pointwise(ops.softplus, fake_logits)
    )


# === Losses ===


class AdversarialLoss(_registry.Configurable):
    """What both players minimise; base class of all losses.

    A subclass defines `discriminator_loss` and `generator_loss`, both of
    `(real_logits, fake_logits)`, returning one value per sample. Logits have the shape `(batch,)`,
    `(batch, 1)`, or `(batch, h, w, 1)` for a discriminator that judges patches; patches are
    averaged after the pointwise loss. The training step gives logits in float32, calls a loss for
    each of several scales in turn, and reduces over the batch, once.

    A loss may have state: it lists it in `variables` and changes it in `after_update`.

    Attributes:
        threshold: the logit at which the discriminator decides, for its accuracy; `None` where
            only differences of logits mean something.
        variables: Keras variables that are saved with a run, in a fixed order; most have none.
        generator_needs_real: whether `generator_loss` reads `real_logits`. If it does not, it is
            given `None` for them.
    """

    threshold = 0.0
    generator_needs_real = False
    variables = ()

    def discriminator_loss(self, real_logits, fake_logits):
        """What the discriminator minimises: shape `(batch,)`, float32."""
        raise NotImplementedError

    def generator_loss(self, real_logits, fake_logits):
        """What the generator minimises: shape `(batch,)`, float32."""
        raise NotImplementedError

    def generator_loss_of_real(self, real_logits):
        """What the generator minimises of a "real" sample that it makes itself.

        A critic may be shown something of the generator's as real (the code of an encoder). The
        generator then minimises the mirror image of its loss there too: shape `(batch,)`, float32;
        zeros where `generator_loss` reads `real_logits` already.
        """
        raise NotImplementedError(
            f"The loss {type(self).__name__} must define `generator_loss_of_real(real_logits)` for "
            "a critic whose `real` is made by the generator."
        )

    def after_update(self, real_logits, fake_logits):
        """Called with the logits of an update of the discriminator that has been applied.

        They are passed by position, those of this replica's whole batch. What moves by their means
        must take the means of all replicas, `losses.batch_mean`, as `regularizers.LeCam` does.
        """


class _CrossEntropy(AdversarialLoss):
    def __init__(self, *, label_smoothing=0.0):
        self.label_smoothing = _checks.number(
            label_smoothing, "label_smoothing", minimum=0.0, below=0.5
        )

    def discriminator_loss(self, real_logits, fake_logits):
        return cross_entropy_discriminator_loss(
            real_logits, fake_logits, label_smoothing=self.label_smoothing
        )


@keras.saving.register_keras_serializable("keras_gan")
class Minimax(_CrossEntropy):
    """The original minimax game, whose generator loss saturates.

    Discriminator: `(1-s) sp(-r) + s sp(r) + sp(f)`; generator: `-sp(f)`, which is
    `log(1 - sigmoid(f))`. Where the discriminator is sure of a sample (`f` far below 0) the
    generator's gradient `-sigmoid(f)` vanishes, so an overtrained discriminator starves it: use
    `NonSaturating` unless that is what you study.

    With a discriminator at its optimum, `r` and `f` are the log-ratio of the densities
    `log(p_data / p_generator)`, and its loss (without smoothing) is `2 log 2 - 2 JSD`: it measures
    the Jensen-Shannon divergence, `JSD = log 2 - d_loss / 2`, between 0 (the generator is perfect
    and the discriminator flips a coin) and `log 2` (no overlap).

    Args:
        label_smoothing: `s` in [0, 0.5), one-sided: only reals are smoothed. Default 0.

    Raises:
        ValueError: if `label_smoothing` is outside [0, 0.5).

    Source: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014 (arXiv:1406.2661);
    one-sided smoothing: Salimans et al., 2016 (arXiv:1606.03498).
    """

    def generator_loss(self, real_logits, fake_logits):
        del real_logits
        return per_sample(pointwise(lambda f: -ops.softplus(f), fake_logits))

    def generator_loss_of_real(self, real_logits):
        return per_sample(pointwise(lambda r: -ops.softplus(-r), real_logits))


@keras.saving.register_keras_serializable("keras_gan")
class NonSaturating(_CrossEntropy):
    """The usual cross-entropy game, with a generator loss that does not saturate.

    Discriminator: `(1-s) sp(-r) + s sp(r) + sp(f)`; generator: `sp(-f)`, which is
    `-log sigmoid(f)`. Its gradient `-sigmoid(-f)` is largest exactly where the discriminator is
    sure that a sample is generated.

    The discriminator plays the same game as under `Minimax`: at its optimum its loss (without
    smoothing) is `2 log 2 - 2 JSD`, so `JSD = log 2 - d_loss / 2` estimates the Jensen-Shannon
    divergence from below. At the perfect generator `d_loss` is `2 log 2` and `g_loss` is `log 2`.

    Args:
        label_smoothing: `s` in [0, 0.5), one-sided: only reals are smoothed. Default 0.

    Raises:
        ValueError: if `label_smoothing` is outside [0, 0.5).

    Source: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014 (arXiv:1406.2661);
    one-sided smoothing: Salimans et al., 2016 (arXiv:1606.03498).
    """

    def generator_loss(self, real_logits, fake_logits):
        del real_logits
        return per_sample(pointwise(lambda f: ops.softplus(-f), fake_logits))

    def generator_loss_of_real(self, real_logits):
        return per_sample(pointwise(ops.softplus, real_logits))


@keras.saving.register_keras_serializable("keras_gan")
class LeastSquares(AdversarialLoss):
    """Least squares: logits are regressed to target values (LSGAN).

    Discriminator: `(r - real)^2 / 2 + (f - fake)^2 / 2`; generator: `(f - target)^2 / 2`.

    Args:
        fake: value for generated samples. Default 0.
        real: value for real samples; must differ from `fake`. Default 1.
        target: value the generator aims at. Default 1. With `fake=-1, real=1, target=0` the
            generator minimises a Pearson chi-squared divergence.

    Raises:
        ValueError: if a value is not a finite number, or `fake` equals `real`.

    Source: Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017
    (arXiv:1611.04076).
    """

    def __init__(self, *, fake=0.0, real=1.0, target=1.0):
        self.fake = _checks.number(fake, "fake")
        self.real = _checks.number(real, "real")
        self.target = _checks.number(target, "target")
        _checks.check(
            self.fake != self.real,
            "`fake` and `real` must differ, or there is nothing to tell apart.",
            fake=fake,
            real=real,
        )

    @property
    def threshold(self):
        return (self.fake + self.real) / 2.0

    def discriminator_loss(self, real_logits, fake_logits):
        return self._distance(real_logits, self.real) + self._distance(fake_logits, self.fake)

    def generator_loss(self, real_logits, fake_logits):
        del real_logits
        return self._distance(fake_logits, self.target)

    def generator_loss_of_real(self, real_logits):
        return self._distance(real_logits, self.fake)

    @staticmethod
    def _distance(logits, aim):
        return per_sample(pointwise(lambda values: (values - aim) ** 2 / 2.0, logits))


@keras.saving.register_keras_serializable("keras_gan")
class Wasserstein(AdversarialLoss):
    """Earth mover's distance in its dual form (WGAN).

    Discriminator (a critic): `f - r`; generator: `-f`. The critic must be Lipschitz, through
    `regularizers.GradientPenalty` or `regularizers.WeightClipping`, and wants to be trained as far
    as possible: use `discriminator_steps=5`. Minus its loss then estimates the distance.

    Only differences of logits mean something, so there is no threshold.

    Source: Arjovsky et al., "Wasserstein GAN", ICML 2017 (arXiv:1701.07875).
    """

    threshold = None

    def discriminator_loss(self, real_logits, fake_logits):
        return per_sample(fake_logits) - per_sample(real_logits)

    def generator_loss(self, real_logits, fake_logits):
        del real_logits
        return -per_sample(fake_logits)

    def generator_loss_of_real(self, real_logits):
        return per_sample(real_logits)


@keras.saving.register_keras_serializable("keras_gan")
class Hinge(AdversarialLoss):
    """Hinge loss: the discriminator stops pushing once it is right by a margin of 1.

    Discriminator: `relu(1 - r) + relu(1 + f)`; generator: `-f`.

    Source: Lim and Ye, "Geometric GAN", 2017 (arXiv:1705.02894); Miyato et al., ICLR 2018
    (arXiv:1802.05957).
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return per_sample(pointwise(lambda r: ops.relu(1.0 - r), real_logits)) + per_sample(
            pointwise(lambda f: ops.relu(1.0 + f), fake_logits)
        )

    def generator_loss(self, real_logits, fake_logits):
        del real_logits
        return -per_sample(fake_logits)

    def generator_loss_of_real(self, real_logits):
        return per_sample(real_logits)


class _Relativistic(AdversarialLoss):
    """Base of the losses in which either player reads both sides."""

    threshold = None
    generator_needs_real = True

    def generator_loss_of_real(self, real_logits):
        return ops.zeros_like(per_sample(real_logits))


@keras.saving.register_keras_serializable("keras_gan")
class RelativisticPaired(_Relativistic):
    """Each real sample against one generated sample (RpGAN).

    Discriminator: `sp(f - r)`; generator: `sp(r - f)`, for the pairs of a batch. The generator is
    judged relative to the data, which removes the bad local minima of losses that score it alone:
    with zero-centred gradient penalties (`R1` and `R2`) training provably converges locally.

    Only differences of logits mean something, so there is no threshold. At the perfect generator
    both losses are `log 2`.

    Source: Jolicoeur-Martineau, ICLR 2019 (arXiv:1807.00734); Huang et al., "The GAN is dead; long
    live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return per_sample(pointwise(lambda r, f: ops.softplus(f - r), real_logits, fake_logits))

    def generator_loss(self, real_logits, fake_logits):
        return per_sample(pointwise(lambda r, f: ops.softplus(r - f), real_logits, fake_logits))


@keras.saving.register_keras_serializable("keras_gan")
class RelativisticAverage(_Relativistic):
    """Each sample against the mean of the other kind (RaGAN).

    Discriminator: `sp(m(f) - r) + sp(f - m(r))`; generator: `sp(m(r) - f) + sp(r - m(f))`, with
    `m` the mean over the whole batch, that of all replicas together.

    Only differences of logits mean something, so there is no threshold. At the perfect generator
    both losses are `2 log 2`.

    Source: Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019 (arXiv:1807.00734).
    """

    def discriminator_loss(self, real_logits, fake_logits):
        real_means, fake_means = _means(real_logits, fake_logits)
        return per_sample(
            pointwise(lambda r, m: ops.softplus(m - r), real_logits, fake_means)
        ) + per_sample(pointwise(lambda f, m: ops.softplus(f - m), fake_logits, real_means))

    def generator_loss(self, real_logits, fake_logits):
        # The same game with the two kinds swapped.
        return self.discriminator_loss(fake_logits, real_logits)


def _means(real_logits, fake_logits):
    """Means over the global batch; those of all scales by one call, as replicas must."""
    real, fake = (pointwise(lambda values: values, each) for each in (real_logits, fake_logits))
    if not is_list(real):
        return replicas.means(real, fake)
    means = replicas.means(*real, *fake)
    return means[: len(real)], means[len(real) :]


# === Names ===

_KNOWN = {
    "hinge": Hinge,
    "least_squares": LeastSquares,
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "relativistic_average": RelativisticAverage,
    "relativistic_paired": RelativisticPaired,
    "wasserstein": Wasserstein,
}


def get(identifier):
    """A loss from its snake-case name, its serialized config, or itself.

    Args:
        identifier: "hinge", "least_squares", "minimax", "non_saturating", "relativistic_average",
            "relativistic_paired", "wasserstein", a `dict`, or an `AdversarialLoss`.

    Returns:
        An `AdversarialLoss`.

    Raises:
        ValueError: for an unknown name, naming the nearest known one, and for any other object.
    """
    name = identifier if isinstance(identifier, str) else type(identifier).__name__
    _checks.check(
        name.lower().replace("_", "") != "binarycrossentropy",
        "A GAN's loss is a game of two players.",
        cure="The one with a cross-entropy for each is 'non_saturating'.",
        loss=identifier,
    )
    loss = _registry.get(identifier, _KNOWN, "loss")
    _checks.check(
        isinstance(loss, AdversarialLoss),
        "A loss must be a `keras_gan.losses.AdversarialLoss`, with `discriminator_loss` and "
        "`generator_loss`, both of (real_logits, fake_logits).",
        cure="Subclass it and define both.",
        loss=loss,
    )
    return loss
