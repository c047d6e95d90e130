"""An update of the generator, which learns through the discriminator; and the average after it."""

import functools

import tensorflow as tf

from keras_gan.backend import packing, replicas
from keras_gan.engine import ema
from keras_gan.engine.accumulation import accumulated, loss_scale
from keras_gan.engine.layer_losses import layer_losses
from keras_gan.engine.passes import Passes
from keras_gan.engine.preserved import Statistics
from keras_gan.engine.scene import Scene
from keras_gan.engine.state import GENERATOR, add


class GeneratorUpdate(Passes):
    """The part of `GAN` that updates the generator."""

    def _shared_step(self, number, scene):
        """The discriminator's last update and the generator's first, on the same samples."""
        seed = self._seeds(number)
        latents = self._latents(scene.real, next(seed))
        statistics = Statistics(self.generator)
        if self.accumulation_steps == 1:
            shared = self._generator_pass(latents, scene.labels)
            generate, fake = (lambda number: shared), tf.stop_gradient(shared[1])
        else:  # keeping all passes for later would take the memory of all
            generate = functools.partial(self._generator_pass, latents, scene.labels)
            fake = self._samples_to_judge(latents, scene.labels, number)
        return [
            self._update_discriminator(scene._replace(fake=fake), seed),
            self._update_generator(generate, scene, statistics, 0),
        ]

    def _generator_step(self, number, scene):
        """One of the generator's updates but the first, on noise of its own."""
        latents = self._latents(scene.real, next(self._seeds(self.discriminator_steps, number)))
        statistics = Statistics(self.generator)
        generate = functools.partial(self._generator_pass, latents, scene.labels)
        return self._update_generator(generate, scene, statistics, 1 + number)

    def _generator_pass(self, latents, labels, number=0):
        """The generator's pass on one micro-batch, on its tape."""
        latents, _, labels = self._part(Scene(latents, labels=labels), number)
        with tf.GradientTape() as tape:
            fake = self._generate(latents, labels)
            own_loss = layer_losses(self.generator)
        return tape, fake, own_loss

    def _update_generator(self, generate, scene, statistics, update):
        """Score the samples, and take the verdict back through them to the generator alone."""
        scale = loss_scale(self.generator_optimizer)

        def part(number):
            batch = self._part(scene, number)
            with self._preserved(self.discriminator, update, number):
                return self._generator_gradients(generate(number=number), batch, scale)

        gradients, total, _, values = accumulated(part, self.accumulation_steps, scale)
        images = tf.shape(scene.real)[0] * replicas.count()
        norm = self._apply(GENERATOR, gradients, total, statistics, self._follow_generator, images)
        return {"g_gradient_norm": norm, **values}

    def _generator_gradients(self, generated, scene, scale):
        tape, fake, own_loss = generated
        with tf.GradientTape() as verdict_tape:
            verdict_tape.watch(fake)
            loss = self._generator_loss(scene._replace(fake=fake))
        verdict = verdict_tape.gradient(loss, fake, output_gradients=scale)
        gradients = tape.gradient(
            [fake, own_loss],
            self.generator.trainable_variables,
            output_gradients=[verdict, tf.ones([]) if scale is None else scale],
        )
        return gradients, loss + own_loss, {}, {"g_loss": loss}

    def _generator_loss(self, scene):
        fake_logits = self._judged(scene.fake, scene.labels)
        real_logits = None
        if self.adversarial_loss.generator_needs_real:
            real_logits = self._judged(scene.real, scene.labels)
        return tf.reduce_mean(self.adversarial_loss.generator_loss(real_logits, fake_logits))

    def _judged(self, samples, labels):
        return self._score(packing.packed(samples, self.pack), labels, training=True)

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
