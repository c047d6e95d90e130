"""Two runs are told apart by name, and are the same where nothing that matters differs."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic, data, images, priors
from keras_gan.losses import Hinge
from keras_gan.metrics import SlicedWasserstein
from keras_gan.model import run_fingerprint
from keras_gan.model.gan import GAN
from keras_gan.regularizers import R1
from keras_gan.terms import Perceptual


def described(gan=None, x=None, **settings):
    """The description of a run, without its steps."""
    gan = gan or helpers.gan()
    stopped = []

    class Stop(keras.callbacks.Callback):
        acts_last = True

        def prepare(self, gan, siblings, epochs):
            stopped.append(gan.run_description())
            raise KeyboardInterrupt

    gan._warned_of_metrics = True  # there need be no data for them
    with pytest.raises(KeyboardInterrupt):
        gan.fit(helpers.points() if x is None else x, callbacks=Stop(), **settings)
    return stopped[0]


def network(change=None, dropout=0.2):
    """A discriminator with one change."""
    inputs = keras.Input((2,))
    x = layers.Dense(12 if change == "units" else 8)(inputs)
    x = layers.ReLU()(x) if change == "layer" else layers.LeakyReLU(0.2)(x)
    x = layers.Dropout(0.3 if change == "rate" else dropout)(x)
    dtype = "mixed_bfloat16" if change == "precision" else None
    x = layers.Dense(4, dtype=dtype, trainable=change != "frozen")(x)
    return keras.Model(inputs, layers.Dense(1)(x), name="discriminator")


def model(change=None, **settings):
    gan = GAN(helpers.generator(), network(change), **settings)
    gan.compile()
    return gan


def of_model(gan):
    """The part of the description that a model has without a run."""
    return run_fingerprint.flat(run_fingerprint.of_model(gan))


@functools.cache
def unchanged(make, describe=of_model, **settings):
    """The description of `make()`, made once: nothing looks at it but to compare."""
    return describe(make(), **settings)


def adam(**settings):
    return keras.optimizers.Adam(**settings)


def only(before, now):
    """The differences, each the first words of a sentence."""
    return run_fingerprint.differences(before, now)


# === The same ===


def test_layers_go_by_their_place_and_seeds_do_not_matter():
    first = described(model())
    layers.Dense(1), layers.Dropout(0.1)  # Keras counts on
    second = described(model())
    assert first["discriminator.layers[3].rate"] == 0.2
    assert only(first, second) == []


def test_what_a_run_changes_itself_is_no_difference():
    gan = helpers.gan(regularizers=["lecam"], run_eagerly=True)
    data = {"x": helpers.points(8), "batch_size": 8}
    before = described(gan, **data)
    gan.fit(**data, verbose=0)
    gan.generator_optimizer.learning_rate = 1e-5
    assert only(before, described(gan, **data)) == []


def test_values_are_plain():
    run = described(helpers.gan(metrics=[SlicedWasserstein()], regularizers=["r1"]))
    assert all(isinstance(v, (str, int, float, bool, type(None))) for v in run.values())
    assert run["loss"] == "NonSaturating" and run["regularizers[0].weight"] == 10.0


def test_a_class_that_cannot_be_saved_goes_by_its_name():
    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            raise NotImplementedError

    def run(shape):
        own = Own(2)
        own.build((None, shape))
        networks = own, helpers.discriminator()
        gan = GAN(*networks, ema_halflife_images=None, prior=lambda s, seed: tf.ones(s))
        gan.compile()
        return described(gan)

    first = run(4)
    assert first["generator"] == "Own" and first["prior"] == "__lambda__"
    assert only(first, run(4)) == []
    assert only(first, run(5)) == ["generator.weights[0][0]: 4 in the backup, 5 now"]


# === Different ===


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("units", "discriminator.layers[1].units: 8 in the backup, 12 now"),
        ("layer", "discriminator.layers[2]: 'LeakyReLU' in the backup, 'ReLU' now"),
        ("rate", "discriminator.layers[3].rate: 0.2 in the backup, 0.3 now"),
        ("precision", "discriminator.layers[4].dtype: 'float32' in the backup, 'mixed_bfloat16'"),
        ("frozen", "discriminator.layers[4].trainable: True in the backup, False now"),
    ],
)
def test_networks(change, words):
    found = only(unchanged(model), of_model(model(change)))
    assert found[0].startswith(words)
    assert len(found) == 1 or change == "layer", "what follows from a change is not named too"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prior": "uniform"}, "prior: 'Normal' in the backup, 'Uniform' now"),
        ({"prior": priors.Uniform(0.0, 2.0)}, "prior.high: nothing in the backup, 2.0 now"),
        ({"seed": 1}, "seed: 0 in the backup, 1 now"),
        ({"ema_halflife_images": 500}, "ema_halflife_images: 10000.0 in the backup, 500.0 now"),
    ],
)
def test_models(settings, words):
    assert any(
        line.startswith(words) for line in only(unchanged(model), of_model(model(**settings)))
    )


@functools.cache
def networks():
    return GAN(helpers.generator(), helpers.discriminator())


def recompiled(**settings):
    """A model of the same networks, compiled anew."""
    networks().compile(**settings)
    return networks()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "hinge"}, "loss: 'NonSaturating' in the backup, 'Hinge' now"),
        ({"regularizers": [R1(5.0)]}, "regularizers[0]: nothing in the backup, 'R1' now"),
        ({"metrics": [SlicedWasserstein()]}, "metrics[0]: nothing in the backup, 'Sliced"),
        ({"discriminator_steps": 2}, "discriminator_steps: 1 in the backup, 2 now"),
        ({"generator_optimizer": "sgd"}, "generator_optimizer: 'Adam' in the backup, 'SGD' now"),
        (
            {"discriminator_optimizer": adam(learning_rate=2e-4, beta_1=0.9)},
            "discriminator_optimizer.beta_1: 0.5 in the backup, 0.9 now",
        ),
        (
            {"generator_optimizer": adam(learning_rate=0.5, beta_1=0.5)},
            "generator_optimizer.learning_rate: 0.00019999999494757503 in the backup, 0.5 now",
        ),
        (
            {
                "generator_optimizer": adam(
                    learning_rate=keras.optimizers.schedules.ExponentialDecay(2e-4, 10, 0.5),
                    beta_1=0.5,
                )
            },
            "generator_optimizer.learning_rate.decay_steps: nothing in the backup, 10 now",
        ),
    ],
)
def test_settings_of_compile(settings, words):
    before = unchanged(recompiled)
    found = only(before, of_model(recompiled(**settings)))
    assert any(line.startswith(words) for line in found), found


POINTS = helpers.points()


@functools.cache
def plain():
    """A model whose data alone change: that a fit begins changes nothing of it."""
    return helpers.gan()


@pytest.mark.parametrize(
    ("x", "settings", "words"),
    [
        (POINTS[:60], {}, "data.num_samples: 64 in the backup, 60 now"),
        (POINTS[::-1], {}, "data.checksum_of_samples: "),
        (POINTS, {"batch_size": 32}, "data.rows_per_step: 16 in the backup, 32 now"),
        (POINTS, {"shuffle": False}, "data.shuffle: True in the backup, False now"),
        (POINTS, {"steps_per_epoch": 3}, "data.steps_per_epoch: 4 in the backup, 3 now"),
        (POINTS, {"validation_data": POINTS[:5]}, "validation_data.num_samples: nothing in the"),
        (POINTS, {"validation_split": 0.5}, "data.num_samples: 64 in the backup, 32 now"),
    ],
)
def test_arrays(x, settings, words):
    now = described(plain(), x, **{"batch_size": 16, **settings})
    found = only(unchanged(plain, described, batch_size=16), now)
    assert any(line.startswith(words) for line in found), found


def test_labels():
    gan = helpers.gan(num_classes=3)
    labels = np.arange(64) % 3
    runs = [described(gan, POINTS, y=y) for y in (labels, labels[::-1])]
    assert [line.split(":")[0] for line in only(*runs)] == ["data.checksum_of_labels"]


def test_pipelines_go_by_their_form():
    def run(size, dtype="float32", **settings):
        points = tf.data.Dataset.from_tensor_slices(POINTS.astype(dtype)).batch(size)
        return described(plain(), points, **settings)

    before = run(16)
    assert only(before, run(16)) == []
    assert only(before, run(8)) == ["data.batches: 4 in the backup, 8 now"]
    assert only(before, run(16, "float64"))[0].startswith("data.pipeline: ")
    assert only(before, run(16, steps_per_epoch=2))[0].startswith("data.steps_per_epoch: None")


@pytest.mark.parametrize(
    ("limit", "check_all"),
    [(1.0, True), (0.0, True), (1.0, False)],
    ids=["in memory", "decoded when needed", "unchecked"],
)
def test_folders_go_by_their_files_and_not_by_their_path(tmp_path, limit, check_all):
    def save(folder, count=4):
        for number, picture in enumerate(helpers.images(count, (8, 8, 3), seed=count)):
            images.save_png(tmp_path / folder / "deep" / f"{number}.png", picture)
        return tmp_path / folder

    def run(folder, **settings):
        settings = {"memory_limit_gib": limit, "check_all": check_all, **settings}
        source = data.from_folder(folder, image_size=8, **settings).source
        return run_fingerprint.flat(source.description())

    before = run(save("first"))
    assert only(before, run(save("moved"))) == []
    assert only(before, run(save("other", 5))) and only(before, run(save("first"), seed=1))
    if limit == 0.0 or not check_all:
        assert only(before, run(save("first"), resample="box"))


def of_critics(**own):
    critics = [
        Critic(helpers.discriminator(), real="samples", fake="generated", name=name, **own)
        for name in ("first", "second")
    ]
    model = AdversarialModel(helpers.generator(), critics, priors={"latents": "normal"})
    model.compile()
    return model


class Scaled(Hinge):
    """A loss whose config names a function of the user's, by which Keras stores no code."""

    def __init__(self, scale):
        self.scale = scale

    def get_config(self):
        return {"scale": self.scale}


def test_what_a_critic_has_of_its_own_goes_by_what_it_computes():
    def made(scale):
        return of_model(of_critics(loss=Scaled(scale), regularizers=["r1"], weight=0.5))

    def double(x):
        return 2.0 * x

    first = made(double)
    assert first["critics[1].loss"] == "Scaled" and first["critics[0].weight"] == 0.5
    assert "critics[0].regularizers[0].module" not in first
    assert only(first, made(double)) == []

    def double(x):
        return 3.0 * x

    assert [line.split(": ")[0] for line in only(first, made(double))][:1] == [
        "critics[0].loss.scale.code"
    ]


def test_fingerprints_of_earlier_versions_are_the_same():
    now = of_model(of_critics(loss="hinge"))
    before = {**now, "critics[0].loss.module": "keras_gan.losses"}
    assert only({**before, "critics[0].loss.registered_name": "keras_gan>Hinge"}, now) == []


class Unconfigured(layers.Layer):
    """A layer without `get_config`, whose name is in the network's config alone."""

    def __init__(self, **options):
        super().__init__(**options)

    def call(self, inputs):
        return inputs


def test_networks_of_terms_and_layers_without_a_config_go_by_their_place():
    def made():
        given = keras.Input((2,), name="given")
        made = Unconfigured()(layers.Dense(2)(given))
        generator = keras.Model({"given": given}, {"made": made})
        critic = Critic(network(), real="wanted", fake="made")
        game = AdversarialModel(generator, critic)
        game.compile(terms=[Perceptual(network(), "wanted", "made")])
        return run_fingerprint.flat(run_fingerprint.of_model(game))

    assert run_fingerprint.differences(made(), made()) == []
