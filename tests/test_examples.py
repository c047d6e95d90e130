"""Each example runs as a newcomer starts it, for an epoch, and says where things are."""

import ast
import functools
import importlib
import inspect
import itertools
import os
import pathlib
import subprocess
import sys
import types

import pytest

import helpers
import keras_gan
from keras_gan import images
from keras_gan.recipes import plans

ROOT = pathlib.Path(__file__).parents[1]
MNIST = ROOT.parent / "shared" / "data" / "tfds"


# Narrower than the recipes' own, so that they compile and train sooner.
NARROW = {
    "cycle_gan": {"filters": 8, "blocks": 1, "discriminator_filters": 8},
    "pix2pix": {"filters": 8, "max_filters": 16, "discriminator_filters": 8},
    "super_resolution": {"filters": 8, "discriminator_filters": 8},
    **dict.fromkeys(
        ("bigan", "dcgan", "infogan", "wgan_gp"),
        {"generator_filters": 8, "discriminator_filters": 8},
    ),
}


@pytest.fixture
def run(unoptimized_graphs, blank_plots, monkeypatch, capsys):
    """Runs an example with arguments, in this process, and returns what it printed."""

    def called(name, out, *arguments, length=("--epochs", 1), eager=False):
        monkeypatch.chdir(out.parent)
        monkeypatch.syspath_prepend(ROOT / "examples")
        monkeypatch.setattr(sys, "argv", [name, *map(str, ("--out", out, *arguments, *length))])
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "STEPS", 3, raising=False)
        monkeypatch.setattr(plans, "_CALLS", 1)
        monkeypatch.setattr(plans, "_MEASURED_EPOCHS", 2)
        for recipe, options in NARROW.items():
            wide = getattr(keras_gan.recipes, recipe)
            narrow = functools.update_wrapper(functools.partial(wide, **options), wide)
            monkeypatch.setattr(keras_gan.recipes, recipe, narrow)
        monkeypatch.setattr(plans.games, "dcgan", keras_gan.recipes.dcgan)
        if eager:
            compiled = functools.partialmethod(keras_gan.AdversarialModel.compile, run_eagerly=True)
            monkeypatch.setattr(keras_gan.AdversarialModel, "compile", compiled)
        capsys.readouterr()
        module.main()
        return capsys.readouterr().out

    return called


def run_by_command(name, out, *arguments):
    command = [sys.executable, ROOT / "examples" / f"{name}.py", "--out", out, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=environment, cwd=out.parent
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def assert_complete(out, said, *files):
    for name in ("gan.keras", "generator/saved_model.pb", "logs", *files):
        assert (out / name).exists(), name
    assert "Verdict:" in said.splitlines()[-1]
    last_words = said[said.index("Pictures:") :].replace("\n", "")
    assert str(out) in last_words and "d_loss" in said


# === Without running them ===


def dotted(node):
    """`["keras_gan", "data", "ring"]` of such an expression; empty for others."""
    if isinstance(node, ast.Name):
        return [node.id]
    parts = dotted(node.value) if isinstance(node, ast.Attribute) else []
    return [*parts, node.attr] if parts else []


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/**/*.py")), ids=lambda path: path.stem)
def test_they_use_names_and_arguments_that_there_are(path):
    for node in ast.walk(ast.parse(path.read_text())):
        parts = dotted(node.func if isinstance(node, ast.Call) else node)
        if parts[:1] != ["keras_gan"]:
            continue
        found = functools.reduce(getattr, parts[1:], keras_gan)
        if isinstance(node, ast.Call) and all(keyword.arg for keyword in node.keywords):
            given = {keyword.arg: None for keyword in node.keywords}
            inspect.signature(found).bind_partial(*[None] * len(node.args), **given)


# === Running them ===


@pytest.mark.slow
def test_digits(tmp_path):
    out = tmp_path / "digits"
    said = run_by_command("digits", out, "--epochs", 1)
    assert_complete(out, said, "real.png", "epoch_0001.png", "training.gif")


@pytest.mark.slow
def test_ring(tmp_path, run):
    said = run("ring", tmp_path / "ring")
    assert_complete(tmp_path / "ring", said, "ring.png")
    assert " of 8, " in said


@pytest.mark.slow
def test_folder(tmp_path, run):
    for number, picture in enumerate(helpers.images(24, (16, 16, 3))):
        images.save_png(tmp_path / "pictures" / f"kind{number % 2}" / f"{number}.png", picture)
    out = tmp_path / "folder"
    arguments = ("--images", tmp_path / "pictures", "--size", 16, "--batch-size", 8)
    said = run("folder", out, *arguments, length=("--minutes", 0.1))
    assert_complete(out, said, "real.png", "plan.json")
    assert "24 colour pictures of 16x16" in said


@pytest.mark.slow
def test_pix2pix(tmp_path, run):
    for kind, part in itertools.product(("labels", "photos"), ("train", "test")):
        for number, picture in enumerate(helpers.images(8, (16, 16, 3))):
            images.save_png(tmp_path / "facades" / kind / part / f"{number}.png", picture)
    out = tmp_path / "pix2pix"
    arguments = ("--data-dir", tmp_path / "facades", "--size", 16)
    said = run("pix2pix", out, *arguments, eager=True)  # with digits it is compiled
    assert_complete(out, said, "epoch_0001.png")
    assert "val_l1_target_translated" in said


@pytest.mark.slow
def test_cycle_gan(tmp_path, run):
    for kind, count in (("trainA", 12), ("trainB", 20)):
        for number, picture in enumerate(helpers.images(count, (16, 16, 3))):
            images.save_png(tmp_path / "kinds" / kind / f"{number}.png", picture)
    out = tmp_path / "cycle_gan"
    arguments = ("--data-dir", tmp_path / "kinds", "--size", 16)
    said = run("cycle_gan", out, *arguments, eager=True)  # with digits it is compiled
    assert_complete(out, said, "epoch_0001.png")
    assert "val_l1_a_cycled_a" in said


@pytest.mark.slow
def test_super_resolution(tmp_path, run):
    for number, picture in enumerate(helpers.images(40, (16, 16, 3))):
        images.save_png(tmp_path / "pictures" / f"{number}.png", picture)
    out = tmp_path / "super_resolution"
    arguments = ("--data-dir", tmp_path / "pictures", "--size", 16)
    said = run("super_resolution", out, *arguments, eager=True)  # with digits it is compiled
    assert_complete(out, said, "epoch_0001.png")
    assert "val_l1_high_upscaled" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "cycle_gan", "super_resolution"])
def test_games_between_images_run_without_data(name, tmp_path, run):
    said = run(name, tmp_path / name, "--batch-size", 200)  # fewer steps than by default
    assert_complete(tmp_path / name, said, "epoch_0001.png")


@pytest.mark.slow
def test_wgan_gp(tmp_path, run):
    assert_complete(tmp_path / "wgan", run("wgan_gp", tmp_path / "wgan"), "real.png")


@pytest.mark.slow
def test_infogan(tmp_path, run):
    said = run("infogan", tmp_path / "infogan")
    assert_complete(tmp_path / "infogan", said, "codes.png", "style_0.png", "style_1.png")
    assert "% of held-out digits" in said


@pytest.mark.slow
def test_anomaly(tmp_path, run):
    said = run("anomaly", tmp_path / "anomaly", "--digit", 3)
    assert_complete(tmp_path / "anomaly", said, "anomalies.png")
    assert "of digit 3 against the others" in said


@pytest.mark.slow
def test_few_images(tmp_path, run):
    said = run("few_images", tmp_path / "few_images", "--augment", "adaptive")
    assert_complete(tmp_path / "few_images", said, "epoch_0001.png")
    assert "after 162 training images" in said and "augment_p" in said


@pytest.mark.parametrize("name", ["pix2pix", "cycle_gan", "super_resolution"])
def test_a_size_is_refused_without_images_to_scale(name, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.setattr(sys, "argv", [name, "--size", "16"])
    with pytest.raises(SystemExit):
        importlib.import_module(name).main()
    assert "--size is that of the images in --data-dir" in capsys.readouterr().err


# === With tools of others ===


@pytest.mark.slow
def test_tuning_goes_on_with_its_study(tmp_path, run):
    optuna = pytest.importorskip("optuna")
    for trials in (2, 1):
        said = run("tuning", tmp_path / "tuning", "--trials", trials)
    assert "Trials:    3 complete" in said and "Best:      val_sliced_wasserstein" in said
    storage = f"sqlite:///{tmp_path / 'tuning' / 'study.db'}"
    study = optuna.load_study(study_name="digits", storage=storage)
    assert [list(trial.intermediate_values) for trial in study.trials] == [[0]] * 3


@pytest.mark.slow
@pytest.mark.parametrize("why", ["behind the others", "failed"])
def test_trials_that_are_behind_or_have_failed_are_pruned(why, monkeypatch):
    optuna = pytest.importorskip("optuna")
    monkeypatch.syspath_prepend(ROOT / "examples")
    tuning = importlib.import_module("tuning")
    trial = optuna.trial.FixedTrial({"learning_rate": 1e-3, "gamma": 0.1, "filters": 8})
    if why == "failed":

        def rule(history):
            return {"spread": 0.0}

        rule.kind, rule.immediate = "mode_collapse", True
        stopping = functools.partial(keras_gan.callbacks.ConvergenceStopping, rules=[rule])
        monkeypatch.setattr(keras_gan.callbacks, "ConvergenceStopping", stopping)
    else:
        monkeypatch.setattr(trial, "should_prune", lambda: True)
    given = types.SimpleNamespace(seed=0, batch_size=64, epochs=1)
    with pytest.raises(optuna.TrialPruned):
        tuning.objective(trial, helpers.images(80), given)
    assert ("verdict" in trial.user_attrs) == (why == "failed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, of SQLAlchemy
def test_mlflow(tmp_path, run):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("pandas")
    said = run("tracking_mlflow", tmp_path / "mlflow")
    assert_complete(tmp_path / "mlflow", said, "epoch_0001.png")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    (found,) = mlflow.search_runs(experiment_names=["digits"], output_format="list")
    assert found.info.status == "FINISHED" and found.data.tags["verdict"] == "still learning"
    assert {"d_loss", "g_loss", "val_d_loss"} <= set(found.data.metrics)
    assert float(found.data.params["learning_rate_generator"]) == pytest.approx(1e-3)


@pytest.mark.slow
def test_wandb(tmp_path, run):
    pytest.importorskip("wandb")
    said = run("tracking_wandb", tmp_path / "wandb")
    assert_complete(tmp_path / "wandb", said, "epoch_0001.png")
    (record,) = tmp_path.glob("wandb/wandb/offline-run-*/*.wandb")
    content = record.read_bytes()
    assert b"learning_rate_generator" in content and b"still learning" in content


# === Data of others ===


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.exists(), reason="the data are not here")
def test_mnist(tmp_path, run):
    said = run("mnist", tmp_path / "mnist", "--data-dir", MNIST, length=("--minutes", 0.1))
    assert_complete(tmp_path / "mnist", said, "real.png", "plan.json")
    assert "60,000 grey pictures of 28x28" in said
