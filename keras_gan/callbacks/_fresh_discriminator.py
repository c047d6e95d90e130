"""A classifier two-sample test: a new discriminator, trained against the current generator.

At equilibrium even the optimal discriminator has an AUC of 1/2. The AUC of the discriminator in
training may be 1/2 because it has become too weak. A new one with the same architecture and random
initial weights shows which is the case.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import losses, terminal
from keras_gan.backend import fresh_weights, inspection, memory, packing
from keras_gan.backend.determinism import ordered
from keras_gan.backend.logits import per_sample
from keras_gan.convergence import signals
from keras_gan.engine.compiled_critic import CompiledCritic
from keras_gan.model import player_optimizers

# A few hundred steps let a small network learn an existing difference. They are about ten epochs
# of the reals that it is given.
STEPS, BATCH_SIZE = 300, 64
_RATE = 1e-3


class FreshDiscriminator:
    """A discriminator that is trained from its initial weights for each measurement.

    It is trained with cross-entropy and Adam, independent of the loss, regularizers and learning
    rates of the GAN, to test whether real and generated samples can be told apart. All randomness
    follows from the given seeds. Its architecture is that of `discriminator`.
    """

    def __init__(self, discriminator, *, pack=1, seed, verbose="auto"):
        self.pack, self._verbose = pack, verbose
        self.network = fresh_weights.fresh(discriminator, "fresh_discriminator", seed=seed)
        self._critic = CompiledCritic("fresh", self.network, real=("real",), fake=("fake",))
        optimizer = keras.optimizers.Adam(_RATE)
        self.optimizer = player_optimizers.optimizer(optimizer, "discriminator", (self.network,))
        self.optimizer.build(self.network.trainable_variables)
        self._start = [(v, v.numpy()) for v in (*self.network.variables, *self.optimizer.variables)]
        # BatchNormalization needs reals and fakes in one batch, since its moving statistics are of
        # both. Layers with statistics of a batch need them apart.
        self._together = inspection.has_batch_norm(self.network)
        self._step = ordered(tf.function(ordered(self._one_step), reduce_retracing=True))
        self._custom_gradients = memory.CustomGradients()

    def auc(self, train, judged, *, seed):
        """The AUC on `judged` samples after training on others, see `signals.discriminator_auc`.

        Both are `(real, fake, labels)`: arrays of equal length in the generator's range, and the
        labels of both or `None`. Of networks that take several tensors, `real` and `fake` are lists
        of arrays. `seed` is that of the order of the samples.
        """
        for variable, value in self._start:
            variable.assign(value)
        count = len(_listed(train[0])[0])
        size = min(BATCH_SIZE, count)
        size -= size % self.pack
        random = np.random.default_rng(seed)
        order = np.concatenate(
            [random.permutation(count) for _ in range(-(-STEPS * size // count))]
        )
        batches = list(order[: STEPS * size].reshape(STEPS, size))
        what = "Training a fresh discriminator"
        for rows in terminal.progress(batches, what, unit="steps", verbose=self._verbose):
            self._step(*(_rows(part, rows) for part in train))
        self._custom_gradients.forget()
        real, fake, labels = judged
        return signals.discriminator_auc(self._scores(real, labels), self._scores(fake, labels))

    def _one_step(self, real, fake, labels):
        self._custom_gradients.note()
        with tf.GradientTape() as tape:
            if self._together:
                both = None if labels is None else tf.concat([labels, labels], axis=0)
                shown = tf.nest.map_structure(lambda r, f: tf.concat([r, f], axis=0), real, fake)
                logits = self._logits(shown, both, training=True)
                real_logits, fake_logits = tf.split(logits, 2)
            else:
                real_logits, fake_logits = (
                    self._logits(samples, labels, training=True) for samples in (real, fake)
                )
            loss = tf.reduce_mean(losses.cross_entropy_discriminator_loss(real_logits, fake_logits))
            scaled = self.optimizer.scale_loss(loss)
        variables = self.network.trainable_variables
        # Heads that only terms read have no part in this loss.
        pairs = zip(tape.gradient(scaled, variables), variables, strict=True)
        gradients = [tf.zeros_like(v.value) if g is None else g for g, v in pairs]
        self.optimizer.apply(gradients, variables)

    def _logits(self, samples, labels, *, training):
        packs = [
            packing.packed(packing.pad_to_pack(part, self.pack), self.pack)
            for part in _listed(samples)
        ]
        beside = [] if labels is None else [labels]
        return per_sample(self._critic.run(packs, beside, training=training)["logits"])

    def _scores(self, samples, labels):
        parts = []
        for first in range(0, len(_listed(samples)[0]), 4 * BATCH_SIZE):
            rows = slice(first, first + 4 * BATCH_SIZE)
            parts.append(self._logits(_rows(samples, rows), _rows(labels, rows), training=False))
        return np.concatenate([np.asarray(part) for part in parts])


def _listed(samples):
    return samples if isinstance(samples, (list, tuple)) else [samples]


def _rows(part, rows):
    """Rows of an array, or of each of a list, as tensors; of `None` nothing."""
    if part is None:
        return None
    return tf.nest.map_structure(lambda array: tf.constant(array[rows]), part)
