"""Networks, layers, draws and data that the games of papers are made of."""

import typing

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_gan import losses
from keras_gan.priors import Prior
from keras_gan.terms import Term

ROWS, COUNT = 6, 40
register = keras.saving.register_keras_serializable("games")


class PlayedGame(typing.NamedTuple):
    """A paper's game.

    Attributes:
        model: compiled.
        data: for `fit`, two steps an epoch or more.
        use: called with the trained model, uses it as the paper does and checks what it gives.
        batch_size: for `fit`.
    """

    model: typing.Any
    data: typing.Any
    use: typing.Callable
    batch_size: int | None = 4


# === Data ===


def photos(count=COUNT, size=8, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def rows(count=COUNT, seed=0):
    return np.random.default_rng(seed).normal(size=(count, ROWS)).astype("float32")


def classes(count=COUNT, kinds=5, seed=0):
    return np.random.default_rng(seed).integers(0, kinds, count).astype("int32")


def one_hot(indices, kinds):
    return np.eye(kinds, dtype="float32")[indices]


def check(samples, *shape):
    """Samples are finite and of a shape."""
    assert samples.shape == shape, samples.shape
    assert np.isfinite(samples).all()


# === Networks ===


def adam(rate=1e-3):
    return keras.optimizers.Adam(rate, beta_1=0.5)


def joined(*tensors):
    return layers.Concatenate()(list(tensors)) if len(tensors) > 1 else tensors[0]


def dense(inputs, outputs, hidden=16, activation=None, name=None):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(hidden, "relu"),
            layers.Dense(outputs, activation),
        ],
        name=name,
    )


def translator(channels, size=8, name=None):
    """Pictures of some channels to pictures in colour."""
    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            layers.Conv2D(8, 3, activation="relu", padding="same"),
            layers.Conv2D(3, 3, activation="tanh", padding="same"),
        ],
        name=name,
    )


def planes(vector, size=8):
    """A vector at each place of a picture."""
    return layers.UpSampling2D(size)(layers.Reshape((1, 1, vector.shape[-1]))(vector))


def patches(*channels, heads=0, features=False, size=8):
    """A critic of patches, of pictures side by side."""
    inputs = [keras.Input((size, size, count)) for count in channels]
    hidden = layers.Conv2D(8, 3, 2, padding="same", activation="leaky_relu")(joined(*inputs))
    outputs = {"logits": layers.Conv2D(1, 3, padding="same")(hidden)}
    if heads:
        outputs["classes"] = layers.Dense(heads)(layers.GlobalAveragePooling2D()(hidden))
    if features:
        outputs["features"] = [hidden]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def loss_network(size=8):
    """A fixed network whose activations are compared."""
    picture = keras.Input((size, size, 3))
    return keras.Model(picture, layers.Conv2D(8, 3, 2, activation="relu")(picture))


def judge(*sizes, heads=None, features=False):
    """A critic of vectors that are judged together."""
    inputs = [keras.Input((size,)) for size in sizes]
    hidden = layers.Dense(16, "relu")(joined(*inputs))
    outputs = {"logits": layers.Dense(1)(hidden)}
    outputs |= {name: layers.Dense(size)(hidden) for name, size in (heads or {}).items()}
    if features:
        outputs["features"] = [hidden]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def projection(kinds):
    """A critic of rows and classes (projection)."""
    row, kind = keras.Input((ROWS,)), keras.Input((), dtype="int32")
    hidden = layers.Dense(16, "relu")(row)
    of_class = layers.Dot(1)([hidden, layers.Embedding(kinds, 16)(kind)])
    return keras.Model([row, kind], layers.Add()([layers.Dense(1)(hidden), of_class]))


def waveform_scale(length):
    """A critic of waveforms: `(features, logits)`."""
    wave = keras.Input((length, 1))
    hidden = layers.Conv1D(4, 3, 2, padding="same", activation="leaky_relu")(wave)
    return keras.Model(wave, [hidden, layers.Conv1D(1, 3, padding="same")(hidden)])


def waveform_scales(length, count=2):
    """Such critics of a waveform and of its halves in resolution."""
    wave = keras.Input((length, 1))
    made = [
        waveform_scale(length // 2**k)(layers.AveragePooling1D(2**k)(wave)) for k in range(count)
    ]
    return keras.Model(
        wave,
        {"logits": [logits for _, logits in made], "features": [hidden for hidden, _ in made]},
    )


def vector(size, name):
    return keras.Input((size,), name=name)


def index(name):
    return keras.Input((), dtype="int32", name=name)


def picture(name, channels=3, size=8):
    return keras.Input((size, size, channels), name=name)


# === Layers with a state ===


@register
class Quantizer(layers.Layer):
    """The nearest of 16 codes, which follow what is assigned to them (VQ-VAE)."""

    def build(self, shape):
        self.codes = self.add_weight(
            shape=(16, shape[-1]),
            trainable=False,
            name="codes",
            initializer="random_normal",
            autocast=False,
        )

    def call(self, inputs, training=False):
        whole = ops.cast(inputs, "float32")
        distances = ops.sum(ops.square(whole[..., None, :] - self.codes), -1)
        nearest = ops.argmin(distances, -1)
        quantized = ops.take(self.codes, nearest, 0)
        self.add_loss(0.25 * ops.mean(ops.square(whole - ops.stop_gradient(quantized))))
        if training:
            self._follow(whole, nearest)
        return ops.cast(whole + ops.stop_gradient(quantized - whole), inputs.dtype)

    def _follow(self, inputs, nearest):
        chosen = ops.reshape(ops.one_hot(nearest, 16), (-1, 16))
        counts = ops.sum(chosen, 0)[:, None]
        flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
        means = ops.matmul(ops.transpose(chosen), flat) / ops.maximum(counts, 1.0)
        moved = 0.99 * self.codes + 0.01 * means
        self.codes.assign(ops.where(counts > 0, moved, self.codes))

    def compute_output_shape(self, shape):
        return shape


@register
class StyleMixing(layers.Layer):
    """The styles of two layers: at times two in training, one in use; with their running mean."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed = keras.random.SeedGenerator(1)

    def build(self, shapes):
        self.average = self.add_weight(
            shape=(shapes[0][-1],), trainable=False, name="average", initializer="zeros"
        )

    def call(self, styles, training=False):
        first, second = styles
        if not training:
            return ops.stack([first, first], 1)
        self.average.assign(0.995 * self.average + 0.005 * ops.mean(first, 0))
        coin = keras.random.uniform((ops.shape(first)[0], 1), seed=self.seed)
        return ops.stack([first, ops.where(coin < 0.9, second, first)], 1)

    def compute_output_shape(self, shapes):
        return (shapes[0][0], 2, shapes[0][1])


@register
class Gumbel(layers.Layer):
    """Nearly one-hot samples of logits, differentiable (Gumbel-softmax)."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed = keras.random.SeedGenerator(2)

    def call(self, logits):
        uniform = keras.random.uniform(ops.shape(logits), 1e-6, 1 - 1e-6, seed=self.seed)
        return ops.softmax((logits - ops.log(-ops.log(uniform))) / 0.2)

    def compute_output_shape(self, shape):
        return shape


# === Draws, terms and augmentation ===


@register
class Empirical(Prior):
    """One-hot rows in the proportions of some counts."""

    truncates = False

    def __init__(self, counts):
        self.counts = [int(count) for count in counts]

    def __call__(self, shape, seed):
        kinds = np.repeat(np.arange(len(self.counts)), self.counts).astype("int32")
        drawn = tf.random.stateless_uniform(shape[:1], seed, 0, len(kinds), "int32", alg="philox")
        return tf.one_hot(tf.gather(kinds, drawn), len(self.counts))

    def get_config(self):
        return {"counts": self.counts}


@register
class CrossEntropy(Term):
    """Of an output of the generator with labels: indices or one-hot rows."""

    def __init__(self, labels, logits, weight=1.0, **options):
        super().__init__(weight, **options)
        self.labels, self.logits = labels, logits

    def value(self, scene):
        labels, logits = scene[self.labels], ops.cast(scene[self.logits], "float32")
        if len(labels.shape) < len(logits.shape):
            return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return ops.categorical_crossentropy(labels, logits, from_logits=True)

    def get_config(self):
        return {"labels": self.labels, "logits": self.logits, **super().get_config()}


@register
class BoundaryEquilibrium(losses.AdversarialLoss):
    """Errors of an autoencoder, balanced by a state `k` (BEGAN, arXiv:1703.10717)."""

    threshold = None

    def __init__(self, gamma=0.5, rate=0.01):
        self.gamma, self.rate = gamma, rate
        self.k = keras.Variable(0.1, trainable=False, name="k")

    def discriminator_loss(self, real_logits, fake_logits):
        return real_logits[:, 0] - ops.convert_to_tensor(self.k) * fake_logits[:, 0]

    def generator_loss(self, real_logits, fake_logits):
        return fake_logits[:, 0]

    @property
    def variables(self):
        return [self.k]

    def after_update(self, real_logits, fake_logits):
        real, fake = map(losses.batch_mean, (real_logits, fake_logits))
        balance = self.gamma * real - fake
        self.k.assign(ops.clip(self.k + self.rate * balance, 0.0, 1.0))

    def get_config(self):
        return {"gamma": self.gamma, "rate": self.rate}


@register
def instance_noise(tensors, seed, images_seen):
    """Noise on what critics see, less of it from image to image; gone after 100."""
    sigma = 0.1 * tf.maximum(0.0, 1.0 - tf.cast(images_seen, "float32") / 100.0)
    return {
        name: tensor + sigma * tf.random.stateless_normal(tf.shape(tensor), seed, alg="philox")
        for name, tensor in tensors.items()
    }
