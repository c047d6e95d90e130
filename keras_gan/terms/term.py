"""The base class of terms, and what all of them check."""

import functools

from keras import ops

from keras_gan import _checks, _registry, schedules

PLAYERS = ("generator", "discriminator", "both")
# Arguments of terms that are strings and name no tensor.
_OPTIONS = frozenset({"name", "player", "distance", "head", "critic", "of"})


class Term(_checks.Suggesting):
    """What a player minimises besides the adversarial loss; base class of all terms.

    The training step adds `weight * every * mean(value(scene))`, the mean over the whole batch, to
    the loss of the player; with `player="both"`, to either in its own update. A subclass defines
    `value`:

    ```python
    @keras.saving.register_keras_serializable("my_project")
    class TotalVariation(keras_gan.terms.Term):
        def __init__(self, image, weight=1.0, **options):
            super().__init__(weight, **options)
            self.image = image

        def value(self, scene):
            x = keras.ops.cast(scene[self.image], "float32")
            return keras.ops.mean(keras.ops.abs(x[:, 1:] - x[:, :-1]), axis=(1, 2, 3))

        def get_config(self):
            return {**super().get_config(), "image": self.image}
    ```

    Args:
        weight: number of at least 0, or a schedule. Where it is 0 the term is not evaluated.
        player: who minimises it: "generator" (default), "discriminator" (all critics) or "both".
        every: evaluate in every k-th update of the player only, and multiply by k. Default 1.
        name: key of the unweighted value in the logs; default the class's name in snake case. The
            names of a model's terms must differ.

    Attributes:
        reads: names of the tensors that `value` reads. By default all strings among the attributes
            of an instance, but for options of the terms here (`distance`, `head`, `critic`, `of`);
            a subclass with others, or with lists of names, sets it.
        critics: names of the critics that it reads; `None` stands for the only one.
        needs: pairs of a critic's name and a key that its network must return ("features").
        augmentations: `Augmentation`s that it gives to `scene.augmented`.
        networks: Keras models that it runs. It must run them with `training=False`. They do not
            train, and are saved with the model.
        variables: Keras variables that are saved with a run, in a fixed order. `compile` refuses
            others among the attributes.
        differentiates: whether it calls `scene.gradient`.

    Raises:
        ValueError: if an argument is out of range.
    """

    critics = ()
    needs = ()
    augmentations = ()
    networks = ()
    variables = ()
    differentiates = False

    def __init__(self, weight=1.0, *, player="generator", every=1, name=None):
        self.weight = schedules.number_or_schedule(weight, "weight", steps=True, minimum=0.0)
        self.player = _checks.one_of(player, "player", PLAYERS)
        self.every = _checks.positive_int(every, "every")
        self.name = _registry.snake_case(type(self).__name__) if name is None else name
        _checks.check(
            isinstance(self.name, str) and bool(self.name), "`name` must be a string.", name=name
        )

    # `cached_property`: a subclass may set it in an instance, too.
    @functools.cached_property
    def reads(self):
        values = {key: value for key, value in vars(self).items() if key not in _OPTIONS}
        return tuple(dict.fromkeys(v for v in values.values() if isinstance(v, str)))

    def value(self, scene):
        """The unweighted value.

        It is asked for in validation, too, and by updates that are skipped, so that it must not
        change the state of a term. It may note a statistic of the batch in a variable that
        `after_update` alone reads.

        Args:
            scene: what is known in an update of the player:

                - `scene["name"]`: a tensor in play as the network made it, `(batch, ...)`;
                - `scene.real(critic)`, `scene.fake(critic)`, `scene.score(critic, names)`: what a
                  critic makes of its sides, or of tensors by name: `dict`s of "logits", heads and
                  "features"; `critic=None` is the only one;
                - `scene.augmented(augmentation, critic)`: what a critic makes of its sides where
                  their images are changed: `.outputs("real")` and `.outputs("fake")`;
                - `scene.gradient(of, at, weights=None)`: of an output at another tensor, by name,
                  differentiable;
                - `scene.mean(x)`: over the rows of the batch of all replicas;
                - `scene.fraction(name, predicate)`: the mean of `predicate(tensor)` over the whole
                  batch, of all replicas and micro-batches;
                - `scene.seed`: int32 `(2,)`, another one in each update;
                - `scene.player`: whose update it is, "generator" or "discriminator";
                - `scene.sample_weight`: `(batch,)`, or `None`.

        Returns:
            `(batch,)`, or a scalar for a statistic of the batch. Further axes are averaged. It is
            cast to float32.

        Raises:
            ValueError: for a name that `reads` does not list.
        """
        raise NotImplementedError(f"The term {type(self).__name__} must define `value(scene)`.")

    def after_update(self, due=True):
        """Called when an update of the player has been applied, to change `variables`.

        Args:
            due: whether the term was evaluated for this update: a boolean, or a tensor of one.
                Where it is false nothing may change.
        """

    def get_config(self):
        """The constructor's arguments, for saving."""
        return {
            "weight": schedules.config(self.weight),
            "player": self.player,
            "every": self.every,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """The term of a `get_config`."""
        return cls(**config)

    def __repr__(self):
        config = {**self.get_config(), "weight": self.weight}
        arguments = ", ".join(f"{name}={value!r}" for name, value in config.items())
        return f"{type(self).__name__}({arguments})"


class CriticTerm(Term):
    """Base of terms that read an output of one critic, whose name is `critic`."""

    _needed = "logits"

    @property
    def critics(self):
        return (self.critic,)

    @property
    def needs(self):
        return ((self.critic, self._needed),)


# === What terms share ===


def tensor_name(value, name):
    """`value` if it can be the name of a tensor in play."""
    _checks.check(
        isinstance(value, str) and value.isidentifier(),
        f"`{name}` must be the name of a tensor: an entry of the data, an input or an output of "
        "the generator.",
        **{name: value},
    )
    return value


def critic_name(value):
    """`value` if it can be the name of a critic, or `None` for the only one."""
    _checks.check(
        value is None or isinstance(value, str),
        "`critic` must be the name of a critic, or None for the only one.",
        cure="Give the critic a name: `Critic(..., name='faces')`.",
        critic=value,
    )
    return value


def tensor_names(**names):
    """Two names of tensors, by the arguments that they were given as."""
    found = [tensor_name(name, argument) for argument, name in names.items()]
    one, other = (f"`{argument}`" for argument in names)
    _checks.check(len(set(found)) == 2, f"{one} and {other} must be different tensors.", **names)
    return found


def joined(*parts):
    """A key of the logs from its parts, without those that are `None`."""
    return "_".join(part for part in parts if part is not None)


def float32(tensor):
    """A tensor in float32: half precision would lose small distances."""
    return ops.cast(tensor, "float32")
