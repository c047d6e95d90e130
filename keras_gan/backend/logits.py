"""What is computed from logits, of one scale or of several: means per sample and accuracies.

A discriminator gives one tensor of logits, `(batch,)`, `(batch, 1)` or `(batch, h, w, 1)` for
patches, or a list of such tensors, one a scale.
"""

import tensorflow as tf
from keras import ops

from keras_gan.backend import replicas


def is_list(logits):
    """Whether logits are of several scales."""
    return isinstance(logits, (list, tuple))


def pointwise(function, *logits):
    """`function` of logits in float32: of tensors, or of lists pairwise.

    Args:
        function: of as many tensors as there are `logits`.
        *logits: tensors, or lists of the same number of tensors.

    Returns:
        A tensor, or a list of one a scale.
    """
    if any(map(is_list, logits)):
        return [pointwise(function, *scale) for scale in zip(*logits, strict=True)]
    # Half-precision logits would overflow in squares and lose the tails of a softplus.
    return function(*(ops.cast(each, "float32") for each in logits))


def per_sample(values):
    """Mean over all axes but the first: `(batch, ...)` to `(batch,)`, in float32.

    Of a list of tensors, the mean of what this gives for each of them.
    """
    if is_list(values):
        return sum(map(per_sample, values)) / len(values)
    values = ops.cast(values, "float32")
    if len(values.shape) == 1:
        return values
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))


def discriminator_accuracies(real_logits, fake_logits, threshold):
    """How often the discriminator is right, a tie counting half.

    With a threshold `t`: real `mean[r > t]`, fake `mean[f < t]`, overall their mean. Without one,
    overall is the share of pairs of the batch with `r > f`, which is 1/2 at equilibrium whatever
    the loss, and the other two compare with the midpoint of the two batch means.

    Args:
        real_logits: `(batch, ...)`, or a list; patches and then scales are averaged first.
        fake_logits: likewise, as many.
        threshold: the loss's `threshold`, a number or `None`.

    Returns:
        `(overall, real, fake)`, scalars in [0, 1].
    """
    real, fake = per_sample(real_logits), per_sample(fake_logits)
    if threshold is None:
        middle = sum(replicas.means(real, fake)) / 2.0
    else:
        middle = threshold
    real_accuracy, fake_accuracy = _share_above(real - middle), _share_above(middle - fake)
    if threshold is None:
        return _share_above(real - fake), real_accuracy, fake_accuracy
    return (real_accuracy + fake_accuracy) / 2.0, real_accuracy, fake_accuracy


def _share_above(margins):
    return (tf.reduce_mean(tf.sign(margins)) + 1.0) / 2.0
