"""Files from strangers: what is damaged, or has code in it, is refused."""

import functools
import io
import json
import os
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan.model.gan import GAN

# === Damage ===


@pytest.fixture(scope="module")
def shared():
    """A model that has trained, and what it has come to."""
    keras.utils.set_random_seed(0)
    settings = {"dropout": 0.3, "batch_norm": True, "regularizers": ["lecam"]}
    model = helpers.gan(**settings, run_eagerly=True)
    model.fit(helpers.points(16), batch_size=8, epochs=1, verbose=0)
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


def places(size, count=1):
    return sorted({0, size - 1, *np.random.default_rng(0).integers(0, size, count).tolist()})


def test_a_cut_off_file_is_refused(tmp_path, saved):
    whole = saved[0].read_bytes()
    for place in places(len(whole)):
        assert not loads_or_says(tmp_path, whole[:place], saved[1]), place


@pytest.mark.parametrize("member", ["metadata.json", "config.json", "model.weights.h5"])
def test_a_flipped_bit_is_found(tmp_path, saved, member):
    whole = saved[0].read_bytes()
    start = whole.index(helpers.members(saved[0])[member])
    loaded, size = [], len(helpers.members(saved[0])[member])
    # Of the metadata, where each file loads, one will do.
    for place in [size // 2] if member == "metadata.json" else places(size):
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


# Keys of which the others are like one that is tried.
SIMILAR = ("prior", "num_classes", "metrics", "discriminator_steps")


@pytest.mark.parametrize(
    ("part", "key"),
    [
        pytest.param(part, key, marks=pytest.mark.slow if key in SIMILAR else ())
        for part, keys in (
            ("config", ("generator", "prior", "num_classes", "seed")),
            ("compile_config", ("loss", "metrics", "discriminator_steps")),
        )
        for key in keys
    ],
)
def test_a_config_that_is_not_complete_is_refused(tmp_path, saved, part, key):
    parts = helpers.members(saved[0])
    config = json.loads(parts["config.json"])
    del config[part][key]
    with pytest.raises(ValueError, match=rf"must be complete.*missing=\['{key}'\]"):
        load(tmp_path, packed({**parts, "config.json": json.dumps(config)}))


def rewritten(path, change):
    """The file with its weights changed, and with right checksums of the archive."""
    parts = helpers.members(path)
    opened = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(opened, "r+") as file:
        change(file)
    return packed({**parts, "model.weights.h5": opened.getvalue()})


def datasets(path):
    names = []
    with h5py.File(io.BytesIO(helpers.members(path)["model.weights.h5"])) as file:
        file.visititems(lambda name, x: names.append(name) if isinstance(x, h5py.Dataset) else None)
    return names


@pytest.mark.parametrize(
    "kind",
    [
        "of other values",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("missing", "of another shape")),
    ],
)
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
        *(
            pytest.param(part, rf"not_restored=\['{said}'\]", marks=pytest.mark.slow)
            for part, said in (
                ("discriminator_optimizer/vars", "discriminator_optimizer"),
                ("vars/random_discriminator_0", "random_generators"),
                ("vars/checksum_generator", "generator"),
            )
        ),
        ("vars/state_steps_seen", r"not_restored=\['counters'\]"),
        ("vars/regularizer_0_0", r"not_restored=\['regularizers'\]"),
        ("averaged_generator", "expected 2 variables"),
        ("vars", "must hold the counters of a model"),
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


@pytest.mark.parametrize(
    "kind",
    [
        *("flipped", "another's"),
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("cut off", "uncompiled", "text")),
    ],
)
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
    model.fit(helpers.points(8), batch_size=8, epochs=1, verbose=0)  # away from what was saved
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
    model.fit(helpers.points(8), batch_size=8, epochs=1, verbose=0)
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_allclose(twin.generate(3, seed=0), model.generate(3, seed=0), atol=1e-5)


# === Code ===


def with_layer(path, entry):
    """The file with the generator's last layer exchanged for `entry`."""
    parts = helpers.members(path)
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
    parts = helpers.members(saved[0])
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
