"""What a compiled model plays: its generator, draws, critics and terms, by name."""

import math

import tensorflow as tf

from keras_gan import priors, schedules
from keras_gan.augment import Augmentation
from keras_gan.backend import replicas, seeds


class Draw:
    """A tensor that is drawn where the data do not have it.

    Args:
        name: of what is drawn.
        prior: a `Prior`, a schedule's prior, `priors.Shuffled`, or a callable `(shape, seed)`.
        shape: of one row.
        dtype: of the input that takes it.
    """

    def __init__(self, name, prior, shape, dtype):
        self.name, self.prior, self.shape, self.dtype = name, prior, tuple(shape), dtype

    def check(self):
        """Draw a few rows, so that a prior that returns anything else is told before a step."""
        if not isinstance(self.prior, (priors.Shuffled, priors.Scheduled)):
            self._drawn(3, tf.constant([0, 0]))

    def rows(self, tensors, size, seed, images_seen, steps_seen):
        """This replica's and this micro-batch's rows of what is drawn for the global batch."""
        if isinstance(self.prior, priors.Shuffled):
            return self.prior.of(tensors[self.prior.name], seed)
        if isinstance(self.prior, priors.Scheduled):
            value = self.prior.value_at(images_seen, steps_seen)
            return tf.fill(tf.stack([size, *self.shape]), tf.cast(value, self.dtype))
        return replicas.local_rows(lambda rows: self._drawn(rows, seed), size)

    def _drawn(self, rows, seed):
        whole = tf.as_dtype(self.dtype).is_integer and isinstance(self.prior, priors.Categorical)
        draw = self.prior.indices if whole else self.prior
        known = rows if isinstance(rows, int) else None
        found = draw(tf.stack([rows, *self.shape]), seed)
        found = priors.as_drawn(found, self.name, self.shape, known)
        return tf.cast(tf.ensure_shape(found, [None, *self.shape]), self.dtype)


class Game:
    """The parts of a game, as `compile` found them to fit each other.

    Attributes:
        generator: the `NamedNetwork` that trains, cut to what critics and terms ask for.
        critics: list of `CompiledCritic`s.
        terms: list of `Term`s.
        draws: `dict` of `Draw`s by name.
        specs: the rules of the entries that the data have; those that are drawn may be missing.
        evaluated_specs: likewise of evaluations, where metrics may compare further entries.
        evaluated_draws: likewise.
        labels_of_data: names of labels that the data must have although they may be drawn.
        augment: callable `(tensors, seed, images_seen) -> tensors`, or `None`.
        followed: the critic whose logits an `Augmentation` is told, or `None`.
    """

    def __init__(self, generator, critics, terms, draws, specs, augment):
        self.generator, self.critics, self.terms = generator, critics, terms
        self.draws, self.specs, self.augment = draws, specs, augment
        self.evaluated_specs, self.evaluated_draws = specs, draws
        self.labels_of_data, self.followed = (), None
        self.pack = math.lcm(*(critic.pack for critic in self.critics))

    @property
    def num_penalties(self):
        """How many penalties a round of the critics evaluates."""
        return sum(len(critic.penalties) for critic in self.critics)

    @property
    def parts_with_state(self):
        """Losses, regularizers, terms and augmentation: what may have variables of its own."""
        losses = [critic.loss for critic in self.critics if critic.loss is not None]
        regularizers = [r for critic in self.critics for r in critic.regularizers]
        return [*losses, *regularizers, *self.terms, *self.augmentations]

    @property
    def augmentations(self):
        """The `Augmentation` in a list, which may have state; none for a plain function."""
        return [self.augment] if isinstance(self.augment, Augmentation) else []

    def logs_of_augmentation(self):
        """What an `Augmentation` adds to the logs: a `dict` by key."""
        return {key: value for each in self.augmentations for key, value in each.logs().items()}

    @property
    def takes_data(self):
        """Whether the generator has an input that nothing but data can give."""
        return any(name not in self.draws for name in self.generator.inputs)

    @property
    def optional(self):
        """The names of entries that the data may leave out, since they are drawn: a tuple."""
        return tuple(name for name in self.evaluated_draws if name not in self.labels_of_data)

    @property
    def optional_in_training(self):
        """Likewise of training data, where what metrics alone read may be missing, too."""
        of_metrics = (name for name in self.evaluated_specs if name not in self.specs)
        return (*self.optional, *of_metrics)

    def drawn(self, tensors, size, seed, state, *, evaluating=False):
        """The tensors that the data do not have: a `dict`.

        Args:
            tensors: the data's, by name.
            size: rows of this replica.
            seed: int32 `(2,)`.
            state: the run's `TrainingState`.
            evaluating: whether what metrics alone read is drawn too.
        """
        found, draws = {}, self.evaluated_draws if evaluating else self.draws
        for place, (name, draw) in enumerate(draws.items()):
            if name not in tensors:
                own = seeds.fold(seed, place) if place else seed
                found[name] = draw.rows(
                    {**tensors, **found}, size, own, state.images_seen.value, state.steps_seen.value
                )
        return found

    @property
    def has_timed_parts(self):
        """Whether parts of the generator's loss count in some steps only."""
        weights = [part.weight for part in (*self.critics, *self.terms)]
        return any(critic.start_step for critic in self.critics) or any(map(callable, weights))

    @property
    def critics_have_timed_parts(self):
        """Whether parts of a critics' player count in some steps only."""
        weights = [term.weight for _, term in self.terms_of("discriminator")]
        return any(critic.start_step for critic in self.critics) or any(map(callable, weights))

    def concerns(self, term, player):
        """Whether a critics' term belongs to the loss of a player; one without critics does."""
        read = critics_of(term, self.critics)
        return not read or any(critic in player.critics for critic in read)

    def names_of_terms(self, player):
        """The names of the critics' terms that belong to the loss of a player."""
        return [t.name for _, t in self.terms_of("discriminator") if self.concerns(t, player)]

    def terms_of(self, player):
        """The terms of a player, each with its place among all."""
        return [(i, t) for i, t in enumerate(self.terms) if t.player in (player, "both")]

    @property
    def differentiates(self):
        """Whether a term takes gradients of the generator's outputs."""
        return any(t.differentiates for _, t in self.terms_of("generator"))


def critics_of(term, critics):
    """The critics that a term reads, a list: `None` in `term.critics` stands for the first."""
    known = {critic.name: critic for critic in critics}
    return [critics[0] if name is None else known[name] for name in term.critics]


def weight_of(part, state):
    """The current weight of a term, critic or penalty: a number, or a float32 scalar tensor."""
    return schedules.value(part.weight, state.images_seen.value, state.steps_seen.value)
