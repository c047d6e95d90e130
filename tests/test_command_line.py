"""The command `keras-gan`: a tiny run of each of its commands."""

import json
import pathlib
import types
import warnings

import numpy as np
import pytest

import helpers
from keras_gan import command_line, images
from keras_gan.command_line import commands, running, sources

OPTIONS = ["--recipe", "mlp", "--epochs", "1", "--batch-size", "16", "--precision", "float32"]
HERE = pathlib.Path(__file__).parent
TINY = ["--width", "8", "--latent-dim", "4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, blank_plots):
    """The folder of a tiny run, and its exit code."""
    folder = tmp_path_factory.mktemp("run")
    np.savez(folder / "data.npz", images=helpers.images(48), labels=np.arange(48) % 2)
    output = folder / "run"
    made = running._made

    def eager(*arguments, **given):
        gan, *others = made(*arguments, **given)
        gan.run_eagerly = True  # for three steps
        return gan, *others

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(running, "_made", eager)
        code = command_line.main(["train", "data.npz", "--output", str(output), *OPTIONS, *TINY])
    assert code == running.DONE
    return output


def test_a_run_leaves_a_model_a_report_and_its_options(run):
    for name in ("gan.keras", "report.html", "signals.json", "epoch_0001.png", "run.json"):
        assert (run / name).exists(), name
    given = json.loads((run / "run.json").read_text())
    assert given["options"]["latent_dim"] == "4"
    assert given["source"] == str((run.parent / "data.npz").resolve()), (
        "`resume` may be called from elsewhere"
    )
    assert (run / "backup" / "finished.npz").exists()


@pytest.mark.filterwarnings("ignore:The resumed run may differ.*run_eagerly")
def test_a_finished_run_trains_nothing_more(run, capsys):
    assert command_line.main(["resume", str(run)]) == running.DONE
    told = capsys.readouterr().out
    assert "This run is finished" in told
    assert f"Report: {run / 'report.html'}.\n" in told, "which is there already"


def test_samples_are_drawn_as_a_grid_or_an_array(run, tmp_path):
    for name in ("grid.png", "array.npy"):
        arguments = ["sample", str(run), "--num-samples", "4", "--output", str(tmp_path / name)]
        assert command_line.main(arguments) == running.DONE
    assert np.load(tmp_path / "array.npy").shape == (4, 8, 8, 1)


class Draws:
    """A model of two classes that notes the labels it is asked for."""

    def __init__(self, names):
        self.class_names, self.asked = names, []

    def generate(self, number, labels, **settings):
        self.asked = labels
        return np.zeros((number, 2, 2, 1))


@pytest.mark.parametrize(
    "names, given, labels",
    [
        (("10", "2"), ["10"], 2 * ["10"]),  # folders whose names are numbers
        (("10", "2"), ["0", "2"], [0, "2"]),
        (("rose", "²"), ["1", "²"], [1, "²"]),
        (None, ["1", "0"], [1, 0]),
    ],
)
def test_classes_are_given_by_name_or_else_by_index(tmp_path, monkeypatch, names, given, labels):
    model = Draws(names)
    monkeypatch.setattr(sources, "model", lambda path: model)
    output = str(tmp_path / "samples.npy")
    number = ["--num-samples", "2"] if len(given) == 1 else []  # several say how many samples
    arguments = ["sample", "run", *number, "--output", output, "--labels", *given]
    assert command_line.main(arguments) == running.DONE
    assert model.asked == labels and len(np.load(output)) == 2


def test_a_folder_is_read_as_the_model_makes_images(tmp_path, monkeypatch):
    model = types.SimpleNamespace(sample_shape=(8, 8, 1))
    monkeypatch.setattr(sources, "model", lambda path: model)
    for number in range(3):
        colour = helpers.images(1, (12, 12, 3))[0]
        images.save_png(tmp_path / f"{number}.png", colour)
    shapes = []
    monkeypatch.setattr(
        commands.scoring,
        "evaluate_generator",
        lambda model, real, *a, **k: shapes.append(real.element_spec.shape[1:]) or {"fid": 1.0},
    )
    for size in ([], ["--image-size", "6"]):
        assert command_line.main(["evaluate", "run", str(tmp_path), *size]) == running.DONE
    assert shapes == [(8, 8, 1), (6, 6, 1)]


def test_warnings_are_a_line_without_code():
    before = warnings.formatwarning
    with command_line._warnings_in_a_line():
        told = warnings.formatwarning("too few", UserWarning, "a.py", 3, line="code()")
        assert told == "keras-gan: warning: too few\n"
    assert warnings.formatwarning is before


def test_files_that_hold_no_numbers_are_named(tmp_path, capsys):
    (tmp_path / "nothing.npy").write_text("")
    (tmp_path / "text.npz").write_text("hello")
    np.save(tmp_path / "objects.npy", np.array([1, None]), allow_pickle=True)
    np.savez(tmp_path / "damaged.npz", images=np.zeros(9))
    text = (tmp_path / "damaged.npz").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(text.replace(b"NUMPY", b"NIMPY"))
    for name in ("nothing.npy", "text.npz", "objects.npy", "damaged.npz"):
        arguments = ["train", str(tmp_path / name), "--output", str(tmp_path / "run")]
        assert command_line.main(arguments) == running.REFUSED
        told = capsys.readouterr().err
        assert "one of `np.save`" in told and name in told
    arguments[1] = str(tmp_path / "missing.npy")
    assert command_line.main(arguments) == running.REFUSED
    assert "must exist" in capsys.readouterr().err


def test_figures_are_told_and_written(run, tmp_path, capsys):
    path = tmp_path / "figures.json"
    data = str(run.parent / "data.npz")
    arguments = ["evaluate", str(run), data, "--json-output", str(path)]
    assert command_line.main(arguments) == running.DONE
    figures = json.loads(path.read_text())
    assert figures.keys() == {"sliced_wasserstein", "sliced_wasserstein_floor"}
    assert "sliced_wasserstein_floor" in capsys.readouterr().out


def test_a_report_is_written_where_it_replaces_no_fuller_one(run, tmp_path, capsys):
    before = (run / "report.html").read_text()
    assert command_line.main(["report", str(run)]) == running.DONE
    assert (run / "report.html").read_text() == before
    assert "Left as it is" in capsys.readouterr().out
    page = tmp_path / "other.html"
    for _ in range(2):  # of its own kind it replaces one
        assert command_line.main(["report", str(run), "--output", str(page)]) == running.DONE
    after = page.read_text()
    assert "recorded, 1 epoch<" in after and "recorded" not in before
    assert "# `keras-gan` saves it" in before and "at the end of the script" not in before
    assert "<h3>Time</h3>" in before and "<h3>Time</h3>" not in after, "which no file has"


def test_the_model_is_exported(run, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(sources, "model", lambda path: Exports(asked))
    assert command_line.main(["export", str(run), str(tmp_path / "generator")]) == running.DONE
    assert "a folder with a SavedModel" in capsys.readouterr().out
    assert asked[0][:2] == (str(tmp_path / "generator"), None)
    assert asked[0][2].keys() >= {"epoch", "sliced_wasserstein", "sliced_wasserstein_floor"}
    command_line.main(["export", str(run / "gan.keras"), str(tmp_path / "other")])
    assert asked[1][2] is None, "a file alone says nothing of its run"


class Exports:
    """A model that notes what it is asked for."""

    def __init__(self, asked):
        self.asked = asked

    def export(self, path, format, figures):
        self.asked.append((path, format, figures))
        pathlib.Path(path).mkdir()


def test_doctor_and_recipes_tell(capsys):
    assert command_line.main(["doctor"]) == running.DONE
    assert 'precision "auto"' in capsys.readouterr().out
    assert command_line.main(["recipes", "dcgan"]) == running.DONE
    assert "gamma" in capsys.readouterr().out
    assert command_line.main(["recipes", "auto"]) == running.DONE
    assert "minutes" in capsys.readouterr().out
    assert command_line.main(["recipes"]) == running.DONE
    assert "r3gan: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train", "digits"], "output"),
        (["train", "digits", "--output", "{}/a", "--recipe", "dcgn"], "'dcgan'"),
        (["train", "digits", "--output", "{}/b", "--gamma", "2"], "--recipe"),
        (["train", "digits", "--output", "{}/c", "--recipe", "dcgan", "--gama", "2"], "gamma"),
        (["train", str(HERE), "--output", "{}/d"], "--image-size"),
        (["train", "digits", "--output", "{}/f", "--image-size", "64"], "not scaled"),
        (["train", "digits", "--output", "{}/h", "--split", "test"], "Leave out `--split`"),
        (["train", "digits", "--output", "{}/i", "--channels", "1"], "Leave out `--channels`"),
        (["train", "mnist", "--output", "{}/j", "--channels", "1"], "Leave out `--channels`"),
        (["train", "digits", "--output", "{}/k", "--recipe", "mlp", "--minutes", "2"], "--minutes"),
        (["train", "digits", "--output", "{}/q", "--epochs", "2"], "`--minutes`"),
        (["train", "digits", "--output", "{}/l", "--epoch", "2"], "Did you mean `--epochs`?"),
        (["train", "digits", "--output", "{}/m", "--validation-split", "2"], "validation_split"),
        (["train", "digits", "--output", "{}/n", "--patience", "0"], "patience"),
        (["train", "digits", "--output", ""], "output"),
        (["train", "", "--output", "{}/o"], "source=''"),
        (["train", "{}", "--image-size", "8", "--output", "{}/p"], "Choose another folder"),
        (["evaluate", "{}", "digits", "--split", "test"], "Leave out `--split`"),
        (["train", "digits", "--output", "{}/g", "--batch-size", "8"], "--recipe"),
        (["train", "no/such.txt", "--output", "{}/e"], "folder"),
        (["resume", "{}"], "run.json"),
        (["resume", ""], "run=''"),
        (["sample", "{}"], "gan.keras"),
        (["sample", str(HERE / "conftest.py")], "`.keras` file"),
        (["sample", ""], "`.keras` file"),
        (["report", "{}"], "signals.json"),
    ],
)
def test_mistakes_are_told_with_exit_code_2(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(running.recipes, "for_data", None)  # before anything is measured
    code = command_line.main([part.format(tmp_path) for part in arguments])
    told = capsys.readouterr()
    assert code == running.REFUSED and words in told.err + told.out


def test_a_name_of_nothing_is_told_as_such(tmp_path, monkeypatch, capsys):
    def unknown(name, **options):
        raise ValueError("no data set")

    monkeypatch.setattr(sources.data, "from_tfds", unknown)
    arguments = ["train", "phtos", "--output", str(tmp_path / "run")]
    assert command_line.main(arguments) == running.REFUSED
    told = capsys.readouterr().err
    assert "no folder or file 'phtos'" in told and told.endswith("no data set\n")


def test_another_run_is_not_overwritten(run, capsys):
    arguments = ["train", "digits", "--output", str(run), *OPTIONS]
    assert command_line.main(arguments) == running.REFUSED
    told = capsys.readouterr().err
    assert f"keras-gan resume {run}" in told
    assert "--width '8' there, None now" in told and "digits' now" in told and "--seed" not in told


@pytest.mark.parametrize(
    ("name", "text"), [(sources.MODEL, "precious"), ("run.json", "[]"), ("run.json", "precious")]
)
def test_files_of_others_are_not_overwritten(tmp_path, capsys, name, text):
    (tmp_path / name).write_text(text)
    arguments = ["train", "digits", "--output", str(tmp_path), *OPTIONS]
    assert command_line.main(arguments) == running.REFUSED
    assert f"`{name}`" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == text


def test_every_option_of_help_is_explained(capsys):
    for name in (*command_line._COMMANDS, "recipes"):
        command_line.main([name, "--help"])
        assert "Usage: keras-gan" in capsys.readouterr().out
        function = getattr(commands, name, commands.list_recipes)
        for argument in function.__annotations__.keys() - {"return"}:
            assert f"{argument}: " in function.__doc__, (name, argument)


def planned(model, run, monkeypatch):
    """The options of a run whose plan is this model."""
    monkeypatch.setattr(running.recipes, "for_data", lambda *a, **k: (model, {"epochs": 1}))
    given = json.loads((run / "run.json").read_text())
    return {**given, "output": str(run), "recipe": "auto", "options": {}, "batch_size": None}


def test_a_failed_verdict_has_its_own_code(run, tmp_path, monkeypatch):
    class Failed:
        kind = "diverged"

    given = planned(Trained(Failed()), run, monkeypatch)
    assert running.run(tmp_path, **given) == running.FAILED


def test_commands_that_are_told_can_be_typed(run, tmp_path, monkeypatch, capsys):
    given = {**planned(Trained(None), run, monkeypatch), "output": "my runs/$1"}
    assert running.run(tmp_path, **given) == running.DONE
    told = capsys.readouterr().out
    assert "`keras-gan sample 'my runs/$1'`" in told and str(tmp_path / "report.html") in told


def test_a_run_without_the_packages_of_a_report_says_so(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(running.importlib.util, "find_spec", lambda name: None)
    running.run(tmp_path, **planned(Trained(None), run, monkeypatch))
    assert 'extra "report"' in capsys.readouterr().out


def test_the_plan_chooses_the_batch_size_of_a_folder(run, tmp_path, monkeypatch):
    data = []
    given = planned(Trained(None), run, monkeypatch)
    monkeypatch.setattr(
        running.recipes,
        "for_data",
        lambda real, *a, **k: data.append(real) or (Trained(None), {"epochs": 1}),
    )
    (tmp_path / "photos").mkdir()
    for number in range(12):
        images.save_png(tmp_path / "photos" / f"{number}.png", helpers.images(1)[0])
    given |= {"source": str(tmp_path / "photos"), "image_size": 8}
    for asked, chosen in [(None, 3), (5, 5)]:
        running.run(tmp_path / "run", **{**given, "batch_size": asked})
        assert data.pop().batch_size == chosen


def test_ctrl_c_in_planning_says_what_to_do(run, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    given = planned(None, run, monkeypatch)
    monkeypatch.setattr(running.recipes, "for_data", interrupted)
    assert running.run(tmp_path, **given) == running.INTERRUPTED
    assert "same command again" in capsys.readouterr().out
    assert not (tmp_path / "run.json").exists()


def test_a_path_that_cannot_be_written_is_told_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sources, "model", lambda path: Draws(None))
    (tmp_path / "file").write_text("")
    arguments = ["sample", "run", "--output", str(tmp_path / "file/a.png")]
    assert command_line.main(arguments) == running.REFUSED
    assert "file/a.png" in capsys.readouterr().err


def test_a_run_is_known_by_any_path_of_its_folder(run, capsys, monkeypatch):
    monkeypatch.chdir(run.parent)
    monkeypatch.setattr(running, "run", lambda folder, **given: running.DONE)
    arguments = ["train", "data.npz", "--output", run.name, *OPTIONS, *TINY]
    assert command_line.main(arguments) == running.DONE


@pytest.mark.parametrize(
    "steps, given, kind",
    [(0, ValueError, ValueError), (3, ValueError, RuntimeError), (3, OSError, RuntimeError)],
)
def test_an_error_in_training_is_none_of_the_arguments(
    run, tmp_path, monkeypatch, steps, given, kind
):
    class Broken:
        sample_shape, steps_seen = (2,), steps

        def fit(self, *args, **settings):
            raise given("no more")

    with pytest.raises(kind) as caught:
        running.run(tmp_path, **planned(Broken(), run, monkeypatch))
    assert steps == 0 or "3 steps" in str(caught.value) and "resume" in str(caught.value)
    assert "no more" in f"{caught.value}{caught.value.__cause__}"


class Trained:
    """A model whose run is over."""

    sample_shape = (2,)

    def __init__(self, verdict):
        self.verdict = verdict

    def fit(self, *args, **settings):
        pass

    def save(self, path):
        pass
