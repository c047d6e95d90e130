"""P1 of the recipes: a `keras.Model` with a training step written out in the documentation's style.

The networks are the package's own. As in `documentation.py`, each update of a player
draws latents and runs the generator anew. R1 and R2 are gradients of an inner tape, around the
logits that the loss takes. Image to image has the step of TensorFlow's tutorial "pix2pix": one pass
of the generator and two of the discriminator, whose gradients for both players are of the weights
before the step.
"""

import tensorflow as tf

from benchmarks.speed.throughput.documentation import DocumentationGAN, batches
from keras_gan import networks


def build(recipe, policy):
    """`(generator, discriminator)` of a recipe, in a dtype policy."""
    shape, filters = recipe.sample_shape, recipe.filters
    both = {"generator_filters": filters, "discriminator_filters": filters}
    if recipe.name == "dcgan":
        return networks.dcgan(shape, recipe.latent_dim, precision=policy, **both)
    if recipe.name == "sngan":
        return networks.resnet(shape, recipe.latent_dim, precision=policy, **both)
    if recipe.name == "r3gan":
        return networks.r3gan(shape, recipe.latent_dim, filters=filters, precision=policy)
    generator = networks.unet(shape, filters=filters, max_filters=256, precision=policy)
    discriminator = networks.patch_discriminator(
        shape, condition_channels=shape[-1], filters=filters, precision=policy
    )
    return generator, discriminator


def dataset(recipe, images, inputs):
    """Floats in memory, shuffled, batched and prefetched, as the documentation does it."""
    parts = [a.astype("float32") / 127.5 - 1.0 for a in (images, inputs) if a is not None]
    return batches(tuple(parts) if len(parts) > 1 else parts[0], recipe.batch)


class _Model(DocumentationGAN):
    """What all steps share."""

    def __init__(self, recipe, policy):
        super().__init__(recipe, build(recipe, policy))
        self.average = [tf.Variable(w) for w in self.generator.trainable_weights]

    def finish(self, d_loss, g_loss):
        decay = self.workload.decay
        for average, weight in zip(self.average, self.generator.trainable_weights, strict=True):
            average.assign(decay * average + (1.0 - decay) * weight)
        return self.told(d_loss, g_loss)


class Noise(_Model):
    """Images from noise: hinge or relativistic paired loss, with or without R1 and R2."""

    def penalised(self, samples):
        """The logits of samples, and the mean of half their squared gradients."""
        with tf.GradientTape() as tape:
            tape.watch(samples)
            logits = self.discriminator(samples, training=True)
        gradients = tape.gradient(logits, samples)
        norms = tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])
        return logits, tf.reduce_mean(norms) / 2.0

    def train_discriminator(self, real):
        fake = self.generator(self.latents(), training=True)
        with tf.GradientTape() as tape:
            if self.workload.gamma is None:
                real_logits = self.discriminator(real, training=True)
                fake_logits = self.discriminator(fake, training=True)
                penalty = 0.0
            else:
                real_logits, r1 = self.penalised(real)
                fake_logits, r2 = self.penalised(fake)
                penalty = self.workload.gamma * (r1 + r2)
            if self.workload.loss == "hinge":
                loss = tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)
            else:
                loss = tf.nn.softplus(fake_logits - real_logits)
            d_loss = tf.reduce_mean(loss) + penalty
        self._apply(self.d_optimizer, tape, d_loss, self.discriminator)
        return d_loss

    def train_generator(self, real):
        with tf.GradientTape() as tape:
            fake = self.generator(self.latents(), training=True)
            fake_logits = self.discriminator(fake, training=True)
            if self.workload.loss == "hinge":
                loss = -fake_logits
            else:
                real_logits = self.discriminator(real, training=True)
                loss = tf.nn.softplus(real_logits - fake_logits)
            g_loss = tf.reduce_mean(loss)
        self._apply(self.g_optimizer, tape, g_loss, self.generator)
        return g_loss

    def train_step(self, real):
        d_loss = self.train_discriminator(real)
        return self.finish(d_loss, self.train_generator(real))


class Pix2Pix(_Model):
    """Images from images: the step of TensorFlow's tutorial."""

    def train_step(self, data):
        target, source = data
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            made = self.generator(source, training=True)
            real_logits = self.discriminator([target, source], training=True)
            fake_logits = self.discriminator([made, source], training=True)
            distance = tf.reduce_mean(tf.abs(target - made))
            g_loss = tf.reduce_mean(tf.nn.softplus(-fake_logits))
            g_loss += self.workload.l1_weight * distance
            d_loss = tf.reduce_mean(tf.nn.softplus(-real_logits))
            d_loss += tf.reduce_mean(tf.nn.softplus(fake_logits))
        self._apply(self.g_optimizer, g_tape, g_loss, self.generator)
        self._apply(self.d_optimizer, d_tape, d_loss, self.discriminator)
        return self.finish(d_loss, g_loss)


def model(recipe, policy):
    """The model of a recipe, compiled."""
    result = (Noise if recipe.latent_dim else Pix2Pix)(recipe, policy)
    result.compile()
    return result
