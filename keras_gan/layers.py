"""Layers that Keras lacks, or whose Keras version does not suit adversarial training."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend.attention import SelfAttention as SelfAttention
from keras_gan.backend.conditional import ConditionalAffine as ConditionalAffine
from keras_gan.backend.frozen import Frozen as Frozen


@keras.saving.register_keras_serializable("keras_gan")
class SpectralNormalization(keras.layers.Wrapper):
    """A layer whose kernel is divided by its largest singular value: `W / sigma(W)`.

    A reparametrisation: the wrapped layer's own kernel is never overwritten, and the gradient
    flows through `sigma = v^T W u`. (The layer of that name in Keras overwrites `W` in each
    forward pass, those of generator updates included.) `u` follows by power iteration in
    training mode; a `GAN` undoes what passes made for the generator do to it.

    Args:
        layer: Dense, Conv1D, Conv2D, Conv3D or a transposed one, any layer with a `kernel`; or
            an Embedding.
        power_iterations: iterations a pass, at least 1. Default 1.

    Raises:
        ValueError: if the layer has no kernel, or `power_iterations` is not positive.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR
    2018 (arXiv:1802.05957).
    """

    def __init__(self, layer, *, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = _checks.positive_int(power_iterations, "power_iterations")

    def build(self, input_shape):
        super().build(input_shape)
        kernel = self._kernel
        _checks.check(
            kernel is not None, "The wrapped layer must have a `kernel`.", layer=self.layer.name
        )
        # In a transposed convolution the output channels come last but one.
        self._transposed = "Transpose" in type(self.layer).__name__
        channels = kernel.shape[-2] if self._transposed else kernel.shape[-1]
        self.vector = self.add_weight(
            shape=(channels, 1),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            name="singular_vector",
            dtype="float32",
            autocast=False,
        )

    def call(self, inputs, training=False):
        sigma = self._sigma(tf.cast(self._kernel, "float32"), training)
        if isinstance(self.layer, keras.layers.Embedding):  # its inputs are indices
            outputs = self.layer(inputs)
            return outputs / tf.cast(sigma, outputs.dtype)
        # The layer is linear in kernel and inputs up to its bias, so that dividing the inputs
        # divides the kernel, whatever kind of layer it is.
        return self.layer(inputs / tf.cast(sigma, inputs.dtype))

    @property
    def _kernel(self):
        name = "embeddings" if isinstance(self.layer, keras.layers.Embedding) else "kernel"
        return getattr(self.layer, name, None)

    def _sigma(self, kernel, training):
        if self._transposed:
            rank = len(kernel.shape)
            kernel = tf.transpose(kernel, [*range(rank - 2), rank - 1, rank - 2])
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        fixed = tf.stop_gradient(matrix)
        u = tf.math.l2_normalize(self.vector.value)
        v = tf.math.l2_normalize(fixed @ u)
        for _ in range(self.power_iterations if training else 0):
            u = tf.math.l2_normalize(tf.transpose(fixed) @ v)
            v = tf.math.l2_normalize(fixed @ u)
        if training:
            self.vector.assign(u)
        return tf.reduce_sum(v * (matrix @ tf.stop_gradient(u)))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "power_iterations": self.power_iterations}


@keras.saving.register_keras_serializable("keras_gan")
class MinibatchStdDev(keras.layers.Layer):
    """Adds a channel with the standard deviation over a group of samples.

    For groups of `group_size` samples, the standard deviation of each feature over the group,
    averaged over all features: `mean_f sqrt(var_group(x_f) + 1e-8)`. It lets a discriminator detect
    that samples are too similar. Takes `(batch, ..., channels)` to
    `(batch, ..., channels + 1)`.

    Args:
        group_size: samples in a group, at least 2; the whole batch where that is smaller or no
            multiple of it. Default 4.

    Raises:
        ValueError: if `group_size` is below 2.

    Source: Karras et al., "Progressive Growing of GANs", ICLR 2018 (arXiv:1710.10196).
    """

    def __init__(self, group_size=4, **kwargs):
        super().__init__(**kwargs)
        self.group_size = _checks.positive_int(group_size, "group_size")
        _checks.check(group_size >= 2, "`group_size` must be at least 2.", group_size=group_size)

    def call(self, inputs):
        x = tf.cast(inputs, "float32")
        batch = tf.shape(x)[0]
        whole = tf.equal(batch % self.group_size, 0) & (batch >= self.group_size)
        size = tf.where(whole, self.group_size, batch)
        # Members of a group are neighbours, and not batch / size apart as in the authors' code: so
        # the groups are the same however many replicas share the batch.
        groups = tf.reshape(x, tf.concat([[batch // size, size], tf.shape(x)[1:]], axis=0))
        deviation = tf.sqrt(tf.math.reduce_variance(groups, axis=1) + 1e-8)
        statistic = tf.reduce_mean(deviation, axis=range(1, len(x.shape)))
        statistic = tf.reshape(tf.repeat(statistic, size), [-1] + [1] * (len(x.shape) - 1))
        channel = tf.broadcast_to(statistic, tf.concat([tf.shape(x)[:-1], [1]], axis=0))
        return tf.concat([inputs, tf.cast(channel, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}


@keras.saving.register_keras_serializable("keras_gan")
class Basis(keras.layers.Layer):
    """A learned map whose channels the inputs scale, for the start of a generator.

    Takes vectors `(batch, channels)` to `(batch, *size, channels)`: `basis * vector`. The basis
    starts as normal noise.

    Args:
        size: `(height, width)` of the map.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(_checks.positive_int(side, "size") for side in size)

    def build(self, input_shape):
        self.basis = self.add_weight(
            shape=(*self.size, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="basis",
        )

    def call(self, inputs):
        return inputs[:, None, None, :] * tf.convert_to_tensor(self.basis)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("keras_gan")
class LowPass(keras.layers.Layer):
    """Half the height and width, rounded up, without aliases: the mirror of bilinear doubling.

    Every second value of a convolution with `[1, 3, 3, 1] / 8` along both axes, zeros beyond the
    border.

    Source: Karras et al., CVPR 2020 (arXiv:1912.04958), after Zhang, ICML 2019 (arXiv:1904.11486).
    """

    def call(self, inputs):
        weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype("float32") / 64.0
        kernel = tf.tile(
            tf.constant(weights[:, :, None, None], inputs.dtype), [1, 1, inputs.shape[-1], 1]
        )
        sides = [[1, 1 + side % 2] for side in inputs.shape[1:3]]
        padded = tf.pad(inputs, [[0, 0], *sides, [0, 0]])
        return tf.nn.depthwise_conv2d(padded, kernel, [1, 2, 2, 1], "VALID")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, -(-height // 2), -(-width // 2), channels)


@keras.saving.register_keras_serializable("keras_gan")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras's LeakyReLU with its gradient written out: `upstream * (1 if x > 0 else slope)`.

    TensorFlow's own gradient operation is lost when a convolution, its bias and the activation are
    merged, which it reports as an error (`remapper failed`) in every run. Results are the same.

    Arguments are those of `keras.layers.LeakyReLU`.
    """

    def call(self, inputs):
        return _leaky_relu(inputs, self.negative_slope)

    def compute_output_shape(self, input_shape):
        return input_shape


def _leaky_relu(inputs, slope):
    @tf.custom_gradient
    def activated(x):
        outputs = tf.nn.leaky_relu(x, slope)

        def gradient(upstream):
            # Of the outputs, whose signs are those of the inputs: the inputs are what is lost.
            one, other = (tf.constant(value, x.dtype) for value in (1.0, slope))
            return upstream * tf.where(outputs > 0, one, other)

        return outputs, gradient

    return activated(inputs)


@keras.saving.register_keras_serializable("keras_gan")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras's Conv2D with TensorFlow's own kernels for groups.

    Keras 3 compiles a convolution in groups with XLA, whose gradients on CPUs are some hundred
    times slower than TensorFlow's. Where TensorFlow has none (in float16, or without oneDNN, on
    CPUs), each group is convolved by itself. Arguments and results are those of
    `keras.layers.Conv2D`, with channels last and padding "same" or "valid".
    """

    def convolution_op(self, inputs, kernel):
        def convolved(inputs, kernel):
            return tf.nn.conv2d(
                inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
            )

        if _groups_have_gradients(inputs.dtype):
            return convolved(inputs, kernel)
        groups = zip(
            tf.split(inputs, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True
        )
        return tf.concat([convolved(*group) for group in groups], -1)


@keras.saving.register_keras_serializable("keras_gan")
class ImageConv2D(keras.layers.Conv2D):
    """Keras's Conv2D for the last layer of a generator, quicker where it makes few channels.

    Processors multiply whole vectors, which a convolution to one or three channels leaves nearly
    empty. Here one matrix product applies all `k * k` columns of the kernel to each place at once;
    its results are shifted to where they belong, and added. The gradient of the kernel is such a
    product too. Of 512 channels, forward pass and gradients take 0.4 of the time on one thread.
    Sums are the same, in another order.

    Arguments and results are those of `keras.layers.Conv2D`. It is used for up to 4 filters whose
    columns are no more than the channels that come in (the results before they are added would
    take more memory than the inputs), with stride 1, padding "same", no dilation and channels last,
    where there is no GPU; anything else is left to Keras.
    """

    def convolution_op(self, inputs, kernel):
        plain = (self.strides, self.dilation_rate, self.groups) == ((1, 1), (1, 1), 1)
        plain = plain and (self.padding, self.data_format) == ("same", "channels_last")
        few = self.filters <= min(_FEW, inputs.shape[-1] / math.prod(self.kernel_size))
        if not plain or not few or tf.config.list_physical_devices("GPU"):
            return super().convolution_op(inputs, kernel)
        kernel = tf.cast(tf.convert_to_tensor(kernel), self.compute_dtype)
        return _convolved_to_few(tf.cast(inputs, self.compute_dtype), kernel)


# Channels of an image.
_FEW = 4


@tf.custom_gradient
def _convolved_to_few(inputs, kernel):
    """A convolution of stride 1 and padding "same", as one matrix product and sums of shifts."""
    height, width, channels, filters = kernel.shape
    # Columns by x, then y, then filter: shifts along x come first, on slices that are the longest.
    columns = tf.reshape(tf.transpose(kernel, [2, 1, 0, 3]), [channels, -1])
    applied = tf.reshape(
        tf.matmul(tf.reshape(inputs, [-1, channels]), columns),
        tf.concat([tf.shape(inputs)[:-1], [width * height * filters]], axis=0),
    )
    outputs = _shifted_sum(_shifted_sum(applied, width, axis=2), height, axis=1)

    def gradient(upstream):
        by_inputs = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(inputs), 1, "SAME")
        shifts = _shifts(_shifts(upstream, height, axis=1), width, axis=2)
        by_columns = tf.matmul(
            tf.reshape(inputs, [-1, channels]),
            tf.reshape(shifts, [-1, columns.shape[1]]),
            transpose_a=True,
        )
        by_kernel = tf.reshape(by_columns, [channels, width, height, filters])
        return by_inputs, tf.transpose(by_kernel, [2, 1, 0, 3])

    return outputs, gradient


def _shifted_sum(values, size, axis):
    """The parts of the last axis, `size` of them, each shifted to its place along an axis."""
    before = (size - 1) // 2
    length = tf.shape(values)[axis]
    padded = tf.pad(values, _sides(axis, before, size - 1 - before))
    parts = enumerate(tf.split(padded, size, axis=-1))
    return tf.add_n([_window(part, shift, length, axis) for shift, part in parts])


def _shifts(values, size, axis):
    """The mirror of `_shifted_sum`: all shifts along an axis, side by side in the last one."""
    before = (size - 1) // 2
    length = tf.shape(values)[axis]
    padded = tf.pad(values, _sides(axis, size - 1 - before, before))
    return tf.concat(
        [_window(padded, size - 1 - shift, length, axis) for shift in range(size)], axis=-1
    )


def _sides(axis, before, after):
    return [[before, after] if number == axis else [0, 0] for number in range(4)]


def _window(values, start, length, axis):
    rows = slice(start, start + length)
    return values[:, rows] if axis == 1 else values[:, :, rows]


@functools.cache
def _groups_have_gradients(dtype):
    """Whether TensorFlow can differentiate a convolution in groups here: tried once."""
    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 4, 4, 4],
                filter=tf.ones([3, 3, 2, 4], dtype),  # two groups of two channels
                out_backprop=tf.ones([1, 4, 4, 4], dtype),
                strides=[1, 1, 1, 1],
                padding="SAME",
            )
        except tf.errors.OpError:
            return False
    return True
