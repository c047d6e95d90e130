"""What the updates of both players are made of: scenes, noise, passes, and applying gradients."""

import tensorflow as tf

from keras_gan.backend import replicas, seeds
from keras_gan.engine import updates
from keras_gan.engine.accumulation import dense
from keras_gan.engine.players import players_of
from keras_gan.engine.preserved import preserved_statistics
from keras_gan.engine.scene import Scene
from keras_gan.engine.state import add
from keras_gan.feeding.sample_spec import flat, to_float, unpack


class Passes:
    """The part of `GAN` that the updates of both players share."""

    def _scenes(self, data):
        """A function from an update's number to its `Scene`: rows of the flat batch, by stride."""
        samples, labels = unpack(data)
        scene = Scene(to_float(samples), labels=labels)
        return lambda number: scene.every(number, self.discriminator_steps)

    def _seeds(self, update, further=0):
        """Seeds from the discriminator's update of that number on, but for the first `further`."""
        first = update * (1 + len(self._penalties)) + further
        return seeds.sequence(self.seed, seeds.TRAINING, self._state.steps_seen.value, first)

    def _preserved(self, network, update, part=0):
        """A block that leaves a network as it was, in a micro-batch of an update of the other."""
        number = update * self.accumulation_steps + part
        seed = seeds.sequence(self.seed, seeds.STANDING, self._state.steps_seen.value, number)
        return preserved_statistics(network, next(seed))

    def _part(self, scene, number):
        """One of `accumulation_steps` micro-batches of a scene: whole packs, by stride."""
        return scene.every(number, self.accumulation_steps, self.pack)

    def _latents(self, real, seed):
        """As many latents as there are real samples: this replica's rows of the global noise."""
        latents = replicas.local_rows(
            lambda rows: self.prior(tf.stack([rows, self.latent_dim]), seed), tf.shape(real)[0]
        )
        return tf.ensure_shape(latents, [real.shape[0], self.latent_dim])

    def _samples_to_judge(self, latents, labels, update):
        """Samples for the discriminator to learn from; the generator's statistics stay."""
        with self._preserved(self.generator, update):
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

    # === Applying ===

    def _apply(self, player, gradients, loss, statistics, after_update, *tensors):
        """Update a player, if it trains; returns the norm of its gradients."""
        gradients, applied = replicas.all_reduce_mean(dense(gradients)), False
        norm = updates.norm(gradients, player)
        if self.trains(player):
            applied = updates.apply_if_finite(
                player,
                players_of(self),
                gradients,
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
