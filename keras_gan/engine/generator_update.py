"""An update of the generator, which learns through the critics and terms; and its average."""

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.backend import replicas, seeds
from keras_gan.engine import adaptive, ema
from keras_gan.engine.accumulation import accumulated, loss_scale
from keras_gan.engine.compiled_critic import mean_of_rows, over_scales
from keras_gan.engine.game import weight_of
from keras_gan.engine.layer_losses import layer_losses
from keras_gan.engine.passes import Passes, stopped
from keras_gan.engine.players import unique
from keras_gan.engine.preserved import Statistics
from keras_gan.engine.scene import Scene
from keras_gan.engine.state import GENERATOR, add
from keras_gan.engine.term_values import evaluated


class GeneratorUpdate(Passes):
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

        def part(of):
            with replicas.micro_batch(of, self.accumulation_steps):
                return self._generator_gradients(tensors, update, of, scale, pause)

        parts = 1 + len(self._adaptive_critics)
        scales = [scale] * (parts * len(player.variables))
        gradients, values, _ = accumulated(part, self.accumulation_steps, scales)
        gradients, weights = adaptive.combined(
            self._totals(gradients), self._adaptive_critics, player.variables
        )
        total, images = values.pop("total"), _size(tensors) * replicas.count()
        norm = self._apply(
            player,
            gradients,
            total,
            [statistics],
            self._after_generator,
            images,
            self._terms_due("generator", values),
            active=self._generator_has_turn(),
        )
        if self.trains(GENERATOR):
            add(self._state.generator_updates, 1)
        return {"g_gradient_norm": norm, **values, **weights}

    def _generator_gradients(self, tensors, update, number, scale, pause):
        batch = self._part(tensors, number)
        with tf.GradientTape(persistent=bool(self._adaptive_critics)) as tape:
            made, own_loss, forward = self._generated(batch)
            if pause is not None:
                with tape.stop_recording():
                    pause(made)
            with self._preserved(self._critic_networks(), update, number):
                scene = Scene(
                    {**batch, **made},
                    self._game.critics,
                    player="generator",
                    seed=self._seed_of(seeds.TERMS, self.discriminator_steps + update, number),
                    whole=tensors,
                    forward=forward,
                    augment=self._augment_for(
                        self._seed_of(seeds.AUGMENTING, self.discriminator_steps + update)
                    ),
                )
                loss, apart, values = self._adversarial_losses(scene)
                loss, values = self._with_terms(loss, scene, values)
            loss += own_loss
        losses = [loss, *apart]
        gradients = [
            gradient
            for each in losses
            for gradient in tape.gradient(each, self._players[-1].variables, output_gradients=scale)
        ]
        total = sum(apart, loss)
        self._note_layer_losses(values, "g", own_loss)
        return gradients, {**values, "total": total}, {}

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

    def _adversarial_losses(self, scene):
        """The critics' part: the sum of the weighted losses, those with weights found by
        gradients, and what is logged.
        """
        total, apart, values = None, [], {"g_loss": tf.zeros([])}
        for critic in self._game.critics:
            if critic.loss is None:
                continue
            loss = self._adversarial_loss(critic, scene)
            (loss,) = self._once_started(critic, loss)
            weighted = loss
            if isinstance(critic.weight, AdaptiveWeight):
                apart.append(loss)
            else:
                weight = weight_of(critic, self._state)
                if not (isinstance(weight, (int, float)) and weight == 1.0):
                    weighted = weight * loss
                total = weighted if total is None else total + weighted
            single = len(self._game.critics) == 1
            values["g_loss"] = weighted if single else values["g_loss"] + weighted
            if not single:
                values[f"g_loss_{critic.name}"] = loss
        return (tf.zeros([]) if total is None else total), apart, values

    def _adversarial_loss(self, critic, scene):
        made = self._game.generator.outputs
        learns_real = any(name in made for name in critic.real)
        judge, real_logits = scene.judge(critic.name), None
        fake_logits = judge.outputs("fake")["logits"]
        if learns_real or critic.loss.generator_needs_real:
            real_logits = judge.outputs("real")["logits"]
        needed = real_logits if critic.loss.generator_needs_real else None
        values = over_scales(critic.loss.generator_loss, needed, fake_logits)
        if learns_real:
            values += over_scales(_of_real(critic.loss), real_logits, real_logits)
        rows = None if critic.sample_weight is None else scene[critic.sample_weight]
        return mean_of_rows(values, rows, critic.pack)

    def _with_terms(self, loss, scene, values):
        updates = self._state.generator_updates.value
        for place, term in self._game.terms_of("generator"):
            weighted, found = evaluated(term, scene.with_seed_of(place), self._state, updates)
            loss += weighted
            values[term.name] = found
        return loss, values

    def _after_generator(self, images, due):
        """What follows an update that was applied."""
        self._move_terms("generator", due)
        add(self._state.generator_images, images)
        if self.ema_halflife_images is not None:
            halflife = ema.halflife(
                self.ema_halflife_images,
                self._state.images_seen.value,
                self._state.generator_images.value,
            )
            weight = ema.decay(images, halflife)
            ema.follow(self.averaged_generator.weights, self.generator.weights, weight)

    @property
    def _adaptive_critics(self):
        critics = self._game.critics
        return [c for c in critics if isinstance(c.weight, AdaptiveWeight) and c.loss is not None]

    def _critic_networks(self):
        return unique(critic.network for critic in self._game.critics)

    def _generator_has_turn(self):
        """Whether anything trains the generator by now: `True`, or a boolean tensor."""
        if self._game.terms_of("generator") or not self._game.critics:
            return True
        starts = [c.start_step for c in self._game.critics if c.loss is not None]
        first = min(starts, default=0)
        return True if first == 0 else self._state.steps_seen.value >= first


def _of_real(loss):
    return lambda real_logits, _: loss.generator_loss_of_real(real_logits)


def _size(tensors):
    return tf.shape(next(iter(tensors.values())))[0]
