"""An update of the generator, which learns through the critics and terms; and its average."""

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.backend import replicas
from keras_gan.engine import adaptive, ema
from keras_gan.engine.accumulation import accumulated, loss_scale
from keras_gan.engine.generator_losses import GeneratorLosses
from keras_gan.engine.parts import has_turn, layer_losses, turns
from keras_gan.engine.player_update import PlayerUpdate, stopped
from keras_gan.engine.players import unique
from keras_gan.engine.preserved import Statistics, begins_anew
from keras_gan.engine.scene import Scene, num_rows
from keras_gan.engine.state import GENERATOR, add


class GeneratorUpdate(GeneratorLosses, PlayerUpdate):
    """The part of a model that updates the generator."""

    def _shared_step(self, number, tensors):
        """The critics' last update and the generator's first, on the same samples."""
        seed = self._seeds(number)
        tensors = self._with_draws(tensors, next(seed))
        statistics = Statistics(self.generator)
        if self.accumulation_steps > 1:  # keeping all passes for later would take all memory
            critics = self._update_critics(self._to_judge(tensors, number), seed, number)
            return [critics, self._update_generator(tensors, statistics, 0)]
        critics = []

        def update_critics(made):
            critics.append(self._update_critics({**tensors, **stopped(made)}, seed, number))

        generator = self._update_generator(tensors, statistics, 0, update_critics)
        return [*critics, generator]

    def _generator_step(self, number, tensors):
        """One of the generator's updates but the first, on noise of its own."""
        seed = next(self._seeds(self.discriminator_steps, number))
        statistics = Statistics(self.generator)
        return self._update_generator(self._with_draws(tensors, seed), statistics, 1 + number)

    def _update_generator(self, tensors, statistics, update, pause=None):
        """Make samples, have them judged, and take the gradients back to the generator.

        Args:
            tensors: of the update, by name, drawn ones included.
            statistics: the generator's, from before the update.
            update: its number in the step.
            pause: called with the outputs between making and judging, while nothing is recorded.
        """
        player = self._players[-1]
        scale = loss_scale(player.optimizer)
        begin = begins_anew([self.generator], self.accumulation_steps)

        def part(of):
            with self._micro_batch(of):
                begin()
                return self._generator_gradients(tensors, update, of, scale, pause)

        scales = [scale] * (adaptive.num_sums(self._adaptive_critics) * len(player.variables))
        gradients, values, _, (active, of_variables) = accumulated(
            part, self.accumulation_steps, scales
        )
        gradients, weights = adaptive.combined(
            self._totals(gradients), self._adaptive_critics, player.variables
        )
        for critic in self._adaptive_critics:
            if critic.start_step:  # before it the critic has no gradient to compare with
                key = adaptive.log_key(critic, self._adaptive_critics)
                plays = critic.starts_by(self._state.steps_seen.value)
                weights[key] = weights[key], tf.cast(plays, "float32")
        total, images = values.pop("total"), num_rows(tensors) * replicas.count()
        norm = self._apply(
            player,
            gradients,
            total,
            [statistics],
            self._after_generator,
            images,
            self._terms_due("generator", values),
            active=active,
            turns=of_variables,
        )
        if self.trains(GENERATOR):
            add(self._state.generator_updates, 1)
        return {"g_gradient_norm": norm, **values, **weights}

    def _generator_gradients(self, tensors, update, number, scale, pause):
        batch = self._part(tensors, number)
        variables = self._players[-1].variables
        with tf.GradientTape(
            persistent=self._game.has_timed_parts or bool(self._adaptive_critics)
        ) as tape:
            made, own_loss, forward = self._generated(batch)
            if pause is not None:
                with tape.stop_recording():
                    pause(made)
            networks = unique(critic.network for critic in self._game.critics)
            with self._preserved(networks, update, number):
                scene = Scene(
                    {**batch, **made},
                    self._game.critics,
                    player="generator",
                    seed=self._seed_of_terms(self.discriminator_steps + update),
                    whole=tensors,
                    forward=forward,
                    augment=self._augment_for(self.discriminator_steps + update),
                    images_seen=self._state.images_seen.value,
                )
                parts, values = self._generator_parts(scene, own_loss)
            sums = adaptive.sums(parts, self._adaptive_critics)
        gradients = [
            gradient
            for each in sums
            for gradient in tape.gradient(each, variables, output_gradients=scale)
        ]
        of_variables = turns(tape, parts[:-1], variables) if self._game.has_timed_parts else {}
        values["total"] = sum(sums[1:], sums[0])
        return gradients, values, {}, (has_turn(parts[:-1]), of_variables)

    def _generated(self, batch):
        """The generator's outputs, its layers' losses, and a tape of the pass if a term asks."""
        generator = self._game.generator
        if not self._game.differentiates:
            made = generator(batch, training=True)
            return made, layer_losses(generator.network), None
        given = {name: batch[name] for name in generator.inputs}
        with tf.GradientTape(persistent=True) as forward:
            forward.watch([tensor for tensor in given.values() if tensor.dtype.is_floating])
            made = generator(given, training=True)
        return made, layer_losses(generator.network), forward

    def _after_generator(self, images, due):
        self._move_terms("generator", due)
        add(self._state.generator_images, images)
        if self.ema_halflife_images is not None:
            halflife = ema.halflife(
                self.ema_halflife_images,
                self._state.images_seen.value,
                self._state.generator_images.value,
                self._state.steps_seen.value,
            )
            weight = ema.decay(images, halflife)
            ema.follow(self.averaged_generator.weights, self.generator.weights, weight)

    @property
    def _adaptive_critics(self):
        critics = self._game.critics
        return [c for c in critics if isinstance(c.weight, AdaptiveWeight) and c.loss is not None]
