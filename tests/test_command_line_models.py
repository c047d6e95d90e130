"""How the commands `evaluate`, `sample` and `export` find a model and what it is compared with."""

import json

import numpy as np
import pytest

import helpers
from keras_gan import command_line, images
from keras_gan.command_line import commands, running, sources


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of an exported conditional model of two classes."""
    folder = tmp_path_factory.mktemp("exported") / "gen"
    helpers.gan((4, 4, 1), num_classes=2).export(folder)
    return folder


def test_an_exported_conditional_model_is_evaluated(exported, tmp_path, capsys):
    made = helpers.images(16, (4, 4, 1))
    np.savez(tmp_path / "plain.npz", images=made)
    np.savez(tmp_path / "labelled.npz", images=made, labels=np.arange(16) % 2)
    for name, told in (("plain", "drawn, each as often"), ("labelled", "of the data.")):
        arguments = ["evaluate", str(exported), str(tmp_path / f"{name}.npz"), "--floors=false"]
        assert command_line.main(arguments) == running.DONE
        assert f"Classes of the samples: {told}" in capsys.readouterr().out


@pytest.mark.parametrize(("names", "is_labelled"), [(["a", "b"], True), (["a", "b", "c"], False)])
def test_the_folders_of_classes_are_labels(exported, tmp_path, monkeypatch, names, is_labelled):
    for name in names:
        (tmp_path / name).mkdir()
        images.save_png(tmp_path / name / "1.png", helpers.images(1, (6, 6, 1))[0])
    found = []
    monkeypatch.setattr(
        commands.scoring,
        "evaluate_generator",
        lambda model, real, *a, **k: found.append(real.element_spec) or {"fid": 1.0},
    )
    assert command_line.main(["evaluate", str(exported), str(tmp_path)]) == running.DONE
    assert isinstance(found[0], tuple) == is_labelled
    spec = found[0][0] if is_labelled else found[0]
    assert spec.shape[1:] == (4, 4, 1), "as its config.json says"


class Exports:
    """A model that is exported."""

    sample_shape = (8, 8, 1)

    def export(self, path, format, figures):
        pass


@pytest.mark.parametrize(
    "given, told",
    [
        ({"recipe": "mlp"}, "mlp"),
        ({"recipe": "auto", "minutes": None}, "dcgan, planned for 20 minutes"),
    ],
)
def test_the_card_has_the_recipe_and_the_data_of_the_run(tmp_path, monkeypatch, given, told):
    model = Exports()
    monkeypatch.setattr(sources, "model", lambda path: model)
    given |= {"source": "/home/me/pics", "image_size": 8, "labels": False}
    (tmp_path / "run.json").write_text(json.dumps(given))
    assert command_line.main(["export", str(tmp_path), str(tmp_path / "gen")]) == running.DONE
    assert model.run_told == (told, {"source": "pics", "image_size": 8})


@pytest.mark.parametrize("name", ["sample", "export", "evaluate"])
def test_an_interrupted_run_is_told_as_such(tmp_path, capsys, name):
    run = tmp_path / "my run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({}))
    more = {"sample": [], "export": [str(tmp_path / "gen")], "evaluate": ["digits"]}[name]
    assert command_line.main([name, str(run), *more]) == running.REFUSED
    told = capsys.readouterr().err
    assert "it was interrupted" in told and f"`keras-gan resume '{run}'`" in told
