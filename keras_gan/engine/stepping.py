"""One training step: the discriminator's updates, then the generator's."""

import functools

import tensorflow as tf

from keras_gan import losses, schedules
from keras_gan.backend import packing, replicas, seeds
from keras_gan.backend.determinism import ordered
from keras_gan.backend.gradients import Scores
from keras_gan.engine import ema, updates
from keras_gan.engine.evaluating import ACCURACY_KEYS
from keras_gan.engine.state import DISCRIMINATOR, GENERATOR, add
from keras_gan.engine.updates import activity_losses, layer_losses
from keras_gan.feeding.samples import flat, to_float, unpack


class Stepping:
    """The part of `GAN` that is one training step."""

    @ordered
    def train_step(self, data):
        """One step: the discriminator's updates, then the generator's.

        Called by `fit` in a graph. `data` is a flat batch of `discriminator_steps * batch_size`
        real samples, with their labels if the model is conditional. The last discriminator
        update and the first generator update share one pass of the generator.
        """
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):  # at the end of data nothing may run
            share, last = self._shares(data), self.discriminator_steps - 1
            results = []
            if self.trains(DISCRIMINATOR):
                results += updates.in_turn(lambda k: self._discriminator_step(k, *share(k)), last)
            real, labels = share(last)
            results += self._shared_step(last, real, labels)
            results += updates.in_turn(
                lambda k: self._generator_step(k, real, labels), self._generator_updates - 1
            )
            self._count_step(data)
            return self._log(results)

    def _discriminator_step(self, number, real, labels):
        """One of the discriminator's updates but the last, on noise of its own."""
        seed = self._seeds(number)
        fake = self._still_samples(self._latents(real, next(seed)), labels, number)
        return self._update_discriminator(real, fake, labels, seed)

    def _shared_step(self, number, real, labels):
        """The discriminator's last update and the generator's first, on the same samples."""
        seed = self._seeds(number)
        latents = self._latents(real, next(seed))
        statistics = updates.Statistics(self.generator)
        if self.accumulation_steps == 1:
            shared = self._generator_pass(latents, labels)
            generate, fake = (lambda number: shared), tf.stop_gradient(shared[1])
        else:  # keeping all passes for later would take the memory of all
            generate = functools.partial(self._generator_pass, latents, labels)
            fake = self._still_samples(latents, labels, number)
        return [
            self._update_discriminator(real, fake, labels, seed),
            self._update_generator(generate, real, labels, statistics, 0),
        ]

    def _generator_step(self, number, real, labels):
        """One of the generator's updates but the first, on noise of its own."""
        latents = self._latents(real, next(self._seeds(self.discriminator_steps, number)))
        statistics = updates.Statistics(self.generator)
        generate = functools.partial(self._generator_pass, latents, labels)
        return self._update_generator(generate, real, labels, statistics, 1 + number)

    # --- The discriminator's update ---

    def _update_discriminator(self, real, fake, labels, seed):
        """Score both batches, sum the loss and the penalties, apply ONE update."""
        statistics = updates.Statistics(self.discriminator)
        keys = [next(seed) for _ in self._penalties]
        scale = updates.loss_scale(self.discriminator_optimizer)

        def part(number):
            with replicas.micro_batch(number, self.accumulation_steps):
                batch = self._part(number, real, fake, labels)
                return self._discriminator_gradients(*batch, keys, scale)

        gradients, total, logits, values = updates.accumulated(part, self.accumulation_steps, scale)

        def after_update(logits):
            for regularizer in self.regularizers:
                regularizer.after_update(self.discriminator, **logits)

        norm = self._apply(DISCRIMINATOR, gradients, total, statistics, after_update, logits)
        accuracies = losses.discriminator_accuracies(
            **logits, threshold=self.adversarial_loss.threshold
        )
        return {
            "d_gradient_norm": norm,
            **dict(zip(ACCURACY_KEYS, accuracies, strict=True)),
            **values,
        }

    def _discriminator_gradients(self, real, fake, labels, keys, scale):
        def judge(samples):
            return self._score(samples, labels, training=True)

        real, fake = packing.packed(real, self.pack), packing.packed(fake, self.pack)
        with tf.GradientTape() as tape:
            scores = Scores(judge, scale)
            logits = {"real_logits": scores(real)}
            own_loss = layer_losses(self.discriminator)
            logits["fake_logits"] = scores(fake)
            own_loss += activity_losses(self.discriminator)
            loss = tf.reduce_mean(self.adversarial_loss.discriminator_loss(**logits))
            penalty, values = self._penalise(scores, real, fake, logits, keys)
            total = loss + penalty + own_loss
        gradients = tape.gradient(
            total, self.discriminator.trainable_variables, output_gradients=scale
        )
        return gradients, total, logits, {"d_loss": loss, **values}

    def _penalise(self, scores, real, fake, logits, keys):
        """The sum of the weighted penalties, and the unweighted ones for the logs."""
        total, values = 0.0, {}
        for name, regularizer, key in zip(self._penalty_names, self._penalties, keys, strict=True):
            k = regularizer.every if self.trains(DISCRIMINATOR) else 1
            evaluate = functools.partial(
                self._penalty, regularizer, scores, real, fake, logits, key, apart=k > 1
            )
            due = tf.equal(self._state.discriminator_updates.value % k, 0)
            if k > 1 and replicas.alone():
                penalty = tf.reduce_mean(
                    tf.cond(due, evaluate, lambda: tf.zeros([tf.shape(real)[0]]))
                )
            else:  # replicas cannot meet inside of a branch
                penalty = tf.cast(due, "float32") * tf.reduce_mean(evaluate())
            weight = schedules.value(regularizer.weight, self._state.images_seen.value)
            total += weight * k * penalty
            # Where it was not evaluated it does not count in the mean of the logs.
            values[name] = (penalty, tf.cast(due, "float32"))
        return total, values

    def _penalty(self, regularizer, scores, real, fake, logits, seed, *, apart):
        """A penalty of each sample; apart: on passes that may be left out, so change nothing."""
        if not apart:
            return regularizer.value(scores, real, fake, seed=seed, **logits)
        with updates.standing_still(self.discriminator, seed):
            return regularizer.value(scores.anew(), real, fake, seed=seed, **logits)

    # --- The generator's update ---

    def _generator_pass(self, latents, labels, number=0):
        """The generator's pass on one micro-batch, on its tape."""
        latents, labels = self._part(number, latents, labels)
        with tf.GradientTape() as tape:
            fake = self._generate(latents, labels)
            own_loss = layer_losses(self.generator)
        return tape, fake, own_loss

    def _update_generator(self, generate, real, labels, statistics, update):
        """Score the samples, and take the verdict back through them to the generator alone."""
        scale = updates.loss_scale(self.generator_optimizer)

        def part(number):
            batch = self._part(number, real, labels)
            with self._standing_still(self.discriminator, update, number):
                return self._generator_gradients(generate(number=number), *batch, scale)

        gradients, total, _, values = updates.accumulated(part, self.accumulation_steps, scale)
        images = tf.shape(real)[0] * replicas.count()
        norm = self._apply(GENERATOR, gradients, total, statistics, self._follow_generator, images)
        return {"g_gradient_norm": norm, **values}

    def _generator_gradients(self, generated, real, labels, scale):
        tape, fake, own_loss = generated
        with tf.GradientTape() as verdict_tape:
            verdict_tape.watch(fake)
            loss = self._generator_loss(real, fake, labels)
        verdict = verdict_tape.gradient(loss, fake, output_gradients=scale)
        gradients = tape.gradient(
            [fake, own_loss],
            self.generator.trainable_variables,
            output_gradients=[verdict, tf.ones([]) if scale is None else scale],
        )
        return gradients, loss + own_loss, {}, {"g_loss": loss}

    def _generator_loss(self, real, fake, labels):
        fake_logits = self._score(packing.packed(fake, self.pack), labels, training=True)
        real_logits = None
        if self.adversarial_loss.generator_needs_real:
            real_logits = self._score(packing.packed(real, self.pack), labels, training=True)
        return tf.reduce_mean(self.adversarial_loss.generator_loss(real_logits, fake_logits))

    def _follow_generator(self, images):
        add(self._state.generator_images, images)
        if self.ema_halflife_images is not None:
            halflife = ema.halflife(
                self.ema_halflife_images,
                self._state.images_seen.value,
                self._state.generator_images.value,
            )
            weight = ema.decay(images, halflife)
            ema.follow(self.averaged_generator.weights, self.generator.weights, weight)

    # --- Both ---

    def _apply(self, player, gradients, loss, statistics, after_update, *tensors):
        """Update a player, if it trains; returns the norm of its gradients."""
        gradients, applied = replicas.total(updates.dense(gradients)), False
        norm = updates.norm(gradients, player)
        if self.trains(player):
            applied = updates.apply_if_finite(
                player,
                (self.discriminator_optimizer, self.generator_optimizer),
                gradients,
                [n.trainable_variables for n in (self.discriminator, self.generator)],
                norm,
                replicas.mean(loss),
                self._state,
                after_update,
                *tensors,
            )
        statistics.restore(unless=applied)
        return norm

    def _count_step(self, data):
        add(self._state.steps_seen, 1)
        add(self._state.images_seen, tf.shape(flat(data)[0])[0] * replicas.count())

    # === What a step is made of ===

    def _shares(self, data):
        """A function from an update's number to its `(real, labels)`: the flat batch by stride."""
        samples, labels = unpack(data)
        n = self.discriminator_steps
        real = to_float(samples)

        def share(number):
            return tuple(None if t is None else packing.every(t, number, n) for t in (real, labels))

        return share

    def _seeds(self, update, further=0):
        """Seeds from the discriminator's update of that number on, but for the first `further`."""
        first = update * (1 + len(self._penalties)) + further
        return seeds.sequence(self.seed, seeds.TRAINING, self._state.steps_seen.value, first)

    def _standing_still(self, network, update, part=0):
        """A block in which a network stands still, in a micro-batch of an update of the other's."""
        number = update * self.accumulation_steps + part
        seed = seeds.sequence(self.seed, seeds.STANDING, self._state.steps_seen.value, number)
        return updates.standing_still(network, next(seed))

    def _part(self, number, *batch):
        """One of `accumulation_steps` micro-batches: whole packs of a batch, by stride."""
        k, size = self.accumulation_steps, self.pack
        return tuple(None if t is None else packing.every(t, number, k, size) for t in batch)

    def _latents(self, real, seed):
        """As many latents as there are real samples: this replica's rows of the global noise."""
        latents = replicas.rows(
            lambda rows: self.prior(tf.stack([rows, self.latent_dim]), seed), tf.shape(real)[0]
        )
        return tf.ensure_shape(latents, [real.shape[0], self.latent_dim])

    def _still_samples(self, latents, labels, update):
        """Samples for the discriminator to learn from, while the generator stands still."""
        with self._standing_still(self.generator, update):
            return self._generate(latents, labels)

    def _generate(self, latents, labels, *, generator=None, training=True):
        samples = self._run(generator or self.generator, latents, labels, training=training)
        return tf.cast(samples, "float32")

    def _score(self, samples, labels, *, training):
        return self._run(self.discriminator, samples, labels, training=training)

    def _run(self, network, inputs, labels, *, training):
        if self.num_classes is None:
            return network(inputs, training=training)
        # Keras takes no mixture of tensors and arrays.
        return network([inputs, tf.convert_to_tensor(labels)], training=training)
