"""An update of the critics: losses, penalties and terms of one batch of each kind of samples."""

import functools

import tensorflow as tf

from keras_gan import losses
from keras_gan.backend import replicas, seeds
from keras_gan.engine import augmenting
from keras_gan.engine.accumulation import accumulated, loss_scale
from keras_gan.engine.compiled_critic import mean_of_rows, over_scales
from keras_gan.engine.game import weight_of
from keras_gan.engine.parts import Part, activity_losses, has_turn, layer_losses, total_of, turns
from keras_gan.engine.player_update import PlayerUpdate
from keras_gan.engine.players import unique
from keras_gan.engine.preserved import Statistics, begins_anew, kept_unless, preserved_statistics
from keras_gan.engine.scene import Scene
from keras_gan.engine.state import DISCRIMINATOR, add
from keras_gan.engine.term_values import evaluated, log_key

ACCURACY_KEYS = ("d_accuracy", "d_real_accuracy", "d_fake_accuracy")


class CriticsUpdate(PlayerUpdate):
    """The part of a model that updates its critics."""

    def _critics_step(self, number, tensors):
        """One of the critics' updates but the last, on noise of its own."""
        seed = self._seeds(number)
        tensors = self._with_draws(tensors, next(seed))
        return self._update_critics(self._to_judge(tensors, number), seed, number)

    def _update_critics(self, tensors, seed, number):
        """Score both kinds of samples, sum the losses, apply ONE update to each player."""
        players = self._players[:-1]
        statistics = [[Statistics(network) for network in player.networks] for player in players]
        keys = [next(seed) for _ in range(self._game.num_penalties)]
        shown = self._shown_from_pools(tensors, number)
        of_augment = augmenting.scalars(self._game.logs_of_augmentation())
        augment = self._augment_for(number)
        scales = [loss_scale(player.optimizer) for player in players]
        of_critics = {c.name: s for p, s in zip(players, scales, strict=True) for c in p.critics}
        begin = begins_anew([n for p in players for n in p.networks], self.accumulation_steps)

        def part(of):
            with self._micro_batch(of):
                begin()
                scene = Scene(
                    self._part(tensors, of),
                    self._game.critics,
                    player="discriminator",
                    seed=self._seed_of_terms(number),
                    shown={name: self._part(own, of) for name, own in shown.items()},
                    whole=tensors,
                    augment=augment,
                    loss_scales=of_critics,
                    images_seen=self._state.images_seen.value,
                )
                return self._critics_gradients(scene, keys, scales)

        sizes = [len(player.variables) for player in players]
        gradients, values, logits, of_players = accumulated(
            part, self.accumulation_steps, _repeated(scales, sizes)
        )
        norms, totals = [], values.pop("totals")
        due = self._terms_due("discriminator", values)
        for player, own, of_networks, loss, found in zip(
            players,
            _split(self._totals(gradients), sizes),
            statistics,
            totals,
            of_players,
            strict=True,
        ):
            names = [name for name in self._game.names_of_terms(player) if name in due]
            of_player = {name: due.pop(name) for name in names}  # each follows one player
            norms.append(
                self._apply_to_critics(player, own, loss, of_networks, logits, of_player, *found)
            )
        if self.trains(DISCRIMINATOR):
            add(self._state.discriminator_updates, 1)
        norms = self._norms_of_critics(norms)
        return {**norms, **self._accuracies(logits), **of_augment, **values}

    def _apply_to_critics(
        self, player, gradients, loss, statistics, logits, due, active, of_variables
    ):
        played = [critic for critic in player.critics if critic.name in logits]
        started = {}
        if len(played) > 1:  # alone, it has its turn with its player
            steps = self._state.steps_seen.value
            started = {c.name: c.starts_by(steps) for c in played if c.start_step}

        def after_update(logits, due, started):
            self._move_terms("discriminator", due)
            for critic in played:
                if critic.name in started:
                    with kept_unless(started[critic.name], self._moved_after(critic)):
                        self._after_update_of(critic, logits[critic.name])
                else:
                    self._after_update_of(critic, logits[critic.name])

        own = {critic.name: logits[critic.name] for critic in played}
        return self._apply(
            player,
            gradients,
            loss,
            statistics,
            after_update,
            own,
            due,
            started,
            active=active,
            turns=of_variables,
        )

    def _after_update_of(self, critic, logits):
        """Let what has state, or clips weights, follow a critic's update."""
        for regularizer in critic.regularizers:
            regularizer.after_update(critic.network, **logits)
        critic.loss.after_update(logits["real_logits"], logits["fake_logits"])
        for each in self._following(critic):
            each.after_update(**logits, threshold=critic.loss.threshold, pack=critic.pack)

    def _following(self, critic):
        return self._game.augmentations if critic is self._game.followed else []

    def _moved_after(self, critic):
        """The variables that `_after_update_of` may change."""
        parts = [critic.loss, *critic.regularizers, *self._following(critic)]
        of_parts = (v for part in parts for v in part.variables)
        return unique([*critic.network.weights, *of_parts])

    def _critics_gradients(self, scene, keys, scales):
        players = self._players[:-1]
        keys, updates = iter(keys), self._state.discriminator_updates.value
        # By name; the parts of a shared loss are differentiated for one player after the other.
        phases = self._game.critics_have_timed_parts
        with tf.GradientTape(persistent=len(players) > 1 or phases) as tape:
            values, logits = {"d_loss": tf.zeros([])}, {}
            parts = [self._critics_parts_of(p, scene, keys, values, logits) for p in players]
            for place, term in self._game.terms_of("discriminator"):
                key = log_key(term, "discriminator")
                part, values[key] = evaluated(term, scene.with_seed_of(place), self._state, updates)
                for player, own in zip(players, parts, strict=True):
                    if part is not None and self._game.concerns(term, player):
                        own.append(part)
            totals = [total_of(own) for own in parts]
        self._count_from_start(values, "d_loss")
        gradients = [
            gradient
            for player, total, scale in zip(players, totals, scales, strict=True)
            for gradient in tape.gradient(total, player.variables, output_gradients=scale)
        ]
        found = [
            (has_turn(own[1:]), turns(tape, own[1:], player.variables) if phases else {})
            for player, own in zip(players, parts, strict=True)
        ]
        return gradients, {**values, "totals": totals}, logits, found

    def _critics_parts_of(self, player, scene, keys, values, logits):
        """What a player's critics minimise, but for terms: the first part is what layers add."""
        parts, own_loss, known = [], tf.constant(0.0), set()
        for critic in player.critics:
            new = id(critic.network) not in known
            known.add(id(critic.network))
            if critic.loss is None:
                own_loss += layer_losses(critic.network) if new else 0.0
                continue
            judge = scene.judge(critic.name)
            pair = {"real_logits": judge.outputs("real")["logits"]}
            own_loss += (layer_losses if new else activity_losses)(critic.network)
            pair["fake_logits"] = judge.outputs("fake")["logits"]
            own_loss += activity_losses(critic.network)
            logits[critic.name] = pair
            loss = self._critic_loss(critic, scene, pair)
            penalty, found = self._penalties_of(critic, scene, pair, keys)
            penalty = self._once_started(critic, penalty)
            self._note_loss(values, critic, "d_loss", loss)
            values.update(found)
            active = critic.starts_by(self._state.steps_seen.value)
            parts.append(Part(loss + penalty, active, critic))
        self._note_layer_losses(values, "d", own_loss)
        return [Part(own_loss), *parts]

    def _critic_loss(self, critic, scene, logits):
        """What a critic minimises, without penalties; 0 before its start."""
        values = over_scales(critic.loss.discriminator_loss, **logits)
        loss = mean_of_rows(values, scene.weights_of_rows(critic), critic.pack)
        return self._once_started(critic, loss)

    def _once_started(self, critic, value):
        starts = critic.starts_by(self._state.steps_seen.value)
        return value if starts is True else tf.where(starts, value, tf.zeros_like(value))

    def _penalties_of(self, critic, scene, logits, keys):
        """The sum of the weighted penalties, and the unweighted ones for the logs."""
        judge, rows = scene.judge(critic.name), scene.weights_of_rows(critic)
        total, values = 0.0, {}
        for name, regularizer in critic.penalties.items():
            key = next(keys)
            k = regularizer.every if self.trains(DISCRIMINATOR) else 1
            evaluate = functools.partial(
                self._penalty, regularizer, judge, logits, key, apart=k > 1
            )
            due = tf.equal(self._state.discriminator_updates.value % k, 0)
            if k > 1 and replicas.alone():
                size = tf.shape(tf.nest.flatten(judge.sides["real"].samples)[0])[0]
                penalty = mean_of_rows(
                    tf.cond(due, evaluate, lambda size=size: tf.zeros([size])), rows, critic.pack
                )
            else:  # there can be no all-reduce inside a branch
                penalty = tf.cast(due, "float32") * mean_of_rows(evaluate(), rows, critic.pack)
            total += weight_of(regularizer, self._state) * k * penalty
            # Where it was not evaluated it does not count in the mean of the logs.
            values[name] = (penalty, tf.cast(due, "float32"))
        return total, values

    def _penalty(self, regularizer, judge, logits, seed, *, apart):
        """A penalty of each sample; apart: on passes that may be left out, so change nothing."""
        shown = judge.sides["real"].samples, judge.sides["fake"].samples
        with replicas.rows_of(judge.critic.pack):
            if not apart:
                return regularizer.value(judge, *shown, seed=seed, **logits)
            with preserved_statistics(judge.critic.network, seed):
                return regularizer.value(judge.anew(), *shown, seed=seed, **logits)

    def _shown_from_pools(self, tensors, number):
        """By critic with a pool, what its update is shown in place of the newest samples."""
        shown = {}
        for place, critic in enumerate(self._game.critics):
            if critic.pool is not None:
                names = unique((*critic.fake, *critic.fake_condition))
                seed = self._seed_of(seeds.POOLS, number, place)
                fresh = {name: tensors[name] for name in names}
                shown[critic.name] = critic.pool.exchanged(fresh, seed)
        return shown

    # === Logs ===

    def _norms_of_critics(self, norms):
        if len(norms) == 1:
            return {"d_gradient_norm": norms[0]}
        return {
            "d_gradient_norm": tf.linalg.global_norm(norms),
            **{
                f"d_gradient_norm_{player.name}": norm
                for player, norm in zip(self._players, norms, strict=False)
            },
        }

    def _accuracies(self, logits):
        """How often critics are right: those of a single one, or the means and each one's."""
        found = {}
        for critic in self._game.critics:
            if critic.name in logits:
                threshold = critic.loss.threshold
                found[critic.name] = losses.discriminator_accuracies(
                    **logits[critic.name], threshold=threshold
                )
        if not found:
            return {}
        means = [tf.reduce_mean(tf.stack(each)) for each in zip(*found.values(), strict=True)]
        if len(found) == 1:
            means = next(iter(found.values()))
        named = dict(zip(ACCURACY_KEYS, means, strict=True))
        if len(self._game.critics) > 1:
            for name, each in found.items():
                for key, accuracy in zip(ACCURACY_KEYS, each, strict=True):
                    named[f"{key}_{name}"] = accuracy
        return named


def _repeated(values, counts):
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]


def _split(values, sizes):
    """Consecutive parts of a list."""
    values = iter(values)
    return [[next(values) for _ in range(size)] for size in sizes]
