"""An update of the discriminator: loss and penalties of one batch of each kind of samples."""

import functools

import tensorflow as tf

from keras_gan import losses, schedules
from keras_gan.backend import replicas
from keras_gan.backend.gradients import MemoizedDiscriminator
from keras_gan.engine.accumulation import accumulated, loss_scale
from keras_gan.engine.evaluating import ACCURACY_KEYS
from keras_gan.engine.layer_losses import activity_losses, layer_losses
from keras_gan.engine.passes import Passes
from keras_gan.engine.preserved import Statistics, preserved_statistics
from keras_gan.engine.state import DISCRIMINATOR


class DiscriminatorUpdate(Passes):
    """The part of `GAN` that updates the discriminator."""

    def _discriminator_step(self, number, scene):
        """One of the discriminator's updates but the last, on noise of its own."""
        seed = self._seeds(number)
        fake = self._samples_to_judge(self._latents(scene.real, next(seed)), scene.labels, number)
        return self._update_discriminator(scene._replace(fake=fake), seed)

    def _update_discriminator(self, scene, seed):
        """Score both kinds of samples, sum the loss and the penalties, apply ONE update."""
        statistics = Statistics(self.discriminator)
        keys = [next(seed) for _ in self._penalties]
        scale = loss_scale(self.discriminator_optimizer)

        def part(number):
            with replicas.micro_batch(number, self.accumulation_steps):
                return self._discriminator_gradients(self._part(scene, number), keys, scale)

        gradients, total, logits, values = accumulated(part, self.accumulation_steps, scale)

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

    def _discriminator_gradients(self, scene, keys, scale):
        def judge(samples):
            return self._score(samples, scene.labels, training=True)

        scene = scene.packed(self.pack)
        with tf.GradientTape() as tape:
            critic = MemoizedDiscriminator(judge, scale)
            logits = {"real_logits": critic(scene.real)}
            own_loss = layer_losses(self.discriminator)
            logits["fake_logits"] = critic(scene.fake)
            own_loss += activity_losses(self.discriminator)
            loss = tf.reduce_mean(self.adversarial_loss.discriminator_loss(**logits))
            penalty, values = self._penalties_of(scene, critic, logits, keys)
            total = loss + penalty + own_loss
        gradients = tape.gradient(
            total, self.discriminator.trainable_variables, output_gradients=scale
        )
        return gradients, total, logits, {"d_loss": loss, **values}

    def _penalties_of(self, scene, critic, logits, keys):
        """The sum of the weighted penalties, and the unweighted ones for the logs."""
        total, values = 0.0, {}
        for name, regularizer, key in zip(self._penalty_names, self._penalties, keys, strict=True):
            k = regularizer.every if self.trains(DISCRIMINATOR) else 1
            evaluate = functools.partial(
                self._penalty, regularizer, scene, critic, logits, key, apart=k > 1
            )
            due = tf.equal(self._state.discriminator_updates.value % k, 0)
            if k > 1 and replicas.alone():
                penalty = tf.reduce_mean(
                    tf.cond(due, evaluate, lambda: tf.zeros([tf.shape(scene.real)[0]]))
                )
            else:  # replicas cannot meet inside of a branch
                penalty = tf.cast(due, "float32") * tf.reduce_mean(evaluate())
            weight = schedules.value(regularizer.weight, self._state.images_seen.value)
            total += weight * k * penalty
            # Where it was not evaluated it does not count in the mean of the logs.
            values[name] = (penalty, tf.cast(due, "float32"))
        return total, values

    def _penalty(self, regularizer, scene, critic, logits, seed, *, apart):
        """A penalty of each sample; apart: on passes that may be left out, so change nothing."""
        if not apart:
            return regularizer.value(critic, scene.real, scene.fake, seed=seed, **logits)
        with preserved_statistics(self.discriminator, seed):
            return regularizer.value(critic.anew(), scene.real, scene.fake, seed=seed, **logits)
