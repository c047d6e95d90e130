"""The same bits every time: no sum of three tensors whose order is left to timing."""

import collections
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import helpers
from keras_gan import losses, networks, recipes, regularizers
from keras_gan.backend import determinism
from keras_gan.model.gan import GAN


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
    gan.compile(regularizers=["r1", "r2", "gradient_penalty", "lecam"], accumulation_steps=2)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, size, batch, precision",
    [
        ("dcgan", 64, 32, None),
        ("dcgan", 64, 64, "mixed_bfloat16"),
        ("wgan_gp", 64, 8, None),
        ("sngan", 64, 8, None),
        ("r3gan", 64, 8, "mixed_bfloat16"),
        ("dcgan", 128, 8, None),
    ],
)
def test_one_step_from_one_state_has_one_result(recipe, size, batch, precision):
    shape = (size, size, 3)
    gan = getattr(recipes, recipe)(shape, precision=precision)
    assert_one_result(gan, helpers.images(batch * gan.discriminator_steps, shape))


# Each loss and each penalty once.
GAMES = [
    {"loss": loss, "regularizers": [penalty, "r2"] if penalty == "r1" else [penalty]}
    for loss, penalty in helpers.each_once(losses._KNOWN, regularizers._KNOWN)
]
GAMES += [
    {"loss": "relativistic_average", "regularizers": ["lecam", "dragan"], **more}
    for more in (
        {"discriminator_steps": 2, "generator_steps": 2},
        {"accumulation_steps": 2},
    )
]


@pytest.mark.slow
@pytest.mark.parametrize("settings", GAMES, ids=lambda game: "-".join(map(str, game.values())))
def test_every_loss_and_penalty_has_one_result_at_64_pixels(settings):
    shape = (64, 64, 3)
    # BatchNorm sees micro-batches, which is warned of.
    options = {"batch_norm": "accumulation_steps" not in settings}
    pair = networks.dcgan(shape, 16, generator_filters=16, discriminator_filters=16, **options)
    gan = GAN(*pair)
    gan.compile(**settings)
    assert_one_result(gan, helpers.images(32 * gan.discriminator_steps, shape))


def assert_one_result(gan, images):
    start, found = helpers.snapshot(gan), set()
    for _ in range(6):
        helpers.restore(start)
        gan.train_on_batch(images)
        found.add(fingerprint(gan))
    assert len(found) == 1


def run(folder, *arguments):
    """Start this file as a program; the last line it prints, or `None` if it was killed."""
    here = pathlib.Path(__file__)
    path = os.pathsep.join([str(here.parent.parent), str(here.parent)])
    process = subprocess.run(
        [sys.executable, here, folder, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0
    return process.stdout.splitlines()[-1]


@pytest.mark.slow
def test_processes_agree_and_so_does_one_that_was_killed(tmp_path):
    assert run(tmp_path / "killed", "dies") is None
    assert run(tmp_path / "killed") == run(tmp_path / "whole")


def main(folder, *arguments):
    """Train at 64 pixels, killed at the second epoch if told so."""
    from keras_gan.callbacks import TrainingBackup

    class Death(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if "dies" in arguments and epoch == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    keras.utils.set_random_seed(0)
    gan = recipes.dcgan((64, 64, 3), precision=None)
    gan.fit(
        helpers.images(96, (64, 64, 3)),
        batch_size=32,
        epochs=3,
        callbacks=[Death(), TrainingBackup(folder)],
        verbose=0,
    )
    print(fingerprint(gan))


if __name__ == "__main__":
    main(*sys.argv[1:])
