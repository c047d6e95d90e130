"""A critic: a network, and the names of what it judges."""

import keras

from keras_gan import _checks, losses, schedules
from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.model import compile_arguments


class Critic:
    """A network that learns to tell real from generated tensors, by name.

    It minimises its loss of the logits of `real` and `fake`, with its penalties; the generator
    minimises `weight` times the loss of the other side.

    ```python
    keras_gan.Critic(patches, real="photo", fake="painted", condition="sketch")
    ```

    Args:
        network: built Keras model. It takes the tensors of `real` (or of `fake`) and then those of
            the condition, in this order, whatever its inputs are called. It returns a logit a
            sample, `(batch, 1)` or `(batch,)`; a map of logits `(batch, h, w, 1)`, or of a series
            `(batch, steps, 1)`; a list of those, which is averaged; or a `dict` with
            "logits" and, for terms, heads by name and "features".
        real: name of an entry of the data, a drawn tensor, or an output of the generator; or a
            tuple of names that are judged together as one sample.
        fake: likewise of what is generated, as many, of the shapes of `real`. May be left out with
            `loss="none"`.
        condition: names shown on both sides, without gradient to the generator. Default none.
        fake_condition: names shown beside `fake` instead, as many: the classes that were drawn, a
            wrong caption. Default: those of `condition`.
        loss: name or `keras_gan.losses.AdversarialLoss`; `None` for that of `compile`; "none" for a
            network that terms alone train and read, such as a classifier, which returns a `dict` of
            heads and needs no "logits".
        regularizers: names or `Regularizer`s; `None` for those of `compile`, `()` for none.
        weight: of its loss in the generator's total, at least 0: a number, a schedule, or an
            `AdaptiveWeight`. Default 1.
        pack: samples that it judges at a time, neighbours of the batch joined along the last axis
            of `real`, `fake` and the condition (PacGAN, arXiv:1712.04086): its inputs are `pack`
            times as long there. Default 1.
        pool_size: generated samples to keep; in the critic's updates each new one is exchanged,
            with probability 1/2, for one of them (CycleGAN, arXiv:1703.10593). Default 0: none.
        start_step: training step, from 0, from which on it trains and counts in the generator's
            loss. Default 0.
        sample_weight: name of weights `(batch,)` of the rows, which multiply their losses and
            penalties for both players; they may be negative. Default `None`.
        name: a Python identifier, its key in logs; critics of a model must differ in it. Default
            "critic".

    Raises:
        ValueError: for arguments that contradict each other, or are out of range.
    """

    @_checks.suggesting
    def __init__(
        self,
        network,
        *,
        real,
        fake=None,
        condition=(),
        fake_condition=None,
        loss=None,
        regularizers=None,
        weight=1.0,
        pack=1,
        pool_size=0,
        start_step=0,
        sample_weight=None,
        name=None,
    ):
        _checks.check(
            isinstance(network, keras.Model), "`network` must be a `keras.Model`.", network=network
        )
        self.network = network
        self.real, self.fake = _names(real, "real"), _names(() if fake is None else fake, "fake")
        self.condition = _names(condition, "condition")
        self.fake_condition = (
            self.condition if fake_condition is None else _names(fake_condition, "fake_condition")
        )
        self.loss = loss if loss in (None, "none") else losses.get(loss)
        self.regularizers = None
        if regularizers is not None:
            self.regularizers = compile_arguments.regularizer_list(regularizers)
        self.weight = _weight(weight)
        self.pack = _checks.positive_int(pack, "pack")
        self.pool_size = _checks.non_negative_int(pool_size, "pool_size")
        self.start_step = _checks.non_negative_int(start_step, "start_step")
        _checks.check(
            sample_weight is None
            or isinstance(sample_weight, str)
            and sample_weight.isidentifier(),
            "`sample_weight` must be the name of an entry of the data with a weight for each row.",
            cure="Name it, `sample_weight='w'`, and give the weights: `fit({..., 'w': weights})`.",
            sample_weight=sample_weight
            if isinstance(sample_weight, str)
            else type(sample_weight).__name__,
        )
        self.sample_weight = sample_weight
        _checks.check(
            name is None or (isinstance(name, str) and name.isidentifier()),
            "`name` of a critic must be a Python identifier.",
            name=name,
        )
        self.name = name
        _checks.check(
            bool(self.real) and (bool(self.fake) or loss == "none"),
            "A critic must be shown something `real` and something `fake`.",
            cure='Leave `fake` out with `loss="none"` alone.',
            real=self.real,
            fake=self.fake,
        )
        _checks.check(
            not self.fake or len(self.fake) == len(self.real),
            "`real` and `fake` must have as many tensors: the network takes them at the same "
            "places.",
            real=self.real,
            fake=self.fake,
        )
        _checks.check(
            not self.pool_size or self.sample_weight is None,
            "A critic with a pool must not have weights of rows: a sample of the pool comes from "
            "another row.",
            cure="Leave out `pool_size` or `sample_weight`.",
            pool_size=pool_size,
            sample_weight=sample_weight,
        )
        _checks.check(
            len(self.fake_condition) == len(self.condition),
            "`fake_condition` must have as many names as `condition`.",
            names=(self.condition, self.fake_condition),
        )

    @property
    def names(self):
        """All names that it reads, each once."""
        weights = () if self.sample_weight is None else (self.sample_weight,)
        every = (*self.real, *self.fake, *self.condition, *self.fake_condition, *weights)
        return list(dict.fromkeys(every))

    def get_config(self):
        """The constructor's arguments but for the network, for saving."""
        return self._config_by(keras.saving.serialize_keras_object)

    def _config_by(self, serialize):
        """Likewise, with a function that makes a config of a loss, a penalty or a weight."""
        return {
            "real": list(self.real),
            "fake": list(self.fake),
            "condition": list(self.condition),
            "fake_condition": list(self.fake_condition),
            "loss": serialize(self.loss),
            "regularizers": None
            if self.regularizers is None
            else [serialize(each) for each in self.regularizers],
            "weight": serialize(self.weight),
            "pack": self.pack,
            "pool_size": self.pool_size,
            "start_step": self.start_step,
            "sample_weight": self.sample_weight,
            "name": self.name,
        }

    def __repr__(self):
        return f"Critic({self.network.name!r}, real={self.real}, fake={self.fake})"


def _names(given, what):
    names = tuple(_checks.listed(given, what, (str,), "names"))
    _checks.check(
        all(isinstance(name, str) and name.isidentifier() for name in names),
        f"`{what}` must be a name, or a tuple of names, which are Python identifiers.",
        given=given,
    )
    return names


def _weight(weight):
    if isinstance(weight, dict):
        weight = keras.saving.deserialize_keras_object(weight)
    if isinstance(weight, AdaptiveWeight):
        return weight
    return schedules.number_or_schedule(weight, "weight", steps=True, minimum=0.0)
