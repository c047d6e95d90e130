"""What the updates of all players share: seeds, parts of the batch, applying, and counting."""

import contextlib

import tensorflow as tf

from keras_gan.backend import replicas, seeds
from keras_gan.engine import augmenting, updates
from keras_gan.engine.accumulation import dense
from keras_gan.engine.preserved import preserved_statistics
from keras_gan.engine.scene import every, num_rows
from keras_gan.engine.state import add
from keras_gan.engine.term_values import log_key
from keras_gan.feeding.sample_spec import flat
from keras_gan.terms import Term


class PlayerUpdate:
    """The part of a model that the updates of all players share."""

    def _batches(self, data):
        """A function from an update's number to its tensors: rows of the batch, by stride."""
        tensors = self._tensors_of(data)
        return lambda number: every(tensors, number, self.discriminator_steps)

    def _seeds(self, update, further=0):
        """Seeds from the critics' update of that number on, but for the first `further`."""
        first = update * (1 + self._game.num_penalties) + further
        return seeds.sequence(self.seed, seeds.TRAINING, self._state.steps_seen.value, first)

    def _seed_of(self, stream, *numbers):
        """The seed of this step in a stream of its own, for these numbers."""
        seed = next(seeds.sequence(self.seed, stream, self._state.steps_seen.value))
        for number in numbers:
            seed = seeds.fold(seed, number)
        return seed

    def _seed_of_terms(self, update):
        """The seed of the terms in an update; `None` without any.

        All micro-batches have the same: `replicas.local_rows` gives each rows of its own of one
        draw.
        """
        return self._seed_of(seeds.TERMS, update) if self._game.terms else None

    @contextlib.contextmanager
    def _preserved(self, networks, update, part=0):
        """A block that leaves networks as they were, in a micro-batch of an update of another."""
        number = update * self.accumulation_steps + part
        seed = next(seeds.sequence(self.seed, seeds.STANDING, self._state.steps_seen.value, number))
        with contextlib.ExitStack() as stack:
            for place, network in enumerate(networks):
                own = seeds.fold(seed, place) if place else seed
                stack.enter_context(preserved_statistics(network, own))
            yield

    def _micro_batch(self, number):
        """A block in which the batch at hand is one of `accumulation_steps` micro-batches."""
        return replicas.micro_batch(number, self.accumulation_steps, self._game.pack)

    def _part(self, tensors, number):
        """One of `accumulation_steps` micro-batches: whole packs, by stride."""
        return every(tensors, number, self.accumulation_steps, self._game.pack)

    def _with_draws(self, tensors, seed):
        """The tensors of an update, with those that are drawn."""
        drawn = self._game.drawn(tensors, num_rows(tensors), seed, self._state)
        return {**tensors, **drawn}

    def _to_judge(self, tensors, update):
        """These tensors with the generator's outputs, from which nothing flows back to it."""
        with self._preserved([self.generator], update):
            made = self._game.generator(tensors, training=True)
        return {**tensors, **stopped(made)}

    def _augment_for(self, update):
        """What critics apply to what they are shown, in one update: the same for both kinds."""
        augment = self._game.augment
        if augment is None:
            return None
        seed = self._seed_of(seeds.AUGMENTING, update)
        return augmenting.applied(augment, seed, self._state.images_seen.value)

    def _note_loss(self, values, critic, key, loss, *, alone=None):
        """Enter a critic's loss into the logs: into the sum, and of several critics by its name.

        Args:
            values: the logs of an update, which are changed.
            critic: the `CompiledCritic`.
            key: "d_loss" or "g_loss".
            loss: its part of the sum.
            alone: what is logged under its own name. Default `loss`.
        """
        if len(self._game.critics) == 1:
            values[key] = loss
        else:
            values[key] = values[key] + loss
            values[f"{key}_{critic.name}"] = loss if alone is None else alone

    def _count_from_start(self, values, key):
        """Let losses count in the means of the logs from the start of their critics on.

        Args:
            values: the logs of an update, which are changed.
            key: "d_loss" or "g_loss".
        """
        critics = [critic for critic in self._game.critics if critic.loss is not None]
        starts = {key: min((critic.start_step for critic in critics), default=0)}
        if len(self._game.critics) > 1:
            starts |= {f"{key}_{critic.name}": critic.start_step for critic in critics}
        for name, start in starts.items():
            if start and name in values:
                has_started = self._state.steps_seen.value >= start
                values[name] = values[name], tf.cast(has_started, "float32")

    # === Applying ===

    def _apply(
        self, player, gradients, loss, statistics, after_update, *tensors, active=True, turns=None
    ):
        """Update a player, if it trains; returns the norm of its gradients.

        Args:
            player: the `Player`.
            gradients: those of all replicas together, dense; `None` where there is none.
            loss: scalar that they are of.
            statistics: list of the `Statistics` of its networks, from before the update.
            after_update: see `updates.apply_if_finite`.
            *tensors: likewise.
            active: whether it has its turn, a bool or a tensor of one.
            turns: see `updates.apply_if_finite`.
        """
        applied = False
        if active is False:  # nothing trains it in any step
            for each in statistics:
                each.restore()
            return tf.zeros([])
        norm = updates.norm(gradients, player)
        if self.trains(player.kind):
            applied = updates.apply_if_finite(
                player,
                self._players,
                gradients,
                norm,
                replicas.mean(loss),
                self._state,
                after_update,
                *tensors,
                active=active,
                turns=turns,
            )
        for each in statistics:
            each.restore(unless=applied)
        return norm

    def _terms_due(self, player, values):
        """Whether each term with state was evaluated, by its name: booleans."""
        moves = [term for _, term in self._game.terms_of(player) if _follows_updates(term)]
        return {t.name: values[log_key(t, player)][1] > 0.0 for t in moves}

    def _move_terms(self, player, due):
        """Let terms with state follow an update that was applied."""
        for _, term in self._game.terms_of(player):
            if term.name in due:
                term.after_update(due=due[term.name])

    def _totals(self, gradients):
        """Dense gradients of the global batch from those of each replica."""
        return replicas.all_reduce_mean(dense(gradients))

    def _count_step(self, data):
        add(self._state.steps_seen, 1)
        add(self._state.images_seen, tf.shape(flat(data)[0])[0] * replicas.count())


def _follows_updates(term):
    return bool(term.variables) or type(term).after_update is not Term.after_update


def stopped(made):
    """The same tensors, from which no gradient flows back."""
    return {name: tf.stop_gradient(tensor) for name, tensor in made.items()}
