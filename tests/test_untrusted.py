"""Files from strangers: what the package builds loads in safe mode, what is damaged is refused."""

import functools
import io
import json
import marshal
import os
import pickle
import re
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import helpers
import keras_gan
from keras_gan import losses, metrics, networks, priors, recipes, regularizers
from keras_gan.layers import MinibatchStdDev, SpectralNormalization
from keras_gan.model import state_parts
from keras_gan.model.gan import GAN

SMALL = {"generator_filters": 2, "discriminator_filters": 2, "latent_dim": 3}
IMAGE = (8, 8, 1)

# === All that the package builds ===


def special_layers():
    x = inputs = keras.Input(IMAGE)
    x = SpectralNormalization(layers.Conv2D(2, 3, strides=2))(x)
    x = SpectralNormalization(layers.Conv2DTranspose(2, 3), power_iterations=2)(x)
    x = layers.Flatten()(MinibatchStdDev(group_size=2)(x))
    return keras.Model(inputs, SpectralNormalization(layers.Dense(1))(x))


def compiled(pair, **settings):
    gan = GAN(*pair, num_classes=settings.pop("num_classes", None))
    gan.compile(**settings)
    return gan


def features():
    inputs = keras.Input((2,))
    return keras.Model(inputs, layers.Dense(3)(inputs))


def of_points(**settings):
    return helpers.gan(**settings)


BUILDERS = {
    "networks.mlp": lambda: compiled(networks.mlp((2,), 3, width=4)),
    "networks.mlp labels": lambda: compiled(
        networks.mlp(IMAGE, 3, width=4, num_classes=2), num_classes=2
    ),
    "networks.dcgan": lambda: compiled(networks.dcgan(IMAGE, **SMALL)),
    "networks.dcgan labels": lambda: compiled(
        networks.dcgan((9, 11, 3), num_classes=2, **SMALL), num_classes=2
    ),
    "networks.r3gan": lambda: compiled(networks.r3gan(IMAGE, 3, filters=16)),
    "networks.r3gan labels": lambda: compiled(
        networks.r3gan((9, 11, 3), 3, filters=16, num_classes=2), num_classes=2
    ),
    "networks.resnet": lambda: compiled(networks.resnet(IMAGE, **SMALL)),
    "networks.resnet labels": lambda: compiled(
        networks.resnet((9, 11, 3), num_classes=2, **SMALL), num_classes=2
    ),
    "layers": lambda: compiled((networks.dcgan(IMAGE, **SMALL)[0], special_layers())),
    "recipes.mlp": lambda: recipes.mlp((2,), latent_dim=3, width=4),
    "recipes.mlp precision": lambda: recipes.mlp((2,), width=4, precision="mixed_bfloat16"),
    "recipes.dcgan": lambda: recipes.dcgan(IMAGE, **SMALL),
    "recipes.wgan_gp": lambda: recipes.wgan_gp(IMAGE, num_classes=2, **SMALL),
    "recipes.r3gan": lambda: recipes.r3gan(IMAGE, latent_dim=3, filters=16, pack=2),
    "recipes.sngan": lambda: recipes.sngan(IMAGE, num_classes=2, **SMALL),
    "metrics": lambda: of_points(
        metrics=[
            metrics.SlicedWasserstein(num_projections=8, seed=3),
            metrics.ModeCoverage(modes=keras_gan.data.ring_modes(), std=0.02),
            metrics.SlicedWasserstein(features=features(), name="of_features"),
            metrics.FrechetDistance(features=features()),
            metrics.KernelDistance(subsets=3, max_samples=20),
            metrics.InceptionScore(features(), logits=True),
            metrics.PrecisionRecall(k=4, max_samples=20),
            metrics.DensityCoverage(k=4, max_samples=20),
        ]
    ),
    "periods, steps, schedules": lambda: of_points(
        discriminator_steps=3,
        generator_optimizer=keras.optimizers.RMSprop(
            keras.optimizers.schedules.CosineDecay(1e-3, 10)
        ),
        discriminator_optimizer=keras.optimizers.Adam(use_ema=True, clipnorm=1.0),
        steps_per_execution=2,
    ),
    "no average": lambda: GAN(
        helpers.generator(), helpers.discriminator(), ema_halflife_images=None
    ),
    **{f"loss {name}": lambda name=name: of_points(loss=name) for name in losses._KNOWN},
    "regularizers": lambda: of_points(regularizers=sorted(regularizers._KNOWN)),
    **{
        f"prior {name}": lambda name=name: GAN(
            helpers.generator(), helpers.discriminator(), prior=name
        )
        for name in priors._KNOWN
    },
}

# That each loss has a config is asked where losses are tested, too; recipes, and networks that take
# labels, have all the layers of these.
REPEATED = {f"loss {name}" for name in losses._KNOWN} | {"recipes.dcgan"}
REPEATED |= {f"networks.{name}" for name in ("mlp", "dcgan", "r3gan", "resnet")}
REPEATED |= {"networks.dcgan labels", "networks.resnet labels"}


def test_the_table_is_complete():
    names = {name.split()[0] for name in BUILDERS}
    recipe_names = {
        name
        for name, f in vars(recipes).items()
        if getattr(f, "__module__", "") == recipes.__name__
    }
    public = {f"recipes.{name}" for name in recipe_names if not name.startswith("_")}
    assert public | {f"networks.{name}" for name in networks.__all__} <= names
    built = {type(metric).__name__ for metric in BUILDERS["metrics"]().quality_metrics}
    assert set(metrics.__all__) == built


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in REPEATED else ()) for name in BUILDERS],
)
def test_safe_mode_loads_what_the_package_builds(tmp_path, monkeypatch, name):
    model = BUILDERS[name]()
    path = tmp_path / "gan.keras"
    model.save(path)
    parts = members(path)
    assert set(parts) == {"metadata.json", "config.json", "model.weights.h5"}
    assert not re.search(rb"lambda|pickle|marshal", parts["config.json"], re.IGNORECASE)

    def forbidden(*args, **kwargs):
        raise AssertionError("code was read from a file")

    for module, function in ((pickle, "loads"), (pickle, "load"), (marshal, "loads")):
        monkeypatch.setattr(module, function, forbidden)
    keras.utils.set_random_seed(99)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = keras.saving.load_model(path)
    monkeypatch.undo()
    assert json.dumps(twin.get_config()) == json.dumps(model.get_config())
    assert json.dumps(twin.get_compile_config()) == json.dumps(model.get_compile_config())
    for ours, theirs in zip(everything(model), everything(twin), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def everything(model):
    """All variables of a model and of what belongs to it."""
    parts = [*model.variables, *state_parts.own(model).values()]
    if model.compiled:
        for optimizer in model.optimizer.optimizers:
            parts += optimizer.variables
    for metric in model.quality_metrics:
        parts += getattr(getattr(metric, "features", None), "variables", [])
    return helpers.values(parts)


# === Damage ===


@pytest.fixture(scope="module")
def shared():
    """A model that has trained, and what it has come to."""
    keras.utils.set_random_seed(0)
    model = helpers.gan(dropout=0.3, batch_norm=True, regularizers=["lecam"])
    model.fit(helpers.points(), batch_size=16, epochs=1, verbose=0)
    return model, helpers.snapshot(model)


@pytest.fixture
def trained(shared):
    helpers.restore(shared[1])
    return shared[0]


@pytest.fixture(scope="module")
def saved(shared, tmp_path_factory):
    """The file of that model, and its state."""
    model, state = shared
    helpers.restore(state)
    path = tmp_path_factory.mktemp("saved") / "gan.keras"
    model.save(path)
    return path, helpers.state(model)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts):
    """A sound archive of whatever `parts` are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return archive.getvalue()


def load(tmp_path, content, **settings):
    """Load bytes as a model, Keras's own warnings aside, which are for no one to read."""
    path = tmp_path / "damaged.keras"
    path.write_bytes(content)
    keras.utils.set_random_seed(99)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping (variable|nested)")
        return keras.saving.load_model(path, **settings)


def loads_or_says(tmp_path, content, state):
    """Whether bytes give back the whole run; otherwise there must be an error with words."""
    try:
        model = load(tmp_path, content)
    except Exception as error:
        assert len(str(error)) > 15, repr(error)
        return False
    helpers.assert_same(helpers.state(model), state)
    return True


def places(size, count=2):
    return sorted({0, size - 1, *np.random.default_rng(0).integers(0, size, count).tolist()})


def test_a_cut_off_file_is_refused(tmp_path, saved):
    whole = saved[0].read_bytes()
    for place in places(len(whole)):
        assert not loads_or_says(tmp_path, whole[:place], saved[1]), place


@pytest.mark.parametrize("member", ["metadata.json", "config.json", "model.weights.h5"])
def test_a_flipped_bit_is_found(tmp_path, saved, member):
    whole = saved[0].read_bytes()
    start = whole.index(members(saved[0])[member])
    loaded = []
    for place in places(len(members(saved[0])[member])):
        damaged = bytearray(whole)
        damaged[start + place] ^= 1 << place % 8
        loaded.append(loads_or_says(tmp_path, bytes(damaged), saved[1]))
    # Nobody reads the metadata: the date and Keras's version.
    assert all(loaded) if member == "metadata.json" else not any(loaded)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x05\x06" + bytes(18),  # an empty archive
        b"model",
        packed({"a.txt": "text"}),
        packed({"config.json": "{}", "model.weights.h5": ""}),
        packed({"config.json": "[1, 2", "model.weights.h5": ""}),
        packed({"config.json": "null"}),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content):
    with pytest.raises((ValueError, KeyError, OSError), match=".{15}"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        *(("config", key) for key in ("generator", "prior", "num_classes", "seed")),
        *(("compile_config", key) for key in ("loss", "metrics", "discriminator_steps")),
    ],
)
def test_a_config_that_is_not_complete_is_refused(tmp_path, saved, part, key):
    parts = members(saved[0])
    config = json.loads(parts["config.json"])
    del config[part][key]
    with pytest.raises(ValueError, match=rf"must be complete.*missing=\['{key}'\]"):
        load(tmp_path, packed({**parts, "config.json": json.dumps(config)}))


def rewritten(path, change):
    """The file with its weights changed, and with right checksums of the archive."""
    parts = members(path)
    opened = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(opened, "r+") as file:
        change(file)
    return packed({**parts, "model.weights.h5": opened.getvalue()})


def datasets(path):
    names = []
    with h5py.File(io.BytesIO(members(path)["model.weights.h5"])) as file:
        file.visititems(lambda name, x: names.append(name) if isinstance(x, h5py.Dataset) else None)
    return names


@pytest.mark.parametrize("kind", ["missing", "of another shape", "of other values"])
def test_no_number_is_lost_unseen(tmp_path, saved, kind):
    """Keras itself leaves out an optimizer, or a container of layers, with a mere warning."""

    def change(name, file):
        values = file[name][()]
        del file[name]
        if kind == "of another shape":
            file[name] = np.zeros((*np.shape(values), 2), values.dtype)
        elif kind == "of other values":
            file[name] = values + 1

    names = datasets(saved[0])
    assert len(names) > 50
    found = [
        not loads_or_says(tmp_path, rewritten(saved[0], functools.partial(change, name)), saved[1])
        for name in names[::26]
    ]
    # A counter that is missing but was at its start is no loss.
    assert all(found) or kind == "missing" and sum(found) >= len(found) - 2


@pytest.mark.parametrize(
    "part, said",
    [
        ("generator_optimizer", r"not_restored=\['generator_optimizer'\]"),
        ("discriminator_optimizer/vars", r"not_restored=\['discriminator_optimizer'\]"),
        ("vars/state_steps_seen", r"not_restored=\['counters'\]"),
        ("vars/random_discriminator_0", r"not_restored=\['random_generators'\]"),
        ("vars/regularizer_0_0", r"not_restored=\['regularizers'\]"),
        ("vars/checksum_generator", r"not_restored=\['generator'\]"),
        ("averaged_generator", "expected 2 variables"),
        ("vars", "must hold a GAN's counters"),
    ],
)
def test_lost_parts_are_named(tmp_path, saved, part, said):
    with pytest.raises(ValueError, match=said):
        load(tmp_path, rewritten(saved[0], lambda file: file.pop(part)))


def without_checksums(file):
    for name in [name for name in file["vars"] if name.startswith("checksum_")]:
        del file["vars"][name]


def test_a_file_of_an_earlier_version_loads_with_a_warning(tmp_path, saved):
    with pytest.warns(UserWarning, match="could not be checked"):
        model = load(tmp_path, rewritten(saved[0], without_checksums))
    helpers.assert_same(helpers.state(model), saved[1])


def test_the_networks_alone_load_without_the_rest(tmp_path, saved):
    content = rewritten(saved[0], lambda file: file.pop("generator_optimizer"))
    model = load(tmp_path, content, compile=False)
    assert model.steps_seen == saved[1]["state_steps_seen"]
    assert helpers.same(
        helpers.values(model.generator.weights),
        [value for name, value in saved[1].items() if name.startswith("generator/")],
    )


@pytest.mark.parametrize("kind", ["cut off", "flipped", "another's", "uncompiled", "text"])
def test_weights_that_do_not_fit_leave_the_model_as_it_was(tmp_path, trained, kind):
    model = trained
    path = tmp_path / "gan.weights.h5"
    model.save_weights(path)
    if kind == "cut off":
        path.write_bytes(path.read_bytes()[:-2_000])
    elif kind == "flipped":  # in the last kernel, which is restored after all others
        content = bytearray(path.read_bytes())
        values = helpers.values(model.generator_optimizer.variables)[-2].tobytes()
        content[content.index(values)] ^= 1
        path.write_bytes(content)
    elif kind == "another's":
        helpers.gan((3,), dropout=0.3).save_weights(path)
    elif kind == "uncompiled":
        GAN(model.generator, model.discriminator).save_weights(path)
    else:
        path.write_text("weights")
    model.fit(helpers.points(), batch_size=16, epochs=1, verbose=0)  # away from what was saved
    before = helpers.state(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping (variable|nested)")
        said = "must be complete|must match the checksums|must come from a model with the same"
        with pytest.raises(ValueError, match=said):
            model.load_weights(path)
    helpers.assert_same(before, helpers.state(model))


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        helpers.gan().load_weights(tmp_path / "none.weights.h5")


def test_what_fits_can_be_asked_for(tmp_path, trained):
    """`skip_mismatch` is for those who know that it does not all fit."""
    model = trained
    model.save_weights(tmp_path / "gan.weights.h5")
    other = helpers.gan(batch_norm=True, regularizers=["r1", "lecam"])
    with pytest.warns(UserWarning, match="could not be loaded"):
        other.load_weights(tmp_path / "gan.weights.h5", skip_mismatch=True)
    assert helpers.same(
        helpers.values(model.generator.weights), helpers.values(other.generator.weights)
    )


def test_networks_that_keras_saves_merged_load(tmp_path):
    pair = helpers.generator(), helpers.discriminator()
    pair[0].layers[1].enable_lora(2)
    model = GAN(*pair)
    model.compile(run_eagerly=True)
    model.fit(helpers.points(), batch_size=16, epochs=1, verbose=0)
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_allclose(twin.generate(3, seed=0), model.generate(3, seed=0), atol=1e-5)


# === Code ===


def with_layer(path, entry):
    """The file with the generator's last layer exchanged for `entry`."""
    parts = members(path)
    config = json.loads(parts["config.json"])
    last = config["config"]["generator"]["config"]["layers"][-1]
    last.update({"registered_name": None, **entry})
    return packed({**parts, "config.json": json.dumps(config)})


CALLED = []


def trap(*args, **kwargs):
    CALLED.append(args)


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"module": "os", "class_name": "system"}, "system|os"),
        ({"module": "builtins", "class_name": "eval"}, "eval"),
        ({"module": "subprocess", "class_name": "Popen"}, "Popen"),
        ({"module": "test_untrusted", "class_name": "trap"}, "trap"),
        ({"module": "keras.layers", "class_name": "NoSuchLayer"}, "NoSuchLayer"),
        ({"module": None, "class_name": "Stranger", "registered_name": "x>Stranger"}, "Stranger"),
        (
            {
                "module": "keras.layers",
                "class_name": "Lambda",
                "config": {
                    "name": "code",
                    "function": {
                        "class_name": "__lambda__",
                        "config": {"code": "4wAAAAA=", "defaults": None, "closure": None},
                    },
                },
            },
            "arbitrary code execution",
        ),
    ],
)
def test_code_is_refused_and_never_run(tmp_path, saved, monkeypatch, entry, words):
    monkeypatch.setattr(os, "system", trap)
    monkeypatch.setattr("subprocess.Popen", trap)
    CALLED.clear()
    with pytest.raises(ValueError, match=words):
        load(tmp_path, with_layer(saved[0], entry))
    assert not CALLED


@pytest.mark.parametrize("part", ["prior", "generator"])
def test_functions_of_python_are_no_parts_of_a_model(tmp_path, saved, monkeypatch, part):
    monkeypatch.setattr(os, "system", trap)
    CALLED.clear()
    parts = members(saved[0])
    config = json.loads(parts["config.json"])
    config["config"][part] = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }
    with pytest.raises((TypeError, ValueError), match="system"):
        load(tmp_path, packed({**parts, "config.json": json.dumps(config)}))
    assert not CALLED


def test_a_lambda_in_a_file_does_not_load_by_itself(tmp_path, monkeypatch):
    pair = helpers.generator(), helpers.discriminator()
    outputs = layers.Lambda(lambda x: x * 1.0)(pair[0].output)
    model = GAN(keras.Model(pair[0].input, outputs), pair[1])
    monkeypatch.setattr(model, "check_savable", list)  # which would not write it
    model.save(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.saving.load_model(tmp_path / "gan.keras")
