"""The same bits every time: no sum of three tensors whose order is left to timing."""

import collections
import hashlib
import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import helpers
import killed
from keras_gan import losses, networks, recipes, regularizers
from keras_gan.backend import determinism
from keras_gan.model.gan import GAN
from processes import python
from runs import assert_same_state

pytestmark = pytest.mark.usefixtures("optimized_graphs")


def sums(call):
    """How many tensors each `AddN` adds in the graphs that a call runs, once they are optimized."""
    here = context.context()
    here.enable_graph_collection()
    try:
        call()
        collected = here.export_run_metadata()
    finally:
        here.disable_graph_collection()
    graphs = [found.post_optimization_graph for found in collected.function_graphs]
    assert graphs
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [n for graph in graphs for f in graph.library.function for n in f.node_def]
    return collections.Counter(node.attr["N"].i for node in nodes if node.op == "AddN")


def thrice(x):
    """The gradient of a tensor used three times, and a chain of additions."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sin(x) + tf.cos(x) + tf.tanh(x)
    return y, tape.gradient(y, x)


X = np.linspace(-1, 1, 12).astype("float32").reshape(3, 4)


def function(body):
    return tf.function(body, autograph=False)


# === The mechanism ===


def test_each_half_is_needed():
    x = tf.constant(X)
    both = determinism.ordered(function(determinism.ordered(thrice)))
    assert max(sums(lambda: both(x)), default=2) == 2
    for body in (
        function(thrice),
        function(determinism.ordered(thrice)),
        determinism.ordered(function(thrice)),
    ):
        assert max(sums(lambda body=body: body(x))) == 3


def test_the_sums_and_their_gradients_are_the_same():
    def twice(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, gradient = thrice(x)
            total = tf.add_n([gradient, 2.0 * x, tf.square(x), gradient * x])
        return total, tape.gradient(total, x)

    given = function(twice)(tf.constant(X))
    ours = determinism.ordered(function(determinism.ordered(twice)))(tf.constant(X))
    gradient = np.cos(X) - np.sin(X) + 1 - np.tanh(X) ** 2
    np.testing.assert_allclose(ours[0], gradient * (1 + X) + 2 * X + X**2, atol=1e-6)
    for a, b in zip(ours, given, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_nothing_else_in_the_process_is_touched():
    x, options = tf.constant(X), tf.config.optimizer.get_experimental_options()
    here = context.context()
    before, seen = here.function_call_options, []

    def fails(x):
        seen.append(len(here.op_callbacks))
        raise RuntimeError("on purpose")

    with determinism.ordered_sums():
        assert tf.config.optimizer.get_experimental_options() == options
        # Another thread trains another model.
        other = threading.Thread(target=lambda: seen.append(sums(lambda: function(thrice)(x))))
        other.start()
        other.join()
    assert max(seen.pop()) == 3
    with pytest.raises(RuntimeError, match="on purpose"):
        determinism.ordered(function(determinism.ordered(fails)))(x)
    assert seen == [1] and not here.op_callbacks
    assert here.function_call_options is before
    assert max(sums(lambda: function(thrice)(x))) == 3


def test_what_a_user_has_set_for_grappler_stays():
    before = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=3)
    options = before.graph_options.rewrite_options
    options.constant_folding = options.OFF
    config = determinism._without_arithmetic_optimization(before.SerializeToString())
    changed = config.graph_options.rewrite_options
    assert changed.arithmetic_optimization == changed.OFF
    changed.arithmetic_optimization = changed.DEFAULT
    assert config == before


# === The model ===


class Sum(keras.layers.Layer):
    """A user's layer with a sum of its own."""

    def call(self, inputs):
        return tf.add_n([inputs, tf.square(inputs), tf.sin(inputs)])


def branching(inputs, units):
    """A network in which tensors are used often, with layers that add losses."""
    x = first = keras.layers.Dense(8, kernel_regularizer="l2")(inputs)
    for _ in range(2):
        y = keras.layers.Dense(8, kernel_regularizer="l2", activation="tanh")(x)
        x = keras.layers.Add()([first, x, y, Sum()(y)])
    return keras.Model(inputs, keras.layers.Dense(units)(x))


@pytest.mark.slow
def test_no_function_of_a_model_has_a_sum_of_three():
    gan = GAN(branching(keras.Input((helpers.LATENT,)), 2), branching(keras.Input((2,)), 1))
    gan.compile(*helpers.sgd(), regularizers=["r1"], accumulation_steps=2)
    points = helpers.points(8)
    for call in (
        lambda: gan.train_on_batch(points),
        lambda: gan.evaluate(points, verbose=0),
        lambda: gan.predict(np.zeros((4, helpers.LATENT), "float32"), verbose=0),
    ):
        assert set(sums(call)) <= {2}


# === Real sizes ===


def fingerprint(gan):
    """A hash of all that a run consists of."""
    values = helpers.state(gan).values()
    return hashlib.md5(b"".join(np.ascontiguousarray(v).tobytes() for v in values)).hexdigest()


def assert_one_result(gan, train, times=4):
    start, found = helpers.snapshot(gan), set()
    # Of few runs, all may have the same bits by luck: a sum of three is seen in the graph.
    assert max(sums(train), default=2) == 2
    found.add(fingerprint(gan))
    for _ in range(times - 1):
        helpers.restore(start)
        train()
        found.add(fingerprint(gan))
    assert len(found) == 1


def assert_one_step_has_one_result(gan, batch):
    shape = gan.sample_shape
    images = helpers.images(batch * gan.discriminator_steps, shape)
    assert_one_result(gan, lambda: gan.train_on_batch(images))


@pytest.mark.slow
def test_a_step_at_128_pixels_in_half_precision_has_one_result():
    gan = recipes.dcgan((128, 128, 3), precision="mixed_bfloat16")
    assert_one_step_has_one_result(gan, 8)


NARROW = {"generator_filters": 16, "discriminator_filters": 16}
# Each loss, each penalty and each family of networks.
GAMES = [
    {
        "loss": "relativistic_paired",
        "regularizers": ["r1", "r2"],
        "family": networks.r3gan,
        "options": {"filters": 16, "precision": "mixed_bfloat16"},
        "batch": 8,
    },
    {"loss": "hinge", "family": networks.resnet, "batch": 8},
    {"loss": "wasserstein", "regularizers": ["gradient_penalty"], "discriminator_steps": 2},
    {"loss": "non_saturating", "generator_steps": 2},
    {"loss": "minimax", "regularizers": ["dragan", "weight_clipping"]},
    {"loss": "least_squares"},
    {
        "loss": "relativistic_average",
        "regularizers": ["lecam"],
        "accumulation_steps": 2,
        # BatchNorm would see micro-batches, which is warned of.
        "options": {**NARROW, "batch_norm": False},
    },
]


def test_each_loss_and_penalty_has_a_game():
    assert {game["loss"] for game in GAMES} == losses._KNOWN.keys()
    penalties = [penalty for game in GAMES for penalty in game.get("regularizers", [])]
    assert set(penalties) == regularizers._KNOWN.keys()


@pytest.mark.slow
@pytest.mark.parametrize("settings", GAMES, ids=lambda game: game["loss"])
def test_every_loss_and_penalty_has_one_result_at_64_pixels(settings):
    settings = {"family": networks.dcgan, "options": NARROW, "batch": 32, **settings}
    family, options, batch = (settings.pop(name) for name in ("family", "options", "batch"))
    gan = GAN(*family((64, 64, 3), 16, **options))
    gan.compile(*helpers.sgd(), **settings)
    assert_one_step_has_one_result(gan, batch)


# === Processes ===


def run(name, seed=0):
    """A model, and a function that trains it for two epochs of two steps at 64 pixels."""
    keras.utils.set_random_seed(seed)
    gan = recipes.dcgan((64, 64, 3), precision=None)
    images = helpers.images(64, (64, 64, 3))

    def fit(callbacks):
        gan.fit(images, batch_size=32, epochs=2, callbacks=callbacks, verbose=0)

    return gan, fit


@pytest.mark.slow
def test_processes_agree_and_so_does_one_that_was_killed(tmp_path):
    done = python("killed.py", __name__, tmp_path, "dcgan")
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    gan, fit = run("dcgan")
    assert_one_result(gan, lambda: fit([]), times=3)
    state = gan.run_state()
    for variable in gan.weights:  # as in a new process
        variable.assign(variable.value * 2.0 + 0.5)
    fit([killed.backup(tmp_path, "dcgan")])
    assert_same_state(gan, state)
