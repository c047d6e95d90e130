"""The tasks of the zoo: data, networks, usual settings, judges; and a kind's game on a task."""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from benchmarks import digit_classifier
from benchmarks.claims import quality
from benchmarks.zoo import harm, kinds

LATENT_DIM = 16
STD = 0.05  # of the ring's modes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """Data and what is usual for them; the defaults are those of images.

    Attributes:
        name: of the task.
        data: "ring", "digits" or "mnist".
        networks: "mlp", "dcgan" or "resnet".
        epochs: virtual ones, of `steps` steps.
        steps: of an epoch.
        batch_size: of one update.
        rate: learning rate of both players.
        gamma: weight of R1 and of R2.
        gradient_penalty: weight of a gradient penalty.
        few: samples of the kind with tiny data, which are one batch.
        fresh_every: epochs between two fresh discriminators where the playing one is unsure.
        minutes: what a run takes at most.
        judged: samples that ground truth is taken from.
        num_train: how many samples there are to train on; `None` for all.
        num_held_out: how many there are to validate with; `None` for all.
    """

    name: str
    data: str
    epochs: int
    steps: int
    minutes: float
    judged: int
    networks: str = "dcgan"
    batch_size: int = 64
    rate: float = 1e-3
    gamma: float = 0.1
    gradient_penalty: float = 10.0
    few: int = 48
    fresh_every: int = 4
    num_train: int | None = None
    num_held_out: int | None = None


_RING = {"batch_size": 128, "rate": 2e-3, "gamma": 0.02, "gradient_penalty": 1.0, "few": 32}
_RING |= {"networks": "mlp", "fresh_every": 1}
_USUAL = {
    task.name: task
    for task in (
        Task(name="ring", data="ring", epochs=60, steps=120, judged=2_000, minutes=2.0, **_RING),
        Task(name="digits", data="digits", epochs=50, steps=40, judged=500, minutes=2.0),
        Task(name="mnist", data="mnist", epochs=40, steps=50, judged=1_000, minutes=6.0),
    )
}


def _like(name, new_name, **changes):
    return dataclasses.replace(_USUAL[name], name=new_name, **changes)


_SHORT = {"epochs": 150, "steps": 15, "minutes": 2.5}
# Three hundred samples: nine steps are a pass over them, and few are left to validate with.
_FEW = {
    "epochs": 150,
    "steps": 9,
    "batch_size": 32,
    "num_train": 300,
    "num_held_out": 30,
    "minutes": 2.5,
}
_OVERRUN = {"epochs": 30, "steps": 25, "minutes": 6.0}
TASKS = {
    **_USUAL,
    **{
        task.name: task
        for task in (
            *(_like(name, f"{name}_short", **_SHORT) for name in ("ring", "digits")),
            *(_like(name, f"{name}_few", **_FEW) for name in ("ring", "digits")),
            *(
                _like(name.split("_")[0], name, networks=name.split("_")[1], **_OVERRUN)
                for name in kinds.NETWORKS
            ),
        )
    },
}


@dataclasses.dataclass(frozen=True)
class Data:
    """What a run trains on and what its callback validates with; and what only judges see."""

    train: np.ndarray
    held_out: np.ndarray
    judge: object
    other_reals: np.ndarray  # in the generator's range, as many as samples are judged


# === Data ===


def load(task, kind, seed, data_dir=None):
    """The data of a run."""
    if task.data == "ring":
        data = _ring(task, kind, seed)
    else:
        images = _digits() if task.data == "digits" else _mnist(data_dir)
        data = Data(*images[:3], images[3][: task.judged])
    few = task.few if kind.tiny else task.num_train
    if few:
        chosen = np.random.default_rng(seed).permutation(len(data.train))[:few]
        data = dataclasses.replace(data, train=data.train[chosen])
    return dataclasses.replace(data, held_out=data.held_out[: task.num_held_out])


def _ring(task, kind, seed):
    draw = functools.partial(keras_gan.data.ring, std=STD / 50 if kind.points else STD)
    return Data(
        draw(100_000, seed=3 * seed),
        draw(1_000, seed=3 * seed + 1),
        harm.RingJudge(keras_gan.data.ring_modes(), STD),
        draw(task.judged, seed=3 * seed + 2),
    )


@functools.cache
def _digits():
    """Two thirds to train on, a sixth to validate, a sixth to judge."""
    images, labels = keras_gan.data.digits(labels=True)
    order = np.random.default_rng(0).permutation(len(images))
    parts = np.split(order, [1_197, 1_497])
    train, held_out, judged = (images[rows] for rows in parts)
    scaled = digit_classifier.scaled
    classify, _ = quality.classifier(
        scaled(train), labels[parts[0]], scaled(judged), labels[parts[2]], seed=0
    )

    def look(samples):
        return classify(samples), samples.reshape(len(samples), -1)

    return train, held_out, harm.ImageJudge(look, scaled(judged)), scaled(train)


@functools.cache
def _mnist(data_dir):
    """The training images; of the test images one part to validate, another one to judge."""
    train, test = digit_classifier.digits(data_dir)
    network, _ = digit_classifier.trained(train, test)
    features = digit_classifier.features(network).output
    both = keras.Model(network.inputs, [keras.ops.softmax(network.output), features])

    def look(samples):
        return both.predict(samples, batch_size=250, verbose=0)

    scaled = digit_classifier.scaled
    judge = harm.ImageJudge(look, scaled(test[0][2_000:4_000]))
    return train[0], test[0][:2_000], judge, scaled(test[0][4_000:])


def training_data(task, kind, train, seed):
    """What `fit` takes: arguments for the data, as a `dict`."""
    batch_size = task.few if kind.tiny else task.batch_size
    if not kind.broken_batch:
        return {"x": train, "batch_size": batch_size}
    broken = (kind.onset(task.epochs) - 1) * task.steps + task.steps // 2

    def spoil(number, batch):
        return tf.where(tf.equal(number, broken), np.float32(np.nan), batch)

    dataset = tf.data.Dataset.from_tensor_slices(digit_classifier.scaled(train))
    dataset = dataset.shuffle(len(train), seed=seed).repeat().batch(batch_size)
    return {"x": dataset.enumerate().map(spoil)}


def callbacks(task, kind):
    """What happens to a kind in the course of a run."""
    return [Stale(kind.onset(task.epochs))] if kind.stale else []


class Stale(keras.callbacks.Callback):
    """From an epoch on, counted from 1, the discriminator learns nothing more."""

    def __init__(self, onset):
        super().__init__()
        self.onset = onset

    def on_epoch_begin(self, epoch, logs=None):
        """Set its learning rate to 0."""
        if epoch + 1 == self.onset:
            self.model.discriminator_optimizer.learning_rate = 0.0


# === The game ===


def game(task, kind, sample_shape, seed):
    """A compiled model."""
    generator, discriminator = _networks(task, sample_shape)
    if kind.weak:
        discriminator = _linear(sample_shape)
    gan = keras_gan.GAN(generator, discriminator, seed=seed)
    weights = {"gradient_penalty": task.gradient_penalty}
    penalties = {
        "r1": keras_gan.regularizers.R1,
        "r2": keras_gan.regularizers.R2,
        "gradient_penalty": keras_gan.regularizers.GradientPenalty,
    }
    gan.compile(
        generator_optimizer=_adam(task, kind, kind.generator_rate, kind.generator_steps),
        discriminator_optimizer=_adam(
            task, kind, kind.discriminator_rate, kind.discriminator_steps
        ),
        loss=kind.loss,
        regularizers=[
            penalties[name](weight=weights.get(name, task.gamma)) for name in kind.penalties
        ],
        discriminator_steps=kind.discriminator_steps,
        generator_steps=kind.generator_steps,
    )
    return gan


def _adam(task, kind, factor, updates):
    rate = task.rate * factor
    if kind.warm_up:
        rising = round(kind.warm_up * task.epochs * task.steps * updates)
        rate = keras.optimizers.schedules.PolynomialDecay(0.0, rising, end_learning_rate=rate)
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99)


def _networks(task, sample_shape):
    if task.networks == "mlp":
        return keras_gan.networks.mlp(sample_shape, LATENT_DIM)
    filters = {"digits": (16, 32), "mnist": (8, 16)}[task.data]
    make, options = keras_gan.networks.dcgan, {}
    if task.networks == "resnet":
        make, options, filters = keras_gan.networks.resnet, {"max_filters": 16}, (8, 8)
    return make(
        sample_shape,
        LATENT_DIM,
        generator_filters=filters[0],
        discriminator_filters=filters[1],
        **options,
    )


def _linear(sample_shape):
    """One linear unit; of images it sees the four pixels in the middle."""
    x = inputs = keras.Input(sample_shape)
    if len(sample_shape) == 3:
        sides = [(size // 2 - 1, size - size // 2 - 1) for size in sample_shape[:2]]
        x = keras.layers.Flatten()(keras.layers.Cropping2D(sides)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(x), name="linear_discriminator")
