"""Networks that draw in inference, too, such as a variational autoencoder's sampling layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import helpers
from keras_gan import AdversarialModel, Critic
from keras_gan.model.gan import GAN

# A graph takes longer to be made than all of its steps.
EAGER = [pytest.param(False, id="graph", marks=pytest.mark.slow), pytest.param(True, id="eager")]


class Noise(layers.Layer):
    """The `Sampling` layer of Keras's example of a VAE, but for the variance."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), seed=self.seed_generator)


def network(units, name):
    inputs = keras.Input((4 if name == "a" else 3,), name=name)
    hidden = layers.BatchNormalization()(layers.Dense(5, "relu")(inputs))
    outputs = layers.Dense(units)(Noise()(hidden))
    if name == "a":
        return keras.Model({"a": inputs}, {"fake": outputs})
    return keras.Model(inputs, outputs)


def data(rows):
    rng = np.random.default_rng(0)
    sizes = {"a": 4, "b": 3}
    return {name: rng.normal(size=(rows, n)).astype("float32") for name, n in sizes.items()}


def game(strategy=None, **settings):
    with (strategy or tf.distribute.get_strategy()).scope():
        keras.utils.set_random_seed(0)
        model = AdversarialModel(network(3, "a"), Critic(network(1, "b"), real="b", fake="fake"))
        model.compile(steps_per_execution=1, **settings)
    return model


def states(model):
    networks = [model.generator, model.averaged_generator, model.critics[0].network]
    found = [v.value for network in networks for v in network.variables]
    return [np.array(part) for v in found for part in getattr(v, "values", [v])]


WATCHED = {
    "validation": lambda model: None,
    "evaluate": lambda model: model.evaluate(data(20), batch_size=8, verbose=0),
    "generate": lambda model: model.generate(inputs=data(6)["a"], averaged=False),
    "score": lambda model: model.score({"b": data(6)["b"]}),
}


def trained(watch, strategy=None, **settings):
    model = game(strategy, **settings)
    held_out = data(20) if watch is WATCHED["validation"] else None
    run = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: watch and watch(model))
    options = {"epochs": 2, "validation_data": held_out, "callbacks": [run]}
    model.fit(data(32), batch_size=16, verbose=0, **options)
    return model


@pytest.mark.parametrize("eager", EAGER)
def test_watching_does_not_change_the_run(eager):
    plain = states(trained(None, run_eagerly=eager))
    for name, watch in WATCHED.items():
        assert helpers.same(plain, states(trained(watch, run_eagerly=eager))), name


@pytest.mark.filterwarnings("ignore:.*separate statistics per replica")
@pytest.mark.slow
def test_watching_leaves_each_replica_its_own_draws_and_statistics(two_replicas):
    model = trained(None, two_replicas)
    before = states(model)
    seeds = [v.value.values for v in model.generator.variables if "seed" in v.path]
    means = [v.value.values for v in model.generator.variables if "moving_mean" in v.path]
    for one, two in [*seeds, *means]:
        assert not np.array_equal(one, two)
    for watch in WATCHED.values():
        watch(model)
    WATCHED["evaluate"](model)
    assert helpers.same(before, states(model))


@pytest.mark.parametrize("eager", EAGER)
def test_evaluations_are_repeatable_at_any_time_of_a_run(eager):
    model = game(run_eagerly=eager)
    first = [model.evaluate(data(20), batch_size=8, verbose=0) for _ in range(2)]
    assert first[0] == first[1]
    for variable in model.generator.variables:
        if "seed" in variable.path:  # as after more steps
            variable.assign(variable + 5)
    assert model.evaluate(data(20), batch_size=8, verbose=0) == first[0]
    assert model.score({"b": data(6)["b"]})["logits"].tolist() == (
        model.score({"b": data(6)["b"]})["logits"].tolist()
    )


def test_a_gan_is_left_alone_by_what_it_makes_and_scores():
    latents = keras.Input((4,))
    model = GAN(
        keras.Model(latents, layers.Dense(3)(Noise()(latents))),
        network(1, "b"),
        ema_halflife_images=None,
    )
    before = states(model)
    first, second = (model.generate(5, seed=3) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert model.score(data(5)["b"]).tolist() == model.score(data(5)["b"]).tolist()
    model.predict(data(5)["a"], verbose=0)
    assert helpers.same(before, states(model))


def test_generate_without_a_seed_draws_anew_each_time():
    model, inputs = game(), data(6)["a"]
    made = [model.generate(inputs=inputs, seed=seed) for seed in (None, None, 3, 3)]
    assert not np.allclose(made[0], made[1])
    assert made[2].tolist() == made[3].tolist()
    latents = keras.Input((4,))
    gan = GAN(keras.Model(latents, layers.Dense(3)(Noise()(latents))), network(1, "b"))
    made = [gan.generate(latents=inputs, seed=seed) for seed in (None, None, 3, 3)]
    made += [gan.predict(inputs, verbose=0) for _ in range(2)]
    assert not np.allclose(made[0], made[1]) and not np.allclose(made[4], made[5])
    assert made[2].tolist() == made[3].tolist()
