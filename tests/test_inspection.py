"""Networks that could not play are refused before they do, in one sentence."""

import warnings

import keras
import pytest
from keras import layers

import helpers
import keras_gan
from keras_gan.backend import inspection
from keras_gan.model import pairs
from keras_gan.model.gan import GAN


def judge(*outputs, shape=(2,)):
    """A discriminator that ends in some layers."""
    return keras.Sequential([keras.Input(shape), layers.Dense(4), *outputs], name="judge")


def functional(last):
    """A discriminator that ends in an operation."""
    inputs = keras.Input((2,))
    return keras.Model(inputs, last(layers.Dense(1)(inputs)))


def painter(*outputs):
    """A generator that ends in some layers."""
    return keras.Sequential([keras.Input((3,)), *outputs], name="painter")


# === Pairs ===

FINE = helpers.generator, helpers.discriminator

BAD_PAIRS = {
    "no model": (
        lambda: (layers.Dense(2), helpers.discriminator()),
        r"`generator` must be a `keras.Model`. Received: generator=<Dense",
    ),
    "no model either": (
        lambda: (helpers.generator(), "dcgan"),
        r"`discriminator` must be a `keras.Model`. Received: discriminator='dcgan'",
    ),
    "unbuilt generator": (
        lambda: (keras.Sequential([layers.Dense(2)]), helpers.discriminator()),
        r"`generator` must be built.*Received: generator='sequential.*keras.Input\(shape\)",
    ),
    "unbuilt discriminator": (
        lambda: (helpers.generator(), keras.Sequential([layers.Dense(1)], name="d")),
        r"`discriminator` must be built.*Received: discriminator='d'.*keras.Input\(shape\)",
    ),
    "generator without weights": (
        lambda: (
            keras.Sequential([keras.Input((2,)), layers.Activation("tanh")], name="g"),
            helpers.discriminator(),
        ),
        r"`generator` must have weights to train. Received: generator='g'",
    ),
    "discriminator without weights": (
        lambda: (
            helpers.generator((1,)),
            keras.Sequential([keras.Input((1,)), layers.Flatten()], name="d"),
        ),
        r"`discriminator` must have weights to train. Received: discriminator='d'",
    ),
    "one network twice": (
        lambda: [keras.Sequential([keras.Input((1,)), layers.Dense(1)], name="n")] * 2,
        r"must be two networks. Received: generator='n', discriminator='n'",
    ),
    "other samples": (
        lambda: (helpers.generator((3,)), helpers.discriminator((2,))),
        r"must make samples of the shape.*generator_output=\(3,\), discriminator_input=\(2,\)",
    ),
    "other ranks": (
        lambda: (helpers.generator((4,)), helpers.discriminator((2, 2, 1))),
        r"must make samples of the shape.*=\(4,\), discriminator_input=\(2, 2, 1\)",
    ),
    "latents with two axes": (
        lambda: (
            keras.Sequential([keras.Input((3, 4)), layers.Flatten(), layers.Dense(2)]),
            helpers.discriminator(),
        ),
        r"must take latents of shape `\(batch, latent_dim\)`. Received: generator_input=\(3, 4\)",
    ),
    "wide logits": (
        lambda: (helpers.generator(), judge(layers.Dense(10))),
        r"one logit a sample.*Received: discriminator_output=\(10,\).*layers.Dense\(1\)",
    ),
    "wide patches": (
        lambda: (helpers.generator((4, 4, 1)), judge(layers.Conv2D(2, 1), shape=(4, 4, 1))),
        r"one logit a sample.*Received: discriminator_output=\(4, 4, 2\)",
    ),
    "labels for one": (
        lambda: (helpers.generator(num_classes=3), helpers.discriminator()),
        r"one input, or both a second one for the labels.*generator_inputs=\[\(4,\), \(\)\]",
    ),
}


@pytest.mark.parametrize("kind", BAD_PAIRS)
def test_bad_pairs_are_refused(kind):
    make, message = BAD_PAIRS[kind]
    with pytest.raises(ValueError, match=message):
        GAN(*make())


@pytest.mark.parametrize(
    ("networks", "num_classes"), [({}, 3), ({"num_classes": 3}, None)], ids=["given", "missing"]
)
def test_num_classes_must_agree_with_the_networks(networks, num_classes):
    message = (
        "`num_classes` must be given exactly if both networks take labels. "
        f"Received: num_classes={num_classes}, networks_take_labels={bool(networks)}"
    )
    with pytest.raises(ValueError, match=message):
        GAN(*(make(**networks) for make in FINE), num_classes=num_classes)


@pytest.fixture(scope="module")
def fine():
    return [make() for make in FINE]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prior": "norml"}, "Unknown prior.*Did you mean 'normal'"),
        ({"ema_halflife_images": 0}, "`ema_halflife_images` must be .* above 0"),
        ({"seed": -1}, "`seed` must be a non-negative integer. Received: seed=-1"),
        ({"seed": 2**63}, r"`seed` must be below 2\*\*63"),
        ({"seed": 1.5}, "`seed` must be"),
    ],
)
def test_bad_settings_are_refused(fine, settings, message):
    with pytest.raises(ValueError, match=message):
        GAN(*fine, **settings)


# === Sigmoids ===


@pytest.mark.parametrize(
    "make",
    [
        lambda: judge(layers.Dense(1, activation="sigmoid")),
        lambda: judge(layers.Dense(1), layers.Activation("sigmoid")),
        lambda: judge(judge(layers.Dense(1, activation="sigmoid"), shape=(4,))),
        lambda: judge(layers.Dense(1, activation="sigmoid"), layers.Flatten()),
        lambda: judge(layers.Dense(1, activation="sigmoid", dtype="mixed_float16")),
        lambda: functional(lambda x: keras.ops.sigmoid(x)),
        lambda: functional(lambda x: keras.ops.reshape(keras.ops.sigmoid(x), (-1,))),
    ],
    ids=["dense", "activation", "nested", "flattened", "mixed", "operation", "reshaped"],
)
def test_a_sigmoid_at_the_end_warns(make):
    with pytest.warns(UserWarning, match="ends in a sigmoid.*Remove the last activation") as caught:
        GAN(helpers.generator(), make())
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_sigmoid_elsewhere_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GAN(helpers.generator(), judge(layers.Dense(4, "sigmoid"), layers.Dense(1)))


def test_a_tanh_discriminator_warns():
    with pytest.warns(UserWarning, match="ends in a tanh, but losses take logits"):
        GAN(helpers.generator(), judge(layers.Dense(1, activation="tanh")))


@pytest.mark.parametrize("last", ["sigmoid", "relu", "softmax"])
def test_a_generator_of_images_that_cannot_be_dark_warns(last):
    shape = (4, 4, 1)
    generator = painter(layers.Dense(16), layers.Activation(last), layers.Reshape(shape))
    with pytest.warns(UserWarning, match=f"`generator` ends in a {last}.*End it in tanh") as caught:
        GAN(generator, helpers.discriminator(shape))
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize(
    "last", ["linear", "tanh", "elu", layers.LeakyReLU(0.2), layers.ReLU(negative_slope=0.1)]
)
def test_a_generator_that_can_be_dark_does_not_warn(last):
    shape = (4, 4, 1)
    last = layers.Activation(last) if isinstance(last, str) else last
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GAN(painter(layers.Dense(16), last, layers.Reshape(shape)), helpers.discriminator(shape))


def test_of_vectors_any_range_will_do():  # warnings are errors
    GAN(painter(layers.Dense(2, activation="relu")), helpers.discriminator())


# === Classes ===


@pytest.mark.parametrize("small", [0, 1])
def test_an_embedding_must_know_all_classes(small):
    pair = [make(num_classes=3 if i == small else 4) for i, make in enumerate(FINE)]
    with pytest.raises(ValueError, match=r"know all classes.*num_classes=4, input_dim=3.*same"):
        GAN(*pair, num_classes=4)
    assert GAN(*pair, num_classes=3).num_classes == 3


# === What is read off ===


def test_check_pair_reads_the_shapes():
    pair = helpers.generator((8, 8, 1), num_classes=3), helpers.discriminator((8, 8, 1))
    with pytest.raises(ValueError):
        pairs.check_pair(*pair)
    pair = helpers.generator((8, 8, 1)), helpers.discriminator((8, 8, 1))
    assert pairs.check_pair(*pair) == (helpers.LATENT, (8, 8, 1), False)
    pair = [make((2,), num_classes=3) for make in FINE]
    assert pairs.check_pair(*pair) == (helpers.LATENT, (2,), True)


def test_a_discriminator_may_take_any_size():
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(16), layers.Reshape((4, 4, 1))])
    patches = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3)])
    gan = GAN(generator, patches)
    assert gan.sample_shape == (4, 4, 1)


class Subclassed(keras.Model):
    """A network that is not functional, and tells no shapes before it is built."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=False):
        return self.dense(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_subclassed_networks_are_fine_once_they_are_built():
    generator, discriminator = Subclassed(2, name="g"), Subclassed(1, name="d")
    with pytest.raises(ValueError, match="`generator` must be built"):
        GAN(generator, discriminator)
    generator.build((None, 4))
    discriminator.build((None, 2))
    gan = GAN(generator, discriminator)
    assert gan.latent_dim == 4 and gan.sample_shape == (2,)
    assert helpers.same(
        helpers.values(gan.averaged_generator.weights), helpers.values(generator.weights)
    )
    gan.compile(run_eagerly=True)
    gan.train_on_batch(helpers.points(8))
    assert gan.steps_seen == 1


def test_has_batch_norm_looks_into_nested_models():
    inner = keras.Sequential([keras.Input((2,)), layers.BatchNormalization()])
    outer = keras.Sequential([keras.Input((2,)), inner, layers.Dense(1)])
    assert inspection.has_batch_norm(outer)
    assert not inspection.has_batch_norm(helpers.discriminator())


def test_batch_norm_under_a_gradient_penalty_warns():
    gan = GAN(helpers.generator(), helpers.discriminator(batch_norm=True))
    with pytest.warns(UserWarning, match="BatchNormalization.* r1 does not penalise.*LayerNorm"):
        gan.compile(regularizers=["r1"])


# === Compiling ===


def pair():
    return GAN(helpers.generator(), helpers.discriminator())


@pytest.fixture(scope="module")
def refusing():
    """A pair that is never compiled: a refusal changes nothing."""
    return pair()


def test_one_optimizer_for_both_is_refused():
    adam = keras.optimizers.Adam()
    message = "optimizer of its own.*Received: optimizer='Adam'.*Create two"
    with pytest.raises(ValueError, match=message):
        pair().compile(adam, adam)


def test_an_optimizer_of_other_weights_is_refused():
    first, second = helpers.gan(), pair()
    own = first.generator_optimizer, first.discriminator_optimizer
    message = "_optimizer` must be new.*Received: generator_optimizer='Adam'. Create a new one"
    with pytest.raises(ValueError, match=message):
        second.compile(own[0])
    with pytest.raises(ValueError, match=message):
        first.compile(*reversed(own))
    # Going on with one's own is fine.
    first.compile(*own, loss="hinge")


def test_unknown_arguments_are_refused():
    message = "`GAN.compile` has no argument `optimizer`. There are two: `generator_optimizer` and"
    with pytest.raises(TypeError, match=message):
        pair().compile(optimizer="adam")
    with pytest.raises(TypeError, match="no argument `regularizer`. Did you mean 'regularizers'"):
        pair().compile(regularizer="r1")


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_frozen_network_is_refused(player):
    gan = pair()
    getattr(gan, player).trainable = False
    message = f"weights to train. Received: network='{player}', trainable=False. Set `{player}.t"
    with pytest.raises(ValueError, match=message):
        gan.compile()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "non_saturatin"}, "Unknown loss.*loss='non_sat.*Did you mean 'non_saturating'"),
        ({"loss": "wassertein"}, "Did you mean 'wasserstein'"),
        ({"loss": "binary_crossentropy"}, "game of two.*'binary_crossentropy'.*'non_saturating'"),
        ({"loss": keras.losses.BinaryCrossentropy()}, "game of two players.*'non_saturating'"),
        ({"loss": keras.losses.BinaryCrossentropy}, "A loss must be a name or an instance"),
        (
            {"loss": keras.losses.Hinge()},
            "must be a `keras_gan.losses.AdversarialLoss`.*Subclass it",
        ),
        (
            {"regularizers": ["gradient"]},
            "Unknown regularizer.*'gradient'.*mean 'gradient_penalty'",
        ),
        ({"regularizers": [keras.regularizers.L2()]}, "must be .*Regularizer"),
        ({"generator_optimizer": "adan"}, "`generator_optimizer` .*Received: .*'adan'"),
        ({"discriminator_optimizer": 1e-4}, "`discriminator_optimizer` .*Received: .*0.0001"),
        ({"discriminator_steps": 0}, "`discriminator_steps` must be a positive integer"),
        ({"generator_steps": 1.5}, "`generator_steps` must be a positive integer"),
        ({"steps_per_execution": 0}, "`steps_per_execution` must be a positive integer"),
        ({"metrics": ["fidd"]}, "Unknown metric.*'fidd'.*mean 'fid'"),
        ({"metrics": [object()]}, "must be .*[Mm]etric"),
        (
            {"metrics": [keras_gan.metrics.SlicedWasserstein() for _ in range(2)]},
            "Metric names must differ. Received: names=",
        ),
    ],
)
def test_bad_compile_settings_are_refused(refusing, settings, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        refusing.compile(**settings)
