"""Path length regularization of a generator."""

import keras
import tensorflow as tf
from keras import ops

from keras_gan import _checks
from keras_gan.backend import replicas
from keras_gan.backend.logits import per_sample
from keras_gan.terms.term import Term, joined, tensor_names

# Inside the square root, whose gradient at 0 is infinite.
_EPSILON = 1e-8


@keras.saving.register_keras_serializable("keras_gan")
class PathLength(Term):
    """Steps in latent space of one length shall change the output by one length.

    `(|J^T y| - a)^2` per sample: `J` is the derivative of the output by the latents, `y` unit
    normal noise of the output's shape over the square root of its number of pixels, and `a` the
    running mean of `|J^T y|`. The norm is over the last axis; latents of several layers,
    `(batch, layers, values)`, are averaged inside of the square root, as in the authors' code.

    `a` starts at 0 and follows the mean over the whole batch after each update in which the term
    was evaluated. (The authors move it before they use it. In this way all micro-batches are
    compared with the same number.)

    Args:
        latents: name of a floating input or output of the generator that the output depends on:
            the latents, or better the styles after the mapping network.
        output: name of the output.
        decay: how much of the new mean enters `a`, in (0, 1]. Default 0.01.
        weight: see `Term`. Default 2, as in the paper.
        every: see `Term`. Default 1; the paper evaluates it in every 4th update.
        name: default "path_length_<latents>_<output>".

    Raises:
        ValueError: if an argument is out of range.

    Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020
    (arXiv:1912.04958).
    """

    differentiates = True

    def __init__(self, latents, output, *, decay=0.01, weight=2.0, every=1, name=None):
        self.latents, self.output = tensor_names(latents=latents, output=output)
        self.decay = _checks.number(decay, "decay", above=0.0, maximum=1.0)
        name = joined("path_length", latents, output) if name is None else name
        super().__init__(weight, every=every, name=name)
        self.mean = keras.Variable(0.0, trainable=False, name="path_length_mean")
        # The mean length in the last evaluation, for `after_update`.
        self.measured = keras.Variable(0.0, trainable=False, name="path_length_measured")

    @property
    def reads(self):
        return (self.latents, self.output)

    @property
    def variables(self):
        return [self.mean, self.measured]

    def value(self, scene):
        noise = _noise(scene[self.output], scene.seed)
        slopes = scene.gradient(self.output, self.latents, noise)
        squares = ops.sum(ops.square(slopes), axis=-1)
        lengths = ops.sqrt(per_sample(squares) + _EPSILON)
        self._note(ops.stop_gradient(scene.mean(ops.stop_gradient(lengths))))
        return ops.square(lengths - tf.convert_to_tensor(self.mean.value))

    def _note(self, mean):
        """Keep the mean over all micro-batches; the first begins anew."""
        part, parts = replicas.part_of_batch()
        before = tf.where(tf.equal(part, 0), 0.0, tf.convert_to_tensor(self.measured.value))
        self.measured.assign(before + mean / parts)

    def after_update(self, due=True):
        moved = self.decay * (self.measured.value - self.mean.value)
        self.mean.assign(self.mean.value + tf.where(due, moved, 0.0))

    def get_config(self):
        config = super().get_config()
        del config["player"]
        return {"latents": self.latents, "output": self.output, "decay": self.decay, **config}


def _noise(output, seed):
    """Unit normal noise over the square root of the number of pixels: this replica's rows."""
    shape = tf.shape(output)
    noise = replicas.local_rows(
        lambda rows: tf.random.stateless_normal(
            tf.concat([[rows], shape[1:]], axis=0), seed, alg="philox"
        ),
        shape[0],
    )
    return noise / tf.sqrt(tf.cast(tf.reduce_prod(shape[1:-1]), "float32"))
