"""What the command `keras-gan` leaves and says when it refuses to train, and how it begins."""

import json

import numpy as np
import pytest

import helpers
from keras_gan import GAN, command_line
from keras_gan.command_line import running

MLP = ["--recipe", "mlp", "--precision", "float32", "--width", "8", "--latent-dim", "4"]


@pytest.fixture
def train(tmp_path):
    """A function of options that calls `keras-gan train` on a few images; its exit code."""
    np.save(tmp_path / "tiny.npy", helpers.images(48))

    def called(*options):
        data, output = str(tmp_path / "tiny.npy"), str(tmp_path / "run")
        return command_line.main(["train", data, "--output", output, *options])

    return called


@pytest.mark.parametrize(
    "options, words",
    [
        (["--batch-size", "1000", "--epochs", "1"], "1000"),
        (["--epochs", "-1"], "`epochs` must be a positive integer"),
        (["--epochs", "0"], "`epochs` must be a positive integer"),
        (["--batch-size", "0"], "`batch_size` must be a positive integer"),
        (["--foo", "1"], "`mlp` has no argument `foo`. All are told by `keras-gan recipes mlp`"),
    ],
)
def test_a_refused_command_leaves_nothing(train, tmp_path, capsys, options, words):
    assert train(*MLP, *options) == running.REFUSED
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/notes.txt").write_text("mine")
    assert train(*MLP, *options) == running.REFUSED
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


class Refuses:
    """A model whose `fit` is refused, after its callbacks have written files."""

    sample_shape, steps_seen = (2,), 0

    def fit(self, *args, callbacks, **settings):
        folder = callbacks[1].directory
        folder.mkdir(exist_ok=True)
        (folder.parent / "real.png").write_text("new")
        raise OSError(28, "No space left on device")


def test_a_full_disk_before_the_first_step_leaves_nothing(train, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_made", lambda *a, **k: (Refuses(), None, None, {}))
    assert train(*MLP) == running.REFUSED
    assert not (tmp_path / "run").exists()
    (tmp_path / "run/backup").mkdir(parents=True)
    (tmp_path / "run/real.png").write_text("mine")
    assert train(*MLP) == running.REFUSED
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["backup", "real.png"], "what was there before"


def test_a_refused_resume_keeps_the_options_of_the_run(train, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(running, "run", lambda folder, **given: made.append(given) or running.DONE)
    assert train(*MLP, "--epochs", "3") == running.DONE
    monkeypatch.undo()
    folder = tmp_path / "run"
    folder.mkdir(exist_ok=True)
    given = {name: value for name, value in made[0].items() if name != "output"}
    text = json.dumps(given)
    (folder / "run.json").write_text(text)
    monkeypatch.setattr(running, "_made", lambda *a, **k: (Refuses(), None, None, {}))
    arguments = ["resume", str(folder), "--epochs"]
    assert command_line.main([*arguments, "0"]) == running.REFUSED
    assert command_line.main([*arguments, "9"]) == running.REFUSED
    assert (folder / "run.json").read_text() == text


def test_a_plan_that_goes_on_may_have_more_epochs_and_not_fewer(monkeypatch, tmp_path):
    given = {"source": "digits", "recipe": "auto", "minutes": 1.0, "options": {}, "seed": 0}
    given |= dict.fromkeys(["precision", "batch_size", "image_size", "channels", "split"])
    monkeypatch.setattr(running.recipes, "for_data", lambda *a, **k: (None, {"epochs": 5}))
    for epochs in (None, 5, 9):
        made = running._made(tmp_path, epochs=epochs, labels=False, **given)
        assert made[-1] == {"epochs": epochs or 5}
    with pytest.raises(ValueError, match="cut them off.*epochs=4, planned=5"):
        running._made(tmp_path, epochs=4, labels=False, **given)


def test_the_same_command_begins_with_the_same_weights(train, monkeypatch):
    class Noted(Exception):
        pass

    def noted(gan, *args, **settings):
        first.append([np.array(weight) for weight in gan.averaged_generator.get_weights()])
        raise Noted

    first = []
    monkeypatch.setattr(GAN, "fit", noted)
    for seed in ("1", "1", str(2**62)):
        with pytest.raises(Noted):
            train(*MLP, "--seed", seed)
    assert all(np.array_equal(*pair) for pair in zip(first[0], first[1], strict=True))
    assert not all(np.array_equal(*pair) for pair in zip(first[0], first[2], strict=True))
