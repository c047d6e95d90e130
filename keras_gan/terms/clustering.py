"""Classes of real samples that nobody has named."""

import keras
from keras import ops

from keras_gan import _checks
from keras_gan.backend.logits import per_sample
from keras_gan.terms.augmented_term import AugmentedTerm
from keras_gan.terms.term import float32, joined


@keras.saving.register_keras_serializable("keras_gan")
class Clustering(AugmentedTerm):
    """A head that sorts real images into classes without labels.

    In the critics' updates `mean(-sum_k p_k log q_k) - H(m)`, with `p = softmax(head(x))` of an
    image, `q = softmax(head(T(x)))` of its changed version, `m` the mean of all `p` and `q` of the
    batch and `H` the entropy, in nats. The first part is small where the head is sure of an image
    and says the same of both versions, the second where all classes are as frequent. Their sum is
    at least `-log(classes)`. `T` is the augmentation, with other draws in each update.

    What `T` changes cannot tell classes apart, and what it leaves can: it decides what the classes
    are. Changes that are too large leave too little; see `recipes.infogan`.

    `m` is of all replicas, and of each micro-batch by itself. A batch should have several samples
    of each class.

    Args:
        head: key of the logits of classes in what the critic returns, `(batch, classes)`.
        augmentation: a `keras_gan.augment.Augmentation`, such as `Affine()`. One whose probability
            follows reals must be the model's `augment=`, too.
        critic: name of the critic, or `None` (default) for the only one.
        weight: see `Term`.
        every: see `Term`.
        name: default "clustering_<head>", with "_<critic>" where one is named.

    Raises:
        ValueError: if an argument is out of range; in `compile`, if the critic is shown no images,
            or if nothing moves the augmentation's probability.

    Source: Hu et al., "Learning Discrete Representations via Information Maximizing Self-Augmented
    Training", ICML 2017 (arXiv:1702.08720). Departures: the gradient flows through both versions;
    both count in `m`; one weight for the three parts.
    """

    def __init__(self, head, augmentation, critic=None, *, weight=1.0, every=1, name=None):
        _checks.check(
            isinstance(head, str), "`head` must be a key of the critic's network.", head=head
        )
        self.head = head
        name = joined("clustering", head, critic) if name is None else name
        options = {"weight": weight, "every": every, "name": name}
        super().__init__(augmentation, critic, example="Affine()", **options)

    @property
    def _needed(self):
        return self.head

    def value(self, scene):
        changed = scene.augmented(self.augmentation, self.critic)
        logs = [
            ops.log_softmax(float32(outputs[self.head]))
            for outputs in (scene.real(self.critic), changed.outputs("real"))
        ]
        first, second = (ops.exp(log) for log in logs)
        frequent = scene.mean((first + second) / 2.0)
        entropy = -ops.sum(frequent * ops.log(frequent + 1e-12))
        return per_sample(-ops.sum(first * logs[1], axis=-1)) - entropy

    def get_config(self):
        return {"head": self.head, **super().get_config()}
