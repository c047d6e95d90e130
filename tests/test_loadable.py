"""Whatever `save` has written loads; what would not is refused where it begins, with a cure."""

import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan import (
    losses,
    metrics,
    optimizers,
    priors,
    regularizers,
)
from keras_gan.model.gan import GAN
from keras_gan.storage import loadable

register = keras.saving.register_keras_serializable("test_loadable")
POINTS = helpers.points(16)


def normal(shape, seed):
    return tf.random.stateless_normal(shape, seed)


@register
def registered_normal(shape, seed):
    return tf.random.stateless_normal(shape, seed)


@register
def registered_rate(images_seen):
    return 1e-4


@register
class RegisteredLoss(losses.NonSaturating):
    pass


class OwnPrior(priors.Normal):
    pass


class OwnLoss(losses.NonSaturating):
    pass


class OwnPenalty(regularizers.R1):
    pass


class OwnMetric(metrics.SlicedWasserstein):
    pass


class OwnAdam(keras.optimizers.Adam):
    pass


class OwnDense(layers.Dense):
    pass


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 1e-4


@register
class RegisteredDense(layers.Dense):
    pass


@register
class Forgetful(layers.Layer):
    """Its config leaves out how wide it is."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.dense.units)

    def get_config(self):
        return {"name": self.name}


def network(layer=None, **settings):
    """A generator with one layer between others."""
    middle = [] if layer is None else [layer]
    start = [keras.Input((helpers.LATENT,)), layers.Dense(4)]
    return keras.Sequential([*start, *middle, layers.Dense(2, activation="tanh")], **settings)


def model(compiled=None, generator=None, **settings):
    gan = GAN(generator or helpers.generator(), helpers.discriminator(), **settings)
    gan.compile(run_eagerly=True, **(compiled or {}))
    return gan


# Models that cannot be loaded; where it lies, and how it is named. An error names three places.
UNLOADABLE = [
    (
        {
            "prior": lambda shape, seed: normal(shape, seed),
            "ema_halflife_images": lambda images: 100.0,
            "compiled": {"generator_optimizer": optimizers.Adam(lambda images: 1e-4)},
        },
        {
            "prior": "a lambda",
            "ema_halflife_images": "a lambda",
            "generator_optimizer.learning_rate": "a lambda",
        },
    ),
    (
        {
            "prior": normal,
            "compiled": {
                "regularizers": [regularizers.R1(lambda images: 1.0)],
                "metrics": [metrics.SlicedWasserstein(features=lambda x: x)],
            },
        },
        {
            "prior": "the function normal",
            "regularizers[0].weight": "a lambda",
            "metrics[0].features": "a lambda",
        },
    ),
    (
        {
            "prior": OwnPrior(),
            "compiled": {"loss": OwnLoss(), "discriminator_optimizer": OwnAdam()},
        },
        {
            "prior": "the class OwnPrior",
            "discriminator_optimizer": "the class OwnAdam",
            "loss": "the class OwnLoss",
        },
    ),
    (
        {"compiled": {"regularizers": [OwnPenalty()], "metrics": [OwnMetric()]}},
        {"regularizers[0]": "the class OwnPenalty", "metrics[0]": "the class OwnMetric"},
    ),
]


@pytest.mark.parametrize(("settings", "named"), UNLOADABLE)
def test_what_would_not_load_is_not_saved(tmp_path, settings, named):
    gan = model(**settings)
    message = r"must name only what `load_model` can find.*save_weights"
    with pytest.raises(ValueError, match=message) as caught:
        gan.save(tmp_path / "gan.keras")
    for place, what in named.items():
        assert f" {place}={what!r}" in str(caught.value), str(caught.value)
    assert not list(tmp_path.iterdir())
    gan.save_weights(tmp_path / "gan.weights.h5")  # the cure for who wants no config


@pytest.mark.parametrize(
    "layer",
    [
        OwnDense,
        lambda units: layers.Lambda(lambda x: 2 * x),
        lambda units: layers.Dense(units, activation=lambda x: 2 * x),
    ],
)
def test_parts_of_networks_are_named(tmp_path, layer):
    nested = keras.Sequential([keras.Input((4,)), layer(4)])
    gan = model(generator=network(nested), ema_halflife_images=None)
    with pytest.raises(ValueError, match=r"generator\.layers\[2\]\.layers\[1\]"):
        gan.save(tmp_path / "gan.keras")


def test_configs_may_have_dicts_of_any_keys():
    config = {"activation": {"kind": "leaky", "slope": 0.1}, "by_number": {0: 1.0}}
    assert loadable.check_config({"class_name": "Own", "module": "keras", "config": config}) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"prior": functools.partial(normal)},
        {"compiled": {"generator_optimizer": keras.optimizers.Adam(OwnSchedule())}},
    ],
    ids=["prior", "generator_optimizer"],
)
def test_what_has_no_config_is_named(tmp_path, request, settings):
    with pytest.raises(ValueError, match=f"`{request.node.callspec.id}` must have a config"):
        model(**settings).save(tmp_path / "gan.keras")


def test_the_cures_work(tmp_path):
    gan = model(
        {
            "loss": RegisteredLoss(),
            "generator_optimizer": optimizers.Adam(registered_rate),
            "regularizers": [regularizers.R1(registered_rate)],
        },
        network(RegisteredDense(4)),
        prior=registered_normal,
    )
    gan.train_on_batch(POINTS)
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    helpers.assert_same(helpers.state(gan), helpers.state(twin))
    assert twin.prior is registered_normal
    own = model(generator=network(OwnDense(4)), ema_halflife_images=None)
    with keras.saving.custom_object_scope({"OwnDense": OwnDense}):
        own.save(tmp_path / "own.keras")
        keras.saving.load_model(tmp_path / "own.keras")


def test_own_classes_that_come_back_otherwise_are_refused(tmp_path):
    gan = model(generator=network(Forgetful(7)), ema_halflife_images=None)
    path = tmp_path / "gan.keras"
    path.write_text("the file before")
    before = random.getstate()
    with pytest.raises(ValueError, match=r"get_config.*own=\['Forgetful'\].*arguments of `__init"):
        gan.save(path)
    assert path.read_text() == "the file before"
    assert random.getstate() == before, "Keras's seeds come from here"
    model(generator=network(Forgetful(4)), ema_halflife_images=None).save(path)


def test_a_run_that_saves_models_is_refused_before_it_begins(tmp_path):
    gan = model(prior=normal)
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match="prior='the function normal'"):
        gan.fit(POINTS, batch_size=8, verbose=0, callbacks=[checkpoint])
    assert gan.steps_seen == 0
    weights = keras.callbacks.ModelCheckpoint(tmp_path / "a.weights.h5", save_weights_only=True)
    gan.fit(POINTS, batch_size=8, verbose=0, callbacks=[weights])


# === `trainable` changed after `compile` ===


def thaw(gan):
    gan.discriminator.layers[2].trainable = True


def freeze(gan):
    gan.discriminator.layers[4].trainable = False


def freeze_all(gan):
    gan.discriminator.trainable = False


def partly_frozen(**settings):
    discriminator = helpers.discriminator()
    discriminator.layers[2].trainable = False
    gan = GAN(helpers.generator(), discriminator)
    gan.compile(run_eagerly=True, **settings)
    gan.train_on_batch(POINTS)
    return gan


@pytest.mark.parametrize(
    "change", [*(pytest.param(c, marks=pytest.mark.slow) for c in (thaw, freeze)), freeze_all]
)
def test_a_change_of_trainable_loads_and_counts_from_the_next_compile_on(tmp_path, change):
    gan = partly_frozen()
    change(gan)
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    helpers.assert_same(helpers.state(gan), helpers.state(twin))
    for each in (gan, twin):
        for train in (each.fit, each.train_on_batch):
            with pytest.raises(ValueError, match="`compile`"):
                train(POINTS)
    gan.discriminator.trainable = False
    gan.discriminator.trainable = True  # the cure of them all
    gan.compile(run_eagerly=True)
    before = helpers.values(gan.discriminator.trainable_variables)
    gan.train_on_batch(POINTS)
    after = helpers.values(gan.discriminator.trainable_variables)
    assert len(after) == 4 and not any(map(np.array_equal, before, after))


def test_what_was_frozen_may_keep_its_optimizer(tmp_path):
    gan = partly_frozen()
    thaw(gan)
    with pytest.raises(ValueError, match="must be new.*Create a new one"):
        gan.compile(gan.generator_optimizer, gan.discriminator_optimizer)
    gan.compile(gan.generator_optimizer, "adam", run_eagerly=True)
    gan.train_on_batch(POINTS)
    freeze(gan)
    gan.compile(gan.generator_optimizer, gan.discriminator_optimizer, run_eagerly=True)
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (gan, twin):
        each.train_on_batch(POINTS)
    helpers.assert_same(helpers.state(gan), helpers.state(twin))


def test_averaged_weights_of_an_optimizer_end_where_they_belong():
    rate = keras.optimizers.SGD(0.1, use_ema=True)
    gan = model({"discriminator_optimizer": rate})
    gan.discriminator.layers[2].trainable = False
    gan.compile(discriminator_optimizer=rate, run_eagerly=True)
    gan.fit(POINTS, batch_size=8, verbose=0)
    averages = helpers.values(rate._model_variables_moving_average)
    assert helpers.same(averages, helpers.values(gan.discriminator.weights))


@pytest.mark.parametrize("nested", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_saved_average_trains_again(tmp_path, nested):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4)]) if nested else None
    model(generator=network(inner)).averaged_generator.save(tmp_path / "average.keras")
    generator = keras.saving.load_model(tmp_path / "average.keras")
    gan = GAN(generator, helpers.discriminator())
    with pytest.raises(ValueError, match=r"generator.trainable = False`, then `generator.train"):
        gan.compile()
    generator.trainable = False
    generator.trainable = True
    gan.compile(run_eagerly=True)
    before = helpers.values(generator.weights)
    gan.train_on_batch(POINTS)
    assert not any(map(np.array_equal, before, helpers.values(generator.weights)))


# === Weights under other optimizers ===


@pytest.mark.filterwarnings("ignore:Skipping variable loading")  # Keras's own word
@pytest.mark.parametrize("suffix", [".weights.h5", pytest.param(".keras", marks=pytest.mark.slow)])
def test_weights_under_another_optimizer(tmp_path, suffix):
    first = model()
    first.train_on_batch(POINTS)
    path = tmp_path / f"gan{suffix}"
    first.save(path) if suffix == ".keras" else first.save_weights(path)
    other = model({"generator_optimizer": "sgd"})
    before = helpers.state(other)
    with pytest.raises(ValueError, match="state of the optimizers.*not_restored=.'generator_opt"):
        other.load_weights(path)
    helpers.assert_same(before, helpers.state(other))
    # The cures, in turn.
    model().load_weights(path)
    fresh = GAN(helpers.generator(), helpers.discriminator())
    fresh.load_weights(path)
    fresh.compile("sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match="generator_optimizer"):
        other.load_weights(path, skip_mismatch=True)
    for each in (fresh, other):
        assert helpers.same(each.get_weights()[:8], first.get_weights()[:8])
        each.train_on_batch(POINTS)


def test_state_of_another_kind_of_optimizer_does_not_pass_for_ones_own(tmp_path):
    model({"generator_optimizer": "rmsprop"}).save_weights(tmp_path / "gan.weights.h5")
    momentum = keras.optimizers.SGD(momentum=0.9)  # one number a weight, too
    with pytest.raises(ValueError, match="not_restored=.'generator_optimizer"):
        model({"generator_optimizer": momentum}).load_weights(tmp_path / "gan.weights.h5")


def test_without_the_import_the_error_asks_for_it_and_names_the_package(tmp_path, monkeypatch):
    model({}).save(tmp_path / "gan.keras")
    monkeypatch.delitem(keras.saving.get_custom_objects(), "keras_gan>GAN")
    with pytest.raises(TypeError, match=r"are all imported.{0,120}'module': 'keras_gan\."):
        keras.saving.load_model(tmp_path / "gan.keras")
