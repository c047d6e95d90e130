"""Gradients of a discriminator's logits with respect to the samples it scores."""

import tensorflow as tf


def input_gradients(discriminator, samples):
    """Gradient of each sample's summed logits with respect to that sample.

    Args:
        discriminator: callable from samples to logits, `(batch, ...)`, or to a list of them.
        samples: `(batch, ...)`, floating point; or a tuple of tensors that are one sample together.

    Returns:
        float32, the shape of `samples`; of a tuple, a list of the gradients at its floating
        tensors. A tensor that is in a tuple twice is two inputs. Differentiable once more.
    """
    if not isinstance(discriminator, MemoizedDiscriminator):
        discriminator = MemoizedDiscriminator(discriminator)
    return discriminator.gradients(samples)


class MemoizedDiscriminator:
    """A discriminator that remembers what it has scored, so that nothing is scored twice.

    The loss and the penalties of one update read the logits of the same batches, and some their
    gradients: one pass serves them all. Batches are told apart by the identity of their tensors.

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
        return self._entry(samples)[-1]

    def anew(self):
        """The same discriminator, with nothing remembered."""
        return MemoizedDiscriminator(self._score, self._loss_scale)

    def gradients(self, samples):
        """float32 gradients of each sample's summed logits, differentiable once more."""
        tape, watched, logits = self._entry(samples)
        # Of a tuple, the logits may leave a part out.
        missing = "zero" if isinstance(watched, list) else "none"
        if self._loss_scale is None:
            gradients = tape.gradient(logits, watched, unconnected_gradients=missing)
            return tf.nest.map_structure(lambda gradient: tf.cast(gradient, "float32"), gradients)
        # These gradients are small in float16, and so are theirs in turn: half of the scale for
        # either, in the exponent.
        scale = tf.sqrt(self._loss_scale)
        upstream = tf.nest.map_structure(
            lambda each: tf.fill(tf.shape(each), tf.cast(scale, each.dtype)), logits
        )
        gradients = tape.gradient(
            logits, watched, output_gradients=upstream, unconnected_gradients=missing
        )
        return tf.nest.map_structure(lambda each: tf.cast(each, "float32") / scale, gradients)

    def _entry(self, samples):
        for known, tape, watched, logits in self._known:
            if is_same(known, samples):
                return tape, watched, logits
        shown, watched = _inputs_of_their_own(samples)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(watched)
            logits = self._score(shown)
        self._known.append((samples, tape, watched, logits))
        return tape, watched, logits


def _inputs_of_their_own(samples):
    """What to score, and what of it gradients are taken at."""
    if not tf.nest.is_nested(samples):
        return samples, samples
    # A tensor may be in the tuple twice, or be shown besides, as a condition: these are copies.
    shown = tf.nest.map_structure(tf.identity, samples)
    return shown, [part for part in tf.nest.flatten(shown) if part.dtype.is_floating]


def is_same(first, second):
    """Whether two samples, tensors or tuples, are of the same tensors."""
    if tf.nest.is_nested(first) != tf.nest.is_nested(second):
        return False
    parts = tf.nest.flatten(first), tf.nest.flatten(second)
    return len(parts[0]) == len(parts[1]) and all(a is b for a, b in zip(*parts, strict=True))
