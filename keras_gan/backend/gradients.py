"""Gradients of a discriminator's logits with respect to the samples it scores."""

import tensorflow as tf


def input_gradients(discriminator, samples):
    """Gradient of each sample's summed logits with respect to that sample.

    Args:
        discriminator: callable from samples to logits, `(batch, ...)`.
        samples: `(batch, ...)`, floating point.

    Returns:
        float32, the shape of `samples`; differentiable once more.
    """
    if not isinstance(discriminator, MemoizedDiscriminator):
        discriminator = MemoizedDiscriminator(discriminator)
    return discriminator.gradients(samples)


class MemoizedDiscriminator:
    """A discriminator that remembers what it has scored, so that nothing is scored twice.

    The loss and the penalties of one update read the logits of the same batches, and some their
    gradients: one pass serves them all.

    Args:
        score: callable from samples to logits.
        loss_scale: what the loss of this update is multiplied by against underflow in float16,
            or `None`.
    """

    def __init__(self, score, loss_scale=None):
        self._score = score
        self._loss_scale = loss_scale
        self._known = []

    def __call__(self, samples):
        """The logits of a batch; those of a batch that it has seen are the same tensor."""
        return self._entry(samples)[1]

    def anew(self):
        """The same discriminator, with nothing remembered."""
        return MemoizedDiscriminator(self._score, self._loss_scale)

    def gradients(self, samples):
        """float32 gradients of each sample's summed logits, differentiable once more."""
        tape, logits = self._entry(samples)
        if self._loss_scale is None:
            return tf.cast(tape.gradient(logits, samples), "float32")
        # These gradients are small in float16, and so are theirs in turn: half of the scale for
        # either, in the exponent.
        scale = tf.sqrt(self._loss_scale)
        upstream = tf.fill(tf.shape(logits), tf.cast(scale, logits.dtype))
        gradients = tape.gradient(logits, samples, output_gradients=upstream)
        return tf.cast(gradients, "float32") / scale

    def _entry(self, samples):
        for known, tape, logits in self._known:
            if known is samples:
                return tape, logits
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(samples)
            logits = self._score(samples)
        self._known.append((samples, tape, logits))
        return tape, logits
