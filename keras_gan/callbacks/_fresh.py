"""Could any discriminator still tell? One trained afresh against the generator as it stands.

"1/2 everywhere" is a statement about the best discriminator, and the one that plays may just have
fallen behind, forgotten or died. This one starts from new weights of the same architecture and
sees nothing but the question.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import losses, terminal
from keras_gan.backend import fresh_weights, inspection, memory, packing
from keras_gan.backend.determinism import ordered
from keras_gan.convergence import signals
from keras_gan.model import compile_arguments

# A few hundred steps: what a small network needs to learn a difference that is there, and about
# as many samples as it has reals for, ten times over.
STEPS, BATCH_SIZE = 300, 64
_RATE = 1e-3


class FreshDiscriminator:
    """A twin of a discriminator that is trained from its first weights whenever it is asked.

    It learns by cross-entropy and Adam, whatever the game's loss, regularizers and learning rates
    are: the question is whether samples can be told apart, not how the game is played. All
    randomness follows from the seeds given.

    Args:
        discriminator: the network to be like.
        pack: samples that it judges at a time, see `GAN`.
        seed: integer seed of its first weights.
        verbose: whether its training shows how far it is, as in `terminal.progress`.
    """

    def __init__(self, discriminator, *, pack=1, seed, verbose="auto"):
        self.pack, self._verbose = pack, verbose
        self.network = fresh_weights.fresh(discriminator, "fresh_discriminator", seed=seed)
        optimizer = keras.optimizers.Adam(_RATE)
        self.optimizer = compile_arguments.optimizer(optimizer, "discriminator", self.network)
        self.optimizer.build(self.network.trainable_variables)
        self._start = [(v, v.numpy()) for v in (*self.network.variables, *self.optimizer.variables)]
        # BatchNorm must see both kinds at once, as it will in inference; statistics of a batch
        # against its neighbours must not.
        self._together = inspection.has_batch_norm(self.network)
        self._step = ordered(tf.function(ordered(self._one_step), reduce_retracing=True))
        self._custom_gradients = memory.CustomGradients()

    def chance(self, train, judged, *, seed):
        """The chance that a real scores above a fake once it has been trained.

        Args:
            train: `(real, fake, labels)` to learn from; arrays of equal length in the generator's
                range, and the labels of both or `None`.
            judged: `(real, fake, labels)` that it has not seen.
            seed: integer seed of the order of the samples.

        Returns:
            A float in [0, 1].
        """
        for variable, value in self._start:
            variable.assign(value)
        count = len(train[0])
        size = min(BATCH_SIZE, count)
        size -= size % self.pack
        random = np.random.default_rng(seed)
        order = np.concatenate(
            [random.permutation(count) for _ in range(-(-STEPS * size // count))]
        )
        batches = list(order[: STEPS * size].reshape(STEPS, size))
        what = "Training a fresh discriminator"
        for rows in terminal.progress(batches, what, unit="steps", verbose=self._verbose):
            self._step(*(None if part is None else tf.constant(part[rows]) for part in train))
        self._custom_gradients.forget()
        real, fake, labels = judged
        return signals.real_above_fake(self._scores(real, labels), self._scores(fake, labels))

    def _one_step(self, real, fake, labels):
        self._custom_gradients.note()
        with tf.GradientTape() as tape:
            if self._together:
                both = None if labels is None else tf.concat([labels, labels], axis=0)
                logits = self._logits(tf.concat([real, fake], axis=0), both, training=True)
                real_logits, fake_logits = tf.split(logits, 2)
            else:
                real_logits, fake_logits = (
                    self._logits(samples, labels, training=True) for samples in (real, fake)
                )
            loss = tf.reduce_mean(losses.cross_entropy_discriminator_loss(real_logits, fake_logits))
            scaled = self.optimizer.scale_loss(loss)
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)

    def _logits(self, samples, labels, *, training):
        packs = packing.packed(packing.filled(samples, self.pack), self.pack)
        inputs = packs if labels is None else [packs, labels]
        return losses.per_sample(self.network(inputs, training=training))

    def _scores(self, samples, labels):
        parts = []
        for first in range(0, len(samples), 4 * BATCH_SIZE):
            rows = slice(first, first + 4 * BATCH_SIZE)
            chosen = None if labels is None else tf.constant(labels[rows])
            parts.append(self._logits(tf.constant(samples[rows]), chosen, training=False))
        return np.concatenate([np.asarray(part) for part in parts])
