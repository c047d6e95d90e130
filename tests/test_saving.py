"""`save` -> `load_model` -> `fit` goes on bit by bit, in a new process too."""

import os
import pathlib
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

import helpers
from keras_gan import callbacks, priors
from keras_gan.model.gan import GAN

ROOT = pathlib.Path(__file__).parents[1]


def build(**settings):
    """A model with a state of each kind; the rest of a large one takes long to trace."""
    keras.utils.set_random_seed(0)
    settings = {**helpers.by_sgd(momentum=0.5), "regularizers": ["lecam"], **settings}
    return helpers.gan(batch_norm=True, dropout=0.3, **settings)


LARGE = {
    "generator_optimizer": "adam",
    "discriminator_optimizer": "adam",
    "loss": "relativistic_paired",
    "regularizers": ["gradient_penalty", "lecam"],
    "discriminator_steps": 2,
}


def train(model, epochs, count=22):
    model.fit(helpers.points(count), batch_size=8, epochs=epochs, verbose=0)


GO_ON = """
import sys
sys.path[:0] = [{tests!r}]
import lean
lean.import_tensorflow()
import keras, numpy as np, helpers, keras_gan
keras.utils.set_random_seed(12345)
model = keras.saving.load_model({model!r})
model.run_eagerly = True
model.fit(helpers.points(38), batch_size=8, epochs=1, verbose=0)
np.savez({result!r}, **{{k.replace("/", "|"): v for k, v in helpers.state(model).items()}})
"""


@pytest.fixture(scope="module")
def shared():
    """A model that is made once, and its state at the start."""
    model = build(run_eagerly=True)
    return model, helpers.snapshot(model)


@pytest.fixture
def model(shared):
    helpers.restore(shared[1])
    return shared[0]


@pytest.fixture(scope="module")
def straight(shared):
    model, start = shared
    train(model, 2)
    state = helpers.state(model)
    helpers.restore(start)
    return state


@pytest.mark.slow
def test_a_new_process_goes_on_bit_by_bit(tmp_path):
    # For a few steps; that processes agree about graphs is asked where determinism is.
    model = build(**LARGE, run_eagerly=True)
    start = helpers.snapshot(model)
    train(model, 2, count=38)
    straight = helpers.state(model)
    helpers.restore(start)
    train(model, 1, count=38)
    model.save(tmp_path / "gan.keras")
    code = GO_ON.format(
        tests=str(ROOT / "tests"),
        model=str(tmp_path / "gan.keras"),
        result=str(tmp_path / "state.npz"),
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    loaded = np.load(tmp_path / "state.npz")
    helpers.assert_same(straight, {k.replace("|", "/"): loaded[k] for k in loaded.files})


def test_weights_files_carry_the_run_too(tmp_path, straight, model):
    train(model, 1)
    model.save_weights(tmp_path / "gan.weights.h5")
    for variable, value in helpers.snapshot(model):
        variable.assign(value * 2 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.load_weights(tmp_path / "gan.weights.h5")
    train(model, 1)
    helpers.assert_same(straight, helpers.state(model))


def test_two_fits_are_one(straight, model):
    for _ in range(2):
        train(model, 1)
    helpers.assert_same(straight, helpers.state(model))


def test_what_is_loaded_is_what_was_compiled(tmp_path, model):
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    networks = ("generator", "discriminator")
    configs = [
        {k: v for k, v in m.get_config().items() if k not in networks} for m in (model, twin)
    ]
    assert configs[0] == configs[1]
    assert twin.get_compile_config() == model.get_compile_config()
    assert twin.phase == "both"
    np.testing.assert_array_equal(twin.generate(3, seed=1), model.generate(3, seed=1))


def test_the_phase_is_saved_but_for_what_a_callback_sets(tmp_path, model):
    save = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    periods = callbacks.AlternatingPeriods(1, 1)
    model.set_phase("generator")
    try:
        model.fit(helpers.points(8), batch_size=8, epochs=1, verbose=0, callbacks=[periods, save])
        assert keras.saving.load_model(tmp_path / "1.keras").phase == "generator"
    finally:
        model.set_phase("both")


def test_an_uncompiled_model_and_compile_false(tmp_path):
    model = GAN(helpers.generator(), helpers.discriminator(), prior=priors.Uniform(0.0, 1.0))
    model.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    assert not twin.compiled and twin.prior.high == 1.0
    twin.compile(run_eagerly=True)
    twin.train_on_batch(helpers.points(8))
    twin.save(tmp_path / "gan.keras")
    third = keras.saving.load_model(tmp_path / "gan.keras", compile=False)
    assert not third.compiled and third.steps_seen == twin.steps_seen
    np.testing.assert_array_equal(third.generate(3, seed=1), twin.generate(3, seed=1))


def test_a_failed_save_keeps_the_file_that_was_there(tmp_path, monkeypatch, model):
    path = tmp_path / "gan.keras"
    model.save(path)
    good = path.read_bytes()
    monkeypatch.setattr(GAN, "get_config", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(path)
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["gan.keras"]


def test_restored_weights_do_not_turn_the_clock_back(model):
    best = model.get_weights()
    train(model, 1)
    model.set_weights(best)
    assert model.steps_seen == 2


def test_random_generators_of_the_average_are_saved_too(tmp_path):
    inputs = keras.Input((helpers.LATENT,))
    generator = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(0.5)(inputs)))
    gan = GAN(generator, helpers.discriminator())
    gan.compile(run_eagerly=True)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    helpers.assert_same(gan.run_state(), loaded.run_state())


@pytest.mark.parametrize("name", ["run.h5", "run.hdf5", "run", "gan.weights.h5"])
def test_only_what_can_be_loaded_is_saved(tmp_path, model, name):
    with pytest.raises(ValueError, match=r"ends in `\.keras`.*Received: filepath=.*export"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_of_the_version_before_loads():
    """Made when all modules lay in one folder."""
    gan = keras.saving.load_model(pathlib.Path(__file__).with_name("saved_by_0.keras"))
    expected = [[-0.25005198, -0.17165953], [-0.58492243, -0.06527764]]
    np.testing.assert_allclose(gan.generate(2, seed=0), expected, atol=1e-5)
    assert gan.steps_seen == 4
    gan.run_eagerly = True
    gan.fit(helpers.points(16), batch_size=8, epochs=1, verbose=0)
    assert gan.steps_seen == 5
