"""What is known within an update: tensors by name, and what critics make of them."""

import copy

import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend import packing, replicas, seeds
from keras_gan.engine.augmenting import applied
from keras_gan.engine.compiled_critic import Judge, Side


class Scene:
    """The tensors of an update by name, and the critics' scores of them, each made once.

    `scene["name"]` is an entry of the data, a drawn tensor, or an output of the generator as the
    network made it.

    Attributes:
        player: whose update it is, "generator" or "discriminator".
        seed: int32 `(2,)`, another one for each update and each term.
    """

    def __init__(
        self,
        tensors,
        critics,
        *,
        player,
        seed=None,
        shown=None,
        whole=None,
        forward=None,
        augment=None,
        training=True,
        loss_scales=None,
        images_seen=0,
    ):
        """Make a scene; the training step does.

        Args:
            tensors: `dict` by name.
            critics: list of `CompiledCritic`s.
            player: see above.
            seed: see above.
            shown: by critic, a `dict` of tensors that its update is shown in place of others.
            whole: the tensors of the whole batch of which these are a part.
            forward: persistent tape of the generator's pass, or `None`.
            augment: see `Judge`.
            training: see `Judge`.
            loss_scales: by critic, see `Judge`.
            images_seen: by the run.
        """
        self.player, self.seed = player, seed
        self._tensors, self._whole = tensors, tensors if whole is None else whole
        self._critics = {critic.name: critic for critic in critics}
        self._exchanged, self._forward = shown or {}, forward
        self._options = {"augment": augment, "training": training}
        self._scales, self._images_seen = loss_scales or {}, images_seen
        self._judges, self._asked = {}, {}
        self._rows = tensors

    def __getitem__(self, name):
        _checks.check(
            name in self._rows,
            "A term must list the names that it reads in `reads`, since only those are computed: "
            f"{', '.join(self._rows)}.",
            cure=_checks.did_you_mean(name, self._rows),
            name=name,
        )
        return self._rows[name]

    def __contains__(self, name):
        return name in self._rows

    def real(self, critic=None):
        """What a critic makes of its real side: a `dict` of "logits", heads, "features"."""
        return self.judge(critic).outputs("real")

    def fake(self, critic=None):
        """Likewise of its generated side."""
        return self.judge(critic).outputs("fake")

    def score(self, critic, names):
        """Likewise of tensors of any names, under the condition of the real side."""
        critic = self._critic(critic)
        names = (names,) if isinstance(names, str) else tuple(names)
        if names in (critic.real, critic.fake):
            return self.real(critic.name) if names == critic.real else self.fake(critic.name)
        return self.shown(critic.name, names, critic.condition)

    def shown(self, critic, names, condition):
        """Likewise of tensors under a condition, both by name."""
        critic, key = self._critic(critic), (critic, tuple(names), tuple(condition))
        if key not in self._asked:
            side = Side(critic, self._tensors, names, condition)
            self._asked[key] = Judge(critic, {"real": side}, **self._judging(critic))
        return self._asked[key].outputs("real")

    def augmented(self, augmentation, critic=None):
        """The `Judge` of a critic's two sides under an augmentation, drawn by the scene's seed."""
        judge = self.judge(critic)
        change = applied(augmentation, self.seed, self._images_seen)
        after = self._options["augment"]

        def both(samples, condition):
            samples, condition = change(samples, condition)
            return (samples, condition) if after is None else after(samples, condition)

        options = {**self._judging(judge.critic), "augment": both}
        return Judge(judge.critic, judge.sides, **options)

    def judge(self, critic=None):
        """The `Judge` of a critic by name; `None` for the only one."""
        critic = self._critic(critic)
        if critic.name not in self._judges:
            shown = {**self._tensors, **self._exchanged.get(critic.name, {})}
            given = {
                "real": (self._tensors, critic.real, critic.condition),
                "fake": (shown, critic.fake, critic.fake_condition),
            }
            sides = {kind: Side(critic, *parts) for kind, parts in given.items() if parts[1]}
            self._judges[critic.name] = Judge(critic, sides, **self._judging(critic))
        return self._judges[critic.name]

    def with_seed_of(self, place):
        """The same scene for the term at a place among all, with a seed of its own."""
        other = copy.copy(self)
        other.seed = seeds.fold(self.seed, place)
        return other

    def with_rows(self, tensors):
        """The same scene of these tensors by name, for what is no critic's to judge.

        Args:
            tensors: those that the scene was made of, before the last pack was filled.
        """
        other = copy.copy(self)
        other._rows = other._whole = tensors
        return other

    def branch(self):
        """The same scene inside a branch of the graph, whose scores are not known outside."""
        other = copy.copy(self)
        other._judges = {name: judge.branch() for name, judge in self._judges.items()}
        other._asked = {key: judge.branch() for key, judge in self._asked.items()}
        return other

    def _judging(self, critic):
        return {**self._options, "loss_scale": self._scales.get(critic.name)}

    def _critic(self, critic):
        if critic is None:
            return next(iter(self._critics.values()))
        return self._critics[critic]

    def gradient(self, of, at, weights=None):
        """Gradient of one tensor at another, differentiable: float32, of the shape of the latter.

        Args:
            of: name of an output of the generator.
            at: name of a floating input or output of the generator.
            weights: of the values of `of`, of its shape; `None` for 1.
        """
        _checks.check(
            self._forward is not None,
            "Gradients of the generator's outputs are known in its own update alone.",
            cure="Use `player='generator'` for the term, and `differentiates = True`.",
            player=self.player,
        )
        target, source = self._tensors[of], self._tensors[at]
        if weights is not None:
            weights = tf.cast(weights, target.dtype)
        found = self._forward.gradient(target, source, output_gradients=weights)
        _checks.check(
            found is not None, f"`{of}` must depend on `{at}`, but does not.", of=of, at=at
        )
        return tf.cast(found, "float32")

    def mean(self, values):
        """Mean over the rows of all replicas, differentiable: `(batch, ...)` to `(...)`."""
        return replicas.mean_of_rows(values)

    def weights_of_rows(self, critic):
        """The tensor of the rows' weights in a critic's losses, or `None`."""
        return None if critic.sample_weight is None else self[critic.sample_weight]

    def fraction(self, name, predicate):
        """How much of the whole batch, of all replicas and micro-batches, is of a kind.

        Args:
            name: of an entry.
            predicate: callable from the entry's tensor to booleans.
        """
        return replicas.mean(tf.cast(predicate(self._whole[name]), "float32"))

    @property
    def sample_weight(self):
        """The weights of the rows, `(batch,)`, or `None`."""
        found = (self.weights_of_rows(critic) for critic in self._critics.values())
        weights = next((each for each in found if each is not None), None)
        return None if weights is None else tf.cast(tf.reshape(weights, [-1]), "float32")


def num_rows(tensors):
    """How many rows the tensors of a `dict` have: an int32 scalar."""
    return tf.shape(next(iter(tensors.values())))[0]


def every(tensors, number, count, size=1):
    """The packs of `size` rows `number`, `number + count`, ... of all tensors of a `dict`."""
    if count == 1:
        return dict(tensors)
    return {
        name: packing.take_every(tensor, number, count, size) for name, tensor in tensors.items()
    }
