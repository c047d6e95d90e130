"""Networks that cannot play as they are: one sentence in `GAN()`, and a cure that helps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
import odd_networks
from keras_gan import networks
from keras_gan.model import pairs
from keras_gan.model.gan import GAN


def generator(end, **options):
    """A functional generator of points that ends in some way."""
    latents = keras.Input((4,), name="latents", **options)
    return keras.Model(latents, end(layers.Flatten()(layers.Dense(8)(latents))))


def discriminator(end, shape=(2,), **options):
    """A functional discriminator that ends in some way."""
    samples = keras.Input(shape, name="samples", **options)
    return keras.Model(samples, end(layers.Dense(8)(layers.Flatten()(samples))))


def points(x):
    return layers.Dense(2)(x)


def logit(x):
    return layers.Dense(1)(x)


class Heads(keras.Model):
    """A subclassed network of two outputs."""

    def __init__(self, units):
        super().__init__()
        self.first, self.second = layers.Dense(units), layers.Dense(3)

    def call(self, inputs, training=False):
        return {"first": self.first(inputs), "second": self.second(inputs)}


def conditional(size, units, *, order=("x", "labels"), as_dict=False, **options):
    x = keras.Input((size,), name="x")
    labels = keras.Input((), name="labels", **{"dtype": "int32", **options})
    both = {"x": x, "labels": labels}
    y = layers.Concatenate()([layers.Dense(4)(x), layers.Embedding(3, 2)(labels)])
    return keras.Model(both if as_dict else [both[name] for name in order], layers.Dense(units)(y))


class Complex(layers.Layer):
    def call(self, inputs):
        return tf.complex(inputs, inputs)


class TwoArguments(odd_networks.Conditional):
    def call(self, x, labels, training=False):
        return super().call([x, labels])


def one(model):
    return keras.Model(model.inputs, model.outputs[0])


def turned(model):
    return keras.Model(model.inputs[::-1], model.outputs)


def listed(model):
    return keras.Model([model.input["x"], model.input["labels"]], model.output)


LABELS = tf.zeros((1,), "int32")
# By name: whether it is the generator; the network; what is said; the network with the cure.
ODD = {
    "two outputs": (
        True,
        lambda: generator(lambda x: [points(x), logit(x)]),
        r"`generator` must have one output. Received: outputs=\[\(2,\), \(1,\)\]. Choose one",
        one,
    ),
    "outputs by name": (
        True,
        lambda: generator(lambda x: {"sample": points(x)}),
        r"`generator` must have one output. Received: outputs=\{'sample': \(2,\)\}. Choose one",
        one,
    ),
    "two heads": (
        False,
        lambda: discriminator(lambda x: [logit(x), layers.Dense(3)(x)]),
        r"`discriminator` must have one output. Received: outputs=\[\(1,\), \(3,\)\]. Choose one",
        one,
    ),
    "a subclass of two heads": (
        False,
        lambda: odd_networks.called(Heads(1), tf.zeros((1, 2))),
        r"`discriminator` must have one output.*'first': \(1,\).*Let its `call` return one tensor",
        lambda _: odd_networks.called(odd_networks.Subclass(1, 1.0), tf.zeros((1, 2))),
    ),
    "whole numbers out": (
        True,
        lambda: generator(lambda x: keras.ops.cast(points(x), "int32")),
        "`generator` must return floating-point numbers. Received: dtype='int32'. Leave out",
        lambda _: generator(points),
    ),
    "a decision": (
        False,
        lambda: discriminator(lambda x: logit(x) > 0.0),
        "`discriminator` must return floating-point numbers. Received: dtype='bool'. Leave out",
        lambda _: discriminator(logit),
    ),
    "complex numbers": (
        True,
        lambda: generator(lambda x: Complex()(points(x))),
        "`generator` must return floating-point numbers. Received: dtype='complex64'",
        lambda _: generator(points),
    ),
    "one logit for all": (
        False,
        lambda: discriminator(lambda x: keras.ops.mean(x)),
        "must end in one logit a sample.*layers.Dense",
        lambda _: discriminator(logit),
    ),
    "whole numbers in": (
        False,
        lambda: discriminator(logit, dtype="int32"),
        "must take samples as dense numbers, floating-point ones. Received: dtype='int32'.*Input",
        lambda _: discriminator(logit),
    ),
    "sparse samples": (
        False,
        lambda: discriminator(logit, sparse=True),
        "must take samples as dense numbers.*sparse=True.*Input",
        lambda _: discriminator(logit),
    ),
    "no call yet": (
        True,
        lambda: odd_networks.Subclass(2, 1.0),
        r"`generator` must be built.*on a batch once, such as `generator\(keras.ops.zeros\(\(1, l",
        lambda g: odd_networks.called(g, keras.ops.zeros((1, 4))),
    ),
    "samples without an axis": (
        True,
        lambda: generator(lambda x: keras.ops.squeeze(logit(x), -1)),
        r"must make samples of the shape.*generator_output=\(\), discriminator_input=\(2,\)",
        lambda _: generator(points),
    ),
    "another shape": (
        True,
        lambda: generator(lambda x: layers.Reshape((1, 2))(points(x))),
        r"of the shape.*output=\(1, 2\).*input=\(2,\). End .*`keras.layers.Reshape\(\(2,\)\)`",
        lambda g: keras.Sequential([g, layers.Reshape((2,))]),
    ),
    "float16": (
        True,
        lambda: generator(layers.Dense(2, dtype="float16")),
        "`generator` must keep the weights that train in float32.*dtype='float16'.*mixed_float16",
        lambda _: generator(layers.Dense(2, dtype="mixed_float16")),
    ),
    "float64": (
        False,
        lambda: discriminator(layers.Dense(1, dtype="float64")),
        "`discriminator` must keep the weights that train in float32.*dtype='float64'.*float32",
        lambda _: discriminator(layers.Dense(1, dtype="float32")),
    ),
}


def pair(is_generator, network):
    given = (network, helpers.discriminator()), (helpers.generator(), network)
    return given[0] if is_generator else given[1]


# Each is like one that is tried.
SIMILAR = ("outputs by name", "two heads", "whole numbers out", "complex numbers")
SIMILAR += ("whole numbers in", "samples without an axis", "float64")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.slow if k in SIMILAR else ()) for k in ODD]
)
def test_what_the_game_cannot_use_is_refused_and_the_cure_helps(kind):
    is_generator, make, message, cure = ODD[kind]
    network = make()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        GAN(*pair(is_generator, network))
    gan = GAN(*pair(is_generator, cure(network)))
    gan.compile(*helpers.sgd(), run_eagerly=True)
    gan.train_on_batch(helpers.points(8))
    assert gan.steps_seen == 1 and gan.first_failure is None


ODD_CONDITIONAL = {
    "labels first": (
        lambda *sizes: conditional(*sizes, order=("labels", "x")),
        r"latents first and labels second. Received: inputs=\[\(\), \(4,\)\]. Reverse them",
        turned,
    ),
    "inputs by name": (
        lambda *sizes: conditional(*sizes, as_dict=True),
        r"a list of two.*inputs=\{'x': \(4,\), 'labels': \(\)\}.*`keras.Model\(\[latents, labels\]",
        listed,
    ),
    "names of classes": (
        lambda *sizes: odd_labels(*sizes),
        "must take labels as dense numbers. Received: dtype='string'",
        None,
    ),
    "two arguments": (
        lambda i, o: called_with_two(TwoArguments(o), i),
        "(?s)`generator` must run on one tensor, or on a list of two.*in its first argument",
        lambda network: odd_networks.called(
            odd_networks.Conditional(network.last.units), tf.zeros((1, network.size)), LABELS
        ),
    ),
}


def odd_labels(size, units):
    x, labels = keras.Input((size,)), keras.Input((), dtype="string")
    return keras.Model([x, labels], layers.Dense(units)(x))


def called_with_two(network, size):
    network(tf.zeros((1, size)), LABELS)
    network.size = size
    return network


@pytest.mark.parametrize("kind", ODD_CONDITIONAL)
def test_labels_are_refused_where_they_are_not_expected_and_the_cure_helps(kind):
    make, message, cure = ODD_CONDITIONAL[kind]
    both = make(4, 2), make(2, 1)
    with pytest.raises(ValueError, match=message):
        GAN(*both, num_classes=3)
    if cure is not None:
        trains(GAN(*map(cure, both), num_classes=3))


def trains(gan):
    gan.compile(*helpers.sgd(), run_eagerly=True)
    gan.train_on_batch(helpers.points(6), np.arange(6) % 3)
    assert gan.steps_seen == 1 and gan.first_failure is None
    return gan


def test_labels_may_be_floats_and_networks_may_be_built_by_a_call():
    trains(GAN(conditional(4, 2, dtype="float32"), conditional(2, 1), num_classes=3))
    built = [
        odd_networks.called(odd_networks.Conditional(units), tf.zeros((1, size)), LABELS)
        for size, units in ((4, 2), (2, 1))
    ]
    gan = trains(GAN(*built, num_classes=3))
    assert gan.generate(5, seed=1).shape == (5, 2)


class Wrapped(layers.Layer):
    """Built by its first call, which Keras cannot try within `TimeDistributed`."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)


class Shaped(Wrapped):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


def test_a_sequential_network_that_keras_cannot_build_is_told_and_the_cure_helps():
    def made(layer):
        parts = [layers.Reshape((-1, 1)), layers.TimeDistributed(layer), layers.Flatten()]
        return odd_networks.sequence(4, *parts, layers.Dense(2))

    with pytest.raises(ValueError, match="must be built.*If it does.*compute_output_shape"):
        GAN(made(Wrapped()), helpers.discriminator())
    assert GAN(made(Shaped()), helpers.discriminator())


def test_a_list_of_one_output_is_one_output():
    assert GAN(generator(lambda x: [points(x)]), discriminator(lambda x: [logit(x)]))
    # Keras marks the product of a symbolic tensor and a number as sparse, which it is not.
    assert GAN(generator(lambda x: 2.0 * points(x)), discriminator(logit))


# === Quantised networks ===


def test_what_trains_must_not_be_quantised():
    network = helpers.discriminator()
    dense = next(layer for layer in network.layers if isinstance(layer, layers.Dense))
    dense.quantize("int8")
    with pytest.raises(ValueError, match="`discriminator` must not be quantised.*mode='int8'.*Set"):
        GAN(helpers.generator(), network)
    dense.trainable = False  # the cure
    assert GAN(helpers.generator(), network)


# === Settings of Keras ===


@pytest.fixture
def floatx():
    yield keras.config.set_floatx
    keras.config.set_floatx("float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_floatx_must_have_full_precision(floatx, dtype):
    both = helpers.generator(), helpers.discriminator()
    floatx(dtype)
    with pytest.raises(ValueError, match=f"`floatx` must have full precision.*{dtype}.*set_floatx"):
        GAN(*both)
    floatx("float32")
    assert GAN(*both)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


FAMILIES = {
    "mlp": {"width": 4},
    "dcgan": {"generator_filters": 2, "discriminator_filters": 2},
    "resnet": {"generator_filters": 2, "discriminator_filters": 2},
    "r3gan": {"filters": 4, "group_size": 4},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_own_networks_have_channels_last_whatever_keras_is_set_to(family, channels_first):
    both = getattr(networks, family)((6, 5, 3), 4, **FAMILIES[family])
    assert keras.config.image_data_format() == "channels_first"
    assert pairs.check_pair(*both) == (4, (6, 5, 3), False)
    assert both[1](both[0](tf.zeros((2, 4)))).shape == (2, 1)


def test_images_with_channels_first_are_refused_and_the_cure_helps():
    def convolution():
        return layers.Conv2D(3, 3, padding="same", data_format="channels_first")

    shape = (3, 5, 5)
    first = odd_networks.sequence(4, layers.Dense(75), layers.Reshape(shape), convolution())
    second = [convolution(), layers.Flatten(), layers.Dense(1)]
    with pytest.raises(
        ValueError, match=r"channels last. Received: sample_shape=\(3, 5, 5\).*Perm"
    ):
        GAN(first, keras.Sequential([keras.Input(shape), *second]))
    first = keras.Sequential([first, layers.Permute((2, 3, 1))])
    second = keras.Sequential([keras.Input((5, 5, 3)), layers.Permute((3, 1, 2)), *second])
    gan = GAN(first, second)
    assert gan.sample_shape == (5, 5, 3) and gan.is_image
    # Without a hint that it is one, an array of three axes is no image.
    plain = odd_networks.sequence(4, layers.Dense(75), layers.Reshape(shape))
    assert not GAN(plain, discriminator(logit, shape)).is_image


@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_losses_of_activities_in_half_precision_count_as_in_float32(policy):
    totals = []
    for each in ("float32", policy):
        keras.utils.set_random_seed(0)
        options = {"dtype": each, "activity_regularizer": "l2", "kernel_regularizer": "l2"}
        both = [
            odd_networks.sequence(size, layers.Dense(8, **options), layers.Dense(units))
            for size, units in ((4, 2), (2, 1))
        ]
        gan = GAN(*both)
        gan.compile("sgd", "sgd", run_eagerly=True)
        gan.train_on_batch(helpers.points(8))
        assert gan.first_failure is None
        totals.append(gan.get_weights())
    for full, half in zip(*totals, strict=True):
        np.testing.assert_allclose(full, half, atol=1e-3)
