"""What a critic's heads say of samples, against labels: classes and numbers."""

import keras
from keras import ops

from keras_gan import _checks
from keras_gan.backend.logits import per_sample
from keras_gan.terms.distances import distance
from keras_gan.terms.term import CriticTerm, critic_name, float32, joined, tensor_name


class _Head(CriticTerm):
    """Base of terms that compare a critic's head with labels, on either side."""

    kind, usual_head = None, None

    def __init__(
        self,
        labels=None,
        head=None,
        *,
        fake_labels="same",
        critic=None,
        player="both",
        weight=1.0,
        every=1,
        name=None,
    ):
        head = self.usual_head if head is None else head
        self.labels = None if labels is None else tensor_name(labels, "labels")
        _checks.check(isinstance(head, str), "`head` must be a key of the critic's.", head=head)
        self.head, self.critic = head, critic_name(critic)
        self.fake_labels = None if fake_labels is None else tensor_name(fake_labels, "fake_labels")
        own_head = None if head == self.usual_head else head
        name = joined(self.kind, own_head, critic) if name is None else name
        super().__init__(weight, player=player, every=every, name=name)
        self._check_labels()

    def _check_labels(self):
        given = {key: getattr(self, key) for key in ("labels", "fake_labels", "player")}
        if self.player == "discriminator":
            _checks.check(
                self.labels is not None,
                "Critics alone learn on real samples: give `labels`.",
                **given,
            )
            _checks.check(
                self.fake_labels in ("same", None),
                "With player='discriminator' critics learn on real samples alone.",
                cure="Leave `fake_labels` out, or use player='both'.",
                **given,
            )
        else:
            _checks.check(
                self._labels_of_fakes is not None,
                "The generator learns on its own samples: give `labels`, or `fake_labels`.",
                cure="For critics that learn on real samples alone, use player='discriminator'.",
                **given,
            )

    @property
    def _labels_of_fakes(self):
        if self.player == "discriminator":
            return None
        return self.labels if self.fake_labels == "same" else self.fake_labels

    @property
    def _labels_of_reals(self):
        return None if self.player == "generator" else self.labels

    @property
    def reads(self):
        names = (self._labels_of_reals, self._labels_of_fakes)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def _needed(self):
        return self.head

    def value(self, scene):
        total = 0.0
        if self._labels_of_reals is not None and scene.player == "discriminator":
            total += self._compared(scene, self._labels_of_reals, scene.real)
        if self._labels_of_fakes is not None:
            total += self._compared(scene, self._labels_of_fakes, scene.fake)
        return total

    def _compared(self, scene, labels, side):
        raise NotImplementedError

    def get_config(self):
        names = ("labels", "head", "fake_labels", "critic")
        return {**{name: getattr(self, name) for name in names}, **super().get_config()}


@keras.saving.register_keras_serializable("keras_gan")
class Classification(_Head):
    """Cross-entropy of a critic's head with classes: `-log softmax(head)[label]`, in nats.

    Critics learn it on real samples with `labels` and on generated ones with `fake_labels`; the
    generator learns it on generated ones: they shall be of the class that they were asked for
    (AC-GAN). The critic's network returns a `dict` with the logits of classes at `head`.

    - `Classification("labels")`: AC-GAN, one class for both sides.
    - `Classification("labels", fake_labels="target")`: StarGAN, other classes of generated samples.
    - `Classification(fake_labels="digit", head="digit")`: InfoGAN, on generated samples alone.
    - `Classification("labels", player="discriminator")`: on real samples alone, a classifier.

    Labels are indices, integers of one axis less than the head's `(batch, classes)`; or, of its
    shape, multi-hot rows of 0 and 1 (or of probabilities), for which it is the binary
    cross-entropy, averaged over classes. Values below 0 are unknown, and the mean is over the known
    ones of the whole batch, of all replicas and micro-batches; without any it is 0. Labels of
    images that the data hold must be in the data too, also where they have a prior for samples.

    Args:
        labels: name of the real samples' labels, or `None`.
        head: key of the logits in what the critic returns. Default "classes".
        fake_labels: name of the generated samples' labels; "same" (default) for `labels`, `None`
            for none.
        critic: name of the critic, or `None` (default) for the only one.
        player: "both" (default), "discriminator" (on real samples alone), or "generator" (who alone
            learns from it, of a critic that learns its head elsewhere).
        weight: see `Term`.
        every: see `Term`.
        name: default "classification", with "_<head>" where it is not "classes" and "_<critic>"
            where one is named.

    Raises:
        ValueError: if an argument is out of range, or there are no labels for the player.

    Source: Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML 2017
    (arXiv:1610.09585); Chen et al., "InfoGAN", NeurIPS 2016 (arXiv:1606.03657); Choi et al.,
    "StarGAN", CVPR 2018 (arXiv:1711.09020).
    """

    kind, usual_head = "classification", "classes"

    def _compared(self, scene, labels, side):
        logits, given = float32(side(self.critic)[self.head]), scene[labels]
        known = _known(given)
        if len(given.shape) == len(logits.shape):
            _check_width(labels, given, self.head, logits)
            values = ops.binary_crossentropy(
                ops.maximum(float32(given), 0.0), logits, from_logits=True
            )
        else:
            _check_rank(labels, given, self.head, logits)
            values = ops.sparse_categorical_crossentropy(
                ops.maximum(ops.cast(given, "int32"), 0), logits, from_logits=True
            )
        fraction = scene.fraction(labels, _known)
        return per_sample(ops.where(known, values, 0.0)) / ops.maximum(fraction, 1e-12)


def _known(labels):
    return ops.cast(labels, "float32") >= 0.0


def _check_width(name, labels, head, logits):
    _checks.check(
        None in (labels.shape[-1], logits.shape[-1]) or labels.shape[-1] == logits.shape[-1],
        f"Multi-hot labels {name!r} must have a value for each class of the head {head!r}.",
        cure="Indices of classes have the shape (batch,): use an integer input of shape ().",
        labels=tuple(labels.shape),
        head=tuple(logits.shape),
    )


def _check_rank(name, labels, head, logits):
    _checks.check(
        len(labels.shape) == len(logits.shape) - 1,
        f"The labels {name!r} must be indices, of one axis less than the head {head!r}, or "
        "multi-hot, of its shape.",
        labels=tuple(labels.shape),
        head=tuple(logits.shape),
    )


@keras.saving.register_keras_serializable("keras_gan")
class Regression(_Head):
    """Squared error of a critic's head: `mean (label - head)^2` over all axes but the first.

    Who learns what of whom is as in `Classification`: critics on real samples with `labels` and on
    generated ones with `fake_labels`, the generator on generated ones. InfoGAN's continuous codes:
    `Regression(fake_labels="style", head="style", weight=0.1)`.

    Args:
        labels: name of the real samples' numbers, or `None`.
        head: key of the predictions in what the critic returns. Default "values".
        fake_labels: name of the generated samples' numbers; "same" (default) for `labels`, `None`
            for none.
        critic: name of the critic, or `None` (default) for the only one.
        player: "both" (default), "discriminator" (on real samples alone), or "generator".
        weight: see `Term`.
        every: see `Term`.
        name: default "regression", with "_<head>" where it is not "values" and "_<critic>" where
            one is named.

    Raises:
        ValueError: if an argument is out of range, or there are no labels for the player.

    Source: Chen et al., "InfoGAN", NeurIPS 2016 (arXiv:1606.03657), with a fixed variance.
    """

    kind, usual_head = "regression", "values"

    def _compared(self, scene, labels, side):
        predicted, given = float32(side(self.critic)[self.head]), float32(scene[labels])
        if len(given.shape) == len(predicted.shape) - 1 and predicted.shape[-1] == 1:
            given = given[..., None]
        return distance(given, predicted, "l2", names=(labels, self.head))
