"""A critic as a step plays it: its network, names, loss and penalties."""

import copy
import dataclasses
import typing

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import inspection, packing
from keras_gan.backend.gradients import MemoizedDiscriminator, is_same
from keras_gan.backend.logits import per_sample


@dataclasses.dataclass(eq=False)
class CompiledCritic:
    """What `compile` makes of a critic.

    Attributes:
        name: of the critic.
        network: the Keras model.
        real: names of the tensors that it is shown as real, a tuple.
        fake: likewise as generated.
        condition: names that are shown beside the real ones.
        fake_condition: names that are shown beside the generated ones.
        loss: an `AdversarialLoss`; `None` for a critic that terms alone train and read.
        regularizers: list of `Regularizer`s.
        penalties: those of them that add to the loss, by their keys in the logs.
        weight: of its loss in the generator's total: number, schedule or `AdaptiveWeight`.
        pack: samples that it judges at a time.
        pool: a `Pool` of generated samples, or `None`.
        start_step: the step from which on it trains.
        sample_weight: name of the weights of the rows, or `None`.
    """

    name: str
    network: keras.Model
    _: dataclasses.KW_ONLY
    real: tuple
    fake: tuple
    condition: tuple = ()
    fake_condition: tuple = ()
    loss: typing.Any = None
    regularizers: typing.Sequence = ()
    penalties: dict = dataclasses.field(default_factory=dict)
    weight: typing.Any = 1.0
    pack: int = 1
    pool: typing.Any = None
    start_step: int = 0
    sample_weight: str | None = None

    @property
    def nested(self):
        """Whether it judges several tensors as one sample."""
        return max(len(self.real), len(self.fake)) > 1

    def run(self, samples, condition, *, training):
        """The network's outputs by name, such as "logits", for tensors as it takes them."""
        inputs = [*samples, *(tf.convert_to_tensor(tensor) for tensor in condition)]
        # What a subclass takes is known by its order alone.
        known = getattr(self.network, "inputs", None)
        structure = inspection.input_structure(self.network) if known else None
        if isinstance(structure, dict):
            inputs = dict(zip(structure, inputs, strict=True))
        elif len(inputs) == 1:
            inputs = inputs[0]
        outputs = self.network(inputs, training=training)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    def starts_by(self, steps_seen):
        """Whether it plays in a step: `True`, or a boolean tensor."""
        return True if self.start_step == 0 else steps_seen >= self.start_step


class Side:
    """What a critic is shown of one kind, in one update: samples and condition, packed.

    Attributes:
        names: of the samples.
        condition_names: of the tensors beside them.
        samples: float32 tensor, or a tuple of them where the critic judges several as one.
        condition: list of tensors.
    """

    def __init__(self, critic, tensors, names, condition):
        self.names, self.condition_names = names, condition
        shown = [packing.packed(_float32(tensors[name]), critic.pack) for name in names]
        self.samples = tuple(shown) if critic.nested else shown[0]
        self.condition = [
            packing.packed(tf.stop_gradient(tensors[name]), critic.pack) for name in condition
        ]


class Judge(MemoizedDiscriminator):
    """A critic within one update: scores each batch once, with gradients at what it was shown.

    Args:
        critic: the `CompiledCritic`.
        sides: `dict` of the `Side`s "real" and "fake", those that there are.
        augment: callable from two `dict`s of samples and of conditions by name to two such, which
            is applied before each pass; or `None`.
        training: whether the network runs in training mode. Default `True`.
        loss_scale: see `MemoizedDiscriminator`.
    """

    def __init__(self, critic, sides, *, augment=None, training=True, loss_scale=None):
        super().__init__(None, loss_scale)
        del self._score  # the method below; a bound method in its place would be a cycle
        self.critic, self.sides = critic, _told_apart(sides)
        self._augment, self._training = augment, training
        self._kind, self._outputs = None, {}

    def anew(self):
        other = copy.copy(self)
        other._known, other._outputs = [], {}
        return other

    def branch(self):
        """The same, with all that it remembers; what the branch adds stays in it."""
        other = copy.copy(self)
        other._known, other._outputs = list(self._known), dict(self._outputs)
        return other

    def outputs(self, kind):
        """The outputs for one side: a `dict` with "logits"."""
        _checks.check(
            kind in self.sides,
            f"A term needs a {kind} side of critic {self.critic.name!r}, which has none.",
            cure=f"Give it one, `Critic(..., {kind}=...)`, or name another critic in the term.",
            sides=list(self.sides),
        )
        self(self.sides[kind].samples)
        return self._outputs[kind]

    def _entry(self, samples):
        kinds = (kind for kind, side in self.sides.items() if side.samples is samples)
        self._kind = next(kinds, None)
        return super()._entry(samples)

    def _score(self, samples):
        # Points between both kinds are judged under the condition of the real ones.
        kind = self._kind or "real"
        side = self.sides.get(kind) or self.sides["fake"]
        parts = list(samples) if isinstance(samples, tuple) else [samples]
        condition = side.condition
        if self._augment is not None:
            parts, condition = self._augmented(side, parts, condition)
        outputs = self.critic.run(parts, condition, training=self._training)
        if self._kind is not None:
            self._outputs[self._kind] = outputs
        return outputs.get("logits")  # of a network that terms alone read, there may be none

    def _augmented(self, side, parts, condition):
        pack = self.critic.pack
        names = (side.names, side.condition_names)
        whole = [
            {name: packing.unpacked(part, pack) for name, part in zip(of, given, strict=True)}
            for of, given in zip(names, (parts, condition), strict=True)
        ]
        return [
            [packing.packed(changed[name], pack) for name in of]
            for of, changed in zip(names, self._augment(*whole), strict=True)
        ]


def _told_apart(sides):
    """Sides of different tensors: the same samples under two conditions have two scores."""
    if len(sides) < 2 or not is_same(sides["real"].samples, sides["fake"].samples):
        return sides
    fake = copy.copy(sides["fake"])
    fake.samples = tf.nest.map_structure(tf.identity, fake.samples)
    return {**sides, "fake": fake}


def _float32(tensor):
    tensor = tf.convert_to_tensor(tensor)
    return tf.cast(tensor, "float32") if tensor.dtype.is_floating else tensor


def mean_of_rows(values, weights, pack=1):
    """The mean of a value for each sample (or pack of them), each times its row's weight."""
    if weights is None:
        return tf.reduce_mean(values)
    _checks.check(
        len(values.shape) > 0,
        "With `sample_weight`, a loss must have a value for each sample, `(batch,)`.",
        shape=tuple(values.shape),
    )
    values, weights = per_sample(values), tf.cast(tf.reshape(weights, [-1]), "float32")
    if pack > 1:
        weights = tf.reduce_mean(tf.reshape(weights, [-1, pack]), axis=1)
    return tf.reduce_mean(values * weights)


def over_scales(function, real_logits, fake_logits):
    """A loss of logits in float32, or the mean of those of several scales: `(batch,)`."""
    given = fake_logits if real_logits is None else real_logits
    if not isinstance(given, (list, tuple)):
        # Half precision would lose the tails of a softplus, and meets a user's state in float32.
        pair = (real_logits, fake_logits)
        return function(*(None if each is None else tf.cast(each, "float32") for each in pair))
    nothing = [None] * len(given)
    pairs = zip(real_logits or nothing, fake_logits or nothing, strict=True)
    return sum(over_scales(function, *pair) for pair in pairs) / len(given)
